//go:build linux

package topology_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/topology"
)

// variable asks for the test; .ci/topology sets it.
const variable = "ENTRAFLOW_TEST_POSTGRES"

// Temporal on PostgreSQL with two workers, as docker-compose.yml puts them together: the example company is provisioned,
// then everybody moves and many join while a worker, Temporal and PostgreSQL go down one after the other.
func TestTwoWorkersOnPostgreSQL(t *testing.T) {
	if os.Getenv(variable) == "" {
		t.Skipf("takes minutes and needs PostgreSQL; set %s=1, or run .ci/topology", variable)
	}
	c := newCompany(t)
	r := &run{t: t, company: c, Topology: topology.Start(t, topology.Options{
		Seed: c.file("simulator.yaml"), Sources: c.dir,
		// At most some 60 writes a second on any machine, so that no sync is over before the accidents have happened.
		Latency: 150 * time.Millisecond, Activities: 6,
	})}
	r.before = r.state()

	r.provisions()
	r.shares()
	r.indexes()
	r.rests()
	r.preparesAgain()
	r.survives()
	r.rests()
	r.stops()
}

// run is one run of the test.
type run struct {
	t *testing.T
	*company
	*topology.Topology
	before simulator.State
}

// patience bounds each step. A worker that is killed holds its activities for two minutes, until they time out.
const patience = 8 * time.Minute

func (r *run) context() context.Context {
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	r.t.Cleanup(cancel)
	return ctx
}

// starter runs a command and decodes what it prints.
func (r *run) starter(ctx context.Context, into any, args ...string) {
	r.t.Helper()
	require.NoError(r.t, json.Unmarshal(r.Starter(ctx, 0, append(args, "-o", "json")...), into), "starter %v", args)
}

func (r *run) state() (s simulator.State) {
	r.starter(r.t.Context(), &s, "simulator", "state")
	return s
}

func (r *run) stats() (s simulator.Stats) {
	r.starter(r.t.Context(), &s, "simulator", "stats")
	return s
}

// sync syncs all rules and gives the results by rule.
func (r *run) sync() map[string]api.SyncResult {
	var out struct{ Rules []api.SyncResult }
	r.starter(r.context(), &out, "sync", "--connection", "contoso")
	results := map[string]api.SyncResult{}
	for _, s := range out.Rules {
		results[s.Rule] = s
	}
	return results
}

// provisions makes the company's accounts.
func (r *run) provisions() {
	var applied api.ApplyResult
	r.starter(r.context(), &applied, "apply", "-f", r.file("contoso.yaml"), "--no-sync")
	require.Equal(r.t, api.Valid, applied.Validity, "%+v", applied.Test)
	results := r.sync()
	require.Equal(r.t, plan.Counters{Impacted: 258, Success: 250, PartiallySynced: 3, Failed: 5}, results["staff"].Counters)
	require.Equal(r.t, plan.Counters{Impacted: 16, Success: 16}, results["contractors"].Counters)
	r.verify(r.before, r.state())
	require.Empty(r.t, r.stats().ProtocolFaults)
}

// shares looks who carried out people's activities.
func (r *run) shares() {
	ctx := r.context()
	workers := map[string]int{}
	for _, row := range r.staff {
		events := r.Client.GetWorkflowHistory(ctx, api.UserID("contoso", r.cell(row, "id")), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				break // Nothing was planned for this person, so there is no history.
			}
			if started := event.GetActivityTaskStartedEventAttributes(); started != nil {
				workers[started.GetIdentity()]++
			}
		}
	}
	require.Len(r.t, workers, len(r.Workers), "%v", workers)
}

// indexes counts people by a search attribute, which PostgreSQL stores beside the histories.
func (r *run) indexes() {
	created := len(r.people()) - 2 // Two accounts are adopted.
	require.EventuallyWithT(r.t, func(t *assert.CollectT) {
		answer, err := r.Client.CountWorkflow(r.t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowType = '%s' AND EntraflowConnection = 'contoso' AND EntraflowAction = 'create'", api.ProvisionUserType),
		})
		require.NoError(t, err)
		require.EqualValues(t, created, answer.GetCount())
	}, time.Minute, time.Second)
	d, err := r.Client.WorkflowService().DescribeNamespace(r.t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: topology.Namespace})
	require.NoError(r.t, err)
	require.Equal(r.t, 90*24*time.Hour, d.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())
}

// rests syncs where nothing is to be done.
func (r *run) rests() {
	before := r.stats()
	for rule, result := range r.sync() {
		require.Equal(r.t, api.SyncCompleted, result.State, rule)
		require.Empty(r.t, result.Actions, rule)
	}
	require.Equal(r.t, before.Committed, r.stats().Committed)
}

// preparesAgain runs what each `docker-compose up` runs, on a system that is in use.
func (r *run) preparesAgain() {
	r.Server.PrepareSchemas()
	r.Server.PrepareNamespace()
}

// survives lets one part after the other go down in the middle of a sync.
func (r *run) survives() {
	ctx := r.context()
	r.move()
	joined := r.hire(4)
	require.Greater(r.t, joined, 60)
	r.save()
	var started struct{ Rules []struct{ RunID string } }
	r.starter(ctx, &started, "sync", "--connection", "contoso", "--rule", "staff", "--no-wait")
	runID := started.Rules[0].RunID

	r.awaitDone(ctx, runID, 30)
	r.Workers[0].Kill()
	require.True(r.t, r.Workers[1].Running())

	r.awaitDone(ctx, runID, 80)
	r.Server.Kill()
	require.True(r.t, r.Workers[1].Running(), "a worker outlives Temporal")
	r.Server.Start()
	r.StartWorker(0)

	r.awaitDone(ctx, runID, 140)
	r.Cluster.Stop()
	// It stays down until that is felt.
	require.Eventually(r.t, func() bool {
		short, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		_, err := r.Client.CountWorkflow(short, &workflowservice.CountWorkflowExecutionsRequest{})
		return err != nil
	}, time.Minute, 200*time.Millisecond)
	r.Cluster.Start()

	var result api.SyncResult
	require.NoError(r.t, r.Client.GetWorkflow(ctx, api.SyncID("contoso", "staff"), runID).Get(ctx, &result))
	require.Equal(r.t, api.SyncCompleted, result.State)
	require.Equal(r.t, plan.Counters{Impacted: 258 + joined, Success: 250 + joined, PartiallySynced: 3, Failed: 5}, result.Counters, "%+v", result.Problems)
	for i, w := range r.Workers {
		require.True(r.t, w.Running(), "worker %d", i)
	}
	r.verify(r.before, r.state())
	stats := r.stats()
	require.Empty(r.t, stats.ProtocolFaults)
	r.t.Logf("%d people of staff, %d joined; writes %d of which %d changed nothing", result.Impacted, joined, stats.Writes, stats.WastedWrites)
}

// awaitDone waits until a running sync has settled so many people. Questions that fail are asked again: things are going
// down on purpose.
func (r *run) awaitDone(ctx context.Context, runID string, people int) {
	r.t.Helper()
	var last api.SyncResult
	require.Eventually(r.t, func() bool {
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		answer, err := r.Client.QueryWorkflow(short, api.SyncID("contoso", "staff"), runID, api.QueryProgress)
		if err != nil {
			return false
		}
		var p api.SyncResult
		if answer.Get(&p) == nil {
			last = p
		}
		return last.Done >= people
	}, patience, 100*time.Millisecond, "people done: %d", people)
	require.Less(r.t, last.Done, last.Planned-20, "the sync is nearly over before the accident")
}

// stops ends the workers as a restart does.
func (r *run) stops() {
	for _, w := range r.Workers {
		w.Stop()
	}
}
