package plan

import (
	"slices"
	"sort"

	"github.com/entraflow/entraflow/internal/fault"
)

// Counters are how it stands with the people of a rule. Impacted is the sum of the four after it.
type Counters struct {
	// Impacted are the people in scope, and those deprovisioned in this run.
	Impacted        int `json:"impacted"`
	Success         int `json:"success"`
	Unsynced        int `json:"unsynced"`
	PartiallySynced int `json:"partiallySynced"`
	Failed          int `json:"failed"`
}

// Count adds n people with an outcome.
func (c *Counters) Count(o Outcome, n int) {
	c.Impacted += n
	switch o {
	case Success:
		c.Success += n
	case Unsynced:
		c.Unsynced += n
	case PartiallySynced:
		c.PartiallySynced += n
	case Failed:
		c.Failed += n
	}
}

// Add adds other counters.
func (c *Counters) Add(o Counters) {
	c.Impacted += o.Impacted
	c.Success += o.Success
	c.Unsynced += o.Unsynced
	c.PartiallySynced += o.PartiallySynced
	c.Failed += o.Failed
}

// Page is a part of a plan that fits a payload: the people after one source id up to another.
type Page struct {
	// Changes are what is to be carried out, sorted by source id.
	Changes []Change
	// Settled counts the people of the page for whom there is nothing to do.
	Settled Counters
	// Reasons counts why settled people are not Success.
	Reasons map[fault.Reason]int
	// Troubled are settled people who failed or are only partly synced, at most maxTroubled of them.
	Troubled []Entry
	// After is the last source id of the page; the next page begins after it.
	After string
	// Last: no page follows.
	Last bool
}

// maxTroubled bounds how many failed people a page names; the counters count all.
const maxTroubled = 50

// Page cuts the next page of at most limit changes (at least one), beginning after a source id ("" from the start). Pages are cut by id
// and not by offset, so that a plan computed anew goes on where the old one stopped. removals selects the pass: first all
// changes that take nothing away, then, as the last pages, those that do. When removals are held, the first pass has what
// remains of them and the second is empty.
func (p *Plan) Page(after string, limit int, removals bool) Page {
	limit = max(limit, 1)
	if removals {
		return p.removalPage(after, limit)
	}
	page := Page{Reasons: map[fault.Reason]int{}, Last: true, After: after}
	start := sort.Search(len(p.Entries), func(i int) bool { return p.Entries[i].SourceID > after })
	if after == "" {
		start = 0
	}
	for i := start; i < len(p.Entries); i++ {
		e := &p.Entries[i]
		c, settled := p.inPass(e)
		if c != nil && len(page.Changes) == limit {
			page.Last = false
			return page
		}
		page.After = e.SourceID
		switch {
		case c != nil:
			page.Changes = append(page.Changes, *c)
		case settled != nil:
			page.settle(*settled)
		}
	}
	return page
}

// removalPage cuts the second pass: people in scope who lose something, and those who left.
func (p *Plan) removalPage(after string, limit int) Page {
	page := Page{Reasons: map[fault.Reason]int{}, Last: true, After: after}
	if p.Guard.Held {
		return page
	}
	for _, c := range p.Removals() {
		if after != "" && c.SourceID <= after {
			continue
		}
		if len(page.Changes) == limit {
			page.Last = false
			break
		}
		page.Changes = append(page.Changes, c)
		page.After = c.SourceID
	}
	return page
}

// inPass is what the first pass does about a person in scope: a change, or a settled entry to be counted, or neither,
// because the second pass has the person.
func (p *Plan) inPass(e *Entry) (change *Change, settled *Entry) {
	removes := e.Change != nil && e.Change.Removes()
	switch {
	case removes && !p.Guard.Held:
		return nil, nil
	case removes && e.Held.Writes():
		return e.Held, nil
	case removes:
		held := entry(*e.Held)
		return nil, &held
	case e.Change != nil:
		return e.Change, nil
	}
	return nil, e
}

// settle counts a person for whom there is nothing to do.
func (p *Page) settle(e Entry) {
	p.Settled.Count(e.Outcome, 1)
	if e.Outcome == Success {
		return
	}
	p.Reasons[e.Reason]++
	switch {
	case e.Outcome == Unsynced:
	case len(p.Troubled) < maxTroubled:
		p.Troubled = append(p.Troubled, e)
	case e.Outcome == Failed:
		// Who failed is named before who is only partly synced.
		if i := slices.IndexFunc(p.Troubled, func(t Entry) bool { return t.Outcome != Failed }); i >= 0 {
			p.Troubled[i] = e
		}
	}
}

// HeldCount is how many people something would be taken away from if the guard allowed it.
func (p *Plan) HeldCount() int {
	if p.Guard.Held {
		return p.Guard.Removals
	}
	return 0
}

// Planned is how many people there is something to write for.
func (p *Plan) Planned() int {
	n := 0
	for i := range p.Entries {
		e := &p.Entries[i]
		if c := e.Change; c != nil && (!p.Guard.Held || !c.Removes() || e.Held.Writes()) {
			n++
		}
	}
	if !p.Guard.Held {
		n += p.leaving()
	}
	return n
}
