package simulator_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

func TestSignInRefusals(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	past := time.Now().Add(-time.Hour)
	app := &seed.Tenants[0].Apps[0]
	app.Secrets = append(app.Secrets, simulator.SecretSeed{Value: "old-secret", Expires: past})
	disabled := *app
	disabled.ClientID, disabled.ObjectID, disabled.Disabled = "11111111-2222-4333-8444-555555555555", "", true
	seed.Tenants[0].Apps = append(seed.Tenants[0].Apps, disabled)
	w := start(t, simulator.Options{Seed: seed})

	for name, tc := range map[string]struct {
		tenant string
		change func(url.Values)
		status int
		kind   string
		number float64
	}{
		"wrong secret":       {change: func(f url.Values) { f.Set("client_secret", "nope") }, status: 401, kind: "invalid_client", number: 7000215},
		"expired secret":     {change: func(f url.Values) { f.Set("client_secret", "old-secret") }, status: 401, kind: "invalid_client", number: 7000222},
		"no secret":          {change: func(f url.Values) { f.Del("client_secret") }, status: 401, kind: "invalid_client", number: 7000216},
		"unknown app":        {change: func(f url.Values) { f.Set("client_id", "99999999-2222-4333-8444-555555555555") }, status: 400, kind: "unauthorized_client", number: 700016},
		"disabled app":       {change: func(f url.Values) { f.Set("client_id", disabled.ClientID) }, status: 401, kind: "unauthorized_client", number: 7000112},
		"unknown tenant":     {tenant: "nobody.example", status: 400, kind: "invalid_tenant", number: 90002},
		"scope not default":  {change: func(f url.Values) { f.Set("scope", "https://graph.microsoft.com/User.Read") }, status: 400, kind: "invalid_scope", number: 1002012},
		"only openid scopes": {change: func(f url.Values) { f.Set("scope", "openid profile") }, status: 400, kind: "invalid_scope", number: 1002012},
		"unknown resource":   {change: func(f url.Values) { f.Set("scope", "https://example.com/.default") }, status: 400, kind: "invalid_resource", number: 500011},
		"other grant":        {change: func(f url.Values) { f.Set("grant_type", "password") }, status: 400, kind: "unsupported_grant_type", number: 70003},
		"no grant":           {change: func(f url.Values) { f.Del("grant_type") }, status: 400, kind: "invalid_request", number: 900144},
		"bad assertion": {change: func(f url.Values) {
			f.Del("client_secret")
			f.Set("client_assertion", "a.b.c")
			f.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		}, status: 401, kind: "invalid_client", number: 700027},
	} {
		t.Run(name, func(t *testing.T) {
			f := form()
			if tc.change != nil {
				tc.change(f)
			}
			tenant := tc.tenant
			if tenant == "" {
				tenant = "contoso.com"
			}
			status, body := w.login(tenant, f)
			require.Equal(t, tc.status, status)
			require.Equal(t, tc.kind, body["error"])
			require.Equal(t, []any{tc.number}, body["error_codes"])
			require.Contains(t, body["error_description"], "AADSTS")
			require.NotContains(t, body["error_description"], "old-secret")
			require.NotEmpty(t, body["trace_id"])
		})
	}
	require.Equal(t, 2, w.s.Stats().SignInErrors["AADSTS1002012"])
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	a := w.get(w.s.URL() + "/contoso.com/v2.0/.well-known/openid-configuration").is(200)
	base := w.s.URL() + "/" + simulator.DefaultTenantID
	require.Equal(t, base+"/v2.0", a.body["issuer"])
	require.Equal(t, base+"/oauth2/v2.0/token", a.body["token_endpoint"])
	require.NotEmpty(t, a.body["authorization_endpoint"])
	keys := w.get(a.body["jwks_uri"].(string)).is(200)
	require.Len(t, keys.body["keys"], 1)

	missing := w.get(w.s.URL() + "/nobody.example/v2.0/.well-known/openid-configuration").is(400)
	require.Equal(t, "invalid_tenant", missing.body["error"])
}

func TestTokenClaims(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(w.token, claims)
	require.NoError(t, err)
	require.Equal(t, "https://graph.microsoft.com", claims["aud"])
	require.Equal(t, simulator.DefaultTenantID, claims["tid"])
	require.Equal(t, simulator.DefaultClientID, claims["appid"])
	require.Equal(t, "https://sts.windows.net/"+simulator.DefaultTenantID+"/", claims["iss"])
	require.ElementsMatch(t, []any{"Application.ReadWrite.All", "Group.ReadWrite.All", "Organization.Read.All", "User.ReadWrite.All"}, claims["roles"])

	w.s.Mutate(func(tn *simulator.Tenant) { require.NoError(t, tn.SetRoles(simulator.DefaultClientID)) })
	w.signIn()
	claims = jwt.MapClaims{}
	_, _, err = jwt.NewParser().ParseUnverified(w.token, claims)
	require.NoError(t, err)
	require.NotContains(t, claims, "roles")
}
