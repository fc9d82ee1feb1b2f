package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with a configuration, or a warning about it.
type Problem struct {
	// File is the path as it was given; "" for a connection that did not come from a file.
	File string `json:"file,omitempty"`
	// Line and Column count from 1; 0 when there is no place, as for a file that cannot be read.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Message names the key and says what is wrong and what to do. It never repeats a secret or a password.
	Message string `json:"message"`
}

// String is file:line: message, as compilers write it, so that editors find the place.
func (p Problem) String() string {
	switch {
	case p.File == "":
		return p.Message
	case p.Line == 0:
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}

// Problems is everything that is wrong, in the order of the file. It is the error of Load and Parse; an empty one is no
// error and is never returned as one.
type Problems []Problem

// Error gives the problems one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Sort puts the problems in the order of the file, for those who collect some of their own with File.Problem.
func (p Problems) Sort() { slices.SortStableFunc(p, byPlace) }

// finding is a problem at a key, before it is known where the key stands. Paths look like rules[0].mappings.skuId.
type finding struct {
	path    string
	message string
	// offset is a place within the key's expression, in characters.
	offset int
	// at is the place when it is known already.
	at place
}

// place is a line and column of a file, from 1.
type place struct{ line, column int }

// byPlace orders problems as they stand in the file.
func byPlace(a, b Problem) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// maxProblems is how many problems are told at once; nobody reads thousands.
const maxProblems = 200

// problemsOf words findings for a connection: rules are named, and where puts each into its place.
func problemsOf(c *Connection, found []finding, where func(finding) Problem) Problems {
	var out Problems
	said := map[Problem]bool{}
	for _, f := range found {
		p := where(f)
		p.Message = label(c, f.path) + f.message
		if !said[p] {
			said[p] = true
			out = append(out, p)
		}
	}
	out.Sort()
	if more := len(out) - maxProblems; more > 0 {
		last := out[maxProblems]
		last.Message = fmt.Sprintf("from here on %d more problems were found; correct those above first", more)
		out = append(out[:maxProblems], last)
	}
	return out
}

// label names a key for people: rules[0].mappings.skuId is "rule staff, mappings.skuId: ".
func label(c *Connection, path string) string {
	rest, found := strings.CutPrefix(path, "rules[")
	if !found {
		if path == "" {
			return ""
		}
		return path + ": "
	}
	var i int
	number, key, _ := strings.Cut(rest, "]")
	if _, err := fmt.Sscanf(number, "%d", &i); err != nil {
		return path + ": "
	}
	rule := fmt.Sprintf("rule %d", i+1)
	if i < len(c.Rules) && validName.MatchString(c.Rules[i].Name) {
		rule = "rule " + c.Rules[i].Name
	}
	if key = strings.TrimPrefix(key, "."); key != "" {
		rule += ", " + groupLabel(c, i, key)
	}
	return rule + ": "
}

// rulePath is the path of a rule's key; "" is the rule itself.
func rulePath(i int, key string) string {
	p := fmt.Sprintf("rules[%d]", i)
	if key != "" {
		p += "." + key
	}
	return p
}
