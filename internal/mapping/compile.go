package mapping

import (
	"maps"
	"slices"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/mapping/field"
	"github.com/entraflow/entraflow/internal/mapping/suggest"
	"github.com/entraflow/entraflow/internal/source"
)

// Problem is one thing wrong with a rule's filter or mappings.
type Problem struct {
	// Key is "filter" or the attribute's name, with the expression behind a dot where it has several; config.File.At turns it into a place
	// in the file.
	Key string
	// Message says what is wrong and what to do.
	Message string
	// Offset is where in the expression, in characters from its beginning.
	Offset int
}

// Rule is what a program is made of: the expressions of a rule of the configuration.
type Rule struct {
	// Filter is a CEL expression over user; "" lets everybody through.
	Filter string
	// Mappings: target attribute, by Graph's name or an alias, to what is written there.
	Mappings map[string]field.Spec
	// Tables are those that the expressions look values up in.
	Tables expression.Tables
}

// Compile compiles a rule against the columns of its source. All problems come back at once, and with them no program.
func Compile(rule Rule, cols source.Columns) (*Program, []Problem) {
	p, problems := compile(rule, expression.Scope{Known: true, Columns: cols, Tables: rule.Tables})
	if len(problems) > 0 {
		return nil, problems
	}
	return p, nil
}

// Check compiles a rule whose source has not been opened: everything is found but unknown columns and, for a CSV file, wrong types.
// Warnings are what is allowed but probably not meant.
func Check(rule Rule) (problems, warnings []Problem) {
	p, problems := compile(rule, expression.Scope{Tables: rule.Tables})
	if p.filter != nil && p.filter.Constant() {
		warnings = append(warnings, Problem{Key: FilterKey, Message: "it is the same for everybody; name a column, or remove the key to include everybody"})
	}
	return problems, warnings
}

// CheckShape finds what shows without compiling expressions, but for those of passwords.
func CheckShape(rule Rule) (problems, warnings []Problem) {
	mappings, unusable := byAttribute(rule)
	maps.DeleteFunc(mappings, func(name string, m field.Spec) bool {
		a, _ := directory.FindAttribute(name)
		return (m.Expression != "" || len(m.FirstFree) > 0) && m.Value == nil && m.Secret == "" && a.Type != directory.Secret
	})
	_, problems = compile(Rule{Mappings: mappings}, expression.Scope{Tables: rule.Tables})
	return append(problems, unusable...), nil
}

func compile(rule Rule, scope expression.Scope) (*Program, []Problem) {
	p := &Program{text: scope.Known && !scope.Columns.Typed}
	var problems []Problem
	report := func(key string, found []expression.Problem) {
		for _, f := range found {
			at := key
			if f.Part != "" {
				at += "." + f.Part
			}
			problems = append(problems, Problem{Key: at, Message: f.Message, Offset: f.Offset})
		}
	}
	if rule.Filter != "" {
		e, found := expression.Compile(rule.Filter, expression.Condition, scope)
		report(FilterKey, found)
		if p.filter = e; e != nil {
			p.columns = append(p.columns, e.Columns()...)
			p.lists = append(p.lists, e.Lists()...)
		}
	}
	mappings, unusable := byAttribute(rule)
	for _, a := range directory.Attributes() {
		m, ok := mappings[a.Name]
		if !ok {
			continue
		}
		f, found := field.Compile(a, m, scope)
		report(a.Name, found)
		if f != nil {
			p.add(f)
			if m.When == field.OnCreate {
				p.once = append(p.once, a.Name)
			}
		}
	}
	problems = append(problems, unusable...)
	slices.Sort(p.columns)
	p.columns = slices.Compact(p.columns)
	slices.Sort(p.lists)
	p.lists = slices.Compact(p.lists)
	return p, problems
}

// Uses tells what the expressions of rules use of their common source, before it has been opened. A rule that does not compile uses
// nothing; it is reported elsewhere.
func Uses(rules ...Rule) source.Use {
	var use source.Use
	for _, rule := range rules {
		p, problems := compile(rule, expression.Scope{Tables: rule.Tables})
		if len(problems) > 0 {
			continue
		}
		use.Attributes = append(use.Attributes, p.columns...)
		use.Lists = append(use.Lists, p.lists...)
	}
	for _, list := range []*[]string{&use.Attributes, &use.Lists} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return use
}

// byAttribute gives the mappings by Graph's names, whatever aliases the rule uses, and the keys that are no attribute or one that is
// mapped already.
func byAttribute(rule Rule) (map[string]field.Spec, []Problem) {
	mappings := make(map[string]field.Spec, len(rule.Mappings))
	var problems []Problem
	for _, key := range slices.Sorted(maps.Keys(rule.Mappings)) {
		a, ok := directory.FindAttribute(key)
		if !ok {
			problems = append(problems, Problem{Key: key, Message: UnknownAttribute(key)})
			continue
		}
		if _, twice := mappings[a.Name]; twice {
			problems = append(problems, Problem{Key: key, Message: MappedTwice(a.Name)})
			continue
		}
		mappings[a.Name] = rule.Mappings[key]
	}
	return mappings, problems
}

// UnknownAttribute explains a mapping's key that is no target attribute.
func UnknownAttribute(key string) string {
	if why, ok := directory.Unwritable(key); ok {
		return "this attribute is not written: " + why + "; remove this mapping"
	}
	var names []string
	for _, a := range directory.Attributes() {
		names = append(names, a.Name)
		names = append(names, a.Aliases...)
	}
	if s := suggest.DidYouMean(key, names); s != "" {
		return "there is no such attribute" + s
	}
	return "there is no such attribute; remove it, or use one that the documentation of mappings lists"
}

// MappedTwice explains a second mapping of one attribute.
func MappedTwice(attribute string) string {
	return "this is " + attribute + ", which is mapped already; remove one of the two"
}

// add puts a field into its place.
func (p *Program) add(f *field.Field) {
	p.names = append(p.names, f.Attribute.Name)
	p.columns = append(p.columns, f.Columns()...)
	p.lists = append(p.lists, f.Lists()...)
	switch f.Attribute.Name {
	case directory.UserPrincipalName:
		p.upn = f
	case directory.AccountEnabled:
		p.enabled = f
	case directory.ResetPassword:
		p.reset = f
	case directory.Password:
		p.password = f
	case directory.Manager:
		p.manager = f
	case directory.SkuID:
		p.skus = f
	case directory.DisabledPlans:
		p.disabledPlans = f
	default:
		p.attributes = append(p.attributes, f)
	}
}
