package activities

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/provision"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/spool"
)

// pageSize is how many people a page of a plan names at most: at about 200 bytes each, far below a payload's 2 MiB.
const pageSize = 500

// listed is how many people a summary names.
const listed = 100

// extensionPatience is how many attempts wait for extension properties that Graph says it does not know: about eight
// minutes.
const extensionPatience = 6

// PlanRule reads the rule's source and the tenant completely, plans, and returns the first page. The plan stays in this
// worker's memory for the pages that follow; where it is gone, it is made anew and goes on after the last source id.
//
// Errors: those of sources and Graph, none of which leaves a plan; fault.ConnectionDisabled, ConnectionInvalid,
// RuleDisabled, RuleUnknown, TenantReadSuspicious; fault.ExtensionMissing (Denied) where the extension properties have been
// unusable for some minutes.
func (a *Activities) PlanRule(ctx context.Context, in api.PlanInput) (api.PlanResult, error) {
	stop := heartbeat(ctx)
	defer stop()
	s, err := a.settings.fresh(ctx, in.Connection)
	if err != nil {
		return api.PlanResult{}, err
	}
	id := activity.GetInfo(ctx).WorkflowExecution.RunID + "/" + activity.GetInfo(ctx).ActivityID
	made, err := a.makeAndKeep(ctx, s, in, id)
	if fault.Is(err, fault.ExtensionNotReady) && activity.GetInfo(ctx).Attempt >= extensionPatience {
		// The connection's test has seen them usable, so somebody has deleted them since.
		return api.PlanResult{}, fault.Wrap("plan", fault.Denied, fault.ExtensionMissing, "", err)
	}
	if err != nil {
		return api.PlanResult{}, err
	}
	in.PlanID, in.Revision = id, s.Revision
	first := page(made, in)
	if !made.Guard.Held {
		first.Permitted = made.RemovalKeys()
	}
	return first, nil
}

// makeAndKeep makes the plan of a sync, and with it the list of people whose accounts it may have missed: that list must
// be the later of the two.
func (a *Activities) makeAndKeep(ctx context.Context, s api.Settings, in api.PlanInput, id string) (syncPlan, error) {
	begun := a.options.Now()
	made, err := a.MakePlan(ctx, s, in.Rule, in.Permitted, in.Removed, func(string) {})
	if err != nil {
		return syncPlan{}, err
	}
	// What ended earlier than that is sure to be in the plan's read of the tenant.
	recent, err := a.earlier.people(ctx, in.Connection, begun.Add(-a.options.Waits.Settle))
	if err != nil {
		return syncPlan{}, err
	}
	p := syncPlan{Plan: made, recent: recent, missed: made.ConnectionLinked < s.KnownLinks}
	a.plans.put(id, p)
	return p, nil
}

// PlanPage returns the next page of a plan.
//
// A plan made anew passes the guard anew, with what this sync has taken away already counted in.
//
// Errors: fault.RevisionChanged (Stale) when the settings changed; else as PlanRule.
func (a *Activities) PlanPage(ctx context.Context, in api.PlanInput) (api.PlanResult, error) {
	stop := heartbeat(ctx)
	defer stop()
	s, err := a.settings.fresh(ctx, in.Connection)
	if err != nil {
		return api.PlanResult{}, err
	}
	if s.Revision != in.Revision {
		return api.PlanResult{}, fault.New("plan", fault.Stale, fault.RevisionChanged, "")
	}
	if err := syncable(s, in.Rule); err != nil {
		return api.PlanResult{}, err
	}
	made, ok := a.plans.get(in.PlanID)
	if !ok {
		if made, err = a.makeAndKeep(ctx, s, in, in.PlanID); err != nil {
			return api.PlanResult{}, err
		}
	}
	return page(made, in), nil
}

// MakePlan reads everything and plans one rule. permitted are removals
// that passed the guard before in the same sync, removed is how many people the running sync has taken something from
// already; progress is told in words what is being read.
func (a *Activities) MakePlan(ctx context.Context, s api.Settings, rule string, permitted []byte, removed int, progress func(string)) (*plan.Plan, error) {
	if err := syncable(s, rule); err != nil {
		return nil, err
	}
	client, err := a.client(s, nth(ctx))
	if err != nil {
		return nil, err
	}
	in := plan.Input{Settings: plan.Settings{
		Connection: s.Config.Name, Rule: rule, Preferences: s.Config.Preferences, Selection: s.Selection(),
	}, KnownLinks: s.KnownLinks, Removed: removed}
	state, _ := s.Rule(rule)
	in.FirstSync = !state.Synced
	in.Permit = plan.Permit{Hash: state.Approved, Keys: permitted}
	planned, _ := s.Config.Rule(rule)
	in.SourceTag = planned.Source.Tag()
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
		return nil, err
	}
	for _, r := range rules {
		if r.Name == rule {
			in.NoEnabled = r.NoEnabled()
		}
		in.Rules = append(in.Rules, plan.RulePeople{Name: r.Name, SourceKey: r.Source.Key(), Program: r.Program, People: r.People})
	}
	if _, licensed := planned.Mappings[directory.SkuID]; licensed {
		if in.SKUs, err = a.Provisioner.FreshSubscriptions(ctx, client, s.Config); err != nil {
			return nil, err
		}
	}
	progress("reading the tenant")
	err = client.ListUsers(ctx, in.Selection, func(page []directory.Account) error {
		in.Accounts = append(in.Accounts, page...)
		return nil
	}, func(pages, users int) { progress(fmt.Sprintf("reading the tenant: %d accounts", users)) })
	if err != nil {
		return nil, err
	}
	in.Bin = func(ctx context.Context) ([]directory.Account, error) {
		progress("reading the recycle bin")
		return provision.LinkedInBin(ctx, client, in.Selection)
	}
	in.Recent = func(sourceID string) string { return a.Provisioner.Recent(s.Config.Name, sourceID) }
	progress("reading the source and comparing")
	return plan.Build(ctx, in)
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

// page cuts a page and sums up the whole.
func page(p syncPlan, in api.PlanInput) api.PlanResult {
	limit := in.Limit
	if limit <= 0 {
		limit = pageSize
	}
	cut := p.Page(in.After, limit, in.Removals)
	r := api.PlanResult{
		PlanID: in.PlanID, Revision: in.Revision, Settled: cut.Settled, Reasons: cut.Reasons,
		After: cut.After, Last: cut.Last, Whole: summarize(p.Plan),
	}
	for _, c := range cut.Changes {
		item := api.PlannedPerson{User: c.SourceID, Planned: api.Planned{
			Action: c.Action, AccountID: c.AccountID, Attributes: c.Attributes, Exhausted: c.Exhausted,
			Manager: c.FoundManager, Disable: c.Disable, RemoveLicenses: c.RemoveLicenses,
			Snapshot: p.Snapshot.Version, Recent: c.Action == plan.Create && p.recent.has(c.SourceID),
			Missed: c.Action == plan.Create && p.missed,
		}}
		if p.Guard.Held {
			item.Hold = p.Guard.Reason
		}
		r.Items = append(r.Items, item)
	}
	for _, e := range cut.Troubled {
		r.Troubled = append(r.Troubled, api.PersonNote{User: e.SourceID, Outcome: e.Outcome, Reason: e.Reason, Subject: e.Subject})
	}
	return r
}

func summarize(p *plan.Plan) api.PlanSummary {
	s := api.PlanSummary{
		People: len(p.Entries), Linked: p.Linked, ConnectionLinked: p.ConnectionLinked, Guard: p.Guard,
		Held: p.HeldCount(), ToDeprovision: len(p.Leavers), Planned: p.Planned(), Snapshot: p.Snapshot,
		ManagersPending: p.ManagersPending,
	}
	if p.Guard.Held {
		for _, c := range p.Removals() {
			if len(s.HeldList) == listed {
				break
			}
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
	*plan.Plan
	recent recentPeople
	// missed: fewer links were found than were known.
	missed bool
}

// planCache keeps the plans of running syncs.
type planCache struct {
	now     func() time.Time
	mu      sync.Mutex
	entries map[string]cachedPlan // :: plan id -> plan
}

type cachedPlan struct {
	plan syncPlan
	used time.Time
}

// planAge is how long an unused plan is kept; a sync asks for its next page sooner or is gone.
const planAge = 30 * time.Minute

func newPlanCache(now func() time.Time) *planCache {
	return &planCache{now: now, entries: map[string]cachedPlan{}}
}

func (c *planCache) put(id string, p syncPlan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for k, e := range c.entries {
		if now.Sub(e.used) > planAge {
			delete(c.entries, k)
		}
	}
	c.entries[id] = cachedPlan{plan: p, used: now}
}

func (c *planCache) get(id string) (syncPlan, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[id]
	if ok {
		e.used = c.now()
		c.entries[id] = e
	}
	return e.plan, ok
}
