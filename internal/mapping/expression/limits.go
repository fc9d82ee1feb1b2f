package expression

import (
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// Bounds on what an evaluation may make. A short expression can grow a text without bound: each quote of a quote doubles it, and
// replacing multiplies. No attribute of Entra has more than a few thousand characters.
const (
	// MaxText is how many bytes a text may have that an expression makes.
	MaxText = 64 << 10
	// maxItems is how many items a list may have that an expression makes.
	maxItems = 10_000
	// maxMade is how many bytes of text one evaluation may make in all.
	maxMade = 4 << 20
	// counted is the size from which on a text counts for maxMade; smaller ones cannot add up to much in an expression of
	// MaxLength characters, and loops are bounded by costLimit.
	counted = 256
)

// The errors of an evaluation that exceeds a bound. They quote no value.
const (
	tooLong = "an intermediate text is longer than 65536 bytes"
	tooMany = "an intermediate list has more than 10000 items"
	tooMuch = "the expression makes more than 4 MiB of text for one person"
)

// bounded is a call whose result must stay within the bounds.
type bounded struct {
	interpreter.InterpretableCall
}

// limit is the decorator that puts the bounds around each call of an expression, before anything is optimized.
func (s Scope) limit(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok {
		return i, nil
	}
	switch call.Function() {
	case lookupName:
		if l, ok := newLooking(call, s.Tables); ok {
			return &placed{l}, nil
		}
	case replaceRegexName:
		if r := newRegexReplacing(call); r != nil {
			return &placed{r}, nil
		}
	case extractName:
		if e := newExtracting(call); e != nil {
			return &placed{e}, nil
		}
	case "replace":
		return &placed{&replacing{bounded{call}}}, nil
	case "join":
		return &placed{&joining{bounded{call}}}, nil
	}
	if compares(call) {
		return &placed{&comparison{InterpretableV2: call, operator: call.Function(), args: call.Args()}}, nil
	}
	return &bounded{call}, nil
}

// Eval evaluates the call for callers of CEL's first interface.
func (b *bounded) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, b.Exec)
}

// Exec evaluates the call.
func (b *bounded) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return label(b.ID(), within(frame, b.InterpretableCall.Exec(frame)))
}

// placed adds to errors of our own calls where in the expression they arose.
type placed struct{ interpreter.InterpretableV2 }

// Eval evaluates the call for callers of CEL's first interface, such as the condition of a choice.
func (p *placed) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, p.Exec)
}

// Exec evaluates the call.
func (p *placed) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return label(p.ID(), p.InterpretableV2.Exec(frame))
}

// within gives the value, or an error when it is too big.
func within(vars interpreter.Activation, v ref.Val) ref.Val {
	switch v := v.(type) {
	case types.String:
		return textWithin(vars, v, len(v))
	case types.Bytes:
		return textWithin(vars, v, len(v))
	case traits.Lister:
		if n, ok := v.Size().(types.Int); ok && n > maxItems {
			return fail(tooMany)
		}
	}
	return v
}

func textWithin(vars interpreter.Activation, v ref.Val, size int) ref.Val {
	if size > MaxText {
		return fail(tooLong)
	}
	if size < counted {
		return v
	}
	person, ok := vars.ResolveName(userVariable)
	if p, isPerson := person.(*Person); ok && isPerson {
		if p.made += size; p.made > maxMade {
			return fail(tooMuch)
		}
	}
	return v
}

// replacing is a call of replace. Its result is measured before it is made: two texts within the bounds could give gigabytes.
type replacing struct{ bounded }

// Exec evaluates the call.
func (r *replacing) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	values, failed := execAll(frame, r.Args())
	if failed != nil {
		return failed
	}
	s, ok1 := values[0].(types.String)
	old, ok2 := values[1].(types.String)
	with, ok3 := values[2].(types.String)
	if !ok1 || !ok2 || !ok3 {
		return fail("replace works with texts only")
	}
	n := -1
	if len(values) == 4 {
		limit, ok := values[3].(types.Int)
		if !ok {
			return fail("the last argument of replace is a number")
		}
		n = int(min(max(limit, -1), types.Int(len(s)+1)))
	}
	times := strings.Count(string(s), string(old))
	if n >= 0 {
		times = min(times, n)
	}
	if len(s)+times*max(0, len(with)-len(old)) > MaxText {
		return fail(tooLong)
	}
	return within(frame, types.String(strings.Replace(string(s), string(old), string(with), n)))
}

// joining is a call of join, measured before it is made.
type joining struct{ bounded }

// Exec evaluates the call.
func (j *joining) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	values, failed := execAll(frame, j.Args())
	if failed != nil {
		return failed
	}
	list, ok := values[0].(traits.Lister)
	if !ok {
		return fail("join works with a list only")
	}
	separator := types.String("")
	if len(values) == 2 {
		if separator, ok = values[1].(types.String); !ok {
			return fail("the argument of join is a text")
		}
	}
	var out strings.Builder
	for it := list.Iterator(); it.HasNext() == types.True; {
		item, ok := it.Next().(types.String)
		if !ok {
			return fail("join works with a list of texts only; convert its items, as in list.map(x, string(x))")
		}
		if out.Len()+len(item) > MaxText {
			return fail(tooLong)
		}
		out.WriteString(string(item))
		if it.HasNext() == types.True {
			out.WriteString(string(separator))
		}
	}
	return within(frame, types.String(out.String()))
}

// execAll evaluates arguments; failed is the first that is an error.
func execAll(frame *interpreter.ExecutionFrame, args []interpreter.InterpretableV2) (values []ref.Val, failed ref.Val) {
	values = make([]ref.Val, len(args))
	for i, arg := range args {
		v := arg.Exec(frame)
		if types.IsUnknownOrError(v) {
			return nil, v
		}
		values[i] = v
	}
	return values, nil
}
