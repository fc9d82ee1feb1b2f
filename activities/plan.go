package activities

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/provision"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/spool"
)

// listed is how many people a summary names.
const listed = 100

// extensionPatience is how many attempts wait for extension properties that Graph says it does not know: about eight
// minutes.
const extensionPatience = 6

// PlanRule reads the rule's source and the tenant completely, plans, and returns a page: the first, or, of a plan made again
// because its worker is gone, the one to go on with. This worker keeps the plan in its memory and serves the pages that
// follow (PlanPage) on its own task queue.
//
// A plan made again passes the guard again. What this sync has taken away already counts; what is left of the removals that
// passed before may go on.
//
// Errors: those of sources and Graph, none of which leaves a plan; fault.ConnectionDisabled, ConnectionInvalid,
// RuleDisabled, RuleUnknown, TenantReadSuspicious; fault.ExtensionMissing (Denied) where the extension properties have been
// unusable for some minutes; fault.RevisionChanged (Stale) when the settings are not those that a lost plan was made with.
func (a *Activities) PlanRule(ctx context.Context, in api.PlanInput) (api.PlanResult, error) {
	stop := heartbeat(ctx)
	defer stop()
	s, err := a.settings.Fresh(ctx, in.Connection)
	if err != nil {
		return api.PlanResult{}, err
	}
	wanted := api.PageInput{
		Connection: in.Connection, Rule: in.Rule, Revision: s.Revision, Stage: plan.StagePeople,
		PlanID: activity.GetInfo(ctx).WorkflowExecution.RunID + "/" + activity.GetInfo(ctx).ActivityID,
	}
	var permitted []byte
	if in.Lost != nil {
		wanted = in.Lost.PageInput
		if s.Revision != wanted.Revision {
			return api.PlanResult{}, fault.New("plan", fault.Stale, fault.RevisionChanged, "")
		}
		if permitted, err = a.permitted(ctx, in); err != nil {
			return api.PlanResult{}, err
		}
	}
	if a.options.Planning != nil {
		a.options.Planning(in.Connection)
	}
	made, err := a.makePlan(ctx, s, in, permitted)
	if fault.Is(err, fault.ExtensionNotReady) && activity.GetInfo(ctx).Attempt >= extensionPatience {
		// The connection's test has seen them usable, so somebody has deleted them since.
		return api.PlanResult{}, fault.Wrap("plan", fault.Denied, fault.ExtensionMissing, "", err)
	}
	if err != nil {
		return api.PlanResult{}, err
	}
	made.id = wanted.PlanID
	a.plans.Put(keptFor(in.Connection, in.Rule), made)
	page := a.page(made, wanted)
	if in.Lost == nil {
		page.Permitted = made.RemovalKeys()
	}
	return page, nil
}

// keptFor is what the plan of a rule, or the list of its accounts, is kept under: a new one takes the place of the old.
func keptFor(connection, rule string) string { return connection + "/" + rule }

// permitted asks the sync which removals passed the guard. Where the history that knows is gone, the guard decides again.
func (a *Activities) permitted(ctx context.Context, in api.PlanInput) ([]byte, error) {
	if in.Lost.PermitRun == "" {
		return nil, nil
	}
	answer, err := a.options.Temporal.QueryWorkflow(ctx, api.SyncID(in.Connection, in.Rule), in.Lost.PermitRun, api.QueryPermit)
	if isGone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.Wrap("read permit", fault.Transient, fault.TemporalUnavailable, in.Rule, err)
	}
	var keys []byte
	if err := answer.Get(&keys); err != nil {
		return nil, fault.Wrap("read permit", fault.Internal, fault.InternalError, in.Rule, err)
	}
	return keys, nil
}

// makePlan makes the plan of a sync, and with it the list of people whose accounts it may have missed: that list must be the
// later of the two.
func (a *Activities) makePlan(ctx context.Context, s api.Settings, in api.PlanInput, permitted []byte) (syncPlan, error) {
	begun := a.options.Now()
	made, err := a.plan(ctx, s, in.Rule, carried{permitted: permitted, removed: in.Removed, resumed: in.Lost != nil}, func(string) {})
	if err != nil {
		return syncPlan{}, err
	}
	// What ended earlier than that is sure to be in the plan's read of the tenant.
	recent, err := a.earlier.people(ctx, in.Connection, begun.Add(-a.options.Waits.Settle))
	if err != nil {
		return syncPlan{}, err
	}
	return syncPlan{People: made, recent: recent, missed: made.ConnectionLinked < s.KnownLinks}, nil
}

// PlanPage returns the next page of a plan that this worker keeps, or says that it keeps it no longer.
//
// Errors: fault.RevisionChanged (Stale) when the settings changed; fault.ConnectionDisabled, ConnectionInvalid, RuleDisabled,
// RuleUnknown; those of reading the settings.
func (a *Activities) PlanPage(ctx context.Context, in api.PageInput) (api.PlanResult, error) {
	stop := heartbeat(ctx)
	defer stop()
	s, err := a.settings.Fresh(ctx, in.Connection)
	if err != nil {
		return api.PlanResult{}, err
	}
	if s.Revision != in.Revision {
		return api.PlanResult{}, fault.New("plan", fault.Stale, fault.RevisionChanged, "")
	}
	if err := syncable(s, in.Rule); err != nil {
		return api.PlanResult{}, err
	}
	made, ok := a.plans.Get(keptFor(in.Connection, in.Rule))
	if !ok || made.id != in.PlanID {
		return api.PlanResult{Gone: true}, nil
	}
	return a.page(made, in), nil
}

// carried is what a sync has carried out already when it makes a plan. Zero in a preview.
type carried struct {
	// permitted are removals that passed the guard before, and removed how many people something was taken from.
	permitted []byte
	removed   int
	// resumed: the plan takes the place of one that was carried out in part.
	resumed bool
}

// People is the plan of a rule's people, with what a plan of its groups needs of the same reading.
type People struct {
	*plan.Plan
	// Accounts are all accounts of the tenant; nil for a rule without groups. Groups is how many entries the rule's groups have.
	Accounts []membership.Account
	Groups   int
}

// groupEntries is how many entries a rule's groups have; 1 where they are gone, since what became of the groups they made is still to be
// seen to.
func groupEntries(r config.Rule, state api.RuleSettings) int {
	if len(r.Groups) == 0 && state.GroupsSynced {
		return 1
	}
	return len(r.Groups)
}

// Preview says what a sync of a rule would do, with the activities of a process that need not be a worker. progress is told in words what is
// being read.
//
// Errors: those of PlanRule.
func Preview(ctx context.Context, a *Activities, s api.Settings, rule string, progress func(string)) (*plan.Plan, error) {
	made, err := a.plan(ctx, s, rule, carried{}, progress)
	return made.Plan, err
}

// PreviewPeople is Preview for whoever goes on to the rule's groups.
func PreviewPeople(ctx context.Context, a *Activities, s api.Settings, rule string, progress func(string)) (People, error) {
	return a.plan(ctx, s, rule, carried{}, progress)
}

// plan reads everything and plans the people of one rule.
func (a *Activities) plan(ctx context.Context, s api.Settings, rule string, before carried, progress func(string)) (made People, err error) {
	if err := syncable(s, rule); err != nil {
		return made, err
	}
	client, err := a.client(s, nth(ctx))
	if err != nil {
		return made, err
	}
	in := plan.Input{Policy: plan.Policy{
		Connection: s.Config.Name, Rule: rule, Preferences: s.Config.Preferences, Selection: s.Selection(), FederatedDomains: s.FederatedDomains,
		Limit: s.Config.PeoplePolicy(rule),
	}, KnownLinks: s.KnownLinks, Removed: before.removed, Resumed: before.resumed}
	state, _ := s.Rule(rule)
	in.FirstSync, in.EndsOpen = !state.Synced, state.EndsOpen
	in.Permit = plan.Permit{Hash: state.Approved, Keys: before.permitted}
	planned, _ := s.Config.Rule(rule)
	in.SourceTag, made.Groups = planned.Source.Tag(), groupEntries(planned, state)
	in.Standings = made.Groups > 0
	sources := map[string]source.Source{} // :: source key -> what all its rules read
	var releases []func()
	defer func() {
		for _, release := range releases {
			release()
		}
	}()
	rules, err := a.Provisioner.Rules(ctx, s, func(c config.Source) (source.Source, error) {
		if src := sources[c.Key()]; src != nil {
			return src, nil
		}
		opened, err := a.options.Sources(c)
		if err != nil {
			return nil, err
		}
		src, release, err := spool.ForPlan(ctx, opened)
		if err != nil {
			return nil, err
		}
		releases = append(releases, release)
		sources[c.Key()] = src
		return src, nil
	})
	if err != nil {
		return made, err
	}
	for _, r := range rules {
		if r.Name == rule {
			in.NoEnabled = r.NoEnabled()
		}
		in.Rules = append(in.Rules, plan.RulePeople{Name: r.Name, SourceKey: r.Source.Key(), Program: r.Program, People: r.People})
	}
	if _, licensed := planned.Mappings[directory.SkuID]; licensed {
		in.SKUs, err = a.Provisioner.FreshSubscriptions(ctx, client, s.Config)
		if in.SKUsErr = withoutSubscriptions(ctx, err); err != nil && in.SKUsErr == nil {
			return made, err
		}
	}
	progress("reading the tenant")
	err = client.ListUsers(ctx, in.Selection, func(page []directory.Account) error {
		in.Accounts = append(in.Accounts, page...)
		return nil
	}, func(pages, users int) { progress(fmt.Sprintf("reading the tenant: %d accounts", users)) })
	if err != nil {
		return made, err
	}
	if made.Groups > 0 {
		made.Accounts = membership.Accounts(s.Config.Name, in.Accounts)
	}
	in.Bin = func(ctx context.Context) ([]directory.Account, error) {
		progress("reading the recycle bin")
		return provision.LinkedInBin(ctx, client, in.Selection)
	}
	in.Recent = func(sourceID string) string { return a.Provisioner.Recent(s.Config.Name, sourceID) }
	progress("reading the source and comparing")
	made.Plan, err = plan.Build(ctx, in)
	return made, err
}

// subscriptionsPatience is how many attempts wait for the tenant's subscriptions: half a minute, or as long as Graph asks for. To end
// access waits no longer for what is about licenses alone.
const subscriptionsPatience = 5

// withoutSubscriptions is the error with which a plan goes on that has waited long enough; nil where it does not.
func withoutSubscriptions(ctx context.Context, err error) error {
	if err == nil || !fault.KindOf(err).Retryable() || !activity.IsActivity(ctx) || activity.GetInfo(ctx).Attempt < subscriptionsPatience {
		return nil
	}
	return err
}

// syncable reports why a rule may not be synced.
func syncable(s api.Settings, rule string) error {
	if err := s.Usable(); err != nil {
		return err
	}
	state, ok := s.Rule(rule)
	switch {
	case !ok:
		return refuse("plan", fault.RuleUnknown, rule)
	case !state.Enabled:
		return refuse("plan", fault.RuleDisabled, rule)
	}
	return nil
}

// page cuts a page and sums up the whole. A plan is dropped with its last page, where no plan of groups follows.
func (a *Activities) page(p syncPlan, in api.PageInput) api.PlanResult {
	cut := p.Page(in.Stage, in.After, a.options.PageSize)
	r := api.PlanResult{
		PlanID: in.PlanID, Queue: a.options.Queue, Revision: in.Revision, Unchanged: cut.Unchanged, Reasons: cut.Reasons,
		After: cut.After, Last: cut.Last, Whole: summarize(p.People),
	}
	stage := in.Stage
	if stage == plan.StageManagers {
		stage = plan.StagePeople
	}
	if cut.Last && p.LastStage() == stage && p.Groups == 0 {
		a.plans.Drop(keptFor(in.Connection, in.Rule))
	}
	for _, c := range cut.Changes {
		without := c.Action == plan.Create || c.Action == plan.Adopt
		person := api.PlannedPerson{User: c.SourceID, Planned: api.Planned{
			Action: c.Action, AccountID: c.AccountID, Attributes: c.Attributes, Exhausted: c.Exhausted,
			Candidate: c.Candidate, Manager: c.FoundManager, Disable: c.Disable, RemoveLicenses: c.RemoveLicenses,
			Snapshot: p.Snapshot.Version, Recent: without && p.recent.has(c.SourceID),
			Missed: without && p.missed,
		}}
		if p.Guard.Held {
			person.Hold = p.Guard.Reason
		}
		r.People = append(r.People, person)
	}
	for _, e := range cut.Troubled {
		r.Troubled = append(r.Troubled, api.PersonNote{User: e.SourceID, Outcome: e.Outcome, Reason: e.Reason, Subject: e.Subject})
	}
	return r
}

func summarize(p People) api.PlanSummary {
	s := api.PlanSummary{
		People: len(p.Entries), Linked: p.Linked, ConnectionLinked: p.ConnectionLinked, Guard: p.Guard,
		Held: p.HeldCount(), ToDeprovision: len(p.Leavers), Planned: p.Planned(), Snapshot: p.Snapshot,
		ManagersPending: p.ManagersPending, Renames: p.Later(plan.StageNames), Freed: p.Later(plan.StageFreed), Groups: p.Groups,
	}
	if p.Guard.Held {
		for _, c := range p.Removals()[:min(listed, len(p.Removals()))] {
			s.HeldList = append(s.HeldList, api.PersonNote{User: c.SourceID, Action: c.Action, Reason: p.Guard.Reason})
		}
	}
	for _, e := range p.Leavers {
		if len(s.DeprovisionList) == listed {
			break
		}
		s.DeprovisionList = append(s.DeprovisionList, e.SourceID)
		if e.Change == nil {
			s.Doubtful = append(s.Doubtful, api.PersonNote{User: e.SourceID, Outcome: e.Outcome, Reason: e.Reason, Subject: e.Subject})
		}
	}
	return s
}

// syncPlan is the plan of a running sync.
type syncPlan struct {
	People
	id     string
	recent recentPeople
	// missed: fewer links were found than were known.
	missed bool
}

// keepFor is how long an unused plan or list is kept; whoever it was made for asks for its next page sooner or is gone.
const keepFor = 30 * time.Minute
