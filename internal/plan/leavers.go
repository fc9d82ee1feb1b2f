package plan

import (
	"sort"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// presence says where the person of a linked account was seen; a later value outweighs an earlier.
type presence byte

const (
	notSeen presence = iota
	outOfScope
	claimed
)

// notePresence notes for a linked account whether its person is still there.
func (b *builder) notePresence(account int32, p presence) {
	b.presence[account] = max(b.presence[account], p)
}

// leavers are the rule's linked accounts whose people no enabled rule claims. Deprovisioned ones are done with: the remove
// action is taken at the transition only.
func (b *builder) leavers() {
	for i := range b.in.Accounts {
		a := &b.in.Accounts[i]
		l, ok := directory.ParseLink(a.Link)
		if !ok || l.Connection != b.in.Connection || l.Rule != b.in.Rule {
			continue
		}
		if b.presence[i] == claimed {
			b.staying++
			continue
		}
		if mark, _ := directory.ParseMark(a.Mark); mark.Disabled.Deprovisioned() || mark.OtherSource(b.in.SourceTag) {
			continue
		}
		b.plan.Leavers = append(b.plan.Leavers, b.leaver(l, i))
	}
	sort.SliceStable(b.plan.Leavers, func(i, j int) bool { return b.plan.Leavers[i].SourceID < b.plan.Leavers[j].SourceID })
}

// leaver says what is done about one account whose person left. In doubt, and to accounts that are not ours to change,
// nothing.
func (b *builder) leaver(l directory.Link, account int) Entry {
	a := &b.in.Accounts[account]
	doubt := func(r fault.Reason) Entry {
		c := failed(l.SourceID, b.in.Rule, fault.New("leave", fault.Refused, r, ""))
		return entry(c)
	}
	switch c := b.claims[l.SourceID]; {
	case len(b.byKey[l.PersonKey()]) > 1:
		return doubt(fault.LinkDuplicate)
	case !l.Hashed && c != nil && c.twice:
		return doubt(fault.SourceIDConflict)
	case b.names.use(a.UserPrincipalName).mayBeHolder():
		// Somebody in scope without an account wants exactly this account's name: the person is there, under another id. Who
		// has an account of their own is somebody else, and so is who bears another name.
		return doubt(fault.SourceIDChanged)
	}
	reason := fault.PersonNotFound
	if b.presence[account] == outOfScope {
		reason = fault.PersonOutOfScope
	}
	return entry(DecideLeaving(b.in.Policy, l.PersonID(), a, reason))
}
