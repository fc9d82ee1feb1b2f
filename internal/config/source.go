package config

import (
	"encoding/json"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/stores"
)

// Source names the identity store that a rule reads: the settings of one of the stores in the registry, which alone knows
// their keys. On the wire it is the object that stands below `source:`.
type Source struct {
	// Settings are nil only where a rule was made without any.
	Settings source.Settings
	// Use is what the rules that read the source use of it (Connection.Reads); no part of the settings.
	Use source.Use
}

// MarshalJSON writes the store's settings.
func (s Source) MarshalJSON() ([]byte, error) {
	if s.Settings == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(s.Settings)
}

// UnmarshalJSON reads the settings of whichever store they are of. What is wrong with them is reported by Validate.
func (s *Source) UnmarshalJSON(b []byte) error {
	s.Settings = stores.Decode(b, source.Report{Problem: func(string, string) {}, Unknown: func(string, []string) {}})
	return nil
}

// Key identifies what is read, so that two rules reading the same people in the same way are known to do so.
func (s Source) Key() string {
	if s.Settings == nil {
		return ""
	}
	return s.Settings.Key()
}

// Identity is what never changes after creation.
func (s Source) Identity() string {
	if s.Settings == nil {
		return ""
	}
	return source.IdentityOf(s.Settings)
}

// Tag is the source's short name in the marks of accounts, the same wherever the configuration lies.
func (s Source) Tag() string {
	if s.Settings == nil {
		return ""
	}
	return s.Settings.Tag()
}

// Place says where the people are, for messages.
func (s Source) Place() string {
	if s.Settings == nil {
		return ""
	}
	return s.Settings.Place()
}

// source reads what stands below a rule's `source:` and hands it to its store.
func (d *document) source(n *yaml.Node, path string) Source {
	entries, ok := d.entries(n, path, "a source is keys and values; write {file: people.csv}")
	if !ok {
		return Source{}
	}
	text, err := json.Marshal(d.members(entries, path))
	if err != nil {
		d.report(placeOf(n), path, "it cannot be read; correct it")
		return Source{}
	}
	s := Source{Settings: stores.Decode(text, source.Report{
		Problem: func(key, message string) { d.finding(join(path, key), message) },
		Unknown: func(key string, known []string) {
			message, meant := unknownKey(lastKey(key), known)
			d.finding(join(path, key), message)
			if meant != "" {
				d.bad[join(path, strings.TrimSuffix(key, lastKey(key))+meant)] = true
			}
		},
	})}
	for _, e := range s.Settings.Expressions() {
		key := join(path, e.Key)
		if n := d.nodes[key]; n != nil && d.commented(n) {
			d.finding(key, "YAML ends the value at # and takes the rest for a comment; put the whole expression in single quotes, then a comment may follow")
		}
	}
	return s
}

// finding notes a problem at the place of a key.
func (d *document) finding(path, message string) {
	d.found = append(d.found, finding{path: path, message: message})
	d.bad[path] = true
}

func lastKey(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// members turns keys and values into plain values. What YAML makes something else of than is written is reported.
func (d *document) members(entries []entry, path string) map[string]any {
	members := map[string]any{}
	for _, e := range entries {
		key := join(path, e.key)
		d.at[key] = e.start()
		d.nodes[key] = e.node
		if v, ok := d.plain(e.node, key); ok {
			members[e.key] = v
		}
	}
	return members
}

// plain turns a node into what JSON has for it.
func (d *document) plain(n *yaml.Node, path string) (any, bool) {
	switch {
	case d.decorated(n, path):
		return nil, false
	case n.Kind == yaml.MappingNode:
		entries, ok := d.entries(n, path, "")
		return d.members(entries, path), ok
	case n.Kind == yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			v, ok := d.plain(item, path)
			if !ok {
				return nil, false
			}
			list[i] = v
		}
		return list, true
	}
	switch n.ShortTag() {
	case "!!str":
		return n.Value, true
	case "!!bool":
		return strings.EqualFold(n.Value, "true"), true
	case "!!int":
		// A number with leading zeros is a code, and YAML would read it as something else.
		if i, err := strconv.ParseInt(n.Value, 10, 64); err == nil && strconv.FormatInt(i, 10) == n.Value {
			return i, true
		}
	case "!!null":
		d.report(placeOf(n), path, "it is empty; write a value, or remove the key")
		return nil, false
	}
	d.report(placeOf(n), path, "YAML reads this as "+kindOf(n)+"; write a text, in quotes if it looks like something else")
	return nil, false
}

// source checks the settings of a rule's source by themselves.
func (k *checker) source(i int, s Source) {
	at := func(key string) string { return rulePath(i, strings.TrimSuffix("source."+key, ".")) }
	settings := s.Settings
	if settings == nil {
		settings = stores.Decode([]byte("{}"), source.Report{})
	}
	settings.Check(source.Report{
		Problem: func(key, message string) { k.problem(at(key), message) },
		Warning: func(key, message string) { k.warn(at(key), message) },
		Unknown: func(key string, known []string) {
			message, _ := unknownKey(key, known)
			k.problem(at(key), message)
		},
	})
	if k.shape {
		return
	}
	for _, e := range settings.Expressions() {
		_, problems := expression.Compile(e.Text, expression.Condition, expression.Scope{})
		for _, p := range problems {
			k.problems = append(k.problems, finding{path: at(e.Key), message: p.Message, offset: p.Offset})
		}
	}
}
