package simulator_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

// What is saved goes on after a restart: people, bin, groups, licenses, extension values, and the secret still works.
func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	app := "/applications(appId='" + simulator.DefaultClientID + "')/extensionProperties"
	w.do("POST", app, property("link")).is(201)
	ann := w.do("POST", "/users", person("ann@contoso.com", map[string]any{linkName: "c/r/1", "businessPhones": []string{"1"},
		"onPremisesExtensionAttributes": map[string]any{"extensionAttribute1": "x"}})).is(201).id()
	bob := w.do("POST", "/users", person("bob@contoso.com", map[string]any{linkName: "c/r/2"})).is(201).id()
	w.do("PUT", "/users/"+ann+"/manager/$ref", map[string]any{"@odata.id": w.s.URL() + "/v1.0/users/" + bob}).is(204)
	w.do("POST", "/users/"+ann+"/assignLicense", order([]any{license(simulator.SKUM365E3, planTeams)})).is(200)
	w.do("PATCH", "/groups(uniqueName='g-1')", security("G", map[string]any{"members@odata.bind": []string{w.s.URL() + "/v1.0/users/" + ann, w.s.URL() + "/v1.0/users/" + bob}}), "Prefer", "create-if-missing").is(201)
	w.do("DELETE", "/users/"+bob, nil).is(204)

	path := filepath.Join(t.TempDir(), "state.json")
	require.NoError(t, w.s.Save(path))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(raw), simulator.DefaultClientSecret)
	require.NotContains(t, string(raw), "Secret-1234")
	before, err := json.Marshal(w.s.State())
	require.NoError(t, err)
	require.NotContains(t, string(before), simulator.DefaultClientSecret)

	seed, err := simulator.LoadState(path)
	require.NoError(t, err)
	w2 := start(t, simulator.Options{Seed: seed})
	after, err := json.Marshal(w2.s.State())
	require.NoError(t, err)
	require.JSONEq(t, string(before), string(after))

	require.Len(t, w2.get("/users?$filter="+q(linkName+" eq 'c/r/1'")).values(), 1)
	w2.do("POST", "/directory/deletedItems/"+bob+"/restore", nil).is(200)
	require.Len(t, w2.get("/groups(uniqueName='g-1')/members").values(), 2)
	require.Equal(t, "c/r/2", w2.get("/users/bob@contoso.com?$select=" + linkName).body[linkName])
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no half file stays behind")
}

func TestLoadSeed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("from-a-file\n"), 0o600))
	good := filepath.Join(dir, "good.yaml")
	require.NoError(t, os.WriteFile(good, []byte(`tenants:
  - id: 7f7a6b1e-3c52-4d0b-9d0e-5a4f1c2b8e10
    displayName: Contoso
    domains: [{name: contoso.com, default: true}]
    apps:
      - clientId: 0c5d7a3b-91e4-4f27-8a6d-2b3c4d5e6f70
        secrets: [{valueFile: secret, expires: 2099-01-01T00:00:00Z}]
        roles: [User.ReadWrite.All, Group.ReadWrite.All]
    skus:
      - {skuId: 05e9a617-0261-4cee-bb44-138d3ef5d965, skuPartNumber: SPE_E3, enabled: 10, consumed: 2,
         plans: [{id: 57ff2da0-773e-42df-b2af-ffb7a2317929, name: TEAMS1}]}
    users:
      - {userPrincipalName: ann@contoso.com, department: IT, adminRole: true, businessPhones: ["1"], licenses: [{skuId: SPE_E3, disabledPlans: [TEAMS1]}]}
      - {userPrincipalName: bob@contoso.com, manager: ann@contoso.com, employeeHireDate: 2026-01-01T00:00:00Z}
    groups:
      - {displayName: Staff, members: [ann@contoso.com]}
`), 0o600))
	seed, err := simulator.LoadSeed(good)
	require.NoError(t, err)
	s, err := simulator.Start(simulator.Options{Seed: seed})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	w := &world{t: t, s: s, client: s.HTTPClient()}
	f := form()
	f.Set("client_secret", "from-a-file")
	_, body := w.login("contoso.com", f)
	w.token, _ = body["access_token"].(string)
	a := w.get("/users/ann@contoso.com?$select=department,businessPhones,id").is(200)
	require.Equal(t, "IT", a.body["department"])
	require.Equal(t, []any{"1"}, a.body["businessPhones"])
	require.Equal(t, a.id(), w.state().User("bob@contoso.com").Manager)
	require.Equal(t, 3, w.state().SKU("SPE_E3").Consumed)
	require.Len(t, w.state().Group("Staff").Members, 1)

	bad := filepath.Join(dir, "bad.yaml")
	require.NoError(t, os.WriteFile(bad, []byte(`tenants:
  - id: 7f7a6b1e-3c52-4d0b-9d0e-5a4f1c2b8e10
    domian: []
    users:
      - {userPrincipalName: ann@contoso.com, shoeSize: 43}
colour: red
`), 0o600))
	_, err = simulator.LoadSeed(bad)
	require.ErrorContains(t, err, "line 3")
	require.ErrorContains(t, err, "line 5: property shoeSize")
	require.ErrorContains(t, err, "line 6")

	wrong := filepath.Join(dir, "wrong.yaml")
	require.NoError(t, os.WriteFile(wrong, []byte(`tenants: [{id: x, users: [{userPrincipalName: a@b, licenses: [NONE]}, {userPrincipalName: A@b}]}]`), 0o600))
	_, err = simulator.LoadSeed(wrong)
	for _, text := range []string{"id must be a GUID", "at least one domain", "license NONE", "twice"} {
		require.ErrorContains(t, err, text)
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	control := w.s.URL() + "/simulator"
	w.get(control + "/health").is(200)
	w.do("POST", "/users", person("ann@contoso.com", nil)).is(201)
	st := w.get(control + "/state").is(200)
	require.Contains(t, st.raw, "ann@contoso.com")
	require.NotContains(t, st.raw, simulator.DefaultClientSecret)
	stats := w.get(control + "/stats").is(200)
	require.EqualValues(t, 1, stats.body["committed"])
	w.do("POST", control+"/stats/reset", nil).is(204)
	require.Zero(t, w.s.Stats().Committed)
	w.do("POST", control+"/faults", map[string]any{"internalError": 1}).is(204)
	w.get("/users").is(500)
	w.do("POST", control+"/faults", map[string]any{"internalErorr": 1}).is(400)
	w.do("POST", control+"/faults", map[string]any{"internalError": 0.6, "reset": 0.6}).is(400)
	w.do("POST", control+"/faults", map[string]any{"on": "sundays"}).is(400)
	w.do("POST", control+"/faults", map[string]any{}).is(204)
	w.get("/users").is(200)
}

func TestMutate(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	w.s.Mutate(func(tn *simulator.Tenant) {
		id, err := tn.AddUser(simulator.UserSeed{"userPrincipalName": "ann@contoso.com"})
		require.NoError(t, err)
		require.NoError(t, tn.SetUser(id, map[string]any{"jobTitle": "x", "onPremisesSyncEnabled": true}))
		require.Error(t, tn.SetUser(id, map[string]any{"shoeSize": 1}))
		require.NoError(t, tn.AssignLicense(id, "SPE_E3"))
		g, err := tn.AddGroup(simulator.GroupSeed{"displayName": "G"})
		require.NoError(t, err)
		require.NoError(t, tn.AddMember(g, id))
		name, err := tn.AddExtension(simulator.DefaultClientID, "link")
		require.NoError(t, err)
		require.Equal(t, linkName, name)
	})
	require.Equal(t, "x", w.get("/users/ann@contoso.com").body["jobTitle"])
	require.Equal(t, 1, consumed(w, "SPE_E3"))
	w.get("/users?$select=" + linkName).is(200)
	w.s.Mutate(func(tn *simulator.Tenant) {
		u, ok := tn.User("ann@contoso.com")
		require.True(t, ok)
		require.NoError(t, tn.RemoveLicense(u.ID, "SPE_E3"))
		g, ok := tn.GroupID("G")
		require.True(t, ok)
		require.NoError(t, tn.RemoveMember(g, u.ID))
		require.NoError(t, tn.DropExtension(linkName))
		require.NoError(t, tn.DeleteUser(u.ID))
		require.NoError(t, tn.PurgeUser(u.ID))
		require.NoError(t, tn.RemoveSKU("FLOW_FREE"))
		require.NoError(t, tn.SetSecret(simulator.DefaultClientID, "another", time.Time{}))
	})
	require.Zero(t, consumed(w, "SPE_E3"))
	w.get("/users?$filter=" + q(linkName+" eq 'x'")).is(400)
	status, _ := w.login(simulator.DefaultTenantID, form())
	require.Equal(t, 401, status)
	require.False(t, strings.Contains(w.get("/subscribedSkus").raw, "FLOW_FREE"))
}
