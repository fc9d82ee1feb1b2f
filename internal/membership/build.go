package membership

import (
	"sort"
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// Needs says what Build needs of the tenant beside what the input has: Members and Bin need not be filled in for it.
func Needs(in Input) Needed {
	b := newBuilder(in)
	needed := map[string]bool{}
	var out Needed
	for i := range in.Selection.Wanted {
		switch p := b.locate(&in.Selection.Wanted[i]); {
		case p.group != nil:
			needed[p.group.ID] = true
		case p.reason == "":
			out.Bin = true
		}
	}
	for _, g := range b.left() {
		if mark, _ := directory.ParseGroupMark(g.Mark); mark.WhenRemoved != "" {
			needed[g.ID] = true
		}
	}
	for id := range needed {
		out.Members = append(out.Members, id)
	}
	sort.Strings(out.Members)
	return out
}

// Build plans the groups of a rule.
func Build(in Input) *Plan {
	b := newBuilder(in)
	b.plan = &Plan{Rule: in.Rule, Problems: in.Selection.Problems}
	taken := map[string]bool{}
	for i := range in.Selection.Wanted {
		w := &in.Selection.Wanted[i]
		d := b.decide(w)
		if d.Target != "" && taken[d.Target] {
			d = refused(w, fault.GroupTargetTwice, d.Target)
		}
		taken[d.Target] = true
		b.plan.Decisions = append(b.plan.Decisions, d)
	}
	for _, g := range b.left() {
		b.plan.Decisions = append(b.plan.Decisions, b.leaving(g))
	}
	b.plan.Decisions = onePerGroup(b.plan.Decisions)
	b.plan.Guard = b.guard()
	b.limit()
	return b.plan
}

// builder holds the indexes while one plan is made.
type builder struct {
	in       Input
	plan     *Plan
	people   map[string]plan.Standing // :: person key -> standing
	accounts map[string]*account      // :: object id in lower case -> account
	byPerson map[string][]string      // :: person key -> object ids in lower case
	lost     map[string]bool          // :: person key -> loses something else in this sync
	// The tenant's groups, as indexes of in.Groups.
	byID, byUniqueName map[string]int
	byName, byKey      map[string][]int
	wanted             map[string]bool // :: key of a wanted group
}

// account is an account with the key of its person; "" for one without a link of the connection.
type account struct {
	*Account
	key string
}

func newBuilder(in Input) *builder {
	b := &builder{
		in: in, people: make(map[string]plan.Standing, len(in.People)), accounts: make(map[string]*account, len(in.Accounts)), byPerson: map[string][]string{},
		lost: map[string]bool{}, byID: map[string]int{}, byUniqueName: map[string]int{}, byName: map[string][]int{}, byKey: map[string][]int{},
		wanted: map[string]bool{},
	}
	for id, standing := range in.People {
		b.people[b.key(id)] = standing
	}
	for id := range in.Lost {
		b.lost[b.key(id)] = true
	}
	for i := range in.Accounts {
		a := &account{Account: &in.Accounts[i]}
		id := strings.ToLower(a.ID)
		if a.Person != "" {
			a.key = b.key(a.Person)
			b.byPerson[a.key] = append(b.byPerson[a.key], id)
		}
		b.accounts[id] = a
	}
	for i := range in.Groups {
		g := &in.Groups[i]
		b.byID[strings.ToLower(g.ID)] = i
		b.byName[strings.ToLower(g.DisplayName)] = append(b.byName[strings.ToLower(g.DisplayName)], i)
		if g.UniqueName != "" {
			b.byUniqueName[strings.ToLower(g.UniqueName)] = i
		}
		if l, ok := directory.ParseLink(g.Link); ok && l.Connection == in.Connection {
			b.byKey[l.PersonKey()] = append(b.byKey[l.PersonKey()], i)
		}
	}
	for i := range in.Selection.Wanted {
		b.wanted[b.key(in.Selection.Wanted[i].Group.ID)] = true
	}
	return b
}

// key is that of a person or of a group: what their links have in common whatever the rule.
func (b *builder) key(id string) string { return directory.PersonKey(b.in.Connection, id) }

// refused is the decision that nothing is done about a group because something is wrong.
func refused(w *Wanted, reason fault.Reason, subject string) Decision {
	return Decision{Group: w.Group.ID, Wanted: w, Action: None, Outcome: plan.Failed, Reason: reason, Subject: subject}
}

// decide says what is done about one wanted group.
func (b *builder) decide(w *Wanted) Decision {
	p := b.locate(w)
	if p.reason != "" {
		d := refused(w, p.reason, p.subject)
		if p.reason == fault.GroupExists {
			d.Outcome = plan.Unsynced
		}
		return d
	}
	d := Decision{Group: w.Group.ID, Wanted: w, Outcome: plan.Success, Action: p.action}
	d.Mark = directory.GroupMark{Origin: directory.Created, WhenRemoved: whenRemoved(w.WhenRemoved)}
	switch {
	case p.bin != nil:
		d.Target = p.bin.ID
		d.Mark, _ = directory.ParseGroupMark(p.bin.Mark)
	case p.group != nil:
		d.Target = p.group.ID
		b.attributes(&d, w, p)
	}
	if !b.members(&d, w, p) {
		return d
	}
	if d.Action == "" {
		switch {
		case len(d.Attributes) > 0:
			d.Action = Update
		case len(d.Adds)+len(d.Removes) > 0:
			d.Action = Members
		default:
			d.Action = None
		}
	}
	return d
}

// attributes names what differs of a group that is ours or becomes ours.
func (b *builder) attributes(d *Decision, w *Wanted, p place) {
	if w.Target != "" || p.shared {
		return
	}
	d.Mark, _ = directory.ParseGroupMark(p.group.Mark)
	d.Mark.WhenRemoved = whenRemoved(w.WhenRemoved)
	d.Attributes = Differences(b.in.Connection, b.in.Rule, w, d.Mark, p.group)
}

// Differences names what differs of a group from what the rule wants, sorted: displayName, description, link, mark.
func Differences(connection, rule string, w *Wanted, mark directory.GroupMark, g *directory.Group) []string {
	var names []string
	if w.Name != g.DisplayName {
		names = append(names, directory.DisplayName)
	}
	// A store without descriptions must not take away what somebody has written.
	if w.Description != "" && w.Description != g.Description {
		names = append(names, AttributeDescription)
	}
	if Link(connection, rule, w.Group.ID) != g.Link {
		names = append(names, AttributeLink)
	}
	if mark.String() != g.Mark {
		names = append(names, AttributeMark)
	}
	sort.Strings(names)
	return names
}
