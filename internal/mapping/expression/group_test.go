package expression_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/source"
)

func TestGroupExpressions(t *testing.T) {
	t.Parallel()
	group := source.Group{ID: "3f0c", Name: "app-Sales", Description: "Who sells"}
	tables := expression.Tables{"names": {"app-Sales": "Vertrieb"}}
	for text, want := range map[string]string{
		"group.name":                                      "app-Sales",
		`group["name"] + " (" + group.id + ")"`:           "app-Sales (3f0c)",
		`has(group.description) ? group.description : ""`: "Who sells",
		`lookup("names", group.name, group.name)`:         "Vertrieb",
		`lower(group.name).substring(4)`:                  "sales",
		`"fixed"`:                                         "fixed",
		`group.name.split("-").filter(x, x != "app")[0]`:  "Sales",
	} {
		e, problems := expression.CompileGroup(text, expression.Text, tables)
		require.Empty(t, problems, text)
		got, err := e.Text(group)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, text == `"fixed"`, e.Constant())
	}
	for text, want := range map[string]bool{
		`group.name.startsWith("app-")`: true, `group.id == "x"`: false, "has(group.description)": true, `group.name in ["app-Sales"]`: true,
	} {
		e, problems := expression.CompileGroup(text, expression.Condition, nil)
		require.Empty(t, problems, text)
		got, err := e.Bool(group)
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
}

func TestGroupExpressionsThatAreWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`user.name == "a"`:        `"user" is not known; write group.id, group.name or group.description, and a text in quotes`,
		`group.nmae == "a"`:       `a group has no field "nmae"; did you mean group.name?`,
		`group.members == "a"`:    `a group has no field "members"; it has description, id, name`,
		`group == "a"`:            "group stands for a group; write group.id, group.name or group.description",
		`group.name`:              `it must be true or false, and this is a text; compare it, as in group.name == "Sales"`,
		`"a".exists(group, true)`: "group is the group; give the loop's variable another name",
		"":                        "the expression is empty; write one, or remove the key",
	} {
		e, problems := expression.CompileGroup(text, expression.Condition, nil)
		require.Nil(t, e)
		require.NotEmpty(t, problems, text)
		require.Equal(t, want, problems[0].Message)
	}
	_, problems := expression.Compile(`user.a.exists(group, group == "x")`, expression.Condition, expression.Scope{})
	require.Empty(t, problems, "in an expression about people group is a name like any other")
	_, problems = expression.Compile(`group.name == "x"`, expression.Condition, expression.Scope{})
	require.NotEmpty(t, problems)

	e, problems := expression.CompileGroup(`group.name.split("-")[1]`, expression.Text, nil)
	require.Empty(t, problems)
	_, err := e.Text(source.Group{Name: "Hunter"})
	var failure *expression.Failure
	require.ErrorAs(t, err, &failure)
	require.Equal(t, "character 22: the list has no item at this place", failure.Why)
}
