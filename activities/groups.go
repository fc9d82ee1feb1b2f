package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
)

// PlanGroups plans the groups of a rule and returns the first page. For a sync it goes on from the plan of the people that this worker
// keeps; without that it reads everything itself. The worker keeps the plan in its memory and serves what follows (GroupPage,
// SettleGroup, WriteMembers) on its own task queue.
//
// Errors: those of PlanRule, of the source's groups and of the tenant's, none of which leaves a plan. What is wrong with one group is that
// group's.
func (a *Activities) PlanGroups(ctx context.Context, in api.GroupsInput) (api.GroupsResult, error) {
	defer heartbeat(ctx)()
	s, err := a.settings.Fresh(ctx, in.Connection)
	if err != nil {
		return api.GroupsResult{}, err
	}
	if in.Revision != 0 && s.Revision != in.Revision {
		return api.GroupsResult{}, fault.New("plan groups", fault.Stale, fault.RevisionChanged, "")
	}
	if err := syncable(s, in.Rule); err != nil {
		return api.GroupsResult{}, err
	}
	people, kept, err := a.peopleFor(ctx, s, in)
	if err != nil {
		return api.GroupsResult{}, err
	}
	made, err := a.planGroups(ctx, s, in.Rule, people, in.Removed, kept, func(string) {})
	if err != nil {
		return api.GroupsResult{}, err
	}
	// The plan of the people has served its last.
	if of, ok := a.plans.Get(keptFor(in.Connection, in.Rule)); ok && of.id == in.PlanID {
		a.plans.Drop(keptFor(in.Connection, in.Rule))
	}
	info := activity.GetInfo(ctx)
	id := info.WorkflowExecution.RunID + "/" + info.ActivityID
	if in.Group != "" {
		made = only(made, in.Group)
	}
	a.groups.put(keptFor(in.Connection, in.Rule), in.Group, id, keptGroupPlan{Plan: made})
	return a.groupPage(made, api.GroupPageInput{Connection: in.Connection, Rule: in.Rule, PlanID: id, Revision: s.Revision}), nil
}

// peopleFor gives the plan of the people that the groups are planned from. Accounts that came to be, or
// were deprovisioned, since it was made are read. carriedOut: it is the plan that the sync carried out; nobody does what a new one says of people.
func (a *Activities) peopleFor(ctx context.Context, s api.Settings, in api.GroupsInput) (people People, carriedOut bool, err error) {
	kept, ok := a.plans.Get(keptFor(in.Connection, in.Rule))
	if !ok || in.PlanID == "" || kept.id != in.PlanID {
		people, err = a.plan(ctx, s, in.Rule, carried{resumed: true}, func(string) {})
		return people, false, err
	}
	if !in.NewAccounts {
		return kept.People, true, nil
	}
	client, err := a.client(s, nth(ctx))
	if err != nil {
		return People{}, false, err
	}
	sel := linkOnly(s)
	people = kept.People
	people.Accounts = nil
	err = client.ListUsers(ctx, sel, func(page []directory.Account) error {
		people.Accounts = append(people.Accounts, membership.Accounts(s.Config.Name, page)...)
		return nil
	}, nil)
	return people, true, err
}

// only is what a plan says of one group. The verdict of the guard is that of all of them.
func only(p *membership.Plan, group string) *membership.Plan {
	one := *p
	one.Decisions = nil
	if d := p.Find(group); d != nil {
		one.Decisions = []membership.Decision{*d}
	}
	return &one
}

// GroupPage returns the next page of a plan of groups that this worker keeps, or says that it keeps it no longer.
//
// Errors: as PlanPage.
func (a *Activities) GroupPage(ctx context.Context, in api.GroupPageInput) (api.GroupsResult, error) {
	defer heartbeat(ctx)()
	made, ok := a.groups.get(in.PlanID)
	if !ok {
		return api.GroupsResult{Gone: true}, nil
	}
	if _, err := a.groupSettings(ctx, in.Connection, in.Rule, in.Revision, made.deletion); err != nil {
		return api.GroupsResult{}, err
	}
	return a.groupPage(made.Plan, in), nil
}

// groupSettings are the settings that a plan was made with, if they still hold. The deletion of a rule goes by the preferences of each moment.
//
// Errors: fault.RevisionChanged (Stale); fault.ConnectionDisabled, ConnectionInvalid, RuleDisabled, RuleUnknown; those of reading them.
func (a *Activities) groupSettings(ctx context.Context, connection, rule string, revision int, deletion bool) (api.Settings, error) {
	s, err := a.settings.Fresh(ctx, connection)
	if err != nil {
		return s, err
	}
	if deletion {
		return s, deletable(s, rule)
	}
	if s.Revision != revision {
		return s, fault.New("plan groups", fault.Stale, fault.RevisionChanged, "")
	}
	return s, syncable(s, rule)
}

// maxGroupPage is how many groups a page names at most: at 300 bytes each, far below a payload's 2 MiB.
const maxGroupPage = 500

// groupPage cuts a page.
func (a *Activities) groupPage(p *membership.Plan, in api.GroupPageInput) api.GroupsResult {
	cut := p.Page(in.After, min(a.options.PageSize, maxGroupPage))
	r := api.GroupsResult{
		PlanID: in.PlanID, Queue: a.options.Queue, Revision: in.Revision, Unchanged: cut.Unchanged, Reasons: cut.Reasons,
		After: cut.After, Last: cut.Last, Guard: p.Guard,
	}
	for _, c := range cut.Changes {
		r.Groups = append(r.Groups, api.PlannedGroup{Change: c, PlanID: in.PlanID, Queue: a.options.Queue})
	}
	for _, c := range cut.Troubled {
		r.Troubled = append(r.Troubled, api.GroupNote{Group: c.Group, Target: c.Target, Outcome: c.Outcome, Reason: c.Reason, Subject: c.Subject})
	}
	if in.After != "" {
		return r
	}
	for _, p := range p.Problems {
		// What the entry calls the group may be a name, and stays out: the setting says which entry it is.
		r.Unchanged.Count(plan.Failed)
		if r.Reasons == nil {
			r.Reasons = map[fault.Reason]int{}
		}
		r.Reasons[p.Reason]++
		r.Troubled = append(r.Troubled, api.GroupNote{Outcome: plan.Failed, Reason: p.Reason, Subject: p.Setting})
	}
	return r
}
