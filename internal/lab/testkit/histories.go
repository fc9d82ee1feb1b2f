package testkit

import (
	"strings"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/lab"
)

// Histories exports every history of the server as JSON, by workflow id and run id.
func (k *Kit) Histories() map[string]string {
	ctx, cancel := k.Context()
	defer cancel()
	out := map[string]string{}
	var token []byte
	for {
		list, err := k.Client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: 500, NextPageToken: token})
		require.NoError(k.t, err)
		for _, e := range list.GetExecutions() {
			id, run := e.GetExecution().GetWorkflowId(), e.GetExecution().GetRunId()
			out[id+"@"+run] = k.History(id, run)
		}
		if token = list.GetNextPageToken(); len(token) == 0 {
			return out
		}
	}
}

// History exports one history as JSON, payloads readable.
func (k *Kit) History(id, run string) string {
	ctx, cancel := k.Context()
	defer cancel()
	var b strings.Builder
	events := k.Client.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(k.t, err)
		raw, err := protojson.Marshal(event)
		require.NoError(k.t, err)
		b.Write(lab.Readable(raw))
		b.WriteString("\n")
	}
	return b.String()
}

// Events counts the events of one workflow's last run.
func (k *Kit) Events(id string) int { return strings.Count(k.History(id, ""), "\n") }

// RawHistory exports one history in the form that Temporal's command line and replayer use. Paths of this machine are
// replaced.
func (k *Kit) RawHistory(id, run string) []byte {
	k.t.Helper()
	ctx, cancel := k.Context()
	defer cancel()
	history := &historypb.History{}
	events := k.Client.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(k.t, err)
		history.Events = append(history.Events, event)
	}
	b, err := protojson.MarshalOptions{Indent: " "}.Marshal(history)
	require.NoError(k.t, err)
	return b
}

// ReplayAll replays every history of the server: what was run just now is deterministic.
func (k *Kit) ReplayAll() {
	k.t.Helper()
	ctx, cancel := k.Context()
	defer cancel()
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DataConverter: k.converter})
	require.NoError(k.t, err)
	engine.Register(replayer)
	list, err := k.Client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: 100})
	require.NoError(k.t, err)
	for _, e := range list.GetExecutions() {
		id, run := e.GetExecution().GetWorkflowId(), e.GetExecution().GetRunId()
		history := &historypb.History{}
		require.NoError(k.t, protojson.Unmarshal(k.RawHistory(id, run), history))
		if len(history.Events) < 3 {
			continue // It has only been started; nothing of it has run that could be replayed.
		}
		// Workflows look at their own id.
		original := worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: id, RunID: run}}
		require.NoError(k.t, replayer.ReplayWorkflowHistoryWithOptions(nil, history, original), "replaying %s", id)
	}
}
