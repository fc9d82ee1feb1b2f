package expression

import (
	"fmt"

	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// comparison is ==, != or in between values of which the types are known only when a person is read (JSON).
//
// CEL says that values of two types are never equal. An export that once writes "5" and once 5 would so change who is in scope,
// without a word. Here the comparison fails, and with it the person. An empty text and null compare with anything: they stand for a
// column that is not filled.
type comparison struct {
	interpreter.InterpretableV2
	operator string
	args     []interpreter.InterpretableV2
}

// compares recognises the operators that comparison stands in for.
func compares(call interpreter.InterpretableCall) bool {
	switch call.Function() {
	case operators.Equals, operators.NotEquals, operators.In:
		return len(call.Args()) == 2
	}
	return false
}

// Exec evaluates the comparison.
func (c *comparison) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	left, right := c.args[0].Exec(frame), c.args[1].Exec(frame)
	switch {
	case types.IsUnknownOrError(left):
		return left
	case types.IsUnknownOrError(right):
		return right
	}
	switch c.operator {
	case operators.In:
		return isIn(left, right)
	case operators.NotEquals:
		if equal, ok := equal(left, right).(types.Bool); ok {
			return !equal
		}
	}
	return equal(left, right)
}

// equal compares two values, and is an error where their types cannot be compared.
func equal(left, right ref.Val) ref.Val {
	if l, ok := left.(traits.Lister); ok {
		if r, ok := right.(traits.Lister); ok {
			return equalLists(l, r)
		}
	}
	if l, r := class(left), class(right); l != r && l != "" && r != "" {
		return fail(differs(l, r))
	}
	return types.Equal(left, right)
}

func equalLists(left, right traits.Lister) ref.Val {
	if left.Size() != right.Size() {
		return types.False
	}
	l, r := left.Iterator(), right.Iterator()
	for l.HasNext() == types.True {
		if same := equal(l.Next(), r.Next()); same != types.True {
			return same
		}
	}
	return types.True
}

// isIn looks for a value in a list, or for a key in an object. It is an error when the value is not found and the list has items
// of other types only.
func isIn(value, container ref.Val) ref.Val {
	list, ok := container.(traits.Lister)
	if !ok {
		if c, ok := container.(traits.Container); ok {
			return c.Contains(value)
		}
		if class(container) == "" {
			return types.False
		}
		return fail(`"in" needs a list on its right, and this is ` + class(container))
	}
	wanted, met, other := class(value), false, ""
	for it := list.Iterator(); it.HasNext() == types.True; {
		item := it.Next()
		if types.Equal(value, item) == types.True {
			return types.True
		}
		switch kind := class(item); kind {
		case "":
		case wanted:
			met = true // The list was meant for values of this type, too.
		default:
			other = kind
		}
	}
	if wanted != "" && !met && other != "" {
		return fail(differs(wanted, other))
	}
	return types.False
}

// class groups the types that can be equal, in words; "" for what stands for an empty column.
func class(v ref.Val) string {
	switch v := v.(type) {
	case types.String:
		if v == "" {
			return ""
		}
		return "a text"
	case types.Null:
		return ""
	case types.Int, types.Uint, types.Double:
		return "a number"
	case types.Bool:
		return "true or false"
	case traits.Lister:
		return "a list"
	case traits.Mapper:
		return "an object"
	}
	return v.Type().TypeName()
}

func differs(left, right string) string {
	return fmt.Sprintf("%s is compared with %s, which is never equal; convert one of them, as in string(user.grade)", left, right)
}
