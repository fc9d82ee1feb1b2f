package membership_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

var (
	sales     = config.Group{Source: "Sales"}
	overwrite = config.Group{Source: "Sales", Existing: config.ExistingOverwrite}
)

// What becomes of one group and its members. Ten people a to j; a to d are in the group at the store unless said otherwise.
func TestDecide(t *testing.T) {
	t.Parallel()
	const everybody = "a b c d e f g h i j"
	our := ours("T", "g1", "Sales")
	for name, c := range map[string]struct {
		entry config.Group
		world func(w *world)
		want  string
	}{
		"a new group":                   {sales, func(*world) {}, "create +id-a id-b id-c id-d"},
		"nothing to do":                 {sales, func(w *world) { w.target(our, "id-a id-b id-c id-d") }, "none"},
		"somebody joins":                {sales, func(w *world) { w.target(our, "id-a id-b id-c") }, "members +id-d"},
		"somebody leaves the group":     {sales, func(w *world) { w.target(our, "id-a id-b id-c id-d id-e") }, "members -id-e"},
		"ids in upper case":             {sales, func(w *world) { w.target(our, "ID-A ID-B ID-C ID-D ID-E") }, "members -id-e"},
		"merge keeps whom others added": {sales, func(w *world) { w.foreign("x1").target(our, "id-a id-b id-c id-d x1") }, "none"},
		"overwrite does not":            {overwrite, func(w *world) { w.foreign("x1").target(our, "id-a id-b id-c id-d x1") }, "members -x1"},
		"what is no account stays":      {overwrite, func(w *world) { w.target(our, "id-a id-b id-c id-d a-device") }, "none"},
		"no account yet":                {sales, func(w *world) { w.in.Accounts = w.in.Accounts[1:]; w.target(our, "id-b id-c id-d") }, "none waiting:1"},
		"an account of a moment ago": {sales, func(w *world) {
			w.in.Accounts = w.in.Accounts[1:]
			w.in.Recent = func(string) string { return "NEW" }
			w.target(our, "id-b id-c id-d")
		}, "members +new"},
		"who is in doubt neither joins nor leaves": {sales, func(w *world) {
			w.in.People["a"], w.in.People["e"] = plan.InDoubt, plan.InDoubt
			w.target(our, "id-b id-c id-d id-e")
		}, "none"},
		"nor does somebody of whom nothing is said": {sales, func(w *world) {
			delete(w.in.People, "a")
			delete(w.in.People, "e")
			w.target(our, "id-b id-c id-d id-e")
		}, "none"},
		"two accounts of one person": {sales, func(w *world) {
			w.account("a")
			w.in.Accounts[len(w.in.Accounts)-1].ID = "id-a2"
			w.target(our, "id-b id-c id-d id-a2")
		}, "none"},
		"another rule's person who is in the group": {sales, func(w *world) {
			w.in.People["a"] = plan.Elsewhere
			w.target(our, "id-a id-b id-c id-d")
		}, "none"},
		"another rule's person who is not": {sales, func(w *world) {
			w.in.People["e"] = plan.Elsewhere
			w.target(our, "id-a id-b id-c id-d id-e")
		}, "members -id-e"},
		"a leaver leaves the group": {sales, func(w *world) {
			w.in.People["a"] = plan.Left
			w.target(our, "id-a id-b id-c id-d")
		}, "members -id-a"},
		"unless the rule lets them stay": {sales, func(w *world) {
			w.in.People["a"] = plan.Left
			w.rule.GroupMembers.WhenDeprovisioned = config.MembersLeave
			w.target(our, "id-a id-b id-c id-d")
		}, "none"},
		"or nobody may be deprovisioned": {sales, func(w *world) {
			w.in.People["a"] = plan.Left
			w.prefs.AllowDeprovision = false
			w.target(our, "id-a id-b id-c id-d")
		}, "none"},
		"members not read at the source": {sales, func(w *world) {
			m := w.members["g1"]
			m.Err = errCut
			w.members["g1"] = m
			w.target(our, "id-a id-b id-c id-e")
		}, "members +id-d PartiallySynced:membership_unread"},
		"members not read at the source at all": {sales, func(w *world) {
			delete(w.members, "g1")
			w.target(our, "id-a")
		}, "none PartiallySynced:membership_unread"},
		"a list that is not complete": {sales, func(w *world) {
			w.in.ListIncomplete = true
			w.target(our, "id-a id-b id-c id-e")
		}, "members +id-d PartiallySynced:membership_unread"},
		"renamed at the store": {sales, func(w *world) { w.target(ours("T", "g1", "Old"), "id-a id-b id-c id-d") }, "update [displayName]"},
		"described": {config.Group{Source: "Sales", Description: config.GroupText{Value: "who sells"}}, func(w *world) { w.target(our, "id-a id-b id-c id-d") },
			"update [description]"},
		"a description of others is kept": {sales, func(w *world) {
			g := our
			g.Description = "by hand"
			w.target(g, "id-a id-b id-c id-d")
		}, "none"},
		"whenRemoved is remembered": {config.Group{Source: "Sales", WhenRemoved: config.RemovedDeleteGroup}, func(w *world) { w.target(our, "id-a id-b id-c id-d") },
			"update [mark]"},
		"a mark that was lost is that of an adopted group": {sales, func(w *world) {
			g := our
			g.Mark = ""
			w.target(g, "id-a id-b id-c id-d")
		}, "update [mark]"},
		"a link that was lost": {sales, func(w *world) {
			g := our
			g.Link = ""
			w.target(g, "id-a id-b id-c id-d")
		}, "update [link]"},
		"our unique name with another's link": {sales, func(w *world) {
			g := our
			g.Link, g.DisplayName = "fabrikam/staff/g7", "Other"
			w.target(g, "")
		}, "none Failed:group_linked_elsewhere"},
		"adopted by name": {sales, func(w *world) { w.foreign("x1").target(directory.Group{ID: "T", DisplayName: "sales"}, "id-a id-e x1") },
			"adopt [displayName link mark] +id-b id-c id-d -id-e"},
		"left alone": {config.Group{Source: "Sales", Existing: config.ExistingLeave}, func(w *world) { w.target(directory.Group{ID: "T", DisplayName: "Sales"}, "id-e") },
			"none Unsynced:group_exists"},
		"two of the name": {sales, func(w *world) {
			w.target(directory.Group{ID: "T1", DisplayName: "Sales"}, "").target(directory.Group{ID: "T2", DisplayName: "Sales"}, "")
		}, "none Failed:group_name_duplicate"},
		"two with the link": {sales, func(w *world) { w.target(our, "").target(ours("T2", "g1", "Other"), "") }, "none Failed:group_link_duplicate"},
		"another connection's": {sales, func(w *world) {
			w.target(directory.Group{ID: "T", DisplayName: "Sales", Link: "fabrikam/staff/g1"}, "")
		}, "none Failed:group_linked_elsewhere"},
		"restored": {sales, func(w *world) { w.in.Bin = []directory.Group{our} }, "restore +id-a id-b id-c id-d"},
		"a stranger in the bin with our unique name": {sales, func(w *world) {
			g := our
			g.Link = ""
			w.in.Bin = []directory.Group{g}
		}, "none Failed:group_unique_name_taken"},
		"by object id": {config.Group{Source: "Sales", Target: "t"}, func(w *world) {
			w.foreign("x1").target(directory.Group{ID: "T", DisplayName: "Something else"}, "id-a id-e x1")
		}, "members +id-b id-c id-d -id-e"},
		"by object id, overwritten": {config.Group{Source: "Sales", Target: "T", Existing: config.ExistingOverwrite}, func(w *world) {
			w.foreign("x1").target(directory.Group{ID: "T", DisplayName: "Something else"}, "id-a id-b id-c id-d x1")
		}, "members -x1"},
		"by object id, not there": {config.Group{Source: "Sales", Target: "T"}, func(*world) {}, "none Failed:target_group_not_found"},
		"dynamic": {sales, func(w *world) {
			g := our
			g.Types = []string{"DynamicMembership"}
			w.target(g, "")
		}, "none Failed:group_unwritable_dynamic"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(everybody, c.entry).group("g1", "Sales", "a b c d")
			c.world(w)
			require.Equal(t, c.want, told(w.one(t)))
		})
	}
}

// Nobody loses a membership by a name that the store does not have.
func TestNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld("a b", config.Group{Source: "Saless"}).group("g1", "Sales", "a").target(ours("T", "g1", "Sales"), "id-a id-b")
	p := w.plan()
	require.Equal(t, fault.GroupNotFound, p.Problems[0].Reason)
	require.Equal(t, []string{"Sales"}, p.Problems[0].Near)
	require.Equal(t, "none Unsynced:group_not_found", told(p.Decisions[0]))
}

// A group that one rule names by object id, and another one keeps by its link: each keeps only its own people in it.
func TestATargetThatAnotherRuleKeepsByItsLink(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		link, wants string
		want        string
	}{
		"kept by the other":      {"contoso/other/g9", "g9", "none"},
		"the other wants it not": {"contoso/other/g9", "g8", "members -id-e"},
		"of another connection":  {"fabrikam/other/g9", "g9", "members -id-e"},
		"without a link":         {"", "g9", "members -id-e"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld("a b c d e", config.Group{Source: "Sales", Target: "T"}).group("g1", "Sales", "a b c d")
			w.in.Linked, w.in.People["e"] = 100, plan.Elsewhere
			w.target(directory.Group{ID: "T", DisplayName: "Theirs", Link: c.link}, "id-a id-b id-c id-d id-e")
			w.in.Others = []membership.Other{{Rule: "other", Wanted: []membership.Wanted{{Group: source.Group{ID: c.wants}}}}}
			require.Equal(t, c.want, told(w.one(t)))
		})
	}
}

// Who was to be deprovisioned in this sync and was not, keeps the memberships, too: nobody has counted them.
func TestARemovalThatDidNotHappenTakesNoMembership(t *testing.T) {
	t.Parallel()
	for done, want := range map[bool]string{true: "members -id-a", false: "none"} {
		w := newWorld("a b c d", sales).group("g1", "Sales", "a b c d").target(ours("T", "g1", "Sales"), "id-a id-b id-c id-d")
		w.in.People["a"], w.in.Lost = plan.Left, map[string]bool{"a": true}
		w.accountOf("a").Deprovisioned = done
		require.Equal(t, want, told(w.one(t)))
	}
}
