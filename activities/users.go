package activities

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/plan"
)

// ProvisionAccount brings one person's account to what source, filter and mappings say: it creates, adopts, updates,
// enables or disables it with one write, and says what remains to be done about sessions and licences.
//
// It is level-triggered: each attempt reads the person, and the account unless a complete read has just shown that there
// is none, and writes what differs now.
//
// Errors: fault.Stale when settings or plan are out of date (the workflow runs it again without the plan); everything the
// source, the mappings and Graph return.
func (a *Activities) ProvisionAccount(ctx context.Context, in api.ProvisionInput) (api.ProvisionResult, error) {
	p := &provisioning{a: a, in: in, attempt: activity.GetInfo(ctx).Attempt}
	done, err := p.run(ctx)
	if err != nil && (p.posted != nil || p.taken != nil || p.announced) {
		err = wire.OpenEnded(err)
	}
	return done, err
}

// provisioning is one attempt at one person.
type provisioning struct {
	a       *Activities
	in      api.ProvisionInput
	attempt int32

	settings api.Settings
	client   *graph.Client
	claims   []claim
	claim    claim
	person   plan.Person
	// restored: this attempt or one before took the account out of the bin.
	restored bool
	// posted is set when an earlier attempt may have created the account.
	posted *createAttempt
	// taken is set when an earlier attempt may have taken the account out of the bin.
	taken *restoreAttempt
	// announced: this attempt may have created the account.
	announced bool
	// cutOff is when an earlier run ended in the middle of what may have been a creation.
	cutOff time.Time
	pulse  *pulse
	// foundManager is the account of the person's manager, once it has been looked for.
	foundManager *string
}

func (p *provisioning) run(ctx context.Context) (api.ProvisionResult, error) {
	p.pulse = &pulse{}
	if p.posted = lastCreateAttempt(ctx); p.posted != nil {
		p.pulse.details = *p.posted
	}
	if p.taken = lastRestoreAttempt(ctx); p.taken != nil {
		p.pulse.details = *p.taken
	}
	defer p.pulse.start(ctx)()
	if err := p.readSettings(ctx); err != nil {
		return api.ProvisionResult{}, err
	}
	claims, why, err := p.a.claims(ctx, p.settings, p.in.User)
	if err != nil {
		return api.ProvisionResult{}, err
	}
	if len(claims) == 0 {
		return api.ProvisionResult{Revision: p.settings.Revision, Action: plan.None, Outcome: plan.Unsynced, Reason: why}, nil
	}
	p.claims = claims
	match, err := p.match(ctx)
	if err != nil {
		return api.ProvisionResult{}, err
	}
	return p.act(ctx, match)
}

// readSettings takes the settings at the plan's revision, or later ones; with later ones the plan no longer counts.
func (p *provisioning) readSettings(ctx context.Context) (err error) {
	if p.in.Revision == 0 {
		// A run on demand means the settings of this moment, also when they were applied a moment ago.
		p.settings, err = p.a.settings.fresh(ctx, p.in.Connection)
	} else {
		p.settings, err = p.a.settings.get(ctx, p.in.Connection, p.in.Revision)
	}
	if err != nil {
		return err
	}
	if p.in.Planned != nil && p.settings.Revision != p.in.Revision {
		if p.posted == nil && p.taken == nil {
			return fault.New("provision", fault.Stale, fault.RevisionChanged, "")
		}
		// Only this activity's heartbeat knows what may exist: it goes on without the plan, and takes nothing away.
		p.in.Hold = cmp.Or(p.in.Planned.Hold, fault.PlanChanged)
		p.in.Planned, p.in.Rule = nil, ""
	}
	if err := p.settings.Usable(); err != nil {
		return err
	}
	p.client, err = p.a.client(p.settings)
	return err
}

// evaluate settles which rule provisions the person and runs its mappings.
func (p *provisioning) evaluate(linked []*directory.Account) error {
	p.claim = owner(p.claims, linked)
	if p.in.Rule != "" && p.claim.rule.Name != p.in.Rule && p.posted == nil && p.taken == nil {
		return fault.New("provision", fault.Stale, fault.PersonClaimedByOther, "")
	}
	switch {
	case p.claim.filterErr != nil:
		return p.claim.filterErr
	case p.claim.record.EnabledErr != nil:
		return p.claim.record.EnabledErr
	}
	desired, err := p.claim.program.Evaluate(p.claim.record)
	if err != nil {
		return err
	}
	p.person = plan.Person{ID: p.in.User, Enabled: p.claim.record.Enabled, Desired: desired}
	return nil
}

// planSettings are the settings for a decision about this person.
func (p *provisioning) planSettings(ctx context.Context) (plan.Settings, error) {
	s := plan.Settings{
		Connection:  p.in.Connection,
		Rule:        p.claim.rule.Name,
		Preferences: p.settings.Config.Preferences,
		Selection:   p.settings.Selection(),
		SourceTag:   p.claim.rule.Source.Tag(),
		SamePerson:  p.in.SamePerson,
		Given:       p.in.Given,
	}
	s.Hold = p.hold()
	if p.person.Desired.SKUMapped && len(p.person.Desired.SKUs) > 0 {
		skus, err := p.a.skus(ctx, p.client, p.settings.Config)
		if err != nil {
			return s, err
		}
		s.SKUs = skus
		s.Left = p.unitsLeft(skus)
	}
	return s, nil
}

func (p *provisioning) noEnabled(ctx context.Context) (bool, error) {
	src, err := p.a.options.Sources(p.claim.rule.Source)
	if err != nil {
		return false, err
	}
	return noEnabled(ctx, p.claim.rule, src)
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

// decide says what is to be done, and by which settings.
func (p *provisioning) decide(ctx context.Context, m plan.Match) (plan.Settings, plan.Change, error) {
	s, err := p.planSettings(ctx)
	if err != nil {
		return s, plan.Change{}, err
	}
	// Only a disabled account makes a difference here; the others save the look at the columns.
	if len(m.Linked) == 1 && !m.Linked[0].Enabled {
		if s.NoEnabled, err = p.noEnabled(ctx); err != nil {
			return s, plan.Change{}, err
		}
	}
	if m.Manager, err = p.manager(ctx, m); err != nil {
		return s, plan.Change{}, err
	}
	change := plan.Decide(s, p.person, m)
	if s.Hold == "" && p.in.Planned != nil && change.Removes() && !p.permitted(change) {
		s.Hold = fault.PlanChanged
		change = plan.Decide(s, p.person, m)
	}
	return s, change, p.checkName(ctx, change)
}

// hold is why nothing may be taken away. An account that comes out of the bin loses nothing by being disabled.
func (p *provisioning) hold() fault.Reason {
	switch {
	case p.fromBin():
		return ""
	case p.in.Planned != nil:
		return p.in.Planned.Hold
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

// act decides and carries the decision out.
func (p *provisioning) act(ctx context.Context, m plan.Match) (api.ProvisionResult, error) {
	s, change, err := p.decide(ctx, m)
	if err != nil {
		return api.ProvisionResult{}, err
	}
	if change.Removes() {
		if err := p.a.mayRemove(ctx, p.in.Connection, p.claim.rule.Name, p.settings.Revision); err != nil {
			return api.ProvisionResult{}, err
		}
	}
	switch {
	case change.Action == plan.Create:
		account, err := p.create(ctx, change)
		if known := new(existingAccount); errors.As(err, &known) {
			return p.act(ctx, known.match)
		}
		if err != nil {
			return api.ProvisionResult{}, err
		}
		change.AccountID = account
	case change.Action == plan.Restore:
		return p.restore(ctx, change)
	case change.Account():
		err := p.patch(ctx, s, change)
		if fault.Is(err, fault.AccountExists) && m.SameName == nil {
			return p.actWithoutName(ctx, m)
		}
		if err != nil {
			return api.ProvisionResult{}, err
		}
	}
	return p.result(change, m), nil
}

// actWithoutName decides again when the new name of a linked account turned out to be taken: everything but the name is
// then written.
func (p *provisioning) actWithoutName(ctx context.Context, m plan.Match) (api.ProvisionResult, error) {
	holder, err := p.client.UserByUPN(ctx, p.person.Desired.UserPrincipalName, p.settings.Selection())
	if fault.Is(err, fault.AccountNotFound) {
		// The name is taken by something that reads do not show; it counts as somebody else.
		holder, err = &directory.Account{UserPrincipalName: p.person.Desired.UserPrincipalName}, nil
	}
	if err != nil {
		return api.ProvisionResult{}, err
	}
	m.SameName = holder
	return p.act(ctx, m)
}

// patch writes the account's differing attributes with one request.
func (p *provisioning) patch(ctx context.Context, s plan.Settings, c plan.Change) error {
	desired := p.person.Desired
	u := graph.Patch{Attributes: map[string]string{}}
	for _, name := range c.Attributes {
		switch name {
		case directory.UserPrincipalName:
			u.UserPrincipalName = &desired.UserPrincipalName
		case directory.AccountEnabled:
			enabled := c.Enable
			u.Enabled = &enabled
		case plan.AttributeLink:
			link := directory.NewLink(s.Connection, s.Rule, p.person.ID).String()
			u.Link = &link
		case plan.AttributeMark:
			mark := c.Mark.String()
			u.Mark = &mark
		case directory.Manager:
			// SetManager, a request of its own.
		default:
			u.Attributes[name] = desired.Attributes[name]
		}
	}
	// The account was read a moment ago: that a server does not know it can only mean not yet. Should it be gone, the next
	// attempt's read tells.
	return p.client.UpdateUser(graph.Young(ctx), c.AccountID, u, s.Selection)
}

// young tells the client, where the account was created by this workflow, that a 404 only means not yet.
func (p *provisioning) young(ctx context.Context) context.Context {
	if p.posted != nil || p.restored || p.in.AccountID != "" {
		return graph.Young(ctx)
	}
	return ctx
}

// result says what was done. An account that an earlier attempt created counts as created, whatever this attempt found
// left to do.
func (p *provisioning) result(c plan.Change, m plan.Match) api.ProvisionResult {
	r := api.ProvisionResult{
		Rule: p.claim.rule.Name, Revision: p.settings.Revision,
		Action: c.Action, AccountID: c.AccountID, Attributes: withoutManager(c.Attributes), Manager: c.Manager, ClearManager: c.ClearManager,
		Outcome: c.Outcome, Reason: c.Reason, Subject: c.Subject,
		Revoke: c.Disable, AddLicenses: c.AddLicenses, RemoveLicenses: c.RemoveLicenses,
		Young: c.Action == plan.Create || p.posted != nil || p.in.AccountID != "",
	}
	if c.Licenses() && c.FinalMark.String() != c.Mark.String() {
		r.FinalMark = c.FinalMark.String()
	}
	switch {
	case p.restored:
		r.Action = plan.Restore
	case p.posted != nil && len(m.Linked) == 1:
		r.Action = plan.Create
	}
	// A crash after the disabling and before its result was recorded must not leave sessions alive.
	if p.attempt > 1 && !r.Revoke && len(m.Linked) == 1 && p.disabledByUs(m.Linked[0]) && p.planned(plan.Disable) {
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
	return !account.Enabled && mark.Disabled == directory.DisabledAtSource && !(p.person.Enabled && p.person.Desired.AccountEnabled)
}

// mayRemove asks the connection's workflow itself, not a cache, whether things may be taken away under this revision.
func (a *Activities) mayRemove(ctx context.Context, connection, rule string, revision int) error {
	s, err := a.settings.fresh(ctx, connection)
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

func (p *provisioning) isOurs(account *directory.Account) bool {
	l, ok := directory.ParseLink(account.Link)
	return ok && l.PersonKey() == directory.NewLink(p.in.Connection, "", p.in.User).PersonKey()
}
