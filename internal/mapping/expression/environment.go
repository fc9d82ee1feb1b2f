// Package expression compiles and evaluates the CEL expressions of filters and mappings.
//
// An expression sees one variable, user, whose fields are the columns of the source. A column that is empty reads as "",
// and so does a key that an object within a column lacks.
// Besides CEL's own operators and functions and its string extension
// (https://github.com/google/cel-go/blob/master/ext/README.md#strings) there are
//
//	lower(s), upper(s), title(s)
//	                   the text in lower or upper case, or with each word beginning in upper case, in any script
//	left(s, n)         the first n characters
//	digits(s)          the digits 0 to 9 of the text
//	first(a, b, …)     the first value that is not blank; "" where all are
//	replaceRegex(s, p, w)
//	                   each match of the regular expression replaced; $1 in w is the first group
//	extract(s, p)      the first group of the first match of p, or the whole match; "" where there is none
//	word(s, n), word(s, n, c)
//	                   the n-th word, or the n-th from the end for n below 0; c has the characters between words
//	formatDate(s, p, q)
//	                   a date that is written as pattern p says (yyyy-MM-dd), as pattern q says
//	parseDate(s, p)    the same as yyyy-MM-dd, which can be compared
//	choose(v, a, x, b, y, d)
//	                   x where v equals a, y where it equals b, else d
//	lookup(t, k, d)    what the configuration's table t has for k, or d
//	base64(s)          standard Base64 of the text's UTF-8 bytes
//	normalize(s)       s in plain ASCII: accents dropped, letters such as ß, æ, ł and ﬁ spelt out, all else left out
//	randomPassword(n)  a new random password of n characters, 8 to 256; in the password mapping only
//	has(user.column)   true when the column is not empty
//
// There is no clock, no randomness elsewhere, and no access to anything but the person: equal records give equal results.
// The columns that an expression names are known when it is compiled, so that a missing column is found before anybody
// is read; user is therefore never used as a whole, nor indexed by a computed name.
package expression

import (
	"slices"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"

	"github.com/entraflow/entraflow/internal/source"
)

// Limits of one expression. They are far above what a mapping needs and far below what could stall a sync.
const (
	// MaxLength is how many characters an expression may have.
	MaxLength = 4096
	// costLimit bounds the work of one evaluation, in CEL's units (about one for each operation or ten characters).
	costLimit = 1_000_000
	maxDepth  = 60
)

// Scope says what is known of the source when an expression is compiled.
type Scope struct {
	// Known is false before the source was opened: columns are then taken as they come, of any type.
	Known bool
	// Columns are the source's columns.
	Columns source.Columns
	// Tables are those that lookup may name.
	Tables Tables
	// groups: the expression is about groups, and its variable is group.
	groups bool
}

// variable is the one variable of the expression.
func (s Scope) variable() string {
	if s.groups {
		return groupVariable
	}
	return userVariable
}

// typed reports whether columns may have other types than text.
func (s Scope) typed() bool { return !s.Known || s.Columns.Typed }

// has reports whether an expression may name the column. A person's id can always be named; enabled where the source
// tells it, whatever the column is called.
func (s Scope) has(column string) bool {
	return !s.Known || column == "id" || s.Columns.Has(column) || column == "enabled" && s.Columns.HasEnabled
}

// names are the words for suggestions.
func (s Scope) names() []string {
	names := s.Columns.Names
	for _, n := range []string{"id", "enabled"} {
		if s.Known && s.has(n) && !s.Columns.Has(n) {
			names = append(names[:len(names):len(names)], n)
		}
	}
	return names
}

// environments are made once each: building one costs more than compiling a hundred expressions.
var (
	textOnly         = sync.OnceValue(func() *cel.Env { return newEnvironment(userVariable, cel.StringType, false) })
	anyType          = sync.OnceValue(func() *cel.Env { return newEnvironment(userVariable, cel.DynType, false) })
	textOnlyPassword = sync.OnceValue(func() *cel.Env { return newEnvironment(userVariable, cel.StringType, true) })
	anyTypePassword  = sync.OnceValue(func() *cel.Env { return newEnvironment(userVariable, cel.DynType, true) })
	ofGroups         = sync.OnceValue(func() *cel.Env { return newEnvironment(groupVariable, cel.StringType, false) })
)

func environment(scope Scope, result Result) *cel.Env {
	switch {
	case scope.groups:
		return ofGroups()
	case result == Password && scope.typed():
		return anyTypePassword()
	case result == Password:
		return textOnlyPassword()
	case scope.typed():
		return anyType()
	}
	return textOnly()
}

func newEnvironment(variable string, column *cel.Type, password bool) *cel.Env {
	env, err := cel.NewEnv(append(slices.Concat(textFunctions(), partFunctions(), dateFunctions()),
		cel.ClearMacros(),
		cel.Macros(cel.AllMacro, cel.ExistsMacro, cel.ExistsOneMacro, cel.MapMacro, cel.MapFilterMacro, cel.FilterMacro,
			hasMacro(variable), firstMacro(), chooseMacro(), randomPasswordMacro(password)),
		ext.Strings(),
		cel.Variable(variable, cel.MapType(cel.StringType, column)),
		cel.Variable(randomVariable, randomType),
		base64Function(), normalizeFunction(), filledFunction(), lookupFunction(), chooseFunction(), randomPasswordFunction(),
		cel.ParserExpressionSizeLimit(MaxLength),
		cel.ParserRecursionLimit(maxDepth),
		cel.ASTValidators(cel.ValidateRegexLiterals()),
	)...)
	if err != nil {
		// Only a contradiction in the lines above can get here, and the first test finds it.
		panic(err)
	}
	return env
}
