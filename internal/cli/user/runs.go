package user

import (
	"context"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// personRun is one execution about a person.
type personRun struct {
	Type      string       `json:"type"`
	RunID     string       `json:"runId"`
	Status    string       `json:"status"`
	StartedAt time.Time    `json:"startedAt"`
	EndedAt   *time.Time   `json:"endedAt,omitempty"`
	Action    plan.Action  `json:"action,omitempty"`
	Outcome   plan.Outcome `json:"outcome,omitempty"`
	Reason    fault.Reason `json:"reason,omitempty"`
}

// maxRuns is how many of a person's runs are shown.
const maxRuns = 10

// personRuns lists the last executions about a person, the latest first, as far back as the namespace keeps them.
func personRuns(ctx context.Context, t *session.Link, connection, id string) ([]personRun, error) {
	workflow := api.UserID(connection, id)
	list, err := t.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: t.Namespace, PageSize: maxRuns,
		Query: fmt.Sprintf("WorkflowId = '%s'", strings.ReplaceAll(workflow, "'", `\'`)),
	})
	if err != nil {
		return nil, t.Unanswered(err, connection)
	}
	runs := []personRun{}
	for _, e := range list.GetExecutions()[:min(len(list.GetExecutions()), maxRuns)] {
		runs = append(runs, readRun(ctx, t, workflow, e))
	}
	return runs, nil
}

// readRun reads what became of one execution. One that did not end by itself has no result.
func readRun(ctx context.Context, t *session.Link, workflow string, e *workflowpb.WorkflowExecutionInfo) personRun {
	r := personRun{
		Type: e.GetType().GetName(), RunID: e.GetExecution().GetRunId(), Status: e.GetStatus().String(), StartedAt: e.GetStartTime().AsTime(),
	}
	if e.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return r
	}
	ended := e.GetCloseTime().AsTime()
	r.EndedAt = &ended
	var result api.UserResult
	if session.PersonOutcome(t.GetWorkflow(ctx, workflow, r.RunID).Get(ctx, &result), &result) == nil {
		r.Action, r.Outcome, r.Reason = result.Action, result.Outcome, result.Reason
	}
	return r
}
