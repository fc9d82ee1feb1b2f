package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// letters are the names of the model's people; so few that some want the same.
var letters = []string{"ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ida", "jon", "kim", "lea", "max", "ned", "oda", "pam"}

func (d dice) roster(key string, n int) *roster {
	r := &roster{key: key, version: "1"}
	for i := range n {
		p := who(fmt.Sprintf("%02d", i), letters[d.IntN(len(letters))], strings.Join(d.some("SUITE_A", skuB), ","))
		p = with(with(p, "dept", d.of("Sales", "Other")), "n", d.of("1", "1", "1", "1", "0", "many"))
		if d.once(8) {
			p = with(p, "lic", d.of("NOPE", "SUITE_A,NOPE", ""))
		}
		if d.once(12) {
			p = with(p, "country", "Utopia")
		}
		p = with(p, "boss", d.of("", "", "00", "01", fmt.Sprintf("%02d", d.IntN(n+2)), letters[d.IntN(len(letters))]+"@contoso.com"))
		p.Enabled = !d.once(4)
		if d.once(15) {
			p.EnabledErr = fault.New("read", fault.Invalid, fault.EnabledUnreadable, "enabled")
		}
		r.people = append(r.people, p)
	}
	d.Shuffle(len(r.people), func(i, j int) { r.people[i], r.people[j] = r.people[j], r.people[i] })
	return r
}

// world is a connection with its sources, and the tenant.
type world struct {
	in     plan.Input
	tenant *tenant
}

func (d dice) world(t testing.TB, name string) world {
	rosters := []*roster{d.roster("one", d.IntN(14)), d.roster("two", d.IntN(6))}
	var rules []plan.RulePeople
	for i := range 1 + d.IntN(3) {
		filter := d.of("", `user.dept == "Sales"`, `user.dept == "Other"`, "int(user.n) > 0")
		from := rosters[0]
		if d.once(4) {
			from = rosters[1]
		}
		rules = append(rules, rule(t, fmt.Sprint("rule", i), filter, from))
	}
	in := input(nil, rules...)
	p := &in.Preferences
	p.AllowCreate, p.AllowUpdate, p.AllowDisable, p.AllowDeprovision = !d.once(8), !d.once(6), !d.once(6), !d.once(6)
	p.LicenseScope = d.of(config.ScopeOurs, config.ScopeAll)
	p.ExistingUsers = d.of(config.ExistingAdopt, config.ExistingAdopt, config.ExistingLeave)
	p.RemoveAction, p.RemoveAdopted = d.of(config.RemoveDisable, config.RemoveDelete), d.once(3)
	p.RemovalGuard = config.RemovalGuard{Count: d.IntN(6), Percent: d.IntN(60)}
	in.FirstSync = d.once(6)
	return world{in: in, tenant: newTenant(t, name, d.IntN(12), d.accounts(rosters[0].people))}
}

// accounts are what a tenant may have: people's own in all states, strangers', and what must never be touched.
func (d dice) accounts(people []source.Record) []directory.Account {
	var out []directory.Account
	for i, letter := range letters {
		if d.once(3) {
			continue
		}
		p := who(fmt.Sprintf("%02d", d.IntN(16)), letter, "")
		if i < len(people) && d.once(2) {
			p.ID = people[i].ID // somebody's own account, perhaps under another name
		}
		a := owned(d.of("rule0", "rule0", "rule1", "rule2", "gone"), p)
		random := d.account()
		a.Enabled, a.Licenses, a.Unexplained, a.OnPremises, a.Guest = random.Enabled, random.Licenses, random.Unexplained, random.OnPremises, random.Guest
		a.Mark = random.Mark
		a.Manager = d.of("", "old-0", "old-1", "old-2", "old-3", "purged")
		a.ID = fmt.Sprint("old-", i)
		switch d.IntN(8) {
		case 0, 1, 2:
			a.Link, a.Mark = "", ""
		case 3:
			a.Link = "fabrikam/staff/" + p.ID
		case 4:
			a.Link = "scribble"
		}
		for _, other := range out {
			// Two accounts with one link are met on purpose; they were there before.
			if l, ok := directory.ParseLink(a.Link); ok && l.Connection == "contoso" {
				if m, ok := directory.ParseLink(other.Link); ok && m.PersonKey() == l.PersonKey() {
					a.ID = fmt.Sprint("twin-", i)
				}
			}
		}
		out = append(out, a)
	}
	return out
}

// sync runs every rule of the connection once.
func (w *world) sync(d dice, restarts bool) {
	for _, r := range w.in.Rules {
		in := forRule(w.in, r.Name)
		replan := never
		size := 1000
		if restarts {
			size = 1 + d.IntN(4)
			replan = func() bool { return d.once(2) }
		}
		ran := w.tenant.sync(in, size, replan)
		total := ran.total
		require.Equal(w.tenant.t, total.Impacted, total.Success+total.Unsynced+total.PartiallySynced+total.Failed, w.tenant.name)
		if !ran.turned {
			require.Equal(w.tenant.t, ran.people+ran.removed, total.Impacted, "%s: everybody is counted once", w.tenant.name)
		}
	}
}

// The whole of planning against a model of a tenant, with invariants at each write (tenant_test.go): whatever the world
// was, syncing comes to rest, a sync after that writes nothing, and what must not be touched was not. In every other world
// the worker is restarted between pages.
func TestSyncsComeToRest(t *testing.T) {
	t.Parallel()
	settled := 0
	for seed := range uint64(1500) {
		d := roll(seed)
		w := d.world(t, fmt.Sprint("seed ", seed))
		untouchable := map[string]directory.Account{}
		for _, a := range w.tenant.accounts {
			if l, ok := directory.ParseLink(a.Link); a.OnPremises || a.Guest || a.Link != "" && (!ok || l.Connection != "contoso") {
				untouchable[a.ID] = a
			}
		}
		rounds := 0
		for ; rounds < 20; rounds++ {
			before := w.tenant.writes
			w.sync(d, seed%2 == 0)
			if w.tenant.writes == before {
				break
			}
		}
		require.Less(t, rounds, 20, "%s: does not come to rest", w.tenant.name)
		if rounds <= 1 {
			settled++
		}
		for _, r := range w.in.Rules {
			made := w.tenant.plan(forRule(w.in, r.Name))
			require.Zero(t, made.Planned(), w.tenant.name)
			require.Empty(t, changes(made), w.tenant.name)
		}
		for id, a := range untouchable {
			require.Equal(t, a, *w.tenant.byID(id), w.tenant.name)
		}
	}
	// Only chains of renames, freed licenses and the like need a third sync; they are few.
	require.Greater(t, settled, 1000)
}

// A forecast counts as the sync does then, whose managers may have no account before it.
func TestTheForecastComesTrue(t *testing.T) {
	t.Parallel()
	managers := 0
	for seed := range uint64(600) {
		d := roll(seed)
		w := d.world(t, fmt.Sprint("seed ", seed))
		for _, r := range w.in.Rules {
			in := forRule(w.in, r.Name)
			made := w.tenant.plan(in)
			var forecast plan.Counters
			for i := range made.Entries {
				outcome, reason, _ := made.Forecast(&made.Entries[i])
				require.Equal(t, outcome == plan.Success, reason == "", w.tenant.name)
				forecast.Count(outcome, 1)
			}
			ran := w.tenant.sync(in, 1000, never)
			forecast.Count(plan.Success, ran.removed)
			require.Equal(t, forecast, ran.total, "%s, rule %s", w.tenant.name, r.Name)
			managers += made.ManagersPending
		}
	}
	require.Greater(t, managers, 20)
}

// Pages of every size give the same changes, each once, and Planned counts them.
func TestPages(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		d := roll(seed)
		w := d.world(t, fmt.Sprint("seed ", seed))
		made := w.tenant.plan(w.in)
		want := changes(made)
		require.Len(t, want, made.Planned(), w.tenant.name)
		settled := made.Page(plan.StagePeople, "", 1<<30).Unchanged
		for size := 0; size <= len(want)+1; size++ {
			var got []plan.Change
			var count plan.Counters
			for _, stage := range stages {
				for after, last := "", false; !last; {
					page := made.Page(stage, after, size)
					got = append(got, page.Changes...)
					count.Add(page.Unchanged)
					n := 0
					for reason, k := range page.Reasons {
						require.True(t, reason.Known(), "%s: %q", w.tenant.name, reason)
						n += k
					}
					require.Equal(t, page.Unchanged.Impacted-page.Unchanged.Success, n, w.tenant.name)
					after, last = page.After, page.Last
				}
			}
			require.Equal(t, want, got, "%s, pages of %d", w.tenant.name, size)
			require.Equal(t, settled, count, "%s, pages of %d", w.tenant.name, size)
		}
	}
}

// A page names some of those who failed, and counts them all.
func TestPageNamesTheTroubled(t *testing.T) {
	t.Parallel()
	var people []source.Record
	for i := range 70 {
		people = append(people, who(fmt.Sprintf("%03d", i), "same", ""))
	}
	page := build(t, input(nil, rule(t, "staff", "", staff(people...)))).Page(plan.StagePeople, "", 10)
	require.True(t, page.Last)
	require.Equal(t, "069", page.After)
	require.Equal(t, plan.Counters{Impacted: 70, Failed: 70}, page.Unchanged)
	require.Equal(t, map[fault.Reason]int{fault.UPNConflict: 70}, page.Reasons)
	require.Len(t, page.Troubled, 50)
}

// Whoever is only partly synced is named, too, but gives way to those who failed; whoever has no account and gets none is
// counted.
func TestPageNamesThePartlySyncedAfterThoseWhoFailed(t *testing.T) {
	t.Parallel()
	p := plan.Plan{Rule: "staff"}
	add := func(outcome plan.Outcome, reason fault.Reason) {
		p.Entries = append(p.Entries, plan.Entry{SourceID: fmt.Sprintf("%03d", len(p.Entries)), Outcome: outcome, Reason: reason})
	}
	add(plan.Unsynced, fault.CreateNotAllowed)
	for range 60 {
		add(plan.PartiallySynced, fault.LicensesExhausted)
	}
	add(plan.Failed, fault.UPNConflict)
	page := p.Page(plan.StagePeople, "", 10)
	require.Equal(t, plan.Counters{Impacted: 62, Unsynced: 1, PartiallySynced: 60, Failed: 1}, page.Unchanged)
	require.Len(t, page.Troubled, 50)
	named := map[plan.Outcome]int{}
	for _, e := range page.Troubled {
		named[e.Outcome]++
	}
	require.Equal(t, map[plan.Outcome]int{plan.Failed: 1, plan.PartiallySynced: 49}, named)
}
