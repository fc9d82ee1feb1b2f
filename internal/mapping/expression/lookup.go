package expression

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/entraflow/entraflow/internal/mapping/suggest"
)

// lookupName is the function that looks a value up in a table of the configuration: lookup("countries", user.country, "").
const lookupName = "lookup"

// Tables are the tables of a configuration, by name.
type Tables map[string]map[string]string

// LooksUp reports whether an expression may call lookup.
func LooksUp(text string) bool { return strings.Contains(text, lookupName) }

func lookupFunction() cel.EnvOption {
	// Compile refuses a call that has no table, and gives each of the others its own.
	never := cel.FunctionBinding(func(...ref.Val) ref.Val { return fail("lookup without a table") })
	return cel.Function(lookupName,
		cel.Overload("lookup_string_dyn", []*cel.Type{cel.StringType, cel.DynType}, cel.StringType, never),
		cel.Overload("lookup_string_dyn_string", []*cel.Type{cel.StringType, cel.DynType, cel.StringType}, cel.StringType, never))
}

// checkTable finds a call of lookup whose table is not written out, or is not there.
func (r *reader) checkTable(e ast.Expr) {
	c := e.AsCall()
	if c.FunctionName() != lookupName || c.IsMemberFunction() || len(c.Args()) < 2 {
		return
	}
	name, ok := literalString(c.Args()[0])
	if !ok {
		r.refuse(c.Args()[0].ID(), `the name of a table must be written out, as in lookup("countries", user.country, "")`)
		return
	}
	if _, ok := r.scope.Tables[name]; ok {
		return
	}
	var names []string
	for n := range r.scope.Tables {
		names = append(names, n)
	}
	slices.Sort(names)
	r.refuse(c.Args()[0].ID(), "there is no such table; add it below tables, or correct the name"+suggest.DidYouMean(name, names))
}

// looking is a call of lookup with its table.
type looking struct {
	bounded
	table map[string]string
}

// newLooking gives the call its table.
func newLooking(call interpreter.InterpretableCall, tables Tables) (*looking, bool) {
	c, ok := call.Args()[0].(interpreter.InterpretableConst)
	if !ok {
		return nil, false
	}
	name, _ := c.Value().(types.String)
	table, ok := tables[string(name)]
	return &looking{bounded{call}, table}, ok
}

// Exec looks the key up, in the case in which it is written. Numbers are looked up as people write them.
func (l *looking) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	values, failed := execAll(frame, l.Args()[1:])
	if failed != nil {
		return failed
	}
	key, err := text(values[0])
	if err != nil {
		return fail("lookup needs a text or a number to look up")
	}
	if found, ok := l.table[key]; ok {
		return types.String(found)
	}
	if len(values) == 1 {
		return fail("the table of lookup has no such entry, and lookup no third argument to give then")
	}
	return values[1]
}
