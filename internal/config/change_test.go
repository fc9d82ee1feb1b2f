package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/source/file"
)

// base is a connection with two rules, new each time.
func base() config.Connection {
	rule := func(name string) config.Rule {
		return config.Rule{Name: name, Enabled: true, Source: config.Source{Settings: file.At("/data/a.csv")}, Filter: "user.a", SyncEvery: "60m",
			Mappings: map[string]config.Mapping{"city": {Expression: "user.city"}, "otherMails": {Value: []string{"a"}}}}
	}
	return config.Connection{Name: "c", TenantID: "t", ClientID: "i", ClientSecret: "env:A", Cloud: "global", Description: "d",
		Preferences: config.DefaultPreferences(), Rules: []config.Rule{rule("one"), rule("two")}}
}

func TestChangeOf(t *testing.T) {
	t.Parallel()
	both := []string{"one", "two"}
	ofRule := func(c config.RuleChange) config.Change {
		c.Name = "one"
		return config.Change{Rules: []config.RuleChange{c}}
	}
	tests := []struct {
		name   string
		change func(*config.Connection)
		want   config.Change
		syncs  []string
	}{
		{"nothing", func(*config.Connection) {}, config.Change{}, nil},
		{"name", func(c *config.Connection) { c.Name = "x" }, config.Change{Forbidden: []string{"name"}}, nil},
		{"tenant", func(c *config.Connection) { c.TenantID = "x" }, config.Change{Forbidden: []string{"tenantId"}}, nil},
		{"client", func(c *config.Connection) { c.ClientID = "x" }, config.Change{Forbidden: []string{"clientId"}}, nil},
		{"cloud", func(c *config.Connection) { c.Cloud = "dod" }, config.Change{Forbidden: []string{"cloud"}}, nil},
		{"cloud left out", func(c *config.Connection) { c.Cloud = "" }, config.Change{}, nil},
		{"secret", func(c *config.Connection) { c.ClientSecret = "env:B" }, config.Change{Credentials: true}, both},
		{"description", func(c *config.Connection) { c.Description = "x" }, config.Change{Description: true}, nil},

		{"removeLicensesWhenSkuIdEmpty", func(c *config.Connection) { c.Preferences.RemoveLicensesWhenSkuIDEmpty = true }, config.Change{Preferences: true}, both},
		{"licenseScope", func(c *config.Connection) { c.Preferences.LicenseScope = "all" }, config.Change{Preferences: true}, both},
		{"existingUsers", func(c *config.Connection) { c.Preferences.ExistingUsers = "leave" }, config.Change{Preferences: true}, both},
		{"removalGuard", func(c *config.Connection) { c.Preferences.RemovalGuard.Percent = 50 }, config.Change{Preferences: true}, both},
		{"allowCreate", func(c *config.Connection) { c.Preferences.AllowCreate = false }, config.Change{Actions: true}, nil},
		{"allowUpdate", func(c *config.Connection) { c.Preferences.AllowUpdate = false }, config.Change{Actions: true}, nil},
		{"allowDisable", func(c *config.Connection) { c.Preferences.AllowDisable = false }, config.Change{Actions: true}, nil},
		{"allowDeprovision", func(c *config.Connection) { c.Preferences.AllowDeprovision = false }, config.Change{Actions: true}, nil},
		{"removeAction", func(c *config.Connection) { c.Preferences.RemoveAction = "delete" }, config.Change{Actions: true}, nil},
		{"removeAdopted", func(c *config.Connection) { c.Preferences.RemoveAdopted = true }, config.Change{Actions: true}, nil},
		{"deprovisionOnRuleDeletion", func(c *config.Connection) { c.Preferences.DeprovisionOnRuleDeletion = true }, config.Change{Actions: true}, nil},

		{"filter", func(c *config.Connection) { c.Rules[0].Filter = "" }, ofRule(config.RuleChange{Filter: true}), []string{"one"}},
		{"mapping changed", func(c *config.Connection) { c.Rules[0].Mappings["city"] = config.Mapping{Value: "x"} },
			ofRule(config.RuleChange{Mappings: []string{"city"}}), []string{"one"}},
		{"mappings added and removed", func(c *config.Connection) {
			c.Rules[0].Mappings = map[string]config.Mapping{"otherMails": {Value: []any{"a"}}, "state": {Value: ""}}
		}, ofRule(config.RuleChange{Mappings: []string{"city", "state"}}), []string{"one"}},
		{"all mappings gone", func(c *config.Connection) { c.Rules[0].Mappings = nil },
			ofRule(config.RuleChange{Mappings: []string{"city", "otherMails"}}), []string{"one"}},
		{"a list that has travelled", func(c *config.Connection) { c.Rules[0].Mappings["otherMails"] = config.Mapping{Value: []any{"a"}} }, config.Change{}, nil},
		{"source", func(c *config.Connection) { c.Rules[0].Source.Settings = file.At("/data/b.csv") },
			config.Change{Forbidden: []string{"rules[one].source"}, Rules: []config.RuleChange{{Name: "one", Source: true}}}, nil},
		{"id column", func(c *config.Connection) {
			c.Rules[0].Source.Settings = &file.Settings{File: "/data/a.csv", ID: "number"}
		},
			config.Change{Forbidden: []string{"rules[one].source"}, Rules: []config.RuleChange{{Name: "one", Source: true}}}, nil},
		{"enabled column", func(c *config.Connection) {
			c.Rules[0].Source.Settings = &file.Settings{File: "/data/a.csv", Enabled: file.Enabled{Column: "active"}}
		}, ofRule(config.RuleChange{Reading: true}), []string{"one"}},
		{"default columns written out", func(c *config.Connection) {
			c.Rules[0].Source.Settings = &file.Settings{File: "/data/a.csv", ID: "id", Enabled: file.Enabled{Column: "enabled"}}
		}, config.Change{}, nil},
		{"schedule", func(c *config.Connection) { c.Rules[0].SyncEvery = "15m" }, ofRule(config.RuleChange{Schedule: true}), nil},
		{"the same schedule", func(c *config.Connection) { c.Rules[0].SyncEvery = "1h" }, config.Change{}, nil},
		{"group added", func(c *config.Connection) { c.Rules[0].Groups = []config.Group{{Source: "Sales"}} }, ofRule(config.RuleChange{Groups: true}), []string{"one"}},
		{"licenses by group", func(c *config.Connection) { c.Rules[0].LicenseGroups = map[string]string{"SPE_E3": "E3"} },
			ofRule(config.RuleChange{Groups: true}), []string{"one"}},
		{"members who leave", func(c *config.Connection) { c.Rules[0].GroupMembers.WhenDeprovisioned = config.MembersLeave }, ofRule(config.RuleChange{Leaving: true}), nil},
		{"the default for members who leave", func(c *config.Connection) { c.Rules[0].GroupMembers.WhenDeprovisioned = config.MembersRemove }, config.Change{}, nil},
		{"disabled", func(c *config.Connection) { c.Rules[0].Enabled = false }, ofRule(config.RuleChange{Enabled: true}), nil},
		{"rule removed", func(c *config.Connection) { c.Rules = c.Rules[1:] }, ofRule(config.RuleChange{Removed: true}), nil},
		{"rule added", func(c *config.Connection) { c.Rules = append(c.Rules, config.Rule{Name: "six", Enabled: true}) },
			config.Change{Rules: []config.RuleChange{{Name: "six", Added: true}}}, []string{"six"}},
		{"disabled rule added", func(c *config.Connection) { c.Rules = append(c.Rules, config.Rule{Name: "six"}) },
			config.Change{Rules: []config.RuleChange{{Name: "six", Added: true}}}, nil},
		{"a disabled rule moved", func(c *config.Connection) {
			c.Rules[0], c.Rules[1] = c.Rules[1], c.Rules[0]
			c.Rules[1].Enabled = false
		}, ofRule(config.RuleChange{Enabled: true}), nil},
		{"other order", func(c *config.Connection) { c.Rules[0], c.Rules[1] = c.Rules[1], c.Rules[0] }, config.Change{Order: true}, []string{"two", "one"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			revision := base()
			test.change(&revision)
			got := config.ChangeOf(base(), revision)
			require.Equal(t, test.want, got)
			require.Equal(t, test.syncs, got.Syncs(revision))
			none := config.Change{}
			require.Equal(t, len(test.want.Forbidden) == 0 && len(test.want.Rules) == 0 && test.want.Credentials == none.Credentials &&
				!test.want.Preferences && !test.want.Actions && !test.want.Description && !test.want.Order, got.None())
		})
	}
}

func TestEnabledAgainSyncs(t *testing.T) {
	t.Parallel()
	old := base()
	old.Rules[1].Enabled = false
	require.Equal(t, []string{"two"}, config.ChangeOf(old, base()).Syncs(base()))
}
