package expression

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"

	"github.com/entraflow/entraflow/internal/mapping/suggest"
)

// speaker turns CEL's messages into ones that say what to do.
type speaker struct {
	text   string
	result Result
	scope  Scope
}

// maxProblems bounds what is said about one expression: the rest mostly follows from the first.
const maxProblems = 3

var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	overload   = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`)
	notBool    = regexp.MustCompile(`^expected type 'bool' but found '([^']*)'$`)
	word       = regexp.MustCompile(`^\s*[\pL\d._ -]+\s*$`)
)

func (s speaker) explain(errs []*common.Error) []Problem {
	problems := make([]Problem, 0, len(errs))
	for _, e := range errs {
		p := Problem{Offset: s.offset(e.Location), Message: s.reword(e.Message)}
		if at, advice, ok := s.foreign(e.Message); ok {
			p = Problem{Offset: at, Message: advice}
		}
		said := slices.ContainsFunc(problems, func(q Problem) bool { return q.Message == p.Message })
		if !said && len(problems) < maxProblems {
			problems = append(problems, p)
		}
	}
	return problems
}

// place gives the problems of the reader their offsets.
func (s speaker) place(info *ast.SourceInfo, found []located) []Problem {
	var problems []Problem
	for _, l := range found {
		p := Problem{Offset: s.offset(info.GetStartLocation(l.id)), Message: l.message}
		if s.result == Password && strings.HasPrefix(l.message, "the source has no column") {
			p.Message = "the expression names a column that the source does not have; correct it, or write randomPassword(24)"
		}
		problems = append(problems, p)
	}
	return problems
}

// offset counts the characters before a place.
func (s speaker) offset(at common.Location) int {
	if at == nil || at.Line() < 1 || at.Column() < 0 {
		return 0
	}
	lines := strings.SplitAfter(s.text, "\n")
	n := 0
	for i := 0; i < at.Line()-1 && i < len(lines); i++ {
		n += utf8.RuneCountInString(lines[i])
	}
	return min(n+at.Column(), utf8.RuneCountInString(s.text))
}

// reword says what to do about CEL's message. Whoever writes a password where its expression belongs must not read it
// again in a log: about a password nothing of the expression is quoted.
func (s speaker) reword(message string) string {
	if strings.HasPrefix(message, "randomPassword") || strings.HasPrefix(message, "a password has") || strings.HasPrefix(message, "has() takes") {
		return message
	}
	if s.result == Password {
		return "the password's expression does not compile; write 'randomPassword(24)', or {secret: env:NAME} for a fixed initial password"
	}
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return s.unknownName(strings.TrimPrefix(m[1], "."))
	}
	if m := overload.FindStringSubmatch(message); m != nil {
		return s.noOverload(m[1], m[2])
	}
	if m := notBool.FindStringSubmatch(message); m != nil {
		return "&&, || and ? work with true and false only, and this is " + inWords(m[1]) +
			"; compare it, as in user.active == \"true\", join texts with +, and for the first that is filled write first(a, b)"
	}
	if message == "reserved identifier: if" {
		return "there is no if; write condition ? a : b"
	}
	if strings.HasSuffix(message, "does not support field selection") {
		return "a text or number has no fields; read a column as user.<column>, and fields within a column from a JSON source only"
	}
	if text, ok := strings.CutPrefix(message, "Syntax error: "); ok {
		if word.MatchString(s.text) {
			return "this is not an expression; for a constant write {value: …}, for a column user.<column>"
		}
		text, _, _ = strings.Cut(text, " expecting {")
		return "the expression does not parse (" + text + "); check its quotes, brackets and operators"
	}
	return strings.TrimSuffix(message, ".") + "; correct the expression"
}

// foreign recognises an operator of another language in an expression that does not parse.
func (s speaker) foreign(message string) (offset int, advice string, ok bool) {
	if !strings.HasPrefix(message, "Syntax error: ") || s.result == Password || word.MatchString(s.text) {
		return 0, "", false
	}
	if at := strings.IndexAny(withoutTexts(s.text), curly); at >= 0 {
		return utf8.RuneCountInString(s.text[:at]), `a text is written in straight quotes, as in "Sales"`, true
	}
	advice, at, ok := foreignOperator(s.text)
	if found := spaced.FindStringSubmatchIndex(withoutTexts(s.text)); !ok && found != nil {
		column := s.text[found[2]:found[3]]
		return utf8.RuneCountInString(s.text[:found[0]]), "a column whose name has blanks is written " + reference(column), true
	}
	return utf8.RuneCountInString(s.text[:at]), "this operator is not known here; " + advice, ok
}

// spaced recognises a column whose name has blanks, written as user.cost center.
var spaced = regexp.MustCompile(`\buser\.([\pL\d_]+(?: [\pL\d_]+)+)`)

func (s speaker) unknownName(name string) string {
	unknown := `"` + name + `" is not known`
	trimmed := strings.TrimSpace(s.text)
	switch {
	case strings.Contains(s.text, name+"("):
		if here, ok := foreignFunctions[strings.ToLower(name)]; ok {
			return "the function " + unknown + "; write " + here
		}
		if _, advice, ok := s.foreign("Syntax error: "); ok && strings.EqualFold(name, "not") {
			return advice
		}
		return "the function " + unknown + suggest.DidYouMean(name, functionNames) + "; the functions are listed in the documentation of mappings"
	case s.scope.Known && s.scope.has(name):
		return unknown + "; for the column write " + reference(name)
	case trimmed == name && s.result != Condition:
		return unknown + "; for a constant write {value: " + name + "}, for a column user." + name
	}
	return unknown + `; write a column as user.<column>, one whose name has other signs as user["name"], and a text in quotes`
}

// operatorName recognises CEL's inner name of an operator, such as _+_.
var operatorName = regexp.MustCompile(`^_?([^_a-z]+)_?$`)

func (s speaker) noOverload(function, types string) string {
	what := function
	if m := operatorName.FindStringSubmatch(function); m != nil {
		what = m[1]
	}
	if form, ok := around[function]; ok && strings.Contains(types, ".(") {
		return function + " is written around the text; write " + form
	}
	switch {
	case function == "!_":
		return "! works with true and false only, and this is " + inWords(types) + "; to ask whether a column is empty write !has(user.column)"
	case function == "@in" && strings.HasSuffix(types, ", string)"):
		return `in looks into a list, and this is a text; write in ["a", "b"], or s.contains(a) for a part of a text`
	case slices.Contains(behind, function) && !strings.Contains(types, ".("):
		return function + " is written behind the text; write s." + function + "(a)"
	case function == "_[_]" && strings.HasPrefix(types, "(string"):
		return "a text has no items; for some of its characters write left(s, n) or s.substring(from, to), for a part s.split(\",\")[0]"
	}
	message := `"` + what + `" does not work with ` + types
	if !s.scope.typed() {
		return message + "; every column of a CSV file is a text: compare it with a text in quotes, or convert it, as in int(user.age)"
	}
	return message + "; convert one of them, as in string(user.number)"
}

// inWords names a type as CEL's messages write it.
func inWords(celType string) string {
	switch strings.Trim(celType, "()") {
	case "string":
		return "a text"
	case "int", "uint", "double":
		return "a number"
	}
	if strings.HasPrefix(strings.Trim(celType, "()"), "list") {
		return "a list"
	}
	return celType
}
