package membership

import (
	"sort"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// Change is a decision without members and without names, so that it may be stored anywhere.
type Change struct {
	// Group is the group's id at the store.
	Group      string   `json:"group"`
	Rule       string   `json:"rule"`
	Action     Action   `json:"action"`
	Target     string   `json:"targetId,omitempty"`
	Attributes []string `json:"attributes,omitempty"`
	// Adds and Removes are how many members come and go now, Held how many would go if nothing were held, and Waiting how many have no
	// account yet.
	Adds       int          `json:"adds,omitempty"`
	Removes    int          `json:"removes,omitempty"`
	Held       int          `json:"held,omitempty"`
	HoldReason fault.Reason `json:"holdReason,omitempty"`
	Waiting    int          `json:"waiting,omitempty"`
	Outcome    plan.Outcome `json:"outcome"`
	Reason     fault.Reason `json:"reason,omitempty"`
	Subject    string       `json:"subject,omitempty"`
}

// Change is the decision without members and names.
func (d *Decision) Change(rule string) Change {
	c := Change{Group: d.Group, Rule: rule, Action: d.Action, Target: d.Target, Attributes: d.Attributes, Adds: len(d.Joining()), Removes: len(d.Losing()),
		Waiting: d.Waiting, Outcome: d.Outcome, Reason: d.Reason, Subject: d.Subject}
	if d.Held {
		c.Held, c.HoldReason = len(d.Removes), d.HoldReason
	}
	return c
}

// Counters are how it stands with the groups of a rule. Impacted is the sum of Success and Failed.
type Counters struct {
	// Impacted are the groups that the rule wants, and those that left it and were changed.
	Impacted int `json:"impacted"`
	// Success counts groups that are as they should be, or that a setting keeps as they are; Failed all others.
	Success        int `json:"success"`
	Failed         int `json:"failed"`
	MembersAdded   int `json:"membersAdded"`
	MembersRemoved int `json:"membersRemoved"`
}

// Count adds a group with an outcome.
func (c *Counters) Count(o plan.Outcome) {
	c.Impacted++
	switch o {
	case plan.Success, plan.Unsynced:
		c.Success++
	case plan.PartiallySynced, plan.Failed:
		c.Failed++
	}
}

// Add adds other counters.
func (c *Counters) Add(o Counters) {
	c.Impacted += o.Impacted
	c.Success += o.Success
	c.Failed += o.Failed
	c.MembersAdded += o.MembersAdded
	c.MembersRemoved += o.MembersRemoved
}

// Page is a part of a plan that fits a payload: the groups after one id up to another.
type Page struct {
	// Changes are the groups that something is to be written for, sorted by id.
	Changes []Change `json:"changes,omitempty"`
	// Unchanged counts the groups of the page that need nothing, Reasons why they are not Success.
	Unchanged Counters             `json:"unchanged"`
	Reasons   map[fault.Reason]int `json:"reasons,omitempty"`
	// Troubled are those of them that are not as they should be, at most maxTroubled.
	Troubled []Change `json:"troubled,omitempty"`
	// After is the last id of the page; the next page begins after it. Last: none follows.
	After string `json:"after,omitempty"`
	Last  bool   `json:"last"`
}

// maxTroubled bounds how many groups a page names; the counters count all.
const maxTroubled = 50

// Page cuts the next page of at most limit changes (at least one), beginning after a group's id ("" from the start). Pages are cut by id, so
// that a plan made again goes on where the old one stopped.
func (p *Plan) Page(after string, limit int) Page {
	limit = max(limit, 1)
	page := Page{Reasons: map[fault.Reason]int{}, Last: true, After: after}
	first := 0
	if after != "" {
		first = sort.Search(len(p.Decisions), func(i int) bool { return p.Decisions[i].Group > after })
	}
	for i := first; i < len(p.Decisions); i++ {
		d := &p.Decisions[i]
		if d.Writes() && len(page.Changes) == limit {
			page.Last = false
			return page
		}
		page.After = d.Group
		switch {
		case d.Writes():
			page.Changes = append(page.Changes, d.Change(p.Rule))
		case d.Wanted != nil || d.Outcome != plan.Success:
			page.countUnchanged(d, p.Rule)
		}
	}
	return page
}

// countUnchanged counts a group that needs nothing.
func (p *Page) countUnchanged(d *Decision, rule string) {
	p.Unchanged.Count(d.Outcome)
	if d.Outcome == plan.Success {
		return
	}
	p.Reasons[d.Reason]++
	if d.Outcome != plan.Unsynced && len(p.Troubled) < maxTroubled {
		p.Troubled = append(p.Troubled, d.Change(rule))
	}
}

// Find gives the decision about a group; nil where the plan has none.
func (p *Plan) Find(group string) *Decision {
	i := sort.Search(len(p.Decisions), func(i int) bool { return p.Decisions[i].Group >= group })
	if i < len(p.Decisions) && p.Decisions[i].Group == group {
		return &p.Decisions[i]
	}
	return nil
}

// MemberPage is a part of what changes in one group: object ids of accounts.
type MemberPage struct {
	Adds    []string `json:"adds,omitempty"`
	Removes []string `json:"removes,omitempty"`
	// Next is where the next page begins; Last: none follows.
	Next int  `json:"next,omitempty"`
	Last bool `json:"last"`
}

// Members cuts a page of at most limit accounts that come to a group or leave it: all who come before all who go. It begins with the
// first-th.
func (d *Decision) Members(first, limit int) MemberPage {
	adds, removes := d.Joining(), d.Losing()
	end := min(first+max(limit, 1), len(adds)+len(removes))
	page := MemberPage{Next: end, Last: end == len(adds)+len(removes)}
	for i := first; i < end; i++ {
		if i < len(adds) {
			page.Adds = append(page.Adds, adds[i].Account)
		} else {
			page.Removes = append(page.Removes, removes[i-len(adds)].Account)
		}
	}
	return page
}

// RemovalKeys are the keys of the memberships that the plan takes away now, for a plan.Permit; none where they are more than it has room for.
func (p *Plan) RemovalKeys() []byte { return plan.LossKeys(p.losses) }
