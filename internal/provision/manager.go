package provision

import (
	"context"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// SetManager gives a person's account its manager, or takes the manager away, with one request. A repeated attempt reads first.
//
// A manager whose account was made a moment ago may be unknown to the server that answers: a 404 is taken for that in the
// first attempts, which last some minutes. A manager to be taken away who is gone already is no error.
//
// Errors: fault.ManagerNotFound (Refused) when the manager's account is still unknown then; AccountNotFound when it is the
// person's; the connection's ConnectionDisabled and ConnectionInvalid; those of Graph.
func (p *Provisioner) SetManager(ctx context.Context, in api.ManagerInput, attempt Attempt) error {
	s, tenant, err := p.usable(ctx, in.Connection, in.Revision, attempt)
	if err != nil {
		return err
	}
	if err := p.own(ctx, s, tenant, in.User, in.AccountID, in.RecentlyWritten, attempt); err != nil {
		return err
	}
	if attempt.Number > 1 {
		account, err := tenant.UserByID(ctx, in.AccountID, directory.Selection{Manager: true}, p.justRead(in.RecentlyWritten, attempt)...)
		if err != nil {
			return err
		}
		if strings.EqualFold(account.Manager, in.ManagerID) {
			return nil
		}
	}
	if in.ManagerID == "" {
		err := tenant.ClearManager(ctx, in.AccountID)
		if fault.Is(err, fault.AccountNotFound) {
			return nil
		}
		return err
	}
	err = tenant.SetManager(ctx, in.AccountID, in.ManagerID, p.justRead(false, attempt)...)
	patient := attempt.Number < missesBelieved
	if fault.Is(err, fault.AccountNotFound) || fault.Is(err, fault.ReplicationPending) && !patient {
		return p.whoIsMissing(ctx, tenant, in, attempt)
	}
	return err
}

// whoIsMissing tells which of the two accounts Graph does not know.
func (p *Provisioner) whoIsMissing(ctx context.Context, tenant Tenant, in api.ManagerInput, attempt Attempt) error {
	if _, err := tenant.UserByID(ctx, in.AccountID, directory.Selection{}, p.justRead(in.RecentlyWritten, attempt)...); err != nil {
		return err
	}
	return refuse("set manager", fault.ManagerNotFound, directory.Manager)
}

// manager finds the account of the person's manager, once an attempt; "" when there is none.
//
// Within a sync the plan has looked among all accounts, and as long as the person is read from the same state of the
// source, that is what counts. A manager whom the same sync is about to create is left to its next plan.
func (p *provisioning) manager(ctx context.Context, m plan.Match) (string, error) {
	want := p.person.Desired.Manager
	switch {
	case want == "":
		return "", nil
	case p.foundManager != nil:
		return *p.foundManager, nil
	case p.in.Planned != nil && p.sourceAsPlanned():
		return p.in.Planned.Manager, nil
	}
	found, err := p.lookForManager(ctx, want, m)
	if err != nil {
		return "", err
	}
	p.foundManager = &found
	return found, nil
}

// lookForManager reads: the name; or the manager that the account has, which is nearly always the right one; or else the
// links of all rules, and who was created so lately that filters may not show it.
func (p *provisioning) lookForManager(ctx context.Context, want string, m plan.Match) (string, error) {
	sel := p.settings.Selection()
	sel.Attributes, sel.Manager = nil, false
	if plan.IsManagerName(want) {
		account, err := p.tenant.UserByUPN(ctx, want, sel)
		switch {
		case fault.Is(err, fault.AccountNotFound), fault.Is(err, fault.UPNInvalid):
			return "", nil
		case err != nil:
			return "", err
		}
		return account.ID, nil
	}
	if id := presentManager(m); id != "" {
		account, err := p.tenant.UserByID(ctx, id, sel)
		// What is no user (a manager can be a contact), or has gone since, is not the person that the mapping means.
		if err != nil && !fault.Is(err, fault.AccountNotFound) {
			return "", err
		}
		if err == nil && isLinkOf(account, p.in.Connection, want) {
			return id, nil
		}
	}
	found, err := p.byLink(ctx, want, sel)
	switch {
	case err != nil:
		return "", err
	case len(found) == 1:
		return found[0].ID, nil
	case len(found) > 1:
		return "", nil
	}
	recent, err := p.earlier(ctx, want)
	if err != nil {
		return "", err
	}
	return recent.Account, nil
}

// presentManager is the manager that the person's account has.
func presentManager(m plan.Match) string {
	switch {
	case len(m.Linked) == 1:
		return m.Linked[0].Manager
	case m.SameName != nil:
		return m.SameName.Manager
	}
	return ""
}
