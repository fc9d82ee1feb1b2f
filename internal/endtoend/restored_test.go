package endtoend_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// The answer to a restore is lost, and for a while neither the bin nor any other read shows the account: it is waited for, and
// no second one is made, although the person comes back under another name.
func TestLostAnswerOfARestoreMakesNoSecondAccount(t *testing.T) {
	for name, fault := range map[string]simulator.Fault{
		"reset after the commit": {Commit: true, Reset: true},
		"504 after the commit":   {Status: 504, Commit: true},
		"502 before the commit":  {Status: 502},
		"answered":               {},
	} {
		t.Run(name, func(t *testing.T) {
			// Reads count as settled after 9 s, so that nothing else knows of the account any more.
			const lag = 3 * time.Second
			k := testkit.Start(t, testkit.Options{Pace: 0.01, Simulator: simulator.Options{ReplicaLag: lag}})
			k.WritePeople(staff(5)...)
			c := k.Config()
			c.Preferences.RemoveAction = config.RemoveDelete
			synced(t, k, c)
			before, _ := k.User("u00")
			settle := func() {
				k.AwaitSynced()
				caughtUp := time.NewTimer(lag)
				<-caughtUp.C
			}
			settle()
			k.WritePeople(append([]string{testkit.Header}, staff(5)[2:]...)...)
			require.Equal(t, map[plan.Action]int{plan.Remove: 1}, k.MustSync("staff").Actions)
			settle()
			k.WritePeople(append([]string{testkit.Header, testkit.Person("e00", "renamed", "Given00", "Other", "SPE_E3")}, staff(5)[2:]...)...)
			if name != "answered" {
				k.Simulator.FailNext(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/restore") }, fault)
			}
			r := k.MustSync("staff")
			require.Equal(t, plan.Counters{Impacted: 5, Success: 5}, r.Counters, "%+v", r.Problems)
			require.Equal(t, map[plan.Action]int{plan.Restore: 1}, r.Actions)
			tenant := k.Simulator.State().Tenants[0]
			require.Len(t, tenant.Users, 5)
			require.Empty(t, tenant.DeletedUsers)
			u, ok := k.User("renamed")
			require.True(t, ok)
			require.Equal(t, before.ID, u.ID)
			require.True(t, u.AccountEnabled)
			require.Len(t, u.Licenses, 1)
		})
	}
}
