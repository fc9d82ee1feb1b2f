package plan

import (
	"fmt"
	"slices"
	"sort"

	"github.com/entraflow/entraflow/internal/fault"
)

// Stage is a part of a sync. Each begins when the one before is done. Wire format.
type Stage string

const (
	// StagePeople carries out what a plan says of people without taking anything away.
	StagePeople Stage = "people"
	// StageManagers does the same with another plan, which finds the managers who had no account when the first was made.
	StageManagers Stage = "managers"
	// StageNames carries out what the same plan says of people who take over names that colleagues have just given up.
	StageNames Stage = "names"
	// StageRemovals takes away what the guard lets be taken away.
	StageRemovals Stage = "removals"
	// StageFreed gives people the names and licenses that the removals of the same plan have made free.
	StageFreed Stage = "freed"
	// StageGroups brings the groups of the rule up to date, when its people are. It has a plan of its own (internal/membership).
	StageGroups Stage = "groups"
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
	// Unchanged counts the people of the page who need nothing.
	Unchanged Counters
	// Reasons counts why they are not Success.
	Reasons map[fault.Reason]int
	// Troubled are those of them who failed or are only partly synced, at most maxTroubled.
	Troubled []Entry
	// After is the last source id of the page; the next page begins after it.
	After string
	// Last: no page of the stage follows.
	Last bool
}

// maxTroubled bounds how many failed people a page names; the counters count all.
const maxTroubled = 50

// Page cuts the next page of a stage, of at most limit changes (at least one), beginning after a source id ("" from the
// start). Pages are cut by id and not by offset, so that a plan made again goes on where the old one stopped. The removals
// have pages of their own, after all others. When they are held, the stage of the people has what remains of them without
// taking anything away, and there are no pages of removals.
func (p *Plan) Page(stage Stage, after string, limit int) Page {
	limit = max(limit, 1)
	switch stage {
	case StageRemovals:
		return p.removalPage(after, limit)
	case StageNames, StageFreed:
		return p.laterPage(stage, after, limit)
	case StagePeople, StageManagers, StageGroups:
	}
	page := Page{Reasons: map[fault.Reason]int{}, Last: true, After: after}
	for i := following(len(p.Entries), after, func(i int) string { return p.Entries[i].SourceID }); i < len(p.Entries); i++ {
		e := &p.Entries[i]
		c, rest := p.withoutRemoval(e)
		if c != nil && len(page.Changes) == limit {
			page.Last = false
			return page
		}
		page.After = e.SourceID
		switch {
		case c != nil:
			page.Changes = append(page.Changes, *c)
		case rest != nil:
			page.countUnchanged(*rest)
		}
	}
	return page
}

// removalPage cuts a page of the removals: of people in scope who lose something, and of those who left.
func (p *Plan) removalPage(after string, limit int) Page {
	page := Page{Reasons: map[fault.Reason]int{}, Last: true, After: after}
	if p.Guard.Held {
		return page
	}
	rest := p.removals[following(len(p.removals), after, func(i int) string { return p.removals[i].SourceID }):]
	if len(rest) > limit {
		rest, page.Last = rest[:limit], false
	}
	for _, c := range rest {
		page.Changes = append(page.Changes, *c)
		page.After = c.SourceID
	}
	return page
}

// following is the first of n sorted ids that comes after one, which may be empty.
func following(n int, after string, id func(int) string) int {
	if after == "" {
		return 0
	}
	return sort.Search(n, func(i int) bool { return id(i) > after })
}

// withoutRemoval is what is done about a person in scope before the removals: a change, or nothing, so that the rest of the
// entry is counted. Both are nil for somebody who has a removal, or whose turn comes in a later stage.
func (p *Plan) withoutRemoval(e *Entry) (change *Change, rest *Entry) {
	removes := e.Change != nil && e.Change.Removes()
	switch {
	case e.stage != "":
		return nil, nil
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

// countUnchanged counts a person who needs nothing.
func (p *Page) countUnchanged(e Entry) {
	p.Unchanged.Count(e.Outcome, 1)
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

// Forecast is how a person in scope ends if all of a sync works: without what the guard holds, and with the manager whom only
// the plan of StageManagers finds.
func (p *Plan) Forecast(e *Entry) (outcome Outcome, reason fault.Reason, subject string) {
	outcome, reason, subject = e.Outcome, e.Reason, e.Subject
	if c := e.Change; c != nil && c.Removes() && p.Guard.Held {
		outcome, reason, subject = e.Held.Outcome, e.Held.Reason, e.Held.Subject
	}
	if e.managerLater && reason == fault.ManagerNotFound {
		return Success, "", ""
	}
	return outcome, reason, subject
}

// CarriedOut is what a sync does about a person in scope, without what the guard holds; nil where it does nothing. What StageManagers does
// comes on top (ManagerLater).
func (p *Plan) CarriedOut(e *Entry) *Change {
	c := e.Change
	if c != nil && c.Removes() && p.Guard.Held {
		c = e.Held
	}
	if c == nil || !c.Writes() {
		return nil
	}
	return c
}

// ManagerLater: only the plan of StageManagers sets the person's manager.
func (e *Entry) ManagerLater() bool { return e.managerLater }

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

// People words a number of people.
func People(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}
