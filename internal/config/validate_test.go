package config_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
)

const asJSON = `{
  "name": "contoso", "tenantId": "contoso.com", "clientId": "0c5d6b1e-0c5d-4c3b-9a53-4d2b1f1f0a02", "clientSecret": "env:SECRET",
  "preferences": {"removalGuard": {"count": 7}},
  "rules": [{
    "name": "staff", "source": {"file": "/data/people.csv"}, "filter": "user.active == 'yes'",
    "mappings": {
      "userPrincipalName": "user.username + '@contoso.com'", "displayName": {"expression": "user.name"}, "mailNickname": "user.nick",
      "immutableid": "user.guid", "password": {"secret": "file:/run/start"}, "otherMails": {"value": ["a@x.test"]}
    },
    "syncEvery": "15m"
  }]
}`

func decode(t *testing.T, text string) config.Connection {
	t.Helper()
	var c config.Connection
	require.NoError(t, json.Unmarshal([]byte(text), &c))
	return c
}

func TestJSON(t *testing.T) {
	t.Parallel()
	c := decode(t, asJSON)
	require.Empty(t, c.Validate())
	require.Equal(t, config.CloudGlobal, c.Cloud)
	require.Equal(t, config.RemovalGuard{Count: 7, Percent: 10, GroupPercent: config.DefaultGroupPercent}, c.Preferences.RemovalGuard)
	require.True(t, c.Preferences.AllowCreate)
	require.True(t, c.Rules[0].Enabled)
	require.Equal(t, "user.guid", c.Rules[0].Mappings["onPremisesImmutableId"].Expression)
	require.NotContains(t, c.Rules[0].Mappings, "immutableid")

	// What has travelled is the same, and is found to be.
	b, err := json.Marshal(c)
	require.NoError(t, err)
	again := decode(t, string(b))
	require.Empty(t, again.Validate())
	require.True(t, config.ChangeOf(c, again).None())
}

func TestFileTravels(t *testing.T) {
	t.Parallel()
	f, problems := parse(rule("      otherMails: {value: [a@x.test]}\n      accountEnabled: {value: false}\n      city: {value: \"\"}\n    filter: 'user.a == \"<b>&\"'\n"))
	require.Empty(t, problems)
	b, err := json.Marshal(f.Connection)
	require.NoError(t, err)
	again := decode(t, string(b))
	require.Empty(t, again.Validate())
	require.Equal(t, f.Connection.Rules[0].Filter, again.Rules[0].Filter)
	require.True(t, config.ChangeOf(*f.Connection, again).None())
	require.Equal(t, false, again.Rules[0].Mappings["accountEnabled"].Value)
	require.Equal(t, "", again.Rules[0].Mappings["city"].Value)
}

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, old, new, want string }{
		{"unknown key", `"name": "contoso"`, `"name": "contoso", "clod": "dod"`, `clod: there is no such key; did you mean "cloud"?`},
		{"unknown preference", `"removalGuard": {`, `"removeActoin": "delete", "removalGuard": {`, `preferences.removeActoin: there is no such key; did you mean "removeAction"?`},
		{"unknown key of the guard", `"count": 7`, `"number": 7`, "preferences.removalGuard.number: there is no such key; remove it"},
		{"misspelt filter", `"filter"`, `"fliter"`, `rule staff, fliter: there is no such key; did you mean "filter"?`},
		{"filter in another case", `"filter"`, `"Filter"`, `rule staff, Filter: there is no such key; did you mean "filter"?`},
		{"empty filter", `"user.active == 'yes'"`, `""`, "rule staff, filter: it is empty; write an expression"},
		{"null filter", `"user.active == 'yes'"`, `null`, "rule staff, filter: it is empty; write an expression"},
		{"unknown key of a source", `{"file": "/data/people.csv"}`, `{"file": "/data/people.csv", "typ": "csv"}`, "rule staff, source.typ: there is no such key; remove it"},
		{"unknown key of a mapping", `{"expression": "user.name"}`, `{"expression": "user.name", "once": "always"}`, "mappings.displayName.once: there is no such key; remove it"},
		{"relative source", `"/data/people.csv"`, `"people.csv"`, "rule staff, source.file: the path must be absolute here; write it in full"},
		{"relative secret", `"env:SECRET"`, `"file:secret.txt"`, "clientSecret: the path after file: must be absolute here; write it in full"},
		{"literal secret", `"env:SECRET"`, `"Hunter2"`, "clientSecret: a secret itself must not stand in the configuration"},
		{"literal password", `{"secret": "file:/run/start"}`, `{"value": "Hunter2!"}`, "rule staff, mappings.password: a fixed password must not stand"},
		{"expression password", `{"secret": "file:/run/start"}`, `"'Hunter2!'"`, "rule staff, mappings.password: a fixed password must not stand"},
		{"literal secret password", `{"secret": "file:/run/start"}`, `{"secret": "Hunter2"}`, "mappings.password: a secret itself must not stand"},
		{"two ways", `{"expression": "user.name"}`, `{"expression": "user.name", "value": "x"}`, "keep one"},
		{"no way", `{"expression": "user.name"}`, `{}`, "mappings.displayName: the expression is empty; write one"},
		{"null mapping", `{"expression": "user.name"}`, `null`, "mappings.displayName: the expression is empty; write one"},
		{"mapped through an alias too", `"immutableid": "user.guid"`, `"immutableid": "user.guid", "onPremisesImmutableId": "user.guid"`, "remove one of the two"},
		{"number as a constant", `["a@x.test"]`, `7`, "put it in quotes"},
		{"object as a constant", `["a@x.test"]`, `{"a": 1}`, "put it in quotes"},
		{"bad rule name", `"staff"`, `"Staff"`, "rule 1, name: a name has 1 to 40"},
		{"bad expression", `user.active == 'yes'`, `user.active ==`, "rule staff, filter: the expression does not parse"},
		{"scope", `"removalGuard": {`, `"licenseScope": "", "removalGuard": {`, "preferences.licenseScope: this takes ours, all; use one"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := decode(t, replaced(t, asJSON, test.old, test.new))
			problems := c.Validate()
			require.Len(t, problems, 1, problems.Error())
			require.Contains(t, problems[0].String(), test.want)
			require.NotContains(t, problems.Error(), "Hunter")
			shape := c.ValidateShape()
			require.Equal(t, shape, c.ValidateShape(), "the same every time: a workflow calls it")
			if !strings.Contains(test.want, "expression") || strings.Contains(test.want, "password") {
				require.Equal(t, problems, shape)
			}
		})
	}
}

func TestValidateFindsAllAtOnce(t *testing.T) {
	t.Parallel()
	c := config.Connection{Rules: []config.Rule{{Enabled: true}}}
	problems := c.Validate()
	for _, part := range []string{"name: ", "tenantId: ", "clientId: ", "clientSecret: ", "licenseScope", "removeAction", "existingUsers",
		"rule 1, name: ", "source.file", "mappings.userPrincipalName", "mappings.displayName", "mappings.mailNickname", "mappings.password"} {
		require.Contains(t, problems.Error(), part)
	}
	require.Len(t, problems, 13)
}

func TestLargestConnection(t *testing.T) {
	t.Parallel()
	c := decode(t, asJSON)
	r := c.Rules[0]
	c.Rules = nil
	for i := range config.MaxRules {
		r.Name = "r" + strings.Repeat("x", i%30) + string(rune('a'+i/30))
		c.Rules = append(c.Rules, r)
	}
	require.Empty(t, c.Validate())
	require.Empty(t, c.ValidateShape())
	for i := range c.Rules {
		c.Rules[i].Filter, c.Rules[i].Mappings["displayName"] = "user.a ==", config.Mapping{Expression: "user.a =="}
	}
	require.Len(t, c.Validate(), 2*config.MaxRules)
	require.Empty(t, c.ValidateShape(), "no expression is compiled")
}

func BenchmarkValidate(b *testing.B) {
	var c config.Connection
	require.NoError(b, json.Unmarshal([]byte(asJSON), &c))
	for b.Loop() {
		c.Validate()
	}
}

// A rule's policy and the connection's: whichever allows less counts.
func TestPolicies(t *testing.T) {
	t.Parallel()
	f, problems := parse(head + "preferences: {policy: upsertOnly}\n" + staff + "    policy: {people: createOnly, groups: sync}\n")
	require.Empty(t, problems)
	c := f.Connection
	require.Equal(t, config.PolicyCreateOnly, c.PeoplePolicy("staff"))
	require.Equal(t, config.PolicyUpsertOnly, c.GroupsPolicy("staff"))
	f, problems = parse(head + staff + "    policy: observe\n")
	require.Empty(t, problems)
	require.Equal(t, config.PolicyObserve, f.Connection.GroupsPolicy("staff"))
	require.True(t, f.Connection.PeoplePolicy("staff").Observes())
	require.True(t, config.PolicyUpsertOnly.Withholds(config.PolicySync))
	require.False(t, config.Policy("").Withholds(config.PolicySync))

	_, problems = parse(head + "preferences: {policy: observ}\n" + staff + "    policy: {people: never, group: sync}\n")
	require.Len(t, problems, 3)
	require.Contains(t, problems.Error(), `preferences.policy: this takes sync, upsertOnly, createOnly, observe; use one of them; did you mean "observe"?`)
	require.Contains(t, problems.Error(), "policy.people")
	require.Contains(t, problems.Error(), `did you mean "groups"?`)
}
