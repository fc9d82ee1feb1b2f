package endtoend_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/simulator"
)

var updateHistories = flag.Bool("update-histories", false, "write new golden histories to workflows/testdata/histories")

// One run through every path of every workflow. With -update-histories it writes the golden histories that
// workflows/replay_test.go replays; without, it proves that the paths are still walked.
func TestGoldenPaths(t *testing.T) {
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = []simulator.UserSeed{{
		"userPrincipalName": "adopted@contoso.com", "displayName": "x", "mailNickname": "x", "accountEnabled": true, "usageLocation": "US",
	}}
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{Seed: seed}})
	g := &golden{t: t, k: k}
	people := func(lines ...string) { k.WritePeople(append([]string{testkit.Header}, lines...)...) }

	// Connection: saved invalid, tested, synced.
	secret := filepath.Join(k.Dir, "secret.txt")
	require.NoError(t, os.WriteFile(secret, []byte("wrong"), 0o600))
	people("e1,ann,Ann,Lee,US,SPE_E3,true,Sales", "e2,adopted,Bo,Ek,US,,true,Sales", "e3,cy,Cy,Day,UK,,true,Sales", "e4,di,Di,Fox,US,SPE_E3,true,Sales",
		"e5,ed,Ed,Gee,US,SPE_E3,true,Sales")
	c := k.Config()
	c.Rules[0].SyncEvery = "24h"
	_, err := k.Apply(c)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(secret, []byte(testkit.Secret), 0o600))
	require.NoError(t, k.Update(api.UpdateTest, nil))
	_, err = k.Await("staff")
	require.NoError(t, err)
	k.AwaitSynced()
	g.keep("SyncRule-first", api.SyncID("contoso", "staff"))
	g.keep("ProvisionUser-create", api.UserID("contoso", "e1"))
	g.keep("ProvisionUser-adopt", api.UserID("contoso", "e2"))

	// Movers, leavers, disabled people, a refused license.
	k.Simulator.FailNext(assigns, simulator.GraphFault(400, "Request_BadRequest", "License assignment cannot be done for user with invalid usage location."))
	people("e1,ann,Ann,Lee,US,SPE_E5,true,Support", "e2,adopted,Bo,Ek,US,SPE_E3,true,Sales", "e4,di,Di,Fox,US,SPE_E3,false,Sales")
	r := k.MustSync("staff")
	require.Equal(t, api.SyncCompleted, r.State, "%+v", r)
	k.AwaitSynced()
	g.keep("SyncRule-removals", api.SyncID("contoso", "staff"))
	g.keep("ProvisionUser-licence", api.UserID("contoso", "e1"))
	g.keep("ProvisionUser-disable", api.UserID("contoso", "e4"))
	g.keep("DeprovisionUser-disable", api.UserID("contoso", "e5"))

	// By hand: unchanged, failed, under another id, refused.
	_, err = k.Provision("e2")
	require.NoError(t, err)
	g.keep("ProvisionUser-on-demand", api.UserID("contoso", "e2"))
	people("e1,ann,Ann,Lee,US,SPE_E5,true,Support", "e2,adopted,Bo,Ek,US,SPE_E3,true,Sales", "e4,di,Di,Fox,US,SPE_E3,perhaps,Sales")
	_, err = k.Provision("e4")
	require.Error(t, err)
	g.keep("ProvisionUser-failed", api.UserID("contoso", "e4"))
	g.run("by-hand", api.ProvisionUserType, map[string]string{"connection": "contoso", "user": "e1"})
	g.keep("ProvisionUser-delegate", "by-hand")
	g.run(api.UserID("contoso", "e2"), api.DeprovisionUserType, map[string]string{"connection": "contoso", "user": "e2"})
	g.keep("DeprovisionUser-refused", api.UserID("contoso", "e2"))
	g.run("sync-by-hand", api.SyncRuleType, map[string]string{"connection": "contoso", "rule": "staff"})
	g.keep("SyncRule-delegate", "sync-by-hand")

	// Source unreadable, removals held and approved.
	k.AwaitSynced()
	require.NoError(t, os.Remove(filepath.Join(k.Dir, "people.csv")))
	_, err = k.Sync("staff")
	require.Error(t, err)
	g.keep("SyncRule-failed", api.SyncID("contoso", "staff"))
	people("e9,zed,Zed,Zoe,US,,true,Sales")
	held := k.MustSync("staff")
	require.Equal(t, api.SyncHeld, held.State)
	k.AwaitSynced()
	g.keep("SyncRule-held", api.SyncID("contoso", "staff"))
	require.NoError(t, k.Update(api.UpdateApproveRemovals, nil, api.ApproveInput{Rule: "staff", Hash: held.Guard.Hash}))
	_, err = k.Await("staff")
	require.NoError(t, err)
	k.AwaitSynced()
	g.keep("SyncRule-approved", api.SyncID("contoso", "staff"))

	// Deleted people come back, switches, deletion of the rule, of the connection.
	c.Preferences.RemoveAction, c.Preferences.DeprovisionOnRuleDeletion = config.RemoveDelete, true
	c.Preferences.RemovalGuard.Percent = 100
	c.Rules[0].Mappings[directory.Manager] = config.Mapping{Expression: `user.department == "Support" ? "e9" : ""`}
	people("e1,ann,Ann,Lee,US,SPE_E5,true,Support", "e9,zed,Zed,Zoe,US,,true,Sales")
	k.MustApply(c)
	k.AwaitSynced()
	g.keep("ProvisionUser-manager", api.UserID("contoso", "e1"))
	people("e1,ann,Ann,Lee,US,SPE_E5,true,Support")
	k.MustSync("staff")
	k.AwaitSynced()
	g.keep("DeprovisionUser-delete", api.UserID("contoso", "e9"))
	people("e1,ann,Ann,Lee,US,SPE_E5,true,Support", "e9,zed,Zed,Zoe,US,,true,Sales")
	k.MustSync("staff")
	k.AwaitSynced()
	g.keep("ProvisionUser-restore", api.UserID("contoso", "e9"))
	require.NoError(t, k.Update(api.UpdateDisable, nil))
	require.NoError(t, k.Update(api.UpdateEnable, nil))
	require.NoError(t, k.Update(api.UpdateDisableRule, nil, api.RuleInput{Rule: "staff"}))
	require.NoError(t, k.Update(api.UpdateEnableRule, nil, api.RuleInput{Rule: "staff"}))
	_, err = k.Await("staff")
	require.NoError(t, err)
	k.AwaitSynced()
	require.NoError(t, k.Update(api.UpdateDeleteRule, nil, api.RuleInput{Rule: "staff", Confirm: "staff"}))
	ctx, cancel := k.Context()
	defer cancel()
	var deleted api.DeleteRuleResult
	require.NoError(t, k.Client.GetWorkflow(ctx, api.DeleteRuleID("contoso", "staff"), "").Get(ctx, &deleted))
	require.Equal(t, 2, deleted.Deprovisioned, "%+v", deleted)
	g.keep("DeleteRule-deprovision", api.DeleteRuleID("contoso", "staff"))
	require.Eventually(t, func() bool { return len(k.Describe().Rules) == 0 }, 10*time.Second, 10*time.Millisecond)
	k.MustApply(c)
	_, err = k.Await("staff")
	require.NoError(t, err)
	k.AwaitSynced()
	c.Preferences.DeprovisionOnRuleDeletion = false
	k.MustApply(c)
	g.run(api.DeleteRuleID("contoso", "staff"), api.DeleteRuleType, map[string]string{"connection": "contoso", "rule": "staff", "confirm": "staff"})
	g.keep("DeleteRule-leave", api.DeleteRuleID("contoso", "staff"))
	require.Eventually(t, func() bool { return len(k.Describe().Rules) == 0 }, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, k.Update(api.UpdateDelete, nil))
	g.keep("Connection-life", api.ConnectionID("contoso"))
}

// golden writes histories down.
type golden struct {
	t *testing.T
	k *testkit.Kit
}

// run starts a workflow and waits for it, however it ends.
func (g *golden) run(id, workflowType string, in any) {
	g.t.Helper()
	ctx, cancel := g.k.Context()
	defer cancel()
	run, err := g.k.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: api.TaskQueue}, workflowType, in)
	require.NoError(g.t, err)
	_ = run.Get(ctx, nil)
}

// keep writes the last run's history to a file.
func (g *golden) keep(name, id string) {
	g.t.Helper()
	g.keepRun(name, id, "")
}

// keepRun writes the history of one run to a file.
func (g *golden) keepRun(name, id, run string) {
	g.t.Helper()
	history := g.k.RawHistory(id, run)
	if *updateHistories {
		dir := filepath.Join("..", "..", "workflows", "testdata", "histories")
		require.NoError(g.t, os.MkdirAll(dir, 0o755))
		require.NoError(g.t, os.WriteFile(filepath.Join(dir, name+".json"), history, 0o644))
	}
}
