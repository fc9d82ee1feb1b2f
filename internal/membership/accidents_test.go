package membership_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// accidentCompany is a hundred people, of whom sixty are in Sales (g1), forty in Support (g2) and five on the Board (g3), all as they should be. Sales has
// ten members at the target whom somebody else added.
func accidentCompany() *world {
	people := numbered(100)
	w := newWorld(strings.Join(people, " "), config.Group{Source: "Sales"}, config.Group{Source: "Support"}, config.Group{Source: "Board"})
	there := func(from, to int) string { return "id-" + strings.Join(people[from:to], " id-") }
	hand := ""
	for i := range 10 {
		w.foreign(fmt.Sprint("x", i))
		hand += fmt.Sprint(" x", i)
	}
	w.group("g1", "Sales", strings.Join(people[:60], " ")).target(ours("T1", "g1", "Sales"), there(0, 60)+hand)
	w.group("g2", "Support", strings.Join(people[60:], " ")).target(ours("T2", "g2", "Support"), there(60, 100))
	w.group("g3", "Board", strings.Join(people[:5], " ")).target(ours("T3", "g3", "Board"), there(0, 5))
	w.in.Linked = 100
	return w
}

// atStore changes who is in a group of the store.
func (w *world) atStore(id string, people ...string) {
	m := w.members[id]
	m.People = people
	w.members[id] = m
}

// atTarget changes a group of the tenant.
func (w *world) atTarget(id string) *directory.Group {
	return &w.in.Groups[slices.IndexFunc(w.in.Groups, func(g directory.Group) bool { return g.ID == id })]
}

// What goes wrong with groups, here and elsewhere, costs nobody a membership beyond the guard. losses are those who lose one all the same, and
// says is a reason that must be told.
func TestAccidents(t *testing.T) {
	t.Parallel()
	people := numbered(100)
	for name, c := range map[string]struct {
		happens func(w *world)
		losses  int
		says    string
	}{
		"nothing":                              {func(*world) {}, 0, ""},
		"the group is empty at the source":     {func(w *world) { w.atStore("g1") }, 0, "group_empty"},
		"all groups are empty at the source":   {func(w *world) { w.atStore("g1"); w.atStore("g2"); w.atStore("g3") }, 0, "group_empty"},
		"a small group is empty at the source": {func(w *world) { w.atStore("g3") }, 0, "group_empty"},
		"the read of the members was cut off": {func(w *world) {
			w.atStore("g1", people[:20]...)
			m := w.members["g1"]
			m.Err = errCut
			w.members["g1"] = m
		}, 0, "membership_unread"},
		"the read was cut off and nobody noticed": {func(w *world) { w.atStore("g1", people[:20]...) }, 0, "group_removals_held"},
		"the source forgot half of each group":    {func(w *world) { w.atStore("g1", people[:30]...); w.atStore("g2", people[80:]...) }, 0, "group_removals_held"},
		"the column of the members is lost":       {func(w *world) { w.store, w.members = nil, map[string]source.Membership{} }, 0, "group_not_found"},
		"the group was renamed at a source without ids": {func(w *world) {
			w.store[0] = source.Group{ID: "Sales EMEA", Name: "Sales EMEA"}
			w.members["Sales EMEA"] = w.members["g1"]
			w.in.NamesOnly = true
		}, 0, "group_not_found"},
		"the group was renamed at a source with ids": {func(w *world) { w.store[0].Name = "Sales EMEA" }, 0, "group_not_found"},
		"the group was deleted at the source":        {func(w *world) { w.store = w.store[1:] }, 0, "group_not_found"},
		"and made again under another id": {func(w *world) {
			w.store[0].ID = "g9"
			w.members["g9"] = w.members["g1"]
		}, 0, "group_linked_elsewhere"},
		"the wrong group was picked": {func(w *world) {
			w.rule.Groups = []config.Group{{Source: "Sales"}, {Source: "Board", Target: "T2"}}
		}, 0, "group_removals_held"},
		"the wrong group was picked, and that is not noticed for some syncs": {func(w *world) {
			w.rule.Groups = []config.Group{{Source: "Sales"}, {Source: "Support", Target: "T3"}}
			for range 5 {
				w.carryOut(w.plan())
			}
		}, 0, "group_removals_held"},
		"another target was picked": {func(w *world) { w.rule.Groups[0].Target = "T2" }, 0, "group_target_twice"},
		"the target is dynamic now": {func(w *world) {
			w.atTarget("T1").Types = []string{"DynamicMembership"}
			w.atStore("g1", people[:59]...)
		}, 0, "group_unwritable_dynamic"},
		"the target is synchronized now": {func(w *world) { w.atTarget("T1").Synced = true; w.atStore("g1", people[:59]...) }, 0, "group_unwritable_synced_from_on_premises"},
		"the target can hold roles now":  {func(w *world) { w.atTarget("T1").RoleAssignable = true; w.atStore("g1", people[:59]...) }, 0, "group_unwritable_role_assignable"},
		"the target was deleted": {func(w *world) {
			w.in.Bin = append(w.in.Bin, w.in.Groups[0])
			w.in.Groups = w.in.Groups[1:]
		}, 0, ""},
		"the target was deleted and lost its link": {func(w *world) {
			w.in.Bin = append(w.in.Bin, w.in.Groups[0])
			w.in.Bin[0].Link = ""
			w.in.Groups = w.in.Groups[1:]
		}, 0, "group_unique_name_taken"},
		"the name is taken by two others": {func(w *world) {
			w.rule.Groups = append(w.rule.Groups, config.Group{Source: "New"})
			w.group("g4", "New", "p1").target(directory.Group{ID: "A", DisplayName: "New"}, "").target(directory.Group{ID: "B", DisplayName: "new"}, "")
		}, 0, "group_name_duplicate"},
		"the link was copied to another group": {func(w *world) { w.target(ours("T9", "g1", "Copy"), "x1") }, 0, "group_link_duplicate"},
		"the link was lost":                    {func(w *world) { w.atTarget("T1").Link, w.atTarget("T1").UniqueName = "", "" }, 0, ""},
		"all links of accounts are gone": {func(w *world) {
			for i := range w.in.Accounts {
				w.in.Accounts[i].Person = ""
			}
		}, 0, ""},
		"overwrite of a large group of others": {func(w *world) {
			w.rule.Groups[0].Existing = config.ExistingOverwrite
			for i := range 200 {
				w.foreign(fmt.Sprint("y", i))
				w.there["T1"] = append(w.there["T1"], fmt.Sprint("y", i))
			}
		}, 0, "group_removals_held"},
		"overwrite by mistake of a group with some others": {func(w *world) { w.rule.Groups[0].Existing = config.ExistingOverwrite }, 10, ""},
		"the group grew past a page": {func(w *world) {
			for i := range 1500 {
				w.foreign(fmt.Sprint("z", i))
				w.there["T1"] = append(w.there["T1"], fmt.Sprint("z", i))
			}
		}, 0, ""},
		"the entry is taken out, with removeMembers": {func(w *world) {
			w.atTarget("T1").Mark = "1;created;whenRemoved=removeMembers"
			w.rule.Groups = w.rule.Groups[1:]
		}, 0, "group_removals_held"},
		"the entry is taken out, with delete": {func(w *world) {
			w.atTarget("T1").Mark = "1;created;whenRemoved=delete"
			w.rule.Groups = w.rule.Groups[1:]
		}, 0, "group_removals_held"},
		"everything is taken out, with delete": {func(w *world) {
			for i := range w.in.Groups {
				w.in.Groups[i].Mark = "1;created;whenRemoved=delete"
			}
			w.rule.Groups = nil
		}, 0, "group_removals_held"},
		"the expression picks nothing any more": {func(w *world) {
			for i := range w.in.Groups {
				w.in.Groups[i].Mark = "1;created;whenRemoved=delete"
			}
			w.rule.Groups = []config.Group{{Match: "prefix:nothing"}}
		}, 0, "group_removals_held"},
		"the filter lets everybody go, and the people are held": {func(w *world) {
			for _, p := range people {
				w.in.People[p] = plan.Left
			}
			w.in.PeopleHeld = "everybody_left"
		}, 0, "everybody_left"},
		"the filter fails for everybody": {func(w *world) { w.in.People = nil; w.atStore("g1", people[:30]...) }, 0, ""},
		"another rule takes everybody over": {func(w *world) {
			for _, p := range people {
				w.in.People[p] = plan.Elsewhere
			}
		}, 0, ""},
		"the first sync after groups were added": {func(w *world) { w.in.FirstSync = true; w.atStore("g1", people[:59]...) }, 0, "first_sync_removes_nothing"},
		"many leave many groups, a few each": {func(w *world) {
			w.atStore("g1", people[8:60]...)
			w.atStore("g2", people[68:]...)
		}, 0, "removals_held"},
		"a whole small team moves":  {func(w *world) { w.atStore("g3", people[3:5]...) }, 0, "group_removals_held"},
		"one of a small team moves": {func(w *world) { w.atStore("g3", people[1:5]...) }, 1, ""},
		"ids of people change at the source": {func(w *world) {
			var others []string
			for i := range 60 {
				others = append(others, fmt.Sprint("q", i))
				w.in.People[people[i]], w.in.People[others[i]] = plan.InDoubt, plan.Provisioned
			}
			w.atStore("g1", others...)
		}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := accidentCompany()
			c.happens(w)
			in := w.input()
			p := membership.Build(in)
			checkPlan(t, name, in, p)
			require.Len(t, losing(p), c.losses)
			if c.says == "" {
				return
			}
			told := string(p.Guard.Reason)
			for _, problem := range p.Problems {
				told += " " + string(problem.Reason)
			}
			for _, d := range p.Decisions {
				told += " " + string(d.Reason) + " " + string(d.HoldReason)
			}
			require.Contains(t, told, c.says)
		})
	}
}
