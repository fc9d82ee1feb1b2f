package devserver_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/entraflow/entraflow/internal/devserver"
)

// script writes an executable shell script.
func script(t *testing.T, path, body string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700))
	return path
}

// repository is a directory that looks like a checkout, and one below it.
func repository(t *testing.T) (root, below string) {
	t.Helper()
	root = t.TempDir()
	below = filepath.Join(root, "examples", "contoso")
	require.NoError(t, os.MkdirAll(below, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), []byte("module github.com/entraflow/entraflow\n"), 0o600))
	return root, below
}

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestTheNamedBinaryComesFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	named := script(t, filepath.Join(dir, "named", "temporal-of-mine"), "exit 0")
	script(t, filepath.Join(dir, "bin", "temporal"), "exit 0")

	got, err := devserver.Locator{
		Getenv: environment(map[string]string{"TEMPORAL_CLI": named, "PATH": filepath.Join(dir, "bin")}),
	}.Locate(t.Context())
	require.NoError(t, err)
	require.Equal(t, named, got)

	_, err = devserver.Locator{
		Getenv: environment(map[string]string{"TEMPORAL_CLI": filepath.Join(dir, "nothing")}),
	}.Locate(t.Context())
	require.ErrorContains(t, err, "TEMPORAL_CLI names")
}

func TestThePathComesSecond(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := script(t, filepath.Join(dir, "temporal"), "exit 0")
	got, err := devserver.Locator{Getenv: environment(map[string]string{"PATH": "/nowhere:" + dir})}.Locate(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestWithoutABinaryTheRepositoryBuildsOne(t *testing.T) {
	t.Parallel()
	root, below := repository(t)
	built := script(t, filepath.Join(root, "cache", "temporal"), "exit 0")
	bin := filepath.Dir(script(t, filepath.Join(root, "bin", "go"), `
[ "$*" = "tool -modfile=tools/go.mod -n temporal" ] || { echo "unexpected: $*" >&2; exit 1; }
[ "$PWD" = "`+root+`" ] || { echo "in $PWD" >&2; exit 1; }
while [ ! -e go-on ]; do read -t 0.01 x < /dev/tty 2>/dev/null || :; done
echo `+built))

	// The build waits for the second message, so what is said while it runs is seen without waiting for the clock.
	var said []string
	var once sync.Once
	got, err := devserver.Locator{
		Getenv: environment(map[string]string{"PATH": bin}), Dir: below, Tick: 5 * time.Millisecond,
		Progress: func(s string) {
			said = append(said, s)
			if len(said) == 2 {
				once.Do(func() { require.NoError(t, os.WriteFile(filepath.Join(root, "go-on"), nil, 0o600)) })
			}
		},
	}.Locate(t.Context())
	require.NoError(t, err)
	require.Equal(t, built, got)
	require.Contains(t, said[0], "only the first time")
	require.Contains(t, said[1], "still building")
}

func TestWhatKeepsABinaryFromBeingFound(t *testing.T) {
	t.Parallel()
	root, below := repository(t)
	failing := filepath.Dir(script(t, filepath.Join(root, "bin", "go"), "echo 'no such module' >&2; exit 1"))

	for name, test := range map[string]struct {
		locator devserver.Locator
		missing bool
		says    string
	}{
		"outside the repository": {devserver.Locator{Getenv: environment(nil), Dir: t.TempDir()}, true, "not inside the entraflow repository"},
		"no go to build it with": {devserver.Locator{Getenv: environment(nil), Dir: below}, true, "neither temporal nor go"},
		"a build that fails":     {devserver.Locator{Getenv: environment(map[string]string{"PATH": failing}), Dir: below}, false, "no such module"},
	} {
		_, err := test.locator.Locate(context.Background())
		require.ErrorContains(t, err, test.says, name)
		if test.missing {
			require.ErrorIs(t, err, devserver.ErrNoBinary, name)
		}
	}
}

func TestBuildsOfOneCheckoutWaitForOneAnother(t *testing.T) {
	t.Parallel()
	root, below := repository(t)
	built := script(t, filepath.Join(root, "cache", "temporal"), "exit 0")
	bin := filepath.Dir(script(t, filepath.Join(root, "bin", "go"), `
mkdir busy || { echo "somebody builds already" >&2; exit 1; }
i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done
echo x >> builds
rmdir busy
echo `+built))
	locator := devserver.Locator{Getenv: environment(map[string]string{"PATH": bin + ":/usr/bin:/bin"}), Dir: below}
	var all errgroup.Group
	for range 4 {
		all.Go(func() error {
			got, err := locator.Locate(context.Background())
			if err == nil && got != built {
				err = errors.New(got)
			}
			return err
		})
	}
	require.NoError(t, all.Wait())
	builds, err := os.ReadFile(filepath.Join(root, "builds"))
	require.NoError(t, err)
	require.Equal(t, "x\nx\nx\nx\n", string(builds))

	// Whoever gives up does not wait.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = locator.Locate(ctx)
	require.Error(t, err)
}
