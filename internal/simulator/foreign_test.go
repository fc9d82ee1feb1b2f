package simulator_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

// What the clients of the folder clients send, and entraflow does not.

func TestTenantInThePath(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	for _, tenant := range []string{simulator.DefaultTenantID, "contoso.com"} {
		require.Equal(t, "ann", names(w.get("/"+tenant+"/users?$select=userPrincipalName&$filter="+q("userPrincipalName eq 'ann@contoso.com'"))))
		next := w.get("/" + tenant + "/users?$top=1&$select=userPrincipalName").body["@odata.nextLink"].(string)
		require.Contains(t, next, "/v1.0/"+tenant+"/users?")
		require.Equal(t, "bob", names(w.get(next)))
	}
	w.get("/99999999-0000-4000-8000-000000000000/users").is(401)
}

func TestWholeMetadata(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	const full = "application/json; charset=utf-8; IEEE754Compatible=false; odata.metadata=full"
	a := w.get("/users/ann@contoso.com", "Accept", full).is(200)
	require.Equal(t, "#microsoft.graph.user", a.body["@odata.type"])
	address := "https://graph.microsoft.com/v2/" + simulator.DefaultTenantID + "/directoryObjects/" + a.id() + "/Microsoft.DirectoryServices.User"
	require.Equal(t, address, a.body["@odata.id"])
	require.Contains(t, a.header.Get("Content-Type"), "odata.metadata=full")
	require.Equal(t, address, w.get("/users?$filter="+q("userPrincipalName eq 'ann@contoso.com'"), "Accept", full).values()[0]["@odata.id"])
	require.NotContains(t, w.get("/users/ann@contoso.com").body, "@odata.id")
	g := w.do("POST", "/groups", security("G", nil), "Accept", full).is(201)
	require.Contains(t, g.body["@odata.id"], "Microsoft.DirectoryServices.Group")

	// The directory's own address is a reference as good as any, under whatever host.
	own := strings.Replace(address, "https://graph.microsoft.com/v2", "https://anything.example/v1.0", 1)
	w.do("PUT", "/users/bob@contoso.com/manager/$ref", map[string]any{"@odata.id": own}).is(204)
	w.do("POST", "/groups/"+g.id()+"/members/$ref", map[string]any{"@odata.id": own}).is(204)
	w.do("POST", "/groups/"+g.id()+"/members/$ref", map[string]any{"@odata.id": "https://graph.microsoft.com/v1.0/a/b/c"}).is(400)

	one := w.get("/groups/" + g.id() + "/members/" + a.id() + "/$ref?$select=id,url").is(200)
	require.Equal(t, address, one.body["@odata.id"])
	require.Len(t, w.get("/groups/"+g.id()+"/members/$ref").values(), 1)
	w.get("/groups/" + g.id() + "/members/" + w.get("/users/eve@contoso.com").id() + "/$ref").is(404)
	w.get("/groups/" + g.id() + "/owners/" + a.id() + "/$ref").is(404)
}

func TestCountOfLinks(t *testing.T) {
	t.Parallel()
	w, refs := groupWorld(t)
	group := "/groups/" + w.do("POST", "/groups", security("G", map[string]any{"members@odata.bind": refs[:3], "owners@odata.bind": refs[:1]})).is(201).id()
	w.get(group + "/members/$count").is(400)
	require.Equal(t, "3", w.get(group+"/members/$count", eventual, "eventual").is(200).raw)
	first := refs[0][len(refs[0])-36:]
	require.Equal(t, "1", w.get(group+"/members/$count?$filter="+q("id eq '"+first+"'"), eventual, "eventual").raw)
	require.Equal(t, "1", w.get(group+"/owners/$count", eventual, "eventual").raw)
	require.Len(t, w.get(group+"/owners/microsoft.graph.user?$select=id").values(), 1)
	require.Equal(t, "1", w.get("/users/$count?$filter="+q("startsWith(userPrincipalName,'u07')"), eventual, "eventual").raw)
}

// A chunked body is refused, but not one without a byte.
func TestEmptyChunkedBody(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	id := w.get("/users/ann@contoso.com").id()
	w.do("DELETE", "/users/"+id, nil).is(204)
	req := w.request("POST", "/directory/deletedItems/"+id+"/restore", nil)
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader("")), -1
	req.TransferEncoding = []string{"chunked"}
	a, err := w.send(req)
	require.NoError(t, err)
	a.is(200)
	require.Empty(t, w.s.Stats().ProtocolFaults)
}

// Under one of its further names it calls itself by that name.
func TestFurtherHosts(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{Hosts: []string{"graph.microsoft.com", "login.microsoftonline.com"}})
	under := func(host, path string) answer {
		req := w.request("GET", w.s.URL()+path, nil)
		req.Host = host
		w.client.Transport.(*http.Transport).TLSClientConfig.ServerName = host
		w.client.CloseIdleConnections()
		a, err := w.send(req)
		require.NoError(t, err)
		return a
	}
	require.Equal(t, "https://graph.microsoft.com/v1.0/$metadata#users", under("graph.microsoft.com", "/v1.0/users").body["@odata.context"])
	discovery := under("login.microsoftonline.com", "/contoso.com/v2.0/.well-known/openid-configuration").body
	require.Equal(t, "https://login.microsoftonline.com/"+simulator.DefaultTenantID+"/oauth2/v2.0/token", discovery["token_endpoint"])
	require.Equal(t, w.s.URL()+"/v1.0/$metadata#users", under("localhost", "/v1.0/users").body["@odata.context"])
}

// A page of a browser that reaches it under a name of its own gets nothing, neither of Graph nor of the simulator's own API.
func TestForeignHostsGetNothing(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{Hosts: []string{"graph.microsoft.com"}})
	for host, want := range map[string]int{
		"": 200, "localhost": 200, "LOCALHOST:1": 200, "[::1]:80": 200, "127.0.0.1": 200, "graph.microsoft.com": 200, "Graph.Microsoft.com:443": 200,
		"evil.example": 403, "evil.example:443": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example": 403, "10.0.0.1": 403, "0.0.0.0": 403,
		"login.microsoftonline.com": 403,
	} {
		for _, path := range []string{"/simulator/state", "/v1.0/users", "/contoso.com/v2.0/.well-known/openid-configuration"} {
			req := w.request("GET", w.s.URL()+path, nil)
			req.Host = host
			a, err := w.send(req)
			require.NoError(t, err)
			require.Equal(t, want, a.status, "%s %s", host, path)
		}
	}
	require.Empty(t, w.s.Stats().ProtocolFaults)
}
