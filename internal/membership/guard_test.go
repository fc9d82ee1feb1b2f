package membership_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
)

// numbered are people p1, p2, … up to n, as accounts they are id-p1, …
func numbered(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprint("p", i+1))
	}
	return out
}

// company has a hundred people and groups of ten: group gk has at the target p(10k+1) to p(10k+10), and at the store the same without the first
// losing of them.
func company(groups, losing int) *world {
	people := numbered(100)
	w := newWorld(strings.Join(people, " "), config.Group{Match: "prefix:"})
	for k := range groups {
		id := fmt.Sprint("g", k)
		w.group(id, id, strings.Join(people[10*k+losing:10*k+10], " "))
		w.target(ours("T"+id, id, id), "id-"+strings.Join(people[10*k:10*k+10], " id-"))
	}
	w.in.Linked = 100
	return w
}

// losing are the accounts that lose a membership now, over all groups.
func losing(p *membership.Plan) (out []string) {
	for i := range p.Decisions {
		for _, m := range p.Decisions[i].Losing() {
			out = append(out, m.Account)
		}
	}
	return out
}

// How many of its members one group may lose.
func TestGuardOfOneGroup(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		members, losing, foreign int
		existing                 string
		percent                  int
		want                     fault.Reason
	}{
		{members: 10, losing: 3, percent: 30},
		{members: 10, losing: 4, percent: 30, want: fault.GroupRemovalsHeld},
		{members: 3, losing: 1, percent: 30},
		{members: 3, losing: 2, percent: 30, want: fault.GroupRemovalsHeld},
		{members: 2, losing: 1, percent: 30},
		{members: 1, losing: 1, percent: 100, want: fault.GroupEmpty},
		{members: 10, losing: 1, percent: 0},
		{members: 10, losing: 2, percent: 0, want: fault.GroupRemovalsHeld},
		{members: 10, losing: 9, percent: 100},
		// Whom others added counts with overwrite only.
		{members: 4, losing: 2, foreign: 20, percent: 30, want: fault.GroupRemovalsHeld},
		{members: 4, foreign: 1, existing: config.ExistingOverwrite, percent: 30},
		{members: 4, foreign: 2, existing: config.ExistingOverwrite, percent: 30, want: fault.GroupRemovalsHeld},
	} {
		people := numbered(20)
		w := newWorld(strings.Join(people, " "), config.Group{Source: "Sales", Existing: c.existing})
		w.in.Linked, w.prefs.RemovalGuard = 100, config.RemovalGuard{Count: 100, GroupPercent: c.percent}
		there := "id-" + strings.Join(people[:c.members], " id-")
		for i := range c.foreign {
			w.foreign(fmt.Sprint("x", i))
			there += fmt.Sprint(" x", i)
		}
		w.group("g1", "Sales", strings.Join(people[c.losing:c.members], " ")).target(ours("T", "g1", "Sales"), there)
		d := w.one(t)
		require.Equal(t, c.want, d.HoldReason, "%+v", c)
		require.Equal(t, c.want != "", d.Held)
		require.Equal(t, c.want != "", len(d.Losing()) == 0, "%+v", c)
	}
}

// Everybody goes and others come: that is another group. Were the others let in, everybody could go the next time.
func TestGuardHoldsAnotherGroup(t *testing.T) {
	t.Parallel()
	w := newWorld("a b c d", sales).group("g1", "Sales", "c d").target(ours("T", "g1", "Sales"), "id-a id-b")
	require.Equal(t, "members held:group_removals_held(id-a id-b) PartiallySynced:group_removals_held", told(w.one(t)))
}

// The only one goes and another comes, whatever the share that is allowed.
func TestGuardHoldsTheLast(t *testing.T) {
	t.Parallel()
	w := newWorld("a b c d", sales).group("g1", "Sales", "c").target(ours("T", "g1", "Sales"), "id-a")
	w.prefs.RemovalGuard.GroupPercent = 100
	require.Equal(t, "members held:group_removals_held(id-a) PartiallySynced:group_removals_held", told(w.one(t)))
}

// Over all groups no more people may lose a membership than the rule may lose in one sync.
func TestGuardOfTheRule(t *testing.T) {
	t.Parallel()
	t.Run("as many as are allowed", func(t *testing.T) {
		t.Parallel()
		p := company(5, 2).plan()
		require.Equal(t, membership.Guard{Removals: 10, Allowed: 10}, p.Guard)
		require.Len(t, losing(p), 10)
		require.Len(t, p.RemovalKeys(), 80)
	})
	t.Run("one more", func(t *testing.T) {
		t.Parallel()
		w := company(5, 2)
		w.in.Linked = 99
		p := w.plan()
		require.Empty(t, losing(p))
		require.Equal(t, fault.RemovalsHeld, p.Guard.Reason)
		require.Equal(t, 10, p.Guard.Held)
		require.Equal(t, 5, p.Guard.HeldGroups)
		require.Empty(t, p.RemovalKeys())
	})
	t.Run("what the sync took away before counts", func(t *testing.T) {
		t.Parallel()
		w := company(5, 2)
		w.in.Removed = 1
		require.Empty(t, losing(w.plan()))
	})
	t.Run("a person counts once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(strings.Join(numbered(100), " "), config.Group{Match: "prefix:"})
		for k := range 20 {
			id := fmt.Sprint("g", k)
			w.group(id, id, "p1 p2 p3").target(ours("T"+id, id, id), "id-p1 id-p2 id-p3 id-p4")
		}
		p := w.plan()
		require.Equal(t, 1, p.Guard.Removals)
		require.Len(t, losing(p), 20)
	})
	t.Run("who is counted with the people is not counted again", func(t *testing.T) {
		t.Parallel()
		w := company(5, 2)
		w.in.Linked, w.in.Removed = 20, 2
		w.in.Lost = map[string]bool{}
		for _, p := range numbered(100) {
			w.in.People[p] = plan.Left
			w.in.Lost[p] = true
			w.accountOf(p).Deprovisioned = true
		}
		p := w.plan()
		require.Equal(t, 0, p.Guard.Removals)
		require.Len(t, losing(p), 50)
	})
	t.Run("nor who was deprovisioned earlier", func(t *testing.T) {
		t.Parallel()
		w := company(1, 0)
		w.in.Linked = 1
		for _, p := range numbered(10) {
			w.in.People[p] = plan.Left
			w.accountOf(p).Deprovisioned = true
		}
		require.Len(t, losing(w.plan()), 10)
	})
}

// What holds everything, whatever the numbers.
func TestGuardHoldsWithThePeople(t *testing.T) {
	t.Parallel()
	for reason, change := range map[fault.Reason]func(w *world){
		fault.FirstSyncHeld: func(w *world) { w.in.FirstSync = true },
		fault.SourceEmpty:   func(w *world) { w.in.PeopleHeld = fault.SourceEmpty },
	} {
		w := company(1, 1)
		change(w)
		w.in.Permit.Hash = company(1, 1).plan().Guard.Hash
		p := w.plan()
		require.Empty(t, losing(p))
		require.Equal(t, reason, p.Guard.Reason)
		require.Equal(t, reason, p.Decisions[0].HoldReason)
		require.Empty(t, p.Guard.Hash, "there is nothing to approve")
	}
}

func TestApproval(t *testing.T) {
	t.Parallel()
	w := company(5, 4)
	held := w.plan().Guard
	require.Equal(t, 20, held.Held)
	require.NotEmpty(t, held.Hash)
	require.Equal(t, held, w.plan().Guard, "the same is held the next time")

	w.in.Permit.Hash = held.Hash
	p := w.plan()
	require.True(t, p.Guard.Approved)
	require.Len(t, losing(p), 20)
	require.Equal(t, "members -id-p1 id-p2 id-p3 id-p4", told(p.Decisions[0]))

	// One more who would go is another set.
	m := w.members["g4"]
	m.People = m.People[1:]
	w.members["g4"] = m
	p = w.plan()
	require.False(t, p.Guard.Approved)
	require.Empty(t, losing(p))
}

// An approval is of what is held, and stays true when what was not held has been done.
func TestApprovalOfOneGroup(t *testing.T) {
	t.Parallel()
	w := company(2, 1)
	m := w.members["g1"]
	m.People = m.People[5:]
	w.members["g1"] = m
	p := w.plan()
	require.Equal(t, []string{"id-p1"}, losing(p))
	require.Equal(t, fault.GroupRemovalsHeld, p.Decisions[1].HoldReason)
	hash := p.Guard.Hash
	w.there["Tg0"] = w.there["Tg0"][1:]
	require.Equal(t, hash, w.plan().Guard.Hash)
	w.in.Permit.Hash = hash
	require.Len(t, losing(w.plan()), 6)
}

// A plan made again in the middle of a sync carries out what is left.
func TestPermitOfTheSameSync(t *testing.T) {
	t.Parallel()
	w := company(5, 2)
	keys := w.plan().RemovalKeys()
	for k := range 3 {
		id := fmt.Sprint("Tg", k)
		w.there[id] = w.there[id][2:]
	}
	w.in.Removed, w.in.Permit.Keys = 10, keys
	require.Len(t, losing(w.plan()), 4)
	w.in.Permit.Keys = keys[:8]
	require.Empty(t, losing(w.plan()))
}

// What happens to a group that left the rule or the store.
func TestGroupsThatLeft(t *testing.T) {
	t.Parallel()
	group := func(mark string) func(w *world) {
		return func(w *world) {
			g := ours("T", "g1", "Sales")
			g.Mark = mark
			w.foreign("x1").target(g, "id-a id-b x1")
		}
	}
	other := config.Group{Source: "Other"}
	for name, c := range map[string]struct {
		change func(w *world)
		more   func(w *world)
		want   string
	}{
		"left alone":         {group("1;created"), nil, "none Success:group_left"},
		"an unreadable mark": {group("?"), nil, "none Success:group_left"},
		"emptied":            {group("1;adopted;whenRemoved=removeMembers"), nil, "empty held:group_removals_held(id-a id-b) PartiallySynced:group_removals_held"},
		"deleted":            {group("1;created;whenRemoved=delete"), nil, "delete held:group_removals_held(id-a id-b x1) PartiallySynced:group_removals_held"},
		"not created here":   {group("1;adopted;whenRemoved=delete"), nil, "none Unsynced:group_not_created_here"},
		"nobody is in it":    {group("1;created;whenRemoved=delete"), func(w *world) { w.there["T"] = nil }, "delete Success:group_left"},
		"nobody is in it, first sync": {group("1;created;whenRemoved=delete"), func(w *world) { w.there["T"], w.in.FirstSync = nil, true },
			"delete PartiallySynced:first_sync_removes_nothing"},
		"nobody is in it, people held": {group("1;created;whenRemoved=delete"), func(w *world) { w.there["T"], w.in.PeopleHeld = nil, fault.SourceEmpty },
			"delete PartiallySynced:source_empty"},
		"all of it left, too": {group("1;created;whenRemoved=delete"), func(w *world) {
			w.there["T"], w.in.Lost = []string{"id-a", "id-b"}, map[string]bool{"a": true, "b": true}
			w.in.People["a"], w.in.People["b"] = plan.Left, plan.Left
		}, "delete held:group_removals_held(id-a id-b) PartiallySynced:group_removals_held"},
		"emptied already":     {group("1;created;whenRemoved=removeMembers"), func(w *world) { w.there["T"] = []string{"x1"} }, "none Success:group_left"},
		"licenses":            {group("1;created;whenRemoved=delete"), func(w *world) { w.in.Groups[1].AssignedLicenses = []string{"sku"} }, "none Failed:group_has_licenses"},
		"a list that was cut": {group("1;created;whenRemoved=delete"), func(w *world) { w.in.ListIncomplete = true }, "none Unsynced:source_incomplete"},
		"a name not found":    {group("1;created;whenRemoved=delete"), func(w *world) { w.rule.Groups = append(w.rule.Groups, config.Group{Source: "Gone"}) }, "none Unsynced:group_not_found"},
		"no groups at all":    {group("1;created;whenRemoved=delete"), func(w *world) { w.store, w.rule.Groups = nil, []config.Group{{Match: "prefix:"}} }, "none Unsynced:source_empty"},
		"another rule's":      {group("1;created;whenRemoved=delete"), func(w *world) { w.in.Groups[1].Link = "contoso/other/g1" }, ""},
		"taken by another": {group("1;created;whenRemoved=delete"), func(w *world) {
			w.in.Others = []membership.Other{{Rule: "other", Wanted: []membership.Wanted{{Group: w.store[0]}}}}
			w.in.Others[0].Wanted[0].Group.ID = "g1"
		}, ""},
		"another is not known": {group("1;created;whenRemoved=delete"), func(w *world) { w.in.Others = []membership.Other{{Rule: "other", Unread: true}} }, ""},
		"somebody is in doubt": {group("1;created;whenRemoved=removeMembers"), func(w *world) { w.in.People["a"], w.in.People["b"] = plan.InDoubt, plan.InDoubt }, "none Success:group_left"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld("a b c", other).group("g2", "Other", "c").target(ours("T2", "g2", "Other"), "id-c")
			c.change(w)
			if c.more != nil {
				c.more(w)
			}
			d := w.plan().Find("g1")
			if c.want == "" {
				require.Nil(t, d)
				return
			}
			require.Equal(t, c.want, told(*d))
			require.Equal(t, c.want == "delete Success:group_left", d.Writes())
		})
	}
}

// In a file a group is there while somebody names it.
func TestGroupsThatNobodyNames(t *testing.T) {
	t.Parallel()
	g := ours("T", "app-x", "app-x")
	g.Mark = "1;created;whenRemoved=removeMembers"
	world := func() *world {
		return newWorld("a b", config.Group{Match: "prefix:app-"}).group("app-y", "app-y", "a").target(ours("T2", "app-y", "app-y"), "id-a").target(g, "id-b")
	}
	w := world()
	w.in.NamesOnly = true
	require.Equal(t, "none Unsynced:group_not_found", told(*w.plan().Find("app-x")))
	w = world()
	require.Equal(t, membership.Empty, w.plan().Find("app-x").Action, "where groups have ids, it is gone")
	w = world()
	w.in.NamesOnly, w.rule.Groups[0].Match = true, "prefix:app-y"
	require.Equal(t, membership.Empty, w.plan().Find("app-x").Action, "no entry of the rule would pick it")
}
