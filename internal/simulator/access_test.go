package simulator_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

// clock is a clock that tests move.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func TestTokensThatDoNotWork(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := start(t, simulator.Options{Now: c.now})
	good := w.token

	w.get("/users", "Authorization", "").refused(401, "InvalidAuthenticationToken", "Access token is empty.")
	w.get("/users", "Authorization", "Bearer rubbish").refused(401, "InvalidAuthenticationToken", "CompactToken parsing failed with error code: 80049217")
	forged := good[:len(good)-4] + "AAAA"
	a := w.get("/users", "Authorization", "Bearer "+forged)
	a.refused(401, "InvalidAuthenticationToken", "validation failure")
	require.Contains(t, a.header.Get("WWW-Authenticate"), "00000003-0000-0000-c000-000000000000")

	f := form()
	f.Set("scope", "https://graph.microsoft.us/.default")
	_, body := w.login(simulator.DefaultTenantID, f)
	w.get("/users", "Authorization", "Bearer "+body["access_token"].(string)).refused(401, "InvalidAuthenticationToken", "Invalid audience.")

	w.get("/users").is(200)
	c.advance(time.Hour)
	w.get("/users").refused(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
	w.signIn()
	w.get("/users").is(200)
	w.s.Mutate(func(tn *simulator.Tenant) { require.NoError(t, tn.RemoveApp(simulator.DefaultClientID)) })
	w.get("/users").refused(401, "Authorization_IdentityNotFound", "could not be established")
	require.Equal(t, 1, w.s.Stats().ProtocolFaults["token for another audience"])
	require.Equal(t, 1, w.s.Stats().ProtocolFaults["no Authorization header"])
}

// Each role alone opens what the documentation says, and nothing else.
func TestPermissions(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	id := w.do("POST", "/users", person("ann@contoso.com", nil)).is(201).id()
	group := w.do("POST", "/groups", map[string]any{"displayName": "G", "mailEnabled": false, "mailNickname": "g", "securityEnabled": true}).is(201).id()
	user, app := "/users/"+id, "/applications(appId='"+simulator.DefaultClientID+"')"
	phone, enabled := map[string]any{"mobilePhone": "+1"}, map[string]any{"accountEnabled": true}

	for _, tc := range []struct {
		roles, method, path string
		body                any
		status              int
	}{
		{"", "GET", "/users", nil, 403},
		{"Group.ReadWrite.All", "GET", "/users", nil, 403},
		{"User.Read.All", "GET", "/users", nil, 200},
		{"User.Read.All", "GET", user, nil, 200},
		{"User.Read.All", "POST", "/users", person("x@contoso.com", nil), 403},
		{"User.Read.All", "PATCH", user, phone, 403},
		{"User-Phone.ReadWrite.All", "PATCH", user, phone, 204},
		{"User-Phone.ReadWrite.All", "PATCH", user, enabled, 403},
		{"User.EnableDisableAccount.All", "PATCH", user, enabled, 204},
		{"Directory.ReadWrite.All", "DELETE", user, nil, 403},
		{"Directory.ReadWrite.All", "PATCH", user, phone, 204},
		{"User.ReadWrite.All", "PATCH", user, map[string]any{"passwordProfile": map[string]any{"password": "Another-123"}}, 403},
		{"User.Read.All", "POST", user + "/assignLicense", map[string]any{"addLicenses": []any{}, "removeLicenses": []any{}}, 403},
		{"LicenseAssignment.ReadWrite.All", "POST", user + "/assignLicense", map[string]any{"addLicenses": []any{map[string]any{"skuId": simulator.SKUM365E3}}, "removeLicenses": []any{}}, 200},
		{"User.ReadWrite.All", "GET", "/subscribedSkus", nil, 403},
		{"Organization.Read.All", "GET", "/subscribedSkus", nil, 200},
		{"Organization.Read.All", "GET", "/organization", nil, 200},
		{"Group.ReadWrite.All", "GET", "/organization", nil, 403},
		{"Organization.Read.All", "GET", "/domains", nil, 403},
		{"Domain.Read.All", "GET", "/domains", nil, 200},
		{"User.ReadWrite.All", "GET", app + "/extensionProperties", nil, 403},
		{"Application.Read.All", "GET", app + "/extensionProperties", nil, 200},
		{"Application.Read.All", "POST", app + "/extensionProperties", map[string]any{"name": "a", "dataType": "String", "targetObjects": []string{"User"}}, 403},
		{"Application.ReadWrite.OwnedBy", "POST", app + "/extensionProperties", map[string]any{"name": "a", "dataType": "String", "targetObjects": []string{"User"}}, 403},
		{"User.ReadWrite.All", "GET", "/groups", nil, 403},
		{"Group.Create", "POST", "/groups", map[string]any{"displayName": "H", "mailEnabled": false, "mailNickname": "h", "securityEnabled": true}, 201},
		{"GroupMember.ReadWrite.All", "PATCH", "/groups/" + group, map[string]any{"displayName": "X"}, 403},
		{"GroupMember.ReadWrite.All", "POST", "/groups/" + group + "/members/$ref", map[string]any{"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/" + id}, 204},
		{"Group.ReadWrite.All", "GET", user + "/memberOf", nil, 403},
		{"Group.ReadWrite.All", "DELETE", "/groups/" + group + "/members/" + id, nil, 403},
		{"User.RevokeSessions.All", "POST", user + "/revokeSignInSessions", nil, 200},
		{"User.Read.All", "DELETE", user, nil, 403},
		{"User.DeleteRestore.All", "DELETE", user, nil, 204},
		{"User.Read.All", "POST", "/directory/deletedItems/" + id + "/restore", nil, 403},
		{"User.DeleteRestore.All", "POST", "/directory/deletedItems/" + id + "/restore", nil, 200},
	} {
		w.s.Mutate(func(tn *simulator.Tenant) {
			require.NoError(t, tn.SetRoles(simulator.DefaultClientID, strings.Fields(tc.roles)...))
		})
		w.signIn()
		a := w.do(tc.method, tc.path, tc.body)
		require.Equal(t, tc.status, a.status, "%s %s with %s: %s", tc.method, tc.path, tc.roles, a.raw)
		if tc.status == 403 {
			a.refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
		}
	}
}

// What is sensitive about holders of administrator roles is closed to an application without a high role of its own.
func TestAdministratorsAreProtected(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = []simulator.UserSeed{{"userPrincipalName": "boss@contoso.com", "adminRole": true}}
	w := start(t, simulator.Options{Seed: seed})
	boss := "/users/boss@contoso.com"
	for _, name := range []string{"mobilePhone", "onPremisesImmutableId"} {
		w.do("PATCH", boss, map[string]any{name: "1"}).refused(403, "Authorization_RequestDenied", "")
	}
	w.do("PATCH", boss, map[string]any{"accountEnabled": false}).refused(403, "Authorization_RequestDenied", "")
	w.do("DELETE", boss, nil).refused(403, "Authorization_RequestDenied", "")
	w.do("PATCH", boss, map[string]any{"jobTitle": "Boss"}).is(204)

	w.s.Mutate(func(tn *simulator.Tenant) {
		require.NoError(t, tn.SetDirectoryRoles(simulator.DefaultClientID, "Privileged Authentication Administrator"))
	})
	w.do("PATCH", boss, map[string]any{"accountEnabled": false}).is(204)
	w.do("PATCH", boss, map[string]any{"passwordProfile": map[string]any{"password": "Another-123"}}).is(204)
	w.do("DELETE", boss, nil).is(204)
}

func TestUnknownPathsAndVerbs(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	w.get("/nonsense").refused(400, "BadRequest", "Resource not found for the segment 'nonsense'.")
	w.get("/users/ann@contoso.com/nonsense").refused(400, "BadRequest", "Resource not found for the segment 'nonsense'.")
	w.do("PUT", "/users", map[string]any{}).refused(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
	w.get("/USERS").is(200)
	require.Equal(t, 2, w.s.Stats().ProtocolFaults["unknown path"])
}

// Two simulators in one process do not take each other's tokens.
func TestTokensOfAnotherSimulator(t *testing.T) {
	t.Parallel()
	a, b := start(t, simulator.Options{}), start(t, simulator.Options{})
	a.get("/users", "Authorization", "Bearer "+b.token).refused(401, "InvalidAuthenticationToken", "validation failure")
}
