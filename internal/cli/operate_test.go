package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/devserver"
)

func TestARunningUpIsOperatedByTheOtherCommands(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	up := b.start("up", "-f", b.config)
	up.until("running; Ctrl-C stops everything")
	require.Contains(t, up.stdout.String(), "/workflows/sync%2Fglobex%2Fstaff", "each sync has a link")

	r := b.run("up", "-f", b.config)
	require.Equal(t, 2, r.status)
	require.Contains(t, r.stderr, "another `up` runs in this directory (process ")

	var list struct {
		Connections []struct{ Name, State string }
	}
	b.ok(&list, "connection", "list")
	require.Len(t, list.Connections, 1)
	require.Equal(t, "active", list.Connections[0].State)
	var shown struct {
		State  string
		Config struct{ Name string }
		Syncs  map[string]struct{ Success int }
	}
	b.ok(&shown, "connection", "show")
	require.Equal(t, "globex", shown.Config.Name)
	require.Equal(t, 7, shown.Syncs["staff"].Success)
	var person struct{ User, Action, Outcome, WorkflowID string }
	b.ok(&person, "user", "provision", "globex", "P02")
	require.Equal(t, "user/globex/P02", person.WorkflowID)
	require.Equal(t, "Success", person.Outcome)
	b.steps(
		step{"apply -f FILE", 0, "connection globex: the file changes nothing"},
		step{"connection show", 0, "state         active"},
		step{"connection test globex", 0, "connection test passed: tenant Globex"},
		step{"rule list", 0, "staff  yes"},
		step{"plan", 0, "would do: none 11"},
		step{"plan --all", 0, "P01   none"},
		step{"sync", 0, "staff  completed        11        7"},
		step{"sync globex staff", 0, "staff  completed        11        7"},
		step{"sync globex --connection other", 2, "two names for one thing"},
		step{"sync --rule staff --no-wait", 0, "sync/globex/staff started"},
		step{"user provision globex P01", 0, "Already right; nothing was written"},
		step{"user provision globex P06", 1, "usage_location_invalid"},
		step{"sync --connection nobody", 2, "nobody: there is no connection of this name"},
		step{"sync --rule stuff", 2, "connection globex, rule stuff: the connection has no rule of this name"},
		step{"sync staff", 2, "where staff is a rule: starter sync --rule staff"},
		step{"rule disable staff", 0, "the rule is disabled"},
		step{"rule disable staff", 0, "the rule is disabled already"},
		step{"sync", 2, "connection globex has no enabled rule"},
		step{"plan --rule staff", 2, "the rule is disabled; enable it first"},
		step{"rule enable staff", 0, "the rule is enabled"},
		step{"rule delete stuff --confirm stuff", 2, "stuff: the connection has no rule of this name"},
		step{"connection delete globex --confirm globex", 2, "delete them first"},
		step{"connection disable", 0, "the connection is disabled"},
		step{"sync", 2, "the connection is disabled; enable it first"},
		step{"sync", 2, "next: starter connection enable globex"},
		step{"user provision globex P01", 2, "the connection is disabled; enable it first"},
		step{"connection enable", 0, "the connection is enabled"},
		step{"simulator --address 127.0.0.1:0", 2, "a simulator runs here already"},
		step{"simulator state", 0, "entraflowLink"},
	)

	changed, err := os.ReadFile(b.config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(b.config, []byte(strings.Replace(string(changed), "user.department'", "user.department + \" dept\"'", 1)), 0o600))
	b.steps(
		step{"apply -f FILE --no-sync", 0, "rule staff: mappings changed: department"},
		step{"plan", 0, "update"},
		step{"sync", 0, "done: update 8"},
		step{"apply -f FILE", 0, "the file changes nothing"},
	)

	moved := strings.Replace(string(changed), "8b1e4d27", "00000000", 1)
	require.NoError(t, os.WriteFile(b.config, []byte(moved), 0o600))
	b.steps(
		step{"apply -f FILE", 2, "setting_immutable"},
		step{"apply -f FILE", 2, "  clientId is 8b1e4d27-2f5a-4d9c-b6a3-7c1d2e3f4a55, and the file says 00000000-2f5a-4d9c-b6a3-7c1d2e3f4a55"},
	)

	require.Zero(t, up.end(), "Ctrl-C after everything is done is no failure: %s", up.stderr)
	require.Contains(t, up.stdout.String(), "rule staff: Completed", "further syncs are told of")
	_, running := devserver.Find(filepath.Join(b.dir, ".entraflow"))
	require.False(t, running)
}

// step is one command line, with FILE for the configuration, its exit status, and what it says.
type step struct {
	line   string
	status int
	says   string
}

func (b *bench) steps(steps ...step) {
	b.t.Helper()
	for _, s := range steps {
		args := strings.Fields(strings.Replace(s.line, "FILE", b.config, 1))
		r := b.run(args...)
		require.Equal(b.t, s.status, r.status, "%s: %s%s", s.line, r.stdout, r.stderr)
		require.Contains(b.t, r.stdout+r.stderr, s.says, s.line)
	}
}

func TestAWorkerThatIsNotThereIsToldOf(t *testing.T) {
	t.Parallel()
	b := setup(t)
	server, err := devserver.Start(t.Context(), devserver.Options{Dir: t.TempDir(), Binary: devserver.Locator{Dir: "."}.Locate})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	b.environ = append(b.environ, "TEMPORAL_ADDRESS="+server.Address)
	for _, args := range [][]string{{"sync"}, {"apply", "-f", b.config}, {"connection", "show", "globex"}} {
		r := b.run(args...)
		require.Equal(t, 1, r.status, "%v", args)
		require.Contains(t, r.stderr, "no worker answers", "%v", args)
		require.Contains(t, r.stderr, "next: start one with `go run ./worker`", "%v", args)
	}
}
