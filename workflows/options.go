package workflows

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
)

// childOptions are those of a workflow that does not end with the one that starts it.
func childOptions(id, summary string, attributes temporal.SearchAttributes) workflow.ChildWorkflowOptions {
	connection, _ := attributes.GetKeyword(wire.AttributeConnection)
	return workflow.ChildWorkflowOptions{
		WorkflowID: id, ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON, StaticSummary: clip(summary),
		TypedSearchAttributes: attributes, Priority: wire.Priority(connection),
	}
}

// planOptions are those of the activities that read everything.
func planOptions(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout:    2 * time.Hour,
		HeartbeatTimeout:       30 * time.Second,
		ScheduleToCloseTimeout: 6 * time.Hour,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 2 * time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute,
		},
		Summary: summary,
	}
}

// pickUp is how long a task may wait for the one worker that can carry it out. A worker that runs takes it within
// milliseconds; reading everything again because of a busy moment would cost more than a few seconds of waiting.
const pickUp = 15 * time.Second

// keptOptions are those of the activities that serve what one worker keeps in its memory, on that worker's queue.
func keptOptions(queue, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              queue,
		ScheduleToStartTimeout: pickUp,
		StartToCloseTimeout:    2 * time.Minute,
		HeartbeatTimeout:       30 * time.Second,
		ScheduleToCloseTimeout: 10 * time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
		Summary:                summary,
	}
}

// workerGone reports that an activity with keptOptions failed in a way that another worker may do better: nobody took it up,
// its worker died, or whatever it needed did not answer for as long as was worth waiting for.
func workerGone(err error) bool {
	return err != nil && fault.Of(err).Kind.Retryable()
}
