package simulator_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

// lateWorld has ann and bob, and a clock.
func lateWorld(t *testing.T, o simulator.Options, groups ...simulator.GroupSeed) (*world, *clock) {
	c := newClock()
	o.Seed, o.Now = simulator.DefaultSeed(), c.now
	o.Seed.Tenants[0].Users = []simulator.UserSeed{
		{"id": "cccccccc-0000-4000-8000-000000000001", "userPrincipalName": "ann@contoso.com", "department": "Sales"},
		{"id": "cccccccc-0000-4000-8000-000000000002", "userPrincipalName": "bob@contoso.com", "userType": "Guest"},
	}
	o.Seed.Tenants[0].Groups = groups
	return start(t, o), c
}

const (
	annID = "cccccccc-0000-4000-8000-000000000001"
	bobID = "cccccccc-0000-4000-8000-000000000002"
)

// Group-based licensing is asynchronous (licensing-groups-resolve-problems): a member has nothing at first, and who left keeps
// the license for as long.
func TestGroupLicensesTakeTime(t *testing.T) {
	t.Parallel()
	w, c := lateWorld(t, simulator.Options{GroupDelay: time.Minute}, simulator.GroupSeed{"displayName": "G", "licenses": []any{"SPE_E3"}})
	g := w.state().Group("G").ID
	states := func(upn string) int {
		return len(w.get("/users/" + upn + "?$select=licenseAssignmentStates").body["licenseAssignmentStates"].([]any))
	}
	processing := func() any {
		return w.get("/groups/" + g + "?$select=licenseProcessingState").body["licenseProcessingState"].(map[string]any)["state"]
	}
	require.Equal(t, "ProcessingComplete", processing())
	w.do("POST", "/groups/"+g+"/members/$ref", ref(annID)).is(204)
	require.Zero(t, states("ann@contoso.com"))
	require.Equal(t, "QueuedForProcessing", processing())
	c.advance(59 * time.Second)
	require.Zero(t, states("ann@contoso.com"))
	c.advance(time.Second)
	require.Equal(t, 1, states("ann@contoso.com"))
	require.Equal(t, "ProcessingComplete", processing())
	require.Equal(t, 1, consumed(w, "SPE_E3"))

	w.do("DELETE", "/groups/"+g+"/members/"+annID+"/$ref", nil).is(204)
	require.Equal(t, 1, states("ann@contoso.com"))
	c.advance(time.Minute)
	require.Zero(t, states("ann@contoso.com"))
	require.Zero(t, consumed(w, "SPE_E3"))
}

// Who got nothing for want of units is not tried again by itself, but by reprocessing.
func TestCountViolationStaysUntilReprocessed(t *testing.T) {
	t.Parallel()
	w, c := lateWorld(t, simulator.Options{GroupDelay: time.Minute}, simulator.GroupSeed{"displayName": "G", "licenses": []any{"SPE_E3"}})
	w.s.Mutate(func(tn *simulator.Tenant) { require.NoError(t, tn.SetStock("SPE_E3", 0)) })
	w.do("POST", "/groups/"+w.state().Group("G").ID+"/members/$ref", ref(annID)).is(204)
	c.advance(time.Minute)
	failed := func() string { return w.state().User("ann@contoso.com").Licenses[0].Error }
	require.Equal(t, "CountViolation", failed())
	w.s.Mutate(func(tn *simulator.Tenant) { require.NoError(t, tn.SetStock("SPE_E3", 5)) })
	c.advance(10 * time.Minute)
	require.Equal(t, "CountViolation", failed())
	w.do("POST", "/users/ann@contoso.com/reprocessLicenseAssignment", nil).is(200)
	require.Equal(t, "CountViolation", failed())
	c.advance(time.Minute)
	require.Equal(t, "None", failed())
}

// Replicas that lag behind show members who left and do not show those who joined; none shows one twice.
func TestMembersAreReadLate(t *testing.T) {
	t.Parallel()
	w, c := lateWorld(t, simulator.Options{ReplicaLag: time.Minute}, simulator.GroupSeed{"displayName": "G", "members": []string{bobID}})
	g := "/groups/" + w.state().Group("G").ID
	w.do("POST", g+"/members/$ref", ref(annID)).is(204)
	w.do("DELETE", g+"/members/"+bobID+"/$ref", nil).is(204)
	c.advance(time.Second)
	read := func() map[string]int {
		seen := map[string]int{}
		for range 40 {
			ids := ""
			for _, m := range w.get(g + "/members?$select=id").values() {
				ids += m["id"].(string)[35:]
			}
			seen[ids]++
			groups := w.do("POST", "/users/"+annID+"/getMemberGroups", map[string]any{"securityEnabledOnly": false}).is(200).body["value"].([]any)
			seen[fmt.Sprintf("ann in %d", len(groups))]++
		}
		return seen
	}
	seen := read()
	require.Len(t, seen, 4, "%v", seen)
	for _, want := range []string{"1", "2", "ann in 0", "ann in 1"} {
		require.NotZero(t, seen[want], "%v", seen)
	}
	c.advance(2 * time.Minute)
	seen = read()
	require.Equal(t, map[string]int{"1": 40, "ann in 1": 40}, seen)
}

// A rule decides who is in a dynamic group, some time after people have changed.
func TestDynamicGroups(t *testing.T) {
	t.Parallel()
	w, c := lateWorld(t, simulator.Options{GroupDelay: time.Minute},
		simulator.GroupSeed{"displayName": "Sales", "groupTypes": []string{"DynamicMembership"}, "membershipRule": `(user.department -eq "sales") -and (user.accountEnabled -eq true)`},
		simulator.GroupSeed{"displayName": "Odd", "groupTypes": []string{"DynamicMembership"}, "membershipRule": `user.otherMails -any (_ -contains "x")`, "members": []string{bobID}})
	in := func(group string) []string { return w.state().Group(group).Members }
	require.Equal(t, []string{annID}, in("Sales"), "the seed has happened long ago")
	require.Equal(t, []string{bobID}, in("Odd"), "a rule that is not understood changes nothing")
	w.do("PATCH", "/users/"+bobID, map[string]any{"department": "Sales"}).is(204)
	w.do("PATCH", "/users/"+annID, map[string]any{"accountEnabled": false}).is(204)
	require.Equal(t, []string{annID}, in("Sales"))
	c.advance(time.Minute)
	require.Equal(t, []string{bobID}, in("Sales"))
	w.do("PATCH", "/groups/"+w.state().Group("Sales").ID, map[string]any{"membershipRule": `user.department -ne "Sales" -or user.accountEnabled -eq false`}).is(204)
	c.advance(time.Minute)
	require.Equal(t, []string{annID}, in("Sales"))
	w.do("POST", "/groups/"+w.state().Group("Sales").ID+"/members/$ref", ref(bobID)).is(403)
	require.Equal(t, 1, w.s.Stats().UnwritableGroupWrites)
}

// Groups can be members of groups. A list has all kinds, with the path's cast users alone; getMemberGroups goes through them.
func TestNestedGroups(t *testing.T) {
	t.Parallel()
	const inner, outer = "dddddddd-0000-4000-8000-000000000001", "dddddddd-0000-4000-8000-000000000002"
	w, _ := lateWorld(t, simulator.Options{},
		simulator.GroupSeed{"id": outer, "displayName": "Outer", "members": []string{inner, annID}},
		simulator.GroupSeed{"id": inner, "displayName": "Inner", "members": []string{bobID}})
	values := w.get("/groups/" + outer + "/members").values()
	require.Len(t, values, 2)
	require.Equal(t, "#microsoft.graph.group", values[0]["@odata.type"])
	require.Equal(t, "Inner", values[0]["displayName"])
	require.Len(t, w.get("/groups/"+outer+"/members/microsoft.graph.user?$select=id").values(), 1)
	in := func(id string) any {
		return w.do("POST", "/users/"+id+"/getMemberGroups", map[string]any{"securityEnabledOnly": false}).is(200).body["value"]
	}
	require.ElementsMatch(t, []any{inner, outer}, in(bobID))
	require.Equal(t, []any{outer}, in(annID))
	w.grant("Directory.Read.All")
	require.Len(t, w.get("/users/"+bobID+"/memberOf").values(), 1, "direct ones alone")
	// A circle is no problem.
	w.do("POST", "/groups/"+inner+"/members/$ref", ref(outer)).is(204)
	require.ElementsMatch(t, []any{inner, outer}, in(annID))
	w.do("DELETE", "/groups/"+outer+"/members/"+inner+"/$ref", nil).is(204)
	require.Equal(t, []string{annID}, w.state().Group("Outer").Members)

	path := t.TempDir() + "/state.json"
	w.s.Mutate(func(tn *simulator.Tenant) { require.NoError(t, tn.AddMember(outer, "bob@contoso.com")) })
	require.NoError(t, w.s.Save(path))
	seed, err := simulator.LoadState(path)
	require.NoError(t, err)
	again := start(t, simulator.Options{Seed: seed})
	require.Equal(t, w.state().Groups, again.state().Groups)
}

// "Guests users are not allowed to join…" was met by a client of learning platforms that fills Microsoft 365 groups.
func TestGuestsMayNotJoin(t *testing.T) {
	t.Parallel()
	w, _ := lateWorld(t, simulator.Options{Behavior: simulator.Behavior{GuestsMayNotJoin: true}}, simulator.GroupSeed{"displayName": "G"})
	g := "/groups/" + w.state().Group("G").ID
	w.do("PATCH", g, map[string]any{"members@odata.bind": []any{ref(annID)["@odata.id"], ref(bobID)["@odata.id"]}}).
		refused(403, "Authorization_RequestDenied", "Guests users are not allowed to join")
	require.Empty(t, w.state().Group("G").Members)
	w.do("POST", g+"/members/$ref", ref(annID)).is(204)
	st := w.s.Stats()
	require.Equal(t, 1, st.MembersAdded)
	w.do("DELETE", g+"/members/"+annID+"/$ref", nil).is(204)
	require.Equal(t, 1, w.s.Stats().MembersRemoved)
}

// The bin keeps what must be unique for 30 days (applications and test environments have been seen to), and lets go of it then.
func TestBinKeepsNamesOfGroups(t *testing.T) {
	t.Parallel()
	w, c := lateWorld(t, simulator.Options{})
	path := "/groups(uniqueName='ef-1')"
	body := security("Team", map[string]any{"groupTypes": []string{"Unified"}, "mailEnabled": true, "mailNickname": "team"})
	made := w.do("PATCH", path, body, "Prefer", "create-if-missing").is(201).id()
	w.do("DELETE", "/groups/"+made, nil).is(204)
	require.Len(t, w.state().DeletedGroups, 1)
	w.do("PATCH", path, security("Team", map[string]any{"mailNickname": "other"}), "Prefer", "create-if-missing").refused(400, "Request_BadRequest", "uniqueName already exists")
	w.do("POST", "/groups", body).refused(400, "Request_BadRequest", "mailNickname already exists")
	c.advance(31 * 24 * time.Hour)
	w.signIn()
	w.do("POST", "/directory/deletedItems/"+made+"/restore", nil).is(404)
	again := w.do("PATCH", path, body, "Prefer", "create-if-missing").is(201).id()
	require.NotEqual(t, made, again)
	w.do("POST", "/groups", body).refused(400, "Request_BadRequest", "mailNickname already exists")
	w.do("POST", "/groups", security("X", map[string]any{"groupTypes": []string{"Unified"}, "mailEnabled": true, "mailNickname": "x"})).is(201)
	w.do("PATCH", "/groups/"+again, map[string]any{"mailNickname": "X"}).refused(400, "Request_BadRequest", "mailNickname already exists")
	w.do("PATCH", "/groups/"+again, map[string]any{"mailNickname": "team", "description": "y"}).is(204)
}

// Members in the body of an upsert: of a group that is there already, they are added like any.
func TestUpsertWithMembers(t *testing.T) {
	t.Parallel()
	w, _ := lateWorld(t, simulator.Options{})
	path := "/groups(uniqueName='ef-1')"
	body := security("Team", map[string]any{"members@odata.bind": []any{ref(annID)["@odata.id"]}})
	w.do("PATCH", path, body, "Prefer", "create-if-missing").is(201)
	require.Equal(t, []string{annID}, w.state().Group("Team").Members)
	w.do("PATCH", path, body, "Prefer", "create-if-missing").refused(400, "Request_BadRequest", "One or more added object references already exist")
	body["members@odata.bind"] = []any{ref(bobID)["@odata.id"]}
	w.do("PATCH", path, body, "Prefer", "create-if-missing").is(204)
	require.Len(t, w.state().Group("Team").Members, 2)
}

// An administrator's hand: a group is made dynamic, renamed, deleted.
func TestMutateGroups(t *testing.T) {
	t.Parallel()
	w, _ := lateWorld(t, simulator.Options{}, simulator.GroupSeed{"displayName": "G", "members": []string{annID}, "licenses": []any{"SPE_E3"}})
	g := w.state().Group("G").ID
	w.s.Mutate(func(tn *simulator.Tenant) {
		require.NoError(t, tn.SetGroup(g, map[string]any{"displayName": "H", "uniqueName": "ef-9"}))
		require.Error(t, tn.SetGroup(g, map[string]any{"colour": "red"}))
		require.Error(t, tn.SetGroup(annID, nil))
	})
	require.Equal(t, g, w.get("/groups(uniqueName='ef-9')").is(200).id())
	w.s.Mutate(func(tn *simulator.Tenant) {
		require.NoError(t, tn.SetGroup(g, map[string]any{"groupTypes": []string{"DynamicMembership"}, "membershipRule": `user.department -eq "none"`}))
	})
	require.Empty(t, w.state().Group("H").Members)
	require.Zero(t, consumed(w, "SPE_E3"))
	w.s.Mutate(func(tn *simulator.Tenant) { require.NoError(t, tn.DeleteGroup(g, false)) })
	require.Len(t, w.state().DeletedGroups, 1)
	w.get("/groups/" + g).is(404)
	w.do("POST", "/directory/deletedItems/"+g+"/restore", nil).is(200)
	w.s.Mutate(func(tn *simulator.Tenant) {
		require.NoError(t, tn.DeleteGroup(g, true))
		require.Error(t, tn.DeleteGroup(g, true))
	})
	require.Empty(t, w.state().DeletedGroups)
}
