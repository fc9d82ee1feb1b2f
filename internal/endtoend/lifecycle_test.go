package endtoend_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// A person's years in one go: created, renamed, moved, relicensed, disabled, enabled, gone.
func TestLifecycle(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(testkit.Header, "e1,ann,Ann,Lee,US,SPE_E3,true,Sales", "e2,bob,Bob,Roe,US,,false,Sales")
	k.MustApply(k.Config())
	created, ok := k.User("ann")
	require.True(t, ok)
	bob, ok := k.User("bob")
	require.True(t, ok)
	require.False(t, bob.AccountEnabled, "a person disabled at the source is created disabled")

	t.Run("a changed name and department are one write", func(t *testing.T) {
		k.WritePeople(testkit.Header, "e1,ann.roe,Ann,Roe,US,SPE_E3,true,Support", "e2,bob,Bob,Roe,US,,false,Sales")
		k.Simulator.ResetStats()
		r := k.MustSync("staff")
		require.Equal(t, plan.Counters{Impacted: 2, Success: 2}, r.Counters)
		require.Equal(t, map[plan.Action]int{plan.Update: 1}, r.Actions)
		require.Equal(t, 1, k.Simulator.Stats().Writes)
		moved, ok := k.User("ann.roe")
		require.True(t, ok)
		require.Equal(t, created.ID, moved.ID, "the account is the same")
		require.Equal(t, "Support", moved.Properties["department"])
	})
	t.Run("licenses are swapped in one request", func(t *testing.T) {
		k.WritePeople(testkit.Header, "e1,ann.roe,Ann,Roe,US,SPE_E5,true,Support", "e2,bob,Bob,Roe,US,,false,Sales")
		r := k.MustSync("staff")
		require.Equal(t, plan.Counters{Impacted: 2, Success: 2}, r.Counters)
		require.Equal(t, []string{simulator.SKUM365E5}, licenses(k, "ann.roe"))
		k.Simulator.ResetStats()
		require.Zero(t, k.MustSync("staff").Planned, "the marks have converged")
	})
	t.Run("disabled at the source is disabled here, with sessions revoked", func(t *testing.T) {
		k.WritePeople(testkit.Header, "e1,ann.roe,Ann,Roe,US,SPE_E5,false,Support", "e2,bob,Bob,Roe,US,,false,Sales")
		k.Simulator.ResetStats()
		r := k.MustSync("staff")
		require.Equal(t, map[plan.Action]int{plan.Disable: 1}, r.Actions)
		u, _ := k.User("ann.roe")
		require.False(t, u.AccountEnabled)
		require.Equal(t, 1, k.Simulator.Stats().Requests["POST /users/{id}/revokeSignInSessions"])
		require.Equal(t, []string{simulator.SKUM365E5}, licenses(k, "ann.roe"), "disabling takes no license")
	})
	t.Run("what we disabled is enabled again", func(t *testing.T) {
		k.WritePeople(testkit.Header, "e1,ann.roe,Ann,Roe,US,SPE_E5,true,Support", "e2,bob,Bob,Roe,US,,true,Sales")
		r := k.MustSync("staff")
		require.Equal(t, map[plan.Action]int{plan.Enable: 2}, r.Actions)
		u, _ := k.User("ann.roe")
		require.True(t, u.AccountEnabled)
	})
	t.Run("a cleared value and a cleared license", func(t *testing.T) {
		k.WritePeople(testkit.Header, "e1,ann.roe,Ann,Roe,US,,true,", "e2,bob,Bob,Roe,US,,true,Sales")
		r := k.MustSync("staff")
		require.Equal(t, plan.Counters{Impacted: 2, Success: 2}, r.Counters)
		u, _ := k.User("ann.roe")
		require.NotContains(t, u.Properties, "department")
		require.Empty(t, u.Licenses)
		require.Zero(t, k.MustSync("staff").Planned)
	})
	t.Run("who left is listed, disabled and signed out", func(t *testing.T) {
		k.WritePeople(testkit.Header, "e1,ann.roe,Ann,Roe,US,,true,")
		k.Simulator.ResetStats()
		r := k.MustSync("staff")
		require.Equal(t, 1, r.ToDeprovision)
		require.Equal(t, []string{"e2"}, r.DeprovisionList)
		require.Equal(t, 2, k.Simulator.Stats().Writes)
		u, _ := k.User("bob")
		require.False(t, u.AccountEnabled)
	})
}

// Accounts that exist already: adopted, left, refused.
func TestExistingAccounts(t *testing.T) {
	seed := simulator.DefaultSeed()
	existing := func(name string, more simulator.UserSeed) simulator.UserSeed {
		u := simulator.UserSeed{
			"userPrincipalName": name + "@contoso.com", "displayName": name, "mailNickname": name, "accountEnabled": true,
		}
		for key, value := range more {
			u[key] = value
		}
		return u
	}
	seed.Tenants[0].Users = []simulator.UserSeed{
		existing("ann", simulator.UserSeed{"department": "Old", "usageLocation": "US"}),
		existing("guest", simulator.UserSeed{"userType": "Guest"}),
		existing("synced", simulator.UserSeed{"onPremisesSyncEnabled": true}),
		existing("off", simulator.UserSeed{"accountEnabled": false, "displayName": "O O"}),
		existing("gone", simulator.UserSeed{"accountEnabled": false}),
	}
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{Seed: seed}})
	k.WritePeople(testkit.Header,
		"e1,ann,Ann,Lee,US,SPE_E3,true,Sales", "e2,guest,G,G,US,,true,Sales", "e3,synced,S,S,US,,true,Sales", "e4,off,O,O,US,,true,Sales", "e5,gone,P,P,US,,true,Sales")
	c := k.Config()
	c.Preferences.ExistingUsers = config.ExistingLeave
	k.MustApply(c)
	left, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, 3, left.Reasons[fault.AccountLeft])
	require.Equal(t, 3, left.Unsynced)
	require.Equal(t, 1, left.Reasons[fault.AccountGuest])
	require.Equal(t, 1, left.Reasons[fault.AccountSynced])

	c.Preferences.ExistingUsers = config.ExistingAdopt
	k.Simulator.ResetStats()
	k.MustApply(c)
	adopted, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, map[plan.Action]int{plan.Adopt: 2}, adopted.Actions)
	require.Equal(t, 1, adopted.Reasons[fault.DisabledByOther], "an account that somebody else disabled stays so, and is reported")
	require.Equal(t, 1, adopted.Reasons[fault.AccountOfAnother], "nothing but the sign-in name says whose the disabled account is")
	require.Equal(t, 3, adopted.Failed)
	require.Zero(t, k.Simulator.Stats().Requests["POST /users"], "nobody was created beside an existing account")
	require.Zero(t, k.MustSync("staff").Planned)
}

// The removal guard: over the limit nothing is taken away, everything else is done, and the sync ends held.
func TestGuardHoldsRemovals(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	people := func(enabled string, department string) []string {
		lines := []string{testkit.Header}
		for i := range 12 {
			lines = append(lines, fmt.Sprintf("e%02d,u%02d,A,B,US,SPE_E3,%s,%s", i, i, enabled, department))
		}
		return lines
	}
	k.WritePeople(people("true", "Sales")...)
	k.MustApply(k.Config())
	_, err := k.Await("staff")
	require.NoError(t, err)

	k.WritePeople(people("false", "Support")...)
	held := k.MustSync("staff")
	require.Equal(t, api.SyncHeld, held.State)
	require.Equal(t, 12, held.Held)
	require.Len(t, held.HeldList, 12)
	require.Equal(t, 12, held.PartiallySynced)
	u, _ := k.User("u00")
	require.True(t, u.AccountEnabled)
	require.Equal(t, "Support", u.Properties["department"], "the rest is done")
	k.Simulator.ResetStats()
	again := k.MustSync("staff")
	require.Equal(t, api.SyncHeld, again.State)
	require.Zero(t, k.Simulator.Stats().Writes)

	c := k.Config()
	c.Preferences.RemovalGuard.Percent = 100
	k.MustApply(c)
	passed, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, api.SyncCompleted, passed.State)
	require.Equal(t, 12, passed.Actions[plan.Disable])
}

// The first sync of a rule takes nothing away; the next one does.
func TestFirstSyncRemovesNothing(t *testing.T) {
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = []simulator.UserSeed{{
		"userPrincipalName": "ann@contoso.com", "displayName": "Ann Lee", "mailNickname": "ann", "accountEnabled": true, "usageLocation": "US",
	}}
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{Seed: seed}})
	k.WritePeople(testkit.Header, "e1,ann,Ann,Lee,US,,false,Sales")
	k.MustApply(k.Config())
	first, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, api.SyncCompleted, first.State)
	require.Equal(t, 1, first.Held)
	require.Equal(t, 1, first.Reasons[fault.FirstSyncHeld])
	u, _ := k.User("ann")
	require.True(t, u.AccountEnabled)
	require.Eventually(t, func() bool { return k.Describe().Rules[0].Synced }, 10*time.Second, 10*time.Millisecond)
	second := k.MustSync("staff")
	require.Equal(t, 1, second.Actions[plan.Disable])
	u, _ = k.User("ann")
	require.False(t, u.AccountEnabled)
}

func licenses(k *testkit.Kit, name string) []string {
	u, _ := k.User(name)
	var out []string
	for _, l := range u.Licenses {
		out = append(out, l.SkuID)
	}
	return out
}

// A mapping that cannot apply to one person fails that person, with the attribute's name and no value of it.
func TestOnePersonFails(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(testkit.Header, "e1,ann,Ann,Lee,UK,SPE_E3,true,Sales", "e2,bob,Bob,Roe,US,NO_SUCH,true,Sales", "e3,zoë,Zoe,Z,US,,true,Sales")
	k.MustApply(k.Config())
	r, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, plan.Counters{Impacted: 3, Failed: 2, PartiallySynced: 1}, r.Counters)
	reasons := map[string]fault.Reason{}
	subjects := map[string]string{}
	for _, p := range r.Problems {
		reasons[p.User], subjects[p.User] = p.Reason, p.Subject
	}
	require.Equal(t, fault.UsageLocationInvalid, reasons["e1"])
	require.Equal(t, fault.LicenseUnknown, reasons["e2"])
	require.Equal(t, fault.UPNInvalid, reasons["e3"])
	require.Equal(t, directory.UsageLocation, subjects["e1"])
}
