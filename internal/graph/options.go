package graph

import (
	"maps"
	"slices"

	"github.com/entraflow/entraflow/internal/backoff"
)

// Option is what a caller knows of the circumstances of its calls. It decides what is made of some answers.
type Option func(*circumstances)

// circumstances are what options say.
type circumstances struct {
	attempt  int // counted from 1; 0 where the caller does not count
	recent   bool
	location bool
	// readOnly: no request that may change something is sent.
	readOnly bool
	// sent are the attributes in the request, cleared those among them that it clears.
	sent, cleared []string
	// groupID and accountIDs are the ends of the memberships that the request changes.
	groupID    string
	accountIDs []string
}

// Attempt says that this is the nth attempt, counted from 1 as Temporal does. The waits of NotReady and Uncertain faults grow
// with it, and some answers that may be a matter of time (a value of a domain that was added minutes ago, a license for an
// account whose location was just written) are retryable in the first attempts only. Without it every call is a first
// attempt, and those answers are final.
func Attempt(n int) Option { return func(c *circumstances) { c.attempt = n } }

// RecentlyWritten says that the account or the group was created or restored only just now: a "not found" is then
// fault.ReplicationPending (NotReady) and not fault.AccountNotFound or fault.TargetGroupNotFound.
func RecentlyWritten() Option { return func(c *circumstances) { c.recent = true } }

// LocationWritten says that the account's usage location was written only just now, or the account with it: that it is
// invalid is then fault.ReplicationPending (NotReady) for some minutes, and not fault.UsageLocationMissing.
func LocationWritten() Option { return func(c *circumstances) { c.location = true } }

// ReadOnly refuses every request that may change something with fault.WithheldByPolicy (Refused), before it is sent.
func ReadOnly() Option { return func(c *circumstances) { c.readOnly = true } }

// With returns a client for which the options hold in each call.
func (c *Client) With(options ...Option) *Client {
	other := *c
	for _, o := range options {
		o(&other.known)
	}
	return &other
}

// sending notes the attributes of a request: those with values, and others.
func sending(values map[string]string, others ...string) Option {
	return func(c *circumstances) {
		c.sent = append(slices.Sorted(maps.Keys(values)), others...)
		for _, name := range c.sent {
			if value, ok := values[name]; ok && value == "" {
				c.cleared = append(c.cleared, name)
			}
		}
	}
}

// linking notes which memberships a request changes; the group's id is "" where it has none yet.
func linking(groupID string, accountIDs []string) Option {
	return func(c *circumstances) { c.groupID, c.accountIDs = groupID, accountIDs }
}

// clears reports whether the request clears an attribute.
func (c circumstances) clears(name string) bool { return slices.Contains(c.cleared, name) }

// The waits that rows of the table of answers name.
func replicaWait(p backoff.Policy) backoff.Step  { return p.Replica }
func verifyWait(p backoff.Policy) backoff.Step   { return p.Verify }
func throttleWait(p backoff.Policy) backoff.Step { return p.Throttle }
func domainWait(p backoff.Policy) backoff.Step   { return p.Domain }
func locationWait(p backoff.Policy) backoff.Step { return p.Location }
