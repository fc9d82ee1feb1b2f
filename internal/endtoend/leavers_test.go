package endtoend_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/source/file"
)

func staff(n int) []string {
	lines := []string{testkit.Header}
	for i := range n {
		lines = append(lines, testkit.Person(fmt.Sprintf("e%02d", i), fmt.Sprintf("u%02d", i), fmt.Sprintf("Given%02d", i), fmt.Sprintf("Family%02d", i), "SPE_E3"))
	}
	return lines
}

// synced applies, waits for the first sync and until the connection knows of it.
func synced(t *testing.T, k *testkit.Kit, c config.Connection) {
	t.Helper()
	k.MustApply(c)
	_, err := k.Await("staff")
	require.NoError(t, err)
	k.AwaitSynced()
}

// Gone from the source: disabled with sessions revoked, once; back again: enabled.
func TestLeaverIsDisabledAndReturns(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(staff(4)...)
	synced(t, k, k.Config())
	k.WritePeople(staff(3)...)
	k.Simulator.ResetStats()
	r := k.MustSync("staff")
	require.Equal(t, api.SyncCompleted, r.State)
	require.Equal(t, plan.Counters{Impacted: 4, Success: 4}, r.Counters)
	require.Equal(t, map[plan.Action]int{plan.Remove: 1}, r.Actions)
	require.Equal(t, 1, k.Simulator.Stats().Requests["POST /users/{id}/revokeSignInSessions"])
	u, _ := k.User("u03")
	require.False(t, u.AccountEnabled)
	require.Len(t, u.Licenses, 1, "disabling takes no license")

	k.AwaitSynced()
	k.Simulator.ResetStats()
	again := k.MustSync("staff")
	require.Zero(t, again.Planned, "the action is taken at the transition only")
	require.Zero(t, k.Simulator.Stats().Writes)

	k.WritePeople(staff(4)...)
	back := k.MustSync("staff")
	require.Equal(t, map[plan.Action]int{plan.Enable: 1}, back.Actions)
	u, _ = k.User("u03")
	require.True(t, u.AccountEnabled)
}

// removeAction delete: the account goes to the bin and comes back from it, with its licenses; adopted ones are disabled.
func TestLeaverIsDeletedAndRestored(t *testing.T) {
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = []simulator.UserSeed{{
		"userPrincipalName": "u01@contoso.com", "displayName": "x", "mailNickname": "x", "accountEnabled": true, "usageLocation": "US",
	}}
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{Seed: seed}})
	k.WritePeople(staff(5)...)
	c := k.Config()
	c.Preferences.RemoveAction = config.RemoveDelete
	synced(t, k, c)
	before, _ := k.User("u00")
	k.WritePeople(append([]string{testkit.Header}, staff(5)[3:]...)...)
	r := k.MustSync("staff")
	require.Equal(t, map[plan.Action]int{plan.Remove: 2}, r.Actions, "%+v", r)
	_, ok := k.User("u00")
	require.False(t, ok)
	adopted, ok := k.User("u01")
	require.True(t, ok, "adopted accounts are never deleted unless said")
	require.False(t, adopted.AccountEnabled)

	k.AwaitSynced()
	k.WritePeople(staff(5)...)
	back := k.MustSync("staff")
	require.Equal(t, map[plan.Action]int{plan.Restore: 1, plan.Enable: 1}, back.Actions, "%+v", back)
	u, ok := k.User("u00")
	require.True(t, ok)
	require.Equal(t, before.ID, u.ID)
	require.True(t, u.AccountEnabled)
	require.Len(t, u.Licenses, 1)
	require.Zero(t, k.MustSync("staff").Planned)
}

// A person in scope is not deprovisioned by hand, one who left is.
func TestDeprovisionByHand(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(staff(2)...)
	synced(t, k, k.Config())
	deprovision := func(id string) (r api.UserResult, err error) {
		ctx, cancel := k.Context()
		defer cancel()
		run, err := k.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: api.UserID("contoso", id), TaskQueue: api.TaskQueue},
			api.DeprovisionUserType, map[string]string{"connection": "contoso", "user": id})
		require.NoError(t, err)
		return r, run.Get(ctx, &r)
	}
	_, err := deprovision("e00")
	require.Equal(t, fault.PersonInScope, refusal(t, err))
	u, _ := k.User("u00")
	require.True(t, u.AccountEnabled)
	k.WritePeople(staff(1)...)
	r, err := deprovision("e01")
	require.NoError(t, err)
	require.Equal(t, plan.Remove, r.Action)
	u, _ = k.User("u01")
	require.False(t, u.AccountEnabled)
	r, err = deprovision("nobody")
	require.NoError(t, err)
	require.Equal(t, plan.None, r.Action)
}

// A held set is carried out exactly once when it is approved, and not when it has become another.
func TestApproveHeldRemovals(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(staff(20)...)
	synced(t, k, k.Config())
	k.WritePeople(staff(10)...)
	held := k.MustSync("staff")
	require.Equal(t, api.SyncHeld, held.State)
	require.Equal(t, 10, held.Held)
	k.AwaitSynced()
	require.Equal(t, fault.ApprovalUnknown, refusal(t, k.Update(api.UpdateApproveRemovals, nil, api.ApproveInput{Rule: "staff", Hash: "000000000000"})))

	k.WritePeople(staff(9)...)
	require.NoError(t, k.Update(api.UpdateApproveRemovals, nil, api.ApproveInput{Rule: "staff", Hash: held.Guard.Hash}))
	other, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, api.SyncHeld, other.State, "eleven people were never approved")
	require.Zero(t, other.Actions[plan.Remove])
	k.AwaitSynced()

	require.NoError(t, k.Update(api.UpdateApproveRemovals, nil, api.ApproveInput{Rule: "staff", Hash: other.Guard.Hash}))
	done, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, api.SyncCompleted, done.State)
	require.Equal(t, 11, done.Actions[plan.Remove])
	require.Eventually(t, func() bool { return k.Describe().Rules[0].Approved == "" }, 10*time.Second, 10*time.Millisecond)
}

// Deleting a rule: confirmed, with its people or without, and then it is gone.
func TestDeleteRule(t *testing.T) {
	for _, deprovision := range []bool{true, false} {
		t.Run(fmt.Sprintf("deprovisionOnRuleDeletion %t", deprovision), func(t *testing.T) {
			k := testkit.Start(t, testkit.Options{})
			k.WritePeople(staff(12)...)
			c := k.Config()
			c.Preferences.DeprovisionOnRuleDeletion = deprovision
			synced(t, k, c)
			require.Equal(t, fault.ConfirmationMissing, refusal(t, k.Update(api.UpdateDeleteRule, nil, api.RuleInput{Rule: "staff"})))
			require.NoError(t, k.Update(api.UpdateDeleteRule, nil, api.RuleInput{Rule: "staff", Confirm: "staff"}))
			var r api.DeleteRuleResult
			ctx, cancel := k.Context()
			defer cancel()
			require.NoError(t, k.Client.GetWorkflow(ctx, api.DeleteRuleID("contoso", "staff"), "").Get(ctx, &r))
			enabled := 0
			for _, u := range k.Simulator.State().Tenants[0].Users {
				if u.AccountEnabled {
					enabled++
				}
			}
			if deprovision {
				require.Equal(t, 12, r.Deprovisioned)
				require.Zero(t, enabled)
			} else {
				require.Equal(t, 12, r.Left)
				require.Equal(t, 12, enabled)
			}
			require.Eventually(t, func() bool { return len(k.Describe().Rules) == 0 }, 10*time.Second, 10*time.Millisecond)
			require.NoError(t, k.Update(api.UpdateDelete, nil))
		})
	}
}

// A rule of the same name with another source removes nobody, and hands nobody's account to somebody else.
func TestRuleCreatedAnewWithAnotherSource(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(staff(4)...)
	synced(t, k, k.Config())
	ctx, cancel := k.Context()
	defer cancel()
	run, err := k.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: api.DeleteRuleID("contoso", "staff"), TaskQueue: api.TaskQueue},
		api.DeleteRuleType, map[string]string{"connection": "contoso", "rule": "staff", "confirm": "staff"})
	require.NoError(t, err)
	require.NoError(t, run.Get(ctx, nil))
	require.Eventually(t, func() bool { return len(k.Describe().Rules) == 0 }, 10*time.Second, 10*time.Millisecond)

	c := k.Config()
	c.Rules[0].Source.Settings = file.At(k.WriteSource("others.csv", testkit.Header,
		testkit.Person("e00", "xaver", "Xaver", "Other", ""), testkit.Person("e01", "u01", "Given01", "Family01", "SPE_E3")))
	synced(t, k, c)
	for range 2 {
		r := k.MustSync("staff")
		require.Equal(t, api.SyncCompleted, r.State)
		require.Zero(t, r.Actions[plan.Remove])
		require.Zero(t, r.ToDeprovision)
		require.Equal(t, 1, r.Reasons[fault.LinkedFromOtherSource], "%+v", r)
		k.AwaitSynced()
	}
	u, _ := k.User("u00")
	require.True(t, u.AccountEnabled)
	require.Equal(t, "Given00", u.Properties["givenName"])
}

// Links that a sync has seen are missed when they are wiped.
func TestWipedLinksAreMissed(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(staff(2)...)
	synced(t, k, k.Config())
	k.MustSync("staff")
	k.AwaitSynced()
	require.Equal(t, 2, k.Describe().KnownLinks)
	k.Simulator.Mutate(func(tenant *simulator.Tenant) {
		for _, name := range []string{"u00@contoso.com", "u01@contoso.com"} {
			require.NoError(t, tenant.SetUser(name, map[string]any{graph.ExtensionName(simulator.DefaultClientID, graph.LinkProperty): nil}))
		}
	})
	_, err := k.Sync("staff")
	require.Equal(t, fault.TenantReadSuspicious, refusal(t, err))
}

// Nobody is deprovisioned by hand for a rule that is disabled, nor anybody for a connection that was terminated.
func TestNothingIsRemovedForWhatDoesNotRun(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(staff(2)...)
	other := k.WriteSource("other.csv", testkit.Header, testkit.Person("x1", "x1", "Xa", "Yb", ""))
	c := k.Config()
	second := c.Rules[0]
	second.Name, second.Source = "others", config.Source{Settings: file.At(other)}
	c.Rules = append(c.Rules, second)
	synced(t, k, c)
	require.NoError(t, k.Update(api.UpdateDisableRule, nil, api.RuleInput{Rule: "staff"}))
	ctx, cancel := k.Context()
	defer cancel()
	deprovision := func() error {
		run, err := k.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: api.UserID("contoso", "e00"), TaskQueue: api.TaskQueue},
			api.DeprovisionUserType, map[string]string{"connection": "contoso", "user": "e00"})
		require.NoError(t, err)
		return run.Get(ctx, nil)
	}
	require.Equal(t, fault.RuleDisabled, refusal(t, deprovision()))
	require.NoError(t, k.Client.TerminateWorkflow(ctx, api.ConnectionID("contoso"), "", "test"))
	require.Equal(t, fault.ConnectionUnknown, refusal(t, deprovision()))
	u, _ := k.User("u00")
	require.True(t, u.AccountEnabled)
}
