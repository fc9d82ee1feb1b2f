package file

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/mapping/suggest"
	"github.com/entraflow/entraflow/internal/source"
)

// layout is what a file's columns are.
type layout struct {
	separator rune
	// names are the columns that a rule can use.
	names []string
	// cells says, in a table, where each of them stands in a record.
	cells []int
	// twice are names that the header has more than once: it is not known which is meant.
	twice []string
	// id and enabled are positions in names; -1 when there is no such column. idCell is where the id stands in a record.
	id, enabled, idCell int
	// nestedID: the id stands within an object, by a path.
	nestedID bool
	// rows and enabledBy are the settings' expressions; nil where there are none.
	rows, enabledBy *expression.Expression
}

// tableLayout is that of a header line; cells without a name are no columns.
func tableLayout(separator rune, header []string, s *store) (layout, error) {
	l := layout{separator: separator}
	count := map[string]int{}
	for _, name := range header {
		count[name]++
	}
	for i, name := range header {
		switch {
		case name == "":
		case count[name] > 1:
			if !slices.Contains(l.twice, name) {
				l.twice = append(l.twice, name)
			}
		default:
			l.names = append(l.names, name)
			l.cells = append(l.cells, i)
		}
	}
	l.find(s)
	if l.id >= 0 {
		l.idCell = l.cells[l.id]
	}
	if err := l.check(s); err != nil {
		return l, err
	}
	return l, l.compile(s, expression.Scope{Known: true, Columns: source.Columns{Names: l.names, Ambiguous: l.twice, HasEnabled: l.enabled >= 0}})
}

// objectLayout is that of keys which objects have. Expressions are compiled for whatever keys there may be.
func objectLayout(names []string, nestedID bool, s *store) (layout, error) {
	l := layout{names: names, nestedID: nestedID}
	l.find(s)
	return l, l.compile(s, expression.Scope{})
}

func (l *layout) find(s *store) {
	l.id = slices.Index(l.names, s.settings.idColumn())
	l.enabled = -1
	if column := s.settings.enabledColumn(); column != "" {
		l.enabled = slices.Index(l.names, column)
	}
}

func (l *layout) compile(s *store, scope expression.Scope) error {
	for _, e := range []struct {
		text string
		key  string
		into **expression.Expression
	}{{s.settings.Rows, "rows", &l.rows}, {s.settings.Enabled.Expression, "enabled", &l.enabledBy}} {
		if e.text == "" {
			continue
		}
		made, problems := expression.Compile(e.text, expression.Condition, scope)
		if len(problems) > 0 {
			return fault.Wrap(op, fault.Invalid, reasonOf(e.text, scope), s.place.name+" (source."+e.key+")", source.Hint(problems[0].Message))
		}
		*e.into = made
	}
	return nil
}

// reasonOf tells a column that is not there from whatever else is wrong with an expression.
func reasonOf(text string, scope expression.Scope) fault.Reason {
	made, problems := expression.Compile(text, expression.Condition, expression.Scope{})
	there := func(name string) bool {
		return scope.Columns.Has(name) || name == "id" || name == "enabled" && scope.Columns.HasEnabled
	}
	if len(problems) > 0 || !slices.ContainsFunc(made.Columns(), func(name string) bool { return !there(name) }) {
		return fault.SettingsInvalid
	}
	return fault.SourceColumnMissing
}

// check says whether the columns that must be there are there.
func (l layout) check(s *store) error {
	if l.id < 0 && !l.nestedID {
		return l.missing(s.settings.idColumn(), s)
	}
	if column := s.settings.enabledColumn(); l.enabled < 0 && column != "" && !s.settings.enabledOptional() {
		return l.missing(column, s)
	}
	if err := l.almostEnabled(s); err != nil {
		return err
	}
	if l.cells != nil {
		return nil
	}
	for _, e := range []*expression.Expression{l.rows, l.enabledBy} {
		if e == nil {
			continue
		}
		for _, name := range e.Columns() {
			if !slices.Contains(l.names, name) && name != "id" && name != "enabled" {
				return l.missing(name, s)
			}
		}
	}
	return nil
}

// almostEnabled refuses a file whose column enabled is not used, because it stands there twice or in other letters, unless
// the settings say who is enabled: without the column, people whom it disables would get enabled accounts.
func (l layout) almostEnabled(s *store) error {
	if l.enabled >= 0 || !s.settings.enabledOptional() {
		return nil
	}
	for _, name := range slices.Concat(l.twice, l.names) {
		if !strings.EqualFold(name, DefaultEnabledColumn) {
			continue
		}
		missing := fault.New(op, fault.Invalid, fault.SourceColumnMissing, s.place.name+" (column "+DefaultEnabledColumn+")")
		hint := "there is a column " + name + ": write source.enabled: " + name + " if it says who is enabled, source.enabled: false if it does not"
		if slices.Contains(l.twice, name) {
			hint = "the header has " + name + " more than once: rename all but one, or write source.enabled: false if none of them says who is enabled"
		}
		missing.Err = source.Hint(strings.ToUpper(hint[:1]) + hint[1:])
		return missing
	}
	return nil
}

// missing names a column that is not there, and those that are.
func (l layout) missing(column string, s *store) error {
	note, hint := "column "+column, ""
	names := slices.Clone(l.names)
	sort.Strings(names)
	switch {
	case slices.Contains(l.twice, column):
		note += " stands in the header more than once; rename all but one"
	case l.cells != nil && len(names) <= 1:
		note += "; the first line has one column only: are the cells separated by commas, semicolons or tabs? Else say by what with source.delimiter"
	default:
		if n := suggest.Nearest(column, names); n != "" {
			hint = "did you mean " + n + "? "
		} else if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, column) }); i >= 0 {
			hint = "did you mean " + names[i] + "? "
		}
		if len(names) > 30 {
			names = append(names[:30], fmt.Sprintf("%d more", len(names)-30))
		}
		hint += "It has " + strings.Join(names, ", ")
	}
	missing := fault.New(op, fault.Invalid, fault.SourceColumnMissing, s.place.name+" ("+note+")")
	if hint != "" {
		// Where the header line is missing, these are the first person's values.
		missing.Err = source.Hint(strings.ToUpper(hint[:1]) + hint[1:])
	}
	return missing
}
