package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

const (
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
	err := w.run(ctx)
	if f := fault.Of(err); err != nil && (f.Reason == fault.ConnectionUnknown || w.moved && f.Kind != fault.Transient && ctx.Err() == nil) {
		// What was heard so far is kept by a result alone. The next attempt meets the same error at once.
		w.result.Over = f.Reason == fault.ConnectionUnknown
		return w.result, nil
	}
	return w.result, err
}

// watch is one attempt at listening.
type watch struct {
	*Activities
	in     api.WatchInput
	result api.WatchResult
	// moved: something was heard in this attempt, or for the first time where the feed begins.
	moved       bool
	heartbeater *heartbeater
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

// watcher opens the rule's source; nil where it is not under this rule that the source is watched, or it does not tell of changes.
func (w *watch) watcher(ctx context.Context) (from source.Watcher, key string, err error) {
	s, err := w.settings.Fresh(ctx, w.in.Connection)
	if err != nil {
		return nil, "", err
	}
	rule, ok := s.Config.Rule(w.in.Rule)
	if !ok || !w.watches(s, rule.Source.Key()) {
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
		s, err := w.settings.Fresh(ctx, w.in.Connection)
		if err != nil && !fault.Is(err, fault.ConnectionUnknown) {
			continue
		}
		rule, ok := s.Config.Rule(w.in.Rule)
		if !ok || rule.Source.Key() != key || !w.watches(s, key) {
			end(errOver)
			return
		}
	}
}

// watches reports that the rule runs and is the one under which the source is watched. Others that read it have a watch of their own only
// when this one ends.
func (w *watch) watches(s api.Settings, key string) bool {
	readers := s.Readers(key)
	return s.Usable() == nil && len(readers) > 0 && readers[0] == w.in.Rule
}

// take starts what changes call for, and then moves the position on.
func (w *watch) take(ctx context.Context, c source.Changes) error {
	runs, syncs, err := TakeChanges(ctx, w.Activities, w.in.Connection, w.in.Rule, c)
	w.result.Runs, w.result.Syncs = w.result.Runs+runs, w.result.Syncs+syncs
	if err != nil {
		return err
	}
	if c.Position != nil {
		// Where listening begins is no progress, or a source that fails each time it is listened to would be asked without a pause.
		w.moved = w.moved || w.in.Position == nil || c.Everybody || len(c.IDs) > 0
		w.result.Position = c.Position
		w.heartbeater.keep(ctx, w.result.Position)
	}
	return nil
}
