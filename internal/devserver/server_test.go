package devserver_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/devserver"
)

// options start a real server: without one nothing here is proved, so a machine that cannot have one fails the test.
func options(t *testing.T) devserver.Options {
	t.Helper()
	return devserver.Options{
		Dir:              t.TempDir(),
		Binary:           devserver.Locator{Dir: "."}.Locate,
		Namespace:        "people",
		SearchAttributes: []string{"EntraflowConnection", "EntraflowRule"},
		Ready:            3 * time.Minute,
	}
}

func TestAServerStartsKeepsItsDataAndStops(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := options(t)

	// Somebody has the ports already.
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	o.Port = taken.Addr().(*net.TCPAddr).Port
	var said []string
	o.Progress = func(s string) { said = append(said, s) }

	_, running := devserver.Find(o.Dir)
	require.False(t, running)
	first, err := devserver.Start(ctx, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, first.Stop()) })
	require.False(t, first.Earlier)
	require.Contains(t, strings.Join(said, "\n"), "is taken; Temporal listens on")
	require.True(t, strings.HasPrefix(first.Address, "127.0.0.1:"))

	record, running := devserver.Find(o.Dir)
	require.True(t, running)
	require.Equal(t, first.Record, record)

	c, err := client.Dial(client.Options{HostPort: first.Address, Namespace: "people"})
	require.NoError(t, err)
	attributes, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: "people"})
	require.NoError(t, err)
	require.Equal(t, enumspb.INDEXED_VALUE_TYPE_KEYWORD, attributes.CustomAttributes["EntraflowConnection"])
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "kept", TaskQueue: "nobody"}, "Nothing")
	require.NoError(t, err)
	_, err = c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "urgent", TaskQueue: "nobody", Priority: temporal.Priority{PriorityKey: 1}}, "Nothing")
	require.NoError(t, err)
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		queue, err := c.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
			Namespace: "people", TaskQueue: &taskqueuepb.TaskQueue{Name: "nobody"},
			TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW, ReportStats: true,
		})
		require.NoError(t, err)
		require.EqualValues(t, 1, queue.StatsByPriorityKey[1].GetApproximateBacklogCount(), "the server regards priorities: %v", queue.StatsByPriorityKey)
	}, 20*time.Second, 200*time.Millisecond)
	c.Close()

	require.NoError(t, first.Stop())
	require.NoError(t, first.Stop(), "stopping twice is no error")
	_, running = devserver.Find(o.Dir)
	require.False(t, running)

	o.Port = 0
	second, err := devserver.Start(ctx, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, second.Stop()) })
	c, err = client.Dial(client.Options{HostPort: second.Address, Namespace: "people"})
	require.NoError(t, err)
	described, err := c.DescribeWorkflow(ctx, "kept", run.GetRunID())
	require.NoError(t, err, "the data outlives the server")
	require.Equal(t, "kept", described.RawResponse.WorkflowExecutionInfo.Execution.WorkflowId)
	c.Close()
	require.NoError(t, second.Stop())
}

func TestAServerThatWasLeftBehindIsUsedAgainAndItsDeathIsReported(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := options(t)
	first, err := devserver.Start(ctx, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, first.Stop()) })

	o.Binary = func(context.Context) (string, error) {
		t.Error("a second server was started")
		return "", os.ErrInvalid
	}
	again, err := devserver.Start(ctx, o)
	require.NoError(t, err)
	require.True(t, again.Earlier)
	// The Web UI's guard of the run that was killed would be gone; here it still has its port.
	require.NotEqual(t, first.UI, again.UI)
	expected := first.Record
	expected.UI = again.UI
	require.Equal(t, expected, again.Record)
	t.Cleanup(func() { require.NoError(t, again.Stop()) })

	require.NoError(t, syscall.Kill(first.PID, syscall.SIGKILL))
	for _, s := range []*devserver.Server{first, again} {
		select {
		case <-s.Done():
		case <-time.After(time.Minute):
			t.Fatal("the death of the server was not noticed")
		}
		require.ErrorContains(t, s.Err(), "the Temporal server ended")
	}
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	o := options(t)
	broken := script(t, filepath.Join(t.TempDir(), "temporal"), "echo 'database is locked' >&2; exit 3")
	o.Binary = func(context.Context) (string, error) { return broken, nil }
	_, err := devserver.Start(context.Background(), o)
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "database is locked")

	o.Binary = func(context.Context) (string, error) { return "", exec.ErrNotFound }
	_, err = devserver.Start(context.Background(), o)
	require.ErrorIs(t, err, exec.ErrNotFound)
	_, running := devserver.Find(o.Dir)
	require.False(t, running, "a failed start leaves no lock")
}
