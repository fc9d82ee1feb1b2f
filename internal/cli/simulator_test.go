package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/devserver"
)

// world is what a test reads of the simulator's state.
type world struct {
	Tenants []struct {
		DisplayName string
		Users       []struct{ UserPrincipalName string }
	}
}

func TestTheSimulatorAloneKeepsItsStateAcrossRuns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	state := filepath.Join(b.dir, "kept", "world.json")
	seeded := b.start("simulator", "--seed", filepath.Join(b.dir, "simulator.yaml"), "--state", state)
	seeded.until("Ctrl-C stops it")
	require.Contains(t, seeded.stdout.String(), "export ENTRAFLOW_GRAPH_ENDPOINT=https://127.0.0.1:")
	require.Contains(t, seeded.stdout.String(), "SSL_CERT_FILE="+filepath.Join(b.dir, ".entraflow", "simulator", "ca.pem"))

	r := b.run("simulator")
	require.Equal(t, 2, r.status)
	require.Contains(t, r.stderr, "a simulator runs here already, at https://127.0.0.1:")
	require.Zero(t, seeded.end())
	r = b.run("simulator", "state")
	require.Equal(t, 2, r.status, "it has taken its address away")

	again := b.start("simulator", "--state", state, "-o", "json")
	again.until("}")
	var endpoint struct{ URL, CAFile, StateFile string }
	require.NoError(t, json.Unmarshal([]byte(again.stdout.String()), &endpoint))
	require.Equal(t, state, endpoint.StateFile)
	var w world
	b.ok(&w, "simulator", "state")
	require.Equal(t, "Globex", w.Tenants[0].DisplayName)
	require.Len(t, w.Tenants[0].Users, 1)
	require.Zero(t, again.end())
}

func TestFilesOfTheSimulatorThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		flag, content, says string
	}{
		"an accident nobody knows": {"--faults", "earthquake: 0.5\n", "the file of faults cannot be used"},
		"faults that are no map":   {"--faults", "- throttle\n", "the file of faults cannot be used"},
		"a seed with a wrong key":  {"--seed", "tenants: [{id: x, name: y}]\n", "the simulator's seed cannot be used"},
		"a state that was cut":     {"--state", `{"tenants": [`, "the simulator's state cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			path := filepath.Join(b.dir, "file")
			require.NoError(t, os.WriteFile(path, []byte(test.content), 0o600))
			r := b.run("simulator", test.flag, path)
			require.Equal(t, 2, r.status, r.stdout)
			require.Contains(t, r.stderr, test.says)
			require.Contains(t, r.stderr, "next: ")
		})
	}
}

func TestUpEndsWithAnExplanationWhenItsServerDies(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	up := b.start("up", "-f", b.config)
	up.until("running; Ctrl-C stops everything")
	server, running := devserver.Find(filepath.Join(b.dir, ".entraflow"))
	require.True(t, running)
	process, err := os.FindProcess(server.PID)
	require.NoError(t, err)
	require.NoError(t, process.Kill())
	require.Equal(t, 1, up.wait())
	require.Contains(t, up.stderr.String(), "Temporal died while it was needed: the Temporal server ended (signal: killed)")
	require.Contains(t, up.stderr.String(), "next: run `up` again")

	var s synced
	b.ok(&s, "up", "-f", b.config, "--once")
	require.Equal(t, 7, s.Rules[0].Success)
	require.Empty(t, s.Rules[0].Actions)
}
