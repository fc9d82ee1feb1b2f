package endtoend_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
)

// A connection that only observes reads, plans and reports, and sends the tenant not a single write: from its first test on, which
// registers no properties, through runs of single people, until the policy changes.
func TestAConnectionThatObservesWritesNothing(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(staff(4)...)
	c := k.Config()
	c.Preferences.Policy = config.PolicyObserve
	synced(t, k, c)
	r := k.MustSync("staff")
	require.Equal(t, api.SyncCompleted, r.State, r.Message)
	require.Equal(t, 4, r.Unsynced)
	require.Equal(t, 4, r.Reasons[fault.WithheldByPolicy])
	one, err := k.Provision("e01")
	require.NoError(t, err)
	require.Equal(t, plan.None, one.Action)
	require.Equal(t, fault.WithheldByPolicy, one.Reason)
	require.Zero(t, k.Simulator.Stats().Writes, "%v", k.Simulator.Stats().Requests)

	c.Preferences.Policy = config.PolicyCreateOnly
	synced(t, k, c)
	require.Equal(t, 4, k.MustSync("staff").Success)
	require.NotEmpty(t, k.Describe().Pinned.LinkProperty, "the properties are registered once something may be written")

	// Whoever moves, leaves or is disabled under another policy than sync is left as they are.
	lines := staff(4)
	lines = append(lines[:1], lines[2:]...)
	for _, policy := range []config.Policy{config.PolicyCreateOnly, config.PolicyObserve, config.PolicyUpsertOnly} {
		changed := policy == config.PolicyUpsertOnly
		k.WritePeople(append(lines[:3:3], testkit.Person("e03", "u03", "Renamed"+string(policy), "Family03", "SPE_E3"))...)
		c.Preferences.Policy = policy
		k.MustApply(c)
		_, err := k.Await("staff")
		require.NoError(t, err)
		k.AwaitSynced()
		before := k.Simulator.Stats().Writes
		r := k.MustSync("staff")
		require.Zero(t, k.Simulator.Stats().Writes-before, "%s: a second sync writes nothing", policy)
		u, _ := k.User("u03")
		require.Equal(t, changed, u.Properties["givenName"] == "Renamed"+string(policy), "%s", policy)
		gone, _ := k.User("u00")
		require.Equal(t, true, gone.AccountEnabled, "%s: nobody is disabled", policy)
		require.Zero(t, r.Actions[plan.Remove])
		require.Zero(t, r.Guard.Removals, "what the policy withholds is not held by the guard, too")
	}
}
