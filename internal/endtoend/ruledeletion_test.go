package endtoend_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/source/file"
)

// deprovisioning is a connection whose rules are deleted with their people.
func deprovisioning(k *testkit.Kit) config.Connection {
	c := k.Config()
	c.Preferences.DeprovisionOnRuleDeletion = true
	return c
}

// Somebody copied a link to another account. Deleting the rule does nothing to either, says so, and goes on when it is clear
// whose account it is.
func TestRuleDeletionLeavesAccountsInDoubt(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(staff(3)...)
	synced(t, k, deprovisioning(k))
	link := property("entraflowLink")
	mutate(t, k, func(tenant *simulator.Tenant) error {
		_, err := tenant.AddUser(simulator.UserSeed{"userPrincipalName": "boss@contoso.com", "displayName": "Boss"})
		if err != nil {
			return err
		}
		return tenant.SetUser("boss@contoso.com", map[string]any{link: "contoso/staff/e00"})
	})
	require.NoError(t, k.Update(api.UpdateDeleteRule, nil, api.RuleInput{Rule: "staff", Confirm: "staff"}))
	ctx, cancel := k.Context()
	defer cancel()
	id := api.DeleteRuleID("contoso", "staff")
	var r api.DeleteRuleResult
	require.Eventually(t, func() bool {
		answer, err := k.Client.QueryWorkflow(ctx, id, "", api.QueryProgress)
		return err == nil && answer.Get(&r) == nil && r.Deprovisioned == 2 && r.Failed > 0
	}, 30*time.Second, 50*time.Millisecond)
	require.Equal(t, fault.LinkDuplicate, r.Problems[0].Reason)
	for name, enabled := range map[string]bool{"boss": true, "u00": true, "u01": false, "u02": false} {
		u, ok := k.User(name)
		require.True(t, ok)
		require.Equal(t, enabled, u.AccountEnabled, name)
	}

	mutate(t, k, func(tenant *simulator.Tenant) error {
		return tenant.SetUser("boss@contoso.com", map[string]any{link: nil})
	})
	require.NoError(t, k.Client.SignalWorkflow(ctx, id, "", api.SignalAgain, nil))
	require.NoError(t, k.Client.GetWorkflow(ctx, id, "").Get(ctx, nil))
	boss, _ := k.User("boss")
	require.True(t, boss.AccountEnabled)
	u, _ := k.User("u00")
	require.False(t, u.AccountEnabled)
}

// A rule of the same name had another source, and its people were left. They are not the new rule's to take with it.
func TestRuleDeletionLeavesThePeopleOfAnEarlierSource(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(staff(3)...)
	synced(t, k, k.Config())
	deleteRule(t, k)
	require.Eventually(t, func() bool { return len(k.Describe().Rules) == 0 }, 10*time.Second, 10*time.Millisecond)
	c := deprovisioning(k)
	c.Rules[0].Source.Settings = file.At(k.WriteSource("others.csv", testkit.Header, testkit.Person("x1", "xenia", "Xenia", "Young", "")))
	synced(t, k, c)

	require.NoError(t, k.Update(api.UpdateDeleteRule, nil, api.RuleInput{Rule: "staff", Confirm: "staff"}))
	ctx, cancel := k.Context()
	defer cancel()
	var r api.DeleteRuleResult
	require.NoError(t, k.Client.GetWorkflow(ctx, api.DeleteRuleID("contoso", "staff"), "").Get(ctx, &r))
	require.Equal(t, 1, r.Deprovisioned)
	require.Equal(t, 3, r.Left)
	for name, enabled := range map[string]bool{"xenia": false, "u00": true, "u01": true, "u02": true} {
		u, ok := k.User(name)
		require.True(t, ok)
		require.Equal(t, enabled, u.AccountEnabled, name)
	}
}

// allowDeprovision forbids what deprovisionOnRuleDeletion demands. The deletion touches nobody, says what to do, and goes on
// by itself when either of the two has changed.
func TestRuleDeletionWaitsWhileDeprovisioningIsForbidden(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*config.Preferences){
		"allowDeprovision on":           func(p *config.Preferences) { p.AllowDeprovision = true },
		"deprovisionOnRuleDeletion off": func(p *config.Preferences) { p.DeprovisionOnRuleDeletion = false },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := testkit.Start(t, testkit.Options{})
			k.WritePeople(staff(3)...)
			c := deprovisioning(k)
			c.Preferences.AllowDeprovision = false
			synced(t, k, c)
			k.Simulator.ResetStats()
			require.NoError(t, k.Update(api.UpdateDeleteRule, nil, api.RuleInput{Rule: "staff", Confirm: "staff"}))
			ctx, cancel := k.Context()
			defer cancel()
			id := api.DeleteRuleID("contoso", "staff")
			var r api.DeleteRuleResult
			waiting := func(pass int) {
				require.Eventually(t, func() bool {
					answer, err := k.Client.QueryWorkflow(ctx, id, "", api.QueryProgress)
					return err == nil && answer.Get(&r) == nil && r.Waiting && r.Pass == pass
				}, 30*time.Second, 50*time.Millisecond)
			}
			waiting(1)
			require.Equal(t, fault.DeprovisionNotAllowed, r.Blocked)
			require.Contains(t, r.Phase, "Switch allowDeprovision on and let the policy be sync; or switch deprovisionOnRuleDeletion off")
			require.Equal(t, []int{3, 0, 0}, []int{r.Linked, r.Deprovisioned, r.Failed})
			// Asked to try at once, it looks, and waits again.
			require.NoError(t, k.Client.SignalWorkflow(ctx, id, "", api.SignalAgain, nil))
			waiting(2)
			require.Zero(t, k.Simulator.Stats().Writes)

			change(&c.Preferences)
			k.MustApply(c)
			r = api.DeleteRuleResult{}
			require.NoError(t, k.Client.GetWorkflow(ctx, id, "").Get(ctx, &r))
			require.Empty(t, r.Blocked)
			require.False(t, r.Waiting)
			u, ok := k.User("u00")
			require.True(t, ok)
			require.Equal(t, !c.Preferences.DeprovisionOnRuleDeletion, u.AccountEnabled)
			require.Equal(t, 3, r.Deprovisioned+r.Left)
			require.Equal(t, c.Preferences.DeprovisionOnRuleDeletion, r.Deprovisioned == 3)
			require.Eventually(t, func() bool { return len(k.Describe().Rules) == 0 }, 10*time.Second, 10*time.Millisecond)
		})
	}
}

// The counters of a deletion add up to the accounts that the rule has, with those who had left before and those who fail at
// first, and whom another rule keeps is counted once, however often they are looked at.
func TestRuleDeletionCountsEverybodyOnce(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(staff(6)...)
	c := deprovisioning(k)
	keeper := c.Rules[0]
	keeper.Name, keeper.Filter = "keeper", `user.username == "u02"`
	c.Rules = append(c.Rules, keeper)
	synced(t, k, c)
	_, err := k.Await("keeper")
	require.NoError(t, err)
	k.WritePeople(append(staff(6)[:1], staff(6)[2:]...)...)
	left := k.MustSync("staff")
	require.Equal(t, 1, left.Actions[plan.Remove], "%+v", left)
	k.AwaitSynced()
	mutate(t, k, func(tenant *simulator.Tenant) error {
		return tenant.SetUser("u03@contoso.com", map[string]any{"onPremisesSyncEnabled": true})
	})

	require.NoError(t, k.Update(api.UpdateDeleteRule, nil, api.RuleInput{Rule: "staff", Confirm: "staff"}))
	ctx, cancel := k.Context()
	defer cancel()
	id := api.DeleteRuleID("contoso", "staff")
	var r api.DeleteRuleResult
	require.Eventually(t, func() bool {
		answer, err := k.Client.QueryWorkflow(ctx, id, "", api.QueryProgress)
		return err == nil && answer.Get(&r) == nil && r.Waiting
	}, 30*time.Second, 50*time.Millisecond)
	require.Equal(t, []int{6, 3, 1, 1, 1}, []int{r.Linked, r.Deprovisioned, r.Before, r.Kept, r.Failed}, "%+v", r)

	mutate(t, k, func(tenant *simulator.Tenant) error {
		return tenant.SetUser("u03@contoso.com", map[string]any{"onPremisesSyncEnabled": false})
	})
	require.NoError(t, k.Client.SignalWorkflow(ctx, id, "", api.SignalAgain, nil))
	r = api.DeleteRuleResult{}
	require.NoError(t, k.Client.GetWorkflow(ctx, id, "").Get(ctx, &r))
	require.Equal(t, []int{6, 4, 1, 1, 0}, []int{r.Linked, r.Deprovisioned, r.Before, r.Kept, r.Failed}, "%+v", r)
}
