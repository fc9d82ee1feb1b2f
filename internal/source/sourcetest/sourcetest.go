// Package sourcetest is the conformance suite of identity stores: what every source.Source must do, whatever it reads.
//
// A store's test is one call:
//
//	sourcetest.Run(t, func(t *testing.T, people []sourcetest.Person) source.Source { … })
package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// Values of Person.Enabled.
const (
	Enabled  = "true"
	Disabled = "false"
	// Unreadable is neither. A store that cannot hold such a value calls t.Skip when it is asked to.
	Unreadable = "perhaps"
)

// Columns that every person of the suite has besides id and enabled.
var Columns = []string{"givenName", "surname", "department"}

// Person is one person that a store shall hold.
type Person struct {
	ID string
	// Enabled is one of the constants above, written as the store writes it.
	Enabled string
	// Fields has a value for each of Columns; "" is an empty one, in whatever way the store has of being empty.
	Fields map[string]string
}

// Open makes a store that holds exactly these people, in this order, with the columns id, enabled and Columns. An empty
// store has the same columns where the store can say so. What it takes up is given back through t.Cleanup. It may call
// t.Skip for people that the store cannot hold.
type Open = func(t *testing.T, people []Person) source.Source

// Run checks a store. Each check is a subtest with stores of its own.
func Run(t *testing.T, open Open) {
	for _, check := range []struct {
		name string
		run  func(*testing.T, Open)
	}{
		{"Columns", checkColumns},
		{"ColumnsCostNothingAPerson", checkColumnsCost},
		{"ListGivesEverybodyAndTheSnapshot", checkList},
		{"AnEmptyStoreIsComplete", checkEmpty},
		{"EmptyColumnsArePresent", checkEmptyColumns},
		{"TextIsCleanedAndElseKept", checkText},
		{"EnabledDisabledUnreadable", checkEnabled},
		{"GetEqualsList", checkGet},
		{"GetFindsByTheWholeID", checkNotFound},
		{"AnErrorOfYieldEndsTheRead", checkYieldError},
		{"AnEndedContextEndsTheRead", checkCancellation},
		{"SnapshotsTellContentApart", checkSnapshots},
		{"SnapshotIsThatOfAList", checkSnapshot},
		{"OrderDoesNotMatter", checkOrder},
		{"GetIsConcurrent", checkConcurrency},
		{"GetCostsTheSameInALargeStore", checkCost},
	} {
		t.Run(check.name, func(t *testing.T) {
			t.Parallel()
			check.run(t, open)
		})
	}
}

// People makes n enabled people with ids E00001 and up.
func People(n int) []Person {
	people := make([]Person, n)
	for i := range people {
		people[i] = Person{ID: fmt.Sprintf("E%05d", i+1), Enabled: Enabled, Fields: map[string]string{
			"givenName": fmt.Sprintf("Given%d", i+1), "surname": fmt.Sprintf("Surname%d", i+1), "department": "Sales",
		}}
	}
	return people
}

// list reads everybody.
func list(t *testing.T, s source.Source) ([]source.Record, source.Snapshot) {
	t.Helper()
	var all []source.Record
	snapshot, err := s.List(t.Context(), func(r source.Record) error {
		all = append(all, r)
		return nil
	})
	require.NoError(t, err)
	return all, snapshot
}

// readFrom makes sure that a single read was from the state that a listing saw: a person counts as not found only together
// with the snapshot in which they were not. A live store cannot say so, and must then not look older than the listing.
func readFrom(t *testing.T, s source.Source, listed, got source.Snapshot) {
	t.Helper()
	if _, live := s.(source.Live); live {
		require.False(t, got.Older(listed.Version))
		return
	}
	require.Equal(t, listed, got)
}

func checkColumns(t *testing.T, open Open) {
	columns, err := open(t, People(3)).Columns(t.Context())
	require.NoError(t, err)
	for _, name := range Columns {
		require.True(t, columns.Has(name), "column %s is missing", name)
	}
	require.True(t, columns.HasEnabled)
	require.False(t, columns.Has("no such column"))
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(columns.Names))), len(columns.Names), "a column is listed twice")
}

// checkColumnsCost: the columns are asked for with each person that is read.
func checkColumnsCost(t *testing.T, open Open) {
	s := open(t, People(20))
	counted, ok := s.(interface{ Requests() int64 })
	if !ok {
		t.Skip("the store does not count its requests")
	}
	_, err := s.Columns(t.Context())
	require.NoError(t, err)
	before := counted.Requests()
	for range 50 {
		_, err := s.Columns(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, before, counted.Requests(), "the columns were asked of the server again")
}

func checkList(t *testing.T, open Open) {
	people := People(700)
	s := open(t, people)
	all, snapshot := list(t, s)
	require.Equal(t, sortedIDs(people), recordIDs(all))
	require.Equal(t, len(people), snapshot.Count)
	require.NotEmpty(t, snapshot.ID, "without an id the read is not marked as complete")

	columns, err := s.Columns(t.Context())
	require.NoError(t, err)
	for _, r := range all {
		for _, name := range columns.Names {
			require.Contains(t, r.Fields, name, "Columns names it, %s lacks it", r.ID)
		}
	}
}

func checkEmpty(t *testing.T, open Open) {
	s := open(t, nil)
	all, snapshot := list(t, s)
	require.Empty(t, all)
	require.Zero(t, snapshot.Count)
	require.NotEmpty(t, snapshot.ID)
	_, got, err := s.Get(t.Context(), "E00001")
	require.True(t, fault.Is(err, fault.PersonNotFound), "got %v", err)
	readFrom(t, s, snapshot, got)
}

func checkEmptyColumns(t *testing.T, open Open) {
	people := People(3)
	people[1].Fields = map[string]string{"givenName": "", "surname": "", "department": ""}
	s := open(t, people)
	all, _ := list(t, s)
	one, _, err := s.Get(t.Context(), people[1].ID)
	require.NoError(t, err)
	for _, r := range append(all, one) {
		for _, name := range Columns {
			value, present := r.Fields[name]
			require.True(t, present, "%s lacks %s", r.ID, name)
			if r.ID == people[1].ID {
				require.Equal(t, "", value)
			}
		}
	}
}

func checkText(t *testing.T, open Open) {
	values := []string{
		"Zoë", "Nguyễn Thị Hương", "Łukasz", "Ğülşen", "Иван", "小林", "עברית", "👩🏽‍🚀", "Zoe\u0308",
		"O'Brien", `"quoted"`, "comma, semicolon; tab\tbar|", "back\\slash", "{brace} [bracket]", "two\nlines", "=1+1", "007", "null",
		" inside  spaces ", "true", "\u00a0no-break\u200b", "\ufeffmarked",
	}
	people := People(len(values))
	for i, v := range values {
		people[i].Fields["givenName"] = v
	}
	people[0].ID = "ü/ö ?#%ß"
	s := open(t, people)
	all, _ := list(t, s)
	byID := map[string]source.Record{}
	for _, r := range all {
		byID[r.ID] = r
	}
	for i, v := range values {
		v = source.Clean(v)
		require.Equal(t, v, byID[people[i].ID].Fields["givenName"])
		one, _, err := s.Get(t.Context(), people[i].ID)
		require.NoError(t, err)
		require.Equal(t, v, one.Fields["givenName"])
	}
}

func checkEnabled(t *testing.T, open Open) {
	people := People(3)
	people[1].Enabled, people[2].Enabled = Disabled, Unreadable
	s := open(t, people)
	all, snapshot := list(t, s)
	require.Equal(t, 3, snapshot.Count, "one person's unreadable value must not fail the read")
	for _, r := range all {
		one, _, err := s.Get(t.Context(), r.ID)
		require.NoError(t, err)
		for _, r := range []source.Record{r, one} {
			if r.ID == people[2].ID {
				require.True(t, fault.Is(r.EnabledErr, fault.EnabledUnreadable), "got %v", r.EnabledErr)
				require.NotContains(t, r.EnabledErr.Error(), Unreadable, "an error must not hold contents")
				continue
			}
			require.NoError(t, r.EnabledErr)
			require.Equal(t, r.ID == people[0].ID, r.Enabled)
		}
	}
}

func checkGet(t *testing.T, open Open) {
	people := People(300)
	people[7].Enabled = Disabled
	s := open(t, people)
	all, snapshot := list(t, s)
	for _, want := range all {
		got, at, err := s.Get(t.Context(), want.ID)
		require.NoError(t, err)
		require.Equal(t, want, got)
		readFrom(t, s, snapshot, at)
	}
	// Without a List before it, the answer is the same.
	fresh := open(t, people)
	got, _, err := fresh.Get(t.Context(), people[7].ID)
	require.NoError(t, err)
	require.Equal(t, people[7].ID, got.ID)
	require.False(t, got.Enabled)
}

func checkNotFound(t *testing.T, open Open) {
	s := open(t, People(20))
	_, snapshot := list(t, s)
	for _, id := range []string{"", "E", "E0001", "E000010", "e00001", "E00021", "*", "E00001 or true"} {
		_, at, err := s.Get(t.Context(), id)
		require.True(t, fault.Is(err, fault.PersonNotFound), "id %q: got %v", id, err)
		require.Equal(t, fault.NotFound, fault.KindOf(err))
		readFrom(t, s, snapshot, at)
	}
}

func checkYieldError(t *testing.T, open Open) {
	s := open(t, People(50))
	enough := errors.New("enough")
	seen := 0
	snapshot, err := s.List(t.Context(), func(source.Record) error {
		if seen++; seen == 10 {
			return enough
		}
		return nil
	})
	require.True(t, err == enough, "the error must come back as it is, got %v", err)
	require.Equal(t, 10, seen, "yield was called again after its error")
	require.Zero(t, snapshot, "a read that was not complete has no snapshot")
}

func checkCancellation(t *testing.T, open Open) {
	const n = 3000
	s := open(t, People(n))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := 0
	snapshot, err := s.List(ctx, func(source.Record) error {
		seen++
		cancel()
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, snapshot)
	require.Less(t, seen, n, "everybody was read although the context had ended")

	_, _, err = s.Get(ctx, "no such id")
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, fault.Is(err, fault.PersonNotFound), "an ended context says nothing about the person")

	_, _, err = s.Get(t.Context(), "E00001")
	require.NoError(t, err, "one caller's end must not spoil the store for the next")
}

func checkSnapshots(t *testing.T, open Open) {
	people := People(10)
	s := open(t, people)
	_, first := list(t, s)
	_, again := list(t, s)
	require.Equal(t, first, again)

	changed := People(10)
	changed[3].Fields["department"] = "Sálès"
	fewer := People(9)
	disabled := People(10)
	disabled[0].Enabled = Disabled
	ids := []string{first.ID}
	for _, other := range [][]Person{changed, fewer, disabled} {
		_, snapshot := list(t, open(t, other))
		require.NotContains(t, ids, snapshot.ID, "other content, same snapshot")
		ids = append(ids, snapshot.ID)
	}
}

func checkSnapshot(t *testing.T, open Open) {
	s := open(t, People(10))
	now, err := s.Snapshot(t.Context())
	require.NoError(t, err)
	_, listed := list(t, s)
	if _, live := s.(source.Live); live {
		require.NotEmpty(t, listed.ID, "a complete read has an id")
		return
	}
	require.Equal(t, listed, now)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = open(t, People(10)).Snapshot(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func checkOrder(t *testing.T, open Open) {
	people := People(40)
	reversed := slices.Clone(people)
	slices.Reverse(reversed)
	a, _ := list(t, open(t, people))
	b, _ := list(t, open(t, reversed))
	require.ElementsMatch(t, a, b)
}

func checkConcurrency(t *testing.T, open Open) {
	people := People(200)
	s := open(t, people)
	_, live := s.(source.Live)
	var wait sync.WaitGroup
	failures := make(chan error, 16)
	for g := range cap(failures) {
		wait.Go(func() {
			for i := range 50 {
				want := people[(g*37+i*11)%len(people)]
				got, snapshot, err := s.Get(t.Context(), want.ID)
				if err == nil && (got.ID != want.ID || got.Fields["surname"] != want.Fields["surname"] || !live && snapshot.Count != len(people)) {
					err = fmt.Errorf("asked for %s, got %s of %d people", want.ID, got.ID, snapshot.Count)
				}
				if err == nil && i == 25 {
					_, err = s.List(t.Context(), func(source.Record) error { return nil })
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

// checkCost tells a store that reads one person from one that reads everybody each time: the second takes about twenty
// times as long for twenty times the people.
func checkCost(t *testing.T, open Open) {
	if testing.Short() {
		t.Skip("measures time")
	}
	const small, large, gets, tries = 1000, 20000, 300, 3
	cost := func(s source.Source, n int) time.Duration {
		best := time.Duration(1<<63 - 1)
		for range tries {
			began := time.Now()
			for i := range gets {
				_, _, err := s.Get(t.Context(), fmt.Sprintf("E%05d", 1+i*(n/gets)))
				require.NoError(t, err)
			}
			best = min(best, time.Since(began))
		}
		return best
	}
	a, b := open(t, People(small)), open(t, People(large))
	_, _, err := a.Get(t.Context(), "E00001")
	require.NoError(t, err)
	_, _, err = b.Get(t.Context(), "E00001")
	require.NoError(t, err)
	ca, cb := cost(a, small), cost(b, large)
	require.Less(t, cb, 8*ca, "%d gets took %v of %d people and %v of %d", gets, ca, small, cb, large)
}

func sortedIDs(people []Person) []string {
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = p.ID
	}
	slices.Sort(ids)
	return ids
}

func recordIDs(records []source.Record) []string {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	slices.Sort(ids)
	return ids
}
