package activities

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
)

// catchUpWindow is how late a scheduled sync may still start after an outage; a sync reads everything anyway, so an older
// one is pointless.
const catchUpWindow = time.Minute

// SetSchedule makes the schedule of a rule what the settings say: created, changed, paused or removed. The overlap policy
// skips a sync while the one before still runs.
//
// Errors: fault.TemporalUnavailable (Transient) when Temporal does not do it.
func (a *Activities) SetSchedule(ctx context.Context, in api.ScheduleInput) error {
	id := api.SyncID(in.Connection, in.Rule)
	schedules := a.options.Temporal.ScheduleClient()
	handle := schedules.GetHandle(ctx, id)
	every, err := time.ParseDuration(in.Every)
	if in.Every == "" || err != nil {
		if err := handle.Delete(ctx); err != nil && !isGone(err) {
			return scheduleFault(err)
		}
		return nil
	}
	spec := client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: every}}}
	action := &client.ScheduleWorkflowAction{
		ID:        id,
		Workflow:  api.SyncRuleType,
		Args:      []any{api.SyncInput{Connection: in.Connection, Rule: in.Rule}},
		TaskQueue: api.TaskQueue,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			wire.AttributeConnection.ValueSet(in.Connection),
			wire.AttributeRule.ValueSet(in.Rule),
		),
		Priority: wire.Priority(in.Connection),
	}
	_, err = schedules.Create(ctx, client.ScheduleOptions{
		ID: id, Spec: spec, Action: action, Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: catchUpWindow, Paused: in.Paused, Note: scheduleNote(in.Paused),
	})
	if err == nil {
		return nil
	}
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return scheduleFault(err)
	}
	err = handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(u client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		s := u.Description.Schedule
		s.Spec, s.Action = &spec, action
		if s.Policy == nil {
			s.Policy = &client.SchedulePolicies{}
		}
		s.Policy.Overlap, s.Policy.CatchupWindow = enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, catchUpWindow
		if s.State == nil {
			s.State = &client.ScheduleState{}
		}
		s.State.Paused, s.State.Note = in.Paused, scheduleNote(in.Paused)
		return &client.ScheduleUpdate{Schedule: &s}, nil
	}})
	if err != nil {
		return scheduleFault(err)
	}
	return nil
}

func scheduleNote(paused bool) string {
	if paused {
		return "paused by entraflow: the rule or its connection is disabled or invalid"
	}
	return "kept by entraflow from syncEvery of the configuration file"
}

func scheduleFault(err error) error {
	return fault.Wrap("keep schedule", fault.Transient, fault.TemporalUnavailable, "", err)
}

// isGone reports that Temporal does not know the workflow or schedule, or that it has ended.
func isGone(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}
