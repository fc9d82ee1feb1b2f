package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/file"
)

// head is lines 1 to 4 of a connection, staff lines 5 to 14; a test's own lines begin at 15.
const (
	head = `name: contoso
tenantId: 7f7a6b1e-0c5d-4c3b-9a53-4d2b1f1f0a01
clientId: 0c5d6b1e-0c5d-4c3b-9a53-4d2b1f1f0a02
clientSecret: env:ENTRA_CLIENT_SECRET
`
	staff = `rules:
  - name: staff
    source:
      file: people.csv
    mappings:
      userPrincipalName: 'user.username + "@contoso.com"'
      displayName: 'user.givenName + " " + user.surname'
      mailNickname: 'user.username'
      usageLocation: {value: US}
      password: 'randomPassword(24)'
`
)

func parse(text string) (*config.File, config.Problems) {
	f, err := config.ParseFile("/etc/entraflow/contoso.yaml", []byte(text))
	if err == nil {
		return f, nil
	}
	return nil, err.(config.Problems)
}

func TestParseFull(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("/etc/entraflow/contoso.yaml", []byte(`# a comment
name: contoso
description: Staff of Contoso   # a comment
tenantId: contoso.onmicrosoft.com
clientId: 0c5d6b1e-0c5d-4c3b-9a53-4d2b1f1f0a02
clientSecret: file:secret.txt
cloud: usgov
preferences:                    # all optional
  removeLicensesWhenSkuIdEmpty: true
  licenseScope: all
  allowCreate: false
  allowUpdate: false
  allowDisable: false
  allowDeprovision: false
  removeAction: delete
  deprovisionOnRuleDeletion: true
  existingUsers: leave
  removeAdopted: true
  removalGuard: {count: 7}
rules:
  - name: staff
    enabled: true
    source: {file: data/people.csv, id: number, enabled: active}
    filter: 'user.department != "Contractors"'      # CEL; key absent = everyone
    mappings:
      userPrincipalName: "user.username.lowerAscii() + '@contoso.com'"
      displayName: user.givenName
      mailNickname: |
        user.username
      usageLocation: {value: NO}
      immutableid: 'base64(user.guid)'
      telephoneNumber: {value: ["+1 555"]}
      accountEnabled: {value: false}
      password: {secret: file:/run/start}
      skuId: 'user.license'
    syncEvery: 15m
  - name: guests
    enabled: false
    source:
      file: /data/guests.json
    mappings:
      userPrincipalName: 'user.upn'
      displayName: 'user.name'
      mailNickname: 'user.nick'
`))
	require.NoError(t, err)
	require.Equal(t, &config.Connection{
		Name: "contoso", Description: "Staff of Contoso", TenantID: "contoso.onmicrosoft.com", ClientID: "0c5d6b1e-0c5d-4c3b-9a53-4d2b1f1f0a02",
		ClientSecret: "file:/etc/entraflow/secret.txt", Cloud: "usgov",
		Preferences: config.Preferences{RemoveLicensesWhenSkuIDEmpty: true, LicenseScope: "all", RemoveAction: "delete", DeprovisionOnRuleDeletion: true,
			ExistingUsers: "leave", RemoveAdopted: true, Policy: config.PolicySync, RemovalGuard: config.RemovalGuard{Count: 7, Percent: 10, GroupPercent: config.DefaultGroupPercent}},
		Rules: []config.Rule{
			{Name: "staff", Enabled: true, Source: config.Source{Settings: &file.Settings{File: "/etc/entraflow/data/people.csv", ID: "number", Enabled: file.Enabled{Column: "active"}}},
				Filter: `user.department != "Contractors"`, SyncEvery: "15m",
				Mappings: map[string]config.Mapping{
					"userPrincipalName":     {Expression: "user.username.lowerAscii() + '@contoso.com'"},
					"displayName":           {Expression: "user.givenName"},
					"mailNickname":          {Expression: "user.username\n"},
					"usageLocation":         {Value: "NO"},
					"onPremisesImmutableId": {Expression: "base64(user.guid)"},
					"businessPhones":        {Value: []string{"+1 555"}},
					"accountEnabled":        {Value: false},
					"password":              {Secret: "file:/run/start"},
					"skuId":                 {Expression: "user.license"},
				}},
			{Name: "guests", Source: config.Source{Settings: file.At("/data/guests.json")}, Mappings: map[string]config.Mapping{
				"userPrincipalName": {Expression: "user.upn"}, "displayName": {Expression: "user.name"}, "mailNickname": {Expression: "user.nick"}}},
		},
	}, c)
	require.Empty(t, c.Validate())
	require.Empty(t, c.Warnings())
}

func TestParseDefaults(t *testing.T) {
	t.Parallel()
	f, problems := parse(head + "preferences:\n" + staff)
	require.Empty(t, problems)
	require.Empty(t, f.Warnings)
	require.Equal(t, config.CloudGlobal, f.Connection.Cloud)
	require.Equal(t, config.DefaultPreferences(), f.Connection.Preferences)
	require.True(t, f.Connection.Rules[0].Enabled)
	require.Empty(t, f.Connection.Rules[0].Filter)

	f, problems = parse(head)
	require.Empty(t, problems, "a connection may have no rules yet")
	require.Empty(t, f.Connection.Rules)
}

// rule appends lines to the staff rule.
func rule(lines string) string { return head + staff + lines }

// replaced replaces the one occurrence of a text.
func replaced(t *testing.T, text, old, new string) string {
	t.Helper()
	require.Equal(t, 1, strings.Count(text, old), old)
	return strings.Replace(text, old, new, 1)
}

func TestProblems(t *testing.T) {
	t.Parallel()
	swap := func(old, new string) string { return replaced(t, rule(""), old, new) }
	const secret, upn, display, nick, location, password = "clientSecret: env:ENTRA_CLIENT_SECRET",
		`'user.username + "@contoso.com"'`, `'user.givenName + " " + user.surname'`, "mailNickname: 'user.username'", "{value: US}", "'randomPassword(24)'"
	tests := []struct {
		name string
		text string
		// want are the lines and parts of the messages of all problems, in order.
		want []string
	}{
		// Expressions that YAML eats.
		{"filter as a tag", rule("    filter: !user.contractor\n"), []string{"15: leading !|single quotes"}},
		{"filter behind a lone !", rule("    filter: ! user.contractor\n"), []string{"15: leading !|single quotes"}},
		{"filter that is a lone !", rule("    filter: !\n"), []string{"15: leading !|single quotes"}},
		{"filter with a tag for text", rule("    filter: !!str user.contractor\n"), []string{"15: leading !|single quotes"}},
		{"filter as a tagged list", rule("    filter: ![user.contractor]\n"), []string{"15: |single quotes"}},
		{"empty filter", rule("    filter:\n"), []string{"15: it is empty|single quotes"}},
		{"empty filter with a comment", rule("    filter: # everybody\n"), []string{"15: it is empty|single quotes"}},
		{"empty filter in quotes", rule("    filter: ''\n"), []string{"15: it is empty|single quotes"}},
		{"blank filter in quotes", rule("    filter: '  '\n"), []string{"15: it is empty|single quotes"}},
		{"null filter", rule("    filter: null\n"), []string{"15: it is empty|single quotes"}},
		{"tilde filter", rule("    filter: ~\n"), []string{"15: it is empty|single quotes"}},
		{"empty block filter", rule("    filter: |\n    syncEvery: 15m\n"), []string{"15: it is empty|single quotes"}},
		{"filter with an anchor", rule("    filter: &user.contractor\n"), []string{"15: filter: YAML has a use of its own|single quotes"}},
		{"filter with a named anchor", rule("    filter: &x user.active == \"1\"\n"), []string{"15: anchors|single quotes"}},
		{"filter as an alias", rule("    filter: *user\n"), []string{"15: filter: YAML has a use of its own|single quotes"}},
		{"filter as a list", rule("    filter: [user.a]\n"), []string{"15: a list|single quotes"}},
		{"filter as an object", rule("    filter: {user.a: b}\n"), []string{"15: keys and values|single quotes"}},
		{"filter as true", rule("    filter: true\n"), []string{"15: true or false|single quotes"}},
		{"filter as a number", rule("    filter: 1\n"), []string{"15: a number|single quotes"}},
		{"filter with text behind quotes", rule("    filter: \"a\" == user.a\n"), []string{"15: filter: YAML ends the value at its second quote|single quotes"}},
		{"filter with text behind single quotes", rule("    filter: 'a' == user.a\n"), []string{"15: filter: YAML ends the value at its second quote|single quotes"}},
		{"filter with text behind a list", rule("    filter: [user.a] == user.b\n"), []string{"15: filter: YAML ends the value at its closing bracket|single quotes"}},
		{"filter with text behind an object", rule("    filter: {'a':1} == user.b\n"), []string{"15: filter: YAML ends the value at its closing bracket|single quotes"}},
		{"filter with a condition", rule("    filter: user.a == 'b' ? true : false\n"), []string{"15: filter: YAML takes a colon|single quotes"}},
		{"filter with a percent sign", rule("    filter: %a\n"), []string{"15: filter: YAML has a use of its own|single quotes"}},
		{"filter cut at #", rule("    filter: user.a != \"b\" #1\n"), []string{"15: comment|single quotes"}},
		{"filter cut within a text", rule("    filter: user.a != \"the #1\"\n"), []string{"15: comment|single quotes"}},
		{"filter cut and complete", rule("    filter: user.a == 'b' # || user.c == 'd'\n"), []string{"15: comment|single quotes"}},
		{"filter cut on its second line", rule("    filter: user.a == 'b' ||\n      user.c == 'd' # x\n"), []string{"15: comment|single quotes"}},
		{"filter cut at a tab", rule("    filter: user.a == 'b'\t# x\n"), []string{"15: comment|single quotes"}},
		{"mapping cut at #", rule("      jobTitle: user.a + \" #\" + user.b\n"), []string{"15: mappings.jobTitle: |comment|single quotes"}},
		{"empty mapping", rule("      jobTitle:\n"), []string{"15: mappings.jobTitle: it is empty|single quotes"}},
		{"mapping as a date", rule("      jobTitle: 2024-01-31\n"), []string{"15: a date|single quotes"}},
		{"mapping as a tag", rule("      jobTitle: !user.a\n"), []string{"15: leading !|single quotes"}},

		// Expressions that do not compile.
		{"constant as an expression", rule("      companyName: Contoso\n"), []string{"15: mappings.companyName: \"Contoso\" is not known|{value: Contoso}"}},
		{"quoted constant as an expression", rule("      companyName: \"Contoso\"\n"), []string{"15: {value: Contoso}"}},
		{"syntax error", rule("    filter: 'user.a =='\n"), []string{"15: rule staff, filter: |check its quotes"}},
		{"filter that is no condition", rule("    filter: 'size(user.a)'\n"), []string{"15: a number|compare it"}},
		{"two expressions", rule("      jobTitle: 'usr.a'\n    filter: 'usr.b'\n"), []string{"15: \"usr\" is not known|user.<column>", "16: \"usr\" is not known|user.<column>"}},
		{"clock", rule("      jobTitle: 'string(now())'\n"), []string{"15: \"now\" is not known|documentation"}},
		{"error in a block", rule("    filter: |\n      user.a == 'b' &&\n      usr.b == 'c'\n"), []string{"17: \"usr\" is not known|user.<column>"}},

		// Passwords and secrets.
		{"literal secret", swap(secret, "clientSecret: Hunter2~x"), []string{"4: clientSecret: |env:NAME or file:PATH"}},
		{"secret as an alias", swap(secret, "clientSecret: *Hunter2"), []string{"4: clientSecret: |single quotes"}},
		{"secret as a tag", swap(secret, "clientSecret: !Hunter2"), []string{"4: clientSecret: |single quotes"}},
		{"secret that breaks YAML", swap(secret, "clientSecret: 'Hunter2' Hunter2"), []string{"4: clientSecret: |single quotes"}},
		{"secret in an open quote", swap(secret, "clientSecret: \"\\Hunter2\""), []string{"4: escape character|check the indentation"}},
		{"secret as an alias in a list", swap(secret, "clientSecret: [*Hunter2]"), []string{"1: it is not YAML|check the indentation"}},
		{"secret as a key", swap(secret, "clientSecret:\n  Hunter2: x"), []string{"5: clientSecret: |write a text"}},
		{"secret as a number", swap(secret, "clientSecret: 12345678"), []string{"4: clientSecret: |a number|write a text"}},
		{"secret with a bad name", swap(secret, "clientSecret: env:Hunter2-x"), []string{"4: environment variable|correct it"}},
		{"secret without a file", swap(secret, "clientSecret: 'file:'"), []string{"4: after file:|add it"}},
		{"secret as a variable", swap(secret, "clientSecret: ${Hunter2}"), []string{"4: env:NAME or file:PATH"}},
		{"no secret", swap(secret+"\n", ""), []string{"1: clientSecret: it is missing|env:NAME"}},
		{"constant password", swap(password, "{value: Hunter2!}"), []string{"14: mappings.password: |randomPassword(24)"}},
		{"literal password", swap(password, `'"Hunter2!"'`), []string{"14: randomPassword(24)"}},
		{"bare password", swap(password, `Hunter2!`), []string{"14: randomPassword(24)"}},
		{"bare password, one word", swap(password, `Hunter2`), []string{"14: randomPassword(24)"}},
		{"password as a number", swap(password, `12345678`), []string{"14: randomPassword(24)"}},
		{"literal secret password", swap(password, `{secret: Hunter2!}`), []string{"14: env:NAME or file:PATH"}},
		{"password with two parts", swap(password, `{secret: env:A, value: Hunter2!}`), []string{"14: randomPassword(24)"}},
		{"password with an unknown part", swap(password, `{Hunter2: x}`), []string{"14: randomPassword(24)"}},
		{"short password", swap(password, `'randomPassword(7)'`), []string{"14: 8 to 256|randomPassword(24)"}},
		{"no password", swap("      password: 'randomPassword(24)'\n", ""), []string{"9: mappings.password: |randomPassword(24)"}},
		{"random elsewhere", rule("      jobTitle: 'randomPassword(24)'\n"), []string{"15: password only|remove it"}},
		{"secret elsewhere", rule("      jobTitle: {secret: env:A}\n"), []string{"15: {value: …}"}},

		// Attributes.
		{"unknown attribute", rule("      jobTitel: 'user.a'\n"), []string{"15: mappings.jobTitel: |did you mean \"jobTitle\"?"}},
		{"unlike any attribute", rule("      shoeSize: 'user.a'\n"), []string{"15: mappings.shoeSize: |remove it"}},
		{"manager as a list", rule("      manager: {value: [a, b]}\n"), []string{"15: one text is wanted"}},
		{"source DN", rule("      pingSourceDN: 'user.a'\n"), []string{"15: the link|remove"}},
		{"mapped through an alias again", rule("      mobile: 'user.a'\n      mobilePhone: 'user.b'\n"), []string{"16: this is mobilePhone|remove one"}},
		{"mapped twice", rule("      mobile: 'user.a'\n      mobile: 'user.b'\n"), []string{"16: stands already in line 15|remove one"}},
		{"mapped twice in another case", rule("      usagelocation: 'user.a'\n"), []string{"15: this is usageLocation|remove one"}},
		{"no sign-in name", swap("      userPrincipalName: "+upn+"\n", ""), []string{"9: mappings.userPrincipalName: there is no mapping|map it"}},
		{"no display name", swap("      displayName: "+display+"\n", ""), []string{"9: mappings.displayName: there is no mapping|map it"}},
		{"no nickname", swap("      "+nick+"\n", ""), []string{"9: mappings.mailNickname: there is no mapping|map it"}},
		{"one sign-in name", swap(upn, "{value: a@b.test}"), []string{"10: same value|write an expression"}},
		{"UK", swap(location, "{value: UK}"), []string{"13: such as US or GB"}},
		{"number as a constant", rule("      employeeId: {value: 0123}\n"), []string{"15: a number|quotes"}},
		{"date as a constant", rule("      employeeId: {value: 2024-01-31}\n"), []string{"15: a date|quotes"}},
		{"bool as a text", rule("      city: {value: true}\n"), []string{"15: true or false|quotes"}},
		{"text as a bool", rule("      accountEnabled: {value: perhaps}\n"), []string{"15: {value: true}"}},
		{"empty constant", rule("      city: {value: }\n"), []string{"15: it is empty|{value: \"\"}"}},
		{"constant of the wrong form", rule("      city: {constant: x}\n"), []string{"15: {value: …}"}},
		{"constant with a tag", rule("      city: {value: !x y}\n"), []string{"15: single quotes"}},
		{"list in a list", rule("      otherMails: {value: [[a]]}\n"), []string{"15: a list|quotes"}},
		{"list of numbers", rule("      otherMails: {value: [a, 1]}\n"), []string{"15: a number|quotes"}},
		{"two phones", rule("      businessPhones: {value: [a, b]}\n"), []string{"15: one business phone|give one value"}},
		{"plans without license", rule("      disabledPlans: {value: SWAY}\n"), []string{"15: no license is mapped|map skuId"}},

		// Keys and types.
		{"unknown key", head + "prefrences: {}\n" + staff, []string{"5: prefrences: |did you mean \"preferences\"?"}},
		{"misspelt filter", rule("    filtre: 'user.a == \"b\"'\n"), []string{"15: filtre: |did you mean \"filter\"?"}},
		{"misspelt required key", swap("tenantId:", "tenantID:"), []string{"2: tenantID: |did you mean \"tenantId\"?"}},
		{"PingOne's key", head + "preferences: {CREATE_USERS: true}\n", []string{"5: did you mean \"allowCreate\"?"}},
		{"unknown key of a source", swap("file: people.csv", "file: people.csv\n      type: csv"), []string{"9: type: |use one of file, id, enabled"}},
		{"twice the same key", head + "name: other\n", []string{"5: stands already in line 1|remove one"}},
		{"merge key", rule("    <<: x\n"), []string{"15: merge|write the keys out"}},
		{"list as a key", rule("    ? [a]\n    : b\n"), []string{"15: a key is a word|remove it"}},
		{"name as a number", swap("name: contoso", "name: 123"), []string{"1: name: YAML reads this as a number|quotes"}},
		{"name in capitals", swap("name: contoso", "name: Contoso"), []string{"1: small letters|change it"}},
		{"name too long", swap("name: contoso", "name: "+strings.Repeat("a", 41)), []string{"1: 1 to 40|change it"}},
		{"name with a dash in front", swap("name: contoso", "name: -a"), []string{"1: begins with a letter|change it"}},
		{"no name", swap("name: contoso\n", ""), []string{"1: name: it is missing|give a name"}},
		{"empty name", swap("name: contoso", "name:"), []string{"1: name: it is empty|write a text"}},
		{"tenant", swap("7f7a6b1e-0c5d-4c3b-9a53-4d2b1f1f0a01", "common"), []string{"2: tenantId: |copy the Directory"}},
		{"client", swap("0c5d6b1e-0c5d-4c3b-9a53-4d2b1f1f0a02", "Hunter2"), []string{"3: clientId: |copy the Application"}},
		{"cloud", head + "cloud: globl\n", []string{"5: cloud: this takes global|did you mean \"global\"?"}},
		{"licenseScope", head + "preferences: {licenseScope: mine}\n", []string{"5: preferences.licenseScope: |ours, all|use one"}},
		{"removeAction", head + "preferences: {removeAction: deleted}\n", []string{"5: did you mean \"delete\"?"}},
		{"existingUsers", head + "preferences: {existingUsers: ignore}\n", []string{"5: adopt, leave|use one"}},
		{"guard below", head + "preferences:\n  removalGuard:\n    count: -1\n    percent: -1\n", []string{"7: 0 or more|give", "8: 0 to 100|give"}},
		{"guard above", head + "preferences:\n  removalGuard: {percent: 101}\n", []string{"6: 0 to 100|give"}},
		{"guard as a number", head + "preferences:\n  removalGuard: 5\n", []string{"6: write {count: 5, percent: 10}"}},
		{"guard as a share", head + "preferences:\n  removalGuard: {percent: 10%}\n", []string{"6: a text|write a whole number"}},
		{"guard too large", head + "preferences:\n  removalGuard: {count: 99999999999999999999999}\n", []string{"6: |write a"}},
		{"flag as a text", head + "preferences: {allowCreate: 'yes'}\n", []string{"5: a text|write true or false"}},
		{"flag as a word", head + "preferences: {allowCreate: no}\n", []string{"5: a text|write true or false"}},
		{"preferences as a list", head + "preferences: []\n", []string{"5: preferences: |keys and values"}},
		{"rules as an object", head + "rules: {name: staff}\n", []string{"5: rules: |dash"}},
		{"empty rules", head + "rules:\n", []string{"5: rules: |dash"}},
		{"rule as a word", head + "rules: [staff]\n", []string{"5: rule 1: |- name: …"}},
		{"same rule twice", rule("") + strings.TrimPrefix(staff, "rules:\n"), []string{"15: another rule has this name|rename"}},
		{"no source", swap("    source:\n      file: people.csv\n", ""), []string{"6: source.file: it is missing|give the path"}},
		{"source as a word", swap("\n      file: people.csv", " people.csv"), []string{"7: source: |{file: people.csv}"}},
		{"id is enabled", swap("file: people.csv", "{file: a.csv, id: x, enabled: x}"), []string{"8: the same column|correct"}},
		{"interval", rule("    syncEvery: 15\n"), []string{"15: syncEvery: YAML reads this as a number|write a text"}},
		{"short interval", rule("    syncEvery: 30s\n"), []string{"15: at least one minute|write 15m"}},
		{"interval in words", rule("    syncEvery: hourly\n"), []string{"15: at least one minute|write 15m"}},
		{"enabled as a word", rule("    enabled: 'off'\n"), []string{"15: write true or false"}},
		{"mappings as a list", swap("    mappings:\n", "    mappings: []\n    x:\n"), []string{"9: mappings: |keys and values", "10: x: |use one of"}},

		// Files.
		{"empty", "", []string{"1: empty|write a connection"}},
		{"only a comment", "# nothing\n", []string{"1: |write a connection"}},
		{"a list", "- name: x\n", []string{"1: |write a connection"}},
		{"a word", "contoso\n", []string{"1: |write a connection"}},
		{"two documents", head + "---\nname: b\n", []string{"5: one connection|move"}},
		{"a tab", "name: contoso\n\ttenantId: x\n", []string{"2: tabs|use blanks"}},
		{"a tab, and a colon in a comment", "name: a # so: it is\npreferences:\n\tallowCreate: true\n", []string{"3: tabs|use blanks"}},
		{"Latin-1", "name: a # so: it is\ndescription: M\xfcller\n", []string{"2: not UTF-8|save it as UTF-8"}},
		{"an open quote", "name: 'contoso\ntenantId: x\n", []string{"3: |check the indentation"}},
		{"an alias in a list", head + "rules:\n  - *staff\n", []string{"6: YAML has a use of its own|single quotes"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, problems := parse(test.text)
			require.Nil(t, f)
			require.Len(t, problems, len(test.want), problems.Error())
			for i, want := range test.want {
				line, parts, _ := strings.Cut(want, ": ")
				require.Equal(t, line, fmt.Sprint(problems[i].Line), problems[i].String())
				require.Equal(t, "/etc/entraflow/contoso.yaml", problems[i].File)
				require.Positive(t, problems[i].Column)
				for _, part := range strings.Split(parts, "|") {
					require.Contains(t, problems[i].Message, part)
				}
			}
			require.NotContains(t, problems.Error(), "Hunter", "what may be a secret is not repeated")
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, problems := parse(`name: Contoso
tenantId: x
clientId: y
clientSecret: z
cloud: moon
prefs: {}
rules:
  - name: staff
    source: {}
    filter: !user.x
    mappings:
      password: {value: a}
      usageLocation: {value: UK}
  - name: staff
`)
	var lines []int
	for _, p := range problems {
		lines = append(lines, p.Line)
	}
	// The second rule lacks a source and four mappings, and has the first one's name.
	require.Equal(t, []int{1, 2, 3, 4, 5, 6, 9, 10, 11, 11, 11, 12, 13, 14, 14, 14, 14, 14, 14}, lines, problems.Error())
	require.Equal(t, len(lines), strings.Count(problems.Error(), "\n")+1)
	require.Contains(t, problems.Error(), "/etc/entraflow/contoso.yaml:5: cloud: this takes global, usgov, dod, china, simulator; use one of them")
}

func TestTooManyRules(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(head + "rules:\n")
	for i := range config.MaxRules + 1 {
		fmt.Fprintf(&b, "  - {name: r%d, enabled: false, source: {file: a.csv}, mappings: {userPrincipalName: user.u, displayName: user.d, mailNickname: user.m}}\n", i)
	}
	_, problems := parse(b.String())
	require.Len(t, problems, 1)
	require.Equal(t, 5, problems[0].Line)
	require.Contains(t, problems[0].Message, "at most 100 rules; move")
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		line       int
		message    string
	}{
		{"license without place", replaced(t, rule("      skuId: 'user.license'\n"), "      usageLocation: {value: US}\n", ""), 14, "map it, unless"},
		{"id that is an address", replaced(t, rule(""), "file: people.csv", "{file: a.csv, id: WorkEmail}"), 8, "number or code"},
		{"adopted accounts", head + "preferences: {removeAdopted: true}\n", 5, "set removeAction to delete"},
		{"filter for everybody", rule("    filter: 'true'\n"), 15, "remove the key"},
		{"one password for all", replaced(t, rule("      resetPassword: {value: false}\n"), "'randomPassword(24)'", "{secret: env:A}"), 15, "use randomPassword(24)"},
	}
	for _, test := range tests {
		f, problems := parse(test.text)
		require.Empty(t, problems, test.name)
		require.Len(t, f.Warnings, 1, test.name)
		require.Equal(t, test.line, f.Warnings[0].Line, f.Warnings.Error())
		require.Contains(t, f.Warnings[0].Message, test.message)
		require.Len(t, f.Connection.Warnings(), 1)
	}
}

func TestColumnsWithinExpressions(t *testing.T) {
	t.Parallel()
	_, problems := parse(rule("    filter: 'user.a == ''b'' && usr.c'\n"))
	require.Len(t, problems, 1)
	require.Equal(t, []int{15, 33}, []int{problems[0].Line, problems[0].Column})
	_, problems = parse(rule("    filter: user.a && usr.c\n"))
	require.Equal(t, []int{15, 23}, []int{problems[0].Line, problems[0].Column})
}

// What mapping finds once the columns are known gets its place in the file too.
func TestProblemsOfMappingHavePlaces(t *testing.T) {
	t.Parallel()
	f, problems := parse(rule("      mobile: 'user.cell'\n    filter: 'user.dept == \"x\"'\n"))
	require.Empty(t, problems)
	cols := source.Columns{Names: []string{"username", "givenName", "surname"}}
	_, found := mapping.Compile(f.Connection.Rules[0].Expressions(), cols)
	require.Len(t, found, 2)
	filter := f.Problem("staff", found[0].Key, found[0].Offset, found[0].Message)
	require.Equal(t, 16, filter.Line)
	require.Equal(t, "/etc/entraflow/contoso.yaml:16: rule staff, filter: "+found[0].Message, filter.String())
	mobile := f.Problem("staff", found[1].Key, found[1].Offset, found[1].Message)
	require.Equal(t, 15, mobile.Line)
	require.Contains(t, mobile.Message, "rule staff, mappings.mobilePhone: ")
	require.Equal(t, 8, f.Problem("staff", "source.file", 0, "x").Line)
	require.Equal(t, 6, f.Problem("staff", "syncEvery", 0, "x").Line)
	require.Equal(t, 5, f.Problem("nobody", "filter", 0, "x").Line)
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	require.NoError(t, os.WriteFile(path, []byte(rule("")), 0o600))
	c, err := config.Load(path)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "people.csv"), c.Rules[0].Source.Place())

	for _, missing := range []string{filepath.Join(dir, "no.yaml"), dir} {
		_, err = config.Load(missing)
		var problems config.Problems
		require.ErrorAs(t, err, &problems)
		require.Len(t, problems, 1)
		require.Contains(t, problems.Error(), missing+": ")
		require.Contains(t, problems.Error(), "check")
	}
	_, err = config.Parse("c.yaml", make([]byte, config.MaxFileSize+1))
	require.ErrorContains(t, err, "move rules")
}

func TestWindowsLineEndsAndMark(t *testing.T) {
	t.Parallel()
	_, problems := parse("\ufeff" + strings.ReplaceAll(rule("    filter: ! user.a\n"), "\n", "\r\n"))
	require.Len(t, problems, 1)
	require.Equal(t, 15, problems[0].Line)
	require.Contains(t, problems[0].Message, "leading !")
}

// Whatever stands behind filter:, the result is never "everybody": either there is a filter, or there is a problem.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"!user.a", "! user.a", "", "''", "|", ">-", "&a", "*a", "[]", "{}", "~", "# x", "!!null x", "!!str", "?", "- a", "\"\"", "! ''",
		"\u2028user.a", "user.a\u0085# x", "\\", "%", "@x", "!<x> y", "!!binary \"\"", "'\n  '"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\n\r\u0085\u2028\u2029") {
			t.Skip("what follows on lines of its own is not the filter any more")
		}
		file, problems := parse(rule("    filter: " + s + "\n"))
		if len(problems) > 0 {
			require.Nil(t, file)
			return
		}
		require.NotEmpty(t, strings.TrimSpace(file.Connection.Rules[0].Filter), s)
		require.True(t, strings.Contains(s, strings.TrimSpace(file.Connection.Rules[0].Filter)) || strings.ContainsAny(s, `'"\`), s)
	})
}
