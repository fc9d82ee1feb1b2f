package expression

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

const (
	// chooseName is the function that tells cases apart: choose(user.kind, "I", "Intern", "E", "Employee", "").
	chooseName = "choose"
	// chooseOfName cannot be written in an expression; only the macro calls it.
	chooseOfName = "@choose"
)

// chooseMacro gathers the cases into a list: a function of CEL has a fixed number of arguments. The value is written once, so that
// choices within choices stay as short as they are written.
func chooseMacro() cel.Macro {
	return cel.GlobalVarArgMacro(chooseName, func(h cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
		if len(args) < 4 || len(args)%2 != 0 {
			return nil, h.NewError(0, `choose takes a value, then pairs of what it may be and what to give then, then what to give otherwise, as in choose(user.kind, "I", "Intern", "E", "Employee", "")`)
		}
		return h.NewCall(chooseOfName, args[0], h.NewList(args[1:]...)), nil
	})
}

func chooseFunction() cel.EnvOption {
	return cel.Function(chooseOfName, cel.Overload("choose_dyn_list", []*cel.Type{cel.DynType, cel.ListType(cel.DynType)}, cel.DynType,
		cel.BinaryBinding(choose)))
}

// choose gives what the first equal case says, and the last item where none is equal. Values are compared as == compares them.
func choose(value, cases ref.Val) ref.Val {
	items := cases.(traits.Lister).Iterator()
	for {
		item := items.Next()
		if items.HasNext() != types.True {
			return item
		}
		given := items.Next()
		switch same := equal(value, item); same {
		case types.True:
			return given
		case types.False:
		default:
			return same
		}
	}
}
