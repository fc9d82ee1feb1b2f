package activities

import (
	"context"
	"errors"
	"time"

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

// DeletionTerms are the preferences that say what becomes of a deleted rule's people, as they are at one moment.
type DeletionTerms struct {
	// Deprovision is deprovisionOnRuleDeletion.
	Deprovision bool `json:"deprovision"`
	// Allowed is allowDeprovision.
	Allowed bool `json:"allowed"`
	// Untouched: the connection has never been valid, so nobody was provisioned by it.
	Untouched bool `json:"untouched,omitempty"`
}

func terms(s Settings) DeletionTerms {
	return DeletionTerms{
		Deprovision: s.Config.Preferences.DeprovisionOnRuleDeletion, Allowed: s.Config.Preferences.AllowDeprovision,
		Untouched: s.Pinned.TenantID == "",
	}
}

// Forbidden: the people are to be deprovisioned, and may not be.
func (t DeletionTerms) Forbidden() bool { return t.Deprovision && !t.Allowed }

// BeginRuleDeletion disables the rule for good, by the connection's own update, and waits until the rule's running sync has
// ended, so that nobody is provisioned by it while others are deprovisioned.
//
// Errors: fault.RuleUnknown, ConnectionUnknown (Refused) and what the connection refuses.
func (a *Activities) BeginRuleDeletion(ctx context.Context, in BeginDeletionInput) (DeletionTerms, error) {
	stop := heartbeat(ctx)
	defer stop()
	s, err := a.settings.fresh(ctx, in.Connection)
	if err != nil {
		return DeletionTerms{}, err
	}
	state, ok := s.Rule(in.Rule)
	if !ok {
		return DeletionTerms{}, refuse("delete rule", fault.RuleUnknown, in.Rule)
	}
	if !state.Deleting {
		if err := a.markDeleting(ctx, in); err != nil {
			return DeletionTerms{}, err
		}
	}
	err = a.options.Temporal.GetWorkflow(ctx, in.SyncWorkflow, "").Get(ctx, nil)
	if ctx.Err() != nil {
		return DeletionTerms{}, ctx.Err()
	}
	var ended *temporal.WorkflowExecutionError
	if err != nil && !isGone(err) && !errors.As(err, &ended) {
		return DeletionTerms{}, fault.Wrap("await sync", fault.Transient, fault.InternalError, in.Rule, err)
	}
	// A test may have passed while the sync was waited for.
	if s, err = a.settings.fresh(ctx, in.Connection); err != nil {
		return DeletionTerms{}, err
	}
	return terms(s), nil
}

// AwaitTermsInput is the argument of AwaitDeletionTerms.
type AwaitTermsInput struct {
	Connection string `json:"connection"`
}

// How often AwaitDeletionTerms looks, and after how long it gives up for this time.
const (
	termsEvery    = 10 * time.Second
	termsPatience = time.Hour
)

// AwaitDeletionTerms waits until the preferences no longer contradict each other: deprovision on the rule's deletion, but
// never deprovision. After an hour it returns in any case.
//
// Errors: those of reading the settings.
func (a *Activities) AwaitDeletionTerms(ctx context.Context, in AwaitTermsInput) error {
	defer heartbeat(ctx)()
	tick := time.NewTicker(a.pace(termsEvery))
	defer tick.Stop()
	enough := time.After(a.pace(termsPatience))
	for {
		s, err := a.settings.fresh(ctx, in.Connection)
		if err != nil {
			return err
		}
		if !terms(s).Forbidden() {
			return nil
		}
		select {
		case <-tick.C:
		case <-enough:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
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
