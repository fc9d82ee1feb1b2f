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
	// Removals is how many people something would be taken away from.
	Removals int `json:"removals"`
	// Allowed is how many the preferences allow for this many linked users.
	Allowed int `json:"allowed"`
	// Linked is the number of the rule's linked users that Allowed was reckoned from.
	Linked int `json:"linked"`
	// Held: no removal is carried out.
	Held bool `json:"held"`
	// Reason is why; "" when nothing is held.
	Reason fault.Reason `json:"reason,omitempty"`
	// Hash identifies the exact set of removals: who, and what is done. A recomputed plan with another hash is another plan.
	Hash string `json:"hash,omitempty"`
}

// guard counts the removals and decides.
func (b *builder) guard() Guard {
	removals := b.plan.Removals()
	g := Guard{
		Removals: len(removals),
		Linked:   b.plan.Linked,
		Allowed:  b.in.Preferences.RemovalGuard.Allowed(b.plan.Linked),
	}
	if g.Removals == 0 {
		return g
	}
	g.Hash = removalHash(removals)
	switch {
	case b.in.FirstSync:
		g.Held, g.Reason = true, fault.FirstSyncHeld
	case g.Removals+b.in.Removed > g.Allowed:
		g.Held, g.Reason = true, fault.RemovalsHeld
	}
	return g
}

// Removals are the changes that take something away, sorted by source id. People who left are not among them while
// nothing is done about them.
func (p *Plan) Removals() []Change {
	var out []Change
	for i := range p.Entries {
		if c := p.Entries[i].Change; c != nil && c.Removes() {
			out = append(out, *c)
		}
	}
	return out
}

// removalHash is the same for the same people losing the same things.
func removalHash(removals []Change) string {
	lines := make([]string, 0, len(removals))
	for _, c := range removals {
		lines = append(lines, fmt.Sprintf("%s %s %t %v", c.SourceID, c.AccountID, c.Disable, c.RemoveLicenses))
	}
	sort.Strings(lines)
	h := sha256.New()
	for _, l := range lines {
		fmt.Fprintln(h, l)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}
