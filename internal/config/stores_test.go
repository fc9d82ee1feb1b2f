package config_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/source/sourcetest/toy"
	"github.com/entraflow/entraflow/internal/source/stores"
)

// toyFile is a configuration file whose only rule reads what stands below source.
func toyFile(source string) string {
	return `name: contoso
tenantId: contoso.com
clientId: 0c5d7a3b-91e4-4f27-8a6d-2b3c4d5e6f70
clientSecret: env:SECRET
rules:
  - name: staff
    enabled: false
    source:
` + source + `
    mappings: {userPrincipalName: user.u, displayName: user.d, mailNickname: user.m}
`
}

// A store is one package and one line in the registry: configuration, wire form, checks and changes follow from these.
func TestAStoreOfAnotherKind(t *testing.T) {
	defer stores.Register(toy.Store)()
	load := func(source string) (config.Connection, string) {
		c, err := config.Parse("/etc/entraflow/contoso.yaml", []byte(toyFile(source)))
		if err != nil {
			return config.Connection{}, err.Error()
		}
		return *c, ""
	}
	c, wrong := load("      toy: {address: toy://corp.example, patience: 3}")
	require.Empty(t, wrong)
	require.Equal(t, "toy://corp.example", c.Rules[0].Source.Place())

	wire, err := json.Marshal(c)
	require.NoError(t, err)
	require.Contains(t, string(wire), `"source":{"toy":{"address":"toy://corp.example","patience":3}}`)
	var travelled config.Connection
	require.NoError(t, json.Unmarshal(wire, &travelled))
	require.Empty(t, travelled.Validate())
	require.Equal(t, c.Rules, travelled.Rules)

	changed, wrong := load("      toy: {address: toy://corp.example, patience: 4}")
	require.Empty(t, wrong)
	change := config.ChangeOf(c, changed)
	require.Empty(t, change.Forbidden, "how a store is reached may change")
	require.True(t, change.Rules[0].Syncs())
	other, _ := load("      toy: {address: toy://elsewhere.example}")
	require.Equal(t, []string{"rules[staff].source"}, config.ChangeOf(c, other).Forbidden)

	for source, message := range map[string]string{
		"      toy: {address: nowhere}":                            ":9: rule staff, source.toy.address: it is no address",
		"      toy: {adress: toy://corp.example}":                  `:9: rule staff, source.toy.adress: there is no such key; did you mean "address"?`,
		"      toy: {address: toy://corp.example, patience: long}": ":9: rule staff, source.toy.patience: it is not a whole number",
		"      toy: {address: !toy corp}":                          ":9: rule staff, source.toy.address: YAML takes a leading !",
		"      toy: nowhere":                                       ":9: rule staff, source.toy: these are keys and values",
		"      toy:\n        address:":                             ":10: rule staff, source.toy.address: it is empty",
		"      active_directory: {}":                               ":9: rule staff, source.active_directory: there is no such key; remove it, or use one of " + strings.Join(stores.Keys(), ", "),
	} {
		_, wrong := load(source)
		require.Contains(t, wrong, message)
	}
}

// A store that this version does not know is reported, and its settings are kept as they are.
func TestAStoreThatThisVersionLacks(t *testing.T) {
	remove := stores.Register(toy.Store)
	c, err := config.Parse("/etc/entraflow/contoso.yaml", []byte(toyFile("      toy: {address: toy://corp.example}")))
	require.NoError(t, err)
	wire, err := json.Marshal(c)
	require.NoError(t, err)
	remove()
	var older config.Connection
	require.NoError(t, json.Unmarshal(wire, &older))
	require.Contains(t, older.Validate().Error(), "rule staff, source.toy: there is no such key; remove it, or use one of file")
	again, err := json.Marshal(older)
	require.NoError(t, err)
	require.JSONEq(t, string(wire), string(again))
	require.Empty(t, config.ChangeOf(older, older).Forbidden)
	require.True(t, strings.HasPrefix(older.Rules[0].Source.Key(), "unknown:"))
}

// The settings of a file, as YAML has them, and what YAML does to them.
func TestSettingsOfAFile(t *testing.T) {
	t.Parallel()
	load := func(settings string) (string, string) {
		c, err := config.Parse("/etc/entraflow/contoso.yaml", []byte(toyFile("      "+strings.ReplaceAll(settings, "\n", "\n      "))))
		if err != nil {
			return "", err.Error()
		}
		wire, err := json.Marshal(c.Rules[0].Source)
		require.NoError(t, err)
		return string(wire), ""
	}
	for yaml, want := range map[string]string{
		"file: p.csv\nenabled: {column: STATUS, true: [A, 1, yes], false: [T]}": `{"file":"/etc/entraflow/p.csv","enabled":{"column":"STATUS","true":["A","1","yes"],"false":["T"]}}`,
		"file: p.csv\nenabled: false # nothing says so":                         `{"file":"/etc/entraflow/p.csv","enabled":false}`,
		"file: p.csv\nenabled: 'user.status == \"A\"'":                          `{"file":"/etc/entraflow/p.csv","enabled":{"expression":"user.status == \"A\""}}`,
		"file: p.csv\nenabled: active # the flag":                               `{"file":"/etc/entraflow/p.csv","enabled":"active"}`,
		"file: p.csv\nrows: 'user.job == \"main\"'\ndelimiter: '|'":             `{"file":"/etc/entraflow/p.csv","rows":"user.job == \"main\"","delimiter":"|"}`,
		"file: p.json\nrecords: _embedded.users\nid: user.number":               `{"file":"/etc/entraflow/p.json","id":"user.number","records":"_embedded.users"}`,
		"file: p.csv\nskipLines: 2\nencoding: windows-1252":                     `{"file":"/etc/entraflow/p.csv","skipLines":2,"encoding":"windows-1252"}`,
		"file: p.xlsx\nsheet: Staff":                                            `{"file":"/etc/entraflow/p.xlsx","sheet":"Staff"}`,
	} {
		got, wrong := load(yaml)
		require.Empty(t, wrong, yaml)
		require.JSONEq(t, want, got)
	}
	for yaml, message := range map[string]string{
		"file: p.csv\nrows: !user.side":                        ":10: rule staff, source.rows: YAML takes a leading !",
		"file: p.csv\nrows: user.job == \"a\" #1":              ":10: rule staff, source.rows: YAML ends the value at #",
		"file: p.csv\nrows: 'user.job = \"a\"'":                ":10: rule staff, source.rows: ",
		"file: p.csv\nrows: 'user.job'":                        "",
		"file: p.csv\nenabled: 'lower(user.job, 1)'":           ":10: rule staff, source.enabled: ",
		"file: p.csv\nenabled: true":                           ":10: rule staff, source.enabled: write the name of a column",
		"file: p.csv\nenabled: {column: S, treu: [A]}":         ":10: rule staff, source.enabled: write the name of a column",
		"file: p.csv\nenabled: {column: S, true: [A]}":         ":10: rule staff, source.enabled: it has the words for one",
		"file: p.csv\nskipLines: two":                          ":10: rule staff, source.skipLines: it is not a whole number",
		"file: p.csv\nrecord: a":                               `:10: rule staff, source.record: there is no such key; did you mean "records"?`,
		"file: p.csv\nrecords: a":                              ":10: rule staff, source.records: it is for .json files only",
		"file: p.csv\nid: 0123":                                ":10: rule staff, source.id: YAML reads this as a number",
		"file: p.csv\nid: 7":                                   ":10: rule staff, source.id: it is not a text",
		"file: p.csv\ndelimiter:":                              ":10: rule staff, source.delimiter: it is empty",
		"path: p.csv":                                          `source.path: there is no such key; did you mean "file"?`,
		"file: p.csv\nid: userid\nenabled: 'user.a == \"b\" '": "",
	} {
		_, wrong := load(yaml)
		if message == "" {
			require.Empty(t, wrong, yaml)
			continue
		}
		require.Contains(t, wrong, message, yaml)
	}
}
