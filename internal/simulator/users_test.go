package simulator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

func TestCreateRefusals(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Domains = append(seed.Tenants[0].Domains, simulator.DomainSeed{Name: "fed.example", Type: "Federated"})
	w := start(t, simulator.Options{Seed: seed})
	w.do("POST", "/users", person("taken@contoso.com", map[string]any{"onPremisesImmutableId": "abc=="})).is(201)
	const (
		domain   = "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization."
		weak     = "The specified password does not comply with password complexity requirements. Please provide a different password."
		required = "A value is required for property '%s' of resource 'User'."
		invalid  = "Invalid value specified for property '%s' of resource 'User'."
		upn      = "Property userPrincipalName is invalid."
		noPass   = "A password must be specified to create a new user."
	)
	password := func(p string) map[string]any { return map[string]any{"passwordProfile": map[string]any{"password": p}} }
	for name, tc := range map[string]struct {
		upn     string
		more    map[string]any
		code    string
		message string
		detail  string
	}{
		"duplicate name":             {upn: "TAKEN@contoso.com", message: "Another object with the same value for property userPrincipalName already exists.", detail: "ObjectConflict"},
		"duplicate immutable id":     {more: map[string]any{"onPremisesImmutableId": "abc=="}, message: "Another object with the same value for property onPremisesImmutableId already exists.", detail: "ObjectConflict"},
		"space in name":              {upn: "a b@contoso.com", message: upn, detail: "InvalidCharacter"},
		"accent in name":             {upn: "zoë@contoso.com", message: upn, detail: "InvalidCharacter"},
		"ampersand in name":          {upn: "a&b@contoso.com", message: upn, detail: "InvalidCharacter"},
		"no at sign":                 {upn: "ann", message: upn, detail: "InvalidValue"},
		"dot before at":              {upn: "ann.@contoso.com", message: upn, detail: "InvalidValue"},
		"long local part":            {upn: strings.Repeat("a", 65) + "@contoso.com", message: upn, detail: "InvalidValue"},
		"foreign domain":             {upn: "ann@fabrikam.com", message: domain},
		"federated without id":       {upn: "ann@fed.example", message: "SourceAnchor is a required property for creation of a federated user"},
		"no password":                {more: map[string]any{"passwordProfile": drop}, message: noPass},
		"empty password":             {more: password(""), message: noPass},
		"short password":             {more: password("Ab1!"), message: weak},
		"simple password":            {more: password("abcdefgh1"), message: weak},
		"long password":              {more: password("Aa1" + strings.Repeat("x", 254)), message: weak},
		"foreign sign in password":   {more: password("Secret-1234€"), message: weak},
		"no display name":            {more: map[string]any{"displayName": drop}, message: fmt.Sprintf(required, "displayName")},
		"no nickname":                {more: map[string]any{"mailNickname": drop}, message: fmt.Sprintf(required, "mailNickname")},
		"no accountEnabled":          {more: map[string]any{"accountEnabled": drop}, message: fmt.Sprintf(required, "accountEnabled")},
		"empty string":               {more: map[string]any{"givenName": ""}, message: fmt.Sprintf(invalid, "givenName")},
		"empty string in a list":     {more: map[string]any{"otherMails": []string{""}}, message: fmt.Sprintf(invalid, "otherMails")},
		"long given name":            {more: map[string]any{"givenName": strings.Repeat("a", 65)}, message: fmt.Sprintf(invalid, "givenName")},
		"long employee id":           {more: map[string]any{"employeeId": strings.Repeat("1", 17)}, message: fmt.Sprintf(invalid, "employeeId")},
		"nickname with at":           {more: map[string]any{"mailNickname": "a@b"}, message: fmt.Sprintf(invalid, "mailNickname")},
		"nickname with accent":       {more: map[string]any{"mailNickname": "zoë"}, message: fmt.Sprintf(invalid, "mailNickname")},
		"two business phones":        {more: map[string]any{"businessPhones": []string{"1", "2"}}, message: fmt.Sprintf(invalid, "businessPhones")},
		"immutable id with a dollar": {more: map[string]any{"onPremisesImmutableId": "a$b"}, message: fmt.Sprintf(invalid, "onPremisesImmutableId")},
		"UK is not a country":        {more: map[string]any{"usageLocation": "UK"}, message: "Property usageLocation is invalid."},
		"lower-case country":         {more: map[string]any{"usageLocation": "us"}, message: "Property usageLocation is invalid."},
		"bad password policy":        {more: map[string]any{"passwordPolicies": "Never"}, message: fmt.Sprintf(invalid, "passwordPolicies")},
		"sixteenth attribute":        {more: map[string]any{"onPremisesExtensionAttributes": map[string]any{"extensionAttribute16": "x"}}, message: fmt.Sprintf(invalid, "onPremisesExtensionAttributes")},
		"unknown property":           {more: map[string]any{"shoeSize": 43}, code: "BadRequest", message: "A value without a type name was found"},
		"property in two cases":      {more: map[string]any{"GivenName": "Ann", "givenName": "Ann"}, code: "BadRequest", message: "duplicate properties"},
		"unknown in the profile":     {more: map[string]any{"passwordProfile": map[string]any{"password": "Secret-1234", "hint": "x"}}, code: "BadRequest"},
		"number for a text":          {more: map[string]any{"givenName": 5}, code: "BadRequest"},
		"text for a flag":            {more: map[string]any{"accountEnabled": "yes"}, code: "BadRequest"},
		"text for a list":            {more: map[string]any{"businessPhones": "1"}, code: "BadRequest"},
		"read-only property":         {more: map[string]any{"createdDateTime": "2026-01-01T00:00:00Z"}, message: "Property 'createdDateTime' is read-only and cannot be set."},
		"unregistered extension":     {more: map[string]any{"extension_0_link": "x"}, message: "The following extension properties are not available: extension_0_link."},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.upn == "" {
				tc.upn = "ann@contoso.com"
			}
			if tc.code == "" {
				tc.code = "Request_BadRequest"
			}
			a := w.do("POST", "/users", person(tc.upn, tc.more))
			a.t = t
			a.refused(400, tc.code, tc.message)
			if tc.detail != "" {
				d := a.err()["details"].([]any)[0].(map[string]any)
				require.Equal(t, tc.detail, d["code"])
				require.NotEmpty(t, d["target"])
			}
		})
	}
	require.Len(t, w.s.State().Tenants[0].Users, 1)
	require.Equal(t, 2, w.s.Stats().ProtocolFaults["unknown property"])
	require.Equal(t, 2, w.s.Stats().ProtocolFaults["empty string"])

	// The other object's id stands in the second detail.
	a := w.do("POST", "/users", person("taken@contoso.com", nil))
	other := w.get("/users/taken@contoso.com").id()
	require.Equal(t, "User_"+other, a.err()["details"].([]any)[1].(map[string]any)["target"])
}

func TestDelegatedPropertiesAreClosed(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	w.do("POST", "/users", person("ann@contoso.com", map[string]any{"aboutMe": "x"})).refused(403, "Authorization_RequestDenied", "")
}

func TestQuotaOfObjects(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].ObjectQuota = 1
	w := start(t, simulator.Options{Seed: seed})
	w.do("POST", "/users", person("ann@contoso.com", nil)).is(201)
	w.do("POST", "/users", person("bob@contoso.com", nil)).refused(403, "Directory_QuotaExceeded", "The directory object quota limit for the Tenant has been exceeded.")
}

func TestReadUser(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	id := w.do("POST", "/users", person("ann@contoso.com", map[string]any{"department": "R&D \"x\"\n"})).is(201).id()
	for _, key := range []string{id, strings.ToUpper(id), "ann@contoso.com", "ANN@Contoso.COM"} {
		require.Equal(t, id, w.get("/users/"+key).is(200).id())
	}
	require.Equal(t, id, w.get("/users('ann@contoso.com')").is(200).id())

	a := w.get("/users/" + id)
	require.Len(t, a.body, 12)
	require.Contains(t, a.body, "mobilePhone")
	require.NotContains(t, a.body, "department")
	require.True(t, strings.HasSuffix(a.raw, `"id":"`+id+`"}`), "GET puts id last: %s", a.raw)
	require.Equal(t, []any{}, a.body["businessPhones"])

	a = w.get("/users/" + id + "?$select=id,department,passwordProfile,otherMails")
	require.Equal(t, "R&D \"x\"\n", a.body["department"])
	require.Nil(t, a.body["passwordProfile"])
	require.Equal(t, w.s.URL()+"/v1.0/$metadata#users(id,department,passwordProfile,otherMails)/$entity", a.body["@odata.context"])
	require.NotContains(t, a.raw, "Secret-1234")

	w.get("/users/nobody@contoso.com").refused(404, "Request_ResourceNotFound", "Resource 'nobody@contoso.com' does not exist or one of its queried reference-property objects are not present.")
	w.get("/users/x").refused(400, "Request_BadRequest", "Invalid object identifier 'x'.")
	w.get("/users/"+id+"?$select=shoeSize").refused(400, "BadRequest", "Could not find a property named 'shoeSize' on type 'microsoft.graph.user'.")
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = []simulator.UserSeed{{"userPrincipalName": "synced@contoso.com", "onPremisesSyncEnabled": true}}
	w := start(t, simulator.Options{Seed: seed})
	id := w.do("POST", "/users", person("ann@contoso.com", map[string]any{"jobTitle": "A", "businessPhones": []string{"1"}})).is(201).id()
	w.do("POST", "/users", person("bob@contoso.com", nil)).is(201)
	user := "/users/" + id

	w.do("PATCH", user, map[string]any{"@odata.type": "#microsoft.graph.user", "jobTitle": nil, "givenName": "Ann", "businessPhones": []string{}}).is(204)
	a := w.get(user)
	require.Nil(t, a.body["jobTitle"])
	require.Equal(t, "Ann", a.body["givenName"])
	require.Equal(t, []any{}, a.body["businessPhones"])

	w.do("PATCH", user, map[string]any{"userPrincipalName": "ann2@contoso.com"}).is(204)
	w.get("/users/ann@contoso.com").is(404)
	require.Equal(t, id, w.get("/users/ann2@contoso.com").id())
	w.do("POST", "/users", person("ann@contoso.com", nil)).is(201)

	w.do("PATCH", user, map[string]any{"onPremisesExtensionAttributes": map[string]any{"extensionAttribute1": "a", "extensionAttribute2": "b"}}).is(204)
	w.do("PATCH", user, map[string]any{"onPremisesExtensionAttributes": map[string]any{"extensionAttribute1": nil}}).is(204)
	require.Equal(t, map[string]any{"extensionAttribute2": "b"}, w.get(user + "?$select=onPremisesExtensionAttributes").body["onPremisesExtensionAttributes"])

	for name, tc := range map[string]struct {
		path, message string
		body          map[string]any
	}{
		"taken name":       {user, "Another object with the same value for property userPrincipalName already exists.", map[string]any{"userPrincipalName": "bob@contoso.com"}},
		"no display name":  {user, "Invalid value specified for property 'displayName' of resource 'User'.", map[string]any{"displayName": nil}},
		"no mail":          {user, "Invalid value specified for property 'mail' of resource 'User'.", map[string]any{"mail": nil}},
		"no location":      {user, "Property usageLocation is invalid.", map[string]any{"usageLocation": nil}},
		"proxy addresses":  {user, "Property 'proxyAddresses' is read-only and cannot be set.", map[string]any{"proxyAddresses": []string{"smtp:x@y"}}},
		"synced user":      {"/users/synced@contoso.com", "Unable to update the specified properties for on-premises mastered Directory Sync objects", map[string]any{"jobTitle": "x"}},
		"synced, disabled": {"/users/synced@contoso.com", "Unable to update the specified properties for on-premises mastered Directory Sync objects", map[string]any{"accountEnabled": false}},
	} {
		a := w.do("PATCH", tc.path, tc.body)
		require.Equal(t, 400, a.status, name)
		a.refused(400, "Request_BadRequest", tc.message)
	}
	w.do("PATCH", "/users/nobody@contoso.com", map[string]any{"jobTitle": "x"}).refused(404, "Request_ResourceNotFound", "")
	require.Zero(t, w.s.Stats().WastedWrites)
	w.do("PATCH", user, map[string]any{"givenName": "Ann", "jobTitle": nil}).is(204)
	w.do("PATCH", user, map[string]any{}).is(204)
	require.Equal(t, 2, w.s.Stats().WastedWrites)
}

func TestProxyAddressesSwitch(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = []simulator.UserSeed{{"userPrincipalName": "a@contoso.com", "proxyAddresses": []string{"smtp:info@contoso.com"}}}
	w := start(t, simulator.Options{Seed: seed, Behavior: simulator.Behavior{CheckProxyAddresses: true}})
	w.do("POST", "/users", person("info@contoso.com", nil)).refused(400, "Request_BadRequest", "Another object with the same value for property proxyAddresses already exists.")
	w = start(t, simulator.Options{Seed: seed})
	w.do("POST", "/users", person("info@contoso.com", nil)).is(201)
}

func TestManager(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	boss := w.do("POST", "/users", person("boss@contoso.com", nil)).is(201).id()
	w.do("POST", "/users", person("ann@contoso.com", nil)).is(201)
	ref := map[string]any{"@odata.id": "https://graph.microsoft.com/v1.0/users/" + boss}
	w.get("/users/ann@contoso.com/manager").refused(404, "Request_ResourceNotFound", "")
	w.do("PUT", "/users/ann@contoso.com/manager/$ref", ref).is(204)
	require.Equal(t, boss, w.get("/users/ann@contoso.com/manager").is(200).id())
	w.do("PUT", "/users/ann@contoso.com/manager/$ref", ref).is(204)
	require.Equal(t, 1, w.s.Stats().WastedWrites)
	w.do("PUT", "/users/ann@contoso.com/manager/$ref", map[string]any{"@odata.id": w.s.URL() + "/v1.0/users/nobody@contoso.com"}).refused(404, "Request_ResourceNotFound", "nobody@contoso.com")
	w.do("PUT", "/users/ann@contoso.com/manager/$ref", map[string]any{"@odata.id": "rubbish"}).refused(400, "Request_BadRequest", "Not a valid reference update.")
	require.Empty(t, w.s.Stats().ProtocolFaults)
	w.do("PUT", "/users/ann@contoso.com/manager/$ref", map[string]any{"@odata.id": "https://graph.microsoft.us/v1.0/users/" + boss}).is(204)
	require.Equal(t, map[string]int{"reference to another cloud": 1}, w.s.Stats().ProtocolFaults)
	w.do("DELETE", "/users/ann@contoso.com/manager/$ref", nil).is(204)
	w.get("/users/ann@contoso.com/manager").is(404)

	w.do("POST", "/users", person("eve@contoso.com", map[string]any{"manager@odata.bind": w.s.URL() + "/v1.0/users('" + boss + "')"})).is(201)
	require.Equal(t, boss, w.s.State().Tenants[0].User("eve@contoso.com").Manager)
}

// Of all expansions, users can be had with the id of their manager; that costs one unit more.
func TestExpandManager(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	boss := w.do("POST", "/users", person("boss@contoso.com", nil)).is(201).id()
	for _, name := range []string{"ann", "bob", "eve"} {
		w.do("POST", "/users", person(name+"@contoso.com", nil)).is(201)
		w.do("PUT", "/users/"+name+"@contoso.com/manager/$ref", map[string]any{"@odata.id": w.s.URL() + "/v1.0/users/" + boss}).is(204)
	}
	const expand = "$expand=manager($select=id)"
	ann := "/users/ann@contoso.com"
	want := map[string]any{"@odata.type": "#microsoft.graph.user", "id": boss}
	a := w.get(ann + "?$select=id&" + expand).is(200)
	require.Equal(t, want, a.body["manager"])
	require.Equal(t, w.s.URL()+"/v1.0/$metadata#users(id,manager(id))/$entity", a.body["@odata.context"])
	require.NotContains(t, w.get("/users/boss@contoso.com?"+expand).is(200).body, "manager", "without a manager the member is absent")
	require.NotContains(t, w.get(ann).body, "manager")

	// On all pages of a list, filtered or not.
	managers := map[string]any{}
	for next := "/users?$select=userPrincipalName&$top=2&" + expand; next != ""; {
		page := w.get(next)
		for _, u := range page.values() {
			managers[u["userPrincipalName"].(string)] = u["manager"]
		}
		next, _ = page.body["@odata.nextLink"].(string)
	}
	require.Equal(t, map[string]any{"boss@contoso.com": nil, "ann@contoso.com": want, "bob@contoso.com": want, "eve@contoso.com": want}, managers)
	found := w.get("/users?$filter=" + q("userPrincipalName eq 'ann@contoso.com'") + "&" + expand).values()
	require.Len(t, found, 1)
	require.Equal(t, want, found[0]["manager"])

	units := func(path string) int {
		before := w.s.Stats().ResourceUnits
		w.get(path).is(200)
		return w.s.Stats().ResourceUnits - before
	}
	require.Equal(t, 1, units("/users?$select=id"))
	require.Equal(t, 2, units("/users?$select=id&"+expand))

	const refusal = "Expand is not supported for the current query."
	for _, other := range []string{"directReports", "memberOf"} {
		w.get(ann+"?$expand="+other).refused(501, "NotImplemented", "'$expand="+other+"'")
		w.get("/users?$expand="+other).refused(501, "NotImplemented", "'$expand="+other+"'")
	}
	w.get(ann+"?$expand=manager($levels=max%3B$select=id)").refused(400, "Request_UnsupportedQuery", refusal)
	w.get(ann+"?$expand=manager($select=id),memberOf").refused(400, "BadRequest", "Parsing OData Select and Expand failed")
	w.get(ann+"?$expand=superior").refused(400, "BadRequest", "Could not find a property named 'superior'")
	for _, path := range []string{"/groups", "/directory/deletedItems/microsoft.graph.user"} {
		a := w.get(path + "?" + expand)
		require.Contains(t, []int{400, 501}, a.status, a.raw)
	}
	w.get("/groups?$expand=members").refused(501, "NotImplemented", "'$expand=members'")
	w.get("/users?$count=true&"+expand, "ConsistencyLevel", "eventual").refused(400, "Request_UnsupportedQuery", refusal)

	// A manager in the bin is not shown, and is there again once restored.
	w.do("DELETE", "/users/"+boss, nil).is(204)
	require.NotContains(t, w.get(ann+"?"+expand).is(200).body, "manager")
	w.do("POST", "/directory/deletedItems/"+boss+"/restore", nil).is(200)
	require.Equal(t, want, w.get(ann + "?" + expand).is(200).body["manager"])
}

func TestRevokeSessions(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	w.do("POST", "/users", person("ann@contoso.com", nil)).is(201)
	a := w.do("POST", "/users/ann@contoso.com/revokeSignInSessions", nil).is(200)
	require.Equal(t, true, a.body["value"])
	require.Equal(t, w.s.URL()+"/v1.0/$metadata#Edm.Boolean", a.body["@odata.context"])
	w.do("POST", "/users/ann@contoso.com/microsoft.graph.revokeSignInSessions", nil).is(200)
	w.do("POST", "/users/nobody@contoso.com/revokeSignInSessions", nil).is(404)
}

func TestBehaviorSwitches(t *testing.T) {
	t.Parallel()
	attributes := map[string]any{"onPremisesExtensionAttributes": map[string]any{"extensionAttribute1": "x"}}
	w := start(t, simulator.Options{})
	w.do("POST", "/users", person("ann@contoso.com", attributes)).is(201)
	require.Len(t, w.do("POST", "/users", person("ann@contoso.com", nil)).err()["details"], 2)
	w = start(t, simulator.Options{Behavior: simulator.Behavior{RefuseExtensionAttributesOnCreate: true, TerseConflicts: true}})
	w.do("POST", "/users", person("ann@contoso.com", attributes)).is(400)
	w.do("POST", "/users", person("ann@contoso.com", nil)).is(201)
	w.do("PATCH", "/users/ann@contoso.com", attributes).is(204)
	require.Len(t, w.do("POST", "/users", person("ann@contoso.com", nil)).err()["details"], 1)
}
