package field_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/mapping/field"
	"github.com/entraflow/entraflow/internal/source"
)

var people = expression.Scope{Known: true, Columns: source.Columns{Names: []string{"id", "given", "middle"}}}

// several compiles a firstFree for an attribute.
func several(t *testing.T, attribute string, spec field.Spec) (*field.Field, []expression.Problem) {
	t.Helper()
	a, ok := directory.FindAttribute(attribute)
	require.True(t, ok)
	return field.Compile(a, spec, people)
}

// The names come in their order, without blanks and repetitions; a wrong one fails the person.
func TestCandidates(t *testing.T) {
	t.Parallel()
	f, problems := several(t, directory.UserPrincipalName, field.Spec{FirstFree: []string{
		`user.given + "@contoso.com"`, `user.middle == "" ? "" : user.given + "." + user.middle + "@contoso.com"`, `upper(user.given) + "@contoso.com"`, `user.id + "@contoso.com"`}})
	require.Empty(t, problems)
	require.True(t, f.Chooses())
	require.Equal(t, []string{"given", "middle", "id"}, distinct(f.Columns()))
	names := func(given, middle string) ([]string, error) {
		return f.Candidates(&expression.Person{Text: true, Record: source.Record{ID: "7", Fields: map[string]any{"id": "7", "given": given, "middle": middle}}})
	}
	got, err := names("ann", "")
	require.NoError(t, err)
	require.Equal(t, []string{"ann@contoso.com", "7@contoso.com"}, got)
	got, err = names("ann", "x")
	require.NoError(t, err)
	require.Equal(t, []string{"ann@contoso.com", "ann.x@contoso.com", "7@contoso.com"}, got)
	_, err = names("ann lee", "")
	require.True(t, fault.Is(err, fault.UPNInvalid), "%v", err)

	f, problems = several(t, directory.UserPrincipalName, field.Spec{FirstFree: []string{`user.middle`}})
	require.Empty(t, problems)
	_, err = f.Candidates(&expression.Person{Text: true, Record: source.Record{Fields: map[string]any{"middle": " "}}})
	require.True(t, fault.Is(err, fault.AttributeRequired), "%v", err)
}

func distinct(list []string) (out []string) {
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			out = append(out, s)
		}
		seen[s] = true
	}
	return out
}

// What is wrong with the list is found before anything runs, and told with the place in it.
func TestWrongCandidates(t *testing.T) {
	t.Parallel()
	one := []string{`user.given + "@contoso.com"`}
	var many []string
	for i := range field.MaxCandidates + 1 {
		many = append(many, fmt.Sprintf(`user.given + "%d@contoso.com"`, i))
	}
	for name, test := range map[string]struct {
		attribute string
		spec      field.Spec
		part      string
		message   string
	}{
		"another attribute": {directory.DisplayName, field.Spec{FirstFree: one}, "", "firstFree goes with userPrincipalName only"},
		"with when":         {directory.UserPrincipalName, field.Spec{FirstFree: one, When: field.OnCreate}, "", "remove when"},
		"with a default":    {directory.UserPrincipalName, field.Spec{FirstFree: one, Default: "x"}, "", "go with an expression"},
		"with another":      {directory.UserPrincipalName, field.Spec{FirstFree: one, Expression: one[0]}, "", "more than one"},
		"none":              {directory.UserPrincipalName, field.Spec{FirstFree: []string{}}, "", "takes 1 to 20 expressions"},
		"too many":          {directory.UserPrincipalName, field.Spec{FirstFree: many}, "", "takes 1 to 20 expressions"},
		"the same for all":  {directory.UserPrincipalName, field.Spec{FirstFree: append(one, `"all@contoso.com"`)}, "firstFree[1]", "everybody would get the same value"},
		"an unknown column": {directory.UserPrincipalName, field.Spec{FirstFree: append(one, `user.givn + "@contoso.com"`)}, "firstFree[1]", "givn"},
		"an empty one":      {directory.UserPrincipalName, field.Spec{FirstFree: append(one, ``)}, "firstFree[1]", "empty"},
	} {
		_, problems := several(t, test.attribute, test.spec)
		require.Len(t, problems, 1, name)
		require.Equal(t, test.part, problems[0].Part, name)
		require.Contains(t, problems[0].Message, test.message, name)
	}
}
