package config

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/source"
)

// connection reads the file's top level. What is missing or malformed keeps its default, so that the check of the
// meaning can go on.
func (d *document) connection(root *yaml.Node) *Connection {
	c := &Connection{Cloud: CloudGlobal, Preferences: DefaultPreferences()}
	f := d.fields(root, "", "", connectionKeys)
	d.bind(f, "", c)
	if c.ClientSecret == "" && (d.bad[KeyCertificate] || d.bad[KeyFederated]) {
		// There is a credential, though one that could not be read: nothing is to be said of a missing secret.
		d.bad[KeySecret] = true
	}
	if n := f["preferences"]; n != nil && !empty(n) {
		d.preferences(n, &c.Preferences)
	}
	if n := f["tables"]; n != nil && !empty(n) {
		c.Tables = d.tables(n)
	}
	if n := f["rules"]; n != nil {
		c.Rules = d.rules(n)
	}
	c.share()
	return c
}

// bind fills the texts, flags and numbers of a struct from the keys that its json tags name. What is absent keeps its default; fields of
// other kinds are their callers'.
func (d *document) bind(fields map[string]*yaml.Node, path string, into any) {
	v := reflect.ValueOf(into).Elem()
	for i, key := range source.Keys(into) {
		switch field := v.Field(i).Addr().Interface().(type) {
		case *string:
			d.text(fields, path, key, field)
		case *bool:
			d.flag(fields, path, key, field)
		case *int:
			d.number(fields, path, key, field)
		case *Policy:
			d.text(fields, path, key, (*string)(field))
		}
	}
}

// tables reads the tables that expressions look values up in.
func (d *document) tables(n *yaml.Node) expression.Tables {
	tables := expression.Tables{}
	entries, _ := d.entries(n, "tables", "tables are keys and values; write a name for each, and its entries below, indented")
	for _, e := range entries {
		path := join("tables", e.key)
		d.at[path] = e.start()
		rows, _ := d.entries(e.node, path, `a table is keys and values, as in Germany: DE`)
		table := make(map[string]string, len(rows))
		for _, row := range rows {
			if v := row.node; v.Kind == yaml.ScalarNode && v.Value == "" && v.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
				table[row.key] = ""
			} else if s, ok := d.scalar(v, join(path, row.key), "!!str", "write a text, in quotes if it looks like something else"); ok {
				table[row.key] = s
			}
		}
		tables[e.key] = table
	}
	return tables
}

// empty recognises a key with nothing after it.
func empty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Tag == "!!null" && n.Anchor == ""
}

func (d *document) preferences(n *yaml.Node, p *Preferences) {
	const path = "preferences"
	f := d.fields(n, path, "preferences are keys and values; write them below, indented", preferenceKeys)
	d.bind(f, path, p)
	if n := f["removalGuard"]; n != nil {
		const guard = path + ".removalGuard"
		d.bind(d.fields(n, guard, "the guard has two numbers; write {count: 5, percent: 10}", guardKeys), guard, &p.RemovalGuard)
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
	if len(n.Content) > MaxRules {
		d.finding("rules", tooManyRules)
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
	filter := f["filter"]
	delete(f, "filter") // An expression has pitfalls of its own.
	d.bind(f, path, &r)
	if n := f["policy"]; n != nil {
		r.Policy = d.policy(n, path+".policy")
	}
	if n := f["source"]; n != nil {
		r.Source = d.source(n, path+".source")
	}
	if filter != nil {
		r.Filter, _ = d.expression(filter, path+".filter", "write an expression in single quotes, or remove the key to include everybody")
	}
	if n := f["mappings"]; n != nil {
		d.mappings(n, path+".mappings", r.Mappings)
	}
	d.groupSettings(f, path, &r)
	return r
}

// policy reads one word for people and groups, or a word for each.
func (d *document) policy(n *yaml.Node, path string) (p RulePolicy) {
	if n.Kind != yaml.ScalarNode {
		d.bind(d.fields(n, path, "a policy is one word, or {people: …, groups: …}", policyKeys), path, &p)
		return p
	}
	word, _ := d.scalar(n, path, "!!str", "write sync, upsertOnly, createOnly or observe")
	d.at[path+".people"], d.at[path+".groups"] = placeOf(n), placeOf(n)
	return RulePolicy{People: Policy(word), Groups: Policy(word)}
}

// mappings reads a rule's mappings under Graph's names, whatever aliases the file uses.
func (d *document) mappings(n *yaml.Node, path string, into map[string]Mapping) {
	entries, _ := d.entries(n, path, "mappings are keys and values; write them below, indented, as in displayName: 'user.name'")
	seen := map[string]bool{}
	for _, e := range entries {
		a, ok := directory.FindAttribute(e.key)
		if !ok {
			d.report(e.place, join(path, e.key), mapping.UnknownAttribute(e.key))
			continue
		}
		if seen[a.Name] {
			d.report(e.place, join(path, e.key), mapping.MappedTwice(a.Name))
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
	known := []string{"value", "expression"}
	switch {
	case a.Type == directory.Secret:
		known = []string{"secret", "value"}
	case a.Name == directory.UserPrincipalName:
		known = append(known, "firstFree")
	}
	entries, ok := d.entries(n, path, wanted)
	if !ok {
		return Mapping{}, false
	}
	m, entries, ok := d.mappingOptions(entries, path)
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
		m.Secret, ok = d.scalar(e.node, path, "!!str", "write env:NAME or file:PATH")
		return m, ok
	}
	if e.key == "expression" {
		m.Expression, ok = d.expression(e.node, path, wanted)
		return m, ok
	}
	if e.key == "firstFree" {
		m.FirstFree, ok = d.candidates(e.node, join(path, "firstFree"))
		return m, ok
	}
	m.Value, ok = d.constant(e.node, path)
	return m, ok
}

// candidates reads the expressions of firstFree.
func (d *document) candidates(n *yaml.Node, path string) ([]string, bool) {
	const wanted = "write a list of expressions in single quotes, as in {firstFree: ['…', '…']}"
	if d.decorated(n, path) {
		return nil, false
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		d.report(placeOf(n), path, "it is no list of expressions; "+wanted)
		return nil, false
	}
	list, all := make([]string, len(n.Content)), true
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.at[at] = placeOf(item)
		var ok bool
		list[i], ok = d.expression(item, at, wanted)
		all = all && ok
	}
	return list, all
}

// mappingOptions takes those keys of a mapping that say when and with what default it is written; rest are the others.
func (d *document) mappingOptions(entries []entry, path string) (m Mapping, rest []entry, ok bool) {
	for _, e := range entries {
		ok := true
		switch e.key {
		case "when":
			m.When, ok = d.scalar(e.node, path, "!!str", "write create or always, or remove when")
		case "whenEmpty":
			m.WhenEmpty, ok = d.scalar(e.node, path, "!!str", "write clear or leave, or remove whenEmpty")
		case "default":
			m.Default, ok = d.constant(e.node, path)
		default:
			rest = append(rest, e)
		}
		if !ok {
			return Mapping{}, nil, false
		}
	}
	return m, rest, true
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
