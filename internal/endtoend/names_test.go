package endtoend_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// nameOf gives the name and alias of each account by its person.
func namesByPerson(k *testkit.Kit) map[string]string {
	out := map[string]string{}
	for _, u := range k.Simulator.State().Tenants[0].Users {
		link, _ := u.Properties[property("entraflowLink")].(string)
		out[link] = fmt.Sprintf("%s %v", u.UserPrincipalName, u.Properties["mailNickname"])
	}
	return out
}

// Five people take one another's names in a chain, a joiner takes the first of them, and a leaver's name and license go to somebody else on
// the same day: one sync does it all, the plan said so, and the next one writes nothing.
func TestNamesAndLicensesAreHandedOnInOneSync(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	lines := staff(12)
	k.WritePeople(lines...)
	c := k.Config()
	c.Preferences.RemoveAction = config.RemoveDelete
	synced(t, k, c)
	mutate(t, k, func(tenant *simulator.Tenant) error { return tenant.SetStock("SPE_E3", 12) })

	for i := range 5 {
		lines[1+i] = testkit.Person(fmt.Sprintf("e%02d", i), fmt.Sprintf("m%02d", i+1), fmt.Sprintf("Given%02d", i), fmt.Sprintf("Family%02d", i), "SPE_E3")
		if i < 4 {
			lines[1+i] = testkit.Person(fmt.Sprintf("e%02d", i), fmt.Sprintf("u%02d", i+1), fmt.Sprintf("Given%02d", i), fmt.Sprintf("Family%02d", i), "SPE_E3")
		}
	}
	lines[12] = testkit.Person("e90", "u11", "Jenny", "Smithers", "SPE_E3") // e11 has left
	lines = append(lines, testkit.Person("e91", "u00", "New", "Colleague", ""))
	k.WritePeople(lines...)
	r := k.MustSync("staff")
	k.AwaitSynced()
	require.Equal(t, api.SyncCompleted, r.State, "%+v", r)
	require.Equal(t, plan.Counters{Impacted: 14, Success: 14}, r.Counters, "%+v", r.Problems)
	require.Equal(t, map[plan.Action]int{plan.Update: 5, plan.Create: 2, plan.Remove: 1}, r.Actions)
	require.Equal(t, 8, r.Done)
	require.Equal(t, 8, r.Planned)
	names := namesByPerson(k)
	for i := range 4 {
		require.Equal(t, fmt.Sprintf("u%02d@contoso.com u%02d", i+1, i+1), names[fmt.Sprintf("contoso/staff/e%02d", i)])
	}
	require.Equal(t, "m05@contoso.com m05", names["contoso/staff/e04"])
	require.Equal(t, "u00@contoso.com u00", names["contoso/staff/e91"])
	require.Equal(t, "u11@contoso.com u11", names["contoso/staff/e90"])
	jenny, ok := k.User("u11")
	require.True(t, ok)
	require.Len(t, jenny.Licenses, 1, "the leaver's license")

	k.Simulator.ResetStats()
	require.Equal(t, plan.Counters{Impacted: 13, Success: 13}, k.MustSync("staff").Counters)
	require.Zero(t, k.Simulator.Stats().Writes)
	k.ReplayAll()
}
