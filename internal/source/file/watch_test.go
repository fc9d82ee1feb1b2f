package file_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/file"
)

// A change is told once the file has been quiet, once, and also when it happened while nobody was watching.
func TestWatch(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "people.csv")
	write := func(text string) {
		require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
		require.NoError(t, os.Rename(path+".new", path))
	}
	write("id\n1\n")
	s, err := file.Open(*file.At(path), file.Options{Quiet: 100 * time.Millisecond})
	require.NoError(t, err)
	told := make(chan source.Changes)
	watch := func(after source.Position) (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- s.(source.Watcher).Watch(ctx, after, func(c source.Changes) error { told <- c; return nil })
		}()
		return func() {
			cancel()
			require.ErrorIs(t, <-done, context.Canceled)
		}
	}
	stop := watch(nil)
	first := <-told
	require.False(t, first.Everybody)
	require.NotEmpty(t, first.Position)
	write("id\n1\n2\n")
	second := <-told
	require.True(t, second.Everybody)
	require.NotEqual(t, first.Position, second.Position)
	require.NoError(t, os.Remove(path))
	select {
	case c := <-told:
		require.Fail(t, "told of a file that is not there", "%+v", c)
	case <-time.After(300 * time.Millisecond):
	}
	stop()

	write("id\n1\n2\n3\n")
	stop = watch(second.Position)
	require.True(t, (<-told).Everybody, "changed while nobody was watching")
	stop()
}
