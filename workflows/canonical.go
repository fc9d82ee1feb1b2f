package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
)

// delegate starts the canonical run of a workflow and returns its result; a run that exists already is asked to look
// again and is waited for.
func delegate(ctx workflow.Context, id, workflowType string, in any, attributes temporal.SearchAttributes, result any) error {
	return startOrJoin(ctx, id, workflowType, result, func() error { return canonical(ctx, id, workflowType, in, attributes, result) })
}

// startOrJoin starts a run, or asks the one that is running to look again and waits for it. One that ends before it is
// asked, or is of another type, is no answer: then it is the turn of a run of one's own.
func startOrJoin(ctx workflow.Context, id, workflowType string, result any, start func() error) (err error) {
	for range maxJoins {
		if err = start(); !alreadyStarted(err) {
			return childError(err)
		}
		if err = await(ctx, id, workflowType, result); err == nil || wire.FaultOf(err).Reason != fault.RunMissed {
			return childError(err)
		}
	}
	return childError(err)
}

// canonical starts the canonical run of a workflow and returns its result, or that it is running already.
func canonical(ctx workflow.Context, id, workflowType string, in any, attributes temporal.SearchAttributes, result any) error {
	options := childOptions(id, "Started by "+workflow.GetInfo(ctx).WorkflowExecution.ID, attributes)
	return workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), workflowType, in).Get(ctx, result)
}

// await waits, by an activity, for a run that somebody else started.
func await(ctx workflow.Context, id, workflowType string, result any) error {
	ctx = workflow.WithActivityOptions(ctx, awaitOptions(id))
	return workflow.ExecuteActivity(ctx, acts.AwaitRun, api.AwaitInput{WorkflowID: id, Signal: api.SignalAgain, Type: workflowType}).Get(ctx, result)
}

// childError unwraps the failure of a child or an activity to the error it ended with, so that reason and message stand first.
func childError(err error) error {
	var e *temporal.ApplicationError
	if errors.As(err, &e) {
		return e
	}
	return err
}

// awaitOptions are those of the activity that waits for a run.
func awaitOptions(id string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: 24 * time.Hour, HeartbeatTimeout: 30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second},
		Summary:     clip("Wait for " + id + ", which is running"),
	}
}

// isContinueAsNew reports that a workflow goes on as a new run.
func isContinueAsNew(err error) bool {
	var next *workflow.ContinueAsNewError
	return errors.As(err, &next)
}
