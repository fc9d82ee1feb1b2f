package expression

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// ErrRandomElsewhere is returned when an expression that needs randomness is evaluated for a person without any.
var ErrRandomElsewhere = errors.New("randomPassword is evaluated where no password is made")

// The errors of the methods below may quote a person's values: they are causes, never subjects.

// Bool evaluates a condition. Anything but true and false is an error.
func (e *Expression) Bool(p *Person) (bool, error) {
	v, err := e.value(p)
	if err != nil {
		return false, err
	}
	switch v := v.(type) {
	case bool:
		return v, nil
	case types.Bool:
		return bool(v), nil
	}
	return false, e.places.explain(saysf("the result is neither true nor false but %s", kind(v)))
}

// Text evaluates to one text: numbers and truth values are written out, null is "".
func (e *Expression) Text(p *Person) (string, error) {
	v, err := e.value(p)
	if err != nil {
		return "", err
	}
	return e.text(v)
}

func (e *Expression) text(v any) (string, error) {
	s, err := text(v)
	if err != nil {
		return "", e.places.explain(err)
	}
	return s, nil
}

// List evaluates to texts: the items of a list, or the one value that is not a list.
func (e *Expression) List(p *Person) ([]string, error) {
	v, err := e.value(p)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case []any:
		return e.texts(v)
	case []string:
		return v, nil
	case traits.Lister:
		size, _ := v.Size().(types.Int)
		items := make([]any, size)
		for i := range items {
			items[i] = v.Get(types.Int(i))
		}
		return e.texts(items)
	}
	s, err := e.text(v)
	if err != nil {
		return nil, err
	}
	return []string{s}, nil
}

func (e *Expression) texts(items []any) ([]string, error) {
	out, err := Texts(items)
	if err != nil {
		return nil, e.places.explain(err)
	}
	return out, nil
}

// Texts writes the items of a list as texts.
func Texts(items []any) ([]string, error) {
	out := make([]string, len(items))
	for i, item := range items {
		s, err := text(item)
		if err != nil {
			return nil, err
		}
		out[i] = s
	}
	return out, nil
}

// value evaluates, as a Go value or as one of CEL's.
func (e *Expression) value(p *Person) (any, error) {
	switch {
	case e.constant != nil:
		return e.constant.value, nil
	case e.column != "":
		v, err := p.column(e.column)
		if err != nil {
			return nil, e.places.explain(err)
		}
		return v, nil
	}
	if e.random && p.Random == nil {
		return nil, ErrRandomElsewhere
	}
	p.made = 0
	v, _, err := e.program.Eval(p)
	if err != nil {
		return nil, e.places.explain(err)
	}
	return v, nil
}

// text writes a value as text.
func text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case types.String:
		return string(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case types.Bool:
		return strconv.FormatBool(bool(v)), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case int:
		return strconv.Itoa(v), nil
	case types.Int:
		return strconv.FormatInt(int64(v), 10), nil
	case types.Uint:
		return strconv.FormatUint(uint64(v), 10), nil
	case float64:
		return number(v)
	case types.Double:
		return number(float64(v))
	case nil, types.Null:
		return "", nil
	}
	return "", saysf("the result is not a text but %s", kind(v))
}

// number writes a number as people do: 5, not 5.0 or 5e+00.
func number(f float64) (string, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "", says("the result is not a finite number")
	}
	return strconv.FormatFloat(f, 'f', -1, 64), nil
}

// kind names the type of a value that cannot be used, without the value.
func kind(v any) string {
	if r, ok := v.(ref.Val); ok {
		return "of type " + r.Type().TypeName()
	}
	return fmt.Sprintf("of type %T", v)
}
