package expression

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Failure is why an expression could not be evaluated for one person.
type Failure struct {
	// Why says what is wrong, in words that quote no value: fit for histories.
	Why string
	// Err is the cause. It may quote values, and is for the person at the terminal only.
	Err error
}

// About names what failed, and why.
func About(name string, err error) string {
	var f *Failure
	if errors.As(err, &f) {
		return name + ", " + f.Why
	}
	return name
}

// Error gives the cause with the values that it quotes.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// says is an error of our own. It quotes no value.
type says string

func (s says) Error() string { return string(s) }

// saysf makes an error of our own; args are words of ours, numbers and names of types.
func saysf(format string, args ...any) error { return says(fmt.Sprintf(format, args...)) }

// fail is an error of our own as a result in CEL.
func fail(message string) ref.Val { return types.WrapErr(says(message)) }

// shared is the error that CEL gives for every call of which the types do not fit; what it says of its place is that of anybody's.
var shared = types.NoSuchOverloadErr()

// label adds to an error the part of the expression in which it arose. CEL shares some errors between all evaluations, so that a copy
// gets the label.
func label(id int64, v ref.Val) ref.Val {
	if err, ok := v.(*types.Err); ok && (err.NodeID() == 0 || v == shared) {
		return types.LabelErrNode(id, types.WrapErr(fmt.Errorf("%w", err)))
	}
	return v
}

// places finds the parts of an expression again when one of them fails.
type places struct {
	speaker speaker
	info    *ast.SourceInfo
}

// explain makes the failure out of what an evaluation returned.
func (p places) explain(err error) error {
	if errors.Is(err, ErrRandomElsewhere) {
		return err
	}
	why := reason(err)
	var at *types.Err
	if errors.As(err, &at) && ref.Val(at) != shared && p.info != nil {
		if start := p.info.GetStartLocation(at.NodeID()); start != nil && start.Line() > 0 {
			why = "character " + strconv.Itoa(p.speaker.offset(start)+1) + ": " + why
		}
	}
	return &Failure{Why: why, Err: err}
}

// reason says what is wrong without any value.
func reason(err error) string {
	var own says
	if errors.As(err, &own) {
		return own.Error()
	}
	message := err.Error()
	for _, known := range []struct{ text, why string }{
		{"error parsing regexp", "the regular expression is wrong"},
		{"no such key", "a key is missing"},
		{"index out of bounds", "the list has no item at this place"},
		{"index out of range", "the text has no character at this place"},
		{"invalid substring", "the text has no characters at this place"},
		{"no such overload", "the types of the values do not fit"},
		{"unsupported index type", "the types of the values do not fit"},
		{"type conversion error", "the value cannot be converted"},
		{"strconv.", "the value cannot be converted"},
		{"parsing", "the value cannot be converted"},
		{"divide by zero", "a division by zero"},
		{"division by zero", "a division by zero"},
		{"modulus by zero", "a division by zero"},
		{"overflow", "a number is too big"},
		{"range", "a number is too big"},
		{"cost limit", "the expression takes too much work for this person"},
	} {
		if strings.Contains(message, known.text) {
			return known.why
		}
	}
	return "the expression cannot be evaluated for this person"
}
