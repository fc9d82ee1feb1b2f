package config

import (
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/mapping/suggest"
)

// The keys of each level of a configuration, the same in a file and in JSON.
var (
	connectionKeys = []string{"name", "description", "tenantId", "clientId", KeySecret, KeyCertificate, KeyFederated, "cloud", "preferences", "rules"}
	preferenceKeys = []string{"removeLicensesWhenSkuIdEmpty", "licenseScope", "allowCreate", "allowUpdate", "allowDisable",
		"allowDeprovision", "removeAction", "deprovisionOnRuleDeletion", "existingUsers", "removeAdopted", "removalGuard"}
	guardKeys = []string{"count", "percent"}
	ruleKeys  = []string{"name", "enabled", "source", "filter", "mappings", "syncEvery"}
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

const groupsMessage = "group provisioning is not yet available; remove this key"

// unknownAttribute explains a mapping's key that is no target attribute.
func unknownAttribute(key string) string {
	switch strings.ToLower(key) {
	case "pingsourcedn":
		return "there is no such attribute: the link that entraflow writes to each account replaces it; remove this mapping"
	}
	var names []string
	for _, a := range directory.Attributes() {
		names = append(names, a.Name)
		names = append(names, a.Aliases...)
	}
	if s := suggest.DidYouMean(key, names); s != "" {
		return "there is no such attribute" + s
	}
	return "there is no such attribute; remove it, or use one that the documentation of mappings lists"
}

// mappedTwice explains a second mapping of one attribute.
func mappedTwice(attribute string) string {
	return "this is " + attribute + ", which is mapped already; remove one of the two"
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
