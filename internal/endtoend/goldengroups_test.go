package endtoend_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/simulator"
)

// The paths of groups, for the golden histories like TestGoldenPaths: a sync that makes them, one that changes members, one that holds, a
// person's run, a group's run by hand, and the deletion of the rule.
func TestGoldenPathsOfGroups(t *testing.T) {
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Groups = []simulator.GroupSeed{{"displayName": "Dynamic", "groupTypes": []string{"DynamicMembership"}}}
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{Seed: seed}})
	g := &golden{t: t, k: k}
	writeGroups(k, inGroups(0, "Sales", "Dynamic"), inGroups(1, "Sales"), inGroups(2, "Sales"), inGroups(3, "Sales", "Gone"), inGroups(4, "Gone"))
	c := withGroups(k, config.Group{Source: "Sales"}, config.Group{Source: "Dynamic"}, config.Group{Source: "Gone", WhenRemoved: config.RemovedDeleteGroup})
	c.Preferences.DeprovisionOnRuleDeletion = true
	synced(t, k, c)
	g.keep("SyncRule-groups-first", api.SyncID("contoso", "staff"))
	g.keep("SyncGroup-create", api.GroupID("contoso", "Sales"))
	g.keep("ProvisionUser-with-groups", api.UserID("contoso", "e00"))

	writeGroups(k, inGroups(0, "Dynamic"), inGroups(1, "Sales"), inGroups(2, "Sales"), inGroups(3, "Sales", "Gone"), inGroups(4, "Gone", "Sales"))
	moved := k.MustSync("staff")
	require.Equal(t, 1, moved.Groups.MembersRemoved, "%+v", moved)
	k.AwaitSynced()
	g.keep("SyncRule-groups", api.SyncID("contoso", "staff"))
	g.keep("SyncGroup-members", api.GroupID("contoso", "Sales"))

	writeGroups(k, inGroups(0), inGroups(1, "Sales"), inGroups(2), inGroups(3), inGroups(4, "Gone"))
	held := k.MustSync("staff")
	require.Equal(t, api.SyncHeld, held.State, "%+v", held)
	k.AwaitSynced()
	g.keep("SyncRule-groups-held", api.SyncID("contoso", "staff"))

	writeGroups(k, inGroups(0, "Sales"), inGroups(1, "Sales"), inGroups(2, "Sales"), inGroups(3, "Sales", "Gone"), inGroups(4, "Gone", "Sales"))
	r, err := k.Provision("e00")
	require.NoError(t, err)
	require.Equal(t, []string{"Sales"}, r.GroupsJoined, "%+v", r)
	g.keep("ProvisionUser-groups", api.UserID("contoso", "e00"))
	g.keep("SyncGroup-person", api.GroupID("contoso", "Sales"))
	writeGroups(k, inGroups(0, "Sales"), inGroups(1, "Sales"), inGroups(2, "Sales"), inGroups(3, "Gone"), inGroups(4, "Gone", "Sales"))
	g.run("group-by-hand", api.SyncGroupType, map[string]string{"connection": "contoso", "rule": "staff", "group": "Sales"})
	g.keep("SyncGroup-delegate", "group-by-hand")
	g.keep("SyncGroup-by-hand", api.GroupID("contoso", "Sales"))

	require.NoError(t, k.Update(api.UpdateDeleteRule, nil, api.RuleInput{Rule: "staff", Confirm: "staff"}))
	ctx, cancel := k.Context()
	defer cancel()
	var deleted api.DeleteRuleResult
	require.NoError(t, k.Client.GetWorkflow(ctx, api.DeleteRuleID("contoso", "staff"), "").Get(ctx, &deleted))
	require.Equal(t, membership.Counters{Impacted: 1, Success: 1}, deleted.Groups, "%+v", deleted)
	g.keep("DeleteRule-groups", api.DeleteRuleID("contoso", "staff"))
	g.keep("SyncGroup-delete", api.GroupID("contoso", "Gone"))
	g.keep("Connection-groups", api.ConnectionID("contoso"))
}
