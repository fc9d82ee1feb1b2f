package expression

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// The functions for texts that CEL's string extension lacks. They are written around a text, as in lower(user.mail).
const (
	replaceRegexName = "replaceRegex"
	replaceRegexID   = "replace_regex_string_string_string"
	firstName        = "first"
	// firstOfName cannot be written in an expression; only the first macro calls it.
	firstOfName = "@first"
	// maxGroups is how many groups a regular expression may have.
	maxGroups = 9
)

func textFunctions() []cel.EnvOption {
	return []cel.EnvOption{
		textFunction("lower", func(s string) string { return cases.Lower(language.Und).String(s) }),
		textFunction("upper", func(s string) string { return cases.Upper(language.Und).String(s) }),
		textFunction("title", func(s string) string { return cases.Title(language.Und).String(s) }),
		textFunction("digits", digits),
		cel.Function("left", cel.Overload("left_string_int", []*cel.Type{cel.StringType, cel.IntType}, cel.StringType, cel.BinaryBinding(left))),
		cel.Function(replaceRegexName, cel.Overload(replaceRegexID, []*cel.Type{cel.StringType, cel.StringType, cel.StringType}, cel.StringType,
			cel.FunctionBinding(func(args ...ref.Val) ref.Val {
				pattern, wrong := compilePattern(replaceRegexName, string(args[1].(types.String)))
				if wrong != "" {
					return fail(wrong)
				}
				return replaceRegex(string(args[0].(types.String)), pattern, string(args[2].(types.String)))
			}))),
		cel.Function(firstOfName, cel.Overload("first_list", []*cel.Type{cel.ListType(cel.TypeParamType("T"))}, cel.TypeParamType("T"),
			cel.UnaryBinding(first))),
	}
}

func textFunction(name string, f func(string) string) cel.EnvOption {
	return cel.Function(name, cel.Overload(name+"_string", []*cel.Type{cel.StringType}, cel.StringType,
		cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(f(string(v.(types.String)))) })))
}

// digits gives the digits 0 to 9 of s.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// left gives the first n characters of a text, all of it where it is shorter.
func left(s, n ref.Val) ref.Val {
	text, count := string(s.(types.String)), int64(n.(types.Int))
	if count < 0 {
		return fail("left takes a number of characters, and that is not below 0")
	}
	for at := range text {
		if count == 0 {
			return types.String(text[:at])
		}
		count--
	}
	return s
}

// firstMacro gathers the arguments into a list: a function of CEL has a fixed number of them.
func firstMacro() cel.Macro {
	return cel.GlobalVarArgMacro(firstName, func(h cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
		if len(args) == 0 {
			return nil, h.NewError(0, "first takes the values to choose from, as in first(user.mobile, user.phone)")
		}
		return h.NewCall(firstOfName, h.NewList(args...)), nil
	})
}

// first gives the first value that is not blank, and "" where all are.
func first(v ref.Val) ref.Val {
	for it := v.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		if item := it.Next(); !blank(item) {
			return item
		}
	}
	return types.String("")
}

func blank(v ref.Val) bool {
	switch v := v.(type) {
	case types.Null:
		return true
	case types.String:
		return strings.TrimSpace(string(v)) == ""
	case traits.Sizer:
		return v.Size() == types.IntZero
	}
	return false
}

// regexReplacing is a call of replaceRegex with a pattern that is written out, and compiled once.
type regexReplacing struct {
	bounded
	pattern *regexp.Regexp
}

// newRegexReplacing gives nil where the pattern is made for each person.
func newRegexReplacing(call interpreter.InterpretableCall) *regexReplacing {
	pattern := writtenPattern(replaceRegexName, call)
	if pattern == nil {
		return nil
	}
	return &regexReplacing{bounded{call}, pattern}
}

// writtenPattern is the pattern of a call whose second argument is written out; nil where it is made for each person.
func writtenPattern(function string, call interpreter.InterpretableCall) *regexp.Regexp {
	c, ok := call.Args()[1].(interpreter.InterpretableConst)
	if !ok {
		return nil
	}
	s, ok := c.Value().(types.String)
	if !ok {
		return nil
	}
	pattern, wrong := compilePattern(function, string(s))
	if wrong != "" {
		return nil
	}
	return pattern
}

// Exec evaluates the call.
func (r *regexReplacing) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	values, failed := execAll(frame, r.Args())
	if failed != nil {
		return failed
	}
	s, ok1 := values[0].(types.String)
	with, ok2 := values[2].(types.String)
	if !ok1 || !ok2 {
		return fail("replaceRegex works with texts only")
	}
	result := replaceRegex(string(s), r.pattern, string(with))
	if costs := frame.CostTracker(); costs != nil {
		costs.EvalVarArgs(frame, r.ID(), r, values, result)
	}
	return within(frame, result)
}

// replaceRegex replaces each match; $1 in with is the first group. The result is measured while it is made.
func replaceRegex(s string, pattern *regexp.Regexp, with string) ref.Val {
	var out []byte
	last := 0
	groups := strings.Count(with, "$")
	for _, match := range pattern.FindAllStringSubmatchIndex(s, MaxText) {
		if len(with)+groups*(match[1]-match[0]) > 4*MaxText {
			return fail(tooLong)
		}
		out = append(out, s[last:match[0]]...)
		out = pattern.ExpandString(out, with, s, match)
		last = match[1]
		if len(out) > MaxText {
			return fail(tooLong)
		}
	}
	return types.String(append(out, s[last:]...))
}

// regexCost counts a match as CEL counts that of matches: by the length of the text times that of the pattern.
func regexCost(overload string) cost.TrackerOption {
	return cost.OverloadTracker(overload, func(args []ref.Val, _ ref.Val) *uint64 {
		s, _ := args[0].(types.String)
		pattern, _ := args[1].(types.String)
		n := uint64(1+len(s)/10) * uint64(1+len(pattern)/4)
		return &n
	})
}

// checkPattern finds a regular expression that is written out and wrong.
func (r *reader) checkPattern(c ast.CallExpr) {
	if f := c.FunctionName(); f != replaceRegexName && f != extractName || c.IsMemberFunction() || len(c.Args()) < 2 {
		return
	}
	pattern := c.Args()[1]
	if s, ok := literalString(pattern); ok && utf8.ValidString(s) {
		if _, wrong := compilePattern(c.FunctionName(), s); wrong != "" {
			r.refuse(pattern.ID(), wrong)
		}
	}
}

// compilePattern bounds the groups: each match takes memory for each of them.
func compilePattern(function, s string) (pattern *regexp.Regexp, wrong string) {
	pattern, err := regexp.Compile(s)
	if err != nil {
		return nil, "the second argument of " + function + " is not a regular expression; correct it (https://github.com/google/re2/wiki/Syntax)"
	}
	if pattern.NumSubexp() > maxGroups {
		return nil, "the regular expression has more than 9 groups; write (?:…) for those that are not used"
	}
	return pattern, ""
}
