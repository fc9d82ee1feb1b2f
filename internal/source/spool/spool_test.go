package spool_test

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/sourcetest"
	"github.com/entraflow/entraflow/internal/source/spool"
)

// Whatever a copy is kept in, it is a source like any other.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]spool.Options{"in memory": {}, "on disk": {Memory: 1}, "both": {Memory: 10_000}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sourcetest.Run(t, func(t *testing.T, people []sourcetest.Person) source.Source {
				return copyOf(t, sourcetest.NewDirectory(people), options)
			})
		})
	}
}

func copyOf(t *testing.T, from source.Source, o spool.Options) *spool.Copy {
	if o.Directory == "" {
		o.Directory = t.TempDir()
	}
	c, err := spool.Read(t.Context(), from, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// Nothing of a record is lost on the way: whatever is added to records must be kept, too.
func TestEveryFieldOfARecordIsKept(t *testing.T) {
	t.Parallel()
	full := source.Record{ID: "1", Enabled: true, EnabledErr: fault.New("", fault.Invalid, fault.EnabledUnreadable, "enabled"), Doubt: true, Fields: map[string]any{"text": "b"}}
	for i := range reflect.TypeOf(full).NumField() {
		require.False(t, reflect.ValueOf(full).Field(i).IsZero(), "the test knows nothing of %s", reflect.TypeOf(full).Field(i).Name)
	}
	got, _, err := copyOf(t, records{full}, spool.Options{}).Get(t.Context(), "1")
	require.NoError(t, err)
	require.Equal(t, fault.Of(full.EnabledErr).Reason, fault.Of(got.EnabledErr).Reason)
	got.EnabledErr = full.EnabledErr
	require.Equal(t, full, got)
}

// The values keep their types, whole numbers apart from decimal ones.
func TestValuesKeepTheirTypes(t *testing.T) {
	t.Parallel()
	fields := map[string]any{
		"text": "<ä>\u2028", "whole": int64(9007199254740993), "decimal": 5.0, "small": 1e-300, "flag": true, "list": []any{int64(1), 2.5, "x", []any{}},
		"object": map[string]any{"given": "Ann", "n": 3.0, "deep": map[string]any{"flag": false}}, "empty": "",
	}
	from := records{{ID: "1", Enabled: true, Fields: fields}, {ID: "2", Fields: map[string]any{"more": "x"}}}
	for _, memory := range []int{0, 1} {
		c := copyOf(t, from, spool.Options{Memory: memory})
		one, _, err := c.Get(t.Context(), "1")
		require.NoError(t, err)
		require.Equal(t, "", one.Fields["more"], "a column that only somebody else has reads as empty")
		delete(one.Fields, "more")
		require.Equal(t, fields, one.Fields)
		columns, err := c.Columns(t.Context())
		require.NoError(t, err)
		require.True(t, columns.Has("more"))
	}
}

// What is wrong with a source's ids makes the copy unusable, as it does a file.
func TestBadIDs(t *testing.T) {
	t.Parallel()
	for reason, from := range map[fault.Reason]records{
		fault.SourceIDEmpty: {{ID: ""}}, fault.SourceIDDuplicate: {{ID: "1"}, {ID: "2"}, {ID: "1"}},
	} {
		_, err := spool.Read(t.Context(), from, spool.Options{})
		require.True(t, fault.Is(err, reason), "got %v", err)
		require.Equal(t, fault.Invalid, fault.KindOf(err))
	}
}

// A read that breaks off leaves no copy, and nothing of it on the disk.
func TestABrokenReadLeavesNothing(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	d := sourcetest.NewDirectory(sourcetest.People(100))
	d.Break(50)
	_, err := spool.Read(t.Context(), d, spool.Options{Memory: 1, Directory: directory})
	require.True(t, fault.Is(err, fault.SourceIncomplete), "got %v", err)
	require.Empty(t, entries(t, directory))
}

// A plan costs a live store one listing, and no single request, however many people are read from its copy.
func TestALiveStoreIsReadOnce(t *testing.T) {
	t.Parallel()
	d := sourcetest.NewDirectory(sourcetest.People(200))
	planned, release, err := spool.ForPlan(t.Context(), d)
	require.NoError(t, err)
	defer release()
	before := d.Requests()
	for range 3 {
		_, err = planned.List(t.Context(), func(r source.Record) error {
			_, _, err := planned.Get(t.Context(), r.ID)
			return err
		})
		require.NoError(t, err)
	}
	require.Equal(t, before, d.Requests())
	release()
	_, _, err = planned.Get(t.Context(), "E00001")
	require.True(t, fault.Is(err, fault.SourceChanged), "a copy that was given up says nothing about anybody: %v", err)
}

// The disk never holds anything that can be read, and the file has no name while it is used.
func TestNothingReadableOnDisk(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("looks at the open file through /proc")
	}
	directory := t.TempDir()
	copyOf(t, sourcetest.NewDirectory(sourcetest.People(300)), spool.Options{Memory: 1, Directory: directory})
	require.Empty(t, entries(t, directory))
	open, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	found := false
	for _, fd := range open {
		if target, _ := os.Readlink(fd); !strings.HasPrefix(target, directory) {
			continue
		}
		found = true
		text, err := os.ReadFile(fd)
		require.NoError(t, err)
		require.NotEmpty(t, text)
		require.False(t, bytes.Contains(text, []byte("Surname")) || bytes.Contains(text, []byte("Sales")), "the file is not sealed")
	}
	require.True(t, found)
}

// A process that is killed leaves nothing behind.
func TestKilled(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file keeps its name there; it is sealed all the same")
	}
	if directory := os.Getenv("SPOOL_TEST_DIRECTORY"); directory != "" {
		copyOf(t, sourcetest.NewDirectory(sourcetest.People(300)), spool.Options{Memory: 1, Directory: directory})
		os.Stdout.WriteString("ready\n")
		select {}
	}
	directory := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	child.Env = append(os.Environ(), "SPOOL_TEST_DIRECTORY="+directory)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	require.Empty(t, entries(t, directory))
}

func entries(t *testing.T, directory string) []os.DirEntry {
	found, err := os.ReadDir(directory)
	require.NoError(t, err)
	return found
}

// records is a source of records as they are.
type records []source.Record

func (r records) List(_ context.Context, yield func(source.Record) error) (source.Snapshot, error) {
	for _, one := range r {
		if err := yield(one); err != nil {
			return source.Snapshot{}, err
		}
	}
	return source.Snapshot{}, nil
}

func (r records) Columns(context.Context) (source.Columns, error) {
	return source.Columns{Names: []string{"text"}, Typed: true, HasEnabled: true}, nil
}

func (r records) Get(context.Context, string) (source.Record, source.Snapshot, error) {
	return source.Record{}, source.Snapshot{}, fault.New("read source", fault.Transient, fault.SourceUnreadable, "")
}

func (r records) Snapshot(context.Context) (source.Snapshot, error) { return source.Snapshot{}, nil }

// people is a live store without groups.
type people struct{ source.Live }

// Groups are those of the live store, whatever the copy is.
func TestGroupsAreReadLive(t *testing.T) {
	t.Parallel()
	d := sourcetest.NewDirectory(sourcetest.People(3))
	planned, release, err := spool.ForPlan(t.Context(), d)
	require.NoError(t, err)
	d.Set(sourcetest.People(2))
	d.SetGroups([]sourcetest.Group{{Name: "Sales", People: []string{"E00001", "E00003"}}})
	_, _, err = planned.Get(t.Context(), "E00003")
	require.NoError(t, err, "people are those of the copy")
	groups := planned.(source.GroupReader)
	all, err := groups.Groups(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	in, err := groups.MembershipsOf(t.Context(), "E00001", []string{all[0].ID})
	require.NoError(t, err)
	require.Equal(t, []string{all[0].ID}, in)
	release()
	_, _, err = planned.Get(t.Context(), "E00001")
	require.Error(t, err)

	planned, release, err = spool.ForPlan(t.Context(), people{d})
	require.NoError(t, err)
	defer release()
	_, ok := planned.(source.GroupReader)
	require.False(t, ok, "a store without groups has none in its copy")

	sourcetest.RunGroups(t, sourcetest.Groups{Open: func(t *testing.T, people []sourcetest.Person, groups []sourcetest.Group) source.Source {
		d := sourcetest.NewDirectory(people)
		d.SetGroups(groups)
		planned, release, err := spool.ForPlan(t.Context(), d)
		require.NoError(t, err)
		t.Cleanup(release)
		return planned
	}})
}
