package plan

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// Some people can only be served after others of the same plan: who wants a name that a colleague is about to give up, or that a
// leaver's account has until it is deleted, and who needs a license that is about to be taken from somebody else. They are put
// off to a later stage of the same plan, instead of failing until the next sync.

const (
	// maxChain is how many people may wait for one another in a row; who stands further back is left to the next sync.
	maxChain = 50
	// maxShort is how many people without a license a plan remembers, to hand out what becomes free.
	maxShort = 1000
)

// deferred is a person who was decided about as long as a name or a license was somebody else's.
type deferred struct {
	person Person
	match  Match
}

// later is a person whose turn comes in a stage of its own: after those of a lower rank.
type later struct {
	rank  int
	entry int32
}

// defer notes a person of whom the decision may be another once colleagues have been served.
func (b *builder) deferPerson(p Person, m Match, e Entry) {
	switch {
	case e.Reason == fault.UPNTaken && b.heldByColleague(m):
		b.blocked = append(b.blocked, deferred{p, m})
	case e.Reason == fault.LicensesExhausted && len(b.short) < maxShort:
		b.short = append(b.short, deferred{p, m})
	}
}

// heldByColleague reports that the name belongs to the account of somebody whom this plan is about, too.
func (b *builder) heldByColleague(m Match) bool {
	if m.SameName == nil {
		return false
	}
	l, ok := directory.ParseLink(m.SameName.Link)
	return ok && l.Connection == b.in.Connection && l.Rule == b.in.Rule && len(b.byKey[l.PersonKey()]) == 1
}

// orderNames gives people the names that colleagues are about to give up, after those: the first of a chain takes a name that
// is free, and each of the others follows the one before. People who want each other's names in a circle are told so; nobody can begin.
func (b *builder) orderNames() {
	o := nameOrder{builder: b, byAccount: map[string]int{}, rank: make([]int, len(b.blocked)), visited: make([]bool, len(b.blocked))}
	for i, d := range b.blocked {
		if len(d.match.Linked) == 1 {
			o.byAccount[d.match.Linked[0].ID] = i
		}
	}
	for i := range b.blocked {
		o.settle(i)
	}
	for i, d := range b.blocked {
		e := b.entryOf(d.person.ID)
		switch rank := o.rank[i]; {
		case e == nil || e.Reason != fault.UPNTaken:
		case rank == inCircle:
			e.setReason(fault.NamesInCircle)
		case rank > 0 && rank <= maxChain:
			b.serveLater(e, d, StageNames, rank)
		}
	}
}

// nameOrder finds how many people must be served before each of those who wait for a name.
type nameOrder struct {
	*builder
	byAccount map[string]int // :: account -> the waiting person whose account it is
	rank      []int
	visited   []bool
}

// Ranks of people whose turn does not come.
const (
	never    = 0
	inCircle = -1
)

// settle follows the chain from one person to its end, and ranks everybody on it.
func (o *nameOrder) settle(from int) {
	var chain []int
	at := map[int]int{} // :: person -> place in the chain
	rank := never
	for i := from; ; {
		if o.visited[i] {
			rank = max(o.rank[i], never)
			break
		}
		if begins, again := at[i]; again {
			for _, member := range chain[begins:] {
				o.rank[member], o.visited[member] = inCircle, true
			}
			chain, rank = chain[:begins], never
			break
		}
		at[i] = len(chain)
		chain = append(chain, i)
		next, waits := o.byAccount[o.blocked[i].match.SameName.ID]
		if !waits {
			if o.givesUpName(o.blocked[i].match.SameName) {
				// The holder is renamed in the stage of the people, before anybody here.
				o.rank[i], o.visited[i], rank = 1, true, 1
				chain = chain[:len(chain)-1]
			}
			break
		}
		i = next
	}
	for k := len(chain) - 1; k >= 0; k-- {
		if rank != never {
			rank++
		}
		o.rank[chain[k]], o.visited[chain[k]] = rank, true
	}
}

// givesUpName reports that the plan renames the holder of a name, without waiting for anybody.
func (b *builder) givesUpName(holder *directory.Account) bool {
	l, _ := directory.ParseLink(holder.Link)
	e := b.entryOf(l.PersonID())
	return e != nil && e.Change != nil && !e.Change.Removes() && e.Change.AccountID == holder.ID && slices.Contains(e.Change.Attributes, directory.UserPrincipalName)
}

// orderFreed gives people what the removals of this plan make free: the names of accounts that are deleted, and licenses. The removals
// must have passed the guard.
func (b *builder) orderFreed() {
	deleted, units := b.freed()
	for sku, n := range units {
		b.left[sku] += n
	}
	for _, d := range b.blocked {
		if e := b.entryOf(d.person.ID); e != nil && e.Reason == fault.UPNTaken && deleted[d.match.SameName.ID] {
			b.serveLater(e, d, StageFreed, 1)
		}
	}
	if len(units) == 0 {
		return
	}
	for _, d := range b.short {
		if e := b.entryOf(d.person.ID); e != nil && e.Reason == fault.LicensesExhausted {
			b.serveLater(e, d, StageFreed, 1)
		}
	}
}

// freed is what the removals of the plan make free: accounts that are deleted, and units of licenses.
func (b *builder) freed() (deleted map[string]bool, units map[string]int) {
	deleted, units = map[string]bool{}, map[string]int{}
	for _, c := range b.plan.removals {
		for _, sku := range c.RemoveLicenses {
			units[strings.ToLower(sku)]++
		}
		if !c.Delete {
			continue
		}
		deleted[c.AccountID] = true
		l := directory.NewLink(b.in.Connection, "", c.SourceID).PersonKey()
		for _, i := range b.byKey[l] {
			for _, license := range b.in.Accounts[i].Licenses {
				if license.Direct() {
					units[strings.ToLower(license.SKU)]++
				}
			}
		}
	}
	return deleted, units
}

// serveLater decides about a person once more, as it will be in a later stage, and puts them off to it. Who would lose something is
// left as they are: the guard has counted already.
func (b *builder) serveLater(e *Entry, d deferred, stage Stage, rank int) {
	if e.Change != nil && e.Change.Removes() {
		return
	}
	m := d.match
	if e.Reason == fault.UPNTaken {
		m.SameName = nil
		if len(m.Linked) == 0 {
			m.Deleted = b.deletedAccount(d.person.ID)
		}
	}
	var returned []string
	if e.Change != nil {
		returned = e.Change.units
	}
	for _, sku := range returned {
		b.left[sku]++
	}
	c := Decide(b.in.Policy, d.person, m)
	if c.Removes() || !c.Writes() || c.Outcome == Failed || c.Reason == e.Reason {
		for _, sku := range returned {
			b.left[sku]--
		}
		return
	}
	for _, sku := range c.units {
		b.left[sku]--
	}
	kept := entry(c)
	kept.name, kept.stage, kept.rank = e.name, stage, rank
	*e = kept
}

// setReason says why the person is not served, in the decision and in what is to be written.
func (e *Entry) setReason(r fault.Reason) {
	e.Reason = r
	for _, c := range []*Change{e.Change, e.Held} {
		if c != nil && c.Outcome != Success {
			c.Reason = r
		}
	}
}

// sortLater finds the people of the later stages, once for all pages.
func (p *Plan) sortLater() {
	p.later = map[Stage][]later{}
	for i := range p.Entries {
		if e := &p.Entries[i]; e.stage != "" {
			p.later[e.stage] = append(p.later[e.stage], later{e.rank, int32(i)})
		}
	}
	for _, list := range p.later {
		sort.Slice(list, func(i, j int) bool {
			return list[i].rank < list[j].rank || list[i].rank == list[j].rank && list[i].entry < list[j].entry
		})
	}
}

// Later is how many people the stage has who could not be served before it.
func (p *Plan) Later(stage Stage) int { return len(p.later[stage]) }

// LastStage is the last of the plan's stages that has anybody.
func (p *Plan) LastStage() Stage {
	switch {
	case p.Later(StageFreed) > 0:
		return StageFreed
	case p.Guard.Removals > 0 && !p.Guard.Held:
		return StageRemovals
	case p.Later(StageNames) > 0:
		return StageNames
	}
	return StagePeople
}

// laterPage cuts a page of StageNames or StageFreed. A page has people of one rank only: whoever carries it out waits for all of them
// before the next page.
func (p *Plan) laterPage(stage Stage, after string, limit int) Page {
	page := Page{Last: true, After: after}
	list := p.later[stage]
	place := func(l later) string { return fmt.Sprintf("%03d/%s", l.rank, p.Entries[l.entry].SourceID) }
	first := following(len(list), after, func(i int) string { return place(list[i]) })
	for _, l := range list[first:] {
		if len(page.Changes) == limit || len(page.Changes) > 0 && l.rank != list[first].rank {
			page.Last = false
			return page
		}
		page.Changes = append(page.Changes, *p.Entries[l.entry].Change)
		page.After = place(l)
	}
	return page
}
