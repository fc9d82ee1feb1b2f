package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// listSKUs shows the subscriptions with their stock; there are no pages, and nothing can be filtered.
func listSKUs(c *call) reply {
	if c.query.Has("$filter") || c.query.Has("$top") {
		return c.refuse(badRequest("This query option is not supported for subscribedSkus."))
	}
	value := []any{}
	for _, k := range c.t.skus {
		status, applies := k.CapabilityStatus, k.AppliesTo
		if status == "" {
			status = "Enabled"
		}
		if applies == "" {
			applies = "User"
		}
		value = append(value, map[string]any{
			"accountId": c.t.id, "accountName": strings.ToLower(strings.ReplaceAll(c.t.name, " ", "")), "appliesTo": applies, "capabilityStatus": status,
			"consumedUnits": k.consumed(), "id": c.t.id + "_" + k.SkuID, "skuId": k.SkuID, "skuPartNumber": k.SkuPartNumber,
			"subscriptionIds": []string{derivedID(c.t.id, k.SkuID)},
			"prepaidUnits":    map[string]any{"enabled": k.Enabled, "suspended": 0, "warning": k.Warning, "lockedOut": 0},
			"servicePlans":    servicePlans(k, nil),
		})
	}
	context := c.context("subscribedSkus")
	return reply{status: http.StatusOK, render: func(b []byte) []byte {
		return appendFields(b, []field{{"@odata.context", context}, {"value", value}})
	}}
}

func servicePlans(k *sku, disabled []string) []any {
	out := []any{}
	for _, p := range k.Plans {
		status := "Success"
		if slices.Contains(disabled, p.ID) {
			status = "Disabled"
		}
		out = append(out, map[string]any{"servicePlanId": p.ID, "servicePlanName": p.Name, "provisioningStatus": status, "appliesTo": "User"})
	}
	return out
}

func licenseDetails(c *call) reply {
	rec, fail := c.readUser(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	value := []any{}
	for _, l := range rec.assigned() {
		k := c.t.sku(l.SkuID)
		value = append(value, map[string]any{"id": derivedID(rec.id, k.SkuID), "skuId": k.SkuID, "skuPartNumber": k.SkuPartNumber, "servicePlans": servicePlans(k, l.DisabledPlans)})
	}
	context := c.context("users('" + rec.id + "')/licenseDetails")
	return reply{status: http.StatusOK, render: func(b []byte) []byte {
		return appendFields(b, []field{{"@odata.context", context}, {"value", value}})
	}}
}
