package expression

import (
	"errors"
	"strings"

	"github.com/entraflow/entraflow/internal/source"
)

// groupVariable is the one variable of an expression about groups.
const groupVariable = "group"

// groupFields are the fields of group. All are texts.
var groupFields = source.Columns{Names: []string{"id", "name", "description"}}

// GroupExpression is a compiled expression about a group of the store: group.id, group.name and group.description, with the operators and
// functions that expressions about people have. It is safe for concurrent use.
type GroupExpression struct{ e *Expression }

// CompileGroup compiles an expression about groups for a Condition or a Text; tables are those that lookup may name. All problems come
// back at once, and with them no expression.
func CompileGroup(text string, result Result, tables Tables) (*GroupExpression, []Problem) {
	e, problems := Compile(text, result, Scope{Known: true, Columns: groupFields, Tables: tables, groups: true})
	for i := range problems {
		problems[i].Message = aboutGroups.Replace(problems[i].Message)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return &GroupExpression{e}, nil
}

// aboutGroups turns what is said of people's expressions into what holds for groups.
var aboutGroups = strings.NewReplacer(
	"user stands for a person and is read column by column; write user.<column>", "group stands for a group; write group.id, group.name or group.description",
	`write a column as user.<column>, one whose name has other signs as user["name"], and a text in quotes`,
	"write group.id, group.name or group.description, and a text in quotes",
	"every record has every column; to ask whether one is filled write has(user.<column>)", "every group has every field; to ask whether one is filled write has(group.description)",
	"the name of a column must be written out", "the name of a field must be written out",
	"a filter must be true or false", "it must be true or false",
	"the source has no column", "a group has no field",
	"user is the person", "group is the group",
	`user.active == "true"`, `group.name == "Sales"`,
	"for everybody", "for every group",
	"for this person", "for this group",
	"for one person", "for one group",
	"user.<column>", "group.name",
	`user["Given name"]`, `group["name"]`,
	"user.country", "group.name", "user.mail", "group.name", "user.kind", "group.name", "user.", "group.",
)

// Constant reports whether the expression gives the same for every group.
func (g *GroupExpression) Constant() bool { return g.e.Constant() }

// Bool evaluates a condition. The error is a *Failure.
func (g *GroupExpression) Bool(of source.Group) (bool, error) {
	v, err := g.e.Bool(person(of))
	return v, ofGroup(err)
}

// Text evaluates to one text. The error is a *Failure.
func (g *GroupExpression) Text(of source.Group) (string, error) {
	v, err := g.e.Text(person(of))
	return v, ofGroup(err)
}

// person is a group as the fields of the variable.
func person(g source.Group) *Person {
	return &Person{Record: source.Record{ID: g.ID, Fields: map[string]any{"id": g.ID, "name": g.Name, "description": g.Description}}, Text: true}
}

func ofGroup(err error) error {
	var f *Failure
	if errors.As(err, &f) {
		return &Failure{Why: aboutGroups.Replace(f.Why), Err: f.Err}
	}
	return err
}
