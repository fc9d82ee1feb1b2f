package simulator_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

func security(name string, more map[string]any) map[string]any {
	m := map[string]any{"displayName": name, "mailEnabled": false, "mailNickname": "g", "securityEnabled": true}
	for k, v := range more {
		if v == drop {
			delete(m, k)
		} else {
			m[k] = v
		}
	}
	return m
}

func groupWorld(t *testing.T) (w *world, refs []string) {
	seed := simulator.DefaultSeed()
	for i := range 30 {
		id := fmt.Sprintf("cccccccc-0000-4000-8000-%012d", i)
		seed.Tenants[0].Users = append(seed.Tenants[0].Users, simulator.UserSeed{"id": id, "userPrincipalName": fmt.Sprintf("u%02d@contoso.com", i)})
		refs = append(refs, "https://graph.microsoft.com/v1.0/directoryObjects/"+id)
	}
	seed.Tenants[0].Groups = []simulator.GroupSeed{
		{"displayName": "Dynamic", "groupTypes": []string{"DynamicMembership"}, "membershipRule": "user.department -eq \"x\""},
		{"displayName": "List", "mailEnabled": true},
		{"displayName": "Synced", "onPremisesSyncEnabled": true},
		{"displayName": "Roles", "isAssignableToRole": true},
	}
	return start(t, simulator.Options{Seed: seed}), refs
}

func TestGroupRefusals(t *testing.T) {
	t.Parallel()
	w, refs := groupWorld(t)
	for name, tc := range map[string]struct {
		more    map[string]any
		message string
	}{
		"no nickname":  {map[string]any{"mailNickname": drop}, "A value is required for property 'mailNickname' of resource 'Group'."},
		"bad nickname": {map[string]any{"mailNickname": "a b"}, "Invalid value specified for property 'mailNickname' of resource 'Group'."},
		"mail-enabled": {map[string]any{"mailEnabled": true}, "The service does not currently support writes of mail-enabled groups."},
		"no rule":      {map[string]any{"groupTypes": []string{"DynamicMembership"}}, "A value is required for property 'membershipRule' of resource 'Group'."},
		"21 members":   {map[string]any{"members@odata.bind": refs[:21]}, "A resource cannot contain more than 20 link changes"},
		"bad member":   {map[string]any{"members@odata.bind": []string{"x"}}, "Not a valid reference update."},
		"empty":        {map[string]any{"description": ""}, "Invalid value specified for property 'description' of resource 'Group'."},
	} {
		a := w.do("POST", "/groups", security("G", tc.more))
		require.Equal(t, 400, a.status, name)
		a.refused(400, "Request_BadRequest", tc.message)
	}
	w.do("POST", "/groups", security("G", map[string]any{"color": "red"})).refused(400, "BadRequest", "")
	unified := security("U", map[string]any{"groupTypes": []string{"Unified"}, "mailEnabled": true})
	w.do("POST", "/groups", unified).is(201)
	w.do("POST", "/groups", unified).refused(400, "Request_BadRequest", "Another object with the same value for property mailNickname already exists.")
	w.do("POST", "/groups", security("Same", nil)).is(201)
	w.do("POST", "/groups", security("Same", nil)).is(201)
}

func TestGroupUpsert(t *testing.T) {
	t.Parallel()
	w, _ := groupWorld(t)
	path := "/groups(uniqueName='ef-1')"
	w.do("PATCH", path, security("Team", nil)).refused(404, "Request_ResourceNotFound", "ef-1")
	a := w.do("PATCH", path, security("Team", nil), "Prefer", "create-if-missing").is(201)
	require.Equal(t, "ef-1", a.body["uniqueName"])
	w.do("PATCH", path, security("Team 2", nil), "Prefer", "create-if-missing").is(204)
	require.Equal(t, "Team 2", w.get(path).body["displayName"])
	require.Equal(t, a.id(), w.get(path).id())
	w.do("PATCH", "/groups/"+a.id(), map[string]any{"uniqueName": "other"}).is(400)

	w.do("DELETE", "/groups/"+a.id(), nil).is(204)
	w.get(path).is(404)
	w.do("PATCH", path, security("Team", nil), "Prefer", "create-if-missing").refused(400, "Request_BadRequest", "Another object with the same value for property uniqueName already exists.")
	require.Len(t, w.get("/directory/deletedItems/microsoft.graph.group").values(), 1)
	w.do("DELETE", "/directory/deletedItems/"+a.id(), nil).is(403)
	w.do("POST", "/directory/deletedItems/"+a.id()+"/restore", nil).is(200)
	require.Equal(t, a.id(), w.get(path).id())
}

func TestMembers(t *testing.T) {
	t.Parallel()
	w, refs := groupWorld(t)
	g := w.do("POST", "/groups", security("G", map[string]any{"members@odata.bind": refs[:2]})).is(201).id()
	group := "/groups/" + g
	count := func() int { return len(w.get(group + "/members?$select=id&$top=999").values()) }
	const exists = "One or more added object references already exist for the following modified properties: 'members'."

	ref := func(r string) map[string]any { return map[string]any{"@odata.id": r} }
	w.do("POST", group+"/members/$ref", ref(refs[2])).is(204)
	w.do("POST", group+"/members/$ref", ref(refs[2])).refused(400, "Request_BadRequest", exists)
	w.do("PATCH", group, map[string]any{"members@odata.bind": refs[3:23]}).is(204)
	require.Equal(t, 23, count())
	w.do("PATCH", group, map[string]any{"members@odata.bind": refs[22:26]}).refused(400, "Request_BadRequest", exists)
	require.Equal(t, 23, count(), "all or nothing")
	w.do("PATCH", group, map[string]any{"members@odata.bind": refs[:21]}).refused(400, "Request_BadRequest", "more than 20 link changes")
	missing := "dddddddd-0000-4000-8000-000000000000"
	w.do("POST", group+"/members/$ref", ref("https://graph.microsoft.com/v1.0/directoryObjects/"+missing)).refused(404, "Request_ResourceNotFound", missing)
	w.do("POST", "/groups/"+missing+"/members/$ref", ref(refs[0])).refused(404, "Request_ResourceNotFound", missing)
	w.do("POST", group+"/members/$ref", ref("nonsense")).refused(400, "Request_BadRequest", "Not a valid reference update.")

	user := refs[0][len(refs[0])-36:]
	w.do("DELETE", group+"/members/"+user+"/$ref", nil).is(204)
	w.do("DELETE", group+"/members/"+user+"/$ref", nil).refused(404, "Request_ResourceNotFound", g)
	require.Equal(t, 22, count())
	w.get("/users/" + user).is(200)
	first := w.get(group + "/members").values()[0]
	require.Equal(t, "#microsoft.graph.user", first["@odata.type"])
	require.Equal(t, []any{g}, w.do("POST", "/users/u01@contoso.com/getMemberGroups", map[string]any{"securityEnabledOnly": true}).is(200).body["value"])

	for name, status := range map[string]int{"Dynamic": 403, "Roles": 403, "Synced": 400, "List": 400} {
		id := w.state().Group(name).ID
		require.Equal(t, status, w.do("POST", "/groups/"+id+"/members/$ref", ref(refs[0])).status, name)
	}
}

// Without /$ref the request deletes the user.
func TestMemberTrap(t *testing.T) {
	t.Parallel()
	w, refs := groupWorld(t)
	g := w.do("POST", "/groups", security("G", map[string]any{"members@odata.bind": refs[:1]})).is(201).id()
	user := refs[0][len(refs[0])-36:]
	w.do("DELETE", "/groups/"+g+"/members/"+user, nil).is(204)
	w.get("/users/" + user).is(404)
	require.Equal(t, 1, w.s.Stats().ProtocolFaults["member DELETE without /$ref"])
}

func TestGroupLicenses(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	for _, n := range []string{"a", "b", "c"} {
		seed.Tenants[0].Users = append(seed.Tenants[0].Users, simulator.UserSeed{"userPrincipalName": n + "@contoso.com"})
	}
	seed.Tenants[0].Users = append(seed.Tenants[0].Users, simulator.UserSeed{"userPrincipalName": "mail@contoso.com", "licenses": []string{"EXCHANGESTANDARD"}})
	seed.Tenants[0].Groups = []simulator.GroupSeed{{"displayName": "G", "members": []string{"a@contoso.com", "b@contoso.com", "mail@contoso.com"}}}
	w := start(t, simulator.Options{Seed: seed})
	w.s.Mutate(func(tn *simulator.Tenant) { require.NoError(t, tn.SetStock("SPE_E5", 1)) })
	g := w.state().Group("G").ID
	group := "/groups/" + g

	a := w.do("POST", group+"/assignLicense", order([]any{license(simulator.SKUM365E5)})).is(202)
	require.Contains(t, a.header.Get("Location"), "Microsoft.DirectoryServices.Group")
	licenseOf := func(upn string) simulator.LicenseState {
		l := w.state().User(upn).Licenses
		return l[len(l)-1]
	}
	require.Equal(t, simulator.LicenseState{SkuID: simulator.SKUM365E5, SkuPartNumber: "SPE_E5", DisabledPlans: []string{}, Group: g, State: "Active", Error: "None"}, licenseOf("a@contoso.com"))
	require.Equal(t, "CountViolation", licenseOf("b@contoso.com").Error)
	require.Equal(t, 1, consumed(w, "SPE_E5"))
	require.Equal(t, true, w.get(group + "?$select=hasMembersWithLicenseErrors").body["hasMembersWithLicenseErrors"])

	w.s.Mutate(func(tn *simulator.Tenant) { require.NoError(t, tn.SetStock("SPE_E5", 10)) })
	w.do("POST", "/users/b@contoso.com/reprocessLicenseAssignment", nil).is(200)
	require.Equal(t, "Active", licenseOf("b@contoso.com").State)
	w.do("POST", "/users/mail@contoso.com/reprocessLicenseAssignment", nil).is(200)
	require.Equal(t, "MutuallyExclusiveViolation", licenseOf("mail@contoso.com").Error)

	// Direct and inherited at once: one unit, two states.
	w.do("PATCH", "/users/a@contoso.com", map[string]any{"usageLocation": "US"}).is(204)
	w.do("POST", "/users/a@contoso.com/assignLicense", order([]any{license(simulator.SKUM365E5, planTeams)})).is(200)
	require.Equal(t, 2, consumed(w, "SPE_E5"))
	one := w.get("/users/a@contoso.com?$select=assignedLicenses,licenseAssignmentStates")
	require.Len(t, one.body["assignedLicenses"], 1)
	require.Len(t, one.body["licenseAssignmentStates"], 2)
	require.Equal(t, []any{}, one.body["assignedLicenses"].([]any)[0].(map[string]any)["disabledPlans"], "off only where every grant has it off")

	c := w.state().User("c@contoso.com").ID
	w.do("POST", group+"/members/$ref", map[string]any{"@odata.id": w.s.URL() + "/v1.0/directoryObjects/" + c}).is(204)
	require.Equal(t, "Active", licenseOf("c@contoso.com").State)
	w.do("DELETE", group+"/members/"+c+"/$ref", nil).is(204)
	require.Empty(t, w.state().User("c@contoso.com").Licenses)

	w.do("DELETE", group, nil).is(400)
	w.do("POST", group+"/assignLicense", order(nil, simulator.SKUM365E5)).is(202)
	require.Equal(t, 1, consumed(w, "SPE_E5"))
	w.do("DELETE", group, nil).is(204)
}
