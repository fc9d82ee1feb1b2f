package config

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
)

// Change says which parts of a connection differ between two revisions, so that the Connection workflow can refuse what
// never changes and knows what must be synced again. Another order of the rules is no change of any of them.
type Change struct {
	// Forbidden are the settings that differ though they never change after creation: "name", "tenantId", "clientId",
	// "cloud", and "rules[<name>].source". Such a change is refused as a whole.
	Forbidden []string
	// Credentials: what the application signs in with, or where that is kept.
	Credentials bool
	// Preferences: removeLicensesWhenSkuIdEmpty, licenseScope, existingUsers or removalGuard.
	Preferences bool
	// Actions: an allow switch, removeAction, removeAdopted or deprovisionOnRuleDeletion. They act at the next transition
	// and lead to no sync.
	Actions bool
	// Description: the text alone.
	Description bool
	// Order: the same enabled rules in another order, which decides between two that claim one person.
	Order bool
	// Rules are the rules that differ, sorted by name.
	Rules []RuleChange
}

// RuleChange says how a rule differs.
type RuleChange struct {
	Name string
	// Added and Removed exclude everything below.
	Added, Removed bool
	// Source differs in what identifies it, which is forbidden.
	Source bool
	// Reading: how the source is read differs.
	Reading bool
	// Enabled differs.
	Enabled bool
	Filter  bool
	// Mappings are the attributes whose mappings differ, sorted.
	Mappings []string
	// Tables: a table differs, and the rule looks something up.
	Tables bool
	// Groups: which groups are kept, or what they are at the target; or which groups give licenses.
	Groups bool
	// Leaving: what happens to groups that leave the rule, or to the memberships of people who leave. It acts at the next transition
	// and leads to no sync.
	Leaving bool
	// Schedule: syncEvery.
	Schedule bool
	// Policy: how far its plans are carried out.
	Policy bool
}

// Syncs reports whether the change leads to a sync of the rule by itself: it is new, enabled or disabled, or includes
// other people or gives them other values.
func (r RuleChange) Syncs() bool {
	return r.Added || r.Enabled || r.Reading || r.Policy || r.Filter || r.Tables || r.Groups || len(r.Mappings) > 0
}

// None reports whether nothing differs.
func (c Change) None() bool {
	return len(c.Forbidden) == 0 && !c.Credentials && !c.Preferences && !c.Actions && !c.Description && !c.Order && len(c.Rules) == 0
}

// SyncsAll reports whether the change leads to a sync of every rule.
func (c Change) SyncsAll() bool { return c.Credentials || c.Preferences || c.Order }

// Syncs gives the names of the enabled rules of the new revision that the change leads to a sync of, in the file's order.
func (c Change) Syncs(revision Connection) []string {
	var names []string
	for _, r := range revision.Rules {
		i := slices.IndexFunc(c.Rules, func(rc RuleChange) bool { return rc.Name == r.Name })
		if r.Enabled && (c.SyncsAll() || i >= 0 && c.Rules[i].Syncs()) {
			names = append(names, r.Name)
		}
	}
	return names
}

// ChangeOf compares two revisions of a connection. It is deterministic: what it takes from maps is sorted.
//
//workflowcheck:ignore
func ChangeOf(old, revision Connection) Change {
	c := Change{
		Credentials: old.ClientSecret != revision.ClientSecret || old.ClientCertificate != revision.ClientCertificate ||
			old.FederatedTokenFile != revision.FederatedTokenFile,
		Preferences: old.Preferences.synced() != revision.Preferences.synced(),
		Actions:     old.Preferences.actions() != revision.Preferences.actions(),
		Description: old.Description != revision.Description,
	}
	for _, setting := range []struct{ name, old, new string }{
		{"name", old.Name, revision.Name},
		{"tenantId", old.TenantID, revision.TenantID},
		{"clientId", old.ClientID, revision.ClientID},
		{"cloud", old.cloud(), revision.cloud()},
	} {
		if setting.old != setting.new {
			c.Forbidden = append(c.Forbidden, setting.name)
		}
	}
	names := append(ruleNames(old), ruleNames(revision)...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if rc, differs := ruleChange(old, revision, name); differs {
			c.Rules = append(c.Rules, rc)
			if rc.Source {
				c.Forbidden = append(c.Forbidden, "rules["+name+"].source")
			}
		}
	}
	c.Order = !slices.Equal(common(old, revision), common(revision, old))
	return c
}

// synced are the preferences whose change leads to a sync; the others are zero.
func (p Preferences) synced() Preferences { return p.only(true) }

// actions are the preferences whose change leads to no sync; the others are zero.
func (p Preferences) actions() Preferences { return p.only(false) }

// only keeps the preferences whose change leads to a sync, or those whose change does not.
func (p Preferences) only(sync bool) Preferences {
	v := reflect.ValueOf(&p).Elem()
	for i := range v.NumField() {
		if (v.Type().Field(i).Tag.Get("change") == "sync") != sync {
			v.Field(i).SetZero()
		}
	}
	return p
}

func (c Connection) cloud() string {
	if c.Cloud == "" {
		return CloudGlobal
	}
	return c.Cloud
}

func ruleNames(c Connection) []string {
	names := make([]string, len(c.Rules))
	for i, r := range c.Rules {
		names[i] = r.Name
	}
	return names
}

// common gives the names of a's rules that are enabled in both, in a's order.
func common(a, b Connection) []string {
	var names []string
	for _, r := range a.Rules {
		if other, ok := b.Rule(r.Name); ok && r.Enabled && other.Enabled {
			names = append(names, r.Name)
		}
	}
	return names
}

func ruleChange(old, revision Connection, name string) (RuleChange, bool) {
	before, had := old.Rule(name)
	after, has := revision.Rule(name)
	if !had || !has {
		return RuleChange{Name: name, Added: has, Removed: had}, true
	}
	c := RuleChange{
		Name:     name,
		Source:   before.Source.Identity() != after.Source.Identity(),
		Reading:  before.Source.Identity() == after.Source.Identity() && before.Source.Key() != after.Source.Key(),
		Enabled:  before.Enabled != after.Enabled,
		Filter:   before.Filter != after.Filter,
		Mappings: mappingChanges(before.Mappings, after.Mappings),
		Schedule: before.Interval() != after.Interval(),
		Policy:   before.Policy != after.Policy,
		Tables:   after.looksUp() && !maps.EqualFunc(before.tables, after.tables, maps.Equal[map[string]string, map[string]string]),
	}
	c.Groups, c.Leaving = groupChanges(before, after)
	return c, c.Groups || c.Leaving || c.Source || c.Reading || c.Tables || c.Enabled || c.Filter || len(c.Mappings) > 0 || c.Schedule || c.Policy
}

// mappingChanges compares mappings as JSON, where a list read from a file and one that has travelled are the same.
func mappingChanges(before, after map[string]Mapping) []string {
	all := maps.Clone(before)
	if all == nil {
		all = map[string]Mapping{}
	}
	maps.Copy(all, after)
	var changed []string
	for _, attribute := range slices.Sorted(maps.Keys(all)) {
		b, had := before[attribute]
		a, has := after[attribute]
		if had != has || encode(b) != encode(a) {
			changed = append(changed, attribute)
		}
	}
	return changed
}

func encode(m Mapping) string {
	b, err := json.Marshal(m)
	if err != nil {
		// A value that JSON cannot hold came from neither a file nor JSON; it is taken for changed.
		return err.Error()
	}
	return string(b)
}
