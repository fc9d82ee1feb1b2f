package membership_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
)

// A policy is a filter over what was decided: it says what it withholds, and nobody can approve it away.
func TestPoliciesOfGroups(t *testing.T) {
	t.Parallel()
	swap := func(w *world) { w.target(ours("T", "g1", "Sales"), "id-a id-b id-c id-e") }
	for name, c := range map[string]struct {
		world                   func(w *world)
		upsert, create, observe string
	}{
		"new": {func(*world) {}, "create +id-a id-b id-c id-d", "create +id-a id-b id-c id-d", "none Unsynced:withheld_by_policy"},
		"somebody comes and somebody goes": {swap, "members +id-d held:withheld_by_policy(id-e) PartiallySynced:withheld_by_policy",
			"none held:withheld_by_policy(id-e) PartiallySynced:withheld_by_policy", "none held:withheld_by_policy(id-e) PartiallySynced:withheld_by_policy"},
		"existing": {func(w *world) { w.target(directory.Group{ID: "T", DisplayName: "Sales"}, "id-a id-b id-c id-d") },
			"adopt [link mark]", "none Unsynced:withheld_by_policy", "none Unsynced:withheld_by_policy"},
		"right": {func(w *world) { w.target(ours("T", "g1", "Sales"), "id-a id-b id-c id-d") }, "none", "none", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for limit, want := range map[config.Policy]string{
				config.PolicyUpsertOnly: c.upsert, config.PolicyCreateOnly: c.create, config.PolicyObserve: c.observe,
			} {
				w := newWorld("a b c d e f g h i j", sales).group("g1", "Sales", "a b c d")
				c.world(w)
				w.in.Limit = limit
				p := w.plan()
				require.Equal(t, want, told(p.Decisions[0]), limit)
				require.Empty(t, p.Guard.Hash, "there is nothing to approve")
			}
		})
	}
	w := newWorld("a b", config.Group{Source: "Other"}).group("g2", "Other", "a")
	g := ours("T", "g1", "Sales")
	g.Mark = "1;created;whenRemoved=delete"
	w.target(g, "id-a").target(ours("T2", "g2", "Other"), "id-a")
	w.in.Limit = config.PolicyUpsertOnly
	for _, d := range w.plan().Decisions {
		require.False(t, d.Writes(), "a group that left is not deleted: %s", told(d))
	}
}
