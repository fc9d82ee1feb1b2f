package plan_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// dice makes random settings, people and accounts.
type dice struct{ *rand.Rand }

func roll(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 1))} }

// once in n.
func (d dice) once(n int) bool { return d.IntN(n) == 0 }

func (d dice) of(words ...string) string { return words[d.IntN(len(words))] }

// some picks each with the same chance.
func (d dice) some(words ...string) []string {
	var out []string
	for _, w := range words {
		if d.once(2) {
			out = append(out, w)
		}
	}
	return out
}

func (d dice) settings() plan.Policy {
	s := settings()
	s.Selection.Attributes = append([]string{directory.OtherMails}, selected...)
	p := &s.Preferences
	p.AllowCreate, p.AllowUpdate, p.AllowDisable = !d.once(8), !d.once(5), !d.once(5)
	p.RemoveLicensesWhenSkuIDEmpty = d.once(2)
	p.LicenseScope = d.of(config.ScopeOurs, config.ScopeAll)
	p.ExistingUsers = d.of(config.ExistingAdopt, config.ExistingAdopt, config.ExistingLeave)
	if d.once(3) {
		s.Hold = fault.RemovalsHeld
	}
	s.Left = map[string]int{}
	for i := range s.SKUs {
		s.SKUs[i].Enabled = d.IntN(3)
		s.Left[s.SKUs[i].ID] = s.SKUs[i].Enabled
	}
	return s
}

func (d dice) person() plan.Person {
	p := ann()
	p.Enabled, p.Desired.AccountEnabled = !d.once(3), !d.once(6)
	for _, name := range append([]string{directory.OtherMails}, selected...) {
		switch {
		case d.once(4):
			delete(p.Desired.Attributes, name)
		case name == directory.UsageLocation:
			p.Desired.Attributes[name] = d.of("US", "DE", "")
		case name == directory.OtherMails:
			p.Desired.Attributes[name] = d.of("", "x", "x\x1fy", "y\x1fx")
		default:
			p.Desired.Attributes[name] = d.of("Sales", "Ann", "")
		}
	}
	if p.Desired.ManagerMapped = !d.once(3); p.Desired.ManagerMapped {
		p.Desired.Manager = d.of("", "", "7", "7", "boss@contoso.com", "1", "Ann@contoso.com")
	}
	p.Desired.SKUMapped = !d.once(3)
	if p.Desired.SKUMapped {
		p.Desired.SKUs = d.some("SUITE_A", skuB, "suite_c", "NOPE")
	}
	p.Desired.DisabledPlansMapped = d.once(2)
	if p.Desired.DisabledPlansMapped {
		p.Desired.DisabledPlans = d.some("MAIL", chatPlan, "NOPE")
	}
	return p
}

// account is what somebody may find: linked or not, ours or not, in whatever state.
func (d dice) account() directory.Account {
	a := account()
	a.UserPrincipalName = d.of("ann@contoso.com", "Ann@contoso.com", "old@contoso.com")
	a.Enabled = !d.once(3)
	a.Values = []string{d.of("", "x", "y\x1fx"), d.of("Sales", "Old", ""), d.of("Ann", "Old"), d.of("Ann", "old"), d.of("US", "us", "")}
	a.Link = d.of("contoso/staff/1", "contoso/staff/1", "contoso/contractors/1", "", "", "fabrikam/staff/1", "contoso/staff/2")
	a.OnPremises, a.Guest = d.once(15), d.once(15)
	a.Manager = d.of("", "id-boss", "id-other")
	mark := directory.Mark{Origin: directory.Origin(d.of("created", "adopted")), Disabled: directory.DisabledBy(d.of("", "", "source", "deprovisioned"))}
	var marked []string
	for _, sku := range []string{skuA, skuB, skuC} {
		havings[d.IntN(len(havings))].give(&a, sku)
		if d.once(2) {
			marked = append(marked, sku)
		}
	}
	for i := range a.Licenses {
		switch d.IntN(3) {
		case 0:
			a.Licenses[i].DisabledPlans = []string{mailPlan}
		case 1:
			a.Licenses[i].DisabledPlans = []string{mailPlan, chatPlan}
		}
	}
	a.Mark = mark.WithLicenses(marked).String()
	switch {
	case d.once(8):
		a.Mark = ""
	case d.once(8):
		a.Mark = "scribble"
	}
	return a
}

// found is an account that matching finds; nil is none.
func (d dice) found() *directory.Account {
	a := d.account()
	if m := match(&a); d.once(6) || len(m.Linked) == 0 && m.SameName == nil {
		return nil
	}
	return &a
}

// match is what matching would find of ann when the tenant has this account.
func match(a *directory.Account) plan.Match {
	if a == nil {
		return plan.Match{}
	}
	var m plan.Match
	if l, ok := directory.ParseLink(a.Link); ok && l.Connection == "contoso" && l.SourceID == "1" {
		m.Linked = []*directory.Account{a}
	}
	if strings.EqualFold(a.UserPrincipalName, "ann@contoso.com") {
		m.SameName = a
	}
	return m
}

// Level-triggered: carrying a decision out leaves nothing to do, whatever the settings, the person and the account were,
// and with the same outcome as announced. This is what makes a second sync write nothing.
func TestDecisionsSettle(t *testing.T) {
	t.Parallel()
	for seed := range uint64(15000) {
		d := roll(seed)
		s, p := d.settings(), d.person()
		before := d.found()
		name := fmt.Sprintf("seed %d", seed)
		var unchanged directory.Account
		if before != nil {
			unchanged = *before
		}
		manager := d.of("id-boss", "id-boss", "")
		if before != nil && d.once(4) {
			manager = before.ID
		}
		m := match(before)
		m.Manager = manager
		c := plan.Decide(s, p, m)
		if before != nil {
			require.Equal(t, unchanged, *before, "%s: deciding changed the account", name)
		}
		checkDecision(t, name, s, p, c, before)
		if !c.Writes() {
			require.Equal(t, c, plan.Decide(s, p, m), "%s: deciding twice differs", name)
			continue
		}
		after := carryOut(t, s, p, c, before, true)
		for _, l := range c.AddLicenses {
			if before == nil || !containsString(direct(before), l.SKU) {
				s.Left[l.SKU]--
			}
		}
		m = match(&after)
		m.Manager = manager
		again := plan.Decide(s, p, m)
		require.False(t, again.Writes(), "%s: %+v and then %+v", name, c, again)
		require.Equal(t, c.Outcome, again.Outcome, "%s: %s and then %s", name, c.Reason, again.Reason)
	}
}

// checkDecision checks what is true of every decision.
func checkDecision(t *testing.T, name string, s plan.Policy, p plan.Person, c plan.Change, before *directory.Account) {
	t.Helper()
	require.Equal(t, c.Outcome == plan.Success, c.Reason == "", name)
	require.False(t, (plan.Unsynced == c.Outcome || plan.Failed == c.Outcome) && c.Writes(), "%s: %s", name, c.Outcome)
	require.Equal(t, containsString(c.Attributes, directory.Manager), c.SetsManager(), name)
	if c.SetsManager() {
		require.True(t, p.Desired.ManagerMapped && s.Preferences.AllowUpdate, name)
		require.Equal(t, p.Desired.Manager == "", c.ClearManager, name)
		require.NotEqual(t, c.ClearManager, c.Manager != "", name)
		require.NotEqual(t, "id-ann", c.Manager, "%s: their own manager", name)
	}
	require.Equal(t, c.Writes(), c.Account() || c.Licenses() || c.SetsManager(), "%s: the action says whether there is something to write", name)
	if s.Hold != "" {
		require.False(t, c.Removes(), "%s: removes while held", name)
	}
	if !c.Writes() {
		return
	}
	if !s.Preferences.AllowUpdate && c.Action != plan.Create {
		require.True(t, c.Disable, name)
		require.Subset(t, []string{directory.AccountEnabled, plan.AttributeMark}, c.Attributes, name)
		require.False(t, c.Licenses(), name)
	}
	require.False(t, c.Disable && !s.Preferences.AllowDisable, name)
	if !c.Licenses() {
		require.Equal(t, c.Mark.String(), c.FinalMark.String(), "%s: a mark that nobody would write", name)
	}
	if before == nil {
		require.Equal(t, plan.Create, c.Action, name)
		return
	}
	require.False(t, before.OnPremises || before.Guest, "%s: writes to an account that is not ours to change", name)
	require.True(t, before.Link == "" || strings.HasPrefix(before.Link, "contoso/") && strings.HasSuffix(before.Link, "/1"), "%s: writes to %s", name, before.Link)
	require.False(t, before.Link == "" && c.Action != plan.Adopt, name)
	if c.Enable {
		mark, _ := directory.ParseMark(before.Mark)
		require.NotEmpty(t, mark.Disabled, "%s: enables what we did not disable", name)
		require.True(t, p.Enabled && p.Desired.AccountEnabled, name)
	}
	for _, sku := range c.RemoveLicenses {
		mark, _ := directory.ParseMark(before.Mark)
		require.Contains(t, direct(before), sku, "%s: only direct licenses are removed", name)
		require.True(t, s.Preferences.LicenseScope == config.ScopeAll || mark.Owns(sku), "%s: removes a license of somebody else", name)
	}
}

func containsString(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// A crash between the account's request and the licenses' heals: the next decision ends where the first would have.
func TestDecisionsHealAfterCrash(t *testing.T) {
	t.Parallel()
	crashed := 0
	for seed := range uint64(15000) {
		d := roll(seed)
		s, p := d.settings(), d.person()
		before := d.found()
		c := plan.Decide(s, p, match(before))
		// Without allowUpdate an account whose creation was cut short is reported as partly synced, and not written to again.
		if !c.Licenses() || !s.Preferences.AllowUpdate {
			continue
		}
		crashed++
		whole, half := carryOut(t, s, p, c, before, true), carryOut(t, s, p, c, before, false)
		rest := plan.Decide(s, p, match(&half))
		healed := half
		if rest.Writes() {
			healed = carryOut(t, s, p, rest, &half, true)
		}
		require.Equal(t, direct(&whole), direct(&healed), "seed %d", seed)
		require.Equal(t, whole.Mark, healed.Mark, "seed %d", seed)
	}
	require.Greater(t, crashed, 500)
}
