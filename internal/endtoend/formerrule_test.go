package endtoend_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/simulator"
)

// Accounts that a deleted rule left still carry its link. A run on demand finds them by it, also under another name.
func TestAnAccountIsFoundByTheLinkOfARuleThatIsGone(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(testkit.Header)
	synced(t, k, k.Config())
	deleteRule(t, k)
	require.Eventually(t, func() bool { return len(k.Describe().Rules) == 0 }, 10*time.Second, 10*time.Millisecond)
	c := k.Config()
	c.Rules[0].Name = "everybody"
	k.MustApply(c)
	_, err := k.Await("everybody")
	require.NoError(t, err)
	// Made so long ago that neither the worker nor Temporal remembers.
	mutate(t, k, func(tenant *simulator.Tenant) error {
		_, err := tenant.AddUser(simulator.UserSeed{"userPrincipalName": "u00@contoso.com", "displayName": "Given00 Family00",
			"givenName": "Given00", "surname": "Family00"})
		if err != nil {
			return err
		}
		return tenant.SetUser("u00@contoso.com", map[string]any{property("entraflowLink"): "contoso/staff/e00", property("entraflowMark"): "1;created"})
	})
	k.WritePeople(testkit.Header, testkit.Person("e00", "renamed", "Given00", "Family00", "SPE_E3"))
	_, err = k.Provision("e00")
	require.NoError(t, err)
	users := k.Simulator.State().Tenants[0].Users
	require.Len(t, users, 1, "one person, one account")
	require.Equal(t, "renamed@contoso.com", users[0].UserPrincipalName)
	require.Equal(t, "contoso/everybody/e00", users[0].Properties[property("entraflowLink")])
}
