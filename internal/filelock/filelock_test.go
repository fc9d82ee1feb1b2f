package filelock_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/filelock"
)

func TestALockIsHeldByOneAndFreeAfterwards(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "up.lock")

	first, err := filelock.Try(path)
	require.NoError(t, err)
	require.Equal(t, os.Getpid(), filelock.Holder(path), "the file names the process")

	_, err = filelock.Try(path)
	require.ErrorIs(t, err, filelock.ErrHeld)

	require.NoError(t, first.Release())
	require.NoError(t, filelock.Wait(path), "nobody holds it any more")
	second, err := filelock.Try(path)
	require.NoError(t, err)
	require.NoError(t, second.Release())
}

func TestWaitReturnsOnlyWhenTheHolderIsGone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "temporal.lock")
	held, err := filelock.Try(path)
	require.NoError(t, err)

	gone := make(chan error, 1)
	go func() { gone <- filelock.Wait(path) }()
	select {
	case <-gone:
		t.Fatal("Wait returned while the lock was held")
	default:
	}
	require.NoError(t, held.Release())
	require.NoError(t, <-gone)
}

func TestHolderOfNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none.lock")
	require.Zero(t, filelock.Holder(path))
	require.NoError(t, os.WriteFile(path, []byte("not a number"), 0o600))
	require.Zero(t, filelock.Holder(path))
}

// Whoever can write to the folder of a lock must not choose which file is emptied, or make somebody wait for ever.
func TestALinkOrAPipeIsNoLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target := filepath.Join(dir, "precious")
	require.NoError(t, os.WriteFile(target, []byte("kept"), 0o600))
	require.NoError(t, os.Symlink(target, filepath.Join(dir, "link")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	for _, name := range []string{"link", "pipe"} {
		_, err := filelock.Try(filepath.Join(dir, name))
		require.Error(t, err, name)
	}
	kept, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "kept", string(kept))
}
