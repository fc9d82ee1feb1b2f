package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// Group is one group that a store shall hold. The suite tells groups apart by their names, and asks the store for their ids.
type Group struct {
	// ID is the group's id where the store can be told one; "" leaves it to the store.
	ID string
	// Name is unique within the suite.
	Name string
	// Description may be left out by a store that has none.
	Description string
	// People are the ids of the people who are members themselves.
	People []string
	// Groups are the names of the groups within it.
	Groups []string
	// Strangers: members that are nobody of the store (a device, somebody outside of what is read) are in it, too, where the store can hold any.
	Strangers bool
}

// Groups says how the groups of a store are checked.
type Groups struct {
	// Open makes a store that holds exactly these people and groups, as Open of the people's suite does.
	Open func(t *testing.T, people []Person, groups []Group) source.Source
	// Flat: the store has no groups within groups.
	Flat bool
	// WhileNamed: a group is there only while somebody is in it, its id is its name, and it has no description, as in a file.
	WhileNamed bool
	// Cut makes the store that Open makes, but reading the members of the group with this name, and perhaps of others, does not come to
	// its end. nil where the store cannot be broken so.
	Cut func(t *testing.T, people []Person, groups []Group, name string) source.Source
}

// RunGroups checks a store as a source.GroupReader. Each check is a subtest with stores of its own.
func RunGroups(t *testing.T, s Groups) {
	for _, check := range []struct {
		name string
		run  func(*testing.T, Groups)
	}{
		{"GroupsListsEveryGroupOnce", checkGroups},
		{"NamesAreCleaned", checkGroupNames},
		{"MembershipsGivesEveryMemberOnce", checkMemberships},
		{"NestedGroupsAreFlattened", checkNested},
		{"AGroupOfManyIsReadToItsEnd", checkManyMembers},
		{"AnEmptyGroupHasNobody", checkEmptyGroup},
		{"AGroupThatIsGoneIsToldAndOthersGoOn", checkGroupGone},
		{"WhoIsNotAtTheStoreIsNoMember", checkStrangers},
		{"MembershipsOfEqualsMemberships", checkMembershipsOf},
		{"WhoIsNotAtTheStoreIsInNoGroup", checkNobody},
		{"AnErrorOfYieldEndsTheReadOfGroups", checkGroupYield},
		{"AnEndedContextEndsTheReadOfGroups", checkGroupCancellation},
		{"WhatIsCutIsNoMembership", checkCut},
		{"GroupsAreConcurrent", checkGroupConcurrency},
	} {
		t.Run(check.name, func(t *testing.T) {
			t.Parallel()
			check.run(t, s)
		})
	}
}

// open gives the store with its groups.
func (s Groups) open(t *testing.T, people []Person, groups ...Group) source.GroupReader {
	t.Helper()
	return reader(t, s.Open(t, people, groups))
}

func reader(t *testing.T, s source.Source) source.GroupReader {
	t.Helper()
	r, ok := s.(source.GroupReader)
	require.True(t, ok, "the store is no source.GroupReader")
	return r
}

// idsOf gives the ids of all groups by their names.
func idsOf(t *testing.T, s source.GroupReader) map[string]string {
	t.Helper()
	all, err := s.Groups(t.Context())
	require.NoError(t, err)
	ids := map[string]string{}
	for _, g := range all {
		ids[g.Name] = g.ID
	}
	return ids
}

// read gives the memberships of groups by the groups' names.
func read(t *testing.T, s source.GroupReader, ids ...string) map[string]source.Membership {
	t.Helper()
	got := map[string]source.Membership{}
	require.NoError(t, s.Memberships(t.Context(), ids, func(m source.Membership) error {
		require.NotContains(t, got, m.Group.Name, "a group was given twice")
		got[m.Group.Name] = m
		return nil
	}))
	require.Len(t, got, len(ids), "each id is answered once")
	return got
}

// of gives one group's membership, which must be complete.
func of(t *testing.T, s source.GroupReader, name string) []string {
	t.Helper()
	id, ok := idsOf(t, s)[name]
	require.True(t, ok, "there is no group %s", name)
	m := read(t, s, id)[name]
	require.NoError(t, m.Err)
	require.Equal(t, id, m.Group.ID)
	return slices.Sorted(slices.Values(m.People))
}

// members are the ids of people from to, counted from 1.
func members(from, to int) []string {
	var ids []string
	for i := from; i <= to; i++ {
		ids = append(ids, fmt.Sprintf("E%05d", i))
	}
	return ids
}

func checkGroups(t *testing.T, s Groups) {
	var want []Group
	for i := range 120 {
		want = append(want, Group{Name: fmt.Sprintf("Group %03d", i), Description: fmt.Sprintf("Number %d", i), People: members(i%9+1, i%9+2)})
	}
	r := s.open(t, People(20), want...)
	all, err := r.Groups(t.Context())
	require.NoError(t, err)
	require.Len(t, all, len(want))
	slices.SortFunc(all, func(a, b source.Group) int { return compare(a.Name, b.Name) })
	seen := map[string]bool{}
	for i, g := range all {
		require.Equal(t, want[i].Name, g.Name)
		require.NotEmpty(t, g.ID)
		require.False(t, seen[g.ID], "two groups have the id %s", g.ID)
		seen[g.ID] = true
		if s.WhileNamed {
			require.Equal(t, g.Name, g.ID)
		} else {
			require.Equal(t, want[i].Description, g.Description)
		}
	}
	again, err := r.Groups(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, all, again)

	none, err := s.open(t, People(3)).Groups(t.Context())
	require.NoError(t, err)
	require.Empty(t, none)
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func checkGroupNames(t *testing.T, s Groups) {
	names := []string{"Zoë & Søn", "R+D, EMEA (*)", `back\slash "quoted"`, "#tag", "a=b<c>", "小林", "Zoe\u0308 decomposed", "no\u00a0break", "007", "true"}
	var groups []Group
	for i, name := range names {
		groups = append(groups, Group{Name: name, People: members(i+1, i+1)})
	}
	r := s.open(t, People(len(names)), groups...)
	for i, name := range names {
		require.Equal(t, members(i+1, i+1), of(t, r, source.Clean(name)))
	}
}

func checkMemberships(t *testing.T, s Groups) {
	people := People(40)
	people[4].Enabled = Disabled
	r := s.open(t, people,
		Group{Name: "All", People: members(1, 40)},
		Group{Name: "Some", People: members(3, 9)},
		Group{Name: "One", People: members(5, 5)},
		Group{Name: "Others", People: members(10, 12)},
	)
	ids := idsOf(t, r)
	got := read(t, r, ids["One"], ids["All"], ids["Some"])
	for name, want := range map[string][]string{"All": members(1, 40), "Some": members(3, 9), "One": members(5, 5)} {
		require.NoError(t, got[name].Err)
		require.Equal(t, ids[name], got[name].Group.ID)
		require.ElementsMatch(t, want, got[name].People, "the disabled person is a member like others, everybody once")
	}
	require.Empty(t, read(t, r))
}

func checkNested(t *testing.T, s Groups) {
	if s.Flat {
		t.Skip("the store has no groups within groups")
	}
	r := s.open(t, People(20),
		Group{Name: "Top", People: members(1, 1), Groups: []string{"Left", "Right"}},
		Group{Name: "Left", People: members(2, 3), Groups: []string{"Bottom"}},
		Group{Name: "Right", People: members(3, 4), Groups: []string{"Bottom"}},
		Group{Name: "Bottom", People: members(5, 6)},
		Group{Name: "Ring A", People: members(7, 7), Groups: []string{"Ring B"}},
		Group{Name: "Ring B", People: members(8, 8), Groups: []string{"Ring C"}},
		Group{Name: "Ring C", People: members(9, 9), Groups: []string{"Ring A"}},
		Group{Name: "Itself", People: members(10, 10), Groups: []string{"Itself"}},
		Group{Name: "Only groups", Groups: []string{"Bottom", "Ring B"}},
	)
	want := map[string][]string{
		"Top": members(1, 6), "Left": {"E00002", "E00003", "E00005", "E00006"}, "Bottom": members(5, 6),
		"Ring A": members(7, 9), "Ring B": members(7, 9), "Ring C": members(7, 9), "Itself": members(10, 10), "Only groups": members(5, 9),
	}
	ids := idsOf(t, r)
	var asked []string
	for name := range want {
		asked = append(asked, ids[name])
	}
	got := read(t, r, asked...)
	for name, people := range want {
		require.NoError(t, got[name].Err, name)
		require.Equal(t, people, slices.Sorted(slices.Values(got[name].People)), name)
		require.Equal(t, people, of(t, r, name), "alone as among others")
	}
	for _, person := range members(1, 11) {
		var in []string
		for name, people := range want {
			if slices.Contains(people, person) {
				in = append(in, ids[name])
			}
		}
		found, err := r.MembershipsOf(t.Context(), person, asked)
		require.NoError(t, err)
		require.ElementsMatch(t, in, found, person)
	}
}

func checkManyMembers(t *testing.T, s Groups) {
	const n = 3200
	r := s.open(t, People(n), Group{Name: "Many", People: members(1, n)}, Group{Name: "Few", People: members(n, n)})
	require.Equal(t, members(1, n), of(t, r, "Many"))
	require.Equal(t, members(n, n), of(t, r, "Few"))
}

func checkEmptyGroup(t *testing.T, s Groups) {
	r := s.open(t, People(3), Group{Name: "Empty"}, Group{Name: "Full", People: members(1, 3)})
	if s.WhileNamed {
		require.NotContains(t, idsOf(t, r), "Empty")
		return
	}
	require.Empty(t, of(t, r, "Empty"))
	require.Equal(t, members(1, 3), of(t, r, "Full"))
}

// unknownIDs are ids that no group has, by the look of one that a group has.
func unknownIDs(id string) []string {
	last := byte('0')
	if id[len(id)-1] == last {
		last = '1'
	}
	return []string{id[:len(id)-1] + string(last), "no such group", "*"}
}

func checkGroupGone(t *testing.T, s Groups) {
	r := s.open(t, People(9), Group{Name: "Full", People: members(1, 3)}, Group{Name: "Other", People: members(4, 4)})
	ids := idsOf(t, r)
	for _, unknown := range unknownIDs(ids["Full"]) {
		got := map[string]source.Membership{}
		require.NoError(t, r.Memberships(t.Context(), []string{unknown, ids["Full"], ids["Other"]}, func(m source.Membership) error {
			got[m.Group.ID] = m
			return nil
		}), "one group that is gone does not end the read of the others")
		require.Len(t, got, 3)
		require.True(t, fault.Is(got[unknown].Err, fault.GroupNotFound), "id %q: got %v", unknown, got[unknown].Err)
		require.Equal(t, fault.NotFound, fault.KindOf(got[unknown].Err))
		require.Empty(t, got[unknown].People)
		require.NoError(t, got[ids["Full"]].Err)
		require.ElementsMatch(t, members(1, 3), got[ids["Full"]].People)
		require.ElementsMatch(t, members(4, 4), got[ids["Other"]].People)

		in, err := r.MembershipsOf(t.Context(), "E00001", []string{unknown, ids["Full"]})
		require.NoError(t, err)
		require.Equal(t, []string{ids["Full"]}, in)
	}
}

func checkStrangers(t *testing.T, s Groups) {
	r := s.open(t, People(5), Group{Name: "Mixed", People: members(1, 2), Strangers: true}, Group{Name: "Strange", Strangers: true, People: members(3, 3)})
	require.Equal(t, members(1, 2), of(t, r, "Mixed"))
	require.Equal(t, members(3, 3), of(t, r, "Strange"))
}

func checkMembershipsOf(t *testing.T, s Groups) {
	people := People(60)
	people[0].Enabled = Disabled
	var groups []Group
	for i := range 12 {
		g := Group{Name: fmt.Sprintf("Group %d", i)}
		for p := range people {
			if (p*7+i*5)%(i+2) == 0 || p == i {
				g.People = append(g.People, people[p].ID)
			}
		}
		groups = append(groups, g)
	}
	r := s.open(t, people, groups...)
	ids := idsOf(t, r)
	var asked []string
	for i, g := range groups {
		// Not all: what was not asked for is not answered.
		if i%4 != 3 {
			asked = append(asked, ids[g.Name])
		}
	}
	all := read(t, r, asked...)
	for _, person := range people {
		var want []string
		for _, m := range all {
			if slices.Contains(m.People, person.ID) {
				want = append(want, m.Group.ID)
			}
		}
		got, err := r.MembershipsOf(t.Context(), person.ID, asked)
		require.NoError(t, err)
		require.ElementsMatch(t, want, got, person.ID)
	}
	none, err := r.MembershipsOf(t.Context(), people[0].ID, nil)
	require.NoError(t, err)
	require.Empty(t, none)
}

func checkNobody(t *testing.T, s Groups) {
	r := s.open(t, People(5), Group{Name: "Full", People: members(1, 5)})
	id := idsOf(t, r)["Full"]
	for _, nobody := range []string{"", "E", "E00006", "e00001", "E000010", "*"} {
		in, err := r.MembershipsOf(t.Context(), nobody, []string{id})
		require.NoError(t, err, "id %q", nobody)
		require.Empty(t, in, "id %q", nobody)
	}
}

func checkGroupYield(t *testing.T, s Groups) {
	var groups []Group
	for i := range 9 {
		groups = append(groups, Group{Name: fmt.Sprintf("Group %d", i), People: members(1, 3)})
	}
	r := s.open(t, People(3), groups...)
	var asked []string
	for _, id := range idsOf(t, r) {
		asked = append(asked, id)
	}
	enough, seen := errors.New("enough"), 0
	err := r.Memberships(t.Context(), asked, func(source.Membership) error {
		if seen++; seen == 4 {
			return enough
		}
		return nil
	})
	require.True(t, err == enough, "the error must come back as it is, got %v", err)
	require.Equal(t, 4, seen, "yield was called again after its error")
}

func checkGroupCancellation(t *testing.T, s Groups) {
	var groups []Group
	for i := range 20 {
		groups = append(groups, Group{Name: fmt.Sprintf("Group %d", i), People: members(1, 200)})
	}
	r := s.open(t, People(200), groups...)
	var asked []string
	for _, id := range idsOf(t, r) {
		asked = append(asked, id)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := r.Memberships(ctx, asked, func(source.Membership) error {
		cancel()
		return nil
	})
	require.ErrorIs(t, err, context.Canceled, "the context ended before everything was told")

	_, err = r.Groups(ctx)
	require.ErrorIs(t, err, context.Canceled)
	_, err = r.MembershipsOf(ctx, "E00001", asked)
	require.ErrorIs(t, err, context.Canceled)
	err = r.Memberships(ctx, asked, func(m source.Membership) error {
		require.Error(t, m.Err, "an ended context says nothing about a group")
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)

	in, err := r.MembershipsOf(t.Context(), "E00001", asked)
	require.NoError(t, err, "one caller's end must not spoil the store for the next")
	require.ElementsMatch(t, asked, in)
}

func checkCut(t *testing.T, s Groups) {
	if s.Cut == nil {
		t.Skip("the store cannot be broken so")
	}
	people, groups := People(500), []Group{{Name: "Whole", People: members(1, 3)}, {Name: "Cut", People: members(1, 500)}}
	ids := idsOf(t, s.open(t, people, groups...))
	r := reader(t, s.Cut(t, people, groups, "Cut"))
	// Ids may be those of each store itself.
	if all, err := r.Groups(t.Context()); err == nil {
		for _, g := range all {
			ids[g.Name] = g.ID
		}
	}
	told := false
	err := r.Memberships(t.Context(), []string{ids["Cut"], ids["Whole"]}, func(m source.Membership) error {
		switch {
		case m.Group.ID == ids["Cut"]:
			told = true
			require.Error(t, m.Err, "members that were not read to their end are told as if they were all")
			require.False(t, fault.Is(m.Err, fault.GroupNotFound))
		case m.Err == nil:
			require.ElementsMatch(t, members(1, 3), m.People)
		}
		return nil
	})
	require.True(t, told || err != nil, "neither the group nor the read has an error")
	if in, err := r.MembershipsOf(t.Context(), "E00499", []string{ids["Cut"]}); err == nil {
		require.Equal(t, []string{ids["Cut"]}, in, "a member who was not seen is told to be in no group")
	}
}

func checkGroupConcurrency(t *testing.T, s Groups) {
	people := People(60)
	r := s.open(t, people, Group{Name: "Even", People: members(1, 30)}, Group{Name: "Odd", People: members(31, 60)})
	ids := idsOf(t, r)
	asked := []string{ids["Even"], ids["Odd"]}
	var wait sync.WaitGroup
	failures := make(chan error, 8)
	for g := range cap(failures) {
		wait.Go(func() {
			for i := range 15 {
				at := (g*7 + i*11) % len(people)
				got, err := r.MembershipsOf(t.Context(), people[at].ID, asked)
				if want := asked[at/30]; err == nil && !slices.Equal(got, []string{want}) {
					err = fmt.Errorf("%s is in %v and not in %s alone", people[at].ID, got, want)
				}
				if err == nil && i == 7 {
					err = r.Memberships(t.Context(), asked, func(m source.Membership) error {
						if m.Err == nil && len(m.People) != 30 {
							return fmt.Errorf("%d members", len(m.People))
						}
						return m.Err
					})
				}
				if err != nil {
					failures <- err
					return
				}
			}
		})
	}
	wait.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
}
