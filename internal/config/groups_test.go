package config_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/stores"
)

const target = "8b1f6b1e-0c5d-4c3b-9a53-4d2b1f1f0a09"

const fullGroups = `      skuId: 'user.license'
    groups:
      - Engineering
      - source: " Zoe\u0308 "
        name: Sales EMEA
        description: {value: "Who sells"}
        type: microsoft365
        mailNickname: sales-emea
        existing: overwrite
        whenRemoved: delete
      - {source: Licensed E3, target: 8b1f6b1e-0c5d-4c3b-9a53-4d2b1f1f0a09, whenRemoved: removeMembers}
      - match: 'group.name.startsWith("app-")'
        name: {expression: 'lookup("names", group.name, group.name)'}
        existing: leave
    groupMembers: {whenDeprovisioned: leave}
`

func TestGroups(t *testing.T) {
	t.Parallel()
	f, problems := parse(head + "tables:\n  names: {app-1: One}\npreferences:\n  removalGuard: {groupPercent: 50}\n" + staff + fullGroups)
	require.Empty(t, problems)
	require.Empty(t, f.Warnings)
	r := f.Connection.Rules[0]
	require.Equal(t, config.RemovalGuard{Count: 5, Percent: 10, GroupPercent: 50}, f.Connection.Preferences.RemovalGuard)
	require.Equal(t, []config.Group{
		{Source: "Engineering"},
		{Source: "Zoë", Name: config.GroupText{Value: "Sales EMEA"}, Description: config.GroupText{Value: "Who sells"}, Type: "microsoft365",
			MailNickname: config.GroupText{Value: "sales-emea"}, Existing: "overwrite", WhenRemoved: "delete"},
		{Source: "Licensed E3", Target: target, WhenRemoved: "removeMembers"},
		{Match: `group.name.startsWith("app-")`, Name: config.GroupText{Expression: `lookup("names", group.name, group.name)`}, Existing: "leave"},
	}, r.Groups)
	require.Equal(t, "leave", r.GroupMembers.WhenDeprovisioned)
	require.Equal(t, "One", r.GroupTables()["names"]["app-1"])

	b, err := json.Marshal(f.Connection)
	require.NoError(t, err)
	again := decode(t, string(b))
	require.Empty(t, again.Validate())
	require.Equal(t, r.Groups, again.Rules[0].Groups)
	require.True(t, config.ChangeOf(*f.Connection, again).None())

	revision := decode(t, strings.Replace(string(b), `"app-1":"One"`, `"app-1":"Two"`, 1))
	require.Equal(t, []config.RuleChange{{Name: "staff", Tables: true}}, config.ChangeOf(again, revision).Rules, "a group's name is looked up in it")
	revision = decode(t, strings.Replace(string(b), `"whenRemoved":"delete"`, `"whenRemoved":"leave"`, 1))
	require.Equal(t, []config.RuleChange{{Name: "staff", Leaving: true}}, config.ChangeOf(again, revision).Rules)
	require.Empty(t, config.ChangeOf(again, revision).Syncs(revision))
	revision = decode(t, strings.Replace(string(b), `"existing":"overwrite"`, `"existing":"merge"`, 1))
	require.Equal(t, []config.RuleChange{{Name: "staff", Groups: true}}, config.ChangeOf(again, revision).Rules)
	plain := decode(t, strings.Replace(string(b), `"existing":"overwrite",`, ``, 1))
	require.True(t, config.ChangeOf(revision, plain).None(), "a default that is written out is none")
	gone := decode(t, string(b))
	gone.Rules[0].Groups = gone.Rules[0].Groups[1:]
	require.Equal(t, []config.RuleChange{{Name: "staff", Groups: true}}, config.ChangeOf(again, gone).Rules)
}

func TestGroupProblems(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"no list", "    groups: Engineering\n", []string{"15: rule staff, groups: groups are a list; write [Engineering]"}},
		{"number", "    groups: [007]\n", []string{"15: rule staff, group 1: YAML reads this as a number; write the name or id"}},
		{"empty", "    groups:\n      -\n      - ''\n", []string{"16: group 1: it is empty; write", "17: group 2: it is empty; write"}},
		{"alias", "    groups: [&x a]\n", []string{"15: group 1: YAML's anchors"}},
		{"nothing named", "    groups:\n      - {name: x}\n", []string{"16: group 1, source: it is missing; give"}},
		{"source and match", "    groups:\n      - {source: a, match: 'group.name == \"a\"'}\n", []string{"16: group a, match: source and match|remove"}},
		{"unknown key", "    groups:\n      - {source: a, wehnRemoved: delete}\n", []string{"16: group a, wehnRemoved: there is no such key; did you mean \"whenRemoved\"?"}},
		{"twice", "    groups: [a, b, {source: a, name: c}]\n", []string{"15: group a: this group stands in the list already, as its entry 1; remove"}},
		{"one name twice", "    groups: [{source: a, name: C}, {source: b, name: c}]\n", []string{"15: group b, name: entry 1 has this name at the target already"}},
		{"match that does not compile", "    groups:\n      - match: 'group.nmae == \"a\"'\n", []string{"16: group 1, match: a group has no field \"nmae\"; did you mean group.name?"}},
		{"match over people", "    groups:\n      - match: 'user.name == \"a\"'\n", []string{"16: \"user\" is not known; write group.id"}},
		{"match that YAML eats", "    groups:\n      - match: group.name != \"a\" # x\n", []string{"16: comment|single quotes"}},
		{"match that is no condition", "    groups:\n      - match: 'group.name'\n", []string{"16: it must be true or false"}},
		{"empty match", "    groups:\n      - match: ''\n", []string{"16: group 1, match: it is empty"}},
		{"one name for many", "    groups:\n      - match: 'group.name != \"\"'\n        name: All\n        mailNickname: {expression: '\"all\"'}\n",
			[]string{"17: group 1, name: match may pick several|write", "18: group 1, mailNickname: match may pick several"}},
		{"name that does not compile", "    groups:\n      - source: a\n        name: {expression: 'group.name +'}\n", []string{"17: group a, name: the expression does not parse"}},
		{"empty name", "    groups:\n      - source: a\n        name: ''\n        description:\n", []string{"17: it is empty; write a text", "18: it is empty; write a text"}},
		{"name with two parts", "    groups:\n      - source: a\n        name: {value: a, expression: 'group.name'}\n", []string{"17: group a, name: YAML reads this as keys and values|{expression: …}"}},
		{"name as a number", "    groups: [{source: a, name: 7}]\n", []string{"15: group a, name: YAML reads this as a number"}},
		{"long texts", "    groups: [{source: a, name: " + strings.Repeat("x", 257) + ", description: " + strings.Repeat("x", 1025) + ", mailNickname: " + strings.Repeat("x", 65) + "}]\n",
			[]string{"15: name: it has 257 characters, and Entra takes 256", "15: description: it has 1025", "15: mailNickname: it has 65"}},
		{"nickname", "    groups: [{source: a, mailNickname: a b}, {source: b, mailNickname: ä}, {source: c, mailNickname: a@b}]\n",
			[]string{"15: group a, mailNickname: it is ASCII", "15: group b, mailNickname: it is ASCII", "15: group c, mailNickname: it is ASCII"}},
		{"words", "    groups: [{source: a, type: secrity, existing: adopt, whenRemoved: remove}]\n    groupMembers: {whenDeprovisioned: keep}\n",
			[]string{"15: group a, type: this takes security, microsoft365; use one of them; did you mean \"security\"?", "15: existing: this takes merge, overwrite, leave",
				"15: whenRemoved: this takes leave, removeMembers, delete", "16: groupMembers.whenDeprovisioned: this takes remove, leave"}},
		{"members", "    groupMembers: leave\n", []string{"15: groupMembers: these are keys and values; write {whenDeprovisioned: remove}"}},
		{"members' unknown key", "    groupMembers: {whenRemoved: leave}\n", []string{"15: groupMembers.whenRemoved: there is no such key"}},
		{"target", "    groups: [{source: a, target: Sales}]\n", []string{"15: group a, target: this is not the object id of a group; copy it"}},
		{"target of many", "    groups:\n      - match: 'group.name != \"\"'\n        target: " + target + "\n", []string{"17: group 1, target: match may pick several"}},
		{"target with a description", "    groups: [{source: a, target: " + target + ", name: x, type: security, whenRemoved: delete, existing: leave}]\n",
			[]string{"15: group a, name: a target is an existing group", "15: type: a target is", "15: whenRemoved: a target is an existing group and is never deleted", "15: existing: a target"}},
		{"target twice", "    groups: [{source: a, target: " + target + "}, {source: b, target: " + strings.ToUpper(target) + "}]\n",
			[]string{"15: group b, target: entry 1 has this target already"}},
		{"license groups", "    licenseGroups: {SPE_E3: E3}\n", []string{"15: licenseGroups: licenses by groups are not yet available; remove this key"}},
		{"license groups as a list", "      skuId: 'user.l'\n    licenseGroups: [a]\n", []string{"16: licenseGroups: these are licenses and groups; write {SPE_E3"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, problems := parse(rule(test.text))
			expect(t, problems, test.want)
		})
	}
	t.Run("too many", func(t *testing.T) {
		t.Parallel()
		_, problems := parse(rule("    groups: [" + strings.Repeat("x,", 1001) + "]\n"))
		expect(t, problems, []string{"15: rule staff, groups: a rule has at most 1000 entries here"})
	})
	t.Run("groupPercent", func(t *testing.T) {
		t.Parallel()
		_, problems := parse(replaced(t, rule(""), "rules:\n", "preferences: {removalGuard: {groupPercent: 101}}\nrules:\n"))
		expect(t, problems, []string{"5: preferences.removalGuard.groupPercent: this is a percentage"})
	})
	f, problems := parse(rule("    groups: [{source: a, name: group.name + x, mailNickname: a.b}, {match: 'true'}]\n"))
	require.Empty(t, problems)
	expect(t, f.Warnings, []string{"15: group a, name: this is taken as it is written", "15: group a, mailNickname: Entra may refuse", "15: group 2, match: it is the same for every group"})
}

// expect compares problems with "line: part|part".
func expect(t *testing.T, problems config.Problems, want []string) {
	t.Helper()
	require.Len(t, problems, len(want), problems.Error())
	for _, w := range want {
		line, parts, _ := strings.Cut(w, ": ")
		found := false
		for _, p := range problems {
			all := strings.HasPrefix(p.String(), "/etc/entraflow/contoso.yaml:"+line+":")
			for part := range strings.SplitSeq(parts, "|") {
				all = all && strings.Contains(p.Message, part)
			}
			found = found || all
		}
		require.True(t, found, "%q is not among\n%v", w, problems)
	}
}

func TestGroupsInJSON(t *testing.T) {
	t.Parallel()
	for members, want := range map[string]string{
		`"groups": ["a", {"source": "b", "nmae": "c"}]`:                                   `rule staff, group b, nmae: there is no such key; did you mean "name"?`,
		`"groups": [{"source": "b", "name": ""}]`:                                         "rule staff, group b, name: it is empty; write a text, or remove the key",
		`"groups": [{"source": "b", "name": {"expression": ""}}]`:                         "",
		`"groups": [{"source": "b", "name": {"expr": "group.name"}}]`:                     `rule staff, group b, name.expr: there is no such key`,
		`"groups": [{"source": "b", "name": {"value": "x", "expression": "group.name"}}]`: "rule staff, group b, name: it has a value and an expression; keep one",
		`"groups": [null]`:                              "rule staff, group 1, source: it is missing",
		`"groups": [{"source": "a", "match": ""}]`:      "rule staff, group a, match: it is empty; write an expression",
		`"groups": [{"match": "group.x"}]`:              `rule staff, group 1, match: a group has no field "x"`,
		`"groupMembers": {"whenDeprovisoned": "leave"}`: `rule staff, groupMembers.whenDeprovisoned: there is no such key; did you mean "whenDeprovisioned"?`,
		`"groups": [{"source": "b", "target": "x"}]`:    "rule staff, group b, target: this is not the object id",
	} {
		c := decode(t, strings.Replace(asJSON, `"syncEvery"`, members+`, "syncEvery"`, 1))
		problems := c.Validate()
		if want == "" {
			require.Empty(t, problems, members)
			continue
		}
		require.Len(t, problems, 1, "%s: %v", members, problems)
		require.Contains(t, problems[0].Message, want)
		if !strings.Contains(members, "group.x") {
			require.Equal(t, problems, c.ValidateShape())
		}
	}
}

// bare is a store that has no groups.
type bare struct {
	Bare string `json:"bare"`
}

func (b *bare) Store() string                    { return "bare" }
func (b *bare) Resolve(string)                   {}
func (b *bare) Check(source.Report)              {}
func (b *bare) Expressions() []source.Expression { return nil }
func (b *bare) Identity() []source.Fact          { return []source.Fact{{Key: "bare", Value: b.Bare}} }
func (b *bare) Key() string                      { return b.Bare }
func (b *bare) Tag() string                      { return source.TagOf(b.Bare) }
func (b *bare) Place() string                    { return b.Bare }

func TestGroupsOfAStoreWithoutGroups(t *testing.T) {
	remove := stores.Register(source.Store{Key: "bare", New: func() source.Settings { return &bare{} },
		Opener: func(source.Environment) source.Opener { return nil }})
	defer remove()
	text := replaced(t, rule("    groups: [a]\n"), "file: people.csv", "bare: x")
	_, problems := parse(text)
	expect(t, problems, []string{"15: rule staff, groups: no groups can be read from a source of the kind bare; remove this key"})
}
