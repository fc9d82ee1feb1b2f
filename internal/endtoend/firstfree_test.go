package endtoend_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// New people of one name get the first name each that nobody has, in a sync and on demand, and keep it whatever becomes of their own names.
func TestNewPeopleGetTheFirstNameThatIsFree(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	k.Simulator.Mutate(func(tn *simulator.Tenant) {
		_, err := tn.AddUser(simulator.UserSeed{"userPrincipalName": "ann@contoso.com", "displayName": "Eve Stone", "mailNickname": "ann"})
		require.NoError(t, err)
	})
	c := k.Config()
	c.Rules[0].Mappings["userPrincipalName"] = config.Mapping{FirstFree: []string{
		`user.username + "@contoso.com"`, `user.username + "2@contoso.com"`, `user.username + "." + user.id + "@contoso.com"`}}
	ann := func(id, family string) string { return testkit.Person(id, "ann", "Ann", family, "SPE_E3") }
	k.WritePeople(testkit.Header, ann("e2", "Lee"), ann("e1", "Lee"))
	k.MustApply(c)
	r, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, 2, r.Success, "%+v", r)
	require.Equal(t, 2, r.Actions[plan.Create])
	link := func(name string) string {
		u, found := k.User(name)
		require.True(t, found, name)
		link, _ := u.Properties[property("entraflowLink")].(string)
		return link
	}
	require.Empty(t, link("ann"), "the stranger is left alone")
	require.Equal(t, "contoso/staff/e1", link("ann2"))
	require.Equal(t, "contoso/staff/e2", link("ann.e2"))

	k.WritePeople(testkit.Header, ann("e1", "Miller"), ann("e2", "Lee"), ann("e3", "Lee"))
	done, err := k.Provision("e3")
	require.NoError(t, err)
	require.Equal(t, plan.Success, done.Outcome)
	require.Equal(t, "contoso/staff/e3", link("ann.e3"))
	r = k.MustSync("staff")
	require.Equal(t, 3, r.Success, "%+v", r)
	require.Equal(t, map[plan.Action]int{plan.Update: 1}, r.Actions)
	u, _ := k.User("ann2")
	require.Equal(t, "Miller", u.Properties["surname"])
	require.Empty(t, k.MustSync("staff").Actions, "a sync that finds nothing to do")

	// Somebody with the same names under a new id may be the one who left.
	k.WritePeople(testkit.Header, ann("e1", "Miller"), ann("e3", "Lee"), testkit.Person("e9", "ann.e2", "Ann", "Lee", "SPE_E3"))
	r = k.MustSync("staff")
	require.Empty(t, r.Actions, "%+v", r)
	require.Equal(t, 1, r.Reasons[fault.UPNTaken])
	require.Equal(t, "contoso/staff/e2", link("ann.e2"))
	u, _ = k.User("ann.e2")
	require.Equal(t, true, u.Properties["accountEnabled"])
}
