package provision

import (
	"context"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// InspectInput names the person to look at.
type InspectInput struct {
	Connection string
	// User is the source id.
	User string
	// SamePerson is that of ProvisionInput.
	SamePerson bool
}

// Inspection is what source and tenant know of one person, and what a run would do about it now. It holds values of the
// person, so it is for the eyes of whoever asked and never goes to Temporal.
type Inspection struct {
	Settings api.Settings
	// Connection is why nothing may be provisioned at present; nil when all is well.
	Connection *fault.Error
	// Rules are what each of the connection's rules sees of the person, in the order of the file.
	Rules []RuleView
	// Scope is why no enabled rule provisions the person: PersonNotFound, PersonOutOfScope, RuleDisabled where no rule is
	// enabled, SourceIDConflict, FilterFailed, EnabledUnreadable, or that a source could not be read. nil when one does.
	Scope *fault.Error
	// Rule is the one that provisions the person; "" when there is none.
	Rule string
	// Match is what was found of the person in the tenant, and Matching why it could not be found out or is ambiguous.
	Match    plan.Match
	Matching *fault.Error
	// Unread is why the tenant could not be asked for the person's accounts, so that those in Match need not be all; nil when it was.
	Unread *fault.Error
	// Change is what a run would do; nil when an error above, or Deciding, keeps it from being known.
	Change *plan.Change
	// Leaving: the person left, and Change is what deprovisioning would do.
	Leaving  bool
	Deciding *fault.Error
}

// RuleView is what one rule sees of a person.
type RuleView struct {
	// State of the rule; one that is not enabled provisions nobody.
	State api.RuleSettings
	// File is where the source is.
	File string
	// Record is the person; nil when the source has no such person or could not be read.
	Record *source.Record
	// InScope: the filter includes the person.
	InScope bool
	// Why the person is not found, is not in scope, or cannot be judged.
	Why *fault.Error
}

// Inspect looks at one person in the caller's process and writes nothing: what sources and tenant have, which account
// matches, and what a run on demand would do now. Its answer holds values, so it must not become an activity.
//
// It decides as Provision and Remove do, and reads the holder of the user principal name on top, of whom
// those learn by being refused. What only a whole plan can see (two people who want one name) it does not.
//
// Errors: fault.ConnectionUnknown and what keeps the settings from being read. Everything else is in the answer.
func (p *Provisioner) Inspect(ctx context.Context, in InspectInput) (Inspection, error) {
	s, err := p.options.Settings.Fresh(ctx, in.Connection)
	if err != nil {
		return Inspection{}, err
	}
	i := Inspection{Settings: s, Connection: faultOf(s.Usable())}
	for _, rule := range s.Config.Rules {
		i.Rules = append(i.Rules, p.view(ctx, s, rule.Name, in.User))
	}
	look := &provisioning{
		Provisioner: p, in: api.ProvisionInput{Connection: in.Connection, User: in.User, SamePerson: in.SamePerson}, settings: s,
		// As a second attempt does, it looks at everything before it thinks of creating.
		attempt: Attempt{Number: 2},
	}
	look.evidence = look.firstEvidence()
	var why fault.Reason
	if look.claims, why, err = p.claims(ctx, s, in.User); err != nil {
		i.Scope = fault.Of(err)
	} else if len(look.claims) == 0 {
		i.Scope = unclaimed(s, why)
	}
	if look.tenant, err = p.options.Tenant(s); err != nil {
		i.Matching, i.Unread = fault.Of(err), fault.Of(err)
	} else if i.Scope == nil {
		i.provisioned(ctx, look)
	} else {
		i.left(ctx, look, why)
	}
	return i, ctx.Err()
}

// unclaimed words why nobody claims a person.
func unclaimed(s api.Settings, why fault.Reason) *fault.Error {
	if len(s.EnabledRules()) == 0 {
		return fault.New("claim", fault.Refused, fault.RuleDisabled, "")
	}
	return fault.New("claim", fault.Refused, why, "")
}

// view looks at a person through one rule, be it enabled or not.
func (p *Provisioner) view(ctx context.Context, s api.Settings, name, user string) RuleView {
	rule, _ := s.Config.Rule(name)
	v := RuleView{File: rule.Source.Place()}
	v.State, _ = s.Rule(name)
	src, err := p.options.Sources(p.SourceOf(s, rule))
	if err != nil {
		v.Why = fault.Of(err)
		return v
	}
	record, _, err := src.Get(ctx, user)
	if err != nil {
		v.Why = fault.Of(err)
		return v
	}
	v.Record = &record
	only := s
	only.Rules = []api.RuleSettings{{Name: name, Enabled: true}}
	claims, why, err := p.claims(ctx, only, user)
	switch {
	case err != nil:
		v.Why = fault.Of(err)
	case len(claims) == 0:
		v.Why = fault.New("claim", fault.Refused, why, "")
	case claims[0].filterErr != nil:
		v.Why = fault.Of(claims[0].filterErr)
	default:
		v.InScope, v.Why = true, faultOf(claims[0].record.EnabledErr)
	}
	return v
}

// provisioned finds the account of somebody in scope, and what a run would do.
func (i *Inspection) provisioned(ctx context.Context, p *provisioning) {
	m, err := p.find(ctx)
	i.Rule = owner(p.claims, m.Linked).Name
	if err != nil {
		i.unjudged(err)
		// The account is worth seeing although the person cannot be judged.
		i.Match, _, err = i.linked(ctx, p)
		i.Unread = unread(err)
		return
	}
	if m.SameName == nil && len(m.Linked) == 1 && p.person.Err == nil {
		m.SameName, err = p.tenant.UserByUPN(ctx, p.person.Desired.UserPrincipalName, p.settings.Selection())
		if err != nil && !fault.Is(err, fault.AccountNotFound) {
			i.Matching, i.Unread = fault.Of(err), fault.Of(err)
		}
	}
	i.Match = m
	_, change, err := p.decide(ctx, m)
	switch {
	case err == nil:
		i.Change = &change
	case p.person.Err != nil:
		i.unjudged(err)
	default:
		i.Deciding = fault.Of(err)
	}
}

// unjudged tells whether it is not known if the person is in scope, or which account is theirs.
func (i *Inspection) unjudged(err error) {
	if f := fault.Of(err); f.Reason == fault.FilterFailed || f.Reason == fault.EnabledUnreadable {
		i.Scope = f
	} else {
		i.Matching = f
	}
}

// left finds the account of somebody whom no enabled rule claims, and what deprovisioning would do.
func (i *Inspection) left(ctx context.Context, p *provisioning, why fault.Reason) {
	m, account, err := i.linked(ctx, p)
	if i.Match = m; err != nil {
		i.Matching, i.Unread = fault.Of(err), unread(err)
		return
	}
	i.Leaving = i.Scope.Reason == fault.PersonNotFound || i.Scope.Reason == fault.PersonOutOfScope
	if account == nil || !i.Leaving {
		return
	}
	l, _ := directory.ParseLink(account.Link)
	if err := p.settings.Runs(l.Rule); err != nil {
		i.Matching = fault.Of(err)
		return
	}
	r := &removal{Provisioner: p.Provisioner, in: api.RemoveInput{Connection: p.in.Connection, User: p.in.User}, settings: p.settings, tenant: p.tenant, why: why}
	_, change := r.decide(account, l.Rule)
	if change.Action != plan.None {
		doubt, err := r.inDoubt(ctx, account, l.Rule)
		if err == nil && doubt != "" {
			err = refuse("remove", doubt, "")
		}
		if err != nil {
			i.Deciding = fault.Of(err)
			return
		}
	}
	i.Change = &change
}

// linked finds the accounts that carry the person's link, in the recycle bin only where there is no other.
func (i *Inspection) linked(ctx context.Context, p *provisioning) (m plan.Match, one *directory.Account, err error) {
	if m.Linked, err = p.byLink(ctx, p.in.User, p.settings.Selection()); err != nil {
		return m, nil, err
	}
	switch len(m.Linked) {
	case 0:
		bin, err := p.readBin(ctx)
		if err != nil || len(bin.Linked) == 0 {
			return m, nil, err
		}
		if len(bin.Linked) == 1 {
			return plan.Match{Deleted: bin.Linked[0]}, nil, nil
		}
	case 1:
		return m, m.Linked[0], nil
	}
	return m, nil, refuse("match", fault.LinkDuplicate, "")
}

// unread is what kept the tenant from being read. Two accounts with one link have been read.
func unread(err error) *fault.Error {
	if err == nil || fault.Is(err, fault.LinkDuplicate) {
		return nil
	}
	return fault.Of(err)
}

// faultOf keeps the absence of an error what it is.
func faultOf(err error) *fault.Error {
	if err == nil {
		return nil
	}
	return fault.Of(err)
}
