package graph_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/graph"
)

const (
	tenantID = "7f7a6b1e-0000-4000-8000-000000000001"
	clientID = "0c5d5a1f-2a3b-4c5d-6e7f-8091a2b3c4d5"
	groupID  = "99999999-2222-4333-8444-555555555555"
	userID   = "11111111-2222-4333-8444-555555555555"
	skuID    = "06ebc4ee-1bb5-47dd-8120-11324bc54e06"
	planID   = "8c098270-9dd4-4350-9b30-ba4703f3b36b"
)

var (
	allRoles  = []string{"Application.ReadWrite.All", "Group.ReadWrite.All", "Organization.Read.All", "User.ReadWrite.All"}
	selection = directory.Selection{
		Attributes:   []string{"department", "businessPhones", "usageLocation"},
		LinkProperty: graph.ExtensionName(clientID, graph.LinkProperty),
		MarkProperty: graph.ExtensionName(clientID, graph.MarkProperty),
	}
)

// seen is one request as it came over the wire.
type seen struct {
	Method, URI string
	Header      http.Header
	Body        string
	Length      int64
	Encoding    []string
}

// fake is a sign-in service and a Graph behind one TLS endpoint, answering what the test says.
type fake struct {
	*httptest.Server
	// Graph answers requests below /v1.0. Login, if set, answers token requests; else they get a token with Roles.
	Graph, Login, Discovery http.HandlerFunc
	Roles                   []string
	// Lifetime of tokens in seconds; default 3599.
	Lifetime int

	mu     sync.Mutex
	seen   []seen
	forms  []string
	tokens int
}

func newFake(t testing.TB) *fake { return newFakeOver(t, false) }

func newFakeOver(t testing.TB, http2 bool) *fake {
	f := &fake{Roles: allRoles, Lifetime: 3599}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(f.serve))
	f.EnableHTTP2 = http2
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	switch {
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		if f.Discovery != nil {
			f.Discovery(w, r)
			return
		}
		base := f.URL + "/" + tenantID
		reply(w, 200, nil, fmt.Sprintf(`{"issuer":"%s/v2.0","authorization_endpoint":"%s/oauth2/v2.0/authorize","token_endpoint":"%s/oauth2/v2.0/token","jwks_uri":"%s/keys"}`, base, base, base, base))
	case strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
		f.mu.Lock()
		f.tokens++
		n := f.tokens
		f.forms = append(f.forms, string(body))
		f.mu.Unlock()
		if f.Login != nil {
			f.Login(w, r)
			return
		}
		reply(w, 200, nil, fmt.Sprintf(`{"token_type":"Bearer","expires_in":%d,"ext_expires_in":%d,"access_token":%q}`, f.Lifetime, f.Lifetime, accessToken(n, f.Roles)))
	default:
		f.mu.Lock()
		f.seen = append(f.seen, seen{r.Method, r.RequestURI, r.Header.Clone(), string(body), r.ContentLength, r.TransferEncoding})
		f.mu.Unlock()
		f.Graph(w, r)
	}
}

// accessToken is a token as Graph gets them, unsigned.
func accessToken(n int, roles []string) string {
	claims := jwt.MapClaims{"aud": "https://graph.microsoft.com", "tid": tenantID, "appid": clientID, "jti": fmt.Sprint(n)}
	if len(roles) > 0 {
		claims["roles"] = roles
	}
	s, err := jwt.NewWithClaims(jwt.SigningMethodNone, claims).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		panic(err)
	}
	return s
}

func (f *fake) requests() []seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]seen(nil), f.seen...)
}

func (f *fake) tokenRequests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.forms...)
}

func (f *fake) caPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})
}

func (f *fake) settings() graph.ClientConfig {
	return graph.ClientConfig{
		TenantID: tenantID, ClientID: clientID, Connection: "contoso",
		Secret: func(context.Context) (string, error) { return "s3cret", nil },
		Endpoints: graph.Endpoints{
			Graph: f.URL, Login: f.URL, Scope: "https://graph.microsoft.com/.default", CAPEM: f.caPEM(),
		},
	}
}

func (f *fake) client(t testing.TB, change ...func(*graph.Options)) *graph.Client {
	o := graph.Options{Timeout: 10 * time.Second}
	for _, c := range change {
		c(&o)
	}
	c, err := graph.NewPool(o).Client(f.settings())
	require.NoError(t, err)
	return c
}

// waits are those of production, multiplied.
func waits(factor float64) *backoff.Policy {
	p := backoff.Default().Scaled(factor)
	return &p
}

// reply writes an answer with the content type of Graph unless the headers say otherwise.
func reply(w http.ResponseWriter, status int, header map[string]string, body string) {
	w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
	w.Header().Set("request-id", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee")
	for k, v := range header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// answering is a Graph that always says the same.
func answering(status int, header map[string]string, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { reply(w, status, header, body) }
}

func graphError(code, message string, details ...map[string]string) string {
	b, err := json.Marshal(map[string]any{"error": map[string]any{
		"code": code, "message": message, "details": details,
		"innerError": map[string]string{"date": "2026-11-22T17:22:25", "request-id": "12345678-bbbb-4ccc-8ddd-eeeeeeeeeeee"},
	}})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func ptr[T any](v T) *T { return &v }

// hosted puts the server's own address into an expected body.
func hosted(s string, f *fake) string { return strings.ReplaceAll(s, "HOST", f.URL) }

// plainURI makes two URIs comparable that differ only in which harmless characters are escaped.
func plainURI(uri string) string {
	return strings.NewReplacer("%2C", ",", "%28", "(", "%29", ")", "%27", "'", "$", "%24").Replace(uri)
}
