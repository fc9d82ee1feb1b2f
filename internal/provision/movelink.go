package provision

import (
	"context"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// MoveLink gives the account of one source id to another: a contractor became an employee and has a new id. The mark is kept, so that
// what we disabled and assigned before is still ours.
//
// It refuses as long as the old id is in scope or the new one is not, and where the new id has an account already, or had one within
// the time in which reads may not show it. The caller sees to it that no other run of either id is under way.
//
// Errors, all Refused and about nothing written: fault.PersonInScope (the old id), PersonNotFound, PersonOutOfScope (the new id),
// AccountNotFound, LinkDuplicate, LinkTargetTaken, AccountSynced, AccountGuest, UpdateNotAllowed; those of sources, settings and Graph.
func (p *Provisioner) MoveLink(ctx context.Context, in api.MoveLinkInput, attempt Attempt) (api.MoveLinkResult, error) {
	s, err := p.options.Settings.Fresh(ctx, in.Connection)
	if err != nil {
		return api.MoveLinkResult{}, err
	}
	if err := s.Usable(); err != nil {
		return api.MoveLinkResult{}, err
	}
	if s.Config.Preferences.Policy.Withholds(config.PolicyUpsertOnly) {
		return api.MoveLinkResult{}, refuse("move link", fault.WithheldByPolicy, "")
	}
	if !s.Config.Preferences.AllowUpdate {
		return api.MoveLinkResult{}, refuse("move link", fault.UpdateNotAllowed, "")
	}
	tenant, err := p.options.Tenant(s, graph.Attempt(attempt.Number))
	if err != nil {
		return api.MoveLinkResult{}, err
	}
	rule, err := p.mayMove(ctx, s, in)
	if err != nil {
		return api.MoveLinkResult{}, err
	}
	if s.Config.PeoplePolicy(rule).Withholds(config.PolicyUpsertOnly) {
		return api.MoveLinkResult{}, refuse("move link", fault.WithheldByPolicy, "rule "+rule)
	}
	// The lookups are those of a person's own run, for each of the two ids.
	from := &provisioning{Provisioner: p, in: api.ProvisionInput{Connection: in.Connection, User: in.User}, settings: s, tenant: tenant, attempt: attempt}
	to := &provisioning{Provisioner: p, in: api.ProvisionInput{Connection: in.Connection, User: in.To}, settings: s, tenant: tenant, attempt: attempt}
	to.evidence = to.firstEvidence()
	account, err := accountToMove(ctx, from, to)
	if err != nil {
		return api.MoveLinkResult{}, err
	}
	done := api.MoveLinkResult{AccountID: account.ID, Rule: rule}
	link := directory.NewLink(in.Connection, rule, in.To).String()
	if account.Link != link {
		if err := tenant.UpdateUser(ctx, account.ID, graph.Patch{Link: &link}, s.Selection(), graph.RecentlyWritten()); err != nil {
			if refused(ctx, err) {
				return done, err
			}
			return done, &OpenEnded{err}
		}
	}
	// Filters may not show the new link yet: the run that follows, and any other of this worker, reads the account by its id.
	to.remember(account.ID)
	p.given.Drop(in.Connection + "/" + in.User)
	p.seen.Drop(in.Connection + "/" + in.User)
	return done, nil
}

// mayMove makes sure that the old id is gone and the new one is there, and gives the rule that provisions the new one.
func (p *Provisioner) mayMove(ctx context.Context, s api.Settings, in api.MoveLinkInput) (rule string, err error) {
	old, _, err := p.claims(ctx, s, in.User)
	if err != nil {
		return "", err
	}
	if len(old) > 0 {
		return "", refuse("move link", fault.PersonInScope, in.User)
	}
	now, why, err := p.claims(ctx, s, in.To)
	if err != nil {
		return "", err
	}
	if len(now) == 0 {
		return "", refuse("move link", why, in.To)
	}
	return owner(now, nil).Name, nil
}

// accountToMove finds the one account of the old id, and makes sure that the new id has none.
func accountToMove(ctx context.Context, from, to *provisioning) (*directory.Account, error) {
	sel := from.settings.Selection()
	taken, err := to.byLink(ctx, to.in.User, sel)
	if err != nil {
		return nil, err
	}
	linked, err := from.byLink(ctx, from.in.User, sel)
	if err != nil {
		return nil, err
	}
	if len(linked) == 0 && len(taken) == 1 && to.attempt.Number > 1 {
		// An attempt before this one has moved it, and its answer was lost.
		return taken[0], nil
	}
	if len(taken) > 0 {
		return nil, refuse("move link", fault.LinkTargetTaken, to.in.User)
	}
	earlier, err := to.earlier(ctx, to.in.User)
	switch {
	case err != nil:
		return nil, err
	case earlier.Account != "" || !earlier.CutOff.IsZero():
		if len(linked) == 1 && linked[0].ID == earlier.Account {
			break // Moved by an attempt before, and the filter does not show it yet.
		}
		return nil, refuse("move link", fault.LinkTargetTaken, to.in.User)
	}
	bin, err := to.readBin(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case len(bin.Linked) > 0:
		return nil, refuse("move link", fault.LinkTargetTaken, to.in.User)
	case len(linked) == 0:
		return nil, refuse("move link", fault.AccountNotFound, from.in.User)
	case len(linked) > 1:
		return nil, refuse("move link", fault.LinkDuplicate, from.in.User)
	case linked[0].OnPremises:
		return nil, refuse("move link", fault.AccountSynced, "")
	case linked[0].Guest:
		return nil, refuse("move link", fault.AccountGuest, "")
	}
	return linked[0], nil
}
