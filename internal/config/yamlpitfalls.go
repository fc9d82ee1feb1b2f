package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// expression reads a CEL expression. YAML has uses of its own for many of CEL's signs, and some it drops without a word:
// `filter: !user.contractor` is an empty value with a tag, and `filter: ! user.contractor` even loses the sign. Whatever
// YAML has touched is refused.
func (d *document) expression(n *yaml.Node, path, wanted string) (string, bool) {
	d.nodes[path] = n
	switch {
	case n.Kind == yaml.SequenceNode || n.Kind == yaml.MappingNode:
		d.report(placeOf(n), path, "YAML reads this as "+kindOf(n)+"; put the whole expression in single quotes")
		return "", false
	case d.commented(n):
		d.report(placeOf(n), path, "YAML ends the value at # and takes the rest for a comment; put the whole expression in single quotes, then a comment may follow")
		return "", false
	}
	s, ok := d.scalar(n, path, "!!str", wanted)
	if ok && strings.TrimSpace(s) == "" {
		d.report(placeOf(n), path, "it is empty; "+wanted)
		return "", false
	}
	return s, ok
}

// commented reports whether an unquoted value is followed by a comment, which may be the cut-off rest of the value.
func (d *document) commented(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Style != 0 || n.Value == "" {
		return false
	}
	line, rest := d.after(n)
	return strings.HasPrefix(strings.TrimLeft(rest, " \t"), "#") || line == 0 && n.LineComment != ""
}

// after follows an unquoted value through the text, where line breaks stand for blanks, and gives the line on which it
// ends and what comes behind it there; line 0 when the text is not as the value is.
func (d *document) after(n *yaml.Node) (line int, rest string) {
	at := place{n.Line, n.Column}
	for _, r := range n.Value {
		if unicode.IsSpace(r) {
			continue
		}
		for {
			if at.line < 1 || at.line > len(d.lines) {
				return 0, ""
			}
			if text := d.lines[at.line-1]; at.column <= len(text) {
				if c := text[at.column-1]; c == r {
					break
				} else if !unicode.IsSpace(c) {
					return 0, ""
				}
				at.column++
				continue
			}
			at = place{at.line + 1, 1}
		}
		at.column++
	}
	return at.line, string(d.lines[at.line-1][at.column-1:])
}

// within gives the place of a character of an expression, as exactly as the way it is written allows.
func (d *document) within(n *yaml.Node, offset int) place {
	before := []rune(n.Value)[:min(offset, len([]rune(n.Value)))]
	newlines := strings.Count(string(before), "\n")
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		return place{n.Line + 1 + newlines, 1}
	case n.Style&yaml.SingleQuotedStyle != 0:
		// A quote is written twice.
		offset += 1 + strings.Count(string(before), "'")
	case n.Style&yaml.DoubleQuotedStyle != 0:
		offset++
	case n.Style&yaml.FoldedStyle != 0:
		offset = 0
	}
	if n.Line > len(d.lines) || n.Column+offset > len(d.lines[n.Line-1])+1 {
		return placeOf(n)
	}
	return place{n.Line, n.Column + offset}
}

var (
	keyAndValue = regexp.MustCompile(`^\s*(?:- +)?["']?([\w.-]+)["']?\s*:\s+(\S.*)$`)
	listItem    = regexp.MustCompile(`^\s*(-)\s+(\S.*)$`)
	atLine      = regexp.MustCompile(`line (\d+)`)
)

// syntax reports that the file is no YAML. The parser stops at its first doubt and often far from the cause, so that the
// lines are searched for what is usually behind it: an expression without quotes. Nothing of a value is repeated.
func (d *document) syntax(err error) {
	if d.encoding(err) {
		return
	}
	for i, text := range d.lines {
		if column, tab := indentedByTab(text); tab {
			d.report(place{i + 1, column}, "", "YAML does not take tabs for indentation; use blanks")
		}
		m := keyAndValue.FindStringSubmatch(string(text))
		if m == nil {
			m = listItem.FindStringSubmatch(string(text))
		}
		if m == nil {
			continue
		}
		if cause := unquoted(m[2]); cause != "" {
			column := len([]rune(string(text))) - len([]rune(m[2])) + 1
			label := ""
			if m[1] != "-" {
				label = m[1] + ": "
			}
			d.report(place{i + 1, column}, "", label+cause+"; put the whole value in single quotes")
		}
	}
	if len(d.found) > 0 {
		return
	}
	line := 1
	message := err.Error()
	if m := atLine.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
	}
	message = strings.TrimPrefix(atLine.ReplaceAllString(strings.TrimPrefix(message, "yaml: "), ""), ": ")
	// What the parser found wrong is told; what it found is not, since it may be a secret.
	if strings.ContainsAny(message, "'\"") {
		message = "it is not YAML"
	}
	d.report(place{min(line, len(d.lines)), 1}, "", "the file cannot be read ("+message+"); check the indentation, quotes and brackets here and in the lines before")
}

// encoding reports that the file is no UTF-8, and in which line it is not.
func (d *document) encoding(err error) bool {
	if !strings.Contains(err.Error(), "UTF-8") {
		return false
	}
	for i, text := range d.lines {
		if column := slices.Index(text, utf8.RuneError); column >= 0 {
			d.report(place{i + 1, column + 1}, "", "the file is not UTF-8 from here on; save it as UTF-8")
			return true
		}
	}
	return false
}

// indentedByTab finds a tab among the blanks at the beginning of a line that holds something.
func indentedByTab(text []rune) (column int, tab bool) {
	for i, r := range text {
		switch {
		case r == '\t':
			column, tab = i+1, true
		case r != ' ':
			return column, tab && r != '#'
		}
	}
	return 0, false
}

// unquoted says why a value breaks YAML, or "".
func unquoted(v string) string {
	switch v[0] {
	case '"', '\'':
		if rest, closed := behindQuote(v); closed && strings.TrimSpace(rest) != "" && !strings.HasPrefix(strings.TrimSpace(rest), "#") {
			return "YAML ends the value at its second quote, and more follows"
		}
		return ""
	case '[', '{':
		end := strings.LastIndexByte(v, v[0]+2)
		if rest := strings.TrimSpace(v[end+1:]); end > 0 && rest != "" && !strings.HasPrefix(rest, "#") {
			return "YAML ends the value at its closing bracket, and more follows"
		}
		return ""
	case '*', '&', '!', '%', '@', '`', '|', '>':
		if len(v) > 1 && (v[0] != '|' && v[0] != '>' || strings.TrimLeft(v[1:], "+-123456789 ") != "" && !strings.Contains(v, "#")) {
			return "YAML has a use of its own for the first sign of this value"
		}
		return ""
	}
	v, _, _ = strings.Cut(v, " #")
	if v = strings.TrimRight(v, " \t"); strings.Contains(v, ": ") || strings.HasSuffix(v, ":") {
		return "YAML takes a colon before a blank for the end of a key"
	}
	return ""
}

// behindQuote gives what follows the quoted text at the beginning of v.
func behindQuote(v string) (rest string, closed bool) {
	for i := 1; i < len(v); i++ {
		switch {
		case v[0] == '"' && v[i] == '\\', v[0] == '\'' && v[i] == '\'' && i+1 < len(v) && v[i+1] == '\'':
			i++
		case v[i] == v[0]:
			return v[i+1:], true
		}
	}
	return "", false
}
