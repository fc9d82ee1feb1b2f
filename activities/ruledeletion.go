package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/client"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/fault"
)

// BeginDeletionInput is the argument of BeginRuleDeletion.
type BeginDeletionInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	// ConnectionWorkflow and SyncWorkflow are the ids of the workflows concerned.
	ConnectionWorkflow string `json:"connectionWorkflow"`
	SyncWorkflow       string `json:"syncWorkflow"`
}

// BeginDeletionResult says what is to become of the rule's people.
type BeginDeletionResult struct {
	// Deprovision is deprovisionOnRuleDeletion at this moment.
	Deprovision bool `json:"deprovision"`
}

// BeginRuleDeletion disables the rule for good, by the connection's own update, and waits until the rule's running sync has
// ended, so that nobody is provisioned by it while others are deprovisioned.
//
// Errors: fault.RuleUnknown, ConnectionUnknown (Refused) and what the connection refuses.
func (a *Activities) BeginRuleDeletion(ctx context.Context, in BeginDeletionInput) (BeginDeletionResult, error) {
	stop := heartbeat(ctx)
	defer stop()
	s, err := a.settings.fresh(ctx, in.Connection)
	if err != nil {
		return BeginDeletionResult{}, err
	}
	state, ok := s.Rule(in.Rule)
	if !ok {
		return BeginDeletionResult{}, refuse("delete rule", fault.RuleUnknown, in.Rule)
	}
	if !state.Deleting {
		if err := a.markDeleting(ctx, in); err != nil {
			return BeginDeletionResult{}, err
		}
	}
	err = a.options.Temporal.GetWorkflow(ctx, in.SyncWorkflow, "").Get(ctx, nil)
	if ctx.Err() != nil {
		return BeginDeletionResult{}, ctx.Err()
	}
	var ended *temporal.WorkflowExecutionError
	if err != nil && !isGone(err) && !errors.As(err, &ended) {
		return BeginDeletionResult{}, fault.Wrap("await sync", fault.Transient, fault.InternalError, in.Rule, err)
	}
	return BeginDeletionResult{Deprovision: s.Config.Preferences.DeprovisionOnRuleDeletion}, nil
}

// markDeleting sends the connection its update deleteRule. The deletion that the connection would start is this one.
func (a *Activities) markDeleting(ctx context.Context, in BeginDeletionInput) error {
	handle, err := a.options.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: in.ConnectionWorkflow, UpdateName: "deleteRule",
		Args:         []any{map[string]string{"rule": in.Rule, "confirm": in.Rule}},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	var refused *temporal.ApplicationError
	var gone *serviceerror.NotFound
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused) && fault.Reason(refused.Type()).Known():
		return refused
	case errors.As(err, &gone):
		return refuse("delete rule", fault.ConnectionUnknown, in.Connection)
	}
	return fault.Wrap("delete rule", fault.Transient, fault.InternalError, in.Rule, err)
}
