package plan

import (
	"context"
	"slices"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/source"
)

// claim says which rules want a person.
type claim struct {
	// first is the first rule in the file that claims the person, linked one that does and stands in the person's link.
	first, linked int16
	// from is the first rule whose source has the id, be the person in scope or not.
	from int16
	// twice: a second source has the id, so nobody can tell whose account it is.
	twice bool
}

// claim reads the sources of all rules where more than one could claim a person.
func (b *builder) claim(ctx context.Context) error {
	if len(b.in.Rules) == 1 {
		return nil
	}
	b.claims = map[string]*claim{}
	oneSource := !slices.ContainsFunc(b.in.Rules, func(r RulePeople) bool { return r.SourceKey != b.in.Rules[0].SourceKey })
	for i, rule := range b.in.Rules {
		if _, err := b.read(ctx, rule, func(r source.Record) { b.note(int16(i), r, oneSource) }); err != nil {
			return err
		}
	}
	return nil
}

// note records that a rule's source has a person, and whether the rule claims the person. A filter that fails leaves open
// whether the person is in; nobody else may act as if the rule had let go.
func (b *builder) note(rule int16, r source.Record, oneSource bool) {
	in, err := b.in.Rules[rule].Program.InScope(r)
	wanted := in || err != nil
	if !wanted && oneSource {
		return
	}
	c := b.claims[r.ID]
	if c == nil {
		c = &claim{first: nobody, linked: nobody, from: rule}
		b.claims[r.ID] = c
	}
	c.twice = c.twice || b.in.Rules[c.from].SourceKey != b.in.Rules[rule].SourceKey
	if !wanted {
		return
	}
	if c.first == nobody {
		c.first = rule
	}
	for _, i := range b.accounts(r.ID) {
		b.settleFate(i, claimed)
		if l, _ := directory.ParseLink(b.in.Accounts[i].Link); c.linked == nobody && l.Rule == b.in.Rules[rule].Name {
			c.linked = rule
		}
	}
}

// owner is the rule that provisions a person: the one in the link while it claims the person, else the first in the
// file. ok is false when two sources have the id.
func (b *builder) owner(id string) (rule int, ok bool) {
	if b.claims == nil {
		return b.rule, true
	}
	c := b.claims[id]
	switch {
	case c == nil:
		return nobody, true
	case c.twice:
		return b.rule, false
	case c.linked != nobody:
		return int(c.linked), true
	}
	return int(c.first), true
}
