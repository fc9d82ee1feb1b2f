package simulator_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

// world is a running simulator with a signed-in client, spoken to by net/http alone.
type world struct {
	t      testing.TB
	s      *simulator.Server
	client *http.Client
	token  string
}

func start(t *testing.T, o simulator.Options) *world { return benchWorld(t, o) }

func benchWorld(t testing.TB, o simulator.Options) *world {
	t.Helper()
	s, err := simulator.Start(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	w := &world{t: t, s: s, client: s.HTTPClient()}
	t.Cleanup(w.client.CloseIdleConnections)
	w.signIn()
	return w
}

// form is a token request that works.
func form() url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {simulator.DefaultClientID},
		"client_secret": {simulator.DefaultClientSecret}, "scope": {"https://graph.microsoft.com/.default openid offline_access profile"}}
}

func (w *world) signIn() {
	w.t.Helper()
	status, body := w.login(simulator.DefaultTenantID, form())
	require.Equal(w.t, 200, status, body)
	w.token = body["access_token"].(string)
}

func (w *world) login(tenant string, f url.Values) (int, map[string]any) {
	w.t.Helper()
	resp, err := w.client.PostForm(w.s.URL()+"/"+tenant+"/oauth2/v2.0/token", f)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	var body map[string]any
	require.NoError(w.t, json.NewDecoder(resp.Body).Decode(&body))
	return resp.StatusCode, body
}

// answer is what came back.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	raw    string
	body   map[string]any
}

func (a answer) code() string    { return a.err()["code"].(string) }
func (a answer) message() string { return a.err()["message"].(string) }

func (a answer) err() map[string]any {
	a.t.Helper()
	e, ok := a.body["error"].(map[string]any)
	require.True(a.t, ok, "no error in %d %s", a.status, a.raw)
	return e
}

func (a answer) refused(status int, code, message string) {
	a.t.Helper()
	require.Equal(a.t, status, a.status, a.raw)
	require.Equal(a.t, code, a.code())
	if message != "" {
		require.Contains(a.t, a.message(), message)
	}
}

func (a answer) is(status int) answer {
	a.t.Helper()
	require.Equal(a.t, status, a.status, a.raw)
	return a
}

func (a answer) values() []map[string]any {
	a.t.Helper()
	require.Equal(a.t, 200, a.status, a.raw)
	list, ok := a.body["value"].([]any)
	require.True(a.t, ok, a.raw)
	out := []map[string]any{}
	for _, v := range list {
		out = append(out, v.(map[string]any))
	}
	return out
}

func (a answer) id() string {
	a.t.Helper()
	id, ok := a.body["id"].(string)
	require.True(a.t, ok, a.raw)
	return id
}

// request prepares a request; body is nil, a string or anything that JSON can hold.
func (w *world) request(method, path string, body any, header ...string) *http.Request {
	w.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	case []byte:
		r = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		require.NoError(w.t, err)
		r = bytes.NewReader(raw)
	}
	if !strings.HasPrefix(path, "https://") {
		path = w.s.URL() + "/v1.0" + path
	}
	req, err := http.NewRequest(method, path, r)
	require.NoError(w.t, err)
	req.Header.Set("Authorization", "Bearer "+w.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

func (w *world) do(method, path string, body any, header ...string) answer {
	w.t.Helper()
	a, err := w.send(w.request(method, path, body, header...))
	require.NoError(w.t, err)
	return a
}

func (w *world) send(req *http.Request) (answer, error) {
	resp, err := w.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{t: w.t, status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	_ = json.Unmarshal(raw, &a.body)
	return a, nil
}

func (w *world) get(path string, header ...string) answer {
	w.t.Helper()
	return w.do("GET", path, nil, header...)
}

// person is the body of a user that can be created; more overrides or, with nil, clears.
func person(upn string, more map[string]any) map[string]any {
	nickname, _, _ := strings.Cut(upn, "@")
	m := map[string]any{"accountEnabled": true, "displayName": "Ann Example", "mailNickname": nickname, "userPrincipalName": upn,
		"usageLocation": "US", "passwordProfile": map[string]any{"password": "Secret-1234", "forceChangePasswordNextSignIn": true}}
	for k, v := range more {
		if v == drop {
			delete(m, k)
		} else {
			m[k] = v
		}
	}
	return m
}

// drop takes a key out of person.
const drop = "\x00drop"

func q(filter string) string { return url.QueryEscape(filter) }

// The path of a new person, as a provisioning engine goes it.
func TestProvisioningFlow(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	def := w.do("POST", "/applications(appId='"+simulator.DefaultClientID+"')/extensionProperties",
		map[string]any{"name": "entraflowLink", "dataType": "String", "targetObjects": []string{"User", "Group"}}).is(201)
	link := def.body["name"].(string)
	require.Equal(t, "extension_"+strings.ReplaceAll(simulator.DefaultClientID, "-", "")+"_entraflowLink", link)

	created := w.do("POST", "/users", person("ann@contoso.com", map[string]any{link: "c/r/1", "jobTitle": "Engineer"})).is(201)
	require.True(t, strings.HasPrefix(created.raw, `{"@odata.context":"`+w.s.URL()+`/v1.0/$metadata#users/$entity","id":"`), created.raw)
	require.NotContains(t, created.body, link)
	require.Len(t, created.body, 12)
	require.Contains(t, created.header.Get("Location"), created.id())
	require.NotEmpty(t, created.header.Get("request-id"))

	found := w.get("/users?$select=id,userPrincipalName," + link + "&$filter=" + q(link+" eq 'c/r/1'")).values()
	require.Len(t, found, 1)
	require.Equal(t, "c/r/1", found[0][link])

	w.do("POST", "/users/ANN@contoso.com/assignLicense", map[string]any{"addLicenses": []any{map[string]any{"skuId": simulator.SKUM365E3}},
		"removeLicenses": []any{}}).is(200)
	one := w.get("/users/" + created.id() + "?$select=id,assignedLicenses,licenseAssignmentStates").is(200)
	state := one.body["licenseAssignmentStates"].([]any)[0].(map[string]any)
	require.Equal(t, simulator.SKUM365E3, state["skuId"])
	require.Nil(t, state["assignedByGroup"])
	require.Equal(t, "Active", state["state"])

	for _, k := range w.get("/subscribedSkus").values() {
		if k["skuId"] == simulator.SKUM365E3 {
			require.EqualValues(t, 1, k["consumedUnits"])
		}
	}
	org := w.get("/organization?$select=id,verifiedDomains").values()
	require.Equal(t, simulator.DefaultTenantID, org[0]["id"])

	for i := range 7 {
		w.do("POST", "/users", person("u"+string(rune('a'+i))+"@contoso.com", nil)).is(201)
	}
	seen := map[string]bool{}
	pages := 0
	for path := "/users?$top=3&$select=id,userPrincipalName," + link; path != ""; pages++ {
		a := w.get(path)
		for _, u := range a.values() {
			require.False(t, seen[u["id"].(string)])
			seen[u["id"].(string)] = true
		}
		path, _ = a.body["@odata.nextLink"].(string)
		if pages == 0 { // somebody comes while we read
			w.do("POST", "/users", person("late@contoso.com", nil)).is(201)
		}
	}
	require.Len(t, seen, 9)
	require.Equal(t, 3, pages)
	w.do("PATCH", "/users/"+created.id(), map[string]any{"jobTitle": "Engineer"}).is(204)
	st := w.s.Stats()
	require.Equal(t, 1, st.WastedWrites)
	require.Empty(t, st.ProtocolFaults)
	require.Equal(t, 9, st.Requests["POST /users"])
	require.NotNil(t, w.s.State().Tenants[0].User("ann@contoso.com"))
}
