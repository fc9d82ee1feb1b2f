package provision

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/plan"
)

// Provision is one attempt at bringing one person's account to what source, filter and mappings say: it creates, adopts,
// updates, enables, disables or restores it, and says what remains to be done about sessions, licenses and manager.
//
// It is level-triggered: each attempt reads the person, and the account unless a complete read has just shown that there
// is none, and writes what differs now.
//
// Errors: fault.Stale when settings or plan are out of date, so that it must be done again without the plan; OpenEnded
// around any of them; everything that the source, the mappings and Graph return.
func (p *Provisioner) Provision(ctx context.Context, in api.ProvisionInput, attempt Attempt, notes Notes) (api.ProvisionResult, error) {
	run := &provisioning{Provisioner: p, in: in, attempt: attempt, notes: notes}
	done, err := run.run(ctx)
	if err == nil || !run.evidence.open() {
		return done, err
	}
	if f := fault.Of(err); f.Kind == fault.Stale {
		// Only the attempts of this activity know what may be there: the next of them goes on, and not another activity.
		err = fault.Wrap(f.Op, fault.Transient, f.Reason, f.Subject, err)
	}
	return done, &OpenEnded{err}
}

// provisioning is one attempt at one person.
type provisioning struct {
	*Provisioner
	in      api.ProvisionInput
	attempt Attempt
	notes   Notes
	// before is what attempts before this one noted.
	before Note

	settings api.Settings
	tenant   Tenant
	claims   []claim
	// claim is that of the rule that provisions the person, and person what it says.
	claim    claim
	person   plan.Person
	evidence Evidence
	// conflict is how Graph refused a creation because the name is taken.
	conflict error
	// restored: this attempt or one before took the account out of the bin.
	restored bool
	// candidate is which of several names the person gets, counted from 1; 0 before it is known.
	candidate int
	// foundManager is the account of the person's manager, once it has been looked for.
	foundManager *string
}

func (p *provisioning) run(ctx context.Context) (done api.ProvisionResult, err error) {
	if err := p.begin(ctx); err != nil {
		return api.ProvisionResult{}, err
	}
	claims, why, err := p.Provisioner.claims(ctx, p.settings, p.in.User)
	if err != nil {
		return api.ProvisionResult{}, err
	}
	if len(claims) == 0 {
		return api.ProvisionResult{Revision: p.settings.Revision, Action: plan.None, Outcome: plan.Unsynced, Reason: why, Open: p.evidence.open()}, nil
	}
	p.claims = claims
	p.evidence.Planned.Outdated = p.in.Planned != nil && (p.in.Planned.Recent || !p.sourceAsPlanned())
	for {
		match, err := p.find(ctx)
		if err != nil {
			return api.ProvisionResult{}, err
		}
		change, written, err := p.act(ctx, match)
		if err != nil {
			return api.ProvisionResult{}, err
		}
		if written {
			done := p.result(change, match)
			if done.AccountID != "" && (done.Given || len(match.Linked) == 1) {
				p.seen.Put(p.in.Connection+"/"+p.in.User, done.AccountID)
			}
			return done, nil
		}
	}
}

// begin takes up what earlier attempts noted, and reads the settings.
func (p *provisioning) begin(ctx context.Context) (err error) {
	if p.before, err = p.notes.Last(ctx); err != nil {
		return err
	}
	p.evidence = p.firstEvidence()
	if err := p.readSettings(ctx); err != nil {
		return err
	}
	p.evidence.Thorough = p.evidence.Thorough || !p.settings.Config.Preferences.AllowCreate
	if p.in.Planned != nil {
		p.evidence.Planned = Finding{Action: p.in.Planned.Action, Account: p.in.Planned.AccountID, Missed: p.in.Planned.Missed}
	}
	return nil
}

// firstEvidence is what is known before anything has been read.
func (p *provisioning) firstEvidence() Evidence {
	return Evidence{
		Connection: p.in.Connection, User: p.in.User, Now: p.options.Now(), Settle: p.options.Waits.Settle, Patience: p.options.Waits.Holder, Thorough: p.attempt.Number > 1,
		Create: p.before.Create, Restore: p.before.Restore, Adopt: p.before.Adopt, Remembered: p.Recent(p.in.Connection, p.in.User),
		Account: p.in.AccountID, AccountSince: p.attempt.Since,
		ByID: map[string]*directory.Account{},
	}
}

// readSettings takes the settings at the plan's revision, or later ones; with later ones the plan no longer counts.
func (p *provisioning) readSettings(ctx context.Context) (err error) {
	if p.in.Revision == 0 || p.plannedWithout() {
		// A run on demand means the settings of this moment, also when they were applied a moment ago. And a link that moved since the plan
		// was made may have given an account to somebody of whom the plan saw none: the revision tells, but not what this worker keeps.
		p.settings, err = p.options.Settings.Fresh(ctx, p.in.Connection)
	} else {
		p.settings, err = p.options.Settings.AtLeast(ctx, p.in.Connection, p.in.Revision)
	}
	if err != nil {
		return err
	}
	if p.in.Planned != nil && p.settings.Revision != p.in.Revision {
		if !p.evidence.open() {
			return fault.New("provision", fault.Stale, fault.RevisionChanged, "")
		}
		// Only this activity's notes tell what may exist: it goes on without the plan, and takes nothing away.
		p.in.Hold = cmp.Or(p.in.Planned.Hold, fault.PlanChanged)
		p.in.Planned, p.in.Rule = nil, ""
	}
	if err := p.settings.Usable(); err != nil {
		return err
	}
	p.tenant, err = p.options.Tenant(p.settings, graph.Attempt(p.attempt.Number))
	return err
}

// plannedWithout reports that the plan saw no account of the person, so that one may be made without looking again.
func (p *provisioning) plannedWithout() bool {
	return p.in.Planned != nil && (p.in.Planned.Action == plan.Create || p.in.Planned.Action == plan.Adopt)
}

// sourceAsPlanned reports whether the person was read from the very state of the source that the plan was made from.
func (p *provisioning) sourceAsPlanned() bool {
	for _, c := range p.claims {
		if c.Name == p.in.Rule {
			return c.snapshot.Same(p.in.Planned.Snapshot)
		}
	}
	return false
}

// evaluate settles which rule provisions the person and runs its mappings.
func (p *provisioning) evaluate(linked []*directory.Account) (err error) {
	p.claim = owner(p.claims, linked)
	if p.in.Rule != "" && p.claim.Name != p.in.Rule && !p.evidence.open() {
		return fault.New("provision", fault.Stale, fault.PersonClaimedByOther, "")
	}
	if p.person, err = p.claim.judge(); err == nil {
		p.giveName(linked)
	}
	return err
}

// act decides and carries the decision out. written is false where the account must be looked at again.
func (p *provisioning) act(ctx context.Context, m plan.Match) (c plan.Change, written bool, err error) {
	s, c, err := p.decide(ctx, m)
	if err != nil {
		return c, false, err
	}
	if c.Removes() {
		if err := p.mayRemove(ctx, p.in.Connection, p.claim.Name, p.settings.Revision); err != nil {
			return c, false, err
		}
	}
	switch {
	case c.Action == plan.Create:
		c, err = p.create(ctx, c)
		return c, c.AccountID != "", err
	case c.Action == plan.Restore:
		return c, false, p.restore(ctx, c)
	case c.Action == plan.Adopt:
		c, err = p.adopt(ctx, s, c)
		return c, true, err
	case c.Account():
		c, err = p.update(ctx, s, c)
		if fault.Is(err, fault.AccountExists) && m.SameName == nil {
			return p.actWithoutName(ctx, m)
		}
	}
	return c, true, err
}

// actWithoutName decides again when the new name of a linked account turned out to be taken: everything but the name is
// then written.
func (p *provisioning) actWithoutName(ctx context.Context, m plan.Match) (c plan.Change, written bool, err error) {
	holder, err := p.tenant.UserByUPN(ctx, p.person.Desired.UserPrincipalName, p.settings.Selection())
	if fault.Is(err, fault.AccountNotFound) {
		// The name is taken by something that reads do not show; it counts as somebody else.
		holder, err = &directory.Account{UserPrincipalName: p.person.Desired.UserPrincipalName}, nil
	}
	if err != nil {
		return c, false, err
	}
	m.SameName = holder
	return p.act(ctx, m)
}

// decide says what is to be done, and by which settings. To end somebody's access waits for nothing else: where it cannot be found out
// what there is to be said about licenses, manager or name, the account is disabled all the same and the rest reported.
func (p *provisioning) decide(ctx context.Context, m plan.Match) (plan.Policy, plan.Change, error) {
	s := p.policy()
	change, err := p.decideWhole(ctx, &s, m)
	if err == nil || p.person.Err != nil || p.wantsEnabled() {
		return s, change, err
	}
	s = p.policy()
	person := p.person
	p.person.Err = err
	if closing, failed := p.held(ctx, &s, m); failed == nil && closing.Disable {
		return s, closing, nil
	}
	p.person = person
	return s, change, err
}

// decideWhole decides with everything that the decision may need.
func (p *provisioning) decideWhole(ctx context.Context, s *plan.Policy, m plan.Match) (change plan.Change, err error) {
	err = p.inTime(ctx, func(ctx context.Context) error {
		if err := p.countUnits(ctx, s); err != nil {
			return err
		}
		m.Manager, err = p.manager(ctx, m)
		return err
	})
	if err != nil {
		return change, err
	}
	if change, err = p.held(ctx, s, m); err != nil {
		return change, err
	}
	return change, cmp.Or(p.inTime(ctx, func(ctx context.Context) error { return p.checkName(ctx, change) }), p.unjudged(change))
}

// closingPatience is how long whoever is to be disabled waits for what else there is to be said.
const closingPatience = 15 * time.Second

// inTime bounds how long somebody who is to be disabled waits for something else. A service that hangs is as good as one that fails.
func (p *provisioning) inTime(ctx context.Context, find func(context.Context) error) error {
	if p.wantsEnabled() {
		return find(ctx)
	}
	timed, cancel := context.WithTimeout(ctx, closingPatience)
	defer cancel()
	err := find(timed)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fault.Wrap("decide", fault.Transient, fault.GraphTimeout, "", err)
	}
	return err
}

// wantsEnabled: both the source and the mapping want the account to be open.
func (p *provisioning) wantsEnabled() bool {
	return p.person.Enabled && p.person.Desired.AccountEnabled
}

// held decides, and takes away what the plan, or between two syncs the connection, allows.
func (p *provisioning) held(ctx context.Context, s *plan.Policy, m plan.Match) (plan.Change, error) {
	change := plan.Decide(*s, p.person, m)
	if s.Hold == fault.EventRemovalsHeld {
		free := *s
		free.Hold = ""
		if without := plan.Decide(free, p.person, m); without.Removes() {
			allowed, err := p.eventRemoval(ctx, p.in.Connection, p.claim.Name, p.in.User)
			if err != nil {
				return change, err
			}
			if allowed {
				s.Hold = ""
				return without, nil
			}
		}
	}
	if s.Hold == "" && p.in.Planned != nil && change.Removes() && !p.permitted(change) {
		s.Hold = fault.PlanChanged
		change = plan.Decide(*s, p.person, m)
	}
	return change, nil
}

// eventRemoval asks whether somebody may lose something between two syncs.
func (p *Provisioner) eventRemoval(ctx context.Context, connection, rule, user string) (bool, error) {
	if p.options.EventRemoval == nil {
		return false, nil
	}
	return p.options.EventRemoval(ctx, connection, rule, user)
}

// unjudged is what is wrong with the person where not even the account is to be disabled.
func (p *provisioning) unjudged(c plan.Change) error {
	if c.Disable {
		return nil
	}
	return p.person.Err
}

// policy is what the decision about this person goes by, without the tenant's licenses.
func (p *provisioning) policy() plan.Policy {
	return plan.Policy{
		Connection:       p.in.Connection,
		Rule:             p.claim.Name,
		Preferences:      p.settings.Config.Preferences,
		Selection:        p.settings.Selection(),
		SourceTag:        p.claim.Source.Tag(),
		NoEnabled:        p.claim.NoEnabled(),
		FederatedDomains: p.settings.FederatedDomains,
		SamePerson:       p.in.SamePerson,
		Given:            p.in.Given,
		Limit:            p.settings.Config.PeoplePolicy(p.claim.Name),
		Hold:             p.hold(),
	}
}

// countUnits adds the tenant's licenses, where the person is to have any.
func (p *provisioning) countUnits(ctx context.Context, s *plan.Policy) error {
	if !p.person.Desired.SKUMapped || len(p.person.Desired.SKUs) == 0 {
		return nil
	}
	skus, err := p.Subscriptions(ctx, p.tenant, p.settings.Config)
	if err != nil {
		return err
	}
	s.SKUs, s.Left = skus, p.unitsLeft(skus)
	return nil
}

// unitsLeft trusts, within a sync, what the plan handed out; else what the tenant says.
func (p *provisioning) unitsLeft(skus []directory.SKU) map[string]int {
	left := map[string]int{}
	for _, s := range skus {
		left[strings.ToLower(s.ID)] = s.Available()
		if p.in.Planned != nil {
			left[strings.ToLower(s.ID)] = 1
		}
	}
	if p.in.Planned != nil {
		for _, sku := range p.in.Planned.Exhausted {
			left[sku] = 0
		}
	}
	return left
}

// hold is why nothing may be taken away. An account that comes out of the bin loses nothing by being disabled.
func (p *provisioning) hold() fault.Reason {
	switch {
	case p.fromBin():
		return ""
	case p.in.Planned != nil:
		return p.in.Planned.Hold
	}
	if p.in.Event && p.in.Hold == "" {
		return fault.EventRemovalsHeld
	}
	return p.in.Hold
}

// fromBin reports that this attempt or, after a crash, the one before took the account out of the bin.
func (p *provisioning) fromBin() bool {
	return p.restored || p.in.Planned != nil && p.in.Planned.Action == plan.Restore
}

// permitted reports that the change takes nothing away that the guard has not counted: source or account may have
// changed since the plan was made, and for everybody at once.
func (p *provisioning) permitted(c plan.Change) bool {
	if p.fromBin() {
		return true
	}
	planned := p.in.Planned
	return (planned.Disable || !c.Disable) &&
		!slices.ContainsFunc(c.RemoveLicenses, func(sku string) bool { return !slices.Contains(planned.RemoveLicenses, sku) })
}

// mayRemove asks the connection itself, not a cache, whether things may be taken away under this revision.
func (p *Provisioner) mayRemove(ctx context.Context, connection, rule string, revision int) error {
	s, err := p.options.Settings.Fresh(ctx, connection)
	if err != nil {
		return err
	}
	if err := s.Usable(); err != nil {
		return err
	}
	if state, ok := s.Rule(rule); !ok || !state.Enabled {
		return refuse("remove", fault.RuleDisabled, rule)
	}
	if s.Revision != revision {
		return fault.New("remove", fault.Stale, fault.RevisionChanged, "")
	}
	return nil
}

// result says what was done. An account that an earlier attempt may have created, restored or adopted counts as that,
// whatever this attempt found left to do.
func (p *provisioning) result(c plan.Change, m plan.Match) api.ProvisionResult {
	mayBeCreated := p.before.Create.mayBe()
	r := api.ProvisionResult{
		Rule: p.claim.Name, Revision: p.settings.Revision,
		Action: c.Action, AccountID: c.AccountID, Attributes: withoutManager(c.Attributes), Manager: c.Manager, ClearManager: c.ClearManager,
		Outcome: c.Outcome, Reason: c.Reason, Subject: c.Subject,
		Revoke: c.Disable, AddLicenses: c.AddLicenses, RemoveLicenses: c.RemoveLicenses,
		RecentlyWritten: c.Action == plan.Create || mayBeCreated || p.in.AccountID != "",
	}
	if c.Licenses() && c.FinalMark.String() != c.Mark.String() {
		r.FinalMark = c.FinalMark.String()
	}
	switch {
	case p.restored:
		r.Action = plan.Restore
	case mayBeCreated && len(m.Linked) == 1:
		r.Action = plan.Create
	case p.before.Adopt != nil && len(m.Linked) == 1:
		r.Action = plan.Adopt
	}
	r.Given = r.Action == plan.Create || r.Action == plan.Restore || r.Action == plan.Adopt
	r.Open = p.evidence.open() && !r.Given
	// A crash after the disabling and before its result was recorded must not leave sessions alive.
	if p.attempt.Number > 1 && !r.Revoke && len(m.Linked) == 1 && p.disabledByUs(m.Linked[0]) && p.planned(plan.Disable) {
		r.Revoke, r.Action = true, plan.Disable
	}
	return r
}

// withoutManager leaves out the manager, whose writing is still to come.
func withoutManager(attributes []string) []string {
	return slices.DeleteFunc(slices.Clone(attributes), func(name string) bool { return name == directory.Manager })
}

func (p *provisioning) planned(action plan.Action) bool {
	return p.in.Planned == nil || p.in.Planned.Action == action
}

func (p *provisioning) disabledByUs(account *directory.Account) bool {
	mark, _ := directory.ParseMark(account.Mark)
	return !account.Enabled && mark.Disabled == directory.DisabledAtSource && !p.wantsEnabled()
}
