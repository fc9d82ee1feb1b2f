// Package testkit puts the real parts together for tests: a Temporal development server, the simulator, an engine with
// its worker, and a source file.
package testkit

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/devserver"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/simulator"
)

// Secret is the client secret of the simulated application, to be looked for where it must not be.
const Secret = simulator.DefaultClientSecret

// Options say how a Kit is put together.
type Options struct {
	// Simulator options; the zero value has no faults, no latency, no quota.
	Simulator simulator.Options
	// Pace multiplies the waits that entraflow chooses itself. Default 0.02.
	Pace float64
	// DataConverter is what all clients encode payloads with. Default the SDK's.
	DataConverter converter.DataConverter
	// PageSize is how many people a page of a plan names at most; 0 takes the default.
	PageSize int
	// Watch listens to the changes of sources.
	Watch bool
	// Environment changes the worker's settings.
	Environment func(*engine.Environment)
}

// Kit is everything running.
type Kit struct {
	t         *testing.T
	Dir       string
	Client    client.Client
	Simulator *simulator.Server
	Engine    *engine.Engine
	parts     engine.Parts
	converter converter.DataConverter
	worker    *engine.Worker
	ended     bool
	// scheduled counts the scheduled runs awaited.
	scheduled int
}

// Start starts everything; the test's end stops it.
func Start(t *testing.T, o Options) *Kit {
	t.Helper()
	if o.Pace == 0 {
		o.Pace = 0.02
	}
	k := &Kit{t: t, Dir: t.TempDir()}
	k.converter = o.DataConverter
	k.startTemporal("temporal")
	k.startSimulator(o.Simulator)
	k.parts = engine.Parts{
		Client:      k.Client,
		Environment: engine.Environment{WriteShare: 1, Activities: 50, Pace: o.Pace, Watch: o.Watch},
		PageSize:    o.PageSize,
		Simulator:   &engine.SimulatorEndpoint{URL: k.Simulator.URL(), CAFile: filepath.Join(k.Dir, "ca.pem")},
		Log:         quiet(), Converter: k.converter,
	}
	if o.Environment != nil {
		o.Environment(&k.parts.Environment)
	}
	k.StartWorker()
	t.Cleanup(k.end)
	require.NoError(t, os.WriteFile(filepath.Join(k.Dir, "secret.txt"), []byte(Secret), 0o600))
	return k
}

// quiet drops what workers log; failures show in results.
func quiet() *slog.Logger {
	if os.Getenv("TESTKIT_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

func (k *Kit) startTemporal(name string) {
	dir := filepath.Join(k.Dir, name)
	require.NoError(k.t, os.MkdirAll(dir, 0o700))
	server, err := devserver.Start(context.Background(), devserver.Options{
		Dir: dir, Binary: devserver.Locator{Getenv: os.Getenv}.Locate, SearchAttributes: wire.SearchAttributes(),
	})
	require.NoError(k.t, err, "these tests need the temporal command: go tool -modfile=tools/go.mod temporal")
	k.t.Cleanup(func() { _ = server.Stop() })
	k.Client, err = client.Dial(client.Options{HostPort: server.Address, Logger: log.NewStructuredLogger(quiet()), DataConverter: k.converter})
	require.NoError(k.t, err)
	k.t.Cleanup(k.Client.Close)
}

func (k *Kit) startSimulator(o simulator.Options) {
	var err error
	k.Simulator, err = simulator.Start(o)
	require.NoError(k.t, err)
	k.t.Cleanup(func() { _ = k.Simulator.Close() })
	require.NoError(k.t, os.WriteFile(filepath.Join(k.Dir, "ca.pem"), k.Simulator.CAPEM(), 0o600))
}

// StartWorker starts a new engine and worker, as a restarted process would.
func (k *Kit) StartWorker() {
	k.t.Helper()
	var err error
	k.Engine, err = engine.New(k.parts)
	require.NoError(k.t, err)
	k.worker = k.Engine.Worker()
	require.NoError(k.t, k.worker.Start())
}

// AnotherWorker starts one more worker beside the first, as another process would; the test's end stops it, if stop does not.
func (k *Kit) AnotherWorker(id string) (stop func()) {
	k.t.Helper()
	parts := k.parts
	parts.WorkerID = id
	e, err := engine.New(parts)
	require.NoError(k.t, err)
	w := e.Worker()
	require.NoError(k.t, w.Start())
	stop = sync.OnceFunc(w.Stop)
	k.t.Cleanup(stop)
	return stop
}

// StopWorker stops the worker, if one runs.
func (k *Kit) StopWorker() {
	if k.worker != nil {
		k.worker.Stop()
		k.worker = nil
	}
}

// Trace tells f of each request of the next worker to Graph.
func (k *Kit) Trace(f func(graph.Call)) { k.parts.Trace = f }

// WritePeople writes the source file people.csv, header first.
func (k *Kit) WritePeople(lines ...string) string { return k.WriteSource("people.csv", lines...) }

// WriteSource writes a source file by rename, as a careful exporter does.
func (k *Kit) WriteSource(name string, lines ...string) string {
	path := filepath.Join(k.Dir, name)
	require.NoError(k.t, os.WriteFile(path+".new", []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	require.NoError(k.t, os.Rename(path+".new", path))
	return path
}

// Header is the first line of the people that tests write.
const Header = lab.Header

// Config is a connection "contoso" to the simulator with one rule "staff" on people.csv; change it as the test needs.
func (k *Kit) Config() config.Connection { return lab.Connection("contoso", k.Dir) }

// Apply applies a configuration without waiting for the syncs that follow.
func (k *Kit) Apply(c config.Connection) (api.ApplyResult, error) {
	ctx, cancel := k.Context()
	defer cancel()
	return lab.Apply(ctx, k.Client, api.ApplyInput{Config: c})
}

// Update sends an update to the connection and returns its error.
func (k *Kit) Update(name string, result any, args ...any) error {
	ctx, cancel := k.Context()
	defer cancel()
	handle, err := k.Client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: api.ConnectionID("contoso"), UpdateName: name, Args: args, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return err
	}
	return handle.Get(ctx, result)
}

// Describe asks the connection for its state.
func (k *Kit) Describe() api.Description {
	ctx, cancel := k.Context()
	defer cancel()
	v, err := k.Client.QueryWorkflow(ctx, api.ConnectionID("contoso"), "", api.QueryDescribe)
	require.NoError(k.t, err)
	var d api.Description
	require.NoError(k.t, v.Get(&d))
	return d
}

// MustApply applies and waits for the syncs that follow.
func (k *Kit) MustApply(c config.Connection) api.ApplyResult {
	k.t.Helper()
	r, err := k.Apply(c)
	require.NoError(k.t, err)
	for _, rule := range r.Synced {
		_, err := k.await(api.SyncID(c.Name, rule))
		require.NoError(k.t, err)
	}
	return r
}

// Await waits for the running or last sync of a rule.
func (k *Kit) Await(rule string) (api.SyncResult, error) {
	return k.await(api.SyncID("contoso", rule))
}

func (k *Kit) await(id string) (api.SyncResult, error) {
	ctx, cancel := k.Context()
	defer cancel()
	var r api.SyncResult
	err := k.Client.GetWorkflow(ctx, id, "").Get(ctx, &r)
	return r, err
}

// Sync runs a sync of a rule to its end.
func (k *Kit) Sync(rule string) (api.SyncResult, error) {
	ctx, cancel := k.Context()
	defer cancel()
	run, err := k.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: api.SyncID("contoso", rule), TaskQueue: api.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
	}, api.SyncRuleType, api.SyncInput{Connection: "contoso", Rule: rule})
	if err != nil {
		return api.SyncResult{}, err
	}
	var r api.SyncResult
	return r, run.Get(ctx, &r)
}

// MustSync syncs and expects no error.
func (k *Kit) MustSync(rule string) api.SyncResult {
	k.t.Helper()
	r, err := k.Sync(rule)
	require.NoError(k.t, err)
	return r
}

// Provision runs one person's workflow to its end.
func (k *Kit) Provision(id string) (api.UserResult, error) {
	ctx, cancel := k.Context()
	defer cancel()
	run, err := k.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: api.UserID("contoso", id), TaskQueue: api.TaskQueue,
	}, api.ProvisionUserType, api.UserInput{Connection: "contoso", User: id})
	if err != nil {
		return api.UserResult{}, err
	}
	var r api.UserResult
	return r, run.Get(ctx, &r)
}

// User finds an account in the simulator by the local part of its name.
func (k *Kit) User(name string) (u simulator.UserState, found bool) {
	for _, u := range k.Simulator.State().Tenants[0].Users {
		if strings.EqualFold(u.UserPrincipalName, name+"@contoso.com") {
			return u, true
		}
	}
	return simulator.UserState{}, false
}

// Context bounds a step of a test.
func (k *Kit) Context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 4*time.Minute)
}

// Person is one line of people.csv.
func Person(id, username, given, family, license string) string {
	return fmt.Sprintf("%s,%s,%s,%s,US,%s,true,Sales", id, username, given, family, license)
}

// AwaitEvent waits until the last run of a workflow has an event of a type, such as "WORKFLOW_EXECUTION_SIGNALED".
func (k *Kit) AwaitEvent(id, eventType string) {
	k.t.Helper()
	ctx, cancel := k.Context()
	defer cancel()
	events := k.Client.GetWorkflowHistory(ctx, id, "", true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(k.t, err)
		if strings.Contains(protojson.Format(event), `"EVENT_TYPE_`+eventType+`"`) {
			return
		}
	}
	require.Fail(k.t, "the workflow ended without the event", "%s in %s", eventType, id)
}

// AwaitSynced waits until the connection knows how the last sync of its rules ended; what it knows decides about the next.
func (k *Kit) AwaitSynced() {
	k.t.Helper()
	require.Eventually(k.t, func() bool {
		d := k.Describe()
		for _, rule := range d.Rules {
			ctx, cancel := k.Context()
			info, err := k.Client.DescribeWorkflow(ctx, api.SyncID("contoso", rule.Name), "")
			cancel()
			if err != nil || d.Syncs[rule.Name].RunID != info.RawResponse.GetWorkflowExecutionInfo().GetExecution().GetRunId() {
				return false
			}
		}
		return true
	}, 20*time.Second, 10*time.Millisecond)
}

// end stops the worker and replays what it did, once.
func (k *Kit) end() {
	k.StopWorker()
	if !k.t.Failed() && !k.ended {
		k.ReplayAll()
	}
	k.ended = true
}

// AwaitScheduled waits for one more run that the schedule of a rule started, and returns its result.
func (k *Kit) AwaitScheduled(rule string) (r api.SyncResult) {
	k.t.Helper()
	ctx, cancel := k.Context()
	defer cancel()
	handle := k.Client.ScheduleClient().GetHandle(ctx, api.SyncID("contoso", rule))
	k.scheduled++
	require.Eventually(k.t, func() bool {
		d, err := handle.Describe(ctx)
		if err != nil || len(d.Info.RecentActions) < k.scheduled {
			return false
		}
		started := d.Info.RecentActions[k.scheduled-1].StartWorkflowResult
		return k.Client.GetWorkflow(ctx, started.WorkflowID, started.FirstExecutionRunID).Get(ctx, &r) == nil
	}, 30*time.Second, 20*time.Millisecond)
	return r
}
