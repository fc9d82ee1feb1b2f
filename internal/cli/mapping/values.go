// Package mapping shows what the rules of a configuration make of people: values and all, for whoever asks at the terminal.
package mapping

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/stores"
	"github.com/entraflow/entraflow/internal/terminal"
)

// maxShown is how many people are shown where none was named.
const maxShown = 10

// person is what one rule makes of one person. It holds values.
type person struct {
	User string `json:"user"`
	// InScope: the filter includes the person. Meaningless where Failed is set with the subject filter.
	InScope bool `json:"inScope"`
	// Values are those that the mappings give; an attribute whose mapping fails is not among them.
	Values map[string]string `json:"values,omitempty"`
	// Failed is the first of Failures, for which the person fails in a sync.
	Failed *failed `json:"failed,omitempty"`
	// Failures are everything that is wrong with the person, in the order of the documentation.
	Failures []failed `json:"failures,omitempty"`
}

// failed is why a filter or a mapping gives nothing for somebody.
type failed struct {
	Reason  fault.Reason `json:"reason"`
	Subject string       `json:"subject"`
	Message string       `json:"message"`
}

// ruleValues are the people of one rule: the one who was asked for, or the first few and everybody who fails.
type ruleValues struct {
	Rule    string   `json:"rule"`
	InScope int      `json:"inScope"`
	Out     int      `json:"outOfScope"`
	Failed  int      `json:"failed"`
	People  []person `json:"people"`
}

// Print prints what the rules make of the person with this id or, without one, of everybody. The error says that something failed.
func Print(ctx context.Context, a *session.Session, rules []config.Rule, id string) error {
	result := struct {
		Rules []ruleValues `json:"rules"`
	}{Rules: []ruleValues{}}
	var text strings.Builder
	failures, found := 0, 0
	for _, rule := range rules {
		v, err := evaluate(ctx, rule, id)
		if err != nil {
			return err
		}
		failures, found = failures+v.Failed, found+len(v.People)
		result.Rules = append(result.Rules, v)
		text.WriteString(v.text(id))
	}
	if id != "" && found == 0 {
		return session.WrongUse("check the id", "%s: no source of these rules has a person with this id", id)
	}
	if err := a.Print(result, text.String()); err != nil {
		return err
	}
	if failures > 0 {
		return session.Incomplete("correct the mappings, or the records of these people", "the mappings fail for %s", plan.People(failures))
	}
	return nil
}

// evaluate reads a rule's source and evaluates filter and mappings.
func evaluate(ctx context.Context, rule config.Rule, id string) (ruleValues, error) {
	v := ruleValues{Rule: rule.Name, People: []person{}}
	src, err := stores.Open(session.SourceEnvironment())(rule.Source.Settings, mapping.Uses(rule.Expressions()))
	if err != nil {
		return v, err
	}
	columns, err := src.Columns(ctx)
	if err != nil {
		return v, err
	}
	program, problems := mapping.Compile(rule.Expressions(), columns)
	if len(problems) > 0 {
		return v, session.WrongUse("correct the file", "rule %s, %s: %s", rule.Name, problems[0].Key, problems[0].Message)
	}
	add := func(r source.Record) error {
		p := show(program, r)
		switch {
		case p.Failed != nil:
			v.Failed++
		case p.InScope:
			v.InScope++
		default:
			v.Out++
		}
		if id != "" || p.Failed != nil && v.Failed <= maxShown || p.Failed == nil && p.InScope && v.InScope <= maxShown {
			v.People = append(v.People, p)
		}
		return nil
	}
	if id == "" {
		_, err = src.List(ctx, add)
		return v, err
	}
	record, _, err := src.Get(ctx, id)
	if fault.Is(err, fault.PersonNotFound) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	return v, add(record)
}

// show evaluates filter and mappings for one person. The password is made when an account is created, and is not shown.
func show(program *mapping.Program, r source.Record) person {
	p := person{User: r.ID}
	in, err := program.InScope(r)
	if err != nil {
		p.fails(err)
	}
	if p.InScope = in; !in {
		return p
	}
	d, failures := program.EvaluateAll(r)
	d.AccountEnabled = d.AccountEnabled && r.Enabled
	p.Values = values(d)
	for _, f := range failures {
		p.fails(f.Err)
		delete(p.Values, f.Attribute)
	}
	if r.EnabledErr != nil {
		p.fails(r.EnabledErr)
		delete(p.Values, directory.AccountEnabled)
	}
	return p
}

// fails adds something that is wrong with the person.
func (p *person) fails(err error) {
	f := fault.Of(err)
	p.Failures = append(p.Failures, failed{Reason: f.Reason, Subject: f.Subject, Message: f.Message()})
	p.Failed = &p.Failures[0]
}

// values are what would be written, by attribute.
func values(d mapping.Desired) map[string]string {
	v := maps.Clone(d.Attributes)
	for name, value := range v {
		v[name] = strings.ReplaceAll(value, directory.ListSeparator, ", ")
	}
	v[directory.UserPrincipalName] = d.UserPrincipalName
	if len(d.Candidates) > 0 {
		v[directory.UserPrincipalName] = "the first free of " + strings.Join(d.Candidates, ", ")
	}
	v["accountEnabled"] = strconv.FormatBool(d.AccountEnabled)
	if d.ManagerMapped {
		v[directory.Manager] = d.Manager
	}
	if d.SKUMapped {
		v["skuId"] = strings.Join(d.SKUs, ", ")
	}
	if d.DisabledPlansMapped {
		v["disabledPlans"] = strings.Join(d.DisabledPlans, ", ")
	}
	return v
}

func (v ruleValues) text(id string) string {
	var b strings.Builder
	if id == "" {
		fmt.Fprintf(&b, "rule %s: %s in scope, %d outside the filter, %d with a mapping that fails\n", v.Rule, plan.People(v.InScope), v.Out, v.Failed)
	}
	for _, p := range v.People {
		fmt.Fprintf(&b, "rule %s, person %s%s\n", v.Rule, terminal.Printable(p.User), map[bool]string{true: ": outside the filter"}[p.Failed == nil && !p.InScope])
		table := terminal.Table{Indent: "  "}
		for _, name := range slices.Sorted(maps.Keys(p.Values)) {
			table.Row(name, cmp.Or(p.Values[name], "(empty)"))
		}
		b.WriteString(table.String())
		for _, f := range p.Failures {
			fmt.Fprintf(&b, "  fails: %s (%s)\n", terminal.Printable(f.Message), f.Reason)
		}
	}
	return b.String()
}
