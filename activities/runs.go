package activities

import (
	"context"
	"encoding/json"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
)

// AwaitRun waits for a workflow that runs already and returns its result as JSON, after having asked it, by a signal, to
// look again. Temporal has no way for a workflow to await another that it did not start.
//
// Errors: that of the awaited workflow; fault.Stopped when it was cancelled or terminated; fault.RunMissed (Stale) when it
// ended before it could be asked, or was of another type: whoever waits may start their own now.
func (a *Activities) AwaitRun(ctx context.Context, in api.AwaitInput) (json.RawMessage, error) {
	h := &heartbeater{}
	// A worker that dies in between leads to one signal too many, which costs a look; one too few would lose a wake-up.
	asked := activity.HasHeartbeatDetails(ctx)
	if asked {
		h.details = in.Signal
	}
	defer h.start(ctx)()
	missed := fault.New("await run", fault.Stale, fault.RunMissed, "")
	run := a.options.Temporal.GetWorkflow(ctx, in.WorkflowID, "")
	wanted, err := a.isOfType(ctx, in)
	if err != nil {
		return nil, err
	}
	if wanted && in.Signal != "" && !asked {
		err := a.options.Temporal.SignalWorkflow(ctx, in.WorkflowID, "", in.Signal, nil)
		if isGone(err) {
			return nil, missed
		}
		if err != nil {
			return nil, fault.Wrap("signal running workflow", fault.Transient, fault.TemporalUnavailable, in.WorkflowID, err)
		}
		h.keep(ctx, in.Signal)
	}
	var result json.RawMessage
	err = run.Get(ctx, &result)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !wanted || isGone(err):
		return nil, missed
	case err != nil:
		return nil, err
	}
	return result, nil
}

// isOfType asks whether the run to wait for is of the wanted type.
func (a *Activities) isOfType(ctx context.Context, in api.AwaitInput) (bool, error) {
	if in.Type == "" {
		return true, nil
	}
	d, err := a.options.Temporal.DescribeWorkflow(ctx, in.WorkflowID, "")
	switch {
	case isGone(err):
		return false, nil
	case err != nil:
		return false, fault.Wrap("describe running workflow", fault.Transient, fault.TemporalUnavailable, in.WorkflowID, err)
	}
	return d.RawResponse.GetWorkflowExecutionInfo().GetType().GetName() == in.Type, nil
}
