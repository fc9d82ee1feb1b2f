package endtoend_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/source/file"
)

// applied applies settings that lead to a sync, and checks how it ended.
func (o outcome) applied(t *testing.T, k *testkit.Kit, c config.Connection, before map[string]testkit.Having) api.SyncResult {
	t.Helper()
	a, err := k.Apply(c)
	require.NoError(t, err)
	require.Equal(t, []string{"staff"}, a.Synced)
	r, err := k.Await("staff")
	k.AwaitSynced()
	o.check(t, k, before, r, err)
	return r
}

// Slips in the configuration.
func TestAccidentsOfSettings(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(12)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	before := k.Havings()
	const held, completed = api.SyncHeld, api.SyncCompleted
	mapping := func(attribute, expression string) func(*config.Connection) {
		return func(c *config.Connection) { c.Rules[0].Mappings[attribute] = config.Mapping{Expression: expression} }
	}
	for _, c := range []struct {
		name   string
		change func(*config.Connection)
		outcome
	}{
		{"the filter inverted", func(c *config.Connection) { c.Rules[0].Filter = `user.department != "Sales"` },
			outcome{state: held, cause: fault.EverybodyLeft}},
		{"the filter lets half through", func(c *config.Connection) { c.Rules[0].Filter = `user.id < "e06"` },
			outcome{state: held, cause: fault.RemovalsHeld}},
		{"the filter fails for everybody", func(c *config.Connection) { c.Rules[0].Filter = `int(user.department) > 0` },
			outcome{state: completed, cause: fault.FilterFailed, people: 12}},
		{"the domain of all names changed to an unverified one", mapping("userPrincipalName", `user.username + "@contoso.example"`),
			outcome{state: completed, cause: fault.DomainNotVerified, people: 12}},
		{"the license mapping empty", mapping("skuId", `""`), outcome{state: held, cause: fault.RemovalsHeld, people: 12}},
		{"the license mapping gone, and licenses go with it", func(c *config.Connection) {
			delete(c.Rules[0].Mappings, "skuId")
			c.Preferences.RemoveLicensesWhenSkuIDEmpty = true
		}, outcome{state: held, cause: fault.RemovalsHeld, people: 12}},
		{"the license mapping gone, and licenses stay", func(c *config.Connection) { delete(c.Rules[0].Mappings, "skuId") }, outcome{state: completed}},
		{"another license, of which there are not enough", mapping("skuId", `"MCOEV"`), outcome{state: completed, cause: fault.LicensesExhausted, people: 12}},
		{"accountEnabled false for all", func(c *config.Connection) { c.Rules[0].Mappings["accountEnabled"] = config.Mapping{Value: false} },
			outcome{state: held, cause: fault.RemovalsHeld, people: 12}},
		{"one name for all", mapping("userPrincipalName", `user.country + "@contoso.com"`), outcome{state: completed, cause: fault.UPNConflict, people: 12}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.cause == fault.LicensesExhausted {
				mutate(t, k, func(tenant *simulator.Tenant) error { return tenant.SetStock("MCOEV", 0) })
			}
			changed := k.Config()
			c.change(&changed)
			c.applied(t, k, changed, before)
			k.MustApply(k.Config())
			k.AwaitSynced()
			restored(t, k, before, people)
		})
	}
	t.Run("the domain of all names changed to a verified one", func(t *testing.T) {
		mutate(t, k, func(tenant *simulator.Tenant) error {
			tenant.SetDomains(simulator.DomainSeed{Name: "contoso.com", Default: true}, simulator.DomainSeed{Name: "fabrikam.com"})
			return nil
		})
		changed := k.Config()
		mapping("userPrincipalName", `user.username + "@fabrikam.com"`)(&changed)
		r := outcome{state: completed}.applied(t, k, changed, before)
		require.Equal(t, map[plan.Action]int{plan.Update: 12}, r.Actions, "the accounts are renamed, none is made")
		k.MustApply(k.Config())
		k.AwaitSynced()
		restored(t, k, before, people)
	})
	t.Run("a filter key without a filter", func(t *testing.T) {
		path := k.WriteRaw("contoso.yaml", `
name: contoso
tenantId: `+simulator.DefaultTenantID+`
clientId: `+simulator.DefaultClientID+`
clientSecret: env:SECRET
cloud: simulator
rules:
  - name: staff
    source: {file: people.csv}
    filter:
    mappings: {userPrincipalName: 'user.username + "@contoso.com"', displayName: user.given, mailNickname: user.username, password: randomPassword(24)}
`)
		_, err := config.Load(path)
		require.ErrorContains(t, err, "filter")
		require.ErrorContains(t, err, ":10")
	})
	for name, change := range map[string]func(*config.Connection){
		"another tenant":      func(c *config.Connection) { c.TenantID = "11111111-2222-4333-8444-555555555555" },
		"another application": func(c *config.Connection) { c.ClientID = "11111111-2222-4333-8444-555555555555" },
		"another source": func(c *config.Connection) {
			c.Rules[0].Source.Settings = file.At(k.WriteSource("other.csv", people[0]))
		},
		"another id column": func(c *config.Connection) {
			c.Rules[0].Source.Settings = &file.Settings{File: c.Rules[0].Source.Place(), ID: "username"}
		},
	} {
		t.Run(name+" under the same name", func(t *testing.T) {
			changed := k.Config()
			change(&changed)
			_, err := k.Apply(changed)
			require.Equal(t, fault.SettingImmutable, refusal(t, err))
			outcome{state: completed}.sync(t, k, before)
		})
	}
	t.Run("another application's secret", func(t *testing.T) {
		k.WritePeople(people[:10]...)
		secret := filepath.Join(k.Dir, "secret.txt")
		require.NoError(t, os.WriteFile(secret, []byte("of another application"), 0o600))
		k.StopWorker()
		k.StartWorker()
		outcome{state: api.SyncFailed, cause: fault.SecretWrong}.sync(t, k, before)
		require.Eventually(t, func() bool { return k.Describe().State == api.StateInvalid }, 10*time.Second, 10*time.Millisecond)
		outcome{state: api.SyncFailed, cause: fault.ConnectionInvalid}.sync(t, k, before)
		require.NoError(t, os.WriteFile(secret, []byte(testkit.Secret), 0o600))
		k.WritePeople(people...)
		require.NoError(t, k.Update(api.UpdateTest, nil))
		_, err := k.Await("staff")
		require.NoError(t, err)
		k.AwaitSynced()
		restored(t, k, before, people)
	})
	t.Run("the secret expired", func(t *testing.T) {
		k.WritePeople(people[:10]...)
		mutate(t, k, func(tenant *simulator.Tenant) error {
			return tenant.SetSecret(simulator.DefaultClientID, testkit.Secret, time.Now().Add(-time.Hour))
		})
		k.StopWorker()
		k.StartWorker()
		outcome{state: api.SyncFailed, cause: fault.SecretExpired}.sync(t, k, before)
		require.Eventually(t, func() bool { return k.Describe().State == api.StateInvalid }, 10*time.Second, 10*time.Millisecond)
	})
}

// The tenant is named by a domain, and the domain moves to another tenant where the same application has the same secret.
func TestDomainMovesToAnotherTenant(t *testing.T) {
	t.Parallel()
	seed, other := simulator.DefaultSeed(), simulator.DefaultSeed().Tenants[0]
	other.ID, other.DisplayName = "99999999-2222-4333-8444-555555555555", "Another"
	other.Domains = []simulator.DomainSeed{{Name: "another.example", Default: true}}
	seed.Tenants = append(seed.Tenants, other)
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{Seed: seed}})
	people := staff(12)
	k.WritePeople(people...)
	c := k.Config()
	c.TenantID = "contoso.com"
	synced(t, k, c)
	before := k.Havings()
	k.Simulator.MutateTenant(simulator.DefaultTenantID, func(tenant *simulator.Tenant) {
		tenant.SetDomains(simulator.DomainSeed{Name: "contoso.onmicrosoft.com", Default: true})
	})
	k.Simulator.MutateTenant(other.ID, func(tenant *simulator.Tenant) {
		tenant.SetDomains(simulator.DomainSeed{Name: "another.example", Default: true}, simulator.DomainSeed{Name: "contoso.com"})
	})
	k.StopWorker()
	k.StartWorker()
	k.WritePeople(append(people[:11:11], testkit.Person("e50", "new", "New", "Person", ""))...)
	_, err := k.Provision("e50")
	require.Equal(t, fault.DomainNotVerified, refusal(t, err), "nobody is made in the tenant that has the domain now")
	r := k.MustSync("staff")
	k.AwaitSynced()
	require.ElementsMatch(t, []string{"u10", "u11"}, lost(before, k.Havings()), "%s", r.Message)
	state := k.Simulator.State()
	require.Empty(t, state.Tenant(other.ID).Users)

	require.NoError(t, k.Update(api.UpdateTest, nil))
	failure, failed := k.Describe().Test.Failure()
	require.True(t, failed)
	require.Equal(t, fault.TenantMismatch, failure.Reason)
	_, err = k.Sync("staff")
	require.Equal(t, fault.ConnectionInvalid, refusal(t, err))
}
