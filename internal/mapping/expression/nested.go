package expression

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// attribute is a column, or something within one, whose missing keys read as "": an object of a JSON source that lacks a key says the
// same as one in which it is null. A column that the whole record lacks stays an error, and so does a key of what is no object.
type attribute struct {
	interpreter.InterpretableAttribute
}

// lenient is the decorator that reads missing keys as "".
func lenient(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	switch a := i.(type) {
	case *attribute:
		return a, nil
	case interpreter.InterpretableAttribute:
		return &attribute{a}, nil
	}
	return i, nil
}

// AddQualifier adds a step into the value.
func (a *attribute) AddQualifier(q interpreter.Qualifier) (interpreter.Attribute, error) {
	if c, ok := q.(interpreter.ConstantQualifier); ok && c.Value().Type() == types.StringType {
		q = key{c}
	}
	return a.InterpretableAttribute.AddQualifier(q)
}

// key is a step to a key that the expression spells out.
type key struct{ interpreter.ConstantQualifier }

// Qualify reads the key.
func (k key) Qualify(vars interpreter.Activation, obj any) (any, error) {
	v, err := k.ConstantQualifier.Qualify(vars, obj)
	if err != nil && mayLack(obj) {
		return types.String(""), nil
	}
	return v, err
}

// mayLack reports whether obj is an object, or what stands for one that is not there.
func mayLack(obj any) bool {
	switch v := obj.(type) {
	case nil, types.Null, map[string]any:
		return true
	case string:
		return v == ""
	case types.String:
		return v == ""
	case *Person:
		return false
	case traits.Mapper:
		return v.(ref.Val).Type() == types.MapType
	}
	return false
}
