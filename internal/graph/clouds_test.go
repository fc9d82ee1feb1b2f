package graph_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// every plays the hosts of all clouds and notes who was meant.
type every struct {
	*httptest.Server
	// issuer is the host that the discovery document names; "" is the one that was asked.
	issuer string

	mu     sync.Mutex
	asked  []string // METHOD host/path of each request
	scopes []string
	bodies []string
}

func newEvery(t *testing.T) *every {
	e := &every{}
	e.Server = httptest.NewUnstartedServer(http.HandlerFunc(e.serve))
	e.Config.ErrorLog = log.New(io.Discard, "", 0)
	e.StartTLS()
	t.Cleanup(e.Close)
	return e
}

func (e *every) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, r.Method+" "+r.Host+r.URL.Path)
	base := "https://" + r.Host + "/" + tenantID
	switch {
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		issuer := e.issuer
		if issuer == "" {
			issuer = r.Host
		}
		reply(w, 200, nil, fmt.Sprintf(`{"issuer":"https://%s/%s/v2.0","authorization_endpoint":"%s/oauth2/v2.0/authorize","token_endpoint":"%s/oauth2/v2.0/token"}`, issuer, tenantID, base, base))
	case strings.HasSuffix(r.URL.Path, "/token"):
		form, _ := url.ParseQuery(string(body))
		e.scopes = append(e.scopes, form.Get("scope"))
		reply(w, 200, nil, fmt.Sprintf(`{"token_type":"Bearer","expires_in":3599,"access_token":%q}`, accessToken(1, allRoles)))
	case strings.HasSuffix(r.URL.Path, "/users") && r.URL.Query().Get("page") == "":
		reply(w, 200, nil, fmt.Sprintf(`{"value":[],"@odata.nextLink":"https://%s/v1.0/users?page=2"}`, r.Host))
	case strings.HasSuffix(r.URL.Path, "/users"):
		reply(w, 200, nil, `{"value":[],"@odata.nextLink":"https://graph.microsoft.example/v1.0/users?page=3"}`)
	default:
		e.bodies = append(e.bodies, string(body))
		w.WriteHeader(http.StatusNoContent)
	}
}

// Each cloud has its own hosts and scope, and what names an object of the tenant by URL names it at the cloud's own Graph.
//
// https://learn.microsoft.com/graph/deployments
func TestClouds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ cloud, login, graph, issuer string }{
		{cloud: "global", login: "login.microsoftonline.com", graph: "graph.microsoft.com"},
		{cloud: "", login: "login.microsoftonline.com", graph: "graph.microsoft.com"},
		{cloud: "usgov", login: "login.microsoftonline.us", graph: "graph.microsoft.us"},
		{cloud: "dod", login: "login.microsoftonline.us", graph: "dod-graph.microsoft.us"},
		{cloud: "china", login: "login.chinacloudapi.cn", graph: "microsoftgraph.chinacloudapi.cn"},
		{cloud: "china", login: "login.chinacloudapi.cn", graph: "microsoftgraph.chinacloudapi.cn", issuer: "login.partner.microsoftonline.cn"},
	} {
		t.Run(test.cloud+test.issuer, func(t *testing.T) {
			t.Parallel()
			e := newEvery(t)
			e.issuer = test.issuer
			endpoints, ok := graph.CloudEndpoints(test.cloud)
			require.True(t, ok)
			c, err := graph.NewPool(graph.Options{Waits: waits(0.001)}).Client(graph.ClientConfig{
				TenantID: tenantID, ClientID: clientID, Endpoints: endpoints,
				Secret: func(context.Context) (string, error) { return "s3cret", nil },
			})
			require.NoError(t, err)
			// The certificate of net/http/httptest is example.com's.
			graph.Redirect(c, e.Listener.Addr().String(), "example.com", (&fake{Server: e.Server}).caPEM())

			ctx := context.Background()
			require.NoError(t, c.SetManager(ctx, userID, skuID))
			err = c.ListUsers(ctx, directory.Selection{}, func([]directory.Account) error { return nil }, nil)
			require.True(t, fault.Is(err, fault.ForeignNextLink), "a page at another host is not read: %v", err)
			require.Equal(t, []string{
				"GET " + test.login + "/" + tenantID + "/v2.0/.well-known/openid-configuration",
				"POST " + test.login + "/" + tenantID + "/oauth2/v2.0/token",
				"PUT " + test.graph + "/v1.0/users/" + userID + "/manager/$ref",
				"GET " + test.graph + "/v1.0/users",
				"GET " + test.graph + "/v1.0/users",
			}, e.asked)
			require.Len(t, e.scopes, 1)
			require.Equal(t, "https://"+test.graph+"/.default", strings.Fields(e.scopes[0])[0])
			require.Len(t, e.bodies, 1)
			require.JSONEq(t, `{"@odata.id":"https://`+test.graph+`/v1.0/users/`+skuID+`"}`, e.bodies[0])
		})
	}
	_, ok := graph.CloudEndpoints("moon")
	require.False(t, ok)
}
