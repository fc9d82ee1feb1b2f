package expression_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/mapping/expression"
)

func TestTextFunctions(t *testing.T) {
	t.Parallel()
	tables := expression.Tables{"countries": {"Germany": "DE", "Österreich": "AT", "41": "CH"}}
	for text, want := range map[string]string{
		`lower("ÄÖ Straße ΟΔΟΣ")`:                                    "äö straße οδος",
		`upper("straße é")`:                                          "STRASSE É",
		`title("anna-lena MÜLLER o'neil")`:                           "Anna-Lena Müller O'neil",
		`left("Änne", 2)`:                                            "Än",
		`left("Änne", 9)`:                                            "Änne",
		`left("Änne", 0)`:                                            "",
		`digits("+49 (89) 12-34")`:                                   "49891234",
		`first("", "  ", user.mail, user.age, "x")`:                  "41",
		`first(user.mail, "")`:                                       "",
		`first(user.mail)`:                                           "",
		`replaceRegex("a1b22", "[0-9]+", "-")`:                       "a-b-",
		`replaceRegex("Lee, Ann", "^(\\w+), (\\w+)$", "$2 $1")`:      "Ann Lee",
		`replaceRegex(user.surname, user.surname, "x")`:              "x",
		`lookup("countries", user.mail, "US")`:                       "US",
		`lookup("countries", "Germany", "US")`:                       "DE",
		`lookup("countries", "Österreich")`:                          "AT",
		`lookup("countries", int(user.age), "US")`:                   "CH",
		`["b", "a"].map(x, x != "a", upper(x)).join("")`:             "B",
		`["b", "a"].filter(x, x != "a").map(x, upper(x)).join("")`:   "B",
		`["b", "a"].map(x, lookup("countries", x, "?")).join("")`:    "??",
		`["b", "a"].map(x, replaceRegex(x, "a|b", "$0$0")).join("")`: "bbaa",
	} {
		scope := csv
		scope.Tables = tables
		e, problems := expression.Compile(text, expression.Text, scope)
		require.Empty(t, problems, text)
		got, err := e.Text(anna())
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{
		`first(user.note, user.phones, user.age, "x")`: "41",
		`first(user.note, user.manager.mail)`:          "",
		`first(user.note, user.manager.name)`:          "Cora",
	} {
		e, problems := expression.Compile(text, expression.Text, json)
		require.Empty(t, problems, text)
		got, err := e.Text(bert())
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	// What fails for a person.
	for _, text := range []string{`left(user.mail, -1 * int(user.age))`, `replaceRegex(user.mail, "(" + user.mail, "")`, `lookup("countries", user.mail)`} {
		scope := csv
		scope.Tables = tables
		e, problems := expression.Compile(text, expression.Text, scope)
		require.Empty(t, problems, text)
		_, err := e.Text(anna())
		require.Error(t, err, text)
	}
}

// Who knows another language is told what to write.
func TestHabitsOfOtherLanguages(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`user.mail = "a=b"`:                                         "to compare write ==",
		`user.mail === "x"`:                                         "to compare write ==",
		`user.mail <> "x"`:                                          "write !=",
		`user.mail == "x" and user.age == "a&b"`:                    "for and write &&",
		`user.mail == "x" AND user.age == "y"`:                      "for and write &&",
		`user.mail == "x" or user.age == "y"`:                       "for or write ||",
		`not has(user.mail)`:                                        "for not write !",
		`NOT(user.mail == "x")`:                                     "for not write !",
		`user.mail not in ["x"]`:                                    "write !(a in list)",
		`user.mail == "x" & user.age == "y"`:                        "for and write &&",
		`user.mail & "y" == "z"`:                                    "to join texts write +",
		`user.mail == "x" | user.age == "y"`:                        "for or write ||",
		`user.mail || user.age`:                                     "first(a, b)",
		`user.mail && user.age`:                                     "compare it",
		`!user.mail`:                                                "!has(user.column)",
		`user.mail ?? user.age`:                                     "first(a, b)",
		`user.mail.lower() == "x"`:                                  "write lower(s)",
		`user.mail.toLowerCase() == "x"`:                            "write lower(s)",
		`len(user.mail) > 3`:                                        "write size(s)",
		`if(user.mail == "", true, false)`:                          "write condition ? a : b",
		`user.mail[0] == "a"`:                                       "left(s, n)",
		`lookup("nix", user.mail, "") == ""`:                        "add it below tables",
		`lookup(user.age, user.mail, "") == ""`:                     "must be written out",
		`replaceRegex(user.mail, "(", "") == ""`:                    "not a regular expression",
		`replaceRegex(user.mail, "()()()()()()()()()()", "") == ""`: "more than 9 groups",
		`user.mail in "x"`:                                          `in ["a", "b"]`,
		`user.mail IN ("x", "y")`:                                   `in ["a", "b"]`,
		`contains(user.mail, "x")`:                                  `s.contains(a)`,
		`startsWith(user.mail, "x")`:                                `s.startsWith(a)`,
		`user.mail == “x”`:                                          `straight quotes`,
		`user.mail == ‘x’`:                                          `straight quotes`,
		`user.cost center == "5"`:                                   `user["cost center"]`,
		`user.mail == "x" user.age == "5"`:                          "does not parse",
		`first() == ""`:                                             "as in first(",
	} {
		_, problems := expression.Compile(text, expression.Condition, csv)
		require.NotEmpty(t, problems, text)
		require.Contains(t, problems[0].Message, want, text)
	}
}

// A loop over all of a long list that searches a long text each time is stopped.
func TestSearchingIsCounted(t *testing.T) {
	t.Parallel()
	person := anna()
	person.Record.Fields["mail"] = strings.Repeat("a,", 9_000)
	for _, text := range []string{
		`user.mail.split(",").map(x, replaceRegex(user.mail, "(a|b)*c", x)).size() > 0`,
		`user.mail.split(",").map(x, replaceRegex(user.mail, x + "(a|b)*c", x)).size() > 0`,
	} {
		e, problems := expression.Compile(text, expression.Condition, csv)
		require.Empty(t, problems, text)
		_, err := e.Bool(person)
		require.Error(t, err, text)
	}
}
