package plan

import (
	"sort"
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// A mapping may give several sign-in names (mapping.Desired.Candidates). Somebody new gets the first that is free, and whoever has an
// account keeps its name. Two things must not happen: that somebody gets another's account because the names are alike, and that somebody
// who has an account gets a second one because the first bears a name that looks taken.

// Holder says whose an account is that has a name which somebody new might get.
type Holder int

const (
	// HolderAnother: it is another person's. The next name is tried.
	HolderAnother Holder = iota
	// HolderSelf: nobody has it by a link, and more than the name shows that it is the person's: it is adopted or left, as settings say.
	HolderSelf
	// HolderOtherID: it is linked to another id of the connection, and nothing shows that this is another person. While that id is at the
	// source it is; when it has gone, the person may have got a new id.
	HolderOtherID
	// HolderUnclear: nobody has it by a link, and nothing tells whose it is.
	HolderUnclear
)

// Holder judges the account that has one of several names which somebody without an account might get.
func (policy Policy) Holder(p Person, a *directory.Account) Holder {
	l, ours := directory.ParseLink(a.Link)
	mark, _ := directory.ParseMark(a.Mark)
	switch {
	case a.Link != "" && (!ours || l.Connection != policy.Connection), a.Link != "" && mark.Disabled.Deprovisioned():
		return HolderAnother
	case policy.SamePerson && a.Link == "":
		return HolderSelf
	case policy.differs(p, a):
		return HolderAnother
	case a.Link != "":
		return HolderOtherID
	case policy.agrees(p, a):
		return HolderSelf
	}
	return HolderUnclear
}

// differs reports that an account shows to be another person's: by a number, by given name or surname, or by a display name of which neither
// side has all words of the other. "Jon" and "Jonathan" do not differ.
func (policy Policy) differs(p Person, a *directory.Account) bool {
	for _, id := range []string{employeeID, directory.ImmutableID} {
		if changed, known := policy.renamed(p, a, id); known && changed {
			return true
		}
	}
	knows := false
	for _, name := range []string{"givenName", "surname"} {
		changed, known := policy.renamed(p, a, name)
		have, _ := a.Value(policy.Selection, name)
		want, have := strings.ToLower(p.Desired.Attributes[name]), strings.ToLower(have)
		if known && changed && !strings.HasPrefix(want, have) && !strings.HasPrefix(have, want) {
			return true
		}
		knows = knows || known
	}
	have, _ := a.Value(policy.Selection, directory.DisplayName)
	want, has := nameWords(p.Desired.Attributes[directory.DisplayName]), nameWords(have)
	return !knows && len(want) > 0 && len(has) > 0 && !contained(want, has) && !contained(has, want)
}

// contained reports that all words of one name are in another.
func contained(words, in []string) bool {
	have := map[string]bool{}
	for _, w := range in {
		have[w] = true
	}
	for _, w := range words {
		if !have[w] {
			return false
		}
	}
	return true
}

// Keeping is the person with the name that the account has, where the mapping gives several.
func (p Person) Keeping(linked []*directory.Account) Person {
	if len(p.Desired.Candidates) > 0 && len(linked) > 0 {
		p.Desired.UserPrincipalName = linked[0].UserPrincipalName
	}
	return p
}

// candidate is which of several names the person gets, counted from 1; 0 where the mapping gives one.
func (p Person) candidate() int {
	for i, name := range p.Desired.Candidates {
		if strings.EqualFold(name, p.Desired.UserPrincipalName) {
			return i + 1
		}
	}
	return 0
}

// named reports that the mapping gives the person this name, or this among others.
func (p Person) named(upn string) bool {
	if len(p.Desired.Candidates) == 0 {
		return strings.EqualFold(p.Desired.UserPrincipalName, upn)
	}
	p.Desired.UserPrincipalName = upn
	return p.candidate() > 0
}

// chooseNames decides about the people without an account to whom the mapping gives several names. It comes when it is known which names the
// others want, and who is still at the source; among themselves the people come in the order of their ids, so that every plan made from the
// same state gives the same names.
func (b *builder) chooseNames() {
	if len(b.choosing) == 0 {
		return
	}
	sort.Slice(b.choosing, func(i, j int) bool { return b.choosing[i].ID < b.choosing[j].ID })
	chosen := map[uint64]bool{}
	for _, p := range b.choosing {
		b.add(b.choose(p, chosen))
	}
	b.sortEntries()
}

// choose decides about one of them; chosen are the names that others have got.
func (b *builder) choose(p Person, chosen map[uint64]bool) Entry {
	fail := func(reason fault.Reason) Entry {
		return entry(failed(p.ID, b.in.Rule, fault.New("match", fault.Refused, reason, directory.UserPrincipalName)))
	}
	own, left := b.holders(p, chosen)
	if left != "" {
		// The leaver is held by this.
		b.names.want(left, nil)
		return fail(fault.UPNTaken)
	}
	names := p.Desired.Candidates
	if own != "" {
		names = append([]string{own}, names...)
	}
	for _, name := range names {
		p.Desired.UserPrincipalName = name
		key := b.names.key(name)
		if chosen[key] || b.names.uses[key].wanted > 0 {
			continue
		}
		m := Match{SameName: b.named(name), Manager: b.manager(p)}
		if m.SameName == nil {
			m.Deleted = b.deletedAccount(p.ID)
		} else {
			switch holder := b.in.Holder(p, m.SameName); {
			case holder == HolderAnother, holder == HolderOtherID:
				continue
			case holder == HolderUnclear:
				return fail(fault.AccountOfAnother)
			}
		}
		e := b.decide(p, m)
		if m.Deleted == nil {
			e.name, chosen[key] = key, true
		}
		b.deferPerson(p, m, e)
		return e
	}
	return fail(fault.UPNTaken)
}

// holders looks at the accounts that have any of the person's names, before one is given: a name before it may have become free since, and a
// free name must not give a second account to whoever has one. own is the name of an account that shows to be the person's, left that of one
// whose person left and may be this one; each is "" where there is none.
func (b *builder) holders(p Person, chosen map[uint64]bool) (own, left string) {
	for _, name := range p.Desired.Candidates {
		a := b.named(name)
		if a == nil {
			continue
		}
		switch b.in.Holder(p, a) {
		case HolderOtherID:
			if left == "" && b.presence[b.byName[strings.ToLower(name)]] == notSeen {
				left = name
			}
		case HolderSelf:
			// Who vouches for the person does not mean every account that nobody has.
			if key := b.names.key(name); own == "" && !b.in.SamePerson && !chosen[key] && b.names.uses[key].wanted == 0 {
				own = name
			}
		case HolderAnother, HolderUnclear:
		}
	}
	return own, left
}
