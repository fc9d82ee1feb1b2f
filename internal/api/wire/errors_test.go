package wire_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
)

// What Temporal says of a step that did not end names the worker, and never Graph, which nobody may have asked.
func TestFaultOfATimeout(t *testing.T) {
	t.Parallel()
	timeout := func(kind enumspb.TimeoutType, cause error) error { return temporal.NewTimeoutError(kind, cause) }
	const (
		heartbeat = enumspb.TIMEOUT_TYPE_HEARTBEAT
		attempt   = enumspb.TIMEOUT_TYPE_START_TO_CLOSE
		start     = enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START
		all       = enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
	)
	for name, test := range map[string]struct {
		err  error
		want fault.Reason
	}{
		"heartbeat":                           {timeout(heartbeat, nil), fault.WorkerLost},
		"attempt":                             {timeout(attempt, nil), fault.WorkerLost},
		"nobody took it up":                   {timeout(start, nil), fault.NoWorker},
		"nobody ever took it up":              {timeout(all, nil), fault.NoWorker},
		"each attempt's worker died":          {timeout(all, timeout(heartbeat, nil)), fault.WorkerLost},
		"the last attempt was not taken up":   {timeout(all, timeout(start, nil)), fault.NoWorker},
		"each attempt found Graph away":       {timeout(all, wire.Reported(fault.New("", fault.Transient, fault.GraphUnavailable, ""))), fault.GraphUnavailable},
		"each attempt found Temporal away":    {timeout(all, wire.Reported(fault.New("", fault.Transient, fault.TemporalUnavailable, ""))), fault.TemporalUnavailable},
		"an error that is not ours":           {errors.New("x"), fault.InternalError},
		"an application's error, not of ours": {temporal.NewApplicationError("x", "Foreign"), fault.InternalError},
	} {
		got := wire.FaultOf(fmt.Errorf("outer: %w", test.err))
		require.Equal(t, test.want, got.Reason, name)
		if got.Reason != fault.InternalError {
			require.Equal(t, fault.Transient, got.Kind, name)
		}
	}
}

// A workflow that ran out of its own time did not lose a worker; its step may have.
func TestFaultOfAWorkflowsTimeout(t *testing.T) {
	t.Parallel()
	for want, step := range map[fault.Reason]func(workflow.Context) error{
		fault.Stopped: func(workflow.Context) error {
			return temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil)
		},
		fault.WorkerLost: func(ctx workflow.Context) error {
			ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Second, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}})
			return workflow.ExecuteActivity(ctx, "Step").Get(ctx, nil)
		},
	} {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestWorkflowEnvironment()
		env.RegisterWorkflowWithOptions(step, workflow.RegisterOptions{Name: "Child"})
		env.RegisterActivityWithOptions(func(context.Context) error { return nil }, activity.RegisterOptions{Name: "Step"})
		env.OnActivity("Step", mock.Anything).Return(temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil)).Maybe()
		var got *fault.Error
		env.ExecuteWorkflow(func(ctx workflow.Context) error {
			ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowExecutionTimeout: time.Minute})
			got = wire.FaultOf(workflow.ExecuteChildWorkflow(ctx, "Child").Get(ctx, nil))
			return nil
		})
		require.NoError(t, env.GetWorkflowError())
		require.Equal(t, want, got.Reason)
	}
}

// Where there are no details, the reason alone tells the usual kind.
func TestFaultOfWithoutDetails(t *testing.T) {
	t.Parallel()
	for reason, kind := range map[fault.Reason]fault.Kind{fault.RevisionChanged: fault.Stale, fault.LinkDuplicate: fault.Refused, fault.InternalError: fault.Internal} {
		got := wire.FaultOf(temporal.NewNonRetryableApplicationError("x", string(reason), nil))
		require.Equal(t, &fault.Error{Kind: kind, Reason: reason}, got)
	}
}

// An error keeps its reason also where it came of a time that was over.
func TestReportedKeepsTheReason(t *testing.T) {
	t.Parallel()
	late := fault.Wrap("read settings", fault.Transient, fault.TemporalUnavailable, "", context.DeadlineExceeded)
	require.Equal(t, fault.TemporalUnavailable, wire.FaultOf(wire.Reported(late)).Reason)
	require.Equal(t, fault.Interrupted, wire.FaultOf(wire.Reported(context.DeadlineExceeded)).Reason)
}
