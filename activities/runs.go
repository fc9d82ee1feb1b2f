package activities

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
)

// AwaitRun waits for a workflow that runs already and returns its result as JSON, after having asked it, by a signal, to
// look again. Temporal has no way for a workflow to await another that it did not start.
//
// Errors: that of the awaited workflow; fault.Stopped when it was cancelled or terminated; fault.RunMissed (Stale) when it
// ended before it could be asked, or was of another type: whoever waits may start their own now.
func (a *Activities) AwaitRun(ctx context.Context, in api.AwaitInput) (json.RawMessage, error) {
	p := &pulse{}
	// A worker that dies in between leads to one signal too many, which costs a look; one too few would lose a wake-up.
	asked := activity.HasHeartbeatDetails(ctx)
	if asked {
		p.details = in.Signal
	}
	defer p.start(ctx)()
	missed := fault.New("await run", fault.Stale, fault.RunMissed, "")
	run := a.options.Temporal.GetWorkflow(ctx, in.WorkflowID, "")
	wanted, err := a.isOfType(ctx, in)
	if err != nil {
		return nil, err
	}
	if wanted && in.Signal != "" && !asked {
		err := a.options.Temporal.SignalWorkflow(ctx, in.WorkflowID, "", in.Signal, nil)
		if isGone(err) {
			return nil, missed
		}
		if err != nil {
			return nil, fault.Wrap("signal running workflow", fault.Transient, fault.TemporalUnavailable, in.WorkflowID, err)
		}
		p.keep(ctx, in.Signal)
	}
	var result json.RawMessage
	err = run.Get(ctx, &result)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !wanted || isGone(err):
		return nil, missed
	case err != nil:
		return nil, err
	}
	return result, nil
}

// isOfType asks whether the run to wait for is of the wanted type.
func (a *Activities) isOfType(ctx context.Context, in api.AwaitInput) (bool, error) {
	if in.Type == "" {
		return true, nil
	}
	d, err := a.options.Temporal.DescribeWorkflowExecution(ctx, in.WorkflowID, "")
	switch {
	case isGone(err):
		return false, nil
	case err != nil:
		return false, fault.Wrap("describe running workflow", fault.Transient, fault.TemporalUnavailable, in.WorkflowID, err)
	}
	return d.GetWorkflowExecutionInfo().GetType().GetName() == in.Type, nil
}

// HeartbeatEvery is how often an activity tells the server that its worker lives. A killed worker's activities are taken
// up again after the heartbeat timeout and not after the time that they may take.
const HeartbeatEvery = 5 * time.Second

// heartbeat keeps an activity alive until stop is called.
func heartbeat(ctx context.Context) (stop func()) { return new(pulse).start(ctx) }

// pulse is the heartbeat of one activity. Each beat replaces the details of the one before, so it repeats them.
type pulse struct {
	mu      sync.Mutex
	details any
	// begun: a beat was sent, and the SDK may keep the next one for a while before it sends it.
	begun bool
}

func (p *pulse) beat(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = true
	if p.details == nil {
		activity.RecordHeartbeat(ctx)
		return
	}
	activity.RecordHeartbeat(ctx, p.details)
}

// keep repeats details with each beat from now on.
func (p *pulse) keep(ctx context.Context, details any) {
	p.mu.Lock()
	p.details = details
	p.mu.Unlock()
	p.beat(ctx)
}

// note records details that the next attempt must find even if this worker dies right after.
//
// Errors: Transient (TemporalUnavailable) when the server did not take them, which is also what a superseded attempt is told.
func (p *pulse) note(ctx context.Context, temporal client.Client, details any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.details = details
	activity.RecordHeartbeat(ctx, details)
	if !p.begun || temporal == nil {
		p.begun = true
		return nil
	}
	if err := temporal.RecordActivityHeartbeat(ctx, activity.GetInfo(ctx).TaskToken, details); err != nil {
		return fault.Wrap("record heartbeat", fault.Transient, fault.TemporalUnavailable, "", err)
	}
	return nil
}

// start beats until stop is called.
func (p *pulse) start(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	var once sync.Once
	go func() {
		tick := time.NewTicker(HeartbeatEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.beat(ctx)
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { once.Do(func() { close(done) }) }
}
