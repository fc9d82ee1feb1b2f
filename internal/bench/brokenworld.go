package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/provision"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/stores"
)

// brokenStore is an identity store that can be broken.
type brokenStore struct {
	name string
	// settings read it; login is the attribute that all else is made of.
	settings source.Settings
	login    string
	// environment has what the store takes from the process, such as endpoints.
	environment map[string]string
	people      int
	points      []breakPoint
	close       func() error
	// ids are the people, and logins theirs, in the same order. Whoever makes the world reads them.
	ids, logins []string
}

// brokenWorld is a store and a tenant that has exactly its people.
type brokenWorld struct {
	store      *brokenStore
	tenant     *tenant
	settings   api.Settings
	dir        string
	totals     brokenTotals
	violations []string
	// takes is how long a plan takes.
	takes time.Duration
	// asked: a run wanted to know whether it may remove somebody.
	asked atomic.Bool
}

func newBrokenWorld(ctx context.Context, dir string, store *brokenStore) (*brokenWorld, error) {
	dir, err := os.MkdirTemp(dir, "tenant")
	if err != nil {
		return nil, err
	}
	c := lab.Connection(planConnection, dir)
	rule := &c.Rules[0]
	login := "user." + store.login
	rule.Source = config.Source{Settings: store.settings, Use: source.Use{Attributes: []string{store.login}}}
	rule.Mappings = map[string]config.Mapping{
		directory.UserPrincipalName: {Expression: login + ` + "@contoso.com"`}, directory.DisplayName: {Expression: login},
		directory.MailNickname: {Expression: login}, directory.Password: {Expression: `randomPassword(24)`},
		directory.UsageLocation: {Expression: `"US"`}, directory.SkuID: {Expression: `"SPE_E3"`},
	}
	w := &brokenWorld{store: store, dir: dir, totals: brokenTotals{Store: store.name, Points: map[string]int{}}}
	if err := w.readPeople(ctx, rule.Source); err != nil {
		return nil, err
	}
	w.settings = api.Settings{
		Revision: 1, Config: c, Enabled: true, Valid: true, KnownLinks: len(store.ids),
		Rules: []api.RuleSettings{{Name: lab.RuleName, Enabled: true, Synced: true, InFile: true}},
		Pinned: api.Pinned{
			TenantID:     c.TenantID,
			LinkProperty: graph.ExtensionName(c.ClientID, graph.LinkProperty), MarkProperty: graph.ExtensionName(c.ClientID, graph.MarkProperty),
		},
	}
	seed := simulator.DefaultSeed()
	t := &seed.Tenants[0]
	t.Apps[0].ExtensionProperties = []simulator.ExtensionSeed{
		{Name: graph.LinkProperty, TargetObjects: []string{"User", "Group"}}, {Name: graph.MarkProperty, TargetObjects: []string{"User", "Group"}},
	}
	for i := range t.SKUs {
		t.SKUs[i].Enabled = max(t.SKUs[i].Enabled, 2*len(store.ids))
	}
	mark := directory.Mark{Origin: directory.Created, Source: store.settings.Tag()}.WithLicenses([]string{simulator.SKUM365E3})
	for i, login := range store.logins {
		t.Users = append(t.Users, simulator.UserSeed{
			"userPrincipalName": login + "@contoso.com", "displayName": login, "mailNickname": login, "accountEnabled": true,
			"usageLocation": "US", "licenses": []string{simulator.SKUM365E3},
			w.settings.Pinned.LinkProperty: directory.NewLink(planConnection, lab.RuleName, store.ids[i]).String(), w.settings.Pinned.MarkProperty: mark.String(),
		})
	}
	w.tenant, err = startTenant(dir, simulator.Options{Seed: seed})
	return w, err
}

// readPeople learns the ids that the store has given.
func (w *brokenWorld) readPeople(ctx context.Context, of config.Source) error {
	open, end := w.opener()
	opened, err := open(of.Settings, of.Use)
	if err != nil {
		return err
	}
	_, err = opened.List(ctx, func(r source.Record) error {
		w.store.ids = append(w.store.ids, r.ID)
		w.store.logins = append(w.store.logins, fmt.Sprint(r.Fields[w.store.login]))
		return nil
	})
	if err == nil && len(w.store.ids) != w.store.people {
		err = fmt.Errorf("the store has %d people and shows %d", w.store.people, len(w.store.ids))
	}
	return errors.Join(err, end())
}

// opener opens sources as a new process does: without a connection, a token or anything read before. end gives back what they hold.
func (w *brokenWorld) opener() (open source.Opener, end func() error) {
	var closers []source.Closer
	open = stores.Open(source.Environment{
		Pause: time.Millisecond, Setting: func(name string) string { return w.store.environment[name] },
		AtEnd: func(c source.Closer) { closers = append(closers, c) },
	})
	return open, func() error {
		var errs []error
		for _, c := range closers {
			errs = append(errs, c.Close())
		}
		return errors.Join(errs...)
	}
}

func (w *brokenWorld) close() error { return errors.Join(w.tenant.Close(), w.store.close()) }

// worker is a process that knows nothing yet.
func (w *brokenWorld) worker() (a *activities.Activities, end func() error) {
	open, end := w.opener()
	waits := backoff.Default().Scaled(brokenPace)
	return activities.New(activities.Options{
		Graph: graph.NewPool(graph.Options{Budget: &graph.Budgets{Share: 1}, Waits: &waits}),
		Endpoints: func(cloud string) (graph.Endpoints, error) {
			found, _ := graph.CloudEndpoints(cloud)
			found.Graph, found.Login, found.CAPEM = w.tenant.URL(), w.tenant.URL(), w.tenant.CAPEM()
			return found, nil
		},
		Sources:  func(s config.Source) (source.Source, error) { return open(s.Settings, s.Use) },
		Settings: func(context.Context, string) (api.Settings, error) { return w.settings, nil },
		Temporal: permissions{asked: &w.asked},
		Waits:    &waits,
	}), end
}

// brokenPace makes the waits that entraflow chooses itself a thousandth.
const brokenPace = 0.001

// begin makes sure that the world can tell: unbroken, the plan changes nobody, and where one person is gone it takes that one away.
func (w *brokenWorld) begin(ctx context.Context) error {
	began := time.Now()
	if err := w.intact(ctx); err != nil {
		return err
	}
	w.takes = time.Since(began)
	return w.sharp(ctx)
}

// intact plans without a break: nobody is changed.
func (w *brokenWorld) intact(ctx context.Context) error {
	a, end := w.worker()
	made, err := activities.Preview(ctx, a, w.settings, lab.RuleName, func(string) {})
	if err := errors.Join(err, end()); err != nil {
		return fmt.Errorf("the unbroken store cannot be planned from: %w", err)
	}
	if made.Planned() != 0 || len(made.Leavers) != 0 || len(made.Entries) != len(w.store.ids) {
		return fmt.Errorf("unbroken, the plan has %d people, changes %d, and %d left", len(made.Entries), made.Planned(), len(made.Leavers))
	}
	return nil
}

// sharp plans for a tenant with an account more, of a person that the store has not: exactly that account is taken away. A world in which
// nothing is ever removed would prove nothing.
func (w *brokenWorld) sharp(ctx context.Context) error {
	mark := directory.Mark{Origin: directory.Created, Source: w.store.settings.Tag()}
	var id string
	var err error
	w.tenant.Mutate(func(t *simulator.Tenant) {
		id, err = t.AddUser(simulator.UserSeed{
			"userPrincipalName": leaver, "displayName": "leaver", "mailNickname": "leaver", "accountEnabled": true,
			w.settings.Pinned.LinkProperty: directory.NewLink(planConnection, lab.RuleName, "leaver").String(), w.settings.Pinned.MarkProperty: mark.String(),
		})
	})
	if err != nil {
		return err
	}
	refused, losses := w.plan(ctx)
	if len(losses) != 1 {
		return fmt.Errorf("one person left, and the plan takes from %d: %s%s", len(losses), refused, strings.Join(losses, "; "))
	}
	gone, err := w.person(ctx, "leaver")
	if err != nil || len(gone) != 1 {
		return fmt.Errorf("one person left, and their run takes away from %d: %w", len(gone), err)
	}
	w.totals.Refused, w.totals.Held, w.totals.Whole = 0, 0, 0
	w.tenant.Mutate(func(t *simulator.Tenant) { err = errors.Join(t.DeleteUser(id), t.PurgeUser(id)) })
	return err
}

// leaver is somebody whom no store has.
const leaver = "leaver@contoso.com"

// plan plans with the store as it is now. losses are what a sync would take away.
func (w *brokenWorld) plan(ctx context.Context) (refused fault.Reason, losses []string) {
	a, end := w.worker()
	made, err := activities.Preview(ctx, a, w.settings, lab.RuleName, func(string) {})
	if closing := end(); closing != nil && err == nil {
		err = closing
	}
	if err != nil {
		w.totals.Refused++
		return fault.Of(err).Reason, nil
	}
	for _, stage := range []plan.Stage{plan.StagePeople, plan.StageNames, plan.StageRemovals, plan.StageFreed} {
		for after, last := "", false; !last; {
			page := made.Page(stage, after, 500)
			for _, c := range page.Changes {
				if c.Removes() || c.Disable || c.Delete || len(c.RemoveLicenses) > 0 || c.ClearManager {
					losses = append(losses, fmt.Sprintf("stage %s, %s: %s", stage, c.Action, c.SourceID))
				}
			}
			after, last = page.After, page.Last
		}
	}
	switch {
	case made.Guard.Held:
		w.totals.Held++
	case made.Planned() == 0 && len(made.Leavers) == 0 && len(made.Entries) == len(w.store.ids):
		w.totals.Whole++
	case len(losses) == 0:
		losses = append(losses, fmt.Sprintf("a plan with %d people, %d changed and %d gone was made", len(made.Entries), made.Planned(), len(made.Leavers)))
	}
	return "", losses
}

// person lets one person's run, which an event has started and which reads the store by id, do what it would do to somebody who left.
// Nobody did: it must not even ask whether the connection still allows a removal today.
func (w *brokenWorld) person(ctx context.Context, id string) (losses []string, err error) {
	a, end := w.worker()
	done, removing := a.Provisioner.Remove(ctx, api.RemoveInput{Connection: planConnection, User: id, Event: true}, provision.Attempt{Number: 1})
	if w.asked.Swap(false) || removing == nil && done.Action != plan.None {
		losses = append(losses, fmt.Sprintf("a run of %s would remove", id))
	}
	return losses, end()
}

// permissions stands for Temporal, of which a plan needs nothing and a removal between two syncs only the connection's permission.
type permissions struct {
	client.Client
	asked *atomic.Bool
}

func (p permissions) UpdateWorkflow(context.Context, client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	p.asked.Store(true)
	return nil, errors.New("this is a lab")
}
