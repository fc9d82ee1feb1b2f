package plan

import (
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/source"
)

// claim says which rules want a person.
type claim struct {
	// first is the first rule in the file that claims the person, linked one that does and stands in the person's link.
	first, linked int16
	// from is the first source that has the id, be the person in scope or not.
	from int16
	// twice: a second source has the id, so nobody can tell whose account it is.
	twice bool
}

// note records that a source has a person, and which of its rules claims the person. A filter that fails leaves open
// whether the person is in; nobody else may act as if the rule had let go.
func (b *builder) note(group int, rule int16, r source.Record, wanted bool) {
	if b.claims == nil || !wanted && len(b.groups) == 1 {
		return
	}
	c := b.claims[r.ID]
	if c == nil {
		c = &claim{first: nobody, linked: nobody, from: int16(group)}
		b.claims[r.ID] = c
	}
	c.twice = c.twice || c.from != int16(group)
	if !wanted {
		return
	}
	if c.first == nobody || rule < c.first {
		c.first = rule
	}
	for _, i := range b.accounts(r.ID) {
		b.notePresence(i, claimed)
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
