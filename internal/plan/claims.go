package plan

import (
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/source"
)

// Claim says which rules want a person. They are counted in the order of the file; the zero value has none.
type Claim struct {
	// first is the first rule that claims the person, linked one that does and stands in the person's link; both count from 1.
	first, linked int16
}

// Note notes a rule that claims the person, and whether it stands in the person's link.
func (c *Claim) Note(rule int, inLink bool) {
	n := int16(rule) + 1
	if c.first == 0 || n < c.first {
		c.first = n
	}
	if c.linked == 0 && inLink {
		c.linked = n
	}
}

// Owner is the rule that provisions the person: the one in the link while it claims the person, else the first in the file;
// -1 where there is none.
func (c Claim) Owner() int {
	if c.linked != 0 {
		return int(c.linked) - 1
	}
	return int(c.first) - 1
}

// claim says which rules and sources want a person.
type claim struct {
	Claim
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
		c = &claim{from: int16(group)}
		b.claims[r.ID] = c
	}
	c.twice = c.twice || c.from != int16(group)
	if !wanted {
		return
	}
	inLink := false
	for _, i := range b.accounts(r.ID) {
		b.notePresence(i, claimed)
		l, _ := directory.ParseLink(b.in.Accounts[i].Link)
		inLink = inLink || l.Rule == b.in.Rules[rule].Name
	}
	c.Note(int(rule), inLink)
}

// owner is the rule that provisions a person. ok is false when two sources have the id.
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
	}
	return c.Owner(), true
}
