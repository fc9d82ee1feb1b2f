package expression

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/entraflow/entraflow/internal/source"
)

// Result is what an expression is to give.
type Result int

const (
	// Condition is a filter: true or false, nothing else.
	Condition Result = iota
	// Text is one value. Numbers and truth values are written as text, null as "".
	Text
	// List is a list of texts, or one text.
	List
	// Flag is true or false, or a text that says so.
	Flag
	// Password is a text that is not a constant, and the only place for randomPassword.
	Password
)

// Problem is one thing wrong with an expression.
type Problem struct {
	// Offset is where, in characters from the expression's beginning.
	Offset int
	// Message says what is wrong and what to do, without a full stop. Of a password's expression it quotes nothing.
	Message string
	// Part is the expression, where a mapping has several, as firstFree[1]; "" where it has one.
	Part string
}

// Expression is a compiled expression. It is safe for concurrent use.
type Expression struct {
	result  Result
	columns []string
	lists   []string
	random  bool
	places  places
	// Exactly one of the three evaluates the expression: a constant is folded once, a bare column is read directly, and
	// all else is left to CEL.
	constant *constant
	column   string
	program  cel.Program
}

type constant struct{ value any }

// Columns are the columns that the expression names, in the order of their appearance.
func (e *Expression) Columns() []string { return e.columns }

// Lists are those columns that the expression treats as lists: it goes through them, looks for an item, or joins them.
func (e *Expression) Lists() []string { return e.lists }

// Constant reports whether the expression gives the same for everybody.
func (e *Expression) Constant() bool { return e.constant != nil }

// Compile compiles an expression for a result. All problems come back at once, and with them no expression.
func Compile(text string, result Result, scope Scope) (*Expression, []Problem) {
	if strings.TrimSpace(text) == "" {
		return nil, []Problem{{Message: "the expression is empty; write one, or remove the key"}}
	}
	if utf8.RuneCountInString(text) > MaxLength {
		return nil, []Problem{{Message: fmt.Sprintf("the expression is longer than %d characters; shorten it", MaxLength)}}
	}
	env := environment(scope, result)
	speaker := speaker{text: text, result: result, scope: scope}

	parsed, issues := env.Parse(text)
	if issues.Err() != nil {
		return nil, speaker.explain(issues.Errors()[:1])
	}
	root := parsed.NativeRep().Expr()
	r := reader{scope: scope}
	r.read(root)
	problems := speaker.place(parsed.NativeRep().SourceInfo(), r.problems)

	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return nil, append(problems, speaker.explain(issues.Errors())...)
	}
	// The type of a column that does not exist says nothing.
	if message := speaker.wrongResult(checked.OutputType()); message != "" && len(problems) == 0 {
		problems = append(problems, Problem{Message: message})
	}
	if result == Password && (givesLiteral(root) || len(r.columns) == 0 && !r.random) {
		problems = append(problems, Problem{Message: "a fixed password must not stand in the configuration; write 'randomPassword(24)', or {secret: env:NAME}"})
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return assemble(env, checked, root, &r, speaker)
}

// assemble chooses how the expression is evaluated.
func assemble(env *cel.Env, checked *cel.Ast, root ast.Expr, r *reader, speaker speaker) (*Expression, []Problem) {
	e := &Expression{result: speaker.result, columns: r.columns, lists: r.lists, random: r.random}
	if speaker.result != Password {
		e.places = places{speaker, checked.NativeRep().SourceInfo()}
	}
	if name, ok := bareColumn(root, speaker.scope.variable()); ok {
		e.column = name
		return e, nil
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize), cel.CustomDecoratorV2(lenient), cel.CustomDecoratorV2(speaker.scope.limit)}
	if r.loops {
		// Counting costs as much again as evaluating. Without loops an expression's work is bounded by its own length and by
		// limits.go, so that only the others are counted.
		options = append(options, cel.CostLimit(costLimit), cel.CostTrackerOptions(regexCost(replaceRegexID), regexCost(extractID)))
	}
	program, err := env.Program(checked, options...)
	if err != nil {
		return nil, []Problem{{Message: "the expression cannot be evaluated; simplify it"}}
	}
	e.program = program
	if len(r.columns) > 0 || r.random {
		return e, nil
	}
	v, err := e.value(&Person{Record: source.Record{}})
	if err != nil {
		return nil, []Problem{{Message: "the expression fails for everybody: " + err.Error() + "; correct it"}}
	}
	e.constant, e.program = &constant{v}, nil
	return e, nil
}

// bareColumn recognises user.column and user["column"].
func bareColumn(e ast.Expr, variable string) (string, bool) {
	switch e.Kind() {
	case ast.SelectKind:
		s := e.AsSelect()
		return s.FieldName(), isVariable(s.Operand(), variable) && !s.IsTestOnly()
	case ast.CallKind:
		c := e.AsCall()
		if c.FunctionName() == operators.Index && isVariable(c.Args()[0], variable) {
			return literalString(c.Args()[1])
		}
	}
	return "", false
}

// givesLiteral reports whether the expression can give a text that stands in it word for word, or is made of such texts
// only: a password that anyone who reads the configuration knows.
func givesLiteral(e ast.Expr) bool {
	switch e.Kind() {
	case ast.LiteralKind:
		return true
	case ast.CallKind:
		c := e.AsCall()
		if c.FunctionName() == operators.Conditional {
			return givesLiteral(c.Args()[1]) || givesLiteral(c.Args()[2])
		}
		if c.IsMemberFunction() && !givesLiteral(c.Target()) {
			return false
		}
		for _, a := range c.Args() {
			if !givesLiteral(a) {
				return false
			}
		}
		return true
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			if !givesLiteral(item) {
				return false
			}
		}
		return true
	}
	return false
}

// wrongResult says why a type cannot be the result, or "".
func (s speaker) wrongResult(t *cel.Type) string {
	kind := t.Kind()
	switch s.result {
	case Condition:
		if kind == types.BoolKind || kind == types.DynKind {
			return ""
		}
		if kind == types.StringKind {
			return `a filter must be true or false, and this is a text; compare it, as in user.active == "true"`
		}
		return "a filter must be true or false, and this is " + typeName(t) + "; compare it with something"
	case List:
		if kind == types.ListKind || scalar(kind) {
			return ""
		}
		return "a list of texts or one text is wanted, and this is " + typeName(t) + "; convert it with string(…)"
	case Flag:
		if kind == types.BoolKind || kind == types.StringKind || kind == types.IntKind || kind == types.DynKind {
			return ""
		}
		return "true or false is wanted, and this is " + typeName(t) + "; compare it with something"
	case Password:
		if kind == types.StringKind || kind == types.DynKind {
			return ""
		}
		return "a password is a text; write randomPassword(24)"
	}
	if scalar(kind) {
		return ""
	}
	if kind == types.ListKind {
		return `one text is wanted, and this is a list; take one item, as in list[0], or join them, as in list.join(", ")`
	}
	return "one text is wanted, and this is " + typeName(t) + "; convert it with string(…)"
}

func scalar(k types.Kind) bool {
	switch k {
	case types.StringKind, types.IntKind, types.UintKind, types.DoubleKind, types.BoolKind, types.NullTypeKind, types.DynKind:
		return true
	}
	return false
}

// typeName names a type for people.
func typeName(t *cel.Type) string {
	switch t.Kind() {
	case types.ListKind:
		return "a list"
	case types.MapKind:
		return "an object"
	case types.StringKind:
		return "a text"
	case types.IntKind, types.UintKind, types.DoubleKind:
		return "a number"
	case types.BoolKind:
		return "true or false"
	case types.NullTypeKind:
		return "null"
	case types.TimestampKind:
		return "a point in time"
	case types.DurationKind:
		return "a duration"
	case types.BytesKind:
		return "bytes"
	}
	return "a " + t.TypeName()
}
