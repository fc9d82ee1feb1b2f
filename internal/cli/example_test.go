package cli_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/devserver"
)

func TestTheExampleSyncsAsItsReadmeSaysAndThenWritesNothing(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("creates 267 accounts")
	}
	b := setup(t).withServer()
	require.NoError(t, os.CopyFS(filepath.Join(b.dir, "contoso"), os.DirFS(filepath.Join("..", "..", "examples", "contoso"))))
	b.config = filepath.Join(b.dir, "contoso", "contoso.yaml")
	sim := b.start("simulator", "--seed", filepath.Join(b.dir, "contoso", "simulator.yaml"))
	sim.until("Ctrl-C stops it")

	var before, after counters
	for run := range 2 {
		var s synced
		b.ok(&s, "up", "-f", b.config, "--once")
		require.Len(t, s.Rules, 2)
		staff, contractors := s.Rules[0], s.Rules[1]
		require.Equal(t, []int{258, 250, 0, 3, 5, 0},
			[]int{staff.Impacted, staff.Success, staff.Unsynced, staff.PartiallySynced, staff.Failed, staff.Held})
		require.Equal(t, []int{16, 16, 0, 0, 0, 0},
			[]int{contractors.Impacted, contractors.Success, contractors.Unsynced, contractors.PartiallySynced, contractors.Failed, contractors.Held})
		require.Equal(t, []int{5, 5, 0, 118 * (1 - run), 0},
			[]int{staff.Groups.Impacted, staff.Groups.Success, staff.Groups.Failed, staff.Groups.MembersAdded, staff.Groups.MembersRemoved})
		b.ok(&after, "simulator", "stats")
		require.Zero(t, after.WastedWrites)
		require.Empty(t, after.ProtocolFaults)
		if run == 1 {
			require.Equal(t, before.Committed, after.Committed, "a second sync without changes writes nothing")
			require.Empty(t, staff.Actions)
		}
		before = after
	}
	require.Zero(t, sim.end())
}

func TestAnInterruptedFirstSyncIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	up := b.start("up", "-f", b.config)
	up.until("connection test passed")
	require.Equal(t, 1, up.end())
	require.Contains(t, up.stderr.String(), "next: run `up` again; it goes on where it was")

	var s synced
	b.ok(&s, "up", "-f", b.config, "--once")
	require.Equal(t, []int{11, 7, 1, 3}, []int{s.Rules[0].Impacted, s.Rules[0].Success, s.Rules[0].PartiallySynced, s.Rules[0].Failed})
}

func TestAMessageThatMeetsARollOverIsSentAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	server, err := devserver.Start(t.Context(), devserver.Options{Dir: t.TempDir(), Binary: devserver.Locator{Dir: "."}.Locate})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	c, err := client.Dial(client.Options{HostPort: server.Address, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	defer c.Close()

	// A connection that turns the first three messages away, as one does that is about to continue as new.
	var turnedAway atomic.Int32
	var ids sync.Map
	w := worker.New(c, api.TaskQueue, worker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ api.ConnectionInput) error {
		done := false
		return errors.Join(
			workflow.SetUpdateHandlerWithOptions(ctx, api.UpdateApply,
				func(ctx workflow.Context, _ api.ApplyInput) (api.ApplyResult, error) {
					done = true
					return api.ApplyResult{Validity: api.Valid}, nil
				},
				workflow.UpdateHandlerOptions{Validator: func(ctx workflow.Context, _ api.ApplyInput) error {
					ids.Store(workflow.GetCurrentUpdateInfo(ctx).ID, true)
					if turnedAway.Add(1) <= 3 {
						return temporal.NewApplicationError("rolling over", api.RollingOver)
					}
					return nil
				}}),
			workflow.Await(ctx, func() bool { return done }),
		)
	}, workflow.RegisterOptions{Name: api.ConnectionType})
	require.NoError(t, w.Start())
	defer w.Stop()

	b.environ = append(b.environ, "TEMPORAL_ADDRESS="+server.Address)
	r := b.run("apply", "-f", b.config)
	require.Equal(t, 0, r.status, r.stderr)
	require.GreaterOrEqual(t, turnedAway.Load(), int32(4))
	n := 0
	ids.Range(func(any, any) bool { n++; return true })
	require.Equal(t, 1, n, "every attempt has the same id, so that none is carried out twice")
}

func TestTheSimulatorOfALaterRunGivesNoIdTwice(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	var s synced
	b.ok(&s, "up", "-f", b.config, "--once")
	people, err := os.ReadFile(b.people)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(b.people, append(people, "P13,true,lea,Lea Lind,Sales,US,SPE_E3\n"...), 0o600))
	s = synced{}
	b.ok(&s, "up", "-f", b.config, "--once")
	require.Equal(t, map[string]int{"create": 1}, s.Rules[0].Actions)

	kept, err := os.ReadFile(filepath.Join(b.dir, ".entraflow", "simulator", "globex.json"))
	require.NoError(t, err)
	require.NotContains(t, string(kept), "a-made-up-secret", "the state holds no secret in clear")
	var state struct {
		Tenants []struct{ Users []struct{ ID string } }
	}
	require.NoError(t, json.Unmarshal(kept, &state))
	ids := map[string]bool{}
	for _, u := range state.Tenants[0].Users {
		ids[u.ID] = true
	}
	require.Len(t, ids, 9)
	require.Len(t, state.Tenants[0].Users, 9)
}
