package activities

import (
	"context"
	"strings"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/plan"
)

// SetManager gives an account its manager, or takes the manager away, with one request. A repeated attempt reads first.
//
// A manager whose account was made a moment ago may be unknown to the server that answers: a 404 is taken for that in the
// first attempts, which last some minutes. A manager to be taken away who is gone already is no error.
//
// Errors: fault.ManagerNotFound (Refused) when the manager's account is still unknown then; AccountNotFound when it is the
// person's; the connection's ConnectionDisabled and ConnectionInvalid; those of Graph.
func (a *Activities) SetManager(ctx context.Context, in api.ManagerInput) error {
	s, err := a.settings.get(ctx, in.Connection, in.Revision)
	if err != nil {
		return err
	}
	if err := s.Usable(); err != nil {
		return err
	}
	client, err := a.client(s)
	if err != nil {
		return err
	}
	defer heartbeat(ctx)()
	if activity.GetInfo(ctx).Attempt > 1 {
		account, err := client.UserByID(a.justRead(ctx, in.Young), in.AccountID, directory.Selection{Manager: true})
		if err != nil {
			return err
		}
		if strings.EqualFold(account.Manager, in.ManagerID) {
			return nil
		}
	}
	if in.ManagerID == "" {
		err := client.ClearManager(ctx, in.AccountID)
		if fault.Is(err, fault.AccountNotFound) {
			return nil
		}
		return err
	}
	err = client.SetManager(a.justRead(ctx, false), in.AccountID, in.ManagerID)
	patient := activity.GetInfo(ctx).Attempt < missesBelieved
	if fault.Is(err, fault.AccountNotFound) || fault.Is(err, fault.ReplicationPending) && !patient {
		return a.whoIsMissing(ctx, client, in)
	}
	return err
}

// whoIsMissing tells which of the two accounts Graph does not know.
func (a *Activities) whoIsMissing(ctx context.Context, client *graph.Client, in api.ManagerInput) error {
	if _, err := client.UserByID(a.justRead(ctx, in.Young), in.AccountID, directory.Selection{}); err != nil {
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
		account, err := p.client.UserByUPN(ctx, want, sel)
		switch {
		case fault.Is(err, fault.AccountNotFound), fault.Is(err, fault.UPNInvalid):
			return "", nil
		case err != nil:
			return "", err
		}
		return account.ID, nil
	}
	key := directory.NewLink(p.in.Connection, "", want).PersonKey()
	if id := presentManager(m); id != "" {
		account, err := p.client.UserByID(ctx, id, sel)
		// What is no user (a manager can be a contact), or has gone since, is not the person that the mapping means.
		if err != nil && !fault.Is(err, fault.AccountNotFound) {
			return "", err
		}
		if err == nil {
			if l, ok := directory.ParseLink(account.Link); ok && l.PersonKey() == key {
				return id, nil
			}
		}
	}
	var found []string
	for _, rule := range p.settings.LinkRules() {
		accounts, err := p.client.UsersByLink(ctx, directory.NewLink(p.in.Connection, rule, want).String(), sel)
		if err != nil {
			return "", err
		}
		for _, a := range accounts {
			found = append(found, a.ID)
		}
	}
	switch len(found) {
	case 0:
		recent, err := p.a.recentAccount(ctx, p.in.Connection, want)
		return recent.account, err
	case 1:
		return found[0], nil
	}
	return "", nil
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
