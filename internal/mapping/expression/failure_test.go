package expression_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/mapping/expression"
)

// A failure says where in the expression and why, and nothing of the values.
func TestFailuresSayWhy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`user.groups[9]`:                           "the list has no item at this place",
		`"x" + user.groups[9]`:                     "character 18: the list has no item at this place",
		`"x" + string(int(user.givenName))`:        "character 17: the value cannot be converted",
		`user.givenName + user.age`:                "character 16: the types of the values do not fit",
		`user.givenName == "Bert" && user.note`:    "the types of the values do not fit",
		`user.givenName.first`:                     "a key is missing",
		`user.age == "41" ? "a" : "b"`:             "character 10: a number is compared with a text, which is never equal; convert one of them, as in string(user.grade)",
		`user.manager`:                             "the result is not a text but",
		`user.age % int(user.note == "")`:          "",
		`user.givenName.substring(2, 99)`:          "the text has no character",
		`user.age / (user.age - 41)`:               "character 10: a division by zero",
		`user.givenName.matches(user.surname+"(")`: "the regular expression is wrong",
	} {
		e, problems := expression.Compile(text, expression.Text, json)
		if len(problems) > 0 {
			require.Empty(t, want, "%s: %v", text, problems)
			continue
		}
		_, err := e.Text(bert())
		if want == "" {
			continue
		}
		var f *expression.Failure
		require.True(t, errors.As(err, &f), "%s: %v", text, err)
		require.Contains(t, f.Why, want, "%s: %v", text, err)
		require.NotContains(t, f.Why, "Ber", text)
		require.NotContains(t, f.Why, "41\"", text)
	}
}
