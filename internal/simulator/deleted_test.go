package simulator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

func TestBin(t *testing.T) {
	t.Parallel()
	c := newClock()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Apps[0].ExtensionProperties = []simulator.ExtensionSeed{{Name: "link"}}
	w := start(t, simulator.Options{Seed: seed, Now: c.now})
	id := w.do("POST", "/users", person("ann@contoso.com", map[string]any{linkName: "c/r/1"})).is(201).id()
	w.do("POST", "/users/"+id+"/assignLicense", order([]any{license(simulator.SKUM365E3)})).is(200)
	g := w.do("POST", "/groups", security("G", map[string]any{"members@odata.bind": []string{w.s.URL() + "/v1.0/users/" + id}})).is(201).id()

	w.do("DELETE", "/users/ann@contoso.com", nil).is(204)
	w.do("DELETE", "/users/ann@contoso.com", nil).is(404)
	w.get("/users/" + id).is(404)
	w.do("POST", "/users/"+id+"/restore", nil).is(400)
	require.Zero(t, consumed(w, "SPE_E3"))
	require.Empty(t, w.get("/groups/"+g+"/members").values())

	mangled := strings.ReplaceAll(id, "-", "") + "ann@contoso.com"
	bin := w.get("/directory/deletedItems/microsoft.graph.user?$select=id,userPrincipalName,deletedDateTime,accountEnabled," + linkName).values()
	require.Len(t, bin, 1)
	require.Equal(t, mangled, bin[0]["userPrincipalName"])
	require.Equal(t, "2026-11-22T12:00:00Z", bin[0]["deletedDateTime"])
	require.Equal(t, false, bin[0]["accountEnabled"])
	require.Equal(t, "c/r/1", bin[0][linkName])
	require.Equal(t, mangled, w.get("/directory/deletedItems/" + id).is(200).body["userPrincipalName"])
	require.Len(t, w.get("/directory/deletedItems/microsoft.graph.user?$filter="+q("userPrincipalName eq '"+mangled+"'")).values(), 1)

	a := w.do("POST", "/directory/deletedItems/"+id+"/restore", nil).is(200)
	require.True(t, strings.HasPrefix(a.raw, `{"@odata.context":"`+w.s.URL()+`/v1.0/$metadata#directoryObjects/$entity","@odata.type":"#microsoft.graph.user","id":"`+id+`"`), a.raw)
	u := w.state().User("ann@contoso.com")
	require.True(t, u.AccountEnabled)
	require.True(t, u.HasDirect("SPE_E3"))
	require.Len(t, w.get("/groups/"+g+"/members").values(), 1)
	require.Len(t, w.get("/users?$filter="+q(linkName+" eq 'c/r/1'")).values(), 1)
	w.do("POST", "/directory/deletedItems/"+id+"/restore", nil).is(404)

	// The name is free at once, and then stands in the way of a restore.
	w.do("DELETE", "/users/"+id, nil).is(204)
	w.do("POST", "/users", person("ann@contoso.com", nil)).is(201)
	w.do("POST", "/directory/deletedItems/"+id+"/restore", nil).refused(400, "Request_BadRequest", "Another object with the same value for property userPrincipalName already exists.")
	w.do("POST", "/directory/deletedItems/"+id+"/restore", map[string]any{"newUserPrincipalName": "ann@elsewhere.example"}).is(400)
	w.do("POST", "/directory/deletedItems/"+id+"/restore", map[string]any{"autoReconcileProxyConflict": true, "newUserPrincipalName": "ann2@contoso.com"}).is(200)
	w.get("/users/ann2@contoso.com").is(200)

	w.do("DELETE", "/users/"+id, nil).is(204)
	w.do("DELETE", "/directory/deletedItems/"+id, nil).is(204)
	w.do("DELETE", "/directory/deletedItems/"+id, nil).is(404)
	require.Empty(t, w.state().DeletedUsers)

	other := w.get("/users/ann@contoso.com").id()
	w.do("DELETE", "/users/"+other, nil).is(204)
	c.advance(31 * 24 * time.Hour)
	w.signIn()
	require.Empty(t, w.get("/directory/deletedItems/microsoft.graph.user").values())
	w.do("POST", "/directory/deletedItems/"+other+"/restore", nil).is(404)
}

func TestBinHidesExtensions(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Apps[0].ExtensionProperties = []simulator.ExtensionSeed{{Name: "link"}}
	seed.Tenants[0].Users = []simulator.UserSeed{{"userPrincipalName": "ann@contoso.com", linkName: "x"}}
	w := start(t, simulator.Options{Seed: seed, Behavior: simulator.Behavior{BinHidesExtensions: true}})
	w.do("DELETE", "/users/ann@contoso.com", nil).is(204)
	bin := w.get("/directory/deletedItems/microsoft.graph.user?$select=id," + linkName).values()[0]
	require.NotContains(t, bin, linkName)
	w.do("POST", "/directory/deletedItems/"+bin["id"].(string)+"/restore", nil).is(200)
	require.Equal(t, "x", w.get("/users/ann@contoso.com?$select=" + linkName).body[linkName])
}
