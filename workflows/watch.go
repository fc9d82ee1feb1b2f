package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
)

// deniedPause is how long a watch waits that an error keeps from listening which does not pass by itself: a server that does not let it hear
// of changes, a password that was changed.
const deniedPause = time.Hour

// WatchSource listens to the changes of one source for as long as its rule runs. What it hears starts runs of the people concerned, or a
// sync where changes cannot be told person by person or are too many. It ends by itself when the rule no longer runs, and a worker
// starts it when there is something to watch.
//
// A change is a hint and never a fact: the run that it leads to reads the source itself, and takes away no more than the connection allows
// between two syncs. What is missed, the next sync finds.
func WatchSource(ctx workflow.Context, in api.WatchInput) (api.WatchResult, error) {
	if id := api.WatchID(in.Connection, in.Rule); workflow.GetInfo(ctx).WorkflowExecution.ID != id {
		return api.WatchResult{}, wire.Reported(fault.New("", fault.Invalid, fault.SettingsInvalid, "the workflow id of this watch is "+id))
	}
	watching := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Hour, HeartbeatTimeout: 30 * time.Second, WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
		Summary:     "Listen to changes of the source",
	})
	total := api.WatchResult{Position: in.Position}
	for {
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("Listening to the source of rule %s of connection %s.\n\nStarted since the last roll-over: %d runs of people, %d syncs.",
			in.Rule, in.Connection, total.Runs, total.Syncs))
		var done api.WatchResult
		err := execute(watching, acts.WatchSource, api.WatchInput{Connection: in.Connection, Rule: in.Rule, Position: total.Position}, &done)
		switch {
		case err == nil:
			total.Position, total.Runs, total.Syncs = done.Position, total.Runs+done.Runs, total.Syncs+done.Syncs
		case temporal.IsCanceledError(err):
			return total, err
		default:
			// The position is kept: a watch that ended would begin again at the present.
			workflow.SetCurrentDetails(ctx, "Changes wait for the next sync: "+fault.Of(err).Reason.Sentence())
			if err := workflow.Sleep(ctx, deniedPause); err != nil {
				return total, err
			}
		}
		if done.Over {
			return total, nil
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return total, workflow.NewContinueAsNewError(ctx, api.WatchSourceType, api.WatchInput{Connection: in.Connection, Rule: in.Rule, Position: total.Position})
		}
	}
}
