// Package field is the mapping of one target attribute: an expression, a constant or a secret, checked against what the
// attribute takes and ready to give a person's value.
package field

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/mapping/value"
)

// Spec is a mapping as the configuration has it: exactly one of Expression, FirstFree, Value and Secret is set.
type Spec struct {
	// Expression is CEL over user.
	Expression string `json:"expression,omitempty"`
	// FirstFree are expressions of which somebody new gets the first value that nobody has. Only for userPrincipalName, whose value is
	// kept afterwards.
	FirstFree []string `json:"firstFree,omitempty"`
	// Value is a constant: a string, a bool, or a list of strings.
	Value any `json:"value,omitempty"`
	// Secret is a reference to a fixed initial password, env:NAME or file:PATH. Only for password.
	Secret string `json:"secret,omitempty"`
	// When is "create" for an attribute that is written with the account's creation and left alone afterwards; "" or "always" for
	// one that is kept as the source has it.
	When string `json:"when,omitempty"`
	// WhenEmpty is "leave" where an empty value of the expression says nothing, so that the account keeps what it has; "" or "clear"
	// where it clears the attribute.
	WhenEmpty string `json:"whenEmpty,omitempty"`
	// Default is a constant that is written where the expression gives an empty value.
	Default any `json:"default,omitempty"`
}

// The values of Spec.When and Spec.WhenEmpty.
const (
	// OnCreate: the attribute is written once.
	OnCreate = "create"
	// Always is the default of When.
	Always = "always"
	// Leave: an empty value says nothing.
	Leave = "leave"
	// Clear is the default of WhenEmpty.
	Clear = "clear"
)

// CanBeOnce reports whether an attribute may be written with the creation only. The sign-in name is what accounts are found by, and the
// others have states that are compared as a whole.
func CanBeOnce(a directory.Attribute) bool {
	return (a.Type == directory.Text || a.Type == directory.List) && a.Name != directory.UserPrincipalName
}

// UnmarshalJSON reads a bare string as an expression, as a configuration file does.
func (s *Spec) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*s = Spec{Expression: text}
		return nil
	}
	type plain Spec
	var v plain
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*s = Spec(v)
	return nil
}

// ambiguous reports that more than one of the four is set.
func (s Spec) ambiguous() bool {
	n := 0
	for _, used := range []bool{s.Expression != "", len(s.FirstFree) > 0, s.Value != nil, s.Secret != ""} {
		if used {
			n++
		}
	}
	return n > 1
}

// Field is a compiled mapping. It is safe for concurrent use.
type Field struct {
	// Attribute is what the mapping writes.
	Attribute directory.Attribute
	// Secret is the reference of a fixed initial password, or "".
	Secret string

	expression *expression.Expression
	// candidates are those of FirstFree.
	candidates []*expression.Expression
	constant   *constant
	// fallback is what an empty value of the expression stands for; nil for nothing.
	fallback *constant
	leave    bool
}

// LeavesEmpty reports that an empty value says nothing about the attribute.
func (f *Field) LeavesEmpty() bool { return f.leave }

// constant is the one value that everybody gets; which of the three is set depends on the attribute's type.
type constant struct {
	text string
	list []string
	flag bool
}

// Columns are the columns that the mapping names.
func (f *Field) Columns() []string { return f.each((*expression.Expression).Columns) }

// Lists are those of the columns that the mapping treats as lists.
func (f *Field) Lists() []string { return f.each((*expression.Expression).Lists) }

// each gathers something of all expressions of the mapping.
func (f *Field) each(of func(*expression.Expression) []string) (all []string) {
	if f.expression != nil {
		return of(f.expression)
	}
	for _, e := range f.candidates {
		all = append(all, of(e)...)
	}
	return all
}

// Compile compiles a mapping. All problems come back at once, and with them no field. About a password they quote
// nothing of what stands in the configuration.
func Compile(a directory.Attribute, spec Spec, scope expression.Scope) (*Field, []expression.Problem) {
	f := &Field{Attribute: a}
	if message := spec.wrongOptions(a); message != "" {
		return nil, problem(message)
	}
	f.leave = spec.WhenEmpty == Leave
	switch {
	case spec.ambiguous():
		return nil, problem("it has more than one of expression, firstFree, value and secret; keep one")
	case spec.Secret != "" && a.Type != directory.Secret:
		return nil, problem("only password takes a secret; write an expression or {value: …}")
	case spec.Secret != "":
		f.Secret = spec.Secret
		return f, nil
	case spec.Value != nil:
		c, message := readConstant(a, spec.Value)
		if message != "" {
			return nil, problem(message)
		}
		f.constant = c
		return f, nil
	case spec.FirstFree != nil:
		if problems := f.compileCandidates(spec.FirstFree, scope); len(problems) > 0 {
			return nil, problems
		}
		return f, nil
	}
	e, problems := expression.Compile(spec.Expression, result(a), scope)
	if len(problems) > 0 {
		return nil, problems
	}
	f.expression = e
	if spec.Default != nil {
		c, message := readConstant(a, spec.Default)
		if message != "" {
			return nil, problem("default: " + message)
		}
		f.fallback = c
	}
	if !e.Constant() {
		return f, nil
	}
	// What is the same for everybody can be checked now.
	if unique(a) {
		return nil, problem(sameForAll)
	}
	c, err := f.fold()
	if err != nil {
		return nil, problem(advise(a, err))
	}
	f.expression, f.constant = nil, c
	return f, nil
}

// wrongOptions says what is wrong with when, whenEmpty and default.
func (s Spec) wrongOptions(a directory.Attribute) string {
	plain := a.Type == directory.Text || a.Type == directory.List
	switch {
	case s.FirstFree != nil && a.Name != directory.UserPrincipalName:
		return "firstFree goes with userPrincipalName only; write an expression"
	case s.FirstFree != nil && s.When != "":
		return "with firstFree the name is decided when the account is created in any case; remove when"
	case s.When != "" && s.When != OnCreate && s.When != Always:
		return "when takes the words create and always; write one of them, or remove when"
	case s.When == OnCreate && a.CreateOnly:
		return "this is written with the creation only in any case; remove when"
	case s.When == OnCreate && !CanBeOnce(a):
		return a.Name + " is kept as the source has it and cannot be written once; remove when"
	case s.WhenEmpty != "" && s.WhenEmpty != Leave && s.WhenEmpty != Clear:
		return "whenEmpty takes the words clear and leave; write one of them, or remove whenEmpty"
	case (s.WhenEmpty != "" || s.Default != nil) && s.Expression == "":
		return "whenEmpty and default go with an expression; remove them, or write an expression"
	case s.WhenEmpty != "" && s.Default != nil:
		return "with a default the value is never empty; remove whenEmpty or default"
	case s.WhenEmpty == Leave && a.Required:
		return "no account can be without " + a.Name + ", so that nothing could be written for a new one; write a default"
	case s.WhenEmpty != "" && (!plain || a.CreateOnly):
		return "whenEmpty does not go with " + a.Name + "; remove it"
	case s.Default != nil && (!plain && a.Type != directory.Licenses || a.CreateOnly):
		return "a default does not go with " + a.Name + "; remove it"
	}
	return ""
}

// result is what an attribute's expression must give.
func result(a directory.Attribute) expression.Result {
	switch a.Type {
	case directory.Flag:
		return expression.Flag
	case directory.List, directory.Licenses:
		return expression.List
	case directory.Secret:
		return expression.Password
	}
	return expression.Text
}

const sameForAll = "everybody would get the same value, and it must be different for each person; write an expression over user"

// unique are the attributes that two accounts of a tenant cannot share.
func unique(a directory.Attribute) bool {
	return a.Name == directory.UserPrincipalName || a.Name == directory.ImmutableID
}

func problem(message string) []expression.Problem {
	return []expression.Problem{{Message: message}}
}

// advise says what to do about a constant that the attribute does not take.
func advise(a directory.Attribute, err error) string {
	switch reason := fault.Of(err).Reason; reason {
	case fault.AttributeTooLong:
		return fmt.Sprintf("the value is longer than the %d characters that Entra allows; shorten it", a.MaxLength)
	case fault.AttributeRequired:
		return "the value is empty and no account can be without it; write an expression over user"
	case fault.UsageLocationInvalid:
		return reason.Sentence()
	case fault.MappingFailed:
		if a.Type == directory.Flag {
			return "true or false is wanted; write {value: true} or {value: false}"
		}
		return "the expression fails for everybody; correct it"
	}
	if a.Name == directory.BusinessPhones {
		return "Entra keeps one business phone; give one value"
	}
	return "Entra does not accept this value for " + a.Name + "; correct it"
}

// fold evaluates a constant expression once.
func (f *Field) fold() (*constant, error) {
	nobody := &expression.Person{}
	var c constant
	var err error
	switch f.Attribute.Type {
	case directory.Flag:
		c.flag, err = f.Flag(nobody)
	case directory.List:
		c.text, err = f.Text(nobody)
	case directory.Licenses:
		c.list, err = f.Licenses(nobody)
	default:
		c.text, err = f.Text(nobody)
	}
	return &c, err
}

// Text gives the person's value: a list's values are joined by directory.ListSeparator, and "" is empty.
//
// Faults, all Invalid with the attribute's name as subject: MappingFailed, AttributeRequired, AttributeTooLong,
// AttributeInvalid, UPNInvalid, UsageLocationInvalid.
func (f *Field) Text(p *expression.Person) (string, error) {
	if f.constant != nil {
		return f.constant.text, nil
	}
	if f.Attribute.Type == directory.List {
		values, err := f.expression.List(p)
		if err != nil {
			return "", f.failed(err)
		}
		values, err = value.List(f.Attribute, values)
		if err == nil && len(values) == 0 && f.fallback != nil {
			return f.fallback.text, nil
		}
		return strings.Join(values, directory.ListSeparator), err
	}
	s, err := f.expression.Text(p)
	if err != nil {
		return "", f.failed(err)
	}
	if f.fallback != nil && strings.TrimSpace(s) == "" {
		return f.fallback.text, nil
	}
	return value.Text(f.Attribute, s)
}

// Flag gives the person's truth value.
//
// Faults: MappingFailed (Invalid), also for an empty value.
func (f *Field) Flag(p *expression.Person) (bool, error) {
	if f.constant != nil {
		return f.constant.flag, nil
	}
	s, err := f.expression.Text(p)
	if err != nil {
		return false, f.failed(err)
	}
	return value.Flag(f.Attribute, s)
}

// Licenses gives the person's licenses or service plans as they are written; none is empty.
//
// Faults: MappingFailed (Invalid).
func (f *Field) Licenses(p *expression.Person) ([]string, error) {
	if f.constant != nil {
		return f.constant.list, nil
	}
	values, err := f.expression.List(p)
	if err != nil {
		return nil, f.failed(err)
	}
	if values = value.Licenses(values); len(values) == 0 && f.fallback != nil {
		return f.fallback.list, nil
	}
	return values, nil
}

// Password makes the person's initial password, drawing on rnd; secret resolves a reference.
//
// Faults: MappingFailed, PasswordRejected (Invalid), and those of secret.
func (f *Field) Password(p expression.Person, rnd io.Reader, secret func(ref string) (string, error)) (string, error) {
	if f.Secret != "" {
		s, err := secret(f.Secret)
		if err != nil {
			return "", err
		}
		return s, value.Password(s)
	}
	p.Random = rnd
	s, err := f.expression.Text(&p)
	if err != nil {
		return "", f.failed(err)
	}
	return s, value.Password(s)
}

func (f *Field) failed(err error) error {
	return fault.Wrap("map attribute", fault.Invalid, fault.MappingFailed, expression.About(f.Attribute.Name, err), err)
}
