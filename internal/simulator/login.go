package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// loginError is an answer of the sign-in service; the number is the stable part.
type loginError struct {
	status int
	kind   string
	number int
	text   string
}

// resources are the Graph hosts of the clouds. Only the global one's tokens open this Graph.
var resources = map[string]bool{
	graphAudience: true, "https://graph.microsoft.us": true, "https://dod-graph.microsoft.us": true,
	"https://microsoftgraph.chinacloudapi.cn": true, "https://management.azure.com": true,
}

func unknownTenant(name string) *loginError {
	return &loginError{http.StatusBadRequest, "invalid_tenant", 90002, fmt.Sprintf("Tenant '%s' not found. Check to make sure you have the correct tenant ID "+
		"and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", name)}
}

func (s *Server) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	s.stats.route("GET /{tenant}/openid-configuration")
	name := r.PathValue("tenant")
	s.mu.RLock()
	t := s.tenant(name)
	s.mu.RUnlock()
	if t == nil {
		s.failLogin(w, r, unknownTenant(name))
		return
	}
	base, issuer := s.base(r)+"/"+t.id, s.base(r)
	if s.o.Behavior.Issuer != "" {
		issuer = s.o.Behavior.Issuer
	}
	s.writeJSON(w, http.StatusOK, map[string]any{
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"issuer":                                issuer + "/" + t.id + "/v2.0",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"tenant_region_scope":                   "NA",
		"cloud_instance_name":                   "microsoftonline.com",
		"msgraph_host":                          "graph.microsoft.com",
	})
}

func (s *Server) serveInstance(w http.ResponseWriter, r *http.Request) {
	s.stats.route("GET /common/discovery/instance")
	host := r.Host
	s.writeJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": s.base(r) + "/" + s.tenants[0].id + "/v2.0/.well-known/openid-configuration", "api-version": "1.1",
		"metadata": []any{map[string]any{"preferred_network": host, "preferred_cache": host, "aliases": []string{host}}},
	})
}

func (s *Server) serveKeys(w http.ResponseWriter, r *http.Request) {
	s.stats.route("GET /{tenant}/keys")
	s.writeJSON(w, http.StatusOK, s.issuer.keys())
}

func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	s.stats.route("POST /{tenant}/token")
	s.stats.add(func(st *Stats) { st.Tokens++ })
	if r.Method != http.MethodPost {
		s.failLogin(w, r, &loginError{http.StatusBadRequest, "invalid_request", 900561, "The endpoint only accepts POST requests. Received a GET request."})
		return
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		s.stats.protocol("login content type")
	}
	if err := r.ParseForm(); err != nil {
		s.failLogin(w, r, &loginError{http.StatusBadRequest, "invalid_request", 900144, "The request body could not be parsed."})
		return
	}
	s.mu.RLock()
	t, a, audience, fail := s.authenticate(r)
	s.mu.RUnlock()
	if fail != nil {
		s.failLogin(w, r, fail)
		return
	}
	s.mu.RLock()
	token, err := s.issuer.issue(t, a, audience, s.newGUID(), s.o.Now())
	s.mu.RUnlock()
	if err != nil {
		s.failLogin(w, r, &loginError{http.StatusInternalServerError, "server_error", 90033, "A transient error has occurred. Please try again."})
		return
	}
	life := int(tokenLife.Seconds())
	s.writeJSON(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token})
}

// authenticate judges a token request in the order tenant, parameters, application, scope, credential.
func (s *Server) authenticate(r *http.Request) (t *Tenant, a *app, audience string, fail *loginError) {
	if t = s.tenant(r.PathValue("tenant")); t == nil {
		return nil, nil, "", unknownTenant(r.PathValue("tenant"))
	}
	form := r.PostForm
	for _, name := range []string{"grant_type", "client_id", "scope"} {
		if form.Get(name) == "" {
			return nil, nil, "", &loginError{http.StatusBadRequest, "invalid_request", 900144,
				fmt.Sprintf("The request body must contain the following parameter: '%s'.", name)}
		}
	}
	if g := form.Get("grant_type"); g != "client_credentials" {
		return nil, nil, "", &loginError{http.StatusBadRequest, "unsupported_grant_type", 70003,
			fmt.Sprintf("The app requested an unsupported grant type '%s'.", g)}
	}
	clientID := form.Get("client_id")
	if a = t.app(clientID); a == nil {
		return nil, nil, "", &loginError{http.StatusBadRequest, "unauthorized_client", 700016, fmt.Sprintf("Application with identifier '%s' was not found in the directory '%s'. "+
			"This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. "+
			"You may have sent your authentication request to the wrong tenant.", clientID, t.name)}
	}
	if a.disabled {
		return nil, nil, "", &loginError{http.StatusUnauthorized, "unauthorized_client", 7000112, fmt.Sprintf("Application '%s'(%s) is disabled.", a.clientID, a.name)}
	}
	audience, fail = scopeAudience(form.Get("scope"), s.base(r))
	if fail == nil {
		fail = s.checkCredential(t, a, r)
	}
	return t, a, audience, fail
}

// scopeAudience finds the resource of a scope. MSAL adds three OpenID scopes, which mean nothing here.
func scopeAudience(scope, self string) (string, *loginError) {
	resource := ""
	for _, sc := range strings.Fields(scope) {
		switch sc {
		case "openid", "offline_access", "profile":
			continue
		}
		r, ok := strings.CutSuffix(sc, "/.default")
		if !ok || resource != "" {
			return "", &loginError{http.StatusBadRequest, "invalid_scope", 1002012, fmt.Sprintf("The provided value for scope %s is not valid. "+
				"Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).", scope)}
		}
		resource = strings.TrimSuffix(r, "/")
	}
	switch {
	case resource == "":
		return "", &loginError{http.StatusBadRequest, "invalid_scope", 1002012, fmt.Sprintf("The provided value for scope %s is not valid. "+
			"Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).", scope)}
	case resource == self || resource == "00000003-0000-0000-c000-000000000000":
		return graphAudience, nil
	case !resources[resource]:
		return "", &loginError{http.StatusBadRequest, "invalid_resource", 500011, fmt.Sprintf("The resource principal named %s was not found in the tenant. "+
			"This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.", resource)}
	}
	return resource, nil
}

func (s *Server) failLogin(w http.ResponseWriter, r *http.Request, e *loginError) {
	now := s.o.Now().UTC().Format("2006-01-02 15:04:05Z")
	trace, correlation := s.newGUID(), r.Header.Get("client-request-id")
	if correlation == "" {
		correlation = s.newGUID()
	}
	s.stats.add(func(st *Stats) { st.SignInErrors[fmt.Sprintf("AADSTS%d", e.number)]++ })
	s.writeJSON(w, e.status, map[string]any{
		"error": e.kind,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s",
			e.number, e.text, trace, correlation, now),
		"error_codes": []int{e.number}, "timestamp": now, "trace_id": trace, "correlation_id": correlation,
		"error_uri": fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", e.number),
	})
}

func (s *Server) writeJSON(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.Header().Set("x-ms-request-id", s.newGUID())
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}
