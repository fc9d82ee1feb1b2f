package config

import (
	"maps"
	"slices"
	"time"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/mapping/field"
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
	k.filter(i, r)
	k.mappings(i, r)
}

func (k *checker) filter(i int, r *Rule) {
	if r.Filter == "" {
		return
	}
	e, problems := expression.Compile(r.Filter, expression.Condition, expression.Scope{})
	k.expression(rulePath(i, "filter"), problems)
	if e != nil && e.Constant() {
		k.warn(rulePath(i, "filter"), "it is the same for everybody; name a column, or remove the key to include everybody")
	}
}

func (k *checker) expression(path string, problems []expression.Problem) {
	for _, p := range problems {
		k.problems = append(k.problems, finding{path: path, message: p.Message, offset: p.Offset})
	}
}

func (k *checker) mappings(i int, r *Rule) {
	path := func(attribute string) string { return rulePath(i, "mappings."+attribute) }
	mapped := map[string]Mapping{}
	for _, key := range slices.Sorted(maps.Keys(r.Mappings)) {
		a, ok := directory.FindAttribute(key)
		if !ok {
			k.problem(path(key), unknownAttribute(key))
			continue
		}
		if _, twice := mapped[a.Name]; twice {
			k.problem(path(key), mappedTwice(a.Name))
			continue
		}
		m := r.Mappings[key]
		mapped[a.Name] = m
		if m.parts() > 1 {
			k.problem(path(key), "it has more than one of expression, value and secret; keep one")
			continue
		}
		if m.Secret != "" {
			if message := checkReference(m.Secret); message != "" {
				k.problem(path(key), message)
				continue
			}
		}
		_, problems := field.Compile(a, field.Spec{Expression: m.Expression, Value: m.Value, Secret: m.Secret}, expression.Scope{})
		k.expression(path(key), problems)
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
		k.problem(rulePath(i, "mappings.disabledPlans"), "it says which parts of a licence are off, and no licence is mapped; map skuId, or remove it")
	}
	if has(directory.SkuID) && !has(directory.UsageLocation) {
		k.warn(rulePath(i, "mappings.skuId"), "a licence can be assigned only to accounts with a usageLocation; map it, unless all accounts have one already")
	}
	if mapped[directory.Password].Secret != "" && mapped[directory.ResetPassword].Value == false {
		k.warn(rulePath(i, "mappings.resetPassword"), "everybody gets the same initial password and keeps it; remove this mapping, or use randomPassword(24)")
	}
}

// parts counts which of the three ways of mapping are used.
func (m Mapping) parts() int {
	n := 0
	for _, used := range []bool{m.Expression != "", m.Value != nil, m.Secret != ""} {
		if used {
			n++
		}
	}
	return n
}
