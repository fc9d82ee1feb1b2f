package simulator

import "strings"

// bodyNames are the names that a request body can hold, by their lower-case form. The service takes them in any case.
var bodyNames = func() map[string]string {
	m := map[string]string{}
	add := func(names ...string) {
		for _, n := range names {
			m[strings.ToLower(n)] = n
		}
	}
	for _, s := range []*schema{userProperties, groupProperties} {
		for _, p := range s.ordered {
			add(p.name)
		}
	}
	add("password", "forceChangePasswordNextSignIn", "forceChangePasswordNextSignInWithMfa")
	for name := range extensionAttributes {
		add(name)
	}
	add("addLicenses", "removeLicenses", "skuId", "disabledPlans")
	add("members@odata.bind", "owners@odata.bind", "manager@odata.bind")
	add("newUserPrincipalName", "autoReconcileProxyConflict", "securityEnabledOnly", "ids", "types")
	add("name", "dataType", "targetObjects", "isMultiValued")
	return m
}()

// exactNames spells the names of a body as the schema does, also within its objects and lists. A name that comes twice in
// different spellings is refused. Extension properties keep the spelling that they came in.
func exactNames(v any) (any, *refusal) {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, name := range sortedKeys(v) {
			inner, fail := exactNames(v[name])
			if fail != nil {
				return nil, fail
			}
			exact := name
			if known, ok := bodyNames[strings.ToLower(name)]; ok {
				exact = known
			}
			if _, twice := out[exact]; twice {
				return nil, badOData("Multiple properties with the name '%s' were detected in a JSON object. In OData, duplicate properties are not allowed.", exact)
			}
			out[exact] = inner
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			inner, fail := exactNames(e)
			if fail != nil {
				return nil, fail
			}
			out[i] = inner
		}
		return out, nil
	}
	return v, nil
}
