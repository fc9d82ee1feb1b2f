package config

import (
	"maps"
	"slices"
	"time"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/mapping"
)

// MinSyncEvery is the shortest interval of a schedule.
const MinSyncEvery = time.Minute

// needed says why each attribute must be mapped.
var needed = []struct{ attribute, message string }{
	{directory.UserPrincipalName, `there is no mapping; no account can be without it: map it, as in 'user.username + "@contoso.com"'`},
	{directory.DisplayName, `there is no mapping; no account can be without it: map it, as in 'user.givenName + " " + user.surname'`},
	{directory.MailNickname, "there is no mapping; no account can be without it: map it, as in 'user.username'"},
}

// rule checks everything about a rule but its name.
func (k *checker) rule(i int, r *Rule) {
	k.source(i, r.Source)
	if r.SyncEvery != "" {
		if d, err := time.ParseDuration(r.SyncEvery); err != nil || d < MinSyncEvery {
			k.problem(rulePath(i, "syncEvery"), "this is a duration of at least one minute; write 15m or 24h, or remove the key for no schedule")
		}
	}
	k.policy(rulePath(i, "policy.people"), r.Policy.People)
	k.policy(rulePath(i, "policy.groups"), r.Policy.Groups)
	k.expressions(i, r)
	k.groups(i, r)
}

// expressions checks filter and mappings.
func (k *checker) expressions(i int, r *Rule) {
	path := func(key string) string {
		if key == mapping.FilterKey {
			return rulePath(i, key)
		}
		return rulePath(i, "mappings."+key)
	}
	check := mapping.Check
	if k.shape {
		check = mapping.CheckShape
	}
	problems, warnings := check(r.Expressions())
	for _, p := range problems {
		k.problems = append(k.problems, finding{path: path(p.Key), message: p.Message, offset: p.Offset})
	}
	for _, w := range warnings {
		k.warn(path(w.Key), w.Message)
	}
	mapped := map[string]Mapping{}
	for _, key := range slices.Sorted(maps.Keys(r.Mappings)) {
		m := r.Mappings[key]
		if a, ok := directory.FindAttribute(key); ok {
			mapped[a.Name] = m
		}
		if m.Secret != "" {
			if message := checkReference(m.Secret); message != "" {
				k.problem(path(key), message)
			}
		}
	}
	for _, n := range needed {
		if _, ok := mapped[n.attribute]; !ok {
			k.problem(path(n.attribute), n.message)
		}
	}
	k.together(i, r, mapped)
}

// together checks what mappings mean for one another.
func (k *checker) together(i int, r *Rule, mapped map[string]Mapping) {
	has := func(attribute string) bool { _, ok := mapped[attribute]; return ok }
	if r.Enabled && !has(directory.Password) {
		k.problem(rulePath(i, "mappings.password"), "an enabled rule needs a mapping for the initial password; write 'randomPassword(24)', or set enabled: false")
	}
	if has(directory.DisabledPlans) && !has(directory.SkuID) {
		k.problem(rulePath(i, "mappings.disabledPlans"), "it says which parts of a license are off, and no license is mapped; map skuId, or remove it")
	}
	if has(directory.SkuID) && !has(directory.UsageLocation) {
		k.warn(rulePath(i, "mappings.skuId"), "a license can be assigned only to accounts with a usageLocation; map it, unless all accounts have one already")
	}
	if mapped[directory.Password].Secret != "" && mapped[directory.ResetPassword].Value == false {
		k.warn(rulePath(i, "mappings.resetPassword"), "everybody gets the same initial password and keeps it; remove this mapping, or use randomPassword(24)")
	}
}
