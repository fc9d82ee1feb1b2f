package lab

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/internal/api"
)

// Apply sends a configuration to the connection's workflow, which it starts where it does not run.
func Apply(ctx context.Context, c client.Client, in api.ApplyInput) (r api.ApplyResult, err error) {
	handle, err := c.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: c.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
			ID: api.ConnectionID(in.Config.Name), TaskQueue: api.TaskQueue,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		}, api.ConnectionType, api.ConnectionInput{Name: in.Config.Name}),
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateName: api.UpdateApply, Args: []any{in}, WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err != nil {
		return r, err
	}
	return r, handle.Get(ctx, &r)
}
