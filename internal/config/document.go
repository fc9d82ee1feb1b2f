package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document reads a file's YAML node by node, so that every problem has its line and nothing is taken for something else.
type document struct {
	file  string
	lines [][]rune
	// at is where each key's value stands.
	at map[string]place
	// nodes are the values of expressions, for places within them.
	nodes map[string]*yaml.Node
	// bad are keys about which something was said already.
	bad   map[string]bool
	found []finding
}

// lineBreak is what YAML takes for the end of a line.
var lineBreak = regexp.MustCompile("\r\n|[\n\r\u0085\u2028\u2029]")

func newDocument(file string, data []byte) *document {
	d := &document{file: file, at: map[string]place{}, nodes: map[string]*yaml.Node{}, bad: map[string]bool{}}
	for _, line := range lineBreak.Split(strings.TrimPrefix(string(data), "\ufeff"), -1) {
		d.lines = append(d.lines, []rune(line))
	}
	return d
}

// root parses the file and gives its mapping, or nil when there is none.
func (d *document) root(data []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	err := decoder.Decode(&first)
	if errors.Is(err, io.EOF) {
		d.report(place{1, 1}, "", "the file is empty; write a connection, beginning with name")
		return nil
	}
	if err != nil {
		d.syntax(err)
		return nil
	}
	if err := decoder.Decode(&second); err == nil {
		d.report(placeOf(&second), "", "a file holds one connection; move what follows --- to a file of its own")
		return nil
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err)
		return nil
	}
	root := first.Content[0]
	if root.Kind != yaml.MappingNode {
		d.report(placeOf(root), "", "the file is not a list of keys and values; write a connection, beginning with name: …")
		return nil
	}
	return root
}

func placeOf(n *yaml.Node) place { return place{n.Line, n.Column} }

// report notes a problem at a known place, and that nothing more need be said about the path.
func (d *document) report(at place, path, message string) {
	d.found = append(d.found, finding{path: path, message: message, at: at})
	d.bad[path] = true
}

// add takes over the findings of a check, except those that follow from what was said already.
func (d *document) add(found []finding) {
	for _, f := range found {
		if !d.excused(f.path) {
			d.found = append(d.found, f)
		}
	}
}

// excused reports whether something was said about the path or about what it is part of.
func (d *document) excused(path string) bool {
	for ; path != ""; path = parent(path) {
		if d.bad[path] {
			return true
		}
	}
	return false
}

// parent cuts the last key off a path.
func parent(path string) string {
	i := max(strings.LastIndexByte(path, '.'), strings.LastIndexByte(path, '['))
	return path[:max(i, 0)]
}

func (d *document) problems(c *Connection) Problems { return problemsOf(c, d.found, d.locate) }

// locate gives a finding its place: the value's, or that of the nearest thing around it that the file has.
func (d *document) locate(f finding) Problem {
	at := f.at
	if at.line == 0 {
		at = place{1, 1}
		for path := f.path; path != ""; path = parent(path) {
			if known, ok := d.at[path]; ok {
				at = known
				if path == f.path && f.offset > 0 && d.nodes[path] != nil {
					at = d.within(d.nodes[path], f.offset)
				}
				break
			}
		}
	}
	return Problem{File: d.file, Line: at.line, Column: at.column}
}

// maxKeys is how many keys may be on one level: more than the tables may have entries.
const maxKeys = 2 * MaxEntries

// entry is one key with its value.
type entry struct {
	key   string
	node  *yaml.Node
	place place
}

// start is where the value begins; for keys below the key, the key.
func (e entry) start() place {
	if e.node.Kind != yaml.ScalarNode && e.node.Line > e.place.line {
		return e.place
	}
	return placeOf(e.node)
}

// entries gives the keys of a mapping in the file's order and reports everything that is no proper key. Without ok the
// node is no mapping; wanted then says what to write.
func (d *document) entries(n *yaml.Node, path, wanted string) (entries []entry, ok bool) {
	if d.decorated(n, path) {
		return nil, false
	}
	if n.Kind != yaml.MappingNode {
		d.report(placeOf(n), path, wanted)
		return nil, false
	}
	if keys := len(n.Content) / 2; keys > maxKeys {
		d.report(placeOf(n), path, strconv.Itoa(keys)+" keys stand here, and at most "+strconv.Itoa(maxKeys)+" are possible; shorten it")
		return nil, false
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case k.ShortTag() == "!!merge":
			d.report(placeOf(k), path+".<<", "YAML's merge keys are not supported; write the keys out")
			continue
		case k.Kind != yaml.ScalarNode:
			d.report(placeOf(k), path+".?", "a key is a word; put it in quotes, or remove it")
			continue
		case d.decorated(k, path+".?"):
			continue
		}
		if line, twice := seen[k.Value]; twice {
			d.report(placeOf(k), join(path, k.Value), "this key stands already in line "+strconv.Itoa(line)+"; remove one of the two")
			continue
		}
		seen[k.Value] = k.Line
		entries = append(entries, entry{k.Value, v, placeOf(k)})
	}
	return entries, true
}

// fields is entries for a level whose keys are known; unknown ones are reported.
func (d *document) fields(n *yaml.Node, path, wanted string, known []string) map[string]*yaml.Node {
	entries, _ := d.entries(n, path, wanted)
	fields := make(map[string]*yaml.Node, len(entries))
	for _, e := range entries {
		if contains(known, e.key) {
			d.at[join(path, e.key)] = e.start()
			fields[e.key] = e.node
			continue
		}
		message, meant := unknownKey(e.key, known)
		d.report(e.place, join(path, e.key), message)
		if meant != "" {
			d.bad[join(path, meant)] = true
		}
	}
	return fields
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// decorated refuses YAML's tags, anchors and aliases, which turn what is written into something else.
func (d *document) decorated(n *yaml.Node, path string) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		d.report(placeOf(n), path, "YAML's anchors (&) and aliases (*) are not supported; write the value out, or put it in single quotes")
	case n.Style&yaml.TaggedStyle != 0 || d.lead(n) == '!':
		d.report(placeOf(n), path, "YAML takes a leading ! for a tag and drops it; put the whole value in single quotes")
	default:
		return false
	}
	return true
}

// lead is the character at which a node begins. YAML forgets a lone "!" before a value, and so the text is asked.
func (d *document) lead(n *yaml.Node) rune {
	if n.Line < 1 || n.Line > len(d.lines) || n.Column < 1 || n.Column > len(d.lines[n.Line-1]) {
		return 0
	}
	return d.lines[n.Line-1][n.Column-1]
}

// scalar gives the node's text if it is of the tag, and reports anything else.
func (d *document) scalar(n *yaml.Node, path, tag, wanted string) (string, bool) {
	switch {
	case d.decorated(n, path):
		return "", false
	case n.Kind == yaml.ScalarNode && n.ShortTag() == tag && (n.Value != "" || tag != "!!str"):
		return n.Value, true
	case n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!null" || n.Value == ""):
		d.report(placeOf(n), path, "it is empty; "+wanted)
	default:
		d.report(placeOf(n), path, "YAML reads this as "+kindOf(n)+"; "+wanted)
	}
	return "", false
}

func (d *document) text(fields map[string]*yaml.Node, path, key string, into *string) {
	if n := fields[key]; n != nil {
		if s, ok := d.scalar(n, join(path, key), "!!str", "write a text, in quotes if it looks like something else"); ok {
			*into = s
		}
	}
}

func (d *document) flag(fields map[string]*yaml.Node, path, key string, into *bool) {
	if n := fields[key]; n != nil {
		if s, ok := d.scalar(n, join(path, key), "!!bool", "write true or false"); ok {
			*into = strings.EqualFold(s, "true")
		}
	}
}

func (d *document) number(fields map[string]*yaml.Node, path, key string, into *int) {
	n := fields[key]
	if n == nil {
		return
	}
	if _, ok := d.scalar(n, join(path, key), "!!int", "write a whole number"); ok && n.Decode(into) != nil {
		d.report(placeOf(n), join(path, key), "the number is too large; write a smaller one")
	}
}

// kindOf names what YAML makes of a node.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values ({…})"
	case yaml.SequenceNode:
		return "a list ([…])"
	}
	switch n.ShortTag() {
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	case "!!timestamp":
		return "a date"
	case "!!null":
		return "nothing"
	}
	return "a text"
}
