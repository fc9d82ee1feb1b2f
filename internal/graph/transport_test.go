package graph_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// hangUp breaks the connection without an answer.
func hangUp(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

// cutShort promises a longer body than it sends.
func cutShort(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "5000")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"value":[`))
		w.(http.Flusher).Flush()
		hangUp(w, r)
	}
}

// TestBrokenConnections: what a lost answer means depends on whether a write may have been carried out.
func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	garbage := answering(200, nil, `{"value":[{"id":`)
	tests := []struct {
		name   string
		graph  http.HandlerFunc
		call   callFunc
		kind   fault.Kind
		reason fault.Reason
		wait   time.Duration
	}{
		{"write hung up on", hangUp, create, fault.Uncertain, fault.WriteUncertain, 5 * time.Second},
		{"patch hung up on", hangUp, update, fault.Uncertain, fault.WriteUncertain, 5 * time.Second},
		{"delete hung up on", hangUp, remove, fault.Uncertain, fault.WriteUncertain, 5 * time.Second},
		{"read hung up on", hangUp, read, fault.Transient, fault.GraphUnreachable, 0},
		{"write cut short", cutShort(201), create, fault.Uncertain, fault.WriteUncertain, 5 * time.Second},
		{"read cut short", cutShort(200), read, fault.Transient, fault.GraphUnreachable, 0},
		{"list cut short", cutShort(200), list, fault.Transient, fault.GraphUnreachable, 0},
		{"list not JSON", garbage, list, fault.Internal, fault.UnexpectedAnswer, 0},
		{"list without value", answering(200, nil, `{}`), list, fault.Internal, fault.UnexpectedAnswer, 0},
		{"list of nothing", answering(200, nil, `{"value":null}`), list, fault.Internal, fault.UnexpectedAnswer, 0},
		{"list answered 204", answering(204, nil, ""), list, fault.Internal, fault.UnexpectedAnswer, 0},
		{"list with an account without id", answering(200, nil, `{"value":[{"userPrincipalName":"x"}]}`), list, fault.Internal, fault.UnexpectedAnswer, 0},
		{"list in HTML", answering(200, html, `<html>`), list, fault.Internal, fault.UnexpectedAnswer, 0},
		{"read of another account", answering(200, nil, `{"id":"x","userPrincipalName":"x"}`), read, fault.Internal, fault.UnexpectedAnswer, 0},
		{"read by name of another account", answering(200, nil, `{"id":"x","userPrincipalName":"x"}`), readName, fault.Internal, fault.UnexpectedAnswer, 0},
		{"skus without value", answering(200, nil, `{}`), skus, fault.Internal, fault.UnexpectedAnswer, 0},
		{"no organization", answering(200, nil, `{"value":[]}`), org, fault.Internal, fault.UnexpectedAnswer, 0},
		{"creation without id", answering(201, nil, `{}`), create, fault.Uncertain, fault.WriteUncertain, 5 * time.Second},
		{"creation in HTML", answering(200, html, `<html>sign in to the network`), create, fault.Uncertain, fault.WriteUncertain, 5 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.Graph = tt.graph
			got := fault.Of(tt.call(context.Background(), f.client(t)))
			require.Equal(t, tt.kind, got.Kind, "%v", got)
			require.Equal(t, tt.reason, got.Reason)
			require.Equal(t, tt.wait, got.RetryAfter)
			requests := f.requests()
			if requests[0].Method == http.MethodGet {
				requests = requests[:1] // Go repeats a read on a kept-alive connection that broke
			}
			require.Len(t, requests, 1)
		})
	}
}

// TestTimeout: a service that does not answer in time, for a read and a write on a connection that stands.
func TestTimeout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		call   callFunc
		kind   fault.Kind
		reason fault.Reason
	}{{read, fault.Transient, fault.GraphTimeout}, {create, fault.Uncertain, fault.WriteUncertain}} {
		f := newFake(t)
		release := make(chan struct{})
		f.Graph = func(w http.ResponseWriter, r *http.Request) {
			if len(f.requests()) == 1 {
				okUser(w, r)
				return
			}
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
		c := f.client(t, func(o *graph.Options) { o.Timeout = time.Second })
		require.NoError(t, read(context.Background(), c))
		got := fault.Of(tt.call(context.Background(), c))
		close(release)
		require.Equal(t, tt.kind, got.Kind, "%v", got)
		require.Equal(t, tt.reason, got.Reason)
	}
}

// TestCancelled: a caller that stops is told so, and that its write is uncertain once it is under way.
func TestCancelled(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	ctx, cancel := context.WithCancel(context.Background())
	f.Graph = func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}
	c := f.client(t)
	got := fault.Of(create(ctx, c))
	require.Equal(t, fault.Uncertain, got.Kind)
	require.ErrorIs(t, got, context.Canceled)

	got = fault.Of(create(ctx, c))
	require.Equal(t, fault.Transient, got.Kind, "nothing was sent")
	require.Equal(t, fault.Interrupted, got.Reason)
	require.ErrorIs(t, got, context.Canceled)
	require.Len(t, f.requests(), 1)

	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	got = fault.Of(read(ctx, c))
	require.Equal(t, fault.Transient, got.Kind, "%v", got)
	require.Equal(t, fault.Interrupted, got.Reason)
}

// TestUnreachable: before anything was sent, a write is not uncertain.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := "https://" + listener.Addr().String()
	listener.Close()
	tests := []struct {
		name    string
		change  func(*graph.ClientConfig)
		reason  fault.Reason
		subject string
	}{
		{"login closed", func(s *graph.ClientConfig) { s.Endpoints.Login, s.Endpoints.CAPEM = closed, nil }, fault.LoginUnreachable, strings.TrimPrefix(closed, "https://")},
		{"login not trusted", func(s *graph.ClientConfig) { s.Endpoints.CAPEM = nil }, fault.EndpointUntrusted, strings.TrimPrefix(f.URL, "https://")},
		{"simulator closed", func(s *graph.ClientConfig) { s.Endpoints.Login = closed }, fault.SimulatorNotRunning, ""},
		{"graph of the simulator closed", func(s *graph.ClientConfig) { s.Endpoints.Graph = closed }, fault.SimulatorNotRunning, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := f.settings()
			tt.change(&s)
			c, err := graph.NewPool(graph.Options{}).Client(s)
			require.NoError(t, err)
			got := fault.Of(create(context.Background(), c))
			require.Equal(t, fault.Transient, got.Kind)
			require.Equal(t, tt.reason, got.Reason)
			require.Equal(t, tt.subject, got.Subject)
		})
	}
}

// TestGraphUnreachable: a Graph host without a listener, while the sign-in service works and no simulator is meant.
func TestGraphUnreachable(t *testing.T) {
	f := newFake(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := f.settings()
	s.Endpoints.Graph = "https://" + listener.Addr().String()
	listener.Close()
	// Trust through the system's pool, as tests against another implementation do.
	trusted := graph.Trusting(f.caPEM(), s)
	got := fault.Of(create(context.Background(), trusted))
	require.Equal(t, fault.Transient, got.Kind)
	require.Equal(t, fault.GraphUnreachable, got.Reason)
	require.Equal(t, listener.Addr().String(), got.Subject)
}

// TestTokenRefusedOnce: Graph sometimes refuses a valid token; the call is repeated once with a new one.
func TestTokenRefusedOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Graph = func(w http.ResponseWriter, r *http.Request) {
		if len(f.requests()) == 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="", error="insufficient_claims", claims=nothing`)
			reply(w, 401, nil, graphError("InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."))
			return
		}
		reply(w, 201, nil, `{"id":"`+userID+`"}`)
	}
	c := f.client(t)
	require.NoError(t, create(context.Background(), c))
	requests := f.requests()
	require.Len(t, requests, 2)
	require.NotEqual(t, requests[0].Header.Get("Authorization"), requests[1].Header.Get("Authorization"))
	require.NotEqual(t, requests[0].Header.Get("client-request-id"), requests[1].Header.Get("client-request-id"))
	require.JSONEq(t, requests[0].Body, requests[1].Body)
	require.Len(t, f.tokenRequests(), 2)

	f2 := newFake(t)
	f2.Graph = answering(401, nil, graphError("InvalidAuthenticationToken", "Access token validation failure."))
	require.True(t, fault.Is(create(context.Background(), f2.client(t)), fault.TokenRejected))
	require.Len(t, f2.requests(), 2)
	require.Len(t, f2.tokenRequests(), 2)

	// Refused twice while others are let in: that passes.
	f3 := newFake(t)
	f3.Graph = answering(200, nil, `{"value":[]}`)
	c3 := f3.client(t)
	require.NoError(t, list(context.Background(), c3))
	f3.Graph = answering(401, nil, graphError("InvalidAuthenticationToken", "Access token validation failure."))
	require.Equal(t, fault.Transient, fault.KindOf(create(context.Background(), c3)))
}

// TestTokenStaysHome: whatever builds the request, a token goes to the configured host alone.
func TestTokenStaysHome(t *testing.T) {
	t.Parallel()
	f, other := newFake(t), newFake(t)
	other.Graph = okUser
	err := f.client(t).ReadFrom(context.Background(), other.URL+"/v1.0/users")
	require.True(t, fault.Is(err, fault.ForeignNextLink), "%v", err)
	require.Empty(t, other.requests())
}

// TestHTTP2 is what Graph speaks: bodies have a length there too, and an aborted stream is a lost answer.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	f := newFakeOver(t, true)
	f.Graph = func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 || r.Method == http.MethodDelete {
			panic(http.ErrAbortHandler)
		}
		reply(w, 201, nil, `{"id":"`+userID+`","userPrincipalName":"a@contoso.com"}`)
	}
	c, ctx := f.client(t), context.Background()
	require.NoError(t, create(ctx, c))
	require.NoError(t, read(ctx, c))
	require.Equal(t, fault.Uncertain, fault.KindOf(remove(ctx, c)))
	requests := f.requests()
	require.Len(t, requests, 3)
	require.Equal(t, int64(len(requests[0].Body)), requests[0].Length)
	require.Positive(t, requests[0].Length)
}

// TestClientSettings: what cannot work is refused before anything is sent.
func TestClientSettings(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for subject, change := range map[string]func(*graph.ClientConfig){
		"graph endpoint": func(s *graph.ClientConfig) { s.Endpoints.Graph = "http://localhost" },
		"login endpoint": func(s *graph.ClientConfig) { s.Endpoints.Login = "https://localhost/tenant" },
		"tenantId":       func(s *graph.ClientConfig) { s.TenantID = "a/b" },
		"clientId":       func(s *graph.ClientConfig) { s.ClientID = "x')" },
		"scope":          func(s *graph.ClientConfig) { s.Endpoints.Scope = "" },
		"CA certificate": func(s *graph.ClientConfig) { s.Endpoints.CAPEM = []byte("no PEM") },
	} {
		s := f.settings()
		change(&s)
		_, err := graph.NewPool(graph.Options{}).Client(s)
		require.True(t, fault.Is(err, fault.SettingsInvalid), subject)
		require.Equal(t, subject, fault.Of(err).Subject)
	}
	s := f.settings()
	s.Endpoints, _ = graph.CloudEndpoints("simulator")
	_, err := graph.NewPool(graph.Options{}).Client(s)
	require.True(t, fault.Is(err, fault.SimulatorNotRunning))
}

// TestUsualPort: links may leave out the port that https has anyway, or name it.
func TestUsualPort(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	base := "https://example.com/" + tenantID
	f.Discovery = answering(200, nil, `{"issuer":"`+base+`/v2.0","authorization_endpoint":"`+base+`/a","token_endpoint":"`+base+`/oauth2/v2.0/token","jwks_uri":"`+base+`/keys"}`)
	for endpoint, link := range map[string]string{
		"https://EXAMPLE.com:443": "https://example.com/v1.0/users?$skiptoken=x",
		"https://example.com":     "https://example.com:443/v1.0/users?$skiptoken=x",
	} {
		s := f.settings()
		s.Endpoints.Graph, s.Endpoints.Login = endpoint, endpoint
		c, err := graph.NewPool(graph.Options{}).Client(s)
		require.NoError(t, err)
		graph.Redirect(c, f.Listener.Addr().String(), "example.com", f.caPEM())
		pages := 0
		f.Graph = func(w http.ResponseWriter, r *http.Request) {
			if pages++; r.URL.Query().Get("$skiptoken") != "" || r.URL.Query().Get("$filter") != "" {
				reply(w, 200, nil, `{"value":[]}`)
				return
			}
			reply(w, 200, nil, `{"value":[],"@odata.nextLink":"`+link+`"}`)
		}
		require.NoError(t, list(context.Background(), c))
		require.Equal(t, 4, pages, "two pages without any link, so link and mark are asked for")
	}
}

func TestCloudEndpoints(t *testing.T) {
	t.Parallel()
	for cloud, host := range map[string]string{
		"global": "https://graph.microsoft.com", "": "https://graph.microsoft.com", "usgov": "https://graph.microsoft.us",
		"dod": "https://dod-graph.microsoft.us", "china": "https://microsoftgraph.chinacloudapi.cn",
	} {
		e, ok := graph.CloudEndpoints(cloud)
		require.True(t, ok)
		require.Equal(t, host, e.Graph)
		require.Equal(t, host+"/.default", e.Scope)
		require.True(t, strings.HasPrefix(e.Login, "https://login."))
	}
	e, ok := graph.CloudEndpoints("simulator")
	require.True(t, ok)
	require.Equal(t, graph.Endpoints{Scope: "https://graph.microsoft.com/.default"}, e)
	_, ok = graph.CloudEndpoints("mars")
	require.False(t, ok)
}

func TestExtensionName(t *testing.T) {
	t.Parallel()
	require.Equal(t, "extension_0c5d5a1f2a3b4c5d6e7f8091a2b3c4d5_entraflowLink", graph.ExtensionName("0C5D5A1F-2a3b-4c5d-6e7f-8091a2b3c4d5", graph.LinkProperty))
}

var errStop = errors.New("stop")
