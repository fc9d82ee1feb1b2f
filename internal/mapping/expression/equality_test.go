package expression_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/mapping/expression"
)

// An export that writes "5" once and 5 another time must not change who is in scope without a word.
func TestValuesOfDifferentTypesAreNotComparedSilently(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`user.age == "41"`, `user.age != "41"`, `"41" == user.age`, `user.age in ["41", "42"]`, `user.id == 8`, `user.enabled == false`,
		`user.groups == "eng"`, `user.groups == [1, 2]`, `user.note2 == 1 || user.age == "41"`, `!(user.age == "5")`, `user.rate == "0.5"`,
		`user.groups.exists(g, g == 1)`, `user.manager == "Cora"`, `"eng" in user.surname`, `user.age == true`, `user.age in ["", "41"]`,
		`user.age == "41" ? true : false`, `(user.age in ["41"] ? "a" : "b") == "b"`, `(user.age != "41" ? user.groups : user.phones)[0] == "eng"`,
	} {
		e, problems := expression.Compile(text, expression.Condition, json2())
		require.Empty(t, problems, text)
		person := bert()
		person.Record.Fields["note2"] = int64(2)
		_, err := e.Bool(person)
		require.Error(t, err, text)
		require.NotContains(t, err.Error(), "41", "no value is quoted")
	}
}

// An empty column compares with anything, and so do values of one type.
func TestComparisons(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`user.age == 41`: true, `user.age == 41.0`: true, `user.age != 41`: false, `user.age in [40, 41]`: true, `user.age in ["41", 41]`: true,
		`user.age in ["x", 7]`: false, `user.note == 5`: false, `user.note != 5`: true, `user.note == true`: false, `user.note in [1, 2]`: false,
		`user.age == ""`: false, `user.age == null`: false, `null != user.age`: true, `user.surname == "Berg"`: true, `user.surname in ["Berg"]`: true,
		`"eng" in user.groups`: true, `"x" in user.groups`: false, `user.phones == []`: true, `user.groups == ["eng", "ops"]`: true,
		`user.groups == ["eng"]`: false, `"name" in user.manager`: true, `user.rate == 0.5`: true, `"x" in user.note`: false,
	} {
		e, problems := expression.Compile(text, expression.Condition, json)
		require.Empty(t, problems, text)
		got, err := e.Bool(bert())
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}

func json2() expression.Scope {
	s := json
	s.Columns.Names = append(append([]string{}, s.Columns.Names...), "note2")
	return s
}
