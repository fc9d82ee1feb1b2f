package config

import (
	"strings"

	"github.com/entraflow/entraflow/internal/mapping/suggest"
	"github.com/entraflow/entraflow/internal/source"
)

// The keys of each level of a configuration, the same in a file and in JSON: the json tags of the structs.
var (
	connectionKeys = source.Keys(Connection{})
	preferenceKeys = source.Keys(Preferences{})
	guardKeys      = source.Keys(RemovalGuard{})
	ruleKeys       = source.Keys(Rule{})
	groupKeys      = source.Keys(Group{})
	memberKeys     = source.Keys(GroupMembers{})
	groupTextKeys  = source.Keys(GroupText{})
	policyKeys     = source.Keys(RulePolicy{})
)

// elsewhere are names that other products have for our keys.
var elsewhere = map[string]string{
	"tenantdomain": "tenantId", "tenantdomainid": "tenantId", "tenant": "tenantId", "applicationid": "clientId", "appid": "clientId",
	"certificate": KeyCertificate, "clientcertificatepath": KeyCertificate, "clientcertificatefile": KeyCertificate, "federatedtoken": KeyFederated,
	"clientassertion": KeyFederated, "clientassertionfile": KeyFederated,
	"create_users": "allowCreate", "update_users": "allowUpdate", "disable_users": "allowDisable", "deprovision_users": "allowDeprovision",
	"remove_action": "removeAction", "managed": "deprovisionOnRuleDeletion", "active": "enabled", "populationexpression": "filter",
	"userfilter": "filter", "schedule": "syncEvery", "interval": "syncEvery", "path": "file",
}

// unknownKey explains a key that a level does not have; meant is the key it probably stands for, or "".
func unknownKey(key string, known []string) (message, meant string) {
	if strings.EqualFold(key, "clientCertificatePassword") {
		return "encrypted private keys are not supported; take the password off the key (openssl pkcs8 -topk8 -nocrypt), let only the worker read its file, and remove this key", ""
	}
	meant = suggest.Nearest(key, known)
	if other := elsewhere[strings.ToLower(key)]; meant == "" && contains(known, other) {
		meant = other
	}
	if meant != "" {
		return `there is no such key; did you mean "` + meant + `"?`, meant
	}
	return "there is no such key; remove it, or use one of " + strings.Join(known, ", "), ""
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
