package plan_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// What is decided about the manager of an account that is otherwise as it should be. have is the account's manager, found
// the account that was found for the mapping's value.
func TestDecideManager(t *testing.T) {
	t.Parallel()
	type want struct {
		set     string
		clear   bool
		action  plan.Action
		outcome plan.Outcome
		reason  fault.Reason
	}
	nothing := want{action: plan.None, outcome: plan.Success}
	for name, tt := range map[string]struct {
		unmapped, updateOff  bool
		value, found, have   string
		want                 want
		department           string // differs where set
		offline, unavailable bool   // disabled at the source; wants a license that is not there
	}{
		"set":                         {value: "7", found: "id-7", want: want{set: "id-7", action: plan.Update, outcome: plan.Success}},
		"set by name":                 {value: "boss@contoso.com", found: "id-7", want: want{set: "id-7", action: plan.Update, outcome: plan.Success}},
		"changed":                     {value: "7", found: "id-7", have: "id-8", want: want{set: "id-7", action: plan.Update, outcome: plan.Success}},
		"already right":               {value: "7", found: "id-7", have: "ID-7", want: nothing},
		"none, and none wanted":       {want: nothing},
		"cleared":                     {have: "id-8", want: want{clear: true, action: plan.Update, outcome: plan.Success}},
		"not mapped":                  {unmapped: true, have: "id-8", want: nothing},
		"not found":                   {value: "7", have: "id-8", want: want{action: plan.None, outcome: plan.PartiallySynced, reason: fault.ManagerNotFound}},
		"self":                        {value: "1", found: "id-ann", want: want{action: plan.None, outcome: plan.PartiallySynced, reason: fault.ManagerIsSelf}},
		"self by name":                {value: "ANN@contoso.com", found: "id-ann", want: want{action: plan.None, outcome: plan.PartiallySynced, reason: fault.ManagerIsSelf}},
		"self by an old name":         {value: "old@contoso.com", found: "id-ann", have: "id-8", want: want{action: plan.None, outcome: plan.PartiallySynced, reason: fault.ManagerIsSelf}},
		"not found, the rest is done": {value: "7", department: "Old", want: want{action: plan.Update, outcome: plan.PartiallySynced, reason: fault.ManagerNotFound}},
		"updates not allowed":         {updateOff: true, value: "7", found: "id-7", want: want{action: plan.None, outcome: plan.PartiallySynced, reason: fault.UpdateNotAllowed}},
		"clearing not allowed":        {updateOff: true, have: "id-8", want: want{action: plan.None, outcome: plan.PartiallySynced, reason: fault.UpdateNotAllowed}},
		"disabled, and set":           {offline: true, value: "7", found: "id-7", want: want{set: "id-7", action: plan.Disable, outcome: plan.Success}},
		"disabled, updates off":       {offline: true, updateOff: true, value: "7", found: "id-7", want: want{action: plan.Disable, outcome: plan.PartiallySynced, reason: fault.UpdateNotAllowed}},
		"the first reason stands":     {unavailable: true, value: "7", want: want{action: plan.None, outcome: plan.PartiallySynced, reason: fault.LicenseUnknown}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p, a := settings(), ann(), account()
			s.Preferences.AllowUpdate = !tt.updateOff
			p.Desired.ManagerMapped, p.Desired.Manager = !tt.unmapped, tt.value
			p.Enabled = !tt.offline
			if tt.unavailable {
				p.Desired.SKUMapped, p.Desired.SKUs = true, []string{"NOPE"}
			}
			a.Manager = tt.have
			if tt.department != "" {
				a.Values[0] = tt.department
			}
			c := plan.Decide(s, p, plan.Match{Linked: []*directory.Account{&a}, SameName: &a, Manager: tt.found})
			require.Equal(t, tt.want, want{c.Manager, c.ClearManager, c.Action, c.Outcome, c.Reason})
			require.Equal(t, c.SetsManager(), containsString(c.Attributes, directory.Manager))
			if c.Reason == fault.ManagerNotFound || c.Reason == fault.ManagerIsSelf {
				require.Equal(t, directory.Manager, c.Subject)
			}
			// A manager alone is no reason to write to the account, nor to count a removal.
			require.Equal(t, c.Disable || tt.department != "", c.Account())
			require.Equal(t, c.Disable, c.Removes())
		})
	}
}

// The manager of accounts that are created, adopted and restored.
func TestDecideManagerOfNewAccounts(t *testing.T) {
	t.Parallel()
	s, p := settings(), ann()
	p.Desired.ManagerMapped, p.Desired.Manager = true, "7"

	c := plan.Decide(s, p, plan.Match{Manager: "id-7"})
	require.Equal(t, plan.Create, c.Action)
	require.Equal(t, "id-7", c.Manager)
	require.Equal(t, plan.Success, c.Outcome)
	c = plan.Decide(s, p, plan.Match{})
	require.Equal(t, plan.Create, c.Action)
	require.Equal(t, fault.ManagerNotFound, c.Reason)
	require.False(t, c.SetsManager())
	off := s
	off.Preferences.AllowUpdate = false
	c = plan.Decide(off, p, plan.Match{Manager: "id-7"})
	require.Equal(t, plan.Create, c.Action)
	require.Equal(t, fault.UpdateNotAllowed, c.Reason)
	require.False(t, c.SetsManager())

	existing := account()
	existing.Link, existing.Mark = "", ""
	c = plan.Decide(s, p, plan.Match{SameName: &existing, Manager: "id-7"})
	require.Equal(t, plan.Adopt, c.Action)
	require.Equal(t, "id-7", c.Manager)

	deleted := account()
	c = plan.Decide(s, p, plan.Match{Deleted: &deleted, Manager: "id-7"})
	require.Equal(t, plan.Restore, c.Action)
	require.False(t, c.SetsManager(), "what differs is known once the account is back")
	require.Equal(t, "id-7", c.FoundManager)
}

// Whom a plan takes for the manager, and for whom another plan is worth making.
func TestPlanFindsManagers(t *testing.T) {
	t.Parallel()
	const rebecca = "boss@contoso.com"
	worker := func(manager string) *roster { return staff(with(who("1", "ann", ""), "boss", manager)) }
	account := func(id, name, link string) directory.Account {
		return directory.Account{ID: "id-" + id, UserPrincipalName: name + "@contoso.com", Enabled: true, Link: link, Mark: "1;created", Values: []string{"Sales", name, name, "US"}}
	}
	for name, tt := range map[string]struct {
		people   *roster
		accounts []directory.Account
		bin      []directory.Account
		recent   string
		off      bool
		manager  string // that is set
		reason   fault.Reason
		pending  int
	}{
		"by link":                   {people: worker("9"), accounts: []directory.Account{account("9", "boss", "contoso/staff/9")}, manager: "id-9"},
		"by another rule's link":    {people: worker("9"), accounts: []directory.Account{account("9", "boss", "contoso/contractors/9")}, manager: "id-9"},
		"by name":                   {people: worker("Boss@Contoso.com"), accounts: []directory.Account{account("9", "boss", "")}, manager: "id-9"},
		"another connection's":      {people: worker("9"), accounts: []directory.Account{account("9", "boss", "fabrikam/staff/9")}, reason: fault.ManagerNotFound},
		"two with one link":         {people: worker("9"), accounts: []directory.Account{account("9", "boss", "contoso/staff/9"), account("8", "twin", "contoso/contractors/9")}, reason: fault.ManagerNotFound},
		"nobody":                    {people: worker("9"), reason: fault.ManagerNotFound},
		"nobody of the name":        {people: worker(rebecca), reason: fault.ManagerNotFound},
		"made just now":             {people: staff(with(who("1", "ann", ""), "boss", "9"), who("9", "boss", "")), recent: "id-9", manager: "id-9"},
		"made and deleted just now": {people: staff(with(who("1", "ann", ""), "boss", "9"), who("9", "boss", "")), bin: []directory.Account{account("9", "boss", "contoso/staff/9")}, recent: "id-9", reason: fault.ManagerNotFound, pending: 1},
		"made just now, and gone":   {people: worker("9"), recent: "id-9", reason: fault.ManagerNotFound},
		"an id that is long":        {people: worker(strings.Repeat("é", 100)), accounts: []directory.Account{account("9", "boss", directory.NewLink("contoso", "staff", strings.Repeat("é", 100)).String())}, manager: "id-9"},
		"created by this plan":      {people: staff(with(who("1", "ann", ""), "boss", "9"), who("9", "boss", "")), reason: fault.ManagerNotFound, pending: 1},
		"whose name this plan has":  {people: staff(with(who("1", "ann", ""), "boss", "BOSS@contoso.com"), who("9", "boss", "")), reason: fault.ManagerNotFound, pending: 1},
		"adopted by this plan":      {people: staff(with(who("1", "ann", ""), "boss", "9"), who("9", "boss", "")), accounts: []directory.Account{account("9", "boss", "")}, reason: fault.ManagerNotFound, pending: 1},
		"restored by this plan":     {people: staff(with(who("1", "ann", ""), "boss", "9"), who("9", "boss", "")), bin: []directory.Account{account("9", "boss", "contoso/staff/9")}, reason: fault.ManagerNotFound, pending: 1},
		"renamed by this plan":      {people: staff(with(who("1", "ann", ""), "boss", rebecca), who("9", "boss", "")), accounts: []directory.Account{account("9", "oldboss", "contoso/staff/9")}, reason: fault.ManagerNotFound, pending: 1},
		"in the plan but failed":    {people: staff(with(who("1", "ann", ""), "boss", "9"), with(who("9", "boss", ""), "country", "Utopia")), reason: fault.ManagerNotFound},
		"two want the name":         {people: staff(with(who("1", "ann", ""), "boss", "9"), who("9", "boss", ""), who("8", "boss", "")), reason: fault.ManagerNotFound},
		"when updates are off":      {people: staff(with(who("1", "ann", ""), "boss", "9"), who("9", "boss", "")), off: true, reason: fault.ManagerNotFound},
		"self":                      {people: worker("1"), reason: fault.ManagerIsSelf},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := input(append(tt.accounts, owned("staff", tt.people.people[0])), rule(t, "staff", "", tt.people))
			in.Preferences.AllowUpdate = !tt.off
			in.Bin = func(context.Context) ([]directory.Account, error) { return tt.bin, nil }
			in.Recent = func(id string) string {
				require.NotEqual(t, "1", id)
				return tt.recent
			}
			p := build(t, in)
			e, _ := about(p, "1")
			require.Equal(t, tt.reason, e.Reason)
			manager := ""
			if e.Change != nil {
				manager = e.Change.Manager
				require.Equal(t, []string{directory.Manager}, e.Change.Attributes)
				require.Equal(t, manager, e.Change.FoundManager)
			}
			require.Equal(t, tt.manager, manager)
			require.Equal(t, tt.pending, p.ManagersPending)
		})
	}
}

// A whole company in one file, bosses after their reports, comes right with two plans, and the third has nothing to do.
func TestManagersTakeTwoPlans(t *testing.T) {
	t.Parallel()
	people := staff(with(who("1", "ann", ""), "boss", "2"), with(who("2", "bob", ""), "boss", "3"), who("3", "cat", ""), with(who("4", "dan", ""), "boss", "cat@contoso.com"))
	in := input(nil, rule(t, "staff", "", people))
	m := newTenant(t, "company", 9, nil)
	r := m.sync(in, 2, never)
	require.Equal(t, 2, r.passes)
	require.Equal(t, plan.Counters{Impacted: 4, Success: 4}, r.total)
	require.Equal(t, 4+3, m.writes)
	require.Equal(t, m.named("cat@contoso.com").ID, m.named("bob@contoso.com").Manager)
	require.Equal(t, m.named("bob@contoso.com").ID, m.named("ann@contoso.com").Manager)
	require.Equal(t, m.named("cat@contoso.com").ID, m.named("dan@contoso.com").Manager)
	r = m.sync(in, 2, never)
	require.Equal(t, 1, r.passes)
	require.Equal(t, 4+3, m.writes)
	people.people[1] = with(people.people[1], "boss", "")
	m.sync(in, 2, never)
	require.Equal(t, 4+3+1, m.writes)
	require.Empty(t, m.named("bob@contoso.com").Manager)
}
