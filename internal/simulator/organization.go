package simulator

import (
	"net/http"
	"strings"
)

func (t *Tenant) organization() map[string]any {
	domains := []any{}
	for _, d := range t.domains {
		kind := d.Type
		if kind == "" {
			kind = "Managed"
		}
		domains = append(domains, map[string]any{"capabilities": "Email, OfficeCommunicationsOnline", "isDefault": d.Default,
			"isInitial": d.Initial, "name": d.Name, "type": kind})
	}
	return map[string]any{"id": t.id, "deletedDateTime": nil, "businessPhones": []string{}, "city": nil, "country": nil,
		"countryLetterCode": t.location, "createdDateTime": stamp(t.created), "defaultUsageLocation": t.location, "displayName": t.name,
		"onPremisesSyncEnabled": nil, "tenantType": "AAD", "verifiedDomains": domains, "assignedPlans": []any{}, "provisionedPlans": []any{},
		"technicalNotificationMails": []string{}, "securityComplianceNotificationMails": []string{}, "preferredLanguage": "en"}
}

// selected keeps what $select names.
func (c *call) selected(m map[string]any, resource string) (map[string]any, *refusal) {
	text := c.query.Get("$select")
	if text == "" {
		return m, nil
	}
	out := map[string]any{}
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		v, ok := m[name]
		if !ok {
			c.s.stats.protocol("unknown property")
			return nil, badOData("Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, resource)
		}
		out[name] = v
	}
	return out, nil
}

func getOrganization(c *call) reply {
	m, fail := c.selected(c.t.organization(), "organization")
	if fail != nil {
		return c.refuse(fail)
	}
	context := c.context("organization")
	if s := c.query.Get("$select"); s != "" {
		context += "(" + s + ")"
	}
	return reply{status: http.StatusOK, render: func(b []byte) []byte {
		return appendFields(b, []field{{"@odata.context", context}, {"value", []any{m}}})
	}}
}

func getOneOrganization(c *call) reply {
	if !strings.EqualFold(c.args[0], c.t.id) {
		return c.refuse(notFound(c.args[0]))
	}
	m, fail := c.selected(c.t.organization(), "organization")
	if fail != nil {
		return c.refuse(fail)
	}
	m["@odata.context"] = c.context("organization/$entity")
	return reply{status: http.StatusOK, render: func(b []byte) []byte { return appendValue(b, m) }}
}

func listDomains(c *call) reply {
	value := []any{}
	for _, d := range c.t.domains {
		kind := d.Type
		if kind == "" {
			kind = "Managed"
		}
		value = append(value, map[string]any{"id": d.Name, "authenticationType": kind, "isDefault": d.Default, "isInitial": d.Initial,
			"isVerified": true, "isAdminManaged": true, "isRoot": true, "supportedServices": []string{"Email", "OfficeCommunicationsOnline"}})
	}
	context := c.context("domains")
	return reply{status: http.StatusOK, render: func(b []byte) []byte {
		return appendFields(b, []field{{"@odata.context", context}, {"value", value}})
	}}
}
