package mapping

import (
	"maps"
	"slices"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/mapping/field"
	"github.com/entraflow/entraflow/internal/mapping/suggest"
	"github.com/entraflow/entraflow/internal/source"
)

// Problem is one thing wrong with a rule's filter or mappings.
type Problem struct {
	// Key is "filter" or the attribute's name; config.File.At turns it into a place in the file.
	Key string
	// Message says what is wrong and what to do.
	Message string
	// Offset is where in the expression, in characters from its beginning.
	Offset int
}

// Compile compiles a rule against the columns of its source. All problems come back at once, and with them no program.
func Compile(rule config.Rule, cols source.Columns) (*Program, []Problem) {
	p, problems := compile(rule, expression.Scope{Known: true, Columns: cols})
	if len(problems) > 0 {
		return nil, problems
	}
	return p, nil
}

// Check compiles a rule whose source has not been opened: everything is found but unknown columns and, for a CSV file,
// wrong types. config.Load and Connection.Validate report the same.
func Check(rule config.Rule) []Problem {
	_, problems := compile(rule, expression.Scope{})
	return problems
}

func compile(rule config.Rule, scope expression.Scope) (*Program, []Problem) {
	p := &Program{text: scope.Known && !scope.Columns.Typed}
	var problems []Problem
	report := func(key string, found []expression.Problem) {
		for _, f := range found {
			problems = append(problems, Problem{Key: key, Message: f.Message, Offset: f.Offset})
		}
	}
	if rule.Filter != "" {
		e, found := expression.Compile(rule.Filter, expression.Condition, scope)
		report(FilterKey, found)
		if p.filter = e; e != nil {
			p.columns = append(p.columns, e.Columns()...)
		}
	}
	mappings, unusable := byAttribute(rule)
	for _, a := range directory.Attributes() {
		m, ok := mappings[a.Name]
		if !ok {
			continue
		}
		f, found := field.Compile(a, field.Spec{Expression: m.Expression, Value: m.Value, Secret: m.Secret}, scope)
		report(a.Name, found)
		if f != nil {
			p.add(f)
		}
	}
	problems = append(problems, unusable...)
	slices.Sort(p.columns)
	p.columns = slices.Compact(p.columns)
	return p, problems
}

// byAttribute gives the mappings by Graph's names, whatever aliases they stand under, and the keys that are no attribute
// or one that is mapped already.
func byAttribute(rule config.Rule) (map[string]config.Mapping, []Problem) {
	mappings := make(map[string]config.Mapping, len(rule.Mappings))
	var problems []Problem
	for _, key := range slices.Sorted(maps.Keys(rule.Mappings)) {
		a, ok := directory.FindAttribute(key)
		if !ok {
			problems = append(problems, Problem{Key: key, Message: "there is no such attribute; remove it or correct the name" + suggest.DidYouMean(key, attributeNames())})
			continue
		}
		if _, twice := mappings[a.Name]; twice {
			problems = append(problems, Problem{Key: key, Message: "this is " + a.Name + ", which is mapped already; remove one of the two"})
			continue
		}
		mappings[a.Name] = rule.Mappings[key]
	}
	return mappings, problems
}

func attributeNames() []string {
	var names []string
	for _, a := range directory.Attributes() {
		names = append(names, a.Name)
	}
	return names
}

// add puts a field into its place.
func (p *Program) add(f *field.Field) {
	p.names = append(p.names, f.Attribute.Name)
	p.columns = append(p.columns, f.Columns()...)
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
