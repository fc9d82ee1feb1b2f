// Package endtoend runs the whole of entraflow on a real Temporal server against the simulator.
package endtoend_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// The main job: people of a file become licensed accounts with two writes and no read each, and a second sync writes
// nothing and starts nobody's workflow.
func TestPeopleBecomeLicensedAccounts(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	lines := []string{testkit.Header}
	for i := range 20 {
		lines = append(lines, testkit.Person(fmt.Sprintf("p%02d", i), fmt.Sprintf("user%02d", i), "Ann", "Lee", "SPE_E3"))
	}
	k.WritePeople(lines...)
	result := k.MustApply(k.Config())
	require.Equal(t, api.Valid, result.Validity, "%+v", result.Test)

	first, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, plan.Counters{Impacted: 20, Success: 20}, first.Counters)
	require.Equal(t, 20, first.Actions[plan.Create])
	stats := k.Simulator.Stats()
	require.Equal(t, 20, stats.Requests["POST /users"])
	require.Equal(t, 20, stats.Requests["POST /users/{id}/assignLicense"])
	require.Zero(t, stats.Requests["GET /users/{id}"], "%v", stats.Requests)
	require.Empty(t, stats.ProtocolFaults)
	require.LessOrEqual(t, k.Events(api.UserID("contoso", "p00")), 20)

	u, ok := k.User("user00")
	require.True(t, ok)
	require.True(t, u.AccountEnabled)
	require.Len(t, u.Licenses, 1)
	require.Equal(t, simulator.SKUM365E3, u.Licenses[0].SkuID)

	k.Simulator.ResetStats()
	second := k.MustSync("staff")
	require.Equal(t, plan.Counters{Impacted: 20, Success: 20}, second.Counters)
	require.Zero(t, second.Planned)
	require.Zero(t, k.Simulator.Stats().Writes)
}
