package endtoend_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// Somebody is created, leaves, is deleted and comes back, all within the time in which a new account may be invisible. That
// the account is gone is no matter of waiting then: it is in the recycle bin, whether the bin shows links or not.
func TestComesBackSoonAfterCreation(t *testing.T) {
	t.Parallel()
	for name, hides := range map[string]bool{"restored": false, "created anew where the bin hides links": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := testkit.Start(t, testkit.Options{Pace: 1, Simulator: simulator.Options{Behavior: simulator.Behavior{BinHidesExtensions: hides}}})
			c := k.Config()
			c.Preferences.RemoveAction = config.RemoveDelete
			ann, bob := testkit.Person("1", "ann", "Ann", "Lee", "SPE_E3"), testkit.Person("2", "bob", "Bob", "Lee", "")
			k.WritePeople(testkit.Header, ann, bob)
			synced(t, k, c)
			before, _ := k.User("ann")

			k.WritePeople(testkit.Header, bob)
			require.Equal(t, 1, k.MustSync("staff").Actions[plan.Remove])
			k.AwaitSynced()
			_, there := k.User("ann")
			require.False(t, there)

			k.Simulator.ResetStats()
			k.WritePeople(testkit.Header, ann, bob)
			r := k.MustSync("staff")
			require.Equal(t, plan.Counters{Impacted: 2, Success: 2}, r.Counters)
			back, _ := k.User("ann")
			require.Equal(t, before.Licenses, back.Licenses)
			require.LessOrEqual(t, k.Simulator.Stats().Statuses["404"], 2, "nobody waits for an account that is deleted")
			if hides {
				require.Equal(t, map[plan.Action]int{plan.Create: 1}, r.Actions)
				require.NotEqual(t, before.ID, back.ID)
				return
			}
			require.Equal(t, map[plan.Action]int{plan.Restore: 1}, r.Actions)
			require.Equal(t, before.ID, back.ID)
			k.AwaitSynced()

			// The same on demand: what the worker remembers and what the runs tell is no obstacle.
			k.WritePeople(testkit.Header, bob)
			k.MustSync("staff")
			k.AwaitSynced()
			k.WritePeople(testkit.Header, ann, bob)
			done, err := k.Provision("1")
			require.NoError(t, err)
			require.Equal(t, plan.Restore, done.Action)
			require.Equal(t, before.ID, done.AccountID)
		})
	}
}
