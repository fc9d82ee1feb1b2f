package devserver_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/devserver"
)

func TestADirectoryIsTriedAndLeftAsItWas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, devserver.Writable(dir))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	err = devserver.Writable(filepath.Join(dir, "gone"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "gone cannot be written to")
}
