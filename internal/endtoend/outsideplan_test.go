package endtoend_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/simulator"
)

func patches(r *http.Request) bool { return r.Method == http.MethodPatch }

// many are more people than are under way at a time, so that what happens at the first write concerns the last.
const many = 60

// A sync that changes departments reads everybody once more. What the source says by then may be another accident, which
// no guard has seen.
func TestNothingIsTakenThatThePlanDidNotTake(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(many)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	before := k.Havings()
	moved := each(people, func(_ int, f []string) { f[columnDepartment] = "Support" })

	t.Run("everybody becomes disabled while departments are written", func(t *testing.T) {
		k.WritePeople(moved...)
		once(k, patches, func() {
			k.WritePeople(each(moved, func(_ int, f []string) { f[columnDepartment], f[columnEnabled] = "Board", "false" })...)
		})
		k.MustSync("staff")
		require.Empty(t, lost(before, k.Havings()))
		restored(t, k, before, people)
	})
	t.Run("everybody loses the license while departments are written", func(t *testing.T) {
		k.WritePeople(moved...)
		once(k, patches, func() {
			k.WritePeople(each(moved, func(_ int, f []string) { f[columnLicense] = "" })...)
		})
		k.MustSync("staff")
		require.Empty(t, lost(before, k.Havings()))
		restored(t, k, before, people)
	})
	t.Run("somebody asks to look again while removals are held", func(t *testing.T) {
		k.WritePeople(each(moved, func(_ int, f []string) { f[columnEnabled] = "false" })...)
		k.Simulator.SetLatency(200 * time.Millisecond)
		asked := make(chan int, 1)
		once(k, patches, func() {
			ctx, cancel := k.Context()
			defer cancel()
			n := 0
			for i := range many {
				if k.Client.SignalWorkflow(ctx, api.UserID("contoso", fmt.Sprintf("e%02d", i)), "", api.SignalAgain, nil) == nil {
					n++
				}
			}
			asked <- n
		})
		_, err := k.Sync("staff")
		require.NoError(t, err)
		require.NotZero(t, <-asked)
		k.AwaitSynced()
		require.Empty(t, lost(before, k.Havings()))
	})
}

// Who was to adopt an account by its name and has another name by now leaves it alone.
func TestAnAccountIsAdoptedOnlyUnderTheNameThatThePersonHas(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(testkit.Header)
	synced(t, k, k.Config())
	people, renamed := []string{testkit.Header}, []string{testkit.Header}
	for i := range many {
		id, name := fmt.Sprintf("e%02d", i), fmt.Sprintf("old%02d", i)
		people = append(people, testkit.Person(id, name, "Ann", name, ""))
		renamed = append(renamed, testkit.Person(id, "new"+name, "Ann", name, ""))
		mutate(t, k, func(tenant *simulator.Tenant) error {
			_, err := tenant.AddUser(simulator.UserSeed{"userPrincipalName": name + "@contoso.com", "displayName": "Somebody"})
			return err
		})
	}
	k.WritePeople(people...)
	once(k, patches, func() { k.WritePeople(renamed...) })
	k.MustSync("staff")
	last, ok := k.User(fmt.Sprintf("old%02d", many-1))
	require.True(t, ok, "the account has the name that it had")
	require.Empty(t, last.Properties[property("entraflowLink")], "and nobody's link")
	_, ok = k.User(fmt.Sprintf("newold%02d", many-1))
	require.True(t, ok, "the person has an account of their own")
}
