package simulator_test

import (
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

func TestWriteQuota(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := start(t, simulator.Options{Now: c.now, Quota: simulator.Quota{Writes: 10, WriteWindow: 20 * time.Second}})
	for i := range 8 {
		a := w.do("POST", "/users", person(fmt.Sprintf("u%d@contoso.com", i), nil)).is(201)
		require.Empty(t, a.header.Get("x-ms-throttle-limit-percentage"))
	}
	a := w.do("POST", "/users", person("u8@contoso.com", nil)).is(201)
	require.Equal(t, "0.90", a.header.Get("x-ms-throttle-limit-percentage"))
	w.do("POST", "/users", person("u9@contoso.com", nil)).is(201)

	a = w.do("POST", "/users", person("u10@contoso.com", nil))
	a.refused(429, "TooManyRequests", "Please retry again later.")
	require.Equal(t, "429", a.err()["innerError"].(map[string]any)["code"])
	after, err := strconv.Atoi(a.header.Get("Retry-After"))
	require.NoError(t, err)
	require.Equal(t, 4, after, "one token refills in 2 s, and the rejected request took one too")
	require.Equal(t, "Tenant_Application/Write/"+simulator.DefaultClientID+"/"+simulator.DefaultTenantID, a.header.Get("x-ms-throttle-scope"))
	require.Equal(t, "WriteLimitExceeded", a.header.Get("x-ms-throttle-information"))
	require.Len(t, w.state().Users, 10)
	require.Equal(t, 1, w.s.Stats().Throttled)
	require.Zero(t, w.s.Stats().EarlyRetries)

	c.advance(time.Duration(after) * time.Second)
	w.do("POST", "/users", person("u10@contoso.com", nil)).is(201)
	require.Zero(t, w.s.Stats().EarlyRetries)
}

func TestEarlyRetries(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := start(t, simulator.Options{Now: c.now})
	w.s.FailNext(nil, simulator.Fault{Status: 429, Headers: map[string]string{"Retry-After": "10"}})
	w.get("/users").is(429)
	w.get("/groups").is(200)
	require.Zero(t, w.s.Stats().EarlyRetries, "another request may have been on its way")
	w.get("/users").is(200)
	require.Equal(t, 1, w.s.Stats().EarlyRetries, "the same request cannot")
	c.advance(time.Second)
	w.get("/groups").is(200)
	require.Equal(t, 2, w.s.Stats().EarlyRetries)
	require.Equal(t, 2, w.s.Stats().EarlyRetriesByScope[simulator.DefaultClientID+"/"+simulator.DefaultTenantID])
	c.advance(9 * time.Second)
	w.get("/users").is(200)
	require.Equal(t, 2, w.s.Stats().EarlyRetries)
}

// Requests to the path of the one that was refused, but about somebody else, were on their way like any other.
func TestEarlyRetriesAreToldFromOtherPeoplesRequests(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := start(t, simulator.Options{Now: c.now})
	silence := simulator.Fault{Status: 429, Headers: map[string]string{"Retry-After": "10"}}
	w.s.FailNext(nil, silence)
	w.do("POST", "/users", person("u1@contoso.com", nil)).is(429)
	w.do("POST", "/users", person("u2@contoso.com", nil)).is(201)
	require.Zero(t, w.s.Stats().EarlyRetries)
	w.do("POST", "/users", person("u1@contoso.com", map[string]any{"displayName": "Again"})).is(201)
	require.Equal(t, 1, w.s.Stats().EarlyRetries)

	c.advance(10 * time.Second)
	w.s.FailNext(nil, silence)
	filter := "/users?$filter=userPrincipalName%20eq%20'"
	w.get(filter + "u1@contoso.com'").is(429)
	w.get(filter + "u2@contoso.com'").is(200)
	require.Equal(t, 1, w.s.Stats().EarlyRetries)
	w.get(filter + "u1@contoso.com'").is(200)
	require.Equal(t, 2, w.s.Stats().EarlyRetries)
}

// A 503 with Retry-After concerns the request that got it and nobody else; a request on its way at the same time has its grace.
func TestEarlyRetriesAfterUnavailable(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := start(t, simulator.Options{Now: c.now})
	w.s.FailNext(nil, simulator.Fault{Status: 503, Headers: map[string]string{"Retry-After": "10"}})
	w.get("/users").is(503)
	w.get("/users").is(200)
	require.Zero(t, w.s.Stats().EarlyRetries, "on its way already")
	c.advance(5 * time.Second)
	w.get("/users?$top=1").is(200)
	require.Zero(t, w.s.Stats().EarlyRetries, "another request")
	w.get("/users").is(200)
	require.Equal(t, 1, w.s.Stats().EarlyRetries)
	c.advance(5 * time.Second)
	w.get("/users").is(200)
	require.Equal(t, 1, w.s.Stats().EarlyRetries)
}

// The sign-in service, too, can ask an application for silence.
func TestEarlyTokenRequests(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := start(t, simulator.Options{Now: c.now})
	token := func(client string) int {
		form := url.Values{"client_id": {client}, "client_secret": {simulator.DefaultClientSecret}, "grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"}}
		resp, err := w.client.PostForm(w.s.URL()+"/"+simulator.DefaultTenantID+"/oauth2/v2.0/token", form)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	w.s.FailNext(nil, simulator.Fault{Status: 429, Headers: map[string]string{"Retry-After": "10"}})
	require.Equal(t, 429, token(simulator.DefaultClientID))
	require.Equal(t, 400, token("99999999-0000-4000-8000-000000000000"))
	require.Zero(t, w.s.Stats().EarlyRetries, "another application")
	require.Equal(t, 200, token(simulator.DefaultClientID))
	require.Equal(t, 1, w.s.Stats().EarlyRetries)
	c.advance(10 * time.Second)
	require.Equal(t, 200, token(simulator.DefaultClientID))
	require.Equal(t, 1, w.s.Stats().EarlyRetries)
}

func TestTenantQuotaAndUnits(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := start(t, simulator.Options{Now: c.now, Quota: simulator.Quota{TenantWrites: 1, TenantWriteWindow: time.Minute}})
	w.do("POST", "/users", person("a@contoso.com", nil)).is(201)
	w.do("POST", "/users", person("b@contoso.com", nil)).is(429)
	w.get("/users").is(200)

	// A tenant of less than 50 users has 7/16 of the units.
	w = start(t, simulator.Options{Now: c.now, Quota: simulator.Quota{Units: 16, UnitWindow: 10 * time.Second}})
	for range 3 {
		w.get("/users").is(200)
	}
	a := w.get("/users").is(429)
	require.Equal(t, "ResourceUnitLimitExceeded", a.header.Get("x-ms-throttle-information"))
	require.Equal(t, "Tenant_Application/ReadWrite/"+simulator.DefaultClientID+"/"+simulator.DefaultTenantID, a.header.Get("x-ms-throttle-scope"))
}

func TestBindCost(t *testing.T) {
	t.Parallel()
	c := newClock()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = []simulator.UserSeed{{"userPrincipalName": "a@contoso.com"}}
	seed.Tenants[0].Groups = []simulator.GroupSeed{{"displayName": "G"}}
	w := start(t, simulator.Options{Seed: seed, Now: c.now, Quota: simulator.Quota{Writes: 6, WriteWindow: time.Minute, BindCost: 7}})
	g := w.state().Group("G").ID
	w.do("PATCH", "/groups/"+g, map[string]any{"members@odata.bind": []string{w.s.URL() + "/v1.0/users/" + w.state().Users[0].ID}}).is(429)
}

func TestScaledQuota(t *testing.T) {
	t.Parallel()
	quota := simulator.DefaultQuota().Scale(10)
	require.Equal(t, 3000, quota.Writes)
	require.Equal(t, 15*time.Second, quota.WriteWindow)
	require.Equal(t, 30*time.Second, quota.TenantWriteWindow)
	require.Equal(t, time.Second, quota.UnitWindow)
}
