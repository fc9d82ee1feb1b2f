package membership_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
)

// Ten thousand small worlds: stores and tenants in every state that people, administrators and other programs leave them in. For each plan holds what
// must always hold (checkPlan), and once it is carried out the next plan finds nothing to do.
func TestModel(t *testing.T) {
	t.Parallel()
	worlds := 10_000
	if testing.Short() {
		worlds = 1000
	}
	for n := range worlds {
		w := randomWorld(rand.New(rand.NewPCG(uint64(n), 9)))
		message := fmt.Sprint("world ", n)
		p := w.checked(t, message)
		w.carryOut(p)
		if slices.ContainsFunc(p.Decisions, func(d membership.Decision) bool { return d.Action == membership.Restore }) {
			// Who is in a restored group is known only then.
			w.carryOut(w.checked(t, message))
		}
		p = w.checked(t, message+" once more")
		for _, d := range p.Decisions {
			require.False(t, d.Writes(), "%s: %s is still to be done: %s", message, d.Group, told(d))
		}
	}
}

// checked plans and checks the plan.
func (w *world) checked(t *testing.T, message string) *membership.Plan {
	t.Helper()
	in := w.input()
	p := membership.Build(in)
	checkPlan(t, message, in, p)
	return p
}

// checkPlan checks what holds for every plan.
func checkPlan(t *testing.T, message string, in membership.Input, p *membership.Plan) {
	t.Helper()
	byAccount := map[string]membership.Account{}
	for _, a := range in.Accounts {
		byAccount[strings.ToLower(a.ID)] = a
	}
	targets := map[string]directory.Group{}
	for _, g := range in.Groups {
		targets[g.ID] = g
	}
	persons := map[string]bool{}
	for i := range p.Decisions {
		d := &p.Decisions[i]
		say := fmt.Sprintf("%s, %s: %s", message, d.Group, told(*d))
		require.True(t, i == 0 || p.Decisions[i-1].Group < d.Group, "%s: out of order or twice", say)
		target := targets[d.Target]
		if reason, _ := membership.Unwritable(&target); reason != "" {
			require.False(t, d.Writes(), "%s: writes to what cannot be written", say)
		}
		if d.Action == membership.Delete {
			mark, ok := directory.ParseGroupMark(target.Mark)
			require.True(t, ok && mark.Origin == directory.Created, "%s: deletes what was not created here", say)
		}
		members := in.Memberships[d.Group]
		for _, m := range d.Adds {
			require.Equal(t, plan.Provisioned, in.People[m.Person], "%s: adds %s", say, m.Person)
			require.Contains(t, members.People, m.Person, say)
			require.NotContains(t, in.Members[d.Target].Accounts, m.Account, "%s: adds a member", say)
		}
		counted, ours := 0, 0
		for _, id := range in.Members[d.Target].Accounts {
			if byAccount[id].Person != "" || d.Wanted != nil && d.Wanted.Existing == config.ExistingOverwrite && byAccount[id].ID != "" {
				ours++
			}
		}
		for _, m := range d.Losing() {
			a := byAccount[m.Account]
			if d.Action != membership.Delete {
				checkLoss(t, say, in, d, a)
			}
			if a.Person == "" || !in.Lost[a.Person] && !a.Deprovisioned {
				counted++
				persons[a.Person+" of "+map[bool]string{true: m.Account}[a.Person == ""]] = true
			}
		}
		if counted > 0 && !p.Guard.Approved {
			require.LessOrEqual(t, counted, max(1, ours*in.Preferences.RemovalGuard.GroupPercent/100), "%s: more than the group may lose of %d", say, ours)
			require.Less(t, len(d.Losing()), ours, "%s: everybody", say)
		}
	}
	if !p.Guard.Approved {
		require.LessOrEqual(t, len(persons), max(0, in.Preferences.RemovalGuard.Allowed(in.Linked)-in.Removed), "%s: more than the rule may lose", message)
	}
	require.Len(t, persons, p.Guard.Removals, message)
	if in.FirstSync || in.PeopleHeld != "" || in.Limit.Withholds(config.PolicySync) {
		require.Empty(t, losing(p), message)
	}
}

// checkLoss checks one membership that is taken away.
func checkLoss(t *testing.T, say string, in membership.Input, d *membership.Decision, a membership.Account) {
	t.Helper()
	require.NotEmpty(t, a.ID, "%s: removes what is no account", say)
	members, read := in.Memberships[d.Group]
	if d.Wanted != nil {
		require.True(t, read && members.Err == nil && !in.ListIncomplete, "%s: removes although members may be missing", say)
		if a.Person == "" {
			require.Equal(t, config.ExistingOverwrite, d.Wanted.Existing, "%s: removes somebody who is not ours", say)
		}
	} else {
		require.NotEmpty(t, a.Person, "%s: removes somebody who is not ours", say)
		require.Empty(t, in.Selection.Problems, "%s: an entry of the rule finds nothing", say)
	}
	if a.Person == "" {
		return
	}
	standing := in.People[a.Person]
	require.NotEqual(t, plan.InDoubt, standing, "%s: removes %s, who is in doubt", say, a.Person)
	if d.Wanted != nil && standing != plan.Left {
		require.NotContains(t, members.People, a.Person, "%s: removes who is in the group", say)
	}
	if d.Wanted != nil && standing == plan.Left {
		require.NotEqual(t, config.MembersLeave, in.GroupMembers.WhenDeprovisioned, "%s: removes who may stay", say)
	}
}

// randomWorld is a small company with a few groups.
func randomWorld(r *rand.Rand) *world {
	chance := func(percent int) bool { return r.IntN(100) < percent }
	people := numbered(3 + r.IntN(25))
	var entries []config.Group
	w := newWorld("", entries...)
	w.in.NamesOnly = chance(30)
	w.in.FirstSync, w.in.ListIncomplete = chance(5), chance(5)
	if chance(5) {
		w.in.PeopleHeld = "source_empty"
	}
	w.prefs.RemovalGuard = config.RemovalGuard{Count: r.IntN(4), Percent: r.IntN(101), GroupPercent: r.IntN(101)}
	w.prefs.AllowDeprovision = chance(90)
	if chance(15) {
		w.in.Limit = []config.Policy{config.PolicyUpsertOnly, config.PolicyCreateOnly, config.PolicyObserve}[r.IntN(3)]
	}
	if chance(20) {
		w.rule.GroupMembers.WhenDeprovisioned = config.MembersLeave
	}
	w.in.Lost = map[string]bool{}
	var accounts []string
	for _, p := range people {
		standing := []plan.Standing{plan.Provisioned, plan.Provisioned, plan.Provisioned, plan.Provisioned, plan.Left, plan.Elsewhere, plan.InDoubt}[r.IntN(7)]
		if chance(95) {
			w.in.People[p] = standing
		}
		if chance(85) {
			w.account(p)
			a := w.accountOf(p)
			switch {
			case standing == plan.Elsewhere:
				a.Rule = "other"
			case standing == plan.Left && chance(40):
				a.Deprovisioned = true
			case standing == plan.Left && chance(50):
				w.in.Lost[p] = true
			}
			accounts = append(accounts, a.ID)
		}
		if chance(3) {
			w.account(p)
			w.in.Accounts[len(w.in.Accounts)-1].ID += "-twin"
		}
	}
	for i := range r.IntN(6) {
		w.foreign(fmt.Sprint("x", i))
		accounts = append(accounts, fmt.Sprint("x", i))
	}
	accounts = append(accounts, "device")
	some := func(of []string, percent int) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(of), func(string) bool { return !chance(percent) }), " ")
	}
	for i := range 1 + r.IntN(5) {
		w.randomGroup(r, chance, fmt.Sprint("g", i), some(people, r.IntN(101)), some(accounts, r.IntN(101)))
	}
	return w
}

// randomGroup is one group with its entry in the rule, at the store and at the target, of which some may be missing.
func (w *world) randomGroup(r *rand.Rand, chance func(int) bool, id, people, accounts string) {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	name := "name of " + id
	if w.in.NamesOnly {
		name = id
	}
	e := config.Group{Source: id, Existing: pick("", config.ExistingMerge, config.ExistingOverwrite, config.ExistingLeave),
		WhenRemoved: pick("", config.RemovedLeave, config.RemovedRemoveMembers, config.RemovedDeleteGroup)}
	g := ours("T"+id, id, pick(name, name, "old name of "+id))
	g.Mark = directory.GroupMark{Origin: directory.Origin(pick("created", "adopted")), WhenRemoved: pick("", "", config.RemovedRemoveMembers, config.RemovedDeleteGroup)}.String()
	switch r.IntN(12) {
	case 0:
		g.Types = []string{"DynamicMembership"}
	case 1:
		g.Link, g.Mark = "", ""
	case 2:
		g.Link, g.Mark, g.UniqueName = "", "", ""
	case 3:
		g.Link = pick("fabrikam/staff/g0", "contoso/other/"+id, "contoso/staff/elsewhere")
	case 4:
		g.AssignedLicenses = []string{"sku"}
	case 5:
		e.Target = pick(g.ID, "nowhere")
	}
	if chance(85) {
		w.rule.Groups = append(w.rule.Groups, e)
	}
	if chance(90) {
		w.group(id, name, people)
		m := w.members[id]
		if chance(5) {
			m.Err = errCut
		}
		w.members[id] = m
		if chance(3) {
			delete(w.members, id)
		}
	}
	switch {
	case chance(75):
		w.target(g, accounts)
	case chance(30):
		g.SecurityEnabled = true
		w.in.Bin = append(w.in.Bin, g)
		w.there[g.ID] = strings.Fields(accounts)
	}
	if chance(3) {
		g.ID += "-twin"
		w.target(g, accounts)
	}
}

// carryOut does to the tenant what a plan says.
func (w *world) carryOut(p *membership.Plan) {
	for i := range p.Decisions {
		d := &p.Decisions[i]
		at := slices.IndexFunc(w.in.Groups, func(g directory.Group) bool { return g.ID == d.Target })
		switch d.Action {
		case membership.None:
			continue
		case membership.Create:
			d.Target = fmt.Sprint("new-", d.Group)
			w.in.Groups = append(w.in.Groups, directory.Group{
				ID: d.Target, DisplayName: d.Wanted.Name, Description: d.Wanted.Description, SecurityEnabled: true, Mark: d.Mark.String(),
				Link: membership.Link(connection, rule, d.Group), UniqueName: membership.UniqueName(connection, d.Group),
			})
		case membership.Restore:
			from := slices.IndexFunc(w.in.Bin, func(g directory.Group) bool { return g.ID == d.Target })
			w.in.Groups, w.in.Bin = append(w.in.Groups, w.in.Bin[from]), slices.Delete(w.in.Bin, from, from+1)
			w.write(&w.in.Groups[len(w.in.Groups)-1], d)
		case membership.Delete:
			if d.Held {
				continue
			}
			w.in.Bin = append(w.in.Bin, w.in.Groups[at])
			w.in.Groups = slices.Delete(w.in.Groups, at, at+1)
			continue
		case membership.Adopt, membership.Update:
			w.write(&w.in.Groups[at], d)
		case membership.Members, membership.Empty:
		}
		members := map[string]bool{}
		for _, id := range w.there[d.Target] {
			members[id] = true
		}
		for _, m := range d.Joining() {
			members[m.Account] = true
		}
		for _, m := range d.Losing() {
			delete(members, m.Account)
		}
		w.there[d.Target] = slices.Sorted(maps.Keys(members))
	}
}

// write writes what a decision names, or all of it to a restored group.
func (w *world) write(g *directory.Group, d *membership.Decision) {
	names := d.Attributes
	if d.Action == membership.Restore {
		names = membership.Differences(connection, rule, d.Wanted, d.Mark, g)
	}
	for _, name := range names {
		switch name {
		case directory.DisplayName:
			g.DisplayName = d.Wanted.Name
		case membership.AttributeDescription:
			g.Description = d.Wanted.Description
		case membership.AttributeLink:
			g.Link = membership.Link(connection, rule, d.Group)
		case membership.AttributeMark:
			g.Mark = d.Mark.String()
		}
	}
}
