package simulator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

func property(name string) map[string]any {
	return map[string]any{"name": name, "dataType": "String", "targetObjects": []string{"User", "Group"}}
}

func TestExtensionDefinitions(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	byApp, byObject := "/applications(appId='"+simulator.DefaultClientID+"')", "/applications/"+simulator.DefaultObjectID
	require.Equal(t, simulator.DefaultObjectID, w.get(byApp).is(200).id())
	require.Equal(t, simulator.DefaultClientID, w.get(byObject).is(200).body["appId"])

	a := w.do("POST", byObject+"/extensionProperties", property("link")).is(201)
	require.Equal(t, linkName, a.body["name"])
	require.Equal(t, "String", a.body["dataType"])
	require.Equal(t, false, a.body["isSyncedFromOnPremises"])
	require.Equal(t, w.s.URL()+"/v1.0/$metadata#applications('"+simulator.DefaultObjectID+"')/extensionProperties/$entity", a.body["@odata.context"])

	w.do("POST", byApp+"/extensionProperties", property("link")).refused(400, "Request_MultipleObjectsWithSameKeyValue", "An extension property exists with the name "+linkName+".")
	w.do("POST", byApp+"/extensionProperties", property("mark")).is(201)
	require.Len(t, w.get(byApp+"/extensionProperties").values(), 2)
	require.Len(t, w.get(byApp+"/extensionProperties?$filter="+q("name eq '"+linkName+"'")).values(), 1)
	require.Equal(t, linkName, w.get(byObject + "/extensionProperties/" + a.id()).body["name"])
	require.Len(t, w.do("POST", "/directoryObjects/getAvailableExtensionProperties", map[string]any{}).values(), 2)

	w.do("POST", byApp+"/extensionProperties", map[string]any{"name": "x", "dataType": "Text", "targetObjects": []string{"User"}}).is(400)
	w.do("POST", byApp+"/extensionProperties", map[string]any{"name": "x", "dataType": "String", "targetObjects": []string{"user"}}).is(400)
	w.do("POST", byApp+"/extensionProperties", map[string]any{"name": "x", "dataType": "String"}).is(400)
	w.do("POST", byApp+"/extensionProperties", property("x-y")).is(400)
	w.do("POST", "/applications/99999999-0000-4000-8000-000000000000/extensionProperties", property("x")).is(404)

	w.do("DELETE", byApp+"/extensionProperties/"+a.id(), nil).is(204)
	w.get(byApp + "/extensionProperties/" + a.id()).is(404)
}

// Until it is usable, a name in body or $filter fails the whole request.
func TestExtensionDelay(t *testing.T) {
	t.Parallel()
	c := newClock()
	w := start(t, simulator.Options{ExtensionDelay: time.Minute, Now: c.now})
	w.do("POST", "/applications(appId='"+simulator.DefaultClientID+"')/extensionProperties", property("link")).is(201)
	message := "The following extension properties are not available: " + linkName + "."
	w.do("POST", "/users", person("ann@contoso.com", map[string]any{linkName: "x"})).refused(400, "Request_BadRequest", message)
	w.get("/users?$select=id," + linkName).is(200)
	w.get("/users?$filter="+q(linkName+" eq 'x'")).refused(400, "Request_UnsupportedQuery", "Property '"+linkName+"' does not exist")
	require.Empty(t, w.do("POST", "/directoryObjects/getAvailableExtensionProperties", map[string]any{}).values())
	require.Empty(t, w.state().Users)
	c.advance(time.Minute)
	w.do("POST", "/users", person("ann@contoso.com", map[string]any{linkName: "x"})).is(201)
	require.Len(t, w.do("POST", "/directoryObjects/getAvailableExtensionProperties", map[string]any{}).values(), 1)
}

func TestExtensionValues(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Apps[0].ExtensionProperties = []simulator.ExtensionSeed{{Name: "link"}, {Name: "onlyGroups", TargetObjects: []string{"Group"}}}
	w := start(t, simulator.Options{Seed: seed})
	app := "/applications(appId='" + simulator.DefaultClientID + "')/extensionProperties"
	id := w.do("POST", "/users", person("ann@contoso.com", map[string]any{linkName: "c/r/1"})).is(201).id()
	user := "/users/" + id

	require.NotContains(t, w.get(user).body, linkName)
	require.Equal(t, "c/r/1", w.get(user + "?$select=" + linkName).body[linkName])
	w.do("PATCH", user, map[string]any{linkName: strings.Repeat("x", 257)}).refused(400, "Request_BadRequest", "Invalid value specified for property '"+linkName+"'")
	w.do("PATCH", user, map[string]any{linkName: strings.Repeat("x", 256)}).is(204)
	w.do("PATCH", user, map[string]any{linkName: ""}).is(400)
	w.do("PATCH", user, map[string]any{linkName: 5}).is(400)
	only := strings.Replace(linkName, "_link", "_onlyGroups", 1)
	w.do("PATCH", user, map[string]any{only: "x"}).refused(400, "Request_BadRequest", "The following extension properties are not available: "+only+".")
	w.do("PATCH", user, map[string]any{linkName: nil}).is(204)
	require.NotContains(t, w.get(user+"?$select=id,"+linkName).body, linkName)
	w.do("PATCH", user, map[string]any{linkName: "c/r/2"}).is(204)
	require.Empty(t, w.get("/users?$filter="+q(linkName+" eq 'c/r/1'")).values())

	// A deleted definition hides the values; the same name brings them back.
	def := w.get(app + "?$filter=" + q("name eq '"+linkName+"'")).values()[0]["id"].(string)
	w.do("DELETE", app+"/"+def, nil).is(204)
	require.NotContains(t, w.get(user+"?$select=id,"+linkName).is(200).body, linkName)
	w.do("POST", app, property("link")).is(201)
	require.Equal(t, "c/r/2", w.get(user + "?$select=" + linkName).body[linkName])

	g := w.do("POST", "/groups", security("G", map[string]any{linkName: "c/r/g"})).is(201).id()
	require.Equal(t, "c/r/g", w.get("/groups/" + g + "?$select=" + linkName).body[linkName])
	require.Len(t, w.get("/groups?$filter="+q(linkName+" eq 'c/r/g'")).values(), 1)
}

func TestExtensionOwnership(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	app := &seed.Tenants[0].Apps[0]
	app.Roles, app.OwnsItself = []string{"Application.ReadWrite.OwnedBy", "User.ReadWrite.All"}, true
	w := start(t, simulator.Options{Seed: seed})
	w.do("POST", "/applications/"+simulator.DefaultObjectID+"/extensionProperties", property("link")).is(201)

	app.ServicePrincipalMissing = true
	w = start(t, simulator.Options{Seed: seed})
	w.do("POST", "/applications/"+simulator.DefaultObjectID+"/extensionProperties", property("link")).is(201)
	w.do("POST", "/users", person("ann@contoso.com", map[string]any{linkName: "x"})).refused(400, "Request_BadRequest", "not available")
}

func TestEchoAndFlap(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Apps[0].ExtensionProperties = []simulator.ExtensionSeed{{Name: "link"}}
	w := start(t, simulator.Options{Seed: seed, Behavior: simulator.Behavior{EchoExtensions: true}})
	require.Equal(t, "x", w.do("POST", "/users", person("ann@contoso.com", map[string]any{linkName: "x"})).is(201).body[linkName])
	w.s.SetFaults(simulator.Faults{ExtensionFlap: 1})
	w.do("POST", "/users", person("bob@contoso.com", map[string]any{linkName: "x"})).refused(400, "Request_BadRequest", "not available")
}

// A user holds at most 100 extension values.
func TestHundredExtensionValues(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	app := &seed.Tenants[0].Apps[0]
	values := map[string]any{}
	for i := range 101 {
		name := fmt.Sprintf("p%d", i)
		app.ExtensionProperties = append(app.ExtensionProperties, simulator.ExtensionSeed{Name: name})
		values[strings.Replace(linkName, "_link", "_"+name, 1)] = "x"
	}
	w := start(t, simulator.Options{Seed: seed})
	w.do("POST", "/users", person("ann@contoso.com", values)).is(400)
	delete(values, strings.Replace(linkName, "_link", "_p0", 1))
	w.do("POST", "/users", person("ann@contoso.com", values)).is(201)
}
