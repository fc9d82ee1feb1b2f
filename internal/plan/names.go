package plan

import (
	"hash/maphash"
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/source"
)

// nameUse counts the people who want one user principal name.
type nameUse struct {
	wanted int32
	// unlinked are those of them who have no linked account.
	unlinked int32
	held     bool
}

// claimName notes the name of somebody about whom nothing else is decided here; a mapping that fails is reported
// where it is.
func (b *builder) claimName(program *mapping.Program, r source.Record, linked []*directory.Account) {
	if upn, err := program.UserPrincipalName(r); err == nil {
		b.want(upn, linked)
	}
}

// nameKey stands for a user principal name, compared without case.
func (b *builder) nameKey(upn string) uint64 { return maphash.String(b.seed, strings.ToLower(upn)) }

// want notes that somebody wants a name, and whether their own account has it already.
func (b *builder) want(upn string, linked []*directory.Account) (name uint64) {
	name = b.nameKey(upn)
	use := b.names[name]
	use.wanted++
	if len(linked) == 0 {
		use.unlinked++
	}
	use.held = use.held || len(linked) == 1 && strings.EqualFold(linked[0].UserPrincipalName, upn)
	b.names[name] = use
	return name
}

// conflictingNames fails the people who want one name together. Where one of them holds it already, the decisions stand as
// they are: the holder keeps it, and to the others it is taken.
func (b *builder) conflictingNames() {
	for i := range b.plan.Entries {
		e := &b.plan.Entries[i]
		if use := b.names[e.name]; e.name == 0 || use.wanted < 2 || use.held {
			continue
		}
		// Nobody's account stays open for that.
		p := Person{ID: e.SourceID, Enabled: e.Change == nil || !e.Change.Disable,
			Desired: mapping.Desired{AccountEnabled: true}, Err: fault.New("match", fault.Refused, fault.UPNConflict, directory.UserPrincipalName)}
		var m Match
		for _, i := range b.accounts(e.SourceID) {
			m.Linked = append(m.Linked, &b.in.Accounts[i])
		}
		*e = b.decide(p, m)
	}
}
