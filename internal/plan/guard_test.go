package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// sized is a rule with so many linked people, of whom some have since been disabled at the source.
func sized(t testing.TB, linked, disabled int) plan.Input {
	var people []source.Record
	var accounts []directory.Account
	for i := range linked {
		p := who(fmt.Sprintf("%05d", i), fmt.Sprintf("p%d", i), "")
		accounts = append(accounts, owned("staff", p))
		p.Enabled = i >= disabled
		people = append(people, p)
	}
	return input(accounts, rule(t, "staff", "", staff(people...)))
}

func TestGuard(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name             string
		linked, disabled int
		count, percent   int
		first            bool
		removed          int
		allowed          int
		reason           fault.Reason
	}{
		{"nothing to remove", 20, 0, 5, 10, false, 0, 5, ""},
		{"nothing to remove in the first sync", 20, 0, 5, 10, true, 0, 5, ""},
		{"exactly the count", 20, 5, 5, 10, false, 0, 5, ""},
		{"one more than the count", 20, 6, 5, 10, false, 0, 5, fault.RemovalsHeld},
		{"exactly the percentage", 80, 8, 5, 10, false, 0, 8, ""},
		{"one more than the percentage", 80, 9, 5, 10, false, 0, 8, fault.RemovalsHeld},
		{"a percentage is rounded down", 79, 8, 5, 10, false, 0, 7, fault.RemovalsHeld},
		{"the greater of the two counts", 100, 7, 7, 1, false, 0, 7, ""},
		{"zero allows nothing", 20, 1, 0, 0, false, 0, 0, fault.RemovalsHeld},
		{"everybody may be allowed", 20, 20, 0, 100, false, 0, 20, ""},
		{"the first sync removes nothing", 20, 1, 5, 10, true, 0, 5, fault.FirstSyncHeld},
		{"what this sync has removed already counts", 20, 3, 5, 10, false, 3, 5, fault.RemovalsHeld},
		{"what this sync has removed already may leave room", 20, 3, 5, 10, false, 2, 5, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := sized(t, c.linked, c.disabled)
			in.Preferences.RemovalGuard.Count, in.Preferences.RemovalGuard.Percent = c.count, c.percent
			in.FirstSync, in.Removed = c.first, c.removed
			made := build(t, in)
			g := made.Guard
			require.Equal(t, c.disabled, g.Removals)
			require.Equal(t, c.linked, g.Linked)
			require.Equal(t, c.allowed, g.Allowed)
			require.Equal(t, c.reason, g.Reason)
			require.Equal(t, c.reason != "", g.Held)
			require.Equal(t, c.disabled > 0, g.Hash != "")
			require.Len(t, made.Removals(), c.disabled)
			if g.Held {
				require.Equal(t, c.disabled, made.HeldCount())
				require.Empty(t, made.Page(plan.StageRemovals, "", 1000).Changes)
				require.Zero(t, made.Planned())
			} else {
				require.Zero(t, made.HeldCount())
				require.Len(t, made.Page(plan.StageRemovals, "", 1000).Changes, c.disabled)
				require.Equal(t, c.disabled, made.Planned())
			}
		})
	}
}

// Held removals do not hold up the rest: the same people get what is not a removal, and nothing is taken from anybody.
func TestHeldPlanDoesTheRest(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{true, false} {
		reason := fault.RemovalsHeld
		if first {
			reason = fault.FirstSyncHeld
		}
		disabled := who("1", "ann", "")
		disabled.Enabled = false
		both := with(disabled, "dept", "Board")
		both.ID, both.Fields["name"] = "2", "bob"
		people := staff(disabled, both, who("3", "cat", ""), who("4", "dan", "SUITE_B"), who("5", "eve", "SUITE_B"), who("6", "fay", ""))
		accounts := []directory.Account{
			owned("staff", who("1", "ann", "")), owned("staff", who("2", "bob", "")),
			owned("staff", who("3", "cat", "SUITE_A")), owned("staff", who("4", "dan", "SUITE_A")), owned("staff", who("5", "eve", "SUITE_A,SUITE_C")),
		}
		in := input(accounts, rule(t, "staff", "", people))
		in.FirstSync = first
		in.Preferences.RemovalGuard.Count, in.Preferences.RemovalGuard.Percent = 0, 0
		made := build(t, in)
		require.True(t, made.Guard.Held)
		require.Equal(t, reason, made.Guard.Reason)
		require.Equal(t, 4, made.Guard.Removals)
		page := made.Page(plan.StagePeople, "", 100)
		require.True(t, page.Last)
		got := map[string][]string{}
		for _, c := range page.Changes {
			require.False(t, c.Removes())
			got[c.SourceID] = append(short(c), append(slices.Clone(c.Attributes), string(c.Action), string(c.Reason))...)
		}
		require.Equal(t, map[string][]string{
			"2": {"department", "update", string(reason)},
			"4": {"b", "-a", "mark", "license", ""},
			"5": {"b", "mark", "license", string(reason)},
			"6": append(slices.Clone(created), "create", ""),
		}, got)
		require.Equal(t, plan.Counters{Impacted: 2, PartiallySynced: 2}, page.Unchanged)
		require.Equal(t, map[fault.Reason]int{reason: 2}, page.Reasons)
		require.Equal(t, 4, made.Planned())
	}
}

// The hash names the set of removals: the same whatever the order of people and accounts, another for another set.
func TestRemovalHash(t *testing.T) {
	t.Parallel()
	in := sized(t, 12, 4)
	hash := build(t, in).Guard.Hash
	require.Len(t, hash, 12)
	turned := sized(t, 12, 4)
	slices.Reverse(turned.Accounts)
	slices.Reverse(turned.Rules[0].People.(*roster).people)
	require.Equal(t, hash, build(t, turned).Guard.Hash)
	grown := sized(t, 12, 4)
	people := grown.Rules[0].People.(*roster)
	people.people = append(people.people, who("new", "new", ""))
	require.Equal(t, hash, build(t, grown).Guard.Hash, "what is no removal does not count")
	require.NotEqual(t, hash, build(t, sized(t, 12, 3)).Guard.Hash)
	swapped := sized(t, 12, 4)
	swapped.Rules[0].People.(*roster).people[0].Enabled = true
	swapped.Rules[0].People.(*roster).people[9].Enabled = false
	require.NotEqual(t, hash, build(t, swapped).Guard.Hash, "as many, but others")
	other := sized(t, 12, 4)
	other.Accounts[0].ID = "id-other"
	require.NotEqual(t, hash, build(t, other).Guard.Hash, "the same person, but another account")
}

// A held sync does everything else. What is then left of the removals is still the set that was shown, so that its approval
// counts.
func TestRemovalHashOutlivesTheRestOfTheSync(t *testing.T) {
	t.Parallel()
	moved := with(who("1", "ann", ""), "dept", "Board") // loses a license, and moves
	away := who("2", "bob", "")
	away.Enabled = false
	before := []directory.Account{owned("staff", who("1", "ann", "SUITE_A")), owned("staff", who("2", "bob", ""))}
	in := input(before, rule(t, "staff", "", staff(moved, with(away, "dept", "Board"))))
	in.Preferences.RemovalGuard.Count, in.Preferences.RemovalGuard.Percent = 0, 0
	made := build(t, in)
	require.True(t, made.Guard.Held)
	require.Equal(t, 2, made.Guard.Removals)

	after := []directory.Account{owned("staff", with(who("1", "ann", "SUITE_A"), "dept", "Board")), owned("staff", with(who("2", "bob", ""), "dept", "Board"))}
	in = input(after, in.Rules...)
	in.Preferences.RemovalGuard.Count, in.Preferences.RemovalGuard.Percent = 0, 0
	require.Equal(t, made.Guard.Hash, build(t, in).Guard.Hash)
	in.Permit.Hash = made.Guard.Hash
	approved := build(t, in)
	require.False(t, approved.Guard.Held)
	require.Empty(t, made.RemovalKeys(), "held removals are no permit")
	in.Permit = plan.Permit{Keys: approved.RemovalKeys()}
	require.False(t, build(t, in).Guard.Held)
}

// The removals are sorted once for all pages: a page costs what it holds, however many there are. Not parallel: it measures
// memory.
func TestARemovalPageCostsWhatItHolds(t *testing.T) {
	in := sized(t, 10_000, 10_000)
	in.Preferences.RemovalGuard.Percent = 100
	made := build(t, in)
	require.False(t, made.Guard.Held)
	require.Len(t, made.RemovalKeys(), 8*10_000)
	var page plan.Page
	allocations := testing.AllocsPerRun(20, func() { page = made.Page(plan.StageRemovals, "04999", 10) })
	require.Len(t, page.Changes, 10)
	require.Equal(t, "05009", page.After)
	require.Less(t, allocations, 20.0)
}

// What a plan says it would do leaves out what the guard holds, and keeps what is done all the same.
func TestWhatIsCarriedOut(t *testing.T) {
	t.Parallel()
	one, two := who("1", "ann", ""), who("2", "bea", "")
	accounts := []directory.Account{owned("staff", one), owned("staff", two)}
	one.Enabled, two.Enabled = false, false
	in := input(accounts, rule(t, "staff", "", staff(with(one, "dept", "Finance"), two)))
	in.FirstSync = true
	p := build(t, in)
	require.True(t, p.Guard.Held)
	require.Equal(t, plan.Update, p.CarriedOut(&p.Entries[0]).Action)
	require.Nil(t, p.CarriedOut(&p.Entries[1]))
	in.FirstSync = false
	p = build(t, in)
	require.Equal(t, plan.Disable, p.CarriedOut(&p.Entries[0]).Action)
	require.Equal(t, plan.Disable, p.CarriedOut(&p.Entries[1]).Action)
}
