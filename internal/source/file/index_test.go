package file_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/file"
)

// texts are one person, with a version, in each format.
var texts = map[string]func(version string) string{
	"p.csv":   func(v string) string { return "id,v\nE1," + v + "\nE2,x\n" },
	"p.json":  func(v string) string { return `[{"id":"E1","v":"` + v + `"},{"id":"E2","v":"x"}]` },
	"p.jsonl": func(v string) string { return `{"id":"E1","v":"` + v + `"}` + "\n" + `{"id":"E2","v":"x"}` + "\n" },
}

func TestGetSeesTheFileAsItIsNow(t *testing.T) {
	t.Parallel()
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := settled(t, name, []byte(text("one")))
			s := open(t, path)
			version := func() (any, source.Snapshot) {
				r, snapshot, err := s.Get(t.Context(), "E1")
				require.NoError(t, err)
				return r.Fields["v"], snapshot
			}
			v, first := version()
			require.Equal(t, "one", v)

			// Another file under the same name.
			replace(t, path, text("three"))
			v, second := version()
			require.Equal(t, "three", v)
			require.NotEqual(t, first.ID, second.ID)
			require.Greater(t, second.Version, first.Version)

			// Written over in place, with the same size, within the file system's clock tick.
			for i := range 50 {
				want := fmt.Sprintf("v%03d", i)
				require.NoError(t, os.WriteFile(path, []byte(text(want)), 0o600))
				v, _ = version()
				require.Equal(t, want, v)
			}

			require.NoError(t, os.Remove(path))
			_, _, err := s.Get(t.Context(), "E1")
			require.True(t, fault.Is(err, fault.SourceMissing), "a missing file says nothing about its people: %v", err)
		})
	}
}

func TestABrokenFileIsNoticedAndItsMending(t *testing.T) {
	t.Parallel()
	path := settled(t, "p.csv", []byte("id\nE1\nE1\n"))
	s := open(t, path)
	for range 3 {
		_, _, err := s.Get(t.Context(), "E2")
		require.True(t, fault.Is(err, fault.SourceIDDuplicate), "%v", err)
	}
	replace(t, path, "id\nE1\nE2\n")
	_, _, err := s.Get(t.Context(), "E2")
	require.NoError(t, err)
}

func TestListNoticesAChangeWhileItReads(t *testing.T) {
	t.Parallel()
	for name, text := range texts {
		for how, change := range map[string]func(path string){
			"replaced": func(path string) { replace(t, path, text("other")) },
			"appended": func(path string) {
				f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
				require.NoError(t, err)
				_, err = f.WriteString("\n")
				require.NoError(t, err)
				require.NoError(t, f.Close())
			},
			"cut":     func(path string) { require.NoError(t, os.Truncate(path, 3)) },
			"removed": func(path string) { require.NoError(t, os.Remove(path)) },
			"touched": func(path string) { require.NoError(t, os.Chtimes(path, time.Time{}, time.Now())) },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				path := settled(t, name, []byte(text("one")))
				s := open(t, path)
				changed := false
				snapshot, err := s.List(t.Context(), func(source.Record) error {
					if !changed {
						changed = true
						change(path)
					}
					return nil
				})
				require.True(t, fault.Is(err, fault.SourceChanged), "%v", err)
				require.Equal(t, fault.Stale, fault.KindOf(err))
				require.Zero(t, snapshot)
			})
		}
	}
}

// A file whose bytes change without any trace in its size and times must not give one person's data for another's.
func TestGetChecksThatTheRecordIsTheOneAskedFor(t *testing.T) {
	t.Parallel()
	path := settled(t, "p.csv", []byte("id,v\nE1,a\nE2,b\n"))
	before, err := os.Stat(path)
	require.NoError(t, err)
	s := open(t, path)
	_, _, err = s.Get(t.Context(), "E1")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("id,v\nE2,b\nE1,c\n"), 0o600))
	require.NoError(t, os.Chtimes(path, before.ModTime(), before.ModTime()))
	r, _, err := s.Get(t.Context(), "E1")
	require.NoError(t, err)
	require.Equal(t, "c", r.Fields["v"])
}

// A change so soon after the last one that the file system's clock did not move between them.
func TestGetSeesAChangeWithinOneTickOfTheClock(t *testing.T) {
	t.Parallel()
	for name, text := range texts {
		path := settled(t, name, []byte(text("one")))
		info, err := os.Stat(path)
		require.NoError(t, err)
		now := info.ModTime()
		indexes := file.Indexes{Now: func() time.Time {
			now = now.Add(time.Millisecond)
			return now
		}}
		s, err := file.Open(file.Settings{File: path}, file.Options{Indexes: &indexes})
		require.NoError(t, err)
		var seen []string
		for _, want := range []string{"one", "two", "six", "ten"} {
			require.NoError(t, os.WriteFile(path, []byte(text(want)), 0o600))
			require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
			r, snapshot, err := s.Get(t.Context(), "E1")
			require.NoError(t, err)
			require.Equal(t, want, r.Fields["v"])
			require.NotContains(t, seen, snapshot.ID)
			seen = append(seen, snapshot.ID)
		}
	}
}

// List of JSON takes its columns from the index, so it must notice that the index is of other content.
func TestListNoticesThatTheIndexIsOfOtherContent(t *testing.T) {
	t.Parallel()
	path := settled(t, "p.json", []byte(`[{"id":"E1","v":"a"}]`))
	before, err := os.Stat(path)
	require.NoError(t, err)
	s := open(t, path)
	_, err = s.Columns(t.Context())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(`[{"id":"E1","w":"a"}]`), 0o600))
	require.NoError(t, os.Chtimes(path, before.ModTime(), before.ModTime()))
	var fields map[string]any
	yield := func(r source.Record) error { fields = r.Fields; return nil }
	_, err = s.List(t.Context(), yield)
	require.True(t, fault.Is(err, fault.SourceChanged), "%v", err)
	_, err = s.List(t.Context(), yield)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"id": "E1", "w": "a"}, fields)
}

func TestAnErrorOfYieldComesBackAsItIsWhateverElseHappened(t *testing.T) {
	t.Parallel()
	path := settled(t, "p.csv", []byte("id\nE1\n"))
	ctx, cancel := context.WithCancel(t.Context())
	enough := errors.New("enough")
	_, err := open(t, path).List(ctx, func(source.Record) error {
		require.NoError(t, os.Remove(path))
		cancel()
		return enough
	})
	require.True(t, err == enough, "%v", err)
}

// Several wait for one reading of the file; that the first of them gives up is nothing to the others.
func TestOneReadingServesAllAndSurvivesTheFirst(t *testing.T) {
	t.Parallel()
	path := settled(t, "p.csv", []byte("id\nE1\n"))
	synctest.Test(t, func(t *testing.T) {
		calls, release := atomic.Int32{}, make(chan struct{})
		indexes := file.Indexes{Now: func() time.Time {
			// The first call is that of Get itself, the second the beginning of the reading.
			if calls.Add(1) == 2 {
				<-release
			}
			return time.Now()
		}}
		s, err := file.Open(file.Settings{File: path}, file.Options{Indexes: &indexes})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		get := func(ctx context.Context) chan error {
			done := make(chan error, 1)
			go func() {
				_, _, err := s.Get(ctx, "E1")
				done <- err
			}()
			synctest.Wait()
			return done
		}
		first, second, third := get(ctx), get(t.Context()), get(t.Context())
		cancel()
		require.ErrorIs(t, <-first, context.Canceled)
		close(release)
		require.NoError(t, <-second)
		require.NoError(t, <-third)
		require.LessOrEqual(t, calls.Load(), int32(5), "the file was read more than once")
	})
}

func TestGetsDuringReplacementsAreConsistent(t *testing.T) {
	t.Parallel()
	for name := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content := func(version int) string {
				var b strings.Builder
				pad := strings.Repeat("x", version%7*13)
				line := map[string]string{
					"p.csv":   "E%d,%d,%[4]s%[3]s\n",
					"p.json":  `{"id":"E%d","v":"%d","%[4]s":"%[3]s"}`,
					"p.jsonl": `{"id":"E%d","v":"%d","%[4]s":"%[3]s"}` + "\n",
				}[name]
				mark := ""
				switch name {
				case "p.csv":
					b.WriteString("id,v,pad\n")
				case "p.json":
					b.WriteString("[")
					mark = "pad"
				default:
					mark = "pad"
				}
				for i := range 50 {
					if i > 0 && name == "p.json" {
						b.WriteString(",\n")
					}
					fmt.Fprintf(&b, line, i, version, pad, mark)
				}
				if name == "p.json" {
					b.WriteString("]")
				}
				return b.String()
			}
			path := settled(t, name, []byte(content(0)))
			var indexes file.Indexes
			s, err := file.Open(file.Settings{File: path}, file.Options{Indexes: &indexes})
			require.NoError(t, err)

			var readers sync.WaitGroup
			stop := make(chan struct{})
			problems := make(chan error, 4)
			snapshots := sync.Map{} // snapshot id → the version it belongs to
			for g := range 4 {
				readers.Go(func() {
					for i := g; ; i++ {
						select {
						case <-stop:
							return
						default:
						}
						id := fmt.Sprintf("E%d", i%50)
						r, snapshot, err := s.Get(t.Context(), id)
						if fault.Is(err, fault.SourceChanged) {
							continue
						}
						if err != nil {
							problems <- err
							return
						}
						version := r.Fields["v"]
						if was, known := snapshots.LoadOrStore(snapshot.ID, version); r.ID != id || (known && was != version) {
							problems <- fmt.Errorf("%s asked, %s of version %v got, in the snapshot of version %v", id, r.ID, version, was)
							return
						}
					}
				})
			}
			for version := 1; version <= 60; version++ {
				replace(t, path, content(version))
				_, _, err := s.Get(t.Context(), "E1")
				require.True(t, err == nil || fault.Is(err, fault.SourceChanged), "%v", err)
			}
			close(stop)
			readers.Wait()
			close(problems)
			for err := range problems {
				require.NoError(t, err)
			}
		})
	}
}

// The index takes little memory: a worker may hold several of large organisations.
func TestIndexIsCompact(t *testing.T) {
	const people = 200_000
	var text strings.Builder
	text.WriteString("id,name\n")
	for i := range people {
		fmt.Fprintf(&text, "%08d-9a1c-4a77-8c55-0123456789ab,Somebody\n", i)
	}
	path := settled(t, "p.csv", []byte(text.String()))
	text.Reset()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var indexes file.Indexes
	s, err := file.Open(file.Settings{File: path}, file.Options{Indexes: &indexes})
	require.NoError(t, err)
	_, _, err = s.Get(t.Context(), "00000001-9a1c-4a77-8c55-0123456789ab")
	require.NoError(t, err)
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(&indexes)
	perPerson := (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / people
	t.Logf("%.1f bytes a person", perPerson)
	require.Less(t, perPerson, 100.0)
	require.Greater(t, perPerson, 16.0, "nothing was measured")
}

// replace puts a new file in the place of the old one, as a careful export does.
func replace(t testing.TB, path, text string) {
	next := filepath.Join(filepath.Dir(path), "next")
	require.NoError(t, os.WriteFile(next, []byte(text), 0o600))
	require.NoError(t, os.Rename(next, path))
}
