package plan_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// People deprovisioned long ago stay linked. The guard reckons from those who are left, or after some years ten per cent
// of all links are everybody.
func TestGuardReckonsFromThoseWhoAreLeft(t *testing.T) {
	t.Parallel()
	var people []source.Record
	var accounts []directory.Account
	for i := range 220 {
		p := who(fmt.Sprintf("%03d", i), fmt.Sprintf("p%d", i), "")
		a := owned("staff", p)
		if i >= 20 {
			a.Enabled, a.Mark = false, directory.Mark{Origin: directory.Created, Disabled: directory.DisabledDeprovisioned}.String()
		} else {
			p.Enabled = i >= 12
			people = append(people, p)
		}
		accounts = append(accounts, a)
	}
	made := build(t, input(accounts, rule(t, "staff", "", staff(people...))))
	require.Equal(t, 220, made.Linked)
	require.Equal(t, 20, made.Guard.Linked)
	require.Equal(t, 5, made.Guard.Allowed)
	require.Equal(t, 12, made.Guard.Removals)
	require.Equal(t, fault.RemovalsHeld, made.Guard.Reason)
}

// Somebody with an account of their own who wants the name of a person who left is no sign that ids changed; somebody
// without one is.
func TestWhoWantsTheNameOfALeaver(t *testing.T) {
	t.Parallel()
	left, stays := who("1", "ann", ""), who("2", "bob", "")
	accounts := []directory.Account{owned("staff", left), owned("staff", stays), owned("staff", who("3", "cat", ""))}
	for name, c := range map[string]struct {
		now  source.Record
		said string
	}{
		"has an account":    {who("2", "ann", ""), "remove Success person_not_found"},
		"has none":          {who("9", "ann", ""), "none Failed source_id_changed"},
		"wants another one": {who("2", "bob", ""), "remove Success person_not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := build(t, input(accounts, rule(t, "staff", "", staff(c.now, who("3", "cat", "")))))
			require.Equal(t, "1", made.Leavers[0].SourceID)
			require.Equal(t, c.said, saying(made.Leavers[0]))
		})
	}
}

// Where given name and surname are not mapped, the display name tells whether an id was given to somebody else.
func TestDisplayNameTellsThePersonApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		before, after string
		replaced      bool
	}{
		{"Ann Lee", "Bob Roe", true},
		{"Ann Lee", "Ann Roe", false},
		{"Ann Lee", "Roe-Lee, Anna", false},
		{"Lee, Ann", "ANN MILLER", false},
		{"Müller Änne", "Änne Schulz", false},
		{"ann", "bob", false},
		{"ann", "Bob Roe", false},
		{"", "Bob Roe", false},
	} {
		s, p, a := settings(), ann(), account()
		p.Desired.UserPrincipalName = "other@contoso.com"
		p.Desired.Attributes[directory.DisplayName] = c.after
		a.Values[1] = c.before
		got := plan.Decide(s, p, plan.Match{Linked: []*directory.Account{&a}})
		if c.replaced {
			require.Equal(t, fault.PersonReplaced, got.Reason, "%v", c)
			require.Equal(t, plan.None, got.Action)
		} else {
			require.Equal(t, plan.Update, got.Action, "%v", c)
		}
		s.SamePerson = true
		require.Equal(t, plan.Update, plan.Decide(s, p, plan.Match{Linked: []*directory.Account{&a}}).Action, "%v", c)
	}
}

// What lies in the bin is given back to whoever it was taken from, and not to the next who has the id.
func TestBinnedAccountOfSomebodyElse(t *testing.T) {
	t.Parallel()
	s, p, a := settings(), ann(), account()
	a.Values[1] = "Ann Lee"
	p.Desired.UserPrincipalName, p.Desired.Attributes[directory.DisplayName] = "bob@contoso.com", "Bob Roe"
	got := plan.Decide(s, p, plan.Match{Deleted: &a})
	require.Equal(t, plan.None, got.Action)
	require.Equal(t, fault.PersonReplaced, got.Reason)
	p.Desired.Attributes[directory.DisplayName] = "Ann Roe"
	require.Equal(t, plan.Restore, plan.Decide(s, p, plan.Match{Deleted: &a}).Action)
	p.Desired.Attributes[directory.DisplayName], s.SamePerson = "Bob Roe", true
	require.Equal(t, plan.Restore, plan.Decide(s, p, plan.Match{Deleted: &a}).Action)
}
