package endtoend_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// The server that is to remove an account does not know it, although it was read a moment before: a replica that is behind.
// The removal is made again, and not taken for done.
func TestRemovalMissesTheAccount(t *testing.T) {
	t.Parallel()
	for action, method := range map[string]string{config.RemoveDelete: http.MethodDelete, config.RemoveDisable: http.MethodPatch} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			k := testkit.Start(t, testkit.Options{})
			c := k.Config()
			c.Preferences.RemoveAction = action
			ann, bob := testkit.Person("1", "ann", "Ann", "Lee", ""), testkit.Person("2", "bob", "Bob", "Lee", "")
			k.WritePeople(testkit.Header, ann, bob)
			synced(t, k, c)
			k.Simulator.FailNext(func(r *http.Request) bool { return r.Method == method },
				simulator.GraphFault(404, "Request_ResourceNotFound", "Resource 'x' does not exist or one of its queried reference-property objects are not present."))
			k.WritePeople(testkit.Header, bob)
			r := k.MustSync("staff")
			require.Equal(t, map[plan.Action]int{plan.Remove: 1}, r.Actions)
			require.Empty(t, r.Problems)
			u, there := k.User("ann")
			require.Equal(t, action == config.RemoveDisable, there)
			require.False(t, u.AccountEnabled)
		})
	}
}
