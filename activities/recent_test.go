package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/testkit"
	"github.com/entraflow/entraflow/workflows"
)

// Somebody was created a moment ago, no read shows it yet, the worker that did it is gone, and the person has another name
// by now: the next sync must find the account and not make a second one.
func TestPlannedCreationFindsAnAccountThatNoReadShowsYet(t *testing.T) {
	t.Parallel()
	for _, by := range []struct {
		name   string
		create func(t *testing.T, k *testkit.Kit)
	}{
		{"created by a sync", func(t *testing.T, k *testkit.Kit) { k.MustSync("staff") }},
		{"created on demand", func(t *testing.T, k *testkit.Kit) {
			_, err := k.Provision("p1")
			require.NoError(t, err)
		}},
	} {
		t.Run(by.name, func(t *testing.T) {
			t.Parallel()
			k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{RandomSeed: 2, ReplicaLag: 15 * time.Second}})
			k.WritePeople(testkit.Header)
			require.Equal(t, workflows.Valid, k.MustApply(k.Config()).Validity)

			k.WritePeople(testkit.Header, testkit.Person("p1", "before", "Ann", "Lee", ""))
			by.create(t, k)
			k.StopWorker()
			k.StartWorker()
			k.WritePeople(testkit.Header, testkit.Person("p1", "after", "Ann", "Lee", ""))
			result := k.MustSync("staff")

			require.Equal(t, plan.Counters{Impacted: 1, Success: 1}, result.Counters, "%+v", result)
			users := k.Simulator.State().Tenants[0].Users
			require.Len(t, users, 1, "one person, one account")
			require.Equal(t, "after@contoso.com", users[0].UserPrincipalName)
		})
	}
}
