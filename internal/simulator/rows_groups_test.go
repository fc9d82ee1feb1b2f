package simulator_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

const roleManagement = "RoleManagement.ReadWrite.Directory"

func ref(id string) map[string]any {
	if !strings.HasPrefix(id, "https://") {
		id = "https://graph.microsoft.com/v1.0/directoryObjects/" + id
	}
	return map[string]any{"@odata.id": id}
}

// grant gives the application one more permission and signs in again.
func (w *world) grant(roles ...string) {
	w.t.Helper()
	w.s.Mutate(func(tn *simulator.Tenant) {
		all := append([]string{"Application.ReadWrite.All", "Group.ReadWrite.All", "Organization.Read.All", "User.ReadWrite.All"}, roles...)
		require.NoError(w.t, tn.SetRoles(simulator.DefaultClientID, all...))
	})
	w.signIn()
}

// Group, user and membership missing read alike. A replica that still has the member says so in other words.
func TestRow03RemovingANonMemberNamesTheGroup(t *testing.T) {
	t.Parallel()
	w, refs := groupWorld(t)
	g := w.do("POST", "/groups", security("G", map[string]any{"members@odata.bind": refs[:2]})).is(201).id()
	text := "Resource '" + g + "' does not exist or one of its queried reference-property objects are not present."
	for _, member := range []string{refs[5][len(refs[5])-36:], "99999999-0000-4000-8000-000000000000"} {
		w.do("DELETE", "/groups/"+g+"/members/"+member+"/$ref", nil).refused(404, "Request_ResourceNotFound", text)
	}

	c := newClock()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = []simulator.UserSeed{{"userPrincipalName": "ann@contoso.com"}}
	seed.Tenants[0].Groups = []simulator.GroupSeed{{"displayName": "G", "members": []string{"ann@contoso.com"}}}
	w = start(t, simulator.Options{Seed: seed, ReplicaLag: time.Minute, Now: c.now})
	g = w.state().Group("G").ID
	path := "/groups/" + g + "/members/" + w.state().User("ann@contoso.com").ID + "/$ref"
	w.do("DELETE", path, nil).is(204)
	c.advance(time.Second)
	seen := map[string]int{}
	for range 40 {
		seen[w.do("DELETE", path, nil).message()]++
	}
	require.Len(t, seen, 2)
	require.NotZero(t, seen["One or more removed object references do not exist for the following modified properties: 'members'."])
	c.advance(time.Minute)
	w.do("DELETE", path, nil).refused(404, "Request_ResourceNotFound", g)
}

func TestRow06OneMemberTwiceInABind(t *testing.T) {
	t.Parallel()
	w, refs := groupWorld(t)
	g := w.do("POST", "/groups", security("G", nil)).is(201).id()
	user := refs[3][len(refs[3])-36:]
	w.do("PATCH", "/groups/"+g, map[string]any{"members@odata.bind": []string{refs[3], refs[4], refs[3]}}).refused(400, "Request_BadRequest",
		"Object '[ResourceType=User,Id="+user+"]' referenced from '[ResourceType=Group,Id="+g+"]' can only be present once as an add/remove change.")
	require.Empty(t, w.get("/groups/"+g+"/members").values())
}

func TestRow13RoleAssignableGroups(t *testing.T) {
	t.Parallel()
	w, refs := groupWorld(t)
	body := security("R", map[string]any{"isAssignableToRole": true})
	w.do("POST", "/groups", body).refused(403, "Authorization_RequestDenied", "")
	existing := "/groups/" + w.state().Group("Roles").ID
	w.do("PATCH", existing, map[string]any{"description": "x"}).refused(403, "Authorization_RequestDenied", "")
	w.do("DELETE", existing, nil).is(403)
	w.grant(roleManagement)
	g := "/groups/" + w.do("POST", "/groups", body).is(201).id()
	w.do("PATCH", g, map[string]any{"description": "x"}).is(204)
	w.do("POST", g+"/members/$ref", ref(refs[0])).is(204)
	w.do("PATCH", g, map[string]any{"isAssignableToRole": false}).is(400)
	w.do("DELETE", existing, nil).is(204)
}

func TestRow14DynamicGroupWithMembers(t *testing.T) {
	t.Parallel()
	w, refs := groupWorld(t)
	w.do("POST", "/groups", security("D", map[string]any{"groupTypes": []string{"DynamicMembership"}, "membershipRule": "user.city -eq \"x\"",
		"members@odata.bind": refs[:1]})).refused(403, "Authorization_RequestDenied", "")
}

func TestRow23SecurityIdentifierAndMail(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Groups = []simulator.GroupSeed{{"id": "01020304-0506-4708-890a-0b0c0d0e0f10", "displayName": "G"},
		{"displayName": "Team", "groupTypes": []string{"Unified"}, "mailEnabled": true, "mailNickname": "team"}}
	w := start(t, simulator.Options{Seed: seed})
	// 0x01020304, 0x4708<<16|0x0506, and the last eight bytes as two little-endian numbers.
	require.Equal(t, "S-1-12-1-16909060-1191707910-202050185-269422093", w.get("/groups/01020304-0506-4708-890a-0b0c0d0e0f10").body["securityIdentifier"])
	four := regexp.MustCompile(`^S-1-12-1(-\d+){4}$`)
	plain := w.do("POST", "/groups", security("S", nil)).is(201).body
	require.Regexp(t, four, plain["securityIdentifier"])
	require.Nil(t, plain["mail"])
	unified := w.do("POST", "/groups", security("U", map[string]any{"groupTypes": []string{"Unified"}, "mailEnabled": true, "mailNickname": "u1"})).is(201).body
	require.Equal(t, "u1@contoso.com", unified["mail"])
	require.Equal(t, []any{"SMTP:u1@contoso.com"}, unified["proxyAddresses"])
	require.Equal(t, "team@contoso.com", w.get("/groups?$filter=" + q("displayName eq 'Team'")).values()[0]["mail"])
	w.do("POST", "/users", person("ann@contoso.com", nil)).is(201)
	require.Regexp(t, four, w.get("/users/ann@contoso.com?$select=securityIdentifier").body["securityIdentifier"])
}

func TestRow27UniqueNameGivenLater(t *testing.T) {
	t.Parallel()
	w, _ := groupWorld(t)
	g := w.do("POST", "/groups", security("G", nil)).is(201).id()
	w.do("PATCH", "/groups/"+g, map[string]any{"uniqueName": "one"}).is(204)
	require.Equal(t, g, w.get("/groups(uniqueName='one')").is(200).id())
	w.do("PATCH", "/groups/"+g, map[string]any{"uniqueName": "two"}).is(400)
	w.grant(roleManagement)
	w.do("PATCH", "/groups/"+w.state().Group("Roles").ID, map[string]any{"uniqueName": "three"}).refused(400, "Request_BadRequest",
		"Value for ArmUniqueName cannot be updated for groups assignable to role.")
}

func TestRow28OneOfTwentyIsAMember(t *testing.T) {
	t.Parallel()
	w, refs := groupWorld(t)
	g := w.do("POST", "/groups", security("G", map[string]any{"members@odata.bind": refs[:1]})).is(201).id()
	a := w.do("PATCH", "/groups/"+g, map[string]any{"members@odata.bind": refs[:20]})
	a.refused(400, "Request_BadRequest", "One or more added object references already exist for the following modified properties: 'members'.")
	require.NotContains(t, a.err(), "details")
	require.Len(t, w.get("/groups/"+g+"/members").values(), 1)
}

func TestRow29MembersQuota(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	for _, n := range []string{"a", "b", "c"} {
		seed.Tenants[0].Users = append(seed.Tenants[0].Users, simulator.UserSeed{"userPrincipalName": n + "@contoso.com"})
	}
	seed.Tenants[0].Groups = []simulator.GroupSeed{{"displayName": "G", "members": []string{"a@contoso.com"}}}
	w := start(t, simulator.Options{Seed: seed, Behavior: simulator.Behavior{MemberQuota: 2}})
	group := "/groups/" + w.state().Group("G").ID
	b, c := w.state().User("b@contoso.com").ID, w.state().User("c@contoso.com").ID
	both := map[string]any{"members@odata.bind": []any{ref(b)["@odata.id"], ref(c)["@odata.id"]}}
	w.do("PATCH", group, both).refused(403, "Directory_QuotaExceeded", "Unable to perform operation as '3' would exceed the maximum quota count '2' for forward-link members.")
	w.do("POST", group+"/members/$ref", ref(b)).is(204)
	w.do("POST", group+"/members/$ref", ref(c)).refused(403, "Directory_QuotaExceeded", "for forward-link members.")
}

func TestRow30MembersOfANewGroup(t *testing.T) {
	t.Parallel()
	c := newClock()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = []simulator.UserSeed{{"userPrincipalName": "ann@contoso.com"}}
	w := start(t, simulator.Options{Seed: seed, ReplicaLag: time.Minute, Now: c.now})
	g := w.do("POST", "/groups", security("G", nil)).is(201).id()
	bind := map[string]any{"members@odata.bind": []any{ref(w.state().User("ann@contoso.com").ID)["@odata.id"]}}
	c.advance(time.Second)
	missing := 0
	for range 40 {
		if a := w.do("PATCH", "/groups/"+g, bind); a.status == 404 {
			a.refused(404, "Request_ResourceNotFound", g)
			missing++
		}
	}
	require.NotZero(t, missing)
	require.Len(t, w.state().Group("G").Members, 1)
}

func TestRow31LastOwner(t *testing.T) {
	t.Parallel()
	w, refs := groupWorld(t)
	const text = "The group must have at least one owner, hence this owner cannot be removed."
	group := "/groups/" + w.do("POST", "/groups", security("G", map[string]any{"owners@odata.bind": refs[:1]})).is(201).id()
	first, second := refs[0][len(refs[0])-36:], refs[1][len(refs[1])-36:]
	w.do("DELETE", group+"/owners/"+first+"/$ref", nil).refused(400, "Request_BadRequest", text)
	w.do("POST", group+"/owners/$ref", ref(second)).is(204)
	w.do("POST", group+"/owners/$ref", ref(second)).refused(400, "Request_BadRequest", "already exist for the following modified properties: 'owners'.")
	require.Len(t, w.get(group+"/owners?$select=id").values(), 2)
	w.s.SetFaults(simulator.Faults{LastOwner: 1})
	w.do("DELETE", group+"/owners/"+first+"/$ref", nil).refused(400, "Request_BadRequest", text)
	w.s.SetFaults(simulator.Faults{})
	w.do("DELETE", group+"/owners/"+first+"/$ref", nil).is(204)
	require.Equal(t, second, w.get(group + "/owners").values()[0]["id"])

	// Owners are part of what is saved.
	path := t.TempDir() + "/state.json"
	require.NoError(t, w.s.Save(path))
	seed, err := simulator.LoadState(path)
	require.NoError(t, err)
	again := start(t, simulator.Options{Seed: seed})
	require.Equal(t, second, again.get(group + "/owners").values()[0]["id"])
}

// Delta is outside the slice. What it would show is in the list of corrections; that it is not here is said plainly.
func TestRow32DeltaIsOutside(t *testing.T) {
	t.Parallel()
	w, _ := groupWorld(t)
	for _, path := range []string{"/groups/delta?$select=displayName,members", "/groups/delta()", "/groups/microsoft.graph.delta()", "/users/delta?$deltatoken=latest"} {
		w.get(path).refused(501, "NotImplemented", "/delta'")
	}
}
