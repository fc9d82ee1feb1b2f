package simulator_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

const (
	planSkype  = "0feaeb32-d00e-4d66-bd5a-43b5b83db82c"
	planTeams  = "57ff2da0-773e-42df-b2af-ffb7a2317929"
	planIntune = "c1ec4a95-1f05-45b3-a911-aa3fa01094f5"
)

// order is the body of assignLicense.
func order(add []any, remove ...string) map[string]any {
	if add == nil {
		add = []any{}
	}
	if remove == nil {
		remove = []string{}
	}
	return map[string]any{"addLicenses": add, "removeLicenses": remove}
}

func license(sku string, disabled ...string) map[string]any {
	if disabled == nil {
		disabled = []string{}
	}
	return map[string]any{"skuId": sku, "disabledPlans": disabled}
}

func consumed(w *world, sku string) int { return w.state().SKU(sku).Consumed }

func (w *world) state() *simulator.TenantState {
	st := w.s.State()
	return st.Tenant("")
}

func TestAssignLicenseRefusals(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	tn := &seed.Tenants[0]
	tn.SKUs = append(tn.SKUs, simulator.SKUSeed{SkuID: "aaaaaaaa-0000-4000-8000-000000000001", SkuPartNumber: "SCARCE", Enabled: 1, Consumed: 1},
		simulator.SKUSeed{SkuID: "aaaaaaaa-0000-4000-8000-000000000002", SkuPartNumber: "COMPANY", Enabled: 5, AppliesTo: "Company"},
		simulator.SKUSeed{SkuID: "aaaaaaaa-0000-4000-8000-000000000003", SkuPartNumber: "OVER", Enabled: 5, CapabilityStatus: "Suspended"})
	tn.Users = []simulator.UserSeed{
		{"userPrincipalName": "ann@contoso.com", "usageLocation": "US"},
		{"userPrincipalName": "nowhere@contoso.com"},
		{"userPrincipalName": "mail@contoso.com", "usageLocation": "US", "licenses": []string{"EXCHANGESTANDARD"}},
		{"userPrincipalName": "phone@contoso.com", "usageLocation": "US", "licenses": []string{"SPE_E3", "MCOEV"}},
		{"userPrincipalName": "member@contoso.com", "usageLocation": "US"},
	}
	tn.Groups = []simulator.GroupSeed{{"displayName": "Licensed", "members": []string{"member@contoso.com"}, "licenses": []string{"AAD_PREMIUM"}}}
	w := start(t, simulator.Options{Seed: seed})
	unknown := "99999999-0000-4000-8000-000000000001"
	for name, tc := range map[string]struct {
		user          string
		body          map[string]any
		code, message string
	}{
		"no location":        {"nowhere", order([]any{license(simulator.SKUM365E3)}), "", "License assignment cannot be done for user with invalid usage location."},
		"unknown":            {"ann", order([]any{license(unknown)}), "", "License " + unknown + " does not correspond to a valid company License."},
		"for companies":      {"ann", order([]any{license("aaaaaaaa-0000-4000-8000-000000000002")}), "", "does not correspond to a valid company License."},
		"none left":          {"ann", order([]any{license("aaaaaaaa-0000-4000-8000-000000000001")}), "", "Subscription with SKU aaaaaaaa-0000-4000-8000-000000000001 does not have any available licenses."},
		"suspended":          {"ann", order([]any{license("aaaaaaaa-0000-4000-8000-000000000003")}), "", "does not have any available licenses."},
		"dependency":         {"ann", order([]any{license(simulator.SKUTeamsPhone)}), "", "License assignment failed because service plan 4828c8ec-dc2e-4779-b502-87ac9ce28ab7 depends on the service plan(s) " + planSkype},
		"dependency off":     {"ann", order([]any{license(simulator.SKUTeamsPhone), license(simulator.SKUM365E3, planSkype)}), "", "depends on the service plan(s)"},
		"dependency removed": {"phone", order(nil, simulator.SKUM365E3), "", "depends on the service plan(s)"},
		"conflict":           {"mail", order([]any{license(simulator.SKUM365E3)}), "", "are mutually exclusive."},
		"inherited":          {"member", order(nil, simulator.SKUEntraPremiumP1), "", "User license is inherited from a group membership and it cannot be removed directly from the user."},
		"not assigned":       {"ann", order(nil, simulator.SKUM365E3), "", "User does not have a corresponding license."},
		"foreign plan":       {"ann", order([]any{license(simulator.SKUExchangePlan1, planTeams)}), "", "disabledPlans"},
		"add and remove":     {"mail", order([]any{license(simulator.SKUExchangePlan1)}, simulator.SKUExchangePlan1), "", "One or more property values specified are invalid."},
		"no removeLicenses":  {"ann", map[string]any{"addLicenses": []any{}}, "Request_BadRequest", "The missing parameters are: removeLicenses."},
		"null addLicenses":   {"ann", map[string]any{"addLicenses": nil, "removeLicenses": []any{}}, "Request_BadRequest", "The missing parameters are: addLicenses."},
		"not a GUID":         {"ann", order([]any{license("SPE_E3")}), "BadRequest", "Edm.Guid"},
		"unknown key":        {"ann", order([]any{map[string]any{"skuId": simulator.SKUM365E3, "plans": []any{}}}), "BadRequest", ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.state().User(tc.user + "@contoso.com").Licenses
			if tc.code == "" {
				tc.code = "Request_BadRequest"
			}
			a := w.do("POST", "/users/"+tc.user+"@contoso.com/assignLicense", tc.body)
			a.t = t
			a.refused(400, tc.code, tc.message)
			require.Equal(t, before, w.state().User(tc.user+"@contoso.com").Licenses)
		})
	}
	w.do("POST", "/users/nobody@contoso.com/assignLicense", order(nil, simulator.SKUM365E3)).is(404)
}

func TestAssignLicense(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = []simulator.UserSeed{{"userPrincipalName": "ann@contoso.com", "usageLocation": "US"}}
	w := start(t, simulator.Options{Seed: seed})
	ann := "/users/ann@contoso.com/assignLicense"
	disabled := func() []string { return w.state().User("ann@contoso.com").Licenses[0].DisabledPlans }

	a := w.do("POST", ann, order([]any{license(simulator.SKUM365E3, planTeams)})).is(200)
	require.Equal(t, w.s.URL()+"/v1.0/$metadata#users/$entity", a.body["@odata.context"])
	require.Equal(t, 1, consumed(w, "SPE_E3"))
	require.Equal(t, []string{planTeams}, disabled())

	w.do("POST", ann, order([]any{license(simulator.SKUM365E3, planIntune)})).is(200)
	require.Equal(t, []string{planIntune}, disabled(), "disabledPlans are replaced, not merged")
	require.Equal(t, 1, consumed(w, "SPE_E3"))

	w.do("POST", ann, order([]any{license(simulator.SKUM365E3, planIntune)})).is(200)
	require.Equal(t, 1, w.s.Stats().WastedWrites)

	// A swap of what excludes each other works in one call, and only so.
	w.do("POST", ann, order([]any{license(simulator.SKUExchangePlan1)})).is(400)
	w.do("POST", ann, order([]any{license(simulator.SKUExchangePlan1)}, simulator.SKUM365E3)).is(200)
	require.Equal(t, 0, consumed(w, "SPE_E3"))
	require.Equal(t, 1, consumed(w, "EXCHANGESTANDARD"))

	one := w.get("/users/ann@contoso.com?$select=assignedLicenses,assignedPlans")
	require.Equal(t, simulator.SKUExchangePlan1, one.body["assignedLicenses"].([]any)[0].(map[string]any)["skuId"])
	require.Len(t, one.body["assignedPlans"], 1)
	require.Len(t, w.get("/users/ann@contoso.com/licenseDetails").values(), 1)
	w.do("PATCH", "/users/ann@contoso.com", map[string]any{"assignedLicenses": []any{}}).refused(400, "Request_BadRequest", "read-only")
}

func TestLastUnit(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = []simulator.UserSeed{{"userPrincipalName": "a@contoso.com", "usageLocation": "US"}, {"userPrincipalName": "b@contoso.com", "usageLocation": "US"}}
	w := start(t, simulator.Options{Seed: seed})
	w.s.Mutate(func(tn *simulator.Tenant) { require.NoError(t, tn.SetStock("SPE_E5", 1)) })
	give := order([]any{license(simulator.SKUM365E5)})
	w.do("POST", "/users/a@contoso.com/assignLicense", give).is(200)
	w.do("POST", "/users/b@contoso.com/assignLicense", give).is(400)
	w.do("POST", "/users/a@contoso.com/assignLicense", order([]any{license(simulator.SKUM365E5, planTeams)})).is(200)
	w.do("DELETE", "/users/a@contoso.com", nil).is(204)
	w.do("POST", "/users/b@contoso.com/assignLicense", give).is(200)

	// Restored after the unit was given to somebody else: the license comes back in error.
	bin := w.get("/directory/deletedItems/microsoft.graph.user").values()
	w.do("POST", "/directory/deletedItems/"+bin[0]["id"].(string)+"/restore", nil).is(200)
	l := w.state().User("a@contoso.com").Licenses[0]
	require.Equal(t, "Error", l.State)
	require.Equal(t, "CountViolation", l.Error)
	require.Equal(t, 1, consumed(w, "SPE_E5"))
}

func TestSubscribedSKUs(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	a := w.get("/subscribedSkus")
	require.Equal(t, "3", a.header.Get("x-ms-resource-unit"))
	first := a.values()[0]
	require.Equal(t, "SPE_E3", first["skuPartNumber"])
	require.Equal(t, simulator.DefaultTenantID+"_"+simulator.SKUM365E3, first["id"])
	require.Equal(t, "Enabled", first["capabilityStatus"])
	require.EqualValues(t, 200000, first["prepaidUnits"].(map[string]any)["enabled"])
	require.NotEmpty(t, first["servicePlans"])
	w.get("/subscribedSkus?$filter=" + q("skuId eq 'x'")).is(400)
}
