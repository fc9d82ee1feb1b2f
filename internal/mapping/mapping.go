// Package mapping turns a rule's filter and mappings into a program that says of a person at the source whether the rule
// includes them and what their account should look like.
//
// A program is pure: the same record gives the same result on every worker. Only Password draws on randomness, and only
// the activity that creates the account calls it. What the expressions may say is told in package expression, what values
// Entra takes in package value.
package mapping

import (
	"io"
	"slices"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/mapping/field"
	"github.com/entraflow/entraflow/internal/source"
)

// FilterKey is the key of problems and faults that concern the filter.
const FilterKey = "filter"

// Program is a compiled rule. It is safe for concurrent use.
type Program struct {
	text          bool
	filter        *expression.Expression
	upn           *field.Field
	enabled       *field.Field
	reset         *field.Field
	password      *field.Field
	manager       *field.Field
	skus          *field.Field
	disabledPlans *field.Field
	attributes    []*field.Field
	names         []string
	once          []string
	columns       []string
	lists         []string
}

// Attributes are the Graph names of everything that the rule maps, in the order of the documentation.
func (p *Program) Attributes() []string { return slices.Clone(p.names) }

// Columns are the columns that the rule names, sorted. A source that lacks one of them stops the rule.
func (p *Program) Columns() []string { return slices.Clone(p.columns) }

// InScope reports whether the rule's filter lets the person through; a rule without a filter includes everybody.
//
// Faults: FilterFailed (Invalid), whose subject says where in the filter and why: the person is neither in nor out.
func (p *Program) InScope(r source.Record) (bool, error) {
	if p.filter == nil {
		return true, nil
	}
	in, err := p.filter.Bool(p.person(r))
	if err != nil {
		return false, fault.Wrap("filter person", fault.Invalid, fault.FilterFailed, expression.About(FilterKey, err), err)
	}
	return in, nil
}

// ChoosesName reports that somebody new gets the first of several sign-in names that is free. Such a name is wanted by nobody in
// particular before it is given.
func (p *Program) ChoosesName() bool { return p.upn != nil && p.upn.Chooses() }

// SignInNames gives the person's sign-in names alone, for matching: one, or the candidates in their order where the program chooses.
//
// Faults (Invalid, subject userPrincipalName): MappingFailed, AttributeRequired, UPNInvalid.
func (p *Program) SignInNames(r source.Record) ([]string, error) {
	return p.signInNames(p.person(r))
}

func (p *Program) signInNames(person *expression.Person) ([]string, error) {
	switch {
	case p.upn == nil:
		return nil, missing(directory.UserPrincipalName)
	case p.upn.Chooses():
		return p.upn.Candidates(person)
	}
	name, err := p.upn.Text(person)
	return []string{name}, err
}

// Evaluate gives everything about the person's account but the password. The first fault in the order of the
// documentation is returned.
//
// Faults (Invalid, subject the attribute's name, and where in its expression and why, without any value): MappingFailed,
// AttributeRequired, AttributeTooLong, AttributeInvalid, UPNInvalid, UsageLocationInvalid.
func (p *Program) Evaluate(r source.Record) (Desired, error) {
	d, failures := p.EvaluateAll(r)
	if len(failures) > 0 {
		return Desired{}, failures[0].Err
	}
	return d, nil
}

// Failure is that a mapping gives nothing for somebody.
type Failure struct {
	// Attribute is Graph's name of what is mapped.
	Attribute string
	// Err is the fault, as Evaluate gives it.
	Err error
}

// EvaluateAll is Evaluate for whoever wants to see everything that is wrong with a person: what works stands in Desired, and the rest
// in the order of the documentation among the failures.
func (p *Program) EvaluateAll(r source.Record) (Desired, []Failure) {
	person := p.person(r)
	d := Desired{AccountEnabled: true, ResetPassword: true, ManagerMapped: p.manager != nil, SKUMapped: p.skus != nil,
		DisabledPlansMapped: p.disabledPlans != nil, Once: p.once, Attributes: make(map[string]string, len(p.attributes))}
	var failures []Failure
	failed := func(attribute string, err error) bool {
		if err != nil {
			failures = append(failures, Failure{attribute, err})
		}
		return err != nil
	}
	names, err := p.signInNames(person)
	if !failed(directory.UserPrincipalName, err) {
		d.UserPrincipalName = names[0]
		if p.ChoosesName() {
			d.Candidates = names
		}
	}
	for _, f := range p.attributes {
		text, err := f.Text(person)
		if !failed(f.Attribute.Name, err) && (text != "" || !f.LeavesEmpty()) {
			d.Attributes[f.Attribute.Name] = text
		}
	}
	for _, flag := range []struct {
		field *field.Field
		into  *bool
	}{{p.enabled, &d.AccountEnabled}, {p.reset, &d.ResetPassword}} {
		if flag.field != nil {
			*flag.into, err = flag.field.Flag(person)
			failed(flag.field.Attribute.Name, err)
		}
	}
	if p.manager != nil {
		d.Manager, err = p.manager.Text(person)
		failed(directory.Manager, err)
	}
	for _, list := range []struct {
		field *field.Field
		into  *[]string
	}{{p.skus, &d.SKUs}, {p.disabledPlans, &d.DisabledPlans}} {
		if list.field != nil {
			*list.into, err = list.field.Licenses(person)
			failed(list.field.Attribute.Name, err)
		}
	}
	return d, failures
}

// AccountEnabled gives what the rule says of accountEnabled alone; true where it does not map it.
//
// Faults (Invalid, subject accountEnabled): MappingFailed, AttributeInvalid.
func (p *Program) AccountEnabled(r source.Record) (bool, error) {
	if p.enabled == nil {
		return true, nil
	}
	return p.enabled.Flag(p.person(r))
}

// Password makes the person's initial password. rnd feeds randomPassword (crypto/rand.Reader outside tests); secret
// resolves the reference of a fixed password (secret.Store.Read). Nobody keeps the result but the account's creation.
//
// Faults (Invalid, subject password): AttributeRequired without a mapping, MappingFailed, PasswordRejected; and those of
// secret as they are.
func (p *Program) Password(r source.Record, rnd io.Reader, secret func(ref string) (string, error)) (string, error) {
	if p.password == nil {
		return "", missing(directory.Password)
	}
	return p.password.Password(*p.person(r), rnd, secret)
}

func (p *Program) person(r source.Record) *expression.Person {
	return &expression.Person{Record: r, Text: p.text}
}

func missing(attribute string) error {
	return fault.New("map attribute", fault.Invalid, fault.AttributeRequired, attribute)
}
