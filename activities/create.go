package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/plan"
)

// createAttempt is the heartbeat that is recorded before an account is created, so that the next attempt knows that it
// may have been, and under which name. The name is hashed: heartbeats are stored by Temporal.
type createAttempt struct {
	Name string    `json:"name"`
	At   time.Time `json:"at"`
}

func lastCreateAttempt(ctx context.Context) *createAttempt {
	if !activity.HasHeartbeatDetails(ctx) {
		return nil
	}
	var c createAttempt
	if err := activity.GetHeartbeatDetails(ctx, &c); err != nil || c.Name == "" {
		return nil
	}
	return &c
}

// nameKey stands for a user principal name where it must not be stored.
func nameKey(connection, upn string) string {
	sum := sha256.Sum256([]byte(connection + "\x00" + strings.ToLower(upn)))
	return hex.EncodeToString(sum[:8])
}

// existingAccount reports that a creation met the person's own or another account, found by reading after a conflict.
type existingAccount struct{ match plan.Match }

func (*existingAccount) Error() string { return "the account exists" }

// create makes the account, unless reading shows after a conflict that it exists.
func (p *provisioning) create(ctx context.Context, c plan.Change) (id string, err error) {
	desired := p.person.Desired
	password, err := p.claim.program.Password(p.claim.record, p.a.options.Random, func(ref string) (string, error) {
		return config.Secret(ctx, ref)
	})
	if err != nil {
		return "", err
	}
	if err := p.announce(ctx); err != nil {
		return "", err
	}
	id, err = p.client.CreateUser(ctx, graph.NewUser{
		UserPrincipalName: desired.UserPrincipalName,
		Password:          password,
		Enabled:           c.Mark.Disabled == "",
		ResetPassword:     desired.ResetPassword,
		Attributes:        desired.Attributes,
		Link:              directory.NewLink(p.in.Connection, p.claim.rule.Name, p.person.ID).String(),
		Mark:              c.Mark.String(),
	}, p.settings.Selection())
	if fault.Is(err, fault.AccountExists) {
		err := p.afterConflict(ctx, err)
		var met *existingAccount
		if errors.As(err, &met) && len(met.match.Linked) == 0 {
			p.nothingCreated(ctx)
		}
		return "", err
	}
	if kind := fault.KindOf(err); kind != "" && kind != fault.Uncertain && kind != fault.Internal && ctx.Err() == nil {
		p.nothingCreated(ctx)
	}
	if err != nil {
		return "", err
	}
	p.a.recent.remember(p.in.Connection+"/"+p.in.User, id)
	return id, nil
}

// nothingCreated takes the announcement back: Graph has refused this request, and no request before it may have created
// anything.
func (p *provisioning) nothingCreated(ctx context.Context) {
	if p.posted != nil {
		return
	}
	if p.pulse.note(ctx, p.a.options.Temporal, createAttempt{}) == nil {
		p.announced = false
	}
}

// announce records, before the request, that an account may come into being under this name. The time stays that of the
// first attempt with the name.
func (p *provisioning) announce(ctx context.Context) error {
	attempt := createAttempt{Name: nameKey(p.in.Connection, p.person.Desired.UserPrincipalName), At: p.a.options.Now()}
	if p.posted != nil && p.posted.Name == attempt.Name {
		attempt.At = p.posted.At
	}
	p.announced = true
	return p.pulse.note(ctx, p.a.options.Temporal, attempt)
}

// afterConflict looks for the account that has the name. One that cannot be seen yet is waited for: the conflict proves
// that it is there.
func (p *provisioning) afterConflict(ctx context.Context, conflict error) error {
	account, err := p.client.UserByUPN(ctx, p.person.Desired.UserPrincipalName, p.settings.Selection())
	switch {
	case err == nil:
	case fault.Is(err, fault.AccountNotFound) && p.settled():
		// Something that is not a user, or sits in a place we cannot read, has the name.
		return fault.Wrap("create user", fault.Refused, fault.UPNTaken, directory.UserPrincipalName, conflict)
	case fault.Is(err, fault.AccountNotFound):
		e := fault.Wrap("create user", fault.NotReady, fault.ReplicationPending, "", conflict)
		e.RetryAfter = p.a.pace(5 * time.Second)
		return e
	default:
		return err
	}
	m := plan.Match{SameName: account}
	if p.isOurs(account) {
		m.Linked = []*directory.Account{account}
		p.a.recent.remember(p.in.Connection+"/"+p.in.User, account.ID)
	}
	return &existingAccount{match: m}
}

// settled reports that the first attempt lies so far back that everything written then can be read.
func (p *provisioning) settled() bool {
	return p.posted != nil && p.a.options.Now().Sub(p.posted.At) > p.a.options.Settle
}
