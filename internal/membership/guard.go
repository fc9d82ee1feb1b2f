package membership

import (
	"fmt"
	"sort"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// Guard says whether the memberships of a plan may be taken away. Beside it each group has a verdict of its own (Decision.Held).
type Guard struct {
	// Removals is how many people lose a membership now, and did not lose anything else in this sync.
	Removals int `json:"removals"`
	// Allowed is how many may, after what the sync has taken away already.
	Allowed int `json:"allowed"`
	// Held is how many people would lose a membership that is held; HeldGroups in how many groups.
	Held       int `json:"held,omitempty"`
	HeldGroups int `json:"heldGroups,omitempty"`
	// Approved: what is taken away was held before, and an administrator approved exactly this.
	Approved bool `json:"approved,omitempty"`
	// Reason is why memberships are held in all groups; "" where each group has its own reason, or none.
	Reason fault.Reason `json:"reason,omitempty"`
	// Hash identifies the exact set that is held, or was approved: which account in which group. "" where an approval changes nothing.
	Hash string `json:"hash,omitempty"`
}

// guard decides which groups lose members. A group that would lose everybody, or too large a share, is held by itself and gets nobody either.
// What is left is held if it is more than the rule may lose in one sync. People who left are not counted: the plan of the people has counted
// them.
func (b *builder) guard() Guard {
	g := Guard{Allowed: max(0, b.in.Preferences.RemovalGuard.Allowed(b.in.Linked)-b.in.Removed)}
	why := b.in.PeopleHeld
	if b.in.FirstSync {
		why = fault.FirstSyncHeld
	}
	if b.in.Limit.Withholds(config.PolicySync) {
		why = fault.WithheldByPolicy
	}
	var passing []plan.Loss
	for i := range b.plan.Decisions {
		d := &b.plan.Decisions[i]
		if len(d.Removes) == 0 {
			if d.Action == Delete && why != "" {
				// Nobody loses a membership, but the group is gone all the same.
				d.hold(why)
			}
			continue
		}
		losses := b.losses(d)
		reason := b.verdict(d, len(losses))
		d.HeldWhole = reason != "" && !b.in.Permit.Covers(losses)
		switch {
		case why != "":
			d.hold(why)
		case len(losses) == 0:
		case b.in.Permit.Covers(losses):
			b.plan.losses = append(b.plan.losses, losses...)
		case reason != "":
			d.hold(reason)
		default:
			passing = append(passing, losses...)
		}
	}
	if why == "" && persons(passing) > g.Allowed {
		g.Reason = fault.RemovalsHeld
		b.holdPassing(g.Reason)
		passing = nil
	}
	if why != "" {
		g.Reason = why
	}
	held := b.held()
	if why == "" && len(held) > 0 {
		g.Hash = plan.HashLosses(held)
		if b.in.Permit.Hash == g.Hash {
			g.Approved, g.Reason = true, ""
			b.release()
			passing, held = append(passing, held...), nil
		}
	}
	b.plan.losses = append(b.plan.losses, passing...)
	sort.Slice(b.plan.losses, func(i, j int) bool { return b.plan.losses[i].What < b.plan.losses[j].What })
	g.Removals, g.Held = persons(b.plan.losses), persons(held)
	for i := range b.plan.Decisions {
		if b.plan.Decisions[i].Held {
			g.HeldGroups++
		}
	}
	return g
}

// losses are those of a group that the guard counts: without people who lose something else in this sync, or lost it when they were
// deprovisioned. Of a group that is deleted all members count: nobody else has counted the group.
func (b *builder) losses(d *Decision) []plan.Loss {
	var out []plan.Loss
	for _, m := range d.Removes {
		person := m.Person
		if a := b.accounts[m.Account]; d.Action != Delete && person != "" && a != nil && (b.lost[a.key] || a.Deprovisioned) {
			continue
		}
		if person == "" {
			person = "account " + m.Account
		}
		out = append(out, plan.Loss{Person: person, What: fmt.Sprintf("%q %s %s", d.Group, d.Target, m.Account)})
	}
	return out
}

// verdict says why a group may not lose this many members of those that count; "" where it may. One person may always go, unless nobody
// would be left.
func (b *builder) verdict(d *Decision, losing int) fault.Reason {
	switch {
	case losing == 0:
		return ""
	case d.Wanted != nil && len(b.in.Memberships[d.Group].People) == 0:
		return fault.GroupEmpty
	case d.Present == len(d.Removes), losing > max(1, d.Present*b.in.Preferences.RemovalGuard.GroupPercent/100):
		return fault.GroupRemovalsHeld
	}
	return ""
}

// hold keeps the members of a group for now.
func (d *Decision) hold(reason fault.Reason) {
	d.Held, d.HoldReason = true, reason
	if d.Outcome == plan.Success {
		d.Outcome, d.Reason = plan.PartiallySynced, reason
	}
}

// holdPassing holds what the groups by themselves may lose, and was not permitted before.
func (b *builder) holdPassing(reason fault.Reason) {
	for i := range b.plan.Decisions {
		d := &b.plan.Decisions[i]
		if losses := b.losses(d); len(losses) > 0 && !d.Held && !b.in.Permit.Covers(losses) {
			d.hold(reason)
		}
	}
}

// held are the losses of the groups that are held.
func (b *builder) held() []plan.Loss {
	var out []plan.Loss
	for i := range b.plan.Decisions {
		if d := &b.plan.Decisions[i]; d.Held {
			out = append(out, b.losses(d)...)
		}
	}
	return out
}

// release lets go what an administrator approved.
func (b *builder) release() {
	for i := range b.plan.Decisions {
		b.plan.Decisions[i].Release()
	}
}

// persons counts people, each once.
func persons(losses []plan.Loss) int {
	seen := map[string]bool{}
	for _, l := range losses {
		seen[l.Person] = true
	}
	return len(seen)
}
