package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
)

// terms are those for the people of a rule, whose own policy may be stricter than the connection's.
func terms(s api.Settings, rule string) api.DeletionTerms {
	return api.DeletionTerms{
		Deprovision: s.Config.Preferences.DeprovisionOnRuleDeletion,
		Allowed:     s.Config.Preferences.AllowDeprovision && !s.Config.PeoplePolicy(rule).Withholds(config.PolicySync),
		Untouched:   s.Pinned.TenantID == "",
	}
}

// BeginRuleDeletion disables the rule for good, by the connection's own update, and waits until the rule's running sync has
// ended, so that nobody is provisioned by it while others are deprovisioned.
//
// Errors: fault.RuleUnknown, ConnectionUnknown (Refused) and what the connection refuses.
func (a *Activities) BeginRuleDeletion(ctx context.Context, in api.BeginDeletionInput) (api.DeletionTerms, error) {
	stop := heartbeat(ctx)
	defer stop()
	s, err := a.settings.Fresh(ctx, in.Connection)
	if err != nil {
		return api.DeletionTerms{}, err
	}
	state, ok := s.Rule(in.Rule)
	if !ok {
		return api.DeletionTerms{}, refuse("delete rule", fault.RuleUnknown, in.Rule)
	}
	if !state.Deleting {
		if err := a.markDeleting(ctx, in); err != nil {
			return api.DeletionTerms{}, err
		}
	}
	err = a.options.Temporal.GetWorkflow(ctx, api.SyncID(in.Connection, in.Rule), "").Get(ctx, nil)
	if ctx.Err() != nil {
		return api.DeletionTerms{}, ctx.Err()
	}
	var ended *temporal.WorkflowExecutionError
	if err != nil && !isGone(err) && !errors.As(err, &ended) {
		return api.DeletionTerms{}, fault.Wrap("await sync", fault.Transient, fault.TemporalUnavailable, in.Rule, err)
	}
	// A test may have passed while the sync was waited for.
	if s, err = a.settings.Fresh(ctx, in.Connection); err != nil {
		return api.DeletionTerms{}, err
	}
	t := terms(s, in.Rule)
	rule, _ := s.Config.Rule(in.Rule)
	t.Groups = groupEntries(rule, state) > 0
	return t, nil
}

// AwaitDeletionTerms waits until the preferences no longer contradict each other: deprovision on the rule's deletion, but
// never deprovision. After an hour it returns in any case.
//
// Errors: those of reading the settings.
func (a *Activities) AwaitDeletionTerms(ctx context.Context, in api.AwaitTermsInput) error {
	defer heartbeat(ctx)()
	tick := time.NewTicker(a.options.Waits.Terms)
	defer tick.Stop()
	enough := time.After(a.options.Waits.TermsPatience)
	for {
		s, err := a.settings.Fresh(ctx, in.Connection)
		if err != nil {
			return err
		}
		if !terms(s, in.Rule).Forbidden() {
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
func (a *Activities) markDeleting(ctx context.Context, in api.BeginDeletionInput) error {
	handle, err := a.options.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: api.ConnectionID(in.Connection), UpdateName: api.UpdateDeleteRule,
		Args:         []any{api.RuleInput{Rule: in.Rule, Confirm: in.Rule}},
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
	return fault.Wrap("delete rule", fault.Transient, fault.TemporalUnavailable, in.Rule, err)
}
