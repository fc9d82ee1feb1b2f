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

// Permit is what lets removals pass without being counted anew.
type Permit struct {
	// Hash is a set that an administrator approved, by Guard.Hash; "" when none.
	Hash string
	// Keys are the removals that passed earlier in the same sync (Plan.RemovalKeys). A plan made anew after a restart has
	// what is left of them.
	Keys []byte
}

// guard counts the removals and decides.
func (b *builder) guard() Guard {
	removals := b.plan.Removals()
	g := Guard{
		Removals: len(removals),
		Linked:   b.plan.Active,
		Allowed:  b.in.Preferences.RemovalGuard.Allowed(b.plan.Active),
	}
	if g.Removals == 0 {
		return g
	}
	g.Hash = removalHash(removals)
	switch {
	case b.in.FirstSync:
		g.Held, g.Reason = true, fault.FirstSyncHeld
	case b.in.Permit.Hash != "" && b.in.Permit.Hash == g.Hash:
		g.Approved = true
	case b.in.Permit.covers(removals):
	case b.plan.Snapshot.Count == 0 && b.plan.Active > 0:
		g.Held, g.Reason = true, fault.SourceEmpty
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
func (p *Plan) Removals() []Change {
	var out []Change
	for _, entries := range [][]Entry{p.Entries, p.Leavers} {
		for i := range entries {
			if c := entries[i].Change; c != nil && c.Removes() {
				out = append(out, *c)
			}
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].SourceID < out[j].SourceID })
	return out
}

// removalLine says who loses what. The account's id is in it: the same person with another account is another removal. What
// else is done about the person is not: a held sync does that, and what it held must still be the same set then.
func removalLine(c Change) string {
	return fmt.Sprintf("%q %s %t %t %t %v", c.SourceID, c.AccountID, c.Disable, c.Delete, c.Action == Remove, c.RemoveLicenses)
}

// removalHash is the same for the same people losing the same things.
func removalHash(removals []Change) string {
	lines := make([]string, 0, len(removals))
	for _, c := range removals {
		lines = append(lines, removalLine(c))
	}
	sort.Strings(lines)
	h := sha256.New()
	for _, l := range lines {
		fmt.Fprintln(h, l)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// removalKey stands for one removal in a permit: the first eight bytes of its line's hash.
type removalKey [8]byte

func keyOf(c Change) removalKey {
	sum := sha256.Sum256([]byte(removalLine(c)))
	return removalKey(sum[:8])
}

// RemovalKeys are the plan's removals for a Permit, eight bytes each: 110 KB for 14,000 people.
func (p *Plan) RemovalKeys() []byte {
	var out []byte
	for _, c := range p.Removals() {
		key := keyOf(c)
		out = append(out, key[:]...)
	}
	return out
}

// covers reports whether each removal was permitted before.
func (p Permit) covers(removals []Change) bool {
	if len(p.Keys) == 0 {
		return false
	}
	permitted := map[removalKey]bool{}
	for i := 0; i+8 <= len(p.Keys); i += 8 {
		permitted[removalKey(p.Keys[i:i+8])] = true
	}
	for _, c := range removals {
		if !permitted[keyOf(c)] {
			return false
		}
	}
	return true
}
