package simulator_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

const eventual = "ConsistencyLevel"

func TestRow04FilterByUnregisteredExtension(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	name := strings.Replace(linkName, "_link", "_lost", 1)
	w.get("/users?$filter="+q(name+" eq 'x'")).refused(400, "Request_UnsupportedQuery", "Property '"+name+"' does not exist as a declared property or extension property.")
}

// A lost definition reads as if nobody had a value.
func TestRow05SelectOfUnregisteredExtension(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	require.Equal(t, "c/r/1", w.get("/users/ann@contoso.com?$select=id," + linkName).body[linkName])
	w.s.Mutate(func(tn *simulator.Tenant) { require.NoError(t, tn.DropExtension(linkName)) })
	for _, u := range w.get("/users?$select=id,displayName," + linkName).values() {
		require.NotContains(t, u, linkName)
		require.Contains(t, u, "displayName")
	}
	require.NotContains(t, w.get("/users/ann@contoso.com?$select="+linkName).is(200).body, linkName)
	require.NotContains(t, w.get("/users/ann@contoso.com?$select=extension_0_x").is(200).body, "extension_0_x")
}

func TestRow15DeletedItemsInLowerCase(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	id := w.get("/users/ann@contoso.com").id()
	w.do("DELETE", "/users/"+id, nil).is(204)
	require.Len(t, w.get("/directory/deleteditems/microsoft.graph.user?$select=id").values(), 1)
	require.Equal(t, id, w.get("/directory/deleteditems/"+id).is(200).id())
	w.do("POST", "/directory/deleteditems/"+id+"/restore", nil).is(200)
	w.do("DELETE", "/users/"+id, nil).is(204)
	w.do("DELETE", "/Directory/DeletedItems/"+id, nil).is(204)
}

func TestRow16DeletedItemsWithoutType(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	w.get("/directory/deletedItems").refused(400, "Request_UnsupportedQuery", "Searches against this resource are not supported. Only specific instances can be queried.")
}

func TestRow17StartsWithOnExtension(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	path := "/users?$count=true&$select=userPrincipalName&$filter=" + q("startsWith("+linkName+",'c/r')")
	w.get(path).refused(400, "Request_UnsupportedQuery", "ConsistencyLevel")
	require.Equal(t, "ann bob", names(w.get(path, eventual, "eventual")))
	require.Equal(t, "ann", names(w.get("/users?$select=userPrincipalName&$filter="+q(linkName+" eq 'c/r/1'"))))
}

func TestRow18OrderBy(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	for order, want := range map[string]string{"displayName": "ann bob eve", "displayName desc": "eve bob ann", "userPrincipalName asc": "ann bob eve"} {
		require.Equal(t, want, names(w.get("/users?$select=userPrincipalName&$orderby="+q(order))), order)
	}
	require.Len(t, w.get("/groups?$orderby=displayName").values(), 0)
	w.get("/users?$orderby=city").refused(400, "Request_UnsupportedQuery", "Sorting not supported for current query.")
	filtered := "/users?$count=true&$select=userPrincipalName&$orderby=displayName%20desc&$filter=" + q("startsWith(department,'i')")
	w.get(filtered).refused(400, "Request_UnsupportedQuery", "Sorting not supported for current query.")
	require.Equal(t, "bob ann", names(w.get(filtered, eventual, "eventual")))
	w.get("/users?$orderby=shoeSize").refused(400, "BadRequest", "shoeSize")
}

func TestRow19OnPremisesNamesNeedTheHeader(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	w.s.Mutate(func(tn *simulator.Tenant) {
		require.NoError(t, tn.SetUser("ann@contoso.com", map[string]any{"onPremisesSamAccountName": "ann", "onPremisesSecurityIdentifier": "S-1-5-21-1"}))
	})
	for _, filter := range []string{"onPremisesSamAccountName eq 'ann'", "onPremisesSecurityIdentifier eq 'S-1-5-21-1'"} {
		w.get("/users?$filter="+q(filter)).refused(400, "Request_UnsupportedQuery", "")
		require.Equal(t, "ann", names(w.get("/users?$count=true&$select=userPrincipalName&$filter="+q(filter), eventual, "eventual")))
	}
}

func TestRow20NotEqualsWithoutTheHeader(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	w.get("/users?$filter="+q("department ne 'IT'")).refused(400, "Request_UnsupportedQuery", "Filter operator 'NotEqualsMatch' is not supported.")
}

func TestRow21AllUnknownExtensionsAreNamed(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	body := map[string]any{"extension_0_a": "x", "extension_0_b": "y", linkName: "z"}
	const text = "The following extension properties are not available: extension_0_a,extension_0_b."
	w.do("PATCH", "/users/ann@contoso.com", body).refused(400, "Request_BadRequest", text)
	w.do("POST", "/users", person("new@contoso.com", body)).refused(400, "Request_BadRequest", text)
	w.do("POST", "/groups", security("G", body)).refused(400, "Request_BadRequest", text)
}

func TestRow22HeadersOfErrors(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	a := w.get("/users/nobody@contoso.com").is(404)
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	require.Empty(t, a.header.Get("OData-Version"))
	require.Equal(t, "Accept-Encoding", a.header.Get("Vary"))
	require.Equal(t, "4.0", w.get("/users").header.Get("OData-Version"))
}

func TestRow24ContextInTheOrderOfTheRequest(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	a := w.get("/users?$select=userPrincipalName," + linkName + ",id,displayname,Department")
	require.Equal(t, w.s.URL()+"/v1.0/$metadata#users(userPrincipalName,"+linkName+",id,displayName,department)", a.body["@odata.context"])
	require.Equal(t, w.s.URL()+"/v1.0/$metadata#users(id,city)/$entity", w.get("/users/ann@contoso.com?$select=id,city").body["@odata.context"])
}

func TestRow25ApplicationsByDisplayName(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	require.Len(t, w.get("/applications?$filter="+q("startswith(displayName,'entra')")).values(), 1)
	require.Empty(t, w.get("/applications?$filter="+q("startswith(displayName,'flow')")).values())
	require.Len(t, w.get("/applications?$filter="+q("displayName eq 'entraflow'")).values(), 1)
	require.Len(t, w.get("/applications?$filter="+q("appId eq '"+simulator.DefaultClientID+"'")).values(), 1)
	w.get("/applications?$filter="+q("notes eq 'x'")).refused(400, "Request_UnsupportedQuery", "")
}

// A batch with numbers for ids, of 20 changes with 20 members each.
func TestRow26BatchWithNumericIDs(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	var refs []any
	for i := range 20 {
		id := fmt.Sprintf("cccccccc-0000-4000-8000-%012d", i)
		seed.Tenants[0].Users = append(seed.Tenants[0].Users, simulator.UserSeed{"id": id, "userPrincipalName": fmt.Sprintf("u%02d@contoso.com", i)})
		refs = append(refs, ref(id)["@odata.id"])
	}
	for i := range 20 {
		seed.Tenants[0].Groups = append(seed.Tenants[0].Groups, simulator.GroupSeed{"id": fmt.Sprintf("dddddddd-0000-4000-8000-%012d", i), "displayName": fmt.Sprintf("G%02d", i)})
	}
	w := start(t, simulator.Options{Seed: seed})
	part := func(id any, method, url string, body any) map[string]any {
		m := map[string]any{"id": id, "method": method, "url": url}
		if body != nil {
			m["body"], m["headers"] = body, map[string]any{"Content-Type": "application/json"}
		}
		return m
	}
	batch := func(parts ...map[string]any) answer {
		return w.do("POST", "/$batch", map[string]any{"requests": parts})
	}
	byID := func(a answer) map[string]map[string]any {
		out := map[string]map[string]any{}
		for _, r := range a.is(200).body["responses"].([]any) {
			m := r.(map[string]any)
			out[m["id"].(string)] = m
		}
		return out
	}
	var parts []map[string]any
	for i := range 20 {
		parts = append(parts, part(i+1, "PATCH", fmt.Sprintf("/groups/dddddddd-0000-4000-8000-%012d", i), map[string]any{"members@odata.bind": refs}))
	}
	for id, r := range byID(batch(parts...)) {
		require.EqualValues(t, 204, r["status"], id)
	}
	require.Len(t, w.state().Group("G19").Members, 20)

	got := byID(batch(part("a", "GET", "/users/u00@contoso.com?$select=id", nil), part("b", "GET", "/users/nobody@contoso.com", nil)))
	require.Equal(t, "cccccccc-0000-4000-8000-000000000000", got["a"]["body"].(map[string]any)["id"])
	require.EqualValues(t, 404, got["b"]["status"])
	require.Equal(t, "Request_ResourceNotFound", got["b"]["body"].(map[string]any)["error"].(map[string]any)["code"])

	// What depends on something that failed is not tried.
	dependent := part("2", "PATCH", "/users/u00@contoso.com", map[string]any{"jobTitle": "x"})
	dependent["dependsOn"] = []any{1}
	require.EqualValues(t, 424, byID(batch(part(1, "GET", "/users/nobody@contoso.com", nil), dependent))["2"]["status"])
	require.EqualValues(t, 204, byID(batch(part(1, "GET", "/users/u00@contoso.com", nil), dependent))["2"]["status"])

	batch(append(parts, part("21", "GET", "/users", nil))...).is(400)
	batch(part("1", "GET", "/users", nil), part(1, "GET", "/groups", nil)).is(400)
	batch().is(400)
	w.do("GET", "/$batch", nil).is(405)

	// Accidents happen to the parts, not to the batch.
	w.s.SetFaults(simulator.Faults{Throttle: 1, RetryAfterSeconds: 7})
	r := byID(batch(part("1", "GET", "/users", nil)))["1"]
	require.EqualValues(t, 429, r["status"])
	require.Equal(t, "7", r["headers"].(map[string]any)["Retry-After"])
	w.s.SetFaults(simulator.Faults{Reset: 1})
	require.EqualValues(t, 502, byID(batch(part("1", "GET", "/users", nil)))["1"]["status"])
	w.token = ""
	batch(part("1", "GET", "/users", nil)).is(401)
}

func TestRow34FederatedTokenRefused(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Apps[0].Federated = []simulator.FederatedSeed{{Issuer: "https://issuer.example", Subject: "system:sa:app", PublicKey: publicPEM(t, key)}}
	w := start(t, simulator.Options{Seed: seed})
	for what, tc := range map[string]struct {
		issuer, subject string
		number          float64
	}{
		"another issuer":          {"https://other.example", "system:sa:app", 700211},
		"another subject":         {"https://issuer.example", "system:sa:other", 700213},
		"subject in another case": {"https://issuer.example", "System:SA:app", 7002138},
	} {
		raw, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": tc.issuer, "sub": tc.subject,
			"aud": "api://AzureADTokenExchange", "exp": time.Now().Add(time.Minute).Unix()}).SignedString(key)
		require.NoError(t, err)
		f := form()
		f.Del("client_secret")
		f.Set("client_assertion", raw)
		f.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		status, body := w.login(simulator.DefaultTenantID, f)
		require.Equal(t, 401, status, what)
		require.Equal(t, "invalid_client", body["error"], what)
		require.Equal(t, []any{tc.number}, body["error_codes"], what)
	}
}

func TestRow35ChinaNamesAnotherIssuer(t *testing.T) {
	t.Parallel()
	const issuer = "https://login.partner.microsoftonline.cn"
	w := start(t, simulator.Options{Behavior: simulator.Behavior{Issuer: issuer}})
	a := w.get(w.s.URL() + "/" + simulator.DefaultTenantID + "/v2.0/.well-known/openid-configuration").is(200)
	require.Equal(t, issuer+"/"+simulator.DefaultTenantID+"/v2.0", a.body["issuer"])
	require.True(t, strings.HasPrefix(a.body["token_endpoint"].(string), w.s.URL()))
}

func TestRow36CostOfGetByIDs(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	ann := w.get("/users/ann@contoso.com").id()
	body := map[string]any{"ids": []string{ann}, "types": []string{"user", "group"}}
	w.do("POST", "/directoryObjects/getByIds", body).is(403)
	w.grant("Directory.Read.All")
	a := w.do("POST", "/directoryObjects/getByIds", body)
	require.Equal(t, "3", a.header.Get("x-ms-resource-unit"))
	require.Equal(t, "#microsoft.graph.user", a.values()[0]["@odata.type"])
	require.Equal(t, "2", w.do("POST", "/directoryObjects/getByIds?$select=id", body).is(200).header.Get("x-ms-resource-unit"))
}

// Two limits for a whole tenant are documented; either can be set.
func TestRow37TenantWideLimits(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := start(t, simulator.Options{Now: c.now, Quota: simulator.Quota{TenantRequests: 3, TenantWriteWindow: 5 * time.Minute}})
	for range 3 {
		w.get("/users").is(200)
	}
	w.get("/users").is(429)
	w = start(t, simulator.Options{Now: c.now, Quota: simulator.Quota{TenantWrites: 1, TenantWriteWindow: 5 * time.Minute}})
	w.do("POST", "/users", person("a@contoso.com", nil)).is(201)
	w.do("POST", "/users", person("b@contoso.com", nil)).is(429)
	w.get("/users").is(200)
}

// Writes take the name of an extension property in any case; reads need the spelling that was written.
func TestRow38SpellingOfExtensionNames(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	upper := strings.Replace(linkName, "_link", "_LINK", 1)
	ann := "/users/ann@contoso.com"
	require.NotContains(t, w.get(ann+"?$select=id,"+upper).is(200).body, upper)
	w.do("PATCH", ann, map[string]any{upper: "c/r/9"}).is(204)
	require.Equal(t, "c/r/9", w.get(ann + "?$select=id," + upper).body[upper])
	require.NotContains(t, w.get(ann+"?$select=id,"+linkName).body, linkName)
	require.Empty(t, w.get("/users?$filter="+q(linkName+" eq 'c/r/9'")).values())
	w.do("PATCH", ann, map[string]any{linkName: nil}).is(204)
	require.NotContains(t, w.get(ann+"?$select=id,"+upper).body, upper)
}

// What Graph has and this slice has not is said to be so; what Graph has not is an unknown segment.
func TestOutsideTheSlice(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	for path, what := range map[string]string{
		"/me": "me", "/devices?$top=5": "devices", "/users/ann@contoso.com/messages": "users/{id}/messages",
		"/servicePrincipals(appId='x')": "servicePrincipals", "/groups/x/transitiveMembers": "groups/{id}/transitiveMembers",
		"/directory/administrativeUnits": "directory/administrativeUnits",
	} {
		w.get(path).refused(501, "NotImplemented", "Microsoft Graph has '"+what+"', and this simulator of it has not.")
	}
	w.get("/users?$select=id,signInActivity").refused(501, "NotImplemented", "'signInActivity'")
	w.get("/users?$filter="+q("signInActivity/lastSignInDateTime le 2026-01-01T00:00:00Z")).refused(501, "NotImplemented", "'signInActivity'")
	w.do("PATCH", "/users/ann@contoso.com", map[string]any{"preferredName": "Annie"}).refused(501, "NotImplemented", "'preferredName'")
	w.do("POST", "/groups", security("G", map[string]any{"allowExternalSenders": true})).refused(501, "NotImplemented", "'allowExternalSenders'")
	w.get("/users?$count=true&$search="+q(`"displayName:a"`), eventual, "eventual").refused(501, "NotImplemented", "'$search'")
	w.get(w.s.URL()+"/beta/users").refused(501, "NotImplemented", "'beta'")
	w.get("/people/x").refused(400, "BadRequest", "Resource not found for the segment 'people'.")
	w.get("/users/ann@contoso.com/shoes").refused(400, "BadRequest", "Resource not found for the segment 'shoes'.")
	require.Equal(t, 2, w.s.Stats().ProtocolFaults["unknown path"])
}
