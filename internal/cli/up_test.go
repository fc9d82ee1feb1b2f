package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/devserver"
)

// synced is the object that `up --once -o json` and `sync -o json` print; the first six keys of a rule are fixed.
type synced struct {
	Rules []struct {
		Rule                                                       string
		Impacted, Success, Unsynced, PartiallySynced, Failed, Held int
		State, Reason, WorkflowID                                  string
		Actions                                                    map[string]int
		Reasons                                                    map[string]int
		ToDeprovision                                              int
		DeprovisionList                                            []string
		Groups                                                     struct{ Impacted, Success, Failed, MembersAdded, MembersRemoved int }
	}
}

// counters are the simulator's.
type counters struct {
	Committed, WastedWrites  int
	Requests, ProtocolFaults map[string]int
}

func TestUpTwiceWritesOnce(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	// The simulator runs apart, so that it can be asked what it saw.
	sim := b.start("simulator", "--seed", filepath.Join(b.dir, "simulator.yaml"))
	sim.until("Ctrl-C stops it")

	var first, second synced
	b.ok(&first, "up", "-f", b.config, "--once")
	require.Len(t, first.Rules, 1)
	r := first.Rules[0]
	require.Equal(t, "staff", r.Rule)
	require.Equal(t, []int{11, 7, 0, 1, 3, 0}, []int{r.Impacted, r.Success, r.Unsynced, r.PartiallySynced, r.Failed, r.Held})
	require.Equal(t, "completed", r.State)
	require.Equal(t, "sync/globex/staff", r.WorkflowID)
	require.Equal(t, map[string]int{"create": 7, "adopt": 1}, r.Actions)
	require.Equal(t, map[string]int{"not_enough_licenses": 1, "usage_location_invalid": 1, "user_principal_name_conflict": 2}, r.Reasons)
	var before, after counters
	b.ok(&before, "simulator", "stats")
	require.Positive(t, before.Committed)
	require.Zero(t, before.WastedWrites)
	require.Empty(t, before.ProtocolFaults)

	b.ok(&second, "up", "-f", b.config, "--once")
	r = second.Rules[0]
	require.Equal(t, []int{11, 7, 0, 1, 3, 0}, []int{r.Impacted, r.Success, r.Unsynced, r.PartiallySynced, r.Failed, r.Held})
	require.Empty(t, r.Actions)
	b.ok(&after, "simulator", "stats")
	require.Equal(t, before.Committed, after.Committed, "a second sync without changes writes nothing")
	require.Equal(t, before.Requests["GET /users/{id}"], after.Requests["GET /users/{id}"], "nor does it read single accounts")

	_, running := devserver.Find(filepath.Join(b.dir, ".entraflow"))
	require.False(t, running, "the server is stopped")
	require.Zero(t, sim.end())
}

func TestRemovalsAboveTheGuardAreHeldAndLeaversListed(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	var first, s synced
	b.ok(&first, "up", "-f", b.config, "--once")

	people, err := os.ReadFile(b.people)
	require.NoError(t, err)
	disabled := strings.ReplaceAll(string(people), ",true,", ",false,")
	disabled = strings.Replace(disabled, "P12,false,kim,Kim King,Legal,US,SPE_E3\n", "", 1)
	require.NoError(t, os.WriteFile(b.people, []byte(disabled), 0o600))
	r := b.run("up", "-f", b.config, "--once", "-o", "json")
	require.Equal(t, 1, r.status)
	require.Contains(t, r.stderr, "not every sync completed: staff held (removals_held)")
	b.decode(r, &s)
	require.Equal(t, "held", s.Rules[0].State)
	require.Equal(t, 7, s.Rules[0].Held, "six disabled, one gone")
	require.Equal(t, []string{"P12"}, s.Rules[0].DeprovisionList)
	require.Empty(t, s.Rules[0].Actions, "nothing was taken away")

	r = b.run("up", "-f", b.config, "--once")
	require.Equal(t, 1, r.status)
	require.Contains(t, r.stdout, "held: 7 people would lose something (8 linked, 5 allowed at a time)")
	require.Contains(t, r.stdout, "P07  disable  removals_held")
	require.Contains(t, r.stdout, "left the source or the filter: P12")
}

func TestAConnectionThatFailsItsTestProvisionsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	secret := filepath.Join(b.dir, "secret.txt")
	right, err := os.ReadFile(secret)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(secret, []byte("another one\n"), 0o600))

	// Without --once, too: there is nothing to keep running for.
	r := b.run("up", "-f", b.config, "-o", "json")
	require.Equal(t, 1, r.status)
	require.Contains(t, r.stderr, "connection globex cannot be used, test of token: ")
	require.Contains(t, r.stderr, "next: copy the secret's Value")
	require.NotContains(t, r.stderr+r.stdout, "another one")
	var s synced
	b.decode(r, &s)
	require.Equal(t, "connection_invalid", s.Rules[0].Reason)
	require.Zero(t, s.Rules[0].Impacted)

	require.NoError(t, os.WriteFile(secret, right, 0o600))
	b.ok(&s, "up", "-f", b.config, "--once")
	require.Equal(t, 7, s.Rules[0].Success, "once the secret is right, it goes on by itself")
}

func TestUpWorksAgainstAServerOfSomebodyElse(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	server, err := devserver.Start(t.Context(), devserver.Options{
		Dir: t.TempDir(), Namespace: "people", Binary: devserver.Locator{Dir: "."}.Locate,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	b.environ = append(b.environ, "TEMPORAL_ADDRESS="+server.Address, "TEMPORAL_NAMESPACE=people", devserver.CLIVariable+"=/nothing")

	r := b.run("up", "-f", b.config, "--once")
	require.Equal(t, 0, r.status, r.stderr)
	require.Contains(t, r.stdout, "Temporal at "+server.Address+", namespace people")
	require.Contains(t, r.stdout, "retention of namespace people: 90 days, was 1 day")
	require.NotContains(t, r.stdout, "warning")
	select {
	case <-server.Done():
		t.Fatal("a server of somebody else was stopped")
	default:
	}
}
