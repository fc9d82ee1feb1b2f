package simulator_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

// The tests TestRowNN are what recordings and captures of November 2026 showed of the real service, one row of that list each:
// this file has users and licenses, rows_groups_test.go groups, and rows_queries_test.go queries and all the rest.

const tooEarly = "License assignment cannot be done for user with invalid usage location."

// An assignment shortly after usageLocation was written, by the creating POST or by a PATCH, is refused some times.
func TestRow01LicenseComesTooEarly(t *testing.T) {
	t.Parallel()
	give := order([]any{license(simulator.SKUM365E3)})
	assign := func(w *world) answer { return w.do("POST", "/users/ann@contoso.com/assignLicense", give) }

	w := start(t, simulator.Options{Faults: simulator.Faults{LicenseLag: 1, LicenseLagTries: 3}})
	w.do("POST", "/users", person("ann@contoso.com", nil)).is(201)
	for range 3 {
		assign(w).refused(400, "Request_BadRequest", tooEarly)
	}
	assign(w).is(200)
	require.Equal(t, 3, w.s.Stats().Faults["license lag"])
	w.do("PATCH", "/users/ann@contoso.com", map[string]any{"jobTitle": "x", "usageLocation": "US"}).is(204)
	assign(w).is(200)
	w.do("PATCH", "/users/ann@contoso.com", map[string]any{"usageLocation": "DE"}).is(204)
	w.do("POST", "/users/ann@contoso.com/assignLicense", order(nil, simulator.SKUM365E3)).is(200)
	assign(w).refused(400, "Request_BadRequest", tooEarly)

	c := newClock()
	w = start(t, simulator.Options{Now: c.now, Faults: simulator.Faults{LicenseLag: 1, LicenseLagSeconds: 30}})
	w.do("POST", "/users", person("ann@contoso.com", nil)).is(201)
	c.advance(29 * time.Second)
	assign(w).refused(400, "Request_BadRequest", tooEarly)
	c.advance(time.Second)
	assign(w).is(200)

	require.Error(t, simulator.Faults{LicenseLag: 2}.Validate())
	require.Error(t, simulator.Faults{LicenseLagTries: -1}.Validate())
}

func TestRow02FederatedUserNeedsSourceAnchor(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Domains = append(seed.Tenants[0].Domains, simulator.DomainSeed{Name: "fed.example", Type: "Federated"})
	w := start(t, simulator.Options{Seed: seed})
	w.do("POST", "/users", person("ann@fed.example", nil)).refused(400, "Request_BadRequest", "SourceAnchor is a required property for creation of a federated user")
	w.do("POST", "/users", person("ann@fed.example", map[string]any{"onPremisesImmutableId": "abc=="})).is(201)
}

func TestRow07BodyNamesInAnyCase(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	body := person("ann@contoso.com", map[string]any{"mailNickname": drop, "mailNickName": "ann.e", "OnPremisesImmutableId": "abc==",
		"passwordProfile": drop, "PasswordProfile": map[string]any{"Password": "Secret-1234"}})
	w.do("POST", "/users", body).is(201)
	one := w.get("/users/ann@contoso.com?$select=mailNickname,onPremisesImmutableId").body
	require.Equal(t, "ann.e", one["mailNickname"])
	require.Equal(t, "abc==", one["onPremisesImmutableId"])
	w.do("PATCH", "/users/ann@contoso.com", map[string]any{"JOBTITLE": "x", "onPremisesExtensionAttributes": map[string]any{"ExtensionAttribute1": "y"}}).is(204)
	require.Equal(t, "y", w.get("/users/ann@contoso.com?$select=onPremisesExtensionAttributes").body["onPremisesExtensionAttributes"].(map[string]any)["extensionAttribute1"])
	w.do("POST", "/users/ann@contoso.com/assignLicense", map[string]any{"AddLicenses": []any{map[string]any{"SkuId": simulator.SKUM365E3}}, "removelicenses": []any{}}).is(200)
	w.do("POST", "/groups", security("G", map[string]any{"mailNickname": drop, "MailNickName": "g"})).is(201)

	// No permission is got round by spelling.
	w.s.Mutate(func(tn *simulator.Tenant) {
		require.NoError(t, tn.SetRoles(simulator.DefaultClientID, "User-Phone.ReadWrite.All"))
	})
	w.signIn()
	w.do("PATCH", "/users/ann@contoso.com", map[string]any{"MobilePhone": "+1"}).is(204)
	w.do("PATCH", "/users/ann@contoso.com", map[string]any{"ACCOUNTENABLED": false}).is(403)
}

func TestRow08OwnIDInPatch(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	id := w.do("POST", "/users", person("ann@contoso.com", nil)).is(201).id()
	w.do("PATCH", "/users/"+id, map[string]any{"id": strings.ToUpper(id), "jobTitle": "x"}).is(204)
	w.do("PATCH", "/users/ann@contoso.com", map[string]any{"id": id, "jobTitle": "y"}).is(204)
	w.do("PATCH", "/users/"+id, map[string]any{"id": "99999999-0000-4000-8000-000000000000", "jobTitle": "z"}).is(400)
	w.do("POST", "/users", person("bob@contoso.com", map[string]any{"id": id})).is(400)
	g := w.do("POST", "/groups", security("G", nil)).is(201).id()
	w.do("PATCH", "/groups/"+g, map[string]any{"id": g, "displayName": "H"}).is(204)
}

func TestRow09EmptyLicenseChange(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	w.do("POST", "/users", person("ann@contoso.com", nil)).is(201)
	w.do("POST", "/users/ann@contoso.com/assignLicense", order(nil)).refused(400, "Request_BadRequest", "No license changes provided. At least one license to add or remove must be specified.")
}

func TestRow10LicenseParameterMissing(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	w.do("POST", "/users", person("ann@contoso.com", nil)).is(201)
	for _, body := range []map[string]any{{"addLicenses": []any{}}, {"removeLicenses": []any{}}, {}} {
		w.do("POST", "/users/ann@contoso.com/assignLicense", body).refused(400, "Request_BadRequest", "")
	}
}

func TestRow11DollarInUserPrincipalName(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	const name = "$ann#1@contoso.com"
	id := w.do("POST", "/users", person(name, map[string]any{"mailNickname": "ann1"})).is(201).id()
	key := "/users('%24ann%231@contoso.com')"
	require.Equal(t, id, w.get(key).is(200).id())
	w.do("PATCH", key, map[string]any{"jobTitle": "x"}).is(204)
	require.Len(t, w.get("/users?$filter="+q("userPrincipalName eq '"+name+"'")).values(), 1)
	w.get("/users/%24ann%231@contoso.com").refused(400, "BadRequest", "Resource not found for the segment")
	w.do("DELETE", "/users('$ann%231@contoso.com')", nil).is(204)
}

func TestRow12ExpandManager(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	for _, n := range []string{"ann", "boss", "chair"} {
		w.do("POST", "/users", person(n+"@contoso.com", map[string]any{"displayName": n})).is(201)
	}
	for who, above := range map[string]string{"ann": "boss", "boss": "chair"} {
		w.do("PUT", "/users/"+who+"@contoso.com/manager/$ref", map[string]any{"@odata.id": w.s.URL() + "/v1.0/users/" + above + "@contoso.com"}).is(204)
	}
	manager := func(body map[string]any) map[string]any { m, _ := body["manager"].(map[string]any); return m }

	whole := manager(w.get("/users/ann@contoso.com?$expand=manager").is(200).body)
	require.Equal(t, "boss@contoso.com", whole["userPrincipalName"])
	require.Equal(t, "#microsoft.graph.user", whole["@odata.type"])
	require.NotContains(t, whole, "manager", "one level")

	named := map[string]any{"@odata.type": "#microsoft.graph.user", "displayName": "boss"}
	a := w.get("/users/ann@contoso.com?$select=displayName,id&$expand=manager($select=displayName)").is(200)
	require.Equal(t, named, manager(a.body))
	require.Equal(t, w.s.URL()+"/v1.0/$metadata#users(displayName,id,manager(displayName))/$entity", a.body["@odata.context"])
	for _, options := range []string{"$top=999", "$filter=" + q("userPrincipalName eq 'ann@contoso.com'")} {
		list := w.get("/users?$expand=manager($select%3DdisplayName)&" + options).values()
		require.Equal(t, named, manager(list[0]), options)
	}
	w.get("/users?$expand=manager&$count=true", "ConsistencyLevel", "eventual").refused(400, "Request_UnsupportedQuery", "")
	w.get("/users?$expand=manager($levels=max)").refused(400, "Request_UnsupportedQuery", "")

	// A chain, of one user and with the header.
	chain := "/users/ann@contoso.com?$count=true&$expand=manager($levels=max;$select=displayName)"
	w.get(strings.ReplaceAll(chain, ";", "%3B")).refused(400, "Request_UnsupportedQuery", "")
	above := manager(w.get(strings.ReplaceAll(chain, ";", "%3B"), "ConsistencyLevel", "eventual").is(200).body)
	require.Equal(t, "chair", manager(above)["displayName"])
	w.get("/users/ann@contoso.com?$expand=manager($select=shoeSize)").refused(400, "BadRequest", "shoeSize")
}

func TestRow33ImmutableIDClearedWithNull(t *testing.T) {
	t.Parallel()
	body := map[string]any{"onPremisesImmutableId": "abc=="}
	w := start(t, simulator.Options{})
	w.do("POST", "/users", person("ann@contoso.com", body)).is(201)
	w.do("PATCH", "/users/ann@contoso.com", map[string]any{"onPremisesImmutableId": nil}).is(204)
	w = start(t, simulator.Options{Behavior: simulator.Behavior{KeepImmutableID: true}})
	w.do("POST", "/users", person("ann@contoso.com", body)).is(201)
	w.do("PATCH", "/users/ann@contoso.com", map[string]any{"onPremisesImmutableId": nil}).is(400)
}

// Of whatever an accounts' names are made of, what is read back is what was written.
func TestOrderByFollowsWritesBetweenPages(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	for i := range 50 {
		seed.Tenants[0].Users = append(seed.Tenants[0].Users, simulator.UserSeed{
			"userPrincipalName": fmt.Sprintf("u%02d@contoso.com", i), "displayName": fmt.Sprintf("N%02d", (i*7)%50)})
	}
	w := start(t, simulator.Options{Seed: seed})
	var got []string
	page := 0
	for path := "/users?$orderby=displayName%20desc&$top=7&$select=displayName"; path != ""; page++ {
		a := w.get(path)
		for _, u := range a.values() {
			got = append(got, u["displayName"].(string))
		}
		path, _ = a.body["@odata.nextLink"].(string)
		// The last one that was shown goes, and one comes that sorts before all.
		var shown string
		for _, u := range w.get("/users?$filter=" + url.QueryEscape("displayName eq '"+got[len(got)-1]+"'") + "&$select=id").values() {
			shown = u["id"].(string)
		}
		w.do("DELETE", "/users/"+shown, nil).is(204)
		w.do("POST", "/users", person(fmt.Sprintf("new%d@contoso.com", page), map[string]any{"displayName": "Z"})).is(201)
	}
	require.Len(t, got, 50)
	for i, name := range got {
		require.Equal(t, fmt.Sprintf("N%02d", 49-i), name)
	}
}
