package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// complete gives what a shell would be offered.
func (b *bench) complete(args ...string) []string {
	b.t.Helper()
	r := b.run(append([]string{"__complete"}, args...)...)
	require.Zero(b.t, r.status, r.stderr)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	return lines[:len(lines)-1] // the last line is for the script
}

func TestScriptsForShells(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for shell, says := range map[string]string{"bash": "complete -o default", "zsh": "#compdef starter", "fish": "complete -c starter"} {
		r := b.run("completion", shell)
		require.Zero(t, r.status, r.stderr)
		require.Contains(t, r.stdout, says)
	}
	r := b.run("completion", "tcsh")
	require.Equal(t, 2, r.status)
	b.untouched()
}

// Without a Temporal that answers, a shell is offered no names, and sees no complaint on its line.
func TestCompletionWithoutTemporalIsSilent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.environ = append(b.environ, "TEMPORAL_ADDRESS=127.0.0.1:1")
	require.Empty(t, b.complete("connection", "show", ""))
	require.Empty(t, b.complete("sync", "--rule", ""))
	require.Contains(t, strings.Join(b.complete("user", ""), " "), "deprovision")
	b.untouched()
}

func TestNamesAreCompletedFromTheRunningTemporal(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	up := b.start("up", "-f", b.config)
	up.until("running; Ctrl-C stops everything")
	require.Equal(t, []string{"globex"}, b.complete("connection", "show", ""))
	require.Equal(t, []string{"globex"}, b.complete("user", "show", ""))
	require.Empty(t, b.complete("user", "show", "globex", ""))
	require.Equal(t, []string{"globex"}, b.complete("sync", "--connection", ""))
	require.Equal(t, []string{"staff"}, b.complete("sync", "--connection", "globex", "--rule", ""))
	require.Equal(t, []string{"staff"}, b.complete("rule", "delete", "globex", ""))
	require.Equal(t, []string{"globex", "staff"}, b.complete("rule", "enable", ""))
	require.Zero(t, up.end(), up.stderr)
}
