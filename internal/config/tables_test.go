package config_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/source"
)

const countries = `tables:
  countries:
    Germany: DE
    NO: "NO"
    0123: x
    'no value': ""
`

// A table of the file is found by lookup, in a file as in JSON that has travelled.
func TestTables(t *testing.T) {
	t.Parallel()
	text := head + countries + strings.Replace(staff, "{value: US}", `'lookup("countries", user.country, "US")'`, 1)
	f, problems := parse(text)
	require.Empty(t, problems)
	b, err := json.Marshal(f.Connection)
	require.NoError(t, err)
	var travelled config.Connection
	require.NoError(t, json.Unmarshal(b, &travelled))
	require.Empty(t, travelled.Validate())
	for _, c := range []*config.Connection{f.Connection, &travelled} {
		program, found := mapping.Compile(c.Rules[0].Expressions(), source.Columns{Names: []string{"username", "givenName", "surname", "country"}})
		require.Empty(t, found)
		for country, want := range map[string]string{"Germany": "DE", "NO": "NO", "Nowhere": "US", "no value": ""} {
			d, err := program.Evaluate(source.Record{ID: "1", Fields: map[string]any{"username": "a", "givenName": "A", "surname": "B", "country": country}})
			require.NoError(t, err)
			require.Equal(t, want, d.Attributes["usageLocation"], country)
		}
	}

	other := travelled
	other.Tables = map[string]map[string]string{"countries": {"Germany": "AT"}}
	b, err = json.Marshal(other)
	require.NoError(t, err)
	var revision config.Connection
	require.NoError(t, json.Unmarshal(b, &revision))
	require.Equal(t, []string{"staff"}, config.ChangeOf(travelled, revision).Syncs(revision), "who looks something up in a changed table is synced")
}

func TestTableProblems(t *testing.T) {
	t.Parallel()
	var long strings.Builder
	for i := range 5001 {
		fmt.Fprintf(&long, "    k%d: v\n", i)
	}
	for name, test := range map[string]struct{ tables, mapping, want string }{
		"no such table":    {countries, `'lookup("countrie", user.country, "US")'`, `did you mean "countries"?`},
		"no table at all":  {"", `'lookup("countries", user.country, "US")'`, "add it below tables"},
		"a number":         {"tables:\n  a:\n    b: 5\n", "{value: US}", "YAML reads this as a number"},
		"a table of texts": {"tables:\n  a: b\n", "{value: US}", "as in Germany: DE"},
		"nothing in it":    {"tables:\n  a: {}\n", "{value: US}", "the table is empty"},
		"too long":         {"tables:\n  a:\n" + long.String(), "{value: US}", "5001 entries in all, and 5000"},
	} {
		_, problems := parse(head + test.tables + strings.Replace(staff, "{value: US}", test.mapping, 1))
		require.NotEmpty(t, problems, name)
		require.Contains(t, problems.Error(), test.want, name)
	}
}

func TestWhen(t *testing.T) {
	t.Parallel()
	f, problems := parse(head + staff + "      jobTitle: {expression: 'user.title', when: create}\n      companyName: {value: Contoso, when: create}\n")
	require.Empty(t, problems)
	require.Equal(t, config.Mapping{Expression: "user.title", When: "create"}, f.Connection.Rules[0].Mappings["jobTitle"])
	require.Equal(t, config.Mapping{Value: "Contoso", When: "create"}, f.Connection.Rules[0].Mappings["companyName"])
	b, err := json.Marshal(f.Connection)
	require.NoError(t, err)
	var travelled config.Connection
	require.NoError(t, json.Unmarshal(b, &travelled))
	require.Empty(t, travelled.Validate())
	require.Equal(t, "create", travelled.Rules[0].Mappings["jobTitle"].When)

	f, problems = parse(head + staff + "      jobTitle: {expression: 'user.title', whenEmpty: leave}\n      otherMails: {expression: 'user.mails', default: [a@b.example, c@d.example], when: always}\n")
	require.Empty(t, problems)
	b, err = json.Marshal(f.Connection)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &travelled))
	require.Empty(t, travelled.Validate())
	require.Equal(t, "leave", travelled.Rules[0].Mappings["jobTitle"].WhenEmpty)

	for line, want := range map[string]string{
		"      jobTitle: {expression: 'user.title', when: never}\n":              "when takes the words create and always",
		"      jobTitle: {value: Clerk, default: Boss}\n":                        "go with an expression",
		"      jobTitle: {expression: 'user.a', whenEmpty: no}\n":                "clear and leave",
		"      jobTitle: {expression: 'user.a', whenEmpty: keep}\n":              "whenEmpty takes the words clear and leave",
		"      jobTitle: {expression: 'user.a', default: 5}\n":                   "put it in quotes",
		"      jobTitle: {expression: 'user.a', default: a, whenEmpty: leave}\n": "never empty",
		"      skuId: {expression: 'user.a', whenEmpty: leave}\n":                "does not go with skuId",
		"      accountEnabled: {expression: 'user.a', default: true}\n":          "does not go with accountEnabled",
		"      ageGroup: {expression: 'user.a', default: Old}\n":                 "default: ",
		"      manager: {expression: 'user.boss', when: create}\n":               "cannot be written once",
		"      jobTitle: {when: create}\n":                                       "write an expression",
		"      jobTitle: {expression: user.a, value: b}\n":                       "write an expression",
	} {
		_, problems := parse(head + staff + line)
		require.NotEmpty(t, problems, line)
		require.Contains(t, problems.Error(), want, line)
	}
}

// The names of which somebody new gets the first that is free.
func TestFirstFree(t *testing.T) {
	t.Parallel()
	several := func(value string) string {
		return head + strings.Replace(staff, `userPrincipalName: 'user.username + "@contoso.com"'`, "userPrincipalName: "+value, 1)
	}
	require.NotEqual(t, head+staff, several(""))
	f, problems := parse(several(`{firstFree: ['user.a + "@contoso.com"', 'user.b + "@contoso.com"']}`))
	require.Empty(t, problems)
	want := config.Mapping{FirstFree: []string{`user.a + "@contoso.com"`, `user.b + "@contoso.com"`}}
	require.Equal(t, want, f.Connection.Rules[0].Mappings["userPrincipalName"])
	b, err := json.Marshal(f.Connection)
	require.NoError(t, err)
	var travelled config.Connection
	require.NoError(t, json.Unmarshal(b, &travelled))
	require.Empty(t, travelled.Validate())
	require.Equal(t, want, travelled.Rules[0].Mappings["userPrincipalName"])

	for value, message := range map[string]string{
		`{firstFree: 'user.a'}`:                         "no list of expressions",
		`{firstFree: []}`:                               "no list of expressions",
		`{firstFree: ['user.a', 5]}`:                    "single quotes",
		`{firstFree: ['user.a', 'user.b +']}`:           "rule staff, mappings.userPrincipalName.firstFree[1]",
		`{firstFree: ['user.a', '"all@contoso.com"']}`:  "everybody would get the same value",
		`{firstFree: ['user.a'], when: create}`:         "remove when",
		`{firstFree: ['user.a'], expression: 'user.b'}`: "single quotes",
	} {
		_, problems := parse(several(value))
		require.NotEmpty(t, problems, value)
		require.Contains(t, problems.Error(), message, value)
	}
	_, problems = parse(head + staff + "      jobTitle: {firstFree: ['user.a']}\n")
	require.NotEmpty(t, problems)
}

// A file with far too many rules or keys is refused in a moment.
func TestHugeFilesAreRefusedAtOnce(t *testing.T) {
	for name, text := range map[string]string{
		"rules":       head + "rules:\n" + strings.Repeat("- {name: a}\n", 60_000),
		"preferences": head + "preferences:\n" + numbered("  preference%d: true\n", 30_000),
		"mappings":    head + staff + numbered("      attribute%d: 'user.a'\n", 30_000),
		"nested":      strings.Repeat("[", 100_000),
	} {
		start := time.Now()
		_, problems := parse(text)
		require.NotEmpty(t, problems, name)
		require.Less(t, time.Since(start), 5*time.Second, name)
		require.LessOrEqual(t, len(problems), 201, "what is said about %s can be read", name)
	}
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}
