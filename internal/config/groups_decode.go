package config

import (
	"encoding/json"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/entraflow/entraflow/internal/source"
)

// groupSettings reads what a rule says of groups.
func (d *document) groupSettings(f map[string]*yaml.Node, path string, r *Rule) {
	if n := f["groups"]; n != nil {
		r.Groups = d.groups(n, path+".groups")
	}
	if n := f["groupMembers"]; n != nil {
		const wanted = "these are keys and values; write {whenDeprovisioned: remove} or {whenDeprovisioned: leave}"
		at := path + ".groupMembers"
		d.bind(d.fields(n, at, wanted, memberKeys), at, &r.GroupMembers)
	}
	if n := f["licenseGroups"]; n != nil {
		r.LicenseGroups = d.licenseGroups(n, path+".licenseGroups")
	}
}

func (d *document) groups(n *yaml.Node, path string) []Group {
	if d.decorated(n, path) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		d.report(placeOf(n), path, "groups are a list; write [Engineering], or begin each with a dash")
		return nil
	}
	if len(n.Content) > MaxGroups {
		d.finding(path, tooManyGroups)
		return nil
	}
	groups := make([]Group, len(n.Content))
	for i, item := range n.Content {
		at := path + "[" + strconv.Itoa(i) + "]"
		d.at[at] = placeOf(item)
		groups[i] = d.group(item, at)
	}
	return groups
}

func (d *document) group(n *yaml.Node, path string) Group {
	const wanted = "write the name or id of a group of the source, in quotes if it looks like something else, or {source: …, name: …}"
	var g Group
	if n.Kind != yaml.MappingNode {
		name, _ := d.scalar(n, path, "!!str", wanted)
		return Group{Source: source.Clean(name)}
	}
	f := d.fields(n, path, wanted, groupKeys)
	match := f["match"]
	delete(f, "match") // An expression has pitfalls of its own.
	d.bind(f, path, &g)
	g.Source = source.Clean(g.Source)
	if match != nil {
		var ok bool
		if g.Match, ok = d.expression(match, path+".match", `write an expression in single quotes, as in 'group.name.startsWith("app-")'`); !ok {
			// What was meant is known: nothing is to be said of a missing source.
			d.bad[path+".source"] = true
		}
	}
	for _, t := range g.texts() {
		if n := f[t.key]; n != nil {
			*t.text = d.groupText(n, path+"."+t.key)
		}
	}
	return g
}

// groupText reads a constant or {expression: …}.
func (d *document) groupText(n *yaml.Node, path string) GroupText {
	const wanted = `write a text, in quotes if it looks like something else, or {expression: 'group.name + " (HR)"'}; without the key the default holds`
	if n.Kind != yaml.MappingNode {
		text, _ := d.scalar(n, path, "!!str", wanted)
		return GroupText{Value: text}
	}
	entries, ok := d.entries(n, path, wanted)
	if !ok {
		return GroupText{}
	}
	if len(entries) != 1 || !contains(groupTextKeys, entries[0].key) {
		d.report(placeOf(n), path, "YAML reads this as keys and values ({…}), and it is not {expression: …}; "+wanted)
		return GroupText{}
	}
	if e := entries[0]; e.key == "expression" {
		text, _ := d.expression(e.node, path, wanted)
		return GroupText{Expression: text}
	}
	text, _ := d.scalar(entries[0].node, path, "!!str", wanted)
	return GroupText{Value: text}
}

func (d *document) licenseGroups(n *yaml.Node, path string) map[string]string {
	groups := map[string]string{}
	entries, _ := d.entries(n, path, `these are licenses and groups; write {SPE_E3: "Licenses E3"}`)
	for _, e := range entries {
		at := join(path, e.key)
		d.at[at] = e.start()
		if name, ok := d.scalar(e.node, at, "!!str", "write the name or the object id of the group at the target that gives the license"); ok {
			groups[e.key] = name
		}
	}
	return groups
}

// groups finds the keys of groups in JSON that there are not, and texts that are empty: an empty one would mean the default.
func (w *walker) groups(b json.RawMessage, path string) {
	var groups []json.RawMessage
	_ = json.Unmarshal(b, &groups)
	for i, raw := range groups {
		at := path + "[" + strconv.Itoa(i) + "]"
		g := w.object(raw, at, groupKeys)
		for _, t := range (&Group{}).texts() {
			w.object(g[t.key], at+"."+t.key, groupTextKeys)
			if text := string(g[t.key]); text == `""` || text == "null" || text == "{}" {
				w.found = append(w.found, finding{path: at + "." + t.key, message: "it is empty; write a text, or remove the key for the default"})
			}
		}
		if text := string(g["match"]); text == `""` || text == "null" {
			w.found = append(w.found, finding{path: at + ".match", message: "it is empty; write an expression, or remove the key"})
		}
	}
}
