package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/plan"
)

// tenant is a model of one: accounts and stock. It refuses what Graph refuses, and fails the test where a plan does what
// must never be done.
type tenant struct {
	t        testing.TB
	name     string // of the test's case, for messages
	accounts []directory.Account
	stock    map[string]int // :: SKU -> units left; may be below zero
	writes   int
}

func newTenant(t testing.TB, name string, stock int, accounts []directory.Account) *tenant {
	m := &tenant{t: t, name: name, accounts: accounts, stock: map[string]int{}}
	for _, s := range skus(stock) {
		m.stock[s.ID] = stock
	}
	return m
}

// skus are the subscriptions as Graph would tell them.
func (m *tenant) skus() []directory.SKU {
	out := skus(0)
	for i := range out {
		out[i].Consumed = -m.stock[out[i].ID]
	}
	return out
}

func (m *tenant) named(upn string) *directory.Account {
	for i := range m.accounts {
		if strings.EqualFold(m.accounts[i].UserPrincipalName, upn) {
			return &m.accounts[i]
		}
	}
	return nil
}

func (m *tenant) byID(id string) *directory.Account {
	for i := range m.accounts {
		if m.accounts[i].ID == id {
			return &m.accounts[i]
		}
	}
	return nil
}

// carryOut does what a change of a rule's plan says about a person of its roster.
func (m *tenant) carryOut(in plan.Input, c plan.Change) {
	m.t.Helper()
	m.writes++
	what := fmt.Sprintf("%s: %s", m.name, describe(c))
	if c.Action == plan.Remove {
		m.remove(what, in, c)
		return
	}
	p := m.person(in, c.SourceID)
	if p.Err != nil {
		require.True(m.t, c.Disable && c.Outcome == plan.PartiallySynced, "%s, although %v", what, p.Err)
		require.Subset(m.t, []string{directory.AccountEnabled, plan.AttributeMark}, c.Attributes, what)
	}
	if c.Action == plan.Create {
		require.Nil(m.t, m.named(p.Desired.UserPrincipalName), "%s: the name is taken", what)
		m.checkManager(what, c)
		a := carryOut(m.t, in.Policy, p, c, nil, true)
		a.ID = fmt.Sprintf("id-%s-%d", p.ID, len(m.accounts))
		m.accounts = append(m.accounts, a)
		m.consume(what, nil, &a)
		m.oneAccountEach()
		return
	}
	before := m.byID(c.AccountID)
	require.NotNil(m.t, before, what)
	require.False(m.t, before.OnPremises, "%s: writes to an account that is synced from on-premises", what)
	require.False(m.t, before.Guest, "%s: writes to a guest", what)
	link, ours := directory.ParseLink(before.Link)
	ours = ours && link.Connection == in.Connection && link.PersonKey() == directory.NewLink(in.Connection, "", c.SourceID).PersonKey()
	require.True(m.t, ours || before.Link == "" && c.Action == plan.Adopt, "%s: writes to an account linked as %q", what, before.Link)
	require.False(m.t, before.Link == "" && len(c.RemoveLicenses) > 0 && in.Preferences.LicenseScope != "all", "%s: takes a stranger's licenses", what)
	m.checkManager(what, c)
	after := carryOut(m.t, in.Policy, p, c, before, true)
	if other := m.named(after.UserPrincipalName); other != nil {
		require.Equal(m.t, after.ID, other.ID, "%s: the name is taken", what)
	}
	for _, l := range before.Licenses {
		if !l.Direct() {
			require.Contains(m.t, after.Licenses, l, "%s: an inherited license is gone", what)
		}
	}
	m.consume(what, before, &after)
	*before = after
	m.oneAccountEach()
}

// checkManager refuses a manager whom nobody knows, and the person themselves.
func (m *tenant) checkManager(what string, c plan.Change) {
	if c.Manager != "" {
		require.NotNil(m.t, m.byID(c.Manager), what)
		require.NotEqual(m.t, c.AccountID, c.Manager, what)
	}
}

// remove deprovisions: it disables and marks, or deletes.
func (m *tenant) remove(what string, in plan.Input, c plan.Change) {
	a := m.byID(c.AccountID)
	require.NotNil(m.t, a, what)
	link, ok := directory.ParseLink(a.Link)
	require.True(m.t, ok && link.Connection == in.Connection && link.Rule == in.Rule, "%s: removes an account linked as %q", what, a.Link)
	require.False(m.t, a.OnPremises || a.Guest, what)
	require.True(m.t, in.Preferences.AllowDeprovision, what)
	mark, _ := directory.ParseMark(a.Mark)
	require.False(m.t, mark.Disabled.Deprovisioned(), "%s: was deprovisioned before", what)
	for i := range m.accounts {
		require.False(m.t, m.accounts[i].ID != a.ID && m.accounts[i].Link == a.Link, "%s: two accounts carry the link", what)
	}
	if c.Delete {
		require.Equal(m.t, config.RemoveDelete, in.Preferences.RemoveAction, what)
		require.True(m.t, mark.Origin == directory.Created || in.Preferences.RemoveAdopted, "%s: deletes an adopted account", what)
		for _, sku := range direct(a) {
			m.stock[sku]++
		}
		m.accounts = slices.DeleteFunc(m.accounts, func(other directory.Account) bool { return other.ID == c.AccountID })
		return
	}
	require.Equal(m.t, a.Enabled, c.Disable, what)
	a.Enabled = false
	a.Mark = c.Mark.String()
}

// consume keeps the stock; no plan may overdraw it.
func (m *tenant) consume(what string, before, after *directory.Account) {
	count := map[string]int{}
	for _, sku := range direct(after) {
		count[sku]++
	}
	if before != nil {
		for _, sku := range direct(before) {
			count[sku]--
		}
	}
	for sku, n := range count {
		m.stock[sku] -= n
		require.False(m.t, n > 0 && m.stock[sku] < 0, "%s: no unit of %s is left", what, sku)
	}
}

// oneAccountEach: two accounts for one person never come into being.
func (m *tenant) oneAccountEach() {
	m.t.Helper()
	seen := map[string]string{}
	for _, a := range m.accounts {
		if l, ok := directory.ParseLink(a.Link); ok && l.Connection == "contoso" && !strings.HasPrefix(a.ID, "twin-") {
			require.Empty(m.t, seen[l.PersonKey()], "%s: %s and %s are both %s", m.name, seen[l.PersonKey()], a.ID, l.PersonKey())
			seen[l.PersonKey()] = a.ID
		}
	}
}

// person evaluates the mappings for one of the planned rule's people.
func (m *tenant) person(in plan.Input, id string) plan.Person {
	m.t.Helper()
	for _, r := range in.Rules {
		if r.Name != in.Rule {
			continue
		}
		for _, p := range r.People.(*roster).people {
			if p.ID == id {
				return plan.Judge(r.Program, p, false)
			}
		}
	}
	require.FailNow(m.t, "somebody is written who is not at the source", "%s: %s", m.name, id)
	return plan.Person{}
}

func describe(c plan.Change) string {
	return fmt.Sprintf("%s %s of rule %s, %v, licenses %v", c.Action, c.SourceID, c.Rule, c.Attributes, short(c))
}

// plan makes the plan of one rule on the tenant as it is now.
func (m *tenant) plan(in plan.Input) *plan.Plan {
	m.t.Helper()
	// A read gives copies; what is planned from must not change while it is carried out.
	in.Accounts = append([]directory.Account(nil), m.accounts...)
	for i := range in.Accounts {
		if m.byID(in.Accounts[i].Manager) == nil {
			in.Accounts[i].Manager = "" // deleted
		}
	}
	in.SKUs = m.skus()
	return build(m.t, in)
}

// run is what one sync of the model did.
type run struct {
	total plan.Counters
	// people are those in scope when it began, removed those it deprovisioned.
	people, removed int
	// passes is how many plans it made on purpose: a second one where managers had to be created first.
	passes int
	held   bool
	// turned: a plan made anew judged the removals otherwise than the first.
	turned bool
}

// sync plans a rule and carries the plan out, in pages of the given size, planning anew where replan says so, as a sync
// does whose worker was restarted. Where managers had to be created first, it plans once more before anything is removed.
func (m *tenant) sync(in plan.Input, size int, replan func() bool) run {
	m.t.Helper()
	again := func() bool { return true }
	r := run{}
	for r.passes < 2 && again() {
		r, again = m.syncOnce(in, size, replan, r.passes+1)
	}
	return r
}

// syncOnce carries one plan out. again tells that it was left before its removals, because managers have accounts now.
func (m *tenant) syncOnce(in plan.Input, size int, replan func() bool, passes int) (r run, again func() bool) {
	m.t.Helper()
	made := m.plan(in)
	r = run{people: len(made.Entries), held: made.Guard.Held, passes: passes}
	pending, appeared := made.ManagersPending, false
	again = func() bool { return passes == 1 && pending > 0 && appeared }
	if !r.held {
		in.Permit.Keys = made.RemovalKeys()
	}
	done := map[string]bool{}
	for s := 0; s < len(stages); s++ {
		stage := stages[s]
		removals, ranked := stage == plan.StageRemovals, stage == plan.StageNames || stage == plan.StageFreed
		if removals && again() {
			break
		}
		for after, last := "", removals && r.held; !last; {
			page := made.Page(stage, after, size)
			require.LessOrEqual(m.t, len(page.Changes), size)
			require.True(m.t, page.Last || ranked || len(page.Changes) == size, "%s: a page that is not full, and not the last", m.name)
			require.GreaterOrEqual(m.t, page.After, after)
			r.total.Add(page.Unchanged)
			for i, c := range page.Changes {
				require.True(m.t, i == 0 || page.Changes[i-1].SourceID < c.SourceID, m.name)
				require.True(m.t, ranked || c.SourceID > after, m.name)
				require.True(m.t, ranked || c.SourceID <= page.After, m.name)
				require.False(m.t, done[c.SourceID], "%s: %s comes twice", m.name, c.SourceID)
				require.Equal(m.t, removals, c.Removes(), "%s: %s is in the wrong pass", m.name, describe(c))
				require.False(m.t, made.Guard.Held && c.Removes(), "%s: a held plan removes", m.name)
				done[c.SourceID] = true
				m.carryOut(in, c)
				appeared = true
				r.total.Count(c.Outcome, 1)
				if c.Action == plan.Remove {
					r.removed++
				}
				if removals {
					in.Removed++
				}
			}
			after, last = page.After, page.Last
			if !last && replan() {
				over := made.Later(plan.StageNames)+made.Later(plan.StageFreed) > 0
				in.Resumed = true
				made = m.plan(in)
				if over {
					// Who was put off cannot be told from who is done: the sync begins with the people again.
					s, last, done, r.total = -1, true, map[string]bool{}, plan.Counters{}
					r.total.Count(plan.Success, r.removed)
					r.people = len(made.Entries)
				}
				pending = max(pending, made.ManagersPending)
				r.turned = r.turned || made.Guard.Held != r.held
			}
		}
	}
	return r, again
}

var stages = []plan.Stage{plan.StagePeople, plan.StageNames, plan.StageRemovals, plan.StageFreed}

func never() bool { return false }

// changes are all changes of a plan in the order in which they are carried out.
func changes(p *plan.Plan) []plan.Change {
	var out []plan.Change
	for _, stage := range stages {
		out = append(out, p.Page(stage, "", 1<<30).Changes...)
	}
	return out
}
