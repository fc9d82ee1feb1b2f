package endtoend_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// The service that assigns licenses learns of a usage location some time after it was written, also by the request that
// created the account. That is waited for, for some minutes and not longer, and everything else is done.
func TestTheUsageLocationIsNotKnownYet(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tries int
		want  plan.Counters
	}{
		"for a while": {3, plan.Counters{Impacted: 2, Success: 2}},
		"for good":    {1000, plan.Counters{Impacted: 2, PartiallySynced: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			k := testkit.Start(t, testkit.Options{Pace: 0.002, Simulator: simulator.Options{Faults: simulator.Faults{LicenseLag: 1, LicenseLagTries: test.tries}}})
			// bob's account is old and has no location yet.
			k.Simulator.Mutate(func(tn *simulator.Tenant) {
				_, err := tn.AddUser(simulator.UserSeed{"userPrincipalName": "bob@contoso.com", "displayName": "Bob Old", "mailNickname": "bob"})
				require.NoError(t, err)
			})
			k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Ann", "Lee", "SPE_E3"), testkit.Person("e2", "bob", "Bob", "Old", "SPE_E3"))
			k.MustApply(k.Config())
			r, err := k.Await("staff")
			require.NoError(t, err)
			require.Equal(t, test.want, r.Counters, "%+v", r.Problems)
			for _, user := range []string{"ann", "bob"} {
				u, ok := k.User(user)
				require.True(t, ok)
				require.Equal(t, test.want.Success == 2, len(u.Licenses) == 1, user)
			}
			for _, p := range r.Problems {
				require.Equal(t, fault.UsageLocationMissing, p.Reason)
				require.NotEmpty(t, p.RequestID)
			}
		})
	}
}
