package endtoend_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// Graph lets nobody change an administrator's phones who has no higher role. The rest of the account, its license and its link do not
// depend on that.
func TestARefusedAttributeKeepsNothingElseFromBeingWritten(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	k.Simulator.Mutate(func(tn *simulator.Tenant) {
		_, err := tn.AddUser(simulator.UserSeed{"userPrincipalName": "ann@contoso.com", "displayName": "Ann Lee", "mailNickname": "ann", "adminRole": true})
		require.NoError(t, err)
	})
	c := k.Config()
	c.Rules[0].Mappings["businessPhones"] = config.Mapping{Expression: `user.department`}
	k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Ann", "Lee", "SPE_E3"))
	k.MustApply(c)
	r, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, api.SyncCompleted, r.State)
	require.Equal(t, 1, r.PartiallySynced, "%+v", r)
	require.Equal(t, fault.AccountProtected, r.Problems[0].Reason)
	require.Contains(t, r.Problems[0].Subject, "businessPhones")
	require.Equal(t, 1, r.Actions[plan.Adopt])
	u, _ := k.User("ann")
	require.Equal(t, "Lee", u.Properties["surname"])
	require.NotEmpty(t, u.Licenses)
	require.Empty(t, u.Properties["businessPhones"])
}

// A refused attribute does not keep somebody new from getting an account and a license: what was refused is told, and written by the next
// sync if Graph takes it by then.
func TestARefusedAttributeKeepsNobodyNewWaiting(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	const envelope = "Invalid value specified for property '%s' of resource 'User'."
	for _, name := range []string{"department", "surname"} {
		k.Simulator.FailNext(func(r *http.Request) bool {
			body, _ := io.ReadAll(r.Body)
			return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/users") && strings.Contains(string(body), `"`+name+`"`)
		}, simulator.GraphFault(http.StatusBadRequest, "Request_BadRequest", fmt.Sprintf(envelope, name)))
	}
	k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Ann", "Lee", "SPE_E3"))
	k.MustApply(k.Config())
	r, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, 1, r.PartiallySynced, "%+v", r)
	require.Equal(t, 1, r.Actions[plan.Create])
	require.Equal(t, fault.AttributeInvalid, r.Problems[0].Reason)
	require.Equal(t, "department, surname", r.Problems[0].Subject)
	u, _ := k.User("ann")
	require.Equal(t, "Ann", u.Properties["givenName"])
	require.Nil(t, u.Properties["surname"])
	require.NotEmpty(t, u.Licenses)

	r = k.MustSync("staff")
	require.Equal(t, 1, r.Success, "%+v", r)
	u, _ = k.User("ann")
	require.Equal(t, "Lee", u.Properties["surname"])
}
