package secret_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/secret"
)

func TestSecret(t *testing.T) {
	t.Setenv("ENTRAFLOW_TEST_SECRET", "from the environment")
	t.Setenv("ENTRAFLOW_TEST_EMPTY", "")
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return "file:" + path
	}
	for ref, want := range map[string]string{
		"env:ENTRAFLOW_TEST_SECRET":    "from the environment",
		write("plain", "from a file"):  "from a file",
		write("unix", "a b \n"):        "a b ",
		write("windows", "x\r\n"):      "x",
		write("mark", "\ufeffx\n"):     "x",
		write("lines", "one\ntwo\n\n"): "one\ntwo",
	} {
		got, err := secret.Store{}.Read(context.Background(), ref, fault.SecretUnreadable)
		require.NoError(t, err, ref)
		require.Equal(t, want, got)
	}
	for ref, subject := range map[string]string{
		"env:ENTRAFLOW_TEST_NOT_SET":                 "env:ENTRAFLOW_TEST_NOT_SET",
		"env:ENTRAFLOW_TEST_EMPTY":                   "env:ENTRAFLOW_TEST_EMPTY",
		"file:" + dir + "/nothing":                   "file:" + dir + "/nothing",
		"file:" + dir:                                "file:" + dir,
		write("empty", "\n"):                         "file:" + dir + "/empty",
		write("large", strings.Repeat("x", 100_000)): "file:" + dir + "/large",
		write("utf16", "\xff\xfex\x00y\x00"):         "file:" + dir + "/utf16",
		"Hunter2":                                    "",
		"env:Hunter-2":                               "",
		"file:":                                      "",
		"":                                           "",
	} {
		_, err := secret.Store{}.Read(context.Background(), ref, fault.SecretUnreadable)
		f := fault.Of(err)
		require.Equal(t, fault.SecretUnreadable, f.Reason, ref)
		require.Equal(t, fault.Denied, f.Kind)
		require.Equal(t, subject, f.Subject)
		require.NotContains(t, f.Error(), "Hunter")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := secret.Store{}.Read(ctx, "env:ENTRAFLOW_TEST_SECRET", fault.SecretUnreadable)
	require.ErrorIs(t, err, context.Canceled)
}

// A pipe has no end until somebody writes to it: a connection test would wait for ever.
func TestPipesAndFoldersAreNoSecrets(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	for _, ref := range []string{"file:" + path, "file:" + filepath.Dir(path), "file:/dev/zero"} {
		_, err := secret.Store{}.Read(context.Background(), ref, fault.CertificateUnreadable)
		require.Equal(t, fault.CertificateUnreadable, fault.Of(err).Reason, ref)
	}
}

func TestSecretsWithinTheRoot(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "..data"), []byte("kept\n"), 0o600))
	require.NoError(t, os.Symlink("..data", filepath.Join(root, "secret")))
	store := secret.Store{Root: root}
	got, err := store.Read(context.Background(), "file:"+filepath.Join(root, "secret"), fault.SecretUnreadable)
	require.NoError(t, err)
	require.Equal(t, "kept", got)
	_, err = store.Read(context.Background(), "file:"+filepath.Join(root, "missing"), fault.SecretUnreadable)
	require.Equal(t, fault.SecretUnreadable, fault.Of(err).Reason)
	_, err = store.Read(context.Background(), "file:/etc/passwd", fault.SecretUnreadable)
	require.Equal(t, fault.SecretNotAllowed, fault.Of(err).Reason)
	_, err = secret.Store{Root: filepath.Join(root, "gone")}.Read(context.Background(), "file:/etc/passwd", fault.SecretUnreadable)
	require.Equal(t, fault.SecretNotAllowed, fault.Of(err).Reason, "a root that does not exist allows nothing")
}
