package config_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
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
		write("lines", "one\ntwo\n\n"): "one\ntwo",
	} {
		got, err := config.Secret(context.Background(), ref)
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
		"Hunter2":      "",
		"env:Hunter-2": "",
		"file:":        "",
		"":             "",
	} {
		_, err := config.Secret(context.Background(), ref)
		f := fault.Of(err)
		require.Equal(t, fault.SecretUnreadable, f.Reason, ref)
		require.Equal(t, fault.Denied, f.Kind)
		require.Equal(t, subject, f.Subject)
		require.NotContains(t, f.Error(), "Hunter")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := config.Secret(ctx, "env:ENTRAFLOW_TEST_SECRET")
	require.ErrorIs(t, err, context.Canceled)
}
