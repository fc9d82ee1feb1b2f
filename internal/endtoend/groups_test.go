package endtoend_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// inGroups is one line of people.csv with the person's groups.
func inGroups(n int, groups ...string) string {
	return testkit.Person(fmt.Sprintf("e%02d", n), fmt.Sprintf("u%02d", n), fmt.Sprintf("Given%02d", n), fmt.Sprintf("Family%02d", n), "") + "," + strings.Join(groups, ";")
}

// writeGroups writes people.csv with groups.
func writeGroups(k *testkit.Kit, lines ...string) {
	k.WritePeople(append([]string{testkit.Header + ",memberOf"}, lines...)...)
}

// withGroups is the lab's connection with these groups.
func withGroups(k *testkit.Kit, groups ...config.Group) config.Connection {
	c := k.Config()
	c.Rules[0].Groups = groups
	return c
}

// members are the local parts of the names of a group's members; ok is false where there is no such group.
func members(k *testkit.Kit, group string) (names []string, ok bool) {
	state := k.Simulator.State()
	g := state.Tenants[0].Group(group)
	if g == nil {
		return nil, false
	}
	for _, id := range g.Members {
		if u := state.Tenants[0].User(id); u != nil {
			id, _, _ = strings.Cut(u.UserPrincipalName, "@")
		}
		names = append(names, id)
	}
	slices.Sort(names)
	return names, true
}

func requireMembers(t *testing.T, k *testkit.Kit, group string, want ...string) {
	t.Helper()
	got, ok := members(k, group)
	require.True(t, ok, "there is no group %s", group)
	require.ElementsMatch(t, want, got)
}

// Groups of a file come to be with their members in the sync that makes the people; a second sync writes nothing; who moves, leaves and
// returns does so in the groups, too, in the same sync as the account.
func TestGroupsFollowTheFile(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	writeGroups(k, inGroups(0, "Sales"), inGroups(1, "Sales", "Everybody"), inGroups(2, "Everybody"), inGroups(3, "Everybody", "Other"), inGroups(4, "Everybody"))
	c := withGroups(k, config.Group{Source: "Sales", Description: config.GroupText{Value: "People who sell"}}, config.Group{Match: `group.name.startsWith("Every")`})
	k.MustApply(c)
	first, err := k.Await("staff")
	require.NoError(t, err)
	k.AwaitSynced()
	require.Equal(t, membership.Counters{Impacted: 2, Success: 2, MembersAdded: 6}, first.Groups, "%+v", first)
	requireMembers(t, k, "Sales", "u00", "u01")
	requireMembers(t, k, "Everybody", "u01", "u02", "u03", "u04")
	_, ok := members(k, "Other")
	require.False(t, ok, "the rule does not name it")

	k.Simulator.ResetStats()
	again := k.MustSync("staff")
	k.AwaitSynced()
	require.Equal(t, membership.Counters{Impacted: 2, Success: 2}, again.Groups)
	require.Zero(t, k.Simulator.Stats().Writes, "%+v", k.Simulator.Stats().Requests)

	// u02 moves to Sales, u04 leaves the company.
	writeGroups(k, inGroups(0, "Sales"), inGroups(1, "Sales", "Everybody"), inGroups(2, "Sales"), inGroups(3, "Everybody", "Other"))
	moved := k.MustSync("staff")
	k.AwaitSynced()
	require.Equal(t, api.SyncCompleted, moved.State, "%+v", moved)
	require.Equal(t, membership.Counters{Impacted: 2, Success: 2, MembersAdded: 1, MembersRemoved: 2}, moved.Groups, "%+v", moved)
	requireMembers(t, k, "Sales", "u00", "u01", "u02")
	requireMembers(t, k, "Everybody", "u01", "u03")
	u, _ := k.User("u04")
	require.False(t, u.AccountEnabled)

	writeGroups(k, inGroups(0, "Sales"), inGroups(1, "Sales", "Everybody"), inGroups(2, "Sales"), inGroups(3, "Everybody", "Other"), inGroups(4, "Everybody"))
	back := k.MustSync("staff")
	require.Equal(t, 1, back.Groups.MembersAdded, "%+v", back)
	requireMembers(t, k, "Everybody", "u01", "u03", "u04")
	require.Zero(t, k.MustSync("staff").Groups.MembersAdded)
}

// merge leaves whom somebody else added; owners and the group's own texts stay; a group that is nobody's at the source any more holds.
func TestGroupsThatExist(t *testing.T) {
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = []simulator.UserSeed{{"userPrincipalName": "boss@contoso.com", "displayName": "Boss", "mailNickname": "boss", "accountEnabled": true}}
	seed.Tenants[0].Groups = []simulator.GroupSeed{{"displayName": "Sales", "description": "old", "members": []string{"boss@contoso.com"}}}
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{Seed: seed}})
	writeGroups(k, inGroups(0, "Sales"), inGroups(1, "Sales"), inGroups(2, "Sales"), inGroups(3, "Sales"))
	k.MustApply(withGroups(k, config.Group{Source: "Sales"}, config.Group{Source: "Salse"}))
	first, err := k.Await("staff")
	require.NoError(t, err)
	k.AwaitSynced()
	require.Equal(t, membership.Counters{Impacted: 2, Success: 1, Failed: 1, MembersAdded: 4}, first.Groups, "%+v", first)
	require.Equal(t, map[fault.Reason]int{fault.GroupNotFound: 1}, first.GroupReasons)
	require.Equal(t, "groups[1].source", first.GroupProblems[0].Subject)
	requireMembers(t, k, "Sales", "boss", "u00", "u01", "u02", "u03")

	// Three of four would go: held, approved exactly once.
	writeGroups(k, inGroups(0, "Sales"), inGroups(1), inGroups(2), inGroups(3))
	held := k.MustSync("staff")
	require.Equal(t, api.SyncHeld, held.State, "%+v", held)
	require.Equal(t, fault.GroupRemovalsHeld, held.Reason)
	k.AwaitSynced()
	requireMembers(t, k, "Sales", "boss", "u00", "u01", "u02", "u03")
	require.NoError(t, k.Update(api.UpdateApproveRemovals, nil, api.ApproveInput{Rule: "staff", Hash: held.GroupGuard.Hash}))
	approved, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, 3, approved.Groups.MembersRemoved, "%+v", approved)
	requireMembers(t, k, "Sales", "boss", "u00")
}

// A person's run without a sync puts right that person's groups, and nobody else's. A group's run by hand does so for the group.
func TestGroupsOnDemand(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	writeGroups(k, inGroups(0, "Sales"), inGroups(1, "Sales"), inGroups(2, "Sales", "Everybody"), inGroups(3, "Everybody"))
	synced(t, k, withGroups(k, config.Group{Source: "Sales"}, config.Group{Source: "Everybody"}))
	writeGroups(k, inGroups(0, "Everybody"), inGroups(1), inGroups(2, "Sales", "Everybody"), inGroups(3, "Everybody"))
	r, err := k.Provision("e00")
	require.NoError(t, err)
	require.Equal(t, []string{"Everybody"}, r.GroupsJoined, "%+v", r)
	require.Equal(t, []string{"Sales"}, r.GroupsLeft, "%+v", r)
	requireMembers(t, k, "Sales", "u01", "u02")
	requireMembers(t, k, "Everybody", "u00", "u02", "u03")
	r, err = k.Provision("e00")
	require.NoError(t, err)
	require.Equal(t, plan.None, r.Action)

	ctx, cancel := k.Context()
	defer cancel()
	run, err := k.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "by-hand", TaskQueue: api.TaskQueue}, api.SyncGroupType,
		map[string]string{"connection": "contoso", "rule": "staff", "group": "Sales"})
	require.NoError(t, err)
	var g api.GroupResult
	require.NoError(t, run.Get(ctx, &g))
	require.Equal(t, 1, g.MembersRemoved, "%+v", g)
	requireMembers(t, k, "Sales", "u02")
}

// With the rule go its groups, as whenRemoved says, when its people are deprovisioned.
func TestGroupsOfADeletedRule(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	writeGroups(k, inGroups(0, "Leave", "Empty", "Delete"), inGroups(1, "Leave", "Empty", "Delete"))
	c := withGroups(k, config.Group{Source: "Leave"}, config.Group{Source: "Empty", WhenRemoved: config.RemovedRemoveMembers},
		config.Group{Source: "Delete", WhenRemoved: config.RemovedDeleteGroup})
	c.Preferences.DeprovisionOnRuleDeletion = true
	synced(t, k, c)
	require.NoError(t, k.Update(api.UpdateDeleteRule, nil, api.RuleInput{Rule: "staff", Confirm: "staff"}))
	ctx, cancel := k.Context()
	defer cancel()
	var deleted api.DeleteRuleResult
	require.NoError(t, k.Client.GetWorkflow(ctx, api.DeleteRuleID("contoso", "staff"), "").Get(ctx, &deleted))
	require.Equal(t, 2, deleted.Deprovisioned, "%+v", deleted)
	requireMembers(t, k, "Leave", "u00", "u01")
	requireMembers(t, k, "Empty")
	_, there := members(k, "Delete")
	require.False(t, there)
}
