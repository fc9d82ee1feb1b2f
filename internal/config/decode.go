package config

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/entraflow/entraflow/internal/directory"
)

// connection reads the file's top level. What is missing or malformed keeps its default, so that the check of the
// meaning can go on.
func (d *document) connection(root *yaml.Node) *Connection {
	c := &Connection{Cloud: CloudGlobal, Preferences: DefaultPreferences()}
	f := d.fields(root, "", "", connectionKeys)
	d.text(f, "", "name", &c.Name)
	d.text(f, "", "description", &c.Description)
	d.text(f, "", "tenantId", &c.TenantID)
	d.text(f, "", "clientId", &c.ClientID)
	d.text(f, "", KeySecret, &c.ClientSecret)
	d.text(f, "", KeyCertificate, &c.ClientCertificate)
	d.text(f, "", KeyFederated, &c.FederatedTokenFile)
	if c.ClientSecret == "" && (d.bad[KeyCertificate] || d.bad[KeyFederated]) {
		// There is a credential, though one that could not be read: nothing is to be said of a missing secret.
		d.bad[KeySecret] = true
	}
	d.text(f, "", "cloud", &c.Cloud)
	if n := f["preferences"]; n != nil && !empty(n) {
		d.preferences(n, &c.Preferences)
	}
	if n := f["rules"]; n != nil {
		c.Rules = d.rules(n)
	}
	return c
}

// empty recognises a key with nothing after it.
func empty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Tag == "!!null" && n.Anchor == ""
}

func (d *document) preferences(n *yaml.Node, p *Preferences) {
	const path = "preferences"
	f := d.fields(n, path, "preferences are keys and values; write them below, indented", preferenceKeys)
	d.flag(f, path, "removeLicensesWhenSkuIdEmpty", &p.RemoveLicensesWhenSkuIDEmpty)
	d.text(f, path, "licenseScope", &p.LicenseScope)
	d.flag(f, path, "allowCreate", &p.AllowCreate)
	d.flag(f, path, "allowUpdate", &p.AllowUpdate)
	d.flag(f, path, "allowDisable", &p.AllowDisable)
	d.flag(f, path, "allowDeprovision", &p.AllowDeprovision)
	d.text(f, path, "removeAction", &p.RemoveAction)
	d.flag(f, path, "deprovisionOnRuleDeletion", &p.DeprovisionOnRuleDeletion)
	d.text(f, path, "existingUsers", &p.ExistingUsers)
	d.flag(f, path, "removeAdopted", &p.RemoveAdopted)
	if n := f["removalGuard"]; n != nil {
		g := d.fields(n, path+".removalGuard", "the guard has two numbers; write {count: 5, percent: 10}", guardKeys)
		d.number(g, path+".removalGuard", "count", &p.RemovalGuard.Count)
		d.number(g, path+".removalGuard", "percent", &p.RemovalGuard.Percent)
	}
}

func (d *document) rules(n *yaml.Node) []Rule {
	if d.decorated(n, "rules") {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		d.report(placeOf(n), "rules", "rules are a list; begin each with a dash, as in - name: staff")
		return nil
	}
	rules := make([]Rule, len(n.Content))
	for i, item := range n.Content {
		d.at[rulePath(i, "")] = placeOf(item)
		rules[i] = d.rule(item, rulePath(i, ""))
	}
	return rules
}

func (d *document) rule(n *yaml.Node, path string) Rule {
	r := Rule{Enabled: true, Mappings: map[string]Mapping{}}
	f := d.fields(n, path, "a rule is keys and values; begin it with - name: …", ruleKeys)
	d.text(f, path, "name", &r.Name)
	d.flag(f, path, "enabled", &r.Enabled)
	d.text(f, path, "syncEvery", &r.SyncEvery)
	if n := f["source"]; n != nil {
		r.Source = d.source(n, path+".source")
	}
	if n := f["filter"]; n != nil {
		r.Filter, _ = d.expression(n, path+".filter", "write an expression in single quotes, or remove the key to include everybody")
	}
	if n := f["mappings"]; n != nil {
		d.mappings(n, path+".mappings", r.Mappings)
	}
	return r
}

// mappings reads a rule's mappings under Graph's names, whatever aliases the file uses.
func (d *document) mappings(n *yaml.Node, path string, into map[string]Mapping) {
	entries, _ := d.entries(n, path, "mappings are keys and values; write them below, indented, as in displayName: 'user.name'")
	seen := map[string]bool{}
	for _, e := range entries {
		a, ok := directory.FindAttribute(e.key)
		if !ok {
			d.report(e.place, join(path, e.key), unknownAttribute(e.key))
			continue
		}
		if seen[a.Name] {
			d.report(e.place, join(path, e.key), mappedTwice(a.Name))
			continue
		}
		seen[a.Name] = true
		key := join(path, a.Name)
		d.at[key] = e.start()
		if m, ok := d.mapping(e.node, key, a); ok {
			into[a.Name] = m
		}
	}
}

func (d *document) mapping(n *yaml.Node, path string, a directory.Attribute) (Mapping, bool) {
	wanted := "write an expression in single quotes, or a constant as {value: …}"
	if a.Type == directory.Secret {
		wanted = "write 'randomPassword(24)', or {secret: env:NAME}"
	}
	if n.Kind != yaml.MappingNode {
		s, ok := d.expression(n, path, wanted)
		return Mapping{Expression: s}, ok
	}
	known := []string{"value"}
	if a.Type == directory.Secret {
		known = []string{"secret", "value"}
	}
	entries, ok := d.entries(n, path, wanted)
	if !ok {
		return Mapping{}, false
	}
	if len(entries) != 1 || !contains(known, entries[0].key) {
		d.report(placeOf(n), path, "YAML reads this as keys and values ({…}), and it is not {"+known[0]+": …}; "+wanted)
		return Mapping{}, false
	}
	e := entries[0]
	if a.Type == directory.Secret && e.key == "value" {
		d.report(placeOf(e.node), path, "a fixed password must not stand in the configuration; "+wanted)
		return Mapping{}, false
	}
	if e.key == "secret" {
		s, ok := d.scalar(e.node, path, "!!str", "write env:NAME or file:PATH")
		return Mapping{Secret: s}, ok
	}
	v, ok := d.constant(e.node, path)
	return Mapping{Value: v}, ok
}

// constant reads {value: …}: a text, true or false, or a list of texts.
func (d *document) constant(n *yaml.Node, path string) (any, bool) {
	const wanted = "put it in quotes"
	switch {
	case d.decorated(n, path):
		return nil, false
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool":
		return strings.EqualFold(n.Value, "true"), true
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str":
		return n.Value, true
	case n.Kind == yaml.SequenceNode:
		list := make([]string, len(n.Content))
		for i, item := range n.Content {
			s, ok := d.scalar(item, path, "!!str", wanted)
			if !ok {
				return nil, false
			}
			list[i] = s
		}
		return list, true
	case empty(n):
		d.report(placeOf(n), path, `it is empty; write the value, or {value: ""} to keep the attribute empty`)
		return nil, false
	}
	d.report(placeOf(n), path, "YAML reads this as "+kindOf(n)+"; "+wanted+", as in {value: \"…\"}")
	return nil, false
}
