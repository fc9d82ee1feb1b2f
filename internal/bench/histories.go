package main

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
)

// events counts the events of a workflow over all its runs, beginning with the given one ("" is the last).
func (b *bed) events(ctx context.Context, id, run string) (events, runs int, err error) {
	for {
		next := ""
		history := b.client.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			e, err := history.Next()
			if err != nil {
				return 0, 0, fmt.Errorf("read the history of %s: %w", id, err)
			}
			events++
			if a := e.GetWorkflowExecutionContinuedAsNewEventAttributes(); a != nil {
				next = a.GetNewExecutionRunId()
			}
		}
		runs++
		if next == "" {
			return events, runs, nil
		}
		run = next
	}
}

// firstRun is the run that a chain of runs, continued as new, began with; "" when it is not known.
func (b *bed) firstRun(ctx context.Context, id string) string {
	d, err := b.client.DescribeWorkflow(ctx, id, "")
	if err != nil {
		return ""
	}
	return d.RawResponse.GetWorkflowExecutionInfo().GetFirstRunId()
}
