// Package contoso_test proves what README.md says of the example: who is in scope, and how each of them ends.
package contoso_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/stores"
)

func TestFirstSync(t *testing.T) {
	t.Parallel()
	c, tenant := load(t)
	for _, want := range []struct {
		rule                                         string
		impacted, success, partiallySynced, unsynced int
		// managed: their manager has no account yet, and is set by the second plan of the same sync.
		managed int
		failed  map[string]fault.Reason
		adopted []string
	}{
		{rule: "staff", impacted: 258, success: 250, partiallySynced: 3, managed: 43, adopted: []string{"E10222", "E10358"}, failed: map[string]fault.Reason{
			"E10086": fault.UPNConflict, "E10202": fault.UPNConflict, "E10129": fault.EnabledUnreadable,
			"E10147": fault.UsageLocationInvalid, "E10348": fault.AccountSynced,
		}},
		{rule: "contractors", impacted: 16, success: 16},
	} {
		t.Run(want.rule, func(t *testing.T) {
			t.Parallel()
			p, err := plan.Build(t.Context(), input(t, c, tenant, want.rule))
			require.NoError(t, err)
			outcomes := map[plan.Outcome]int{}
			failed := map[string]fault.Reason{}
			var adopted []string
			managed := 0
			for _, e := range p.Entries {
				outcome := e.Outcome
				if e.Reason == fault.ManagerNotFound {
					managed++
					outcome = plan.Success
				}
				outcomes[outcome]++
				switch {
				case outcome == plan.Failed:
					failed[e.SourceID] = e.Reason
				case outcome == plan.PartiallySynced:
					require.Equal(t, fault.LicensesExhausted, e.Reason, e.SourceID)
				case e.Change != nil && e.Change.Action == plan.Adopt:
					adopted = append(adopted, e.SourceID)
				}
			}
			require.Len(t, p.Entries, want.impacted)
			require.Equal(t, want.managed, managed)
			require.Equal(t, want.success, outcomes[plan.Success], "%v %v", outcomes, failed)
			require.Equal(t, want.partiallySynced, outcomes[plan.PartiallySynced])
			require.Equal(t, want.unsynced, outcomes[plan.Unsynced])
			require.Len(t, failed, len(want.failed))
			for id, reason := range want.failed {
				require.Equal(t, reason, failed[id], id)
			}
			require.Equal(t, want.adopted, adopted)
			require.Empty(t, p.Leavers)
		})
	}
}

// Every manager is somebody of the same rule who gets an account, so that the second plan of the first sync finds all of
// them.
func TestManagersGetAccounts(t *testing.T) {
	t.Parallel()
	c, _ := load(t)
	s, program := compiled(t, c.Rules[0])
	people := map[string]bool{}
	managers := map[string]bool{}
	_, err := s.List(t.Context(), func(r source.Record) error {
		in, err := program.InScope(r)
		require.NoError(t, err)
		people[r.ID] = in && r.EnabledErr == nil
		if id, _ := r.Fields["managerId"].(string); id != "" {
			require.NotEqual(t, r.ID, id)
			managers[id] = true
		}
		return nil
	})
	require.NoError(t, err)
	require.Len(t, managers, 3)
	for id := range managers {
		require.True(t, people[id], id)
	}
}

// The groups that README.md names, with those of their members who are in scope and get an account.
func TestGroups(t *testing.T) {
	t.Parallel()
	c, tenant := load(t)
	s, program := compiled(t, c.Rules[0])
	failed := []string{"E10086", "E10202", "E10129", "E10147", "E10348"}
	got := map[string][2]int{}
	err := s.(source.GroupReader).Memberships(t.Context(), []string{"Engineering", "Sales", "app-ledger", "app-oncall", "Reporting"}, func(m source.Membership) error {
		require.NoError(t, m.Err, m.Group.Name)
		members := 0
		for _, id := range m.People {
			r, _, err := s.Get(t.Context(), id)
			require.NoError(t, err)
			if in, err := program.InScope(r); err == nil && in && !slices.Contains(failed, id) {
				members++
			}
		}
		got[m.Group.Name] = [2]int{members, len(m.People)}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, map[string][2]int{"Engineering": {49, 50}, "Sales": {30, 30}, "app-ledger": {26, 27}, "app-oncall": {8, 8}, "Reporting": {6, 10}}, got)
	all, err := s.(source.GroupReader).Groups(t.Context())
	require.NoError(t, err)
	require.Len(t, all, len(got), "the rule names all groups of the file")
	require.Equal(t, tenant.Groups[0].ID, c.Rules[0].Groups[3].Target)
}

// Names come from many languages; every one of them must give an account a sign-in name of its own in a domain of the
// tenant, but for the one pair that is there to be refused.
func TestSignInNames(t *testing.T) {
	t.Parallel()
	c, tenant := load(t)
	var domains []string
	for _, d := range tenant.Domains {
		domains = append(domains, d.Name)
	}
	holders := map[string][]string{}
	for _, rule := range c.Rules {
		s, program := compiled(t, rule)
		_, err := s.List(t.Context(), func(r source.Record) error {
			names, err := program.SignInNames(r)
			require.NoError(t, err, r.ID)
			upn := names[0]
			holders[upn] = append(holders[upn], r.ID)
			_, domain, _ := strings.Cut(upn, "@")
			require.Contains(t, domains, domain)
			return nil
		})
		require.NoError(t, err)
	}
	shared := map[string][]string{}
	for upn, ids := range holders {
		if len(ids) > 1 {
			shared[upn] = ids
		}
	}
	require.Equal(t, map[string][]string{"anna.muller@contoso.com": {"E10086", "E10202"}}, shared)
	for _, upn := range []string{
		"josemaria.nunezordonez@contoso.com", "siobhan.obrien@contoso.com", "zbigniew.brzeczyszczykiewicz@contoso.com",
		"thordis.gudmundsdottir@contoso.com", "ibrahim.kilicdaroglu@contoso.com", "thihuong.nguyen@contoso.com",
		"kealii.kaaihue@contoso.com", "suharti@ext.contoso.com",
	} {
		require.Contains(t, holders, upn)
	}
}

// The secret and the ids of the configuration must be those that the simulator knows, or nothing starts.
func TestSecretAndIdsAgree(t *testing.T) {
	t.Parallel()
	c, tenant := load(t)
	require.Equal(t, c.TenantID, tenant.ID)
	require.Equal(t, c.ClientID, tenant.Apps[0].ClientID)
	path, ok := strings.CutPrefix(c.ClientSecret, "file:")
	require.True(t, ok)
	secret, err := os.ReadFile(path)
	require.NoError(t, err)
	seed, err := simulator.LoadSeed("simulator.yaml")
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(secret)), seed.Tenants[0].Apps[0].Secrets[0].Value)
}

// load reads the configuration and, from a simulator that was started with simulator.yaml, the tenant as it is before the
// first sync.
func load(t *testing.T) (config.Connection, simulator.TenantState) {
	f, err := config.LoadFile("contoso.yaml")
	require.NoError(t, err)
	require.Empty(t, f.Warnings)
	seed, err := simulator.LoadSeed("simulator.yaml")
	require.NoError(t, err)
	server, err := simulator.Start(simulator.Options{Seed: seed})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	require.Len(t, server.State().Tenants, 1)
	return *f.Connection, server.State().Tenants[0]
}

func compiled(t *testing.T, rule config.Rule) (source.Source, *mapping.Program) {
	s, err := stores.Open(source.Environment{})(rule.Source.Settings, source.Use{})
	require.NoError(t, err)
	columns, err := s.Columns(t.Context())
	require.NoError(t, err)
	program, problems := mapping.Compile(rule.Expressions(), columns)
	require.Empty(t, problems)
	return s, program
}

// input is what a first sync plans from.
func input(t *testing.T, c config.Connection, tenant simulator.TenantState, rule string) plan.Input {
	in := plan.Input{Policy: plan.Policy{Connection: c.Name, Rule: rule, Preferences: c.Preferences}, FirstSync: true}
	for _, s := range tenant.SKUs {
		in.SKUs = append(in.SKUs, directory.SKU{
			ID: s.SkuID, PartNumber: s.SkuPartNumber, Enabled: s.Enabled, Warning: s.Warning, Consumed: s.Consumed, Status: "Enabled", AppliesTo: "User",
		})
	}
	for _, r := range c.Rules {
		s, program := compiled(t, r)
		in.Rules = append(in.Rules, plan.RulePeople{Name: r.Name, SourceKey: r.Source.Key(), Program: program, People: s})
		if r.Name == rule {
			in.Selection.Attributes = directory.Readable(program.Attributes())
		}
	}
	for _, u := range tenant.Users {
		a := directory.Account{ID: u.ID, UserPrincipalName: u.UserPrincipalName, Enabled: u.AccountEnabled, Guest: u.Properties["userType"] == "Guest"}
		a.OnPremises, _ = u.Properties["onPremisesSyncEnabled"].(bool)
		for _, name := range in.Selection.Attributes {
			value, _ := u.Properties[name].(string)
			a.Values = append(a.Values, value)
		}
		for _, l := range u.Licenses {
			a.Licenses = append(a.Licenses, directory.AssignedLicense{SKU: l.SkuID, DisabledPlans: l.DisabledPlans, Group: l.Group, State: l.State})
		}
		in.Accounts = append(in.Accounts, a)
	}
	return in
}
