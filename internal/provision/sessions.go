package provision

import (
	"context"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// RevokeSessions makes every sign-in of a disabled account invalid. Repeating it does no harm.
//
// Errors: those of own, and of Graph. A failure leaves the account disabled, with sessions that end by themselves within the
// hour.
func (p *Provisioner) RevokeSessions(ctx context.Context, in api.RevokeInput, attempt Attempt) error {
	s, tenant, err := p.usable(ctx, in.Connection, 0, attempt)
	if err != nil {
		return err
	}
	if err := p.own(ctx, s, tenant, in.User, in.AccountID, false, attempt); err != nil {
		return err
	}
	return tenant.RevokeSessions(ctx, in.AccountID, p.justRead(false, attempt)...)
}

// own makes sure that an account is the person's: whoever reaches Temporal can name any. What this worker has seen so a short
// time ago is not read again. young is that of justRead.
//
// Errors: fault.LinkChanged (Refused), in the first attempts ReplicationPending (NotReady), since the link may be older than
// the read.
func (p *Provisioner) own(ctx context.Context, s api.Settings, tenant Tenant, user, account string, young bool, attempt Attempt) error {
	if seen, ok := p.seen.Get(s.Config.Name + "/" + user); ok && seen == account {
		return nil
	}
	sel := s.Selection()
	sel.Attributes, sel.Manager = nil, false
	a, err := tenant.UserByID(ctx, account, sel, p.justRead(young, attempt)...)
	switch {
	case err != nil:
		return err
	case isLinkOf(a, s.Config.Name, user):
		return nil
	case attempt.Number < missesBelieved:
		f := fault.New("check link", fault.NotReady, fault.ReplicationPending, "")
		f.RetryAfter = p.options.Waits.Unseen
		return f
	}
	return refuse("check link", fault.LinkChanged, "")
}

// usable gives the settings of a connection under which people may be provisioned, and its tenant.
//
// Errors: fault.ConnectionDisabled, ConnectionInvalid (Refused).
func (p *Provisioner) usable(ctx context.Context, connection string, revision int, attempt Attempt) (api.Settings, Tenant, error) {
	s, err := p.options.Settings.AtLeast(ctx, connection, revision)
	if err != nil {
		return s, nil, err
	}
	if err := s.Usable(); err != nil {
		return s, nil, err
	}
	tenant, err := p.options.Tenant(s, graph.Attempt(attempt.Number))
	return s, tenant, err
}

// missesBelieved is from which attempt on a 404 for an account that was read shortly before is believed to mean that it is
// gone, and not that a server does not know it yet.
const missesBelieved = 5

// justRead are the circumstances of a call about an account that was read just before, or created (young). One that was
// created is waited for as long as reads may take to show it, and not for ever: somebody may have deleted it since.
func (p *Provisioner) justRead(young bool, attempt Attempt) []graph.Option {
	young = young && p.options.Now().Sub(attempt.Since) <= p.options.Waits.Settle
	if young || attempt.Number < missesBelieved {
		return []graph.Option{graph.RecentlyWritten()}
	}
	return nil
}
