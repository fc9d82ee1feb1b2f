package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/plan"
)

// patience is how long a stage waits for people who do not come to an end, because Graph does not answer about them. Attempts at one person
// go on for hours, and whoever left would keep access as long.
const patience = 10 * time.Minute

// drainPatiently waits for the people under way, but not for ever. A name that is not free by then is refused to whoever wants it.
func (s *syncRun) drainPatiently(ctx workflow.Context) error {
	if s.running == 0 || !s.endsAccess() || workflow.GetVersion(ctx, "patience", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return s.drain(ctx)
	}
	over, err := workflow.AwaitWithTimeout(ctx, patience, func() bool { return s.running == 0 || s.withdrawn != nil })
	switch {
	case err != nil:
		return err
	case s.withdrawn != nil:
		return s.drain(ctx)
	case !over:
		s.late = s.running
	}
	return nil
}

// beforeRemovals: the plan takes something away, and has not begun to.
func (s *syncRun) beforeRemovals() bool {
	return s.removes() && s.Stage != plan.StageRemovals && s.Stage != plan.StageFreed && s.Stage != plan.StageGroups
}

// skips: the rest of the stage is left to another plan, and the removals come now.
func (s *syncRun) skips() bool { return s.Skipped && s.beforeRemovals() }

// skip leaves the rest of the stage to another plan.
func (s *syncRun) skip() { s.Skipped, s.late, s.stalled = true, s.running, false }

// lane waits until another person may be started. While half of the lanes or more are taken by people about whom Graph does not answer, all
// others would take much longer than they need, and after them whoever left: the removals come first then.
func (s *syncRun) lane(ctx workflow.Context) error {
	free := func() bool { return s.running < window+s.late || s.withdrawn != nil }
	if free() || !s.beforeRemovals() || workflow.GetVersion(ctx, "patience-lanes", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return workflow.Await(ctx, free)
	}
	s.watch(ctx)
	err := workflow.Await(ctx, func() bool { return s.stalled || free() })
	if s.stalled && s.withdrawn == nil {
		s.skip()
	}
	return err
}

// watch looks from time to time how many of those under way are late, with one timer for all of them.
func (s *syncRun) watch(ctx workflow.Context) {
	if s.watched {
		return
	}
	s.watched = true
	workflow.Go(ctx, func(ctx workflow.Context) {
		for s.beforeRemovals() && workflow.Sleep(ctx, patience/2) == nil {
			s.stalled = s.lateBy(workflow.Now(ctx)) >= window/2
		}
		s.watched, s.stalled = false, false
	})
}

// lateBy is how many people have been under way for longer than patience.
func (s *syncRun) lateBy(now time.Time) int {
	late := 0
	for late < len(s.since) && now.Sub(s.since[late]) >= patience {
		late++
	}
	return late
}

// maxHistory is how many events a run of a sync may have before it waits for everybody, however long that takes. Temporal ends a run at
// 51,200; a page of 500 people has up to about 5,000.
const maxHistory = 30_000

// postpones reports that another run must wait, since it would begin only when the last person under way has come to an end: for hours, while
// the removals wait. A stage before them is left then.
func (s *syncRun) postpones(ctx workflow.Context) (bool, error) {
	waits := s.beforeRemovals() || s.Stage == plan.StageRemovals
	if s.running == 0 || !waits || workflow.GetInfo(ctx).GetCurrentHistoryLength() > maxHistory ||
		workflow.GetVersion(ctx, "patience-runs", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return false, nil
	}
	if s.lateBy(workflow.Now(ctx)) == 0 {
		over, err := workflow.AwaitWithTimeout(ctx, patience, func() bool { return s.running == 0 || s.withdrawn != nil })
		if err != nil || over {
			return false, err
		}
	}
	if s.beforeRemovals() {
		s.skip()
	}
	return true, nil
}
