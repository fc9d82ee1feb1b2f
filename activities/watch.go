package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

const (
	// burst is how many people's changes at once become one sync instead of runs, and perMinute how many within a minute.
	burst     = 200
	perMinute = 1000
	// watchFor is how long one attempt listens before it hands its position to the workflow.
	watchFor = 40 * time.Minute
	// settingsEvery is how often a watch makes sure that its rule still runs.
	settingsEvery = 20 * time.Second
)

// errOver ends a watch whose rule no longer runs.
var errOver = errors.New("the rule no longer runs")

// WatchSource listens to the changes of a rule's source and starts what they call for, before the position moves on: after a worker's
// death the next one begins where nothing was started yet. It ends after watchFor, or when the rule no longer runs.
//
// Errors: those of the source; fault.SourceChangesDenied (Denied); fault.TemporalUnavailable (Transient).
func (a *Activities) WatchSource(ctx context.Context, in api.WatchInput) (api.WatchResult, error) {
	w := &watch{Activities: a, in: in, result: api.WatchResult{Position: in.Position}, heartbeater: &heartbeater{}}
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &w.result.Position); err != nil {
			return w.result, fault.Wrap("watch source", fault.Transient, fault.InternalError, "", err)
		}
	}
	w.heartbeater.details = w.result.Position
	defer w.heartbeater.start(ctx)()
	return w.result, w.run(ctx)
}

// watch is one attempt at listening.
type watch struct {
	*Activities
	in          api.WatchInput
	result      api.WatchResult
	heartbeater *heartbeater
	// started are the moments of the last minute in which a run was started.
	started []time.Time
}

func (w *watch) run(ctx context.Context) error {
	from, key, err := w.watcher(ctx)
	if err != nil {
		return err
	}
	if from == nil {
		w.result.Over = true
		return nil
	}
	listening, stop := context.WithTimeout(ctx, watchFor)
	defer stop()
	listening, end := context.WithCancelCause(listening)
	defer end(nil)
	go w.untilOver(listening, key, end)
	go func() {
		select {
		case <-activity.GetWorkerStopChannel(ctx):
			// Another worker goes on from the position.
			stop()
		case <-listening.Done():
		}
	}()
	err = from.Watch(listening, w.result.Position, func(c source.Changes) error { return w.take(ctx, c) })
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(context.Cause(listening), errOver):
		w.result.Over = true
		return nil
	case listening.Err() != nil:
		return nil
	}
	return err
}

// watcher opens the rule's source; nil where the rule does not run or its source does not tell of changes.
func (w *watch) watcher(ctx context.Context) (from source.Watcher, key string, err error) {
	s, err := w.settings.fresh(ctx, w.in.Connection)
	if err != nil {
		return nil, "", err
	}
	rule, ok := s.Config.Rule(w.in.Rule)
	if !ok || syncable(s, w.in.Rule) != nil {
		return nil, "", nil
	}
	opened, err := w.options.Sources(w.Provisioner.SourceOf(s, rule))
	if err != nil {
		return nil, "", err
	}
	from, _ = opened.(source.Watcher)
	return from, rule.Source.Key(), nil
}

// untilOver ends the listening when the rule no longer runs, or reads its source in another way.
func (w *watch) untilOver(ctx context.Context, key string, end context.CancelCauseFunc) {
	tick := time.NewTicker(settingsEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		s, err := w.settings.fresh(ctx, w.in.Connection)
		if err != nil && !fault.Is(err, fault.ConnectionUnknown) {
			continue
		}
		rule, ok := s.Config.Rule(w.in.Rule)
		if !ok || syncable(s, w.in.Rule) != nil || rule.Source.Key() != key {
			end(errOver)
			return
		}
	}
}

// take starts what changes call for, and then moves the position on.
func (w *watch) take(ctx context.Context, c source.Changes) error {
	now := w.options.Now()
	for len(w.started) > 0 && now.Sub(w.started[0]) > time.Minute {
		w.started = w.started[1:]
	}
	if c.Everybody || len(c.IDs) > burst || len(w.started)+len(c.IDs) > perMinute {
		if err := w.sync(ctx); err != nil {
			return err
		}
	} else {
		for _, id := range c.IDs {
			if err := w.person(ctx, id); err != nil {
				return err
			}
			w.started = append(w.started, now)
		}
	}
	if c.Position != nil {
		w.result.Position = c.Position
		w.heartbeater.keep(ctx, w.result.Position)
	}
	return nil
}

// sync starts a sync of the rule, or asks the running one to look again.
func (w *watch) sync(ctx context.Context) error {
	w.result.Syncs++
	return w.signal(ctx, api.SyncID(w.in.Connection, w.in.Rule), api.SyncRuleType, api.SyncInput{Connection: w.in.Connection, Rule: w.in.Rule},
		wire.AttributeConnection.ValueSet(w.in.Connection), wire.AttributeRule.ValueSet(w.in.Rule))
}

// person starts a run of one person, or asks the running one to look again.
func (w *watch) person(ctx context.Context, id string) error {
	w.result.Runs++
	return w.signal(ctx, api.UserID(w.in.Connection, id), api.ProvisionUserType, api.UserInput{Connection: w.in.Connection, User: id, Event: true},
		wire.AttributeConnection.ValueSet(w.in.Connection))
}

func (w *watch) signal(ctx context.Context, id, workflowType string, in any, attributes ...temporal.SearchAttributeUpdate) error {
	_, err := w.options.Temporal.SignalWithStartWorkflow(ctx, id, api.SignalAgain, nil, client.StartWorkflowOptions{
		TaskQueue: api.TaskQueue, StaticSummary: "A change at the source", TypedSearchAttributes: temporal.NewSearchAttributes(attributes...),
		Priority: wire.Priority(w.in.Connection),
	}, workflowType, in)
	if err != nil {
		return fault.Wrap("start run", fault.Transient, fault.TemporalUnavailable, "", err)
	}
	return nil
}

// eventRemoval asks the connection whether somebody may lose something between two syncs. A run that asks again gets the same answer.
func (a *Activities) eventRemoval(ctx context.Context, connection, rule, user string) (bool, error) {
	run := ""
	if activity.IsActivity(ctx) {
		run = activity.GetInfo(ctx).WorkflowExecution.RunID
	}
	handle, err := a.options.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		UpdateID: "event-removal/" + run, WorkflowID: api.ConnectionID(connection), UpdateName: api.UpdateEventRemoval,
		Args: []any{api.EventRemovalInput{Rule: rule, User: user}}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	var answer api.EventRemovalResult
	if err == nil {
		err = handle.Get(ctx, &answer)
	}
	if err != nil {
		return false, fault.Wrap("ask for a removal", fault.Transient, fault.TemporalUnavailable, rule, err)
	}
	return answer.Allowed, nil
}
