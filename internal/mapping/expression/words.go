package expression

import (
	"regexp"
	"strings"
	"unicode"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// The functions that take a part out of a text.
const (
	extractName = "extract"
	extractID   = "extract_string_string"
	wordName    = "word"
)

func partFunctions() []cel.EnvOption {
	return []cel.EnvOption{
		cel.Function(extractName, cel.Overload(extractID, []*cel.Type{cel.StringType, cel.StringType}, cel.StringType,
			cel.BinaryBinding(func(s, p ref.Val) ref.Val {
				pattern, wrong := compilePattern(extractName, string(p.(types.String)))
				if wrong != "" {
					return fail(wrong)
				}
				return types.String(extract(string(s.(types.String)), pattern))
			}))),
		cel.Function(wordName,
			cel.Overload("word_string_int", []*cel.Type{cel.StringType, cel.IntType}, cel.StringType, cel.BinaryBinding(func(s, n ref.Val) ref.Val {
				return nthWord(string(s.(types.String)), n.(types.Int), unicode.IsSpace)
			})),
			cel.Overload("word_string_int_string", []*cel.Type{cel.StringType, cel.IntType, cel.StringType}, cel.StringType,
				cel.FunctionBinding(func(args ...ref.Val) ref.Val {
					between := string(args[2].(types.String))
					return nthWord(string(args[0].(types.String)), args[1].(types.Int), func(r rune) bool { return strings.ContainsRune(between, r) })
				}))),
	}
}

// nthWord gives the word of a number: 1 is the first, -1 the last; "" where there are not as many.
func nthWord(s string, n types.Int, between func(rune) bool) ref.Val {
	words := strings.FieldsFunc(s, between)
	switch count := types.Int(len(words)); {
	case n == 0:
		return fail("word counts from 1, or from -1 for the last word")
	case n > 0 && n <= count:
		return types.String(words[n-1])
	case n < 0 && n >= -count:
		return types.String(words[count+n])
	}
	return types.String("")
}

// extract gives the first group of the first match, or the whole match where the pattern has no group; "" where nothing matches.
func extract(s string, pattern *regexp.Regexp) string {
	match := pattern.FindStringSubmatch(s)
	switch {
	case match == nil:
		return ""
	case len(match) > 1:
		return match[1]
	}
	return match[0]
}

// extracting is a call of extract with a pattern that is written out, and compiled once.
type extracting struct {
	bounded
	pattern *regexp.Regexp
}

// newExtracting gives nil where the pattern is made for each person.
func newExtracting(call interpreter.InterpretableCall) *extracting {
	pattern := writtenPattern(extractName, call)
	if pattern == nil {
		return nil
	}
	return &extracting{bounded{call}, pattern}
}

// Exec evaluates the call.
func (e *extracting) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	values, failed := execAll(frame, e.Args())
	if failed != nil {
		return failed
	}
	s, ok := values[0].(types.String)
	if !ok {
		return fail("extract works with texts only")
	}
	result := types.String(extract(string(s), e.pattern))
	if costs := frame.CostTracker(); costs != nil {
		costs.EvalVarArgs(frame, e.ID(), e, values, result)
	}
	return within(frame, result)
}
