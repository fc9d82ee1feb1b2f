package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"

	"github.com/entraflow/entraflow/internal/fault"
)

// Guard says whether the removals of a plan may be carried out: all of them or none.
type Guard struct {
	// Removals is how many people something would be taken away from, those who left among them.
	Removals int `json:"removals"`
	// Allowed is how many the preferences allow for this many linked users.
	Allowed int `json:"allowed"`
	// Linked is the number of the rule's linked users that Allowed was reckoned from. Those deprovisioned earlier do not
	// count: after some years there are more of them than of the others.
	Linked int `json:"linked"`
	// Held: no removal is carried out.
	Held bool `json:"held"`
	// Approved: the removals are carried out because an administrator approved exactly these.
	Approved bool `json:"approved,omitempty"`
	// Reason is why; "" when nothing is held.
	Reason fault.Reason `json:"reason,omitempty"`
	// Hash identifies the exact set of removals: who, and what is done. A recomputed plan with another hash is another plan.
	Hash string `json:"hash,omitempty"`
}

// Permit is what lets removals pass without being counted again.
type Permit struct {
	// Hash is a set that an administrator approved, by Guard.Hash; "" when none.
	Hash string
	// Keys are the removals that passed earlier in the same sync (Plan.RemovalKeys). A plan made again after a restart has
	// what is left of them.
	Keys []byte
}

// Loss is what the guard counts and compares: something that one person would lose. People are counted once, however much
// they lose, and whatever it is: access and licenses here, memberships of groups in internal/membership.
type Loss struct {
	// Person is the source id.
	Person string
	// What says who loses what in one line. The account's id is in it: the same person with another account is another
	// loss. What else is done about the person is not: a held sync does that, and what it held must still be the same then.
	What string
}

// losses are those of the plan's removals, in their order.
func (p *Plan) losses() []Loss {
	out := make([]Loss, 0, len(p.removals))
	for _, c := range p.removals {
		out = append(out, Loss{c.SourceID, fmt.Sprintf("%q %s %t %t %t %v", c.SourceID, c.AccountID, c.Disable, c.Delete, c.Action == Remove, c.RemoveLicenses)})
	}
	return out
}

// guard counts the losses and decides. Those of one person stand together.
func (b *builder) guard(losses []Loss) Guard {
	g := Guard{
		Linked:  b.plan.Active,
		Allowed: b.in.Preferences.RemovalGuard.Allowed(b.plan.Active),
	}
	for i, l := range losses {
		if i == 0 || losses[i-1].Person != l.Person {
			g.Removals++
		}
	}
	if g.Removals == 0 {
		return g
	}
	g.Hash = HashLosses(losses)
	switch {
	case b.in.FirstSync:
		g.Held, g.Reason = true, fault.FirstSyncHeld
	case b.in.Permit.Hash != "" && b.in.Permit.Hash == g.Hash:
		g.Approved = true
	case b.in.Permit.Covers(losses):
	case b.plan.Snapshot.Count == 0 && b.plan.Active > 0:
		g.Held, g.Reason = true, fault.SourceEmpty
	case b.plan.Snapshot.Open && !b.in.EndsOpen:
		g.Held, g.Reason = true, fault.SourceEndUnknown
	case b.staying == 0 && b.plan.leaving() > 1:
		g.Held, g.Reason = true, fault.EverybodyLeft
	case g.Removals+b.in.Removed > g.Allowed:
		g.Held, g.Reason = true, fault.RemovalsHeld
	}
	return g
}

// leaving is how many people would be deprovisioned.
func (p *Plan) leaving() int {
	n := 0
	for i := range p.Leavers {
		if p.Leavers[i].Change != nil {
			n++
		}
	}
	return n
}

// Removals are the changes that take something away, sorted by source id: from people in scope, and from those who left.
func (p *Plan) Removals() []*Change { return p.removals }

// sortRemovals finds the removals, once for all pages of the plan.
func (p *Plan) sortRemovals() {
	p.removals = p.removals[:0]
	for _, entries := range [][]Entry{p.Entries, p.Leavers} {
		for i := range entries {
			if c := entries[i].Change; c != nil && c.Removes() {
				p.removals = append(p.removals, c)
			}
		}
	}
	sort.SliceStable(p.removals, func(i, j int) bool { return p.removals[i].SourceID < p.removals[j].SourceID })
}

// HashLosses is the same for the same people losing the same things.
func HashLosses(losses []Loss) string {
	lines := make([]string, 0, len(losses))
	for _, l := range losses {
		lines = append(lines, l.What)
	}
	sort.Strings(lines)
	h := sha256.New()
	for _, l := range lines {
		fmt.Fprintln(h, l)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// lossKey stands for one loss in a permit: the first eight bytes of the hash of its line.
type lossKey [8]byte

func (l Loss) key() lossKey {
	sum := sha256.Sum256([]byte(l.What))
	return lossKey(sum[:8])
}

// MaxPermitted is how many removals a permit has room for: 1.6 MB in a history. Where more pass the guard, there is no
// permit, and a plan made again after a restart passes the guard again.
const MaxPermitted = 150_000

// RemovalKeys are the plan's removals for a Permit, eight bytes each; none where they are held or more than MaxPermitted.
func (p *Plan) RemovalKeys() []byte {
	if p.Guard.Held || len(p.removals) > MaxPermitted {
		return nil
	}
	return LossKeys(p.losses())
}

// LossKeys are losses for a Permit, eight bytes each; none where they are more than MaxPermitted.
func LossKeys(losses []Loss) []byte {
	if len(losses) > MaxPermitted {
		return nil
	}
	var out []byte
	for _, l := range losses {
		key := l.key()
		out = append(out, key[:]...)
	}
	return out
}

// Covers reports whether each loss was permitted before.
func (p Permit) Covers(losses []Loss) bool {
	if len(p.Keys) == 0 {
		return false
	}
	permitted := map[lossKey]bool{}
	for i := 0; i+8 <= len(p.Keys); i += 8 {
		permitted[lossKey(p.Keys[i:i+8])] = true
	}
	for _, l := range losses {
		if !permitted[l.key()] {
			return false
		}
	}
	return true
}
