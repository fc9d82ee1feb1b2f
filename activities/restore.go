package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/plan"
)

// restoreAttempt is the heartbeat that is recorded before an account is taken out of the recycle bin, so that the next
// attempt knows which one it may find neither there nor, for a while, among the others.
type restoreAttempt struct {
	Account string    `json:"restored"`
	At      time.Time `json:"at"`
}

func lastRestoreAttempt(ctx context.Context) *restoreAttempt {
	if !activity.HasHeartbeatDetails(ctx) {
		return nil
	}
	var r restoreAttempt
	if err := activity.GetHeartbeatDetails(ctx, &r); err != nil || r.Account == "" {
		return nil
	}
	return &r
}

// restore takes the account out of the bin and then treats it as any linked one.
func (p *provisioning) restore(ctx context.Context, c plan.Change) (api.ProvisionResult, error) {
	again := p.taken != nil && p.taken.Account == c.AccountID
	if !again {
		p.taken = &restoreAttempt{Account: c.AccountID, At: p.a.options.Now()}
	}
	if err := p.pulse.note(ctx, p.a.options.Temporal, *p.taken); err != nil {
		return api.ProvisionResult{}, err
	}
	err := p.client.RestoreUser(ctx, c.AccountID)
	switch {
	case fault.Is(err, fault.AccountExists):
		return api.ProvisionResult{}, fault.Wrap("restore user", fault.Refused, fault.UPNTaken, directory.UserPrincipalName, err)
	case again && fault.Is(err, fault.AccountNotFound):
		// An earlier attempt has taken it out, and the bin was read from a server that does not know.
	case err != nil:
		return api.ProvisionResult{}, err
	}
	p.restored = true
	// A pass that begins anew, because settings changed just now, has no heartbeat of this one.
	p.a.recent.remember(p.in.Connection+"/"+p.in.User, c.AccountID)
	account, err := p.client.UserByID(graph.Young(ctx), c.AccountID, p.settings.Selection())
	if err != nil {
		return api.ProvisionResult{}, err
	}
	if !p.isOurs(account) {
		return api.ProvisionResult{}, refuse("restore user", fault.LinkChanged, "")
	}
	done, err := p.act(ctx, plan.Match{Linked: []*directory.Account{account}})
	if fault.KindOf(err) == fault.Stale {
		// Another pass would not know that the account was taken out.
		err = fault.Wrap("restore user", fault.Transient, fault.Of(err).Reason, "", err)
	}
	return done, err
}

// matchTaken looks for the account that an earlier attempt may have taken out of the bin. Where it is neither among the
// accounts nor in the bin, only time tells which of the two reads lags; a second account for the person would be worse.
func (p *provisioning) matchTaken(ctx context.Context) (plan.Match, error) {
	account, err := p.client.UserByID(ctx, p.taken.Account, p.settings.Selection())
	switch {
	case err == nil && !p.isOurs(account):
		return plan.Match{}, refuse("restore user", fault.LinkChanged, "")
	case err == nil:
		p.restored = true
		m := plan.Match{Linked: []*directory.Account{account}}
		return m, p.evaluate(m.Linked)
	case !fault.Is(err, fault.AccountNotFound):
		return plan.Match{}, err
	}
	if err := p.evaluate(nil); err != nil {
		return plan.Match{}, err
	}
	if m, found, err := p.inBin(ctx); found || err != nil {
		return m, err
	}
	if p.a.options.Now().Sub(p.taken.At) > p.a.options.Settle {
		return p.matchAfresh(ctx)
	}
	e := fault.New("match", fault.NotReady, fault.ReplicationPending, "")
	e.RetryAfter = p.a.pace(15 * time.Second)
	return plan.Match{}, e
}
