package check_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/check"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/simulator"
)

// bench is a test of a connection to be: a simulated tenant, the real client over HTTPS, a clock that only waiting moves.
type bench struct {
	t         *testing.T
	seed      *simulator.Seed
	simulator simulator.Options
	config    config.Connection
	secret    string
	secretErr error
	pinned    string
	patience  time.Duration
	endpoints func(*graph.Endpoints)
	server    *simulator.Server
	ready     func(*simulator.Server)
	clock     atomic.Int64
	waits     []time.Duration
	obeyed    []time.Duration
	// pauseErr ends each wait.
	pauseErr error
	progress []string
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, seed: simulator.DefaultSeed(), secret: simulator.DefaultClientSecret, config: config.Connection{
		Name: "contoso", TenantID: simulator.DefaultTenantID, ClientID: simulator.DefaultClientID, ClientSecret: "env:ENTRA_CLIENT_SECRET",
	}}
	b.clock.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return b
}

func (b *bench) now() time.Time { return time.Unix(0, b.clock.Load()).UTC() }

func (b *bench) app() *simulator.AppSeed { return &b.seed.Tenants[0].Apps[0] }

// without takes permissions from the application.
func (b *bench) without(roles ...string) {
	b.app().Roles = slices.DeleteFunc(b.app().Roles, func(r string) bool { return slices.Contains(roles, r) })
}

// registered lets the extension properties exist.
func (b *bench) registered(names ...string) {
	for _, n := range names {
		b.app().ExtensionProperties = append(b.app().ExtensionProperties, simulator.ExtensionSeed{Name: n})
	}
}

// run tests the connection and checks what is true of every report.
func (b *bench) run() api.TestReport {
	b.t.Helper()
	b.simulator.Seed = b.seed
	b.simulator.Now = b.now
	var err error
	b.server, err = simulator.Start(b.simulator)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { _ = b.server.Close() })
	if b.ready != nil {
		b.ready(b.server)
	}
	endpoints, ok := graph.CloudEndpoints("simulator")
	require.True(b.t, ok)
	endpoints.Graph, endpoints.Login, endpoints.CAPEM = b.server.URL(), b.server.URL(), b.server.CAPEM()
	if b.endpoints != nil {
		b.endpoints(&endpoints)
	}
	secret := func(context.Context) (string, error) { return b.secret, b.secretErr }
	client, err := graph.NewPool(graph.Options{Now: b.now, Budget: &graph.Budgets{Now: b.now}}).Client(graph.ClientConfig{
		TenantID: b.config.TenantID, ClientID: b.config.ClientID, Secret: secret, Endpoints: endpoints,
	})
	require.NoError(b.t, err)
	r := check.Run(context.Background(), client, check.Options{
		Config: b.config, PinnedTenant: b.pinned, Secret: secret, Patience: b.patience, Now: b.now,
		Pause: func(_ context.Context, d time.Duration) error {
			require.Positive(b.t, d)
			b.waits = append(b.waits, d)
			b.clock.Add(int64(d))
			return b.pauseErr
		},
		Obey: func(_ context.Context, d time.Duration) error {
			b.obeyed = append(b.obeyed, d)
			b.clock.Add(int64(d))
			return b.pauseErr
		},
		Progress: func(s string) { b.progress = append(b.progress, s) },
	})
	b.sound(r)
	return r
}

// sound checks what is true of every report.
func (b *bench) sound(r api.TestReport) {
	b.t.Helper()
	raw, err := json.Marshal(r)
	require.NoError(b.t, err)
	if b.secret != "" {
		require.NotContains(b.t, string(raw), b.secret)
	}
	require.NotContains(b.t, string(raw), simulator.DefaultClientSecret)
	require.NotContains(b.t, string(raw), "AADSTS7", "the sign-in service's own text stays outside")
	first, failed := r.Failure()
	require.Equal(b.t, failed, !r.OK)
	require.Equal(b.t, b.now(), r.At)
	seenFailure := false
	names := map[string]bool{}
	for _, c := range r.Checks {
		require.False(b.t, names[c.Name], "%s is there twice", c.Name)
		names[c.Name] = true
		require.NotEmpty(b.t, c.Message, c.Name)
		switch c.Status {
		case api.TestFailed, api.TestWarning:
			require.NotEmpty(b.t, c.Fix, "%s: nobody is told what to do", c.Name)
			require.NotContains(b.t, c.Fix, "is repeated", "%s: a test repeats nothing by itself", c.Name)
			require.False(b.t, c.Status == api.TestFailed && c.Reason == "", c.Name)
		default:
			require.Empty(b.t, c.Fix, c.Name)
			require.Empty(b.t, c.Reason, c.Name)
		}
		require.Equal(b.t, seenFailure, c.Status == api.TestSkipped, "%s: what follows a failure is skipped, nothing else", c.Name)
		seenFailure = seenFailure || c.Status == api.TestFailed
		if c.Reason != "" {
			require.True(b.t, c.Reason.Known(), "%q", c.Reason)
		}
	}
	if failed {
		require.Equal(b.t, api.TestFailed, first.Status)
	}
}

// lines are a report in short: name, status and reason of each check.
func lines(r api.TestReport) []string {
	var out []string
	for _, c := range r.Checks {
		out = append(out, strings.TrimSpace(c.Name+" "+string(c.Status)+" "+string(c.Reason)))
	}
	return out
}

func find(t *testing.T, r api.TestReport, name string) api.TestCheck {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	require.FailNow(t, "no such check", "%s in %v", name, lines(r))
	return api.TestCheck{}
}

const properties = "extension properties"

var allGood = []string{"secret ok", "token ok", "permissions ok", "tenant ok", "domains ok", "licenses ok", properties + " ok"}

func TestGoodConnection(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.run()
	require.Equal(t, allGood, lines(r))
	require.True(t, r.OK)
	require.Equal(t, simulator.DefaultTenantID, r.TenantID)
	require.Equal(t, "Contoso", r.TenantName)
	require.Equal(t, graph.ExtensionName(simulator.DefaultClientID, "entraflowLink"), r.LinkProperty)
	require.Equal(t, graph.ExtensionName(simulator.DefaultClientID, "entraflowMark"), r.MarkProperty)
	require.Contains(t, find(t, r, properties).Message, "registered and usable")
	require.Contains(t, find(t, r, "licenses").Message, "SPE_E3 (200000 left)")
	require.Empty(t, b.waits)

	again := newBench(t)
	again.registered("entraflowLink", "entraflowMark")
	again.config.TenantID = "contoso.com"
	again.pinned = simulator.DefaultTenantID
	r = again.run()
	require.Equal(t, allGood, lines(r))
	require.Equal(t, simulator.DefaultTenantID, r.TenantID, "the id, also where the configuration names a domain")
	require.NotContains(t, find(t, r, properties).Message, "registered")
	require.Zero(t, again.server.Stats().Writes, "what exists is not registered again")
}

// failure is the report of a test that stops at a check.
func failure(at string, reason fault.Reason) []string {
	out := []string{}
	stopped := false
	for _, line := range allGood {
		name := strings.TrimSuffix(line, " ok")
		switch {
		case stopped && name == "domains": // part of the tenant's check
		case stopped:
			out = append(out, name+" skipped")
		case name == at:
			out = append(out, name+" failed "+string(reason))
			stopped = true
		default:
			out = append(out, line)
		}
	}
	return out
}

// closed is an address that nobody listens on.
func closed(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return "https://" + l.Addr().String()
}

func answers(path string) func(*http.Request) bool {
	return func(r *http.Request) bool { return strings.Contains(r.URL.Path, path) }
}

func TestWhatCanBeWrong(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		given  func(b *bench)
		at     string
		reason fault.Reason
		// says and fix are what the message and the fix must contain.
		says, fix string
	}{
		{"the secret's reference cannot be read",
			func(b *bench) {
				b.secretErr = fault.New("secret", fault.Denied, fault.SecretUnreadable, "env:ENTRA_CLIENT_SECRET")
			},
			"secret", fault.SecretUnreadable, "env:ENTRA_CLIENT_SECRET", "environment variable"},
		{"the secret is wrong",
			func(b *bench) { b.secret = "not-the-secret" },
			"token", fault.SecretWrong, "clientSecret", "Value, not its Secret ID"},
		{"the secret is empty",
			func(b *bench) { b.secret = "" },
			"token", fault.SecretMissing, "clientSecret", "env:NAME or file:PATH"},
		{"the secret has expired",
			func(b *bench) { b.app().Secrets[0].Expires = b.now().Add(-time.Hour) },
			"token", fault.SecretExpired, "clientSecret", "create a new one"},
		{"the application is unknown",
			func(b *bench) { b.config.ClientID = "99999999-0000-4000-8000-000000000000" },
			"token", fault.ApplicationUnknown, "clientId", "check clientId and tenantId"},
		{"the application is disabled",
			func(b *bench) { b.app().Disabled = true },
			"token", fault.ApplicationDisabled, "clientId", "Enterprise applications"},
		{"the tenant is unknown",
			func(b *bench) { b.config.TenantID = "99999999-0000-4000-8000-000000000000" },
			"token", fault.TenantUnknown, "tenantId", "check tenantId"},
		{"the scope is of another cloud",
			func(b *bench) { b.endpoints = func(e *graph.Endpoints) { e.Scope = "https://example.com/.default" } },
			"token", fault.ScopeInvalid, "cloud", "cloud"},
		{"the sign-in endpoint cannot be reached",
			func(b *bench) {
				b.endpoints = func(e *graph.Endpoints) { e.Login, e.CAPEM = closed(t), nil }
			},
			"token", fault.LoginUnreachable, "sign-in endpoint", "firewall"},
		{"the simulator is not running",
			func(b *bench) { b.endpoints = func(e *graph.Endpoints) { e.Login = closed(t) } },
			"token", fault.SimulatorNotRunning, "simulator", "start it"},
		{"the sign-in endpoint's certificate is not trusted",
			func(b *bench) { b.endpoints = func(e *graph.Endpoints) { e.CAPEM = nil } },
			"token", fault.EndpointUntrusted, "127.0.0.1:", "SSL_CERT_FILE"},
		{"the sign-in service is down",
			func(b *bench) {
				b.ready = failing("/oauth2/", simulator.Fault{Status: 503})
			},
			"token", fault.LoginUnavailable, "sign-in service", "test again in a few minutes"},
		{"Graph cannot be reached",
			func(b *bench) {
				b.ready = failing("/organization", simulator.Fault{Reset: true})
			},
			"tenant", "", "", ""},
		{"no permission is consented to",
			func(b *bench) { b.app().Roles = nil },
			"permissions", fault.ConsentMissing, "User.ReadWrite.All, Group.ReadWrite.All, Organization.Read.All, Application.ReadWrite.All", "admin consent"},
		{"User.ReadWrite.All is missing",
			func(b *bench) { b.without("User.ReadWrite.All") },
			"permissions", fault.ConsentMissing, "not granted: User.ReadWrite.All", "not delegated"},
		{"Group.ReadWrite.All is missing",
			func(b *bench) { b.without("Group.ReadWrite.All") },
			"permissions", fault.ConsentMissing, "not granted: Group.ReadWrite.All", "admin consent"},
		{"Organization.Read.All is missing",
			func(b *bench) { b.without("Organization.Read.All") },
			"permissions", fault.ConsentMissing, "not granted: Organization.Read.All", "admin consent"},
		{"two permissions are missing",
			func(b *bench) { b.without("User.ReadWrite.All", "Application.ReadWrite.All") },
			"permissions", fault.ConsentMissing, "not granted: User.ReadWrite.All, Application.ReadWrite.All", "application permissions"},
		{"the connection was set up for another tenant",
			func(b *bench) { b.pinned = "99999999-0000-4000-8000-000000000000" },
			"tenant", fault.TenantMismatch, simulator.DefaultTenantID, "correct tenantId"},
		{"Graph is down",
			func(b *bench) {
				b.ready = failing("/organization", simulator.Fault{Status: 503})
			},
			"tenant", fault.GraphUnavailable, "unavailable", "test again"},
		{"the licenses cannot be read",
			func(b *bench) {
				b.ready = func(s *simulator.Server) {
					s.FailNext(answers("/subscribedSkus"), simulator.GraphFault(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."))
				}
			},
			"licenses", fault.LicensesUnreadable, "licenses cannot be read", "Organization.Read.All"},
		{"Application.ReadWrite.All is missing and the properties do not exist",
			func(b *bench) { b.without("Application.ReadWrite.All") },
			properties, fault.ExtensionDenied, "cannot be registered", "create them by hand"},
		{"Application.ReadWrite.All is missing and only one property exists",
			func(b *bench) { b.without("Application.ReadWrite.All"); b.registered("entraflowLink") },
			properties, fault.ExtensionDenied, "cannot be registered", "create them by hand"},
		{"Application.ReadWrite.All is missing and Graph cannot tell whether the properties are there",
			func(b *bench) {
				b.without("Application.ReadWrite.All")
				b.registered("entraflowLink", "entraflowMark")
				b.ready = failing("/users", simulator.Fault{Status: 503})
			},
			properties, fault.GraphUnavailable, "unavailable", "test again"},
		{"the application has no service principal, so the properties never become usable",
			func(b *bench) { b.app().ServicePrincipalMissing = true },
			properties, fault.ExtensionNotReady, "not usable yet", "service principal"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c.given(b)
			r := b.run()
			failed, ok := r.Failure()
			require.True(t, ok, "%v", lines(r))
			reason := c.reason
			if reason == "" {
				reason = failed.Reason
				require.Equal(t, fault.Reason("graph_unreachable"), reason)
			}
			require.Equal(t, failure(c.at, reason), lines(r), "%s; %s", failed.Message, failed.Fix)
			require.Contains(t, failed.Message, c.says)
			require.Contains(t, failed.Fix, c.fix)
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		given  func(b *bench)
		at     string
		reason fault.Reason
		says   string
	}{
		{"Application.ReadWrite.All is missing and the properties exist",
			func(b *bench) {
				b.without("Application.ReadWrite.All")
				b.registered("entraflowLink", "entraflowMark")
			},
			properties, fault.PermissionDenied, "Application.ReadWrite.All"},
		{"Application.ReadWrite.All is missing, the properties exist and can be listed",
			func(b *bench) {
				b.without("Application.ReadWrite.All")
				b.app().Roles = append(b.app().Roles, "Application.Read.All")
				b.registered("entraflowLink", "entraflowMark")
			},
			properties, fault.PermissionDenied, "Application.ReadWrite.All"},
		{"a domain is federated",
			func(b *bench) {
				b.seed.Tenants[0].Domains = append(b.seed.Tenants[0].Domains, simulator.DomainSeed{Name: "corp.contoso.com", Type: "Federated"})
			},
			"domains", "", "federated: corp.contoso.com"},
		{"the tenant has no subscriptions",
			func(b *bench) { b.seed.Tenants[0].SKUs = nil },
			"licenses", "", "no subscriptions"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c.given(b)
			r := b.run()
			require.True(t, r.OK, "%v", lines(r))
			var want []string
			for _, line := range allGood {
				if strings.HasPrefix(line, c.at+" ") {
					line = strings.TrimSpace(c.at + " warning " + string(c.reason))
				}
				want = append(want, line)
			}
			require.Equal(t, want, lines(r))
			require.Contains(t, find(t, r, c.at).Message, c.says)
		})
	}
}

// A wider permission stands for a narrow one.
func TestWiderPermissions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.without("Organization.Read.All")
	b.app().Roles = append(b.app().Roles, "Directory.Read.All")
	require.Equal(t, allGood, lines(b.run()))
}
