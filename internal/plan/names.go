package plan

import (
	"hash/maphash"
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/source"
)

// Names counts how many people want each user principal name, compared without case. Names are kept as hashes.
type Names struct {
	seed maphash.Seed
	uses map[uint64]nameUse
}

// nameUse counts the people who want one name.
type nameUse struct {
	wanted int32
	// unlinked are those of them who have no linked account.
	unlinked int32
	// others are those of the unlinked who are known to be somebody else than the person whose account has it.
	others int32
	// held: the account of one of them has it.
	held bool
	// perhaps: somebody without an account, to whom a mapping gives several names, may get it. Nobody wants it for that.
	perhaps bool
}

// mayBeHolder reports that somebody who wants the name, or may get it, may be the person whose account has it, under another id.
func (u nameUse) mayBeHolder() bool { return u.perhaps || u.unlinked > u.others }

// NewNames counts nobody yet.
func NewNames() Names { return Names{maphash.MakeSeed(), map[uint64]nameUse{}} }

// Want counts one more person who wants the name. One whose mapping fails wants none.
func (n Names) Want(program *mapping.Program, r source.Record) {
	if upn, wants := wantedName(program, r); wants {
		n.want(upn, nil)
	}
}

// wantedName is the one name that somebody wants. Nobody wants one in particular whose mapping gives several, nor whose mapping fails, which is
// reported where it is.
func wantedName(program *mapping.Program, r source.Record) (upn string, wants bool) {
	if program.ChoosesName() {
		return "", false
	}
	names, err := program.SignInNames(r)
	if err != nil {
		return "", false
	}
	return names[0], true
}

// Wanted is how many people want a name.
func (n Names) Wanted(upn string) int { return int(n.use(upn).wanted) }

// key stands for a name.
func (n Names) key(upn string) uint64 { return maphash.String(n.seed, strings.ToLower(upn)) }

func (n Names) use(upn string) nameUse { return n.uses[n.key(upn)] }

// want counts somebody who wants a name, and whether their own account has it already.
func (n Names) want(upn string, linked []*directory.Account) (key uint64) {
	key = n.key(upn)
	use := n.uses[key]
	use.wanted++
	if len(linked) == 0 {
		use.unlinked++
	}
	use.held = use.held || len(linked) == 1 && strings.EqualFold(linked[0].UserPrincipalName, upn)
	n.uses[key] = use
	return key
}

// mayWant notes the names that somebody without an account may get, of whom it is not decided here which. Nothing is known of a mapping that
// fails.
func (n Names) mayWant(program *mapping.Program, r source.Record) {
	names, err := program.SignInNames(r)
	if err != nil {
		return
	}
	for _, upn := range names {
		n.perhaps(upn)
	}
}

// perhaps notes one such name.
func (n Names) perhaps(upn string) {
	key := n.key(upn)
	use := n.uses[key]
	use.perhaps = true
	n.uses[key] = use
}

// noteOther notes that somebody without an account who wants the name is not the person whose account has it: no part of their names is
// the same.
func (n Names) noteOther(key uint64) {
	use := n.uses[key]
	use.others++
	n.uses[key] = use
}

// claimName notes the name that somebody wants about whom nothing else is decided here.
func (b *builder) claimName(program *mapping.Program, r source.Record, linked []*directory.Account) {
	if program.ChoosesName() && len(linked) == 0 {
		b.names.mayWant(program, r)
		return
	}
	if upn, wants := wantedName(program, r); wants {
		b.names.want(upn, linked)
	}
}

// conflictingNames fails the people who want one name together. Where one of them holds it already, the decisions stand as
// they are: the holder keeps it, and to the others it is taken.
func (b *builder) conflictingNames() {
	for i := range b.plan.Entries {
		e := &b.plan.Entries[i]
		if use := b.names.uses[e.name]; e.name == 0 || use.wanted < 2 || use.held {
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
