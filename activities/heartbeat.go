package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/internal/fault"
)

// HeartbeatEvery is how often an activity tells the server that its worker lives. A killed worker's activities are taken
// up again after the heartbeat timeout and not after the time that they may take.
const HeartbeatEvery = 5 * time.Second

// heartbeat keeps an activity alive until stop is called. Outside activities it does nothing.
func heartbeat(ctx context.Context) (stop func()) {
	if !activity.IsActivity(ctx) {
		return func() {}
	}
	return new(heartbeater).start(ctx)
}

// heartbeater is the heartbeat of one activity. Each beat replaces the details of the one before, so it repeats them.
type heartbeater struct {
	mu      sync.Mutex
	details any
	// begun: a beat was sent, and the SDK may keep the next one for a while before it sends it.
	begun bool
}

func (h *heartbeater) beat(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begun = true
	if h.details == nil {
		activity.RecordHeartbeat(ctx)
		return
	}
	activity.RecordHeartbeat(ctx, h.details)
}

// keep repeats details with each beat from now on.
func (h *heartbeater) keep(ctx context.Context, details any) {
	h.mu.Lock()
	h.details = details
	h.mu.Unlock()
	h.beat(ctx)
}

// note records details that the next attempt must find even if this worker dies right after. The SDK would send them at its
// own time, and keep an error to itself.
//
// Errors: Transient (TemporalUnavailable) when the server did not take them, which is also what a superseded attempt is told.
func (h *heartbeater) note(ctx context.Context, temporal client.Client, details any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.details = details
	if h.begun {
		// The SDK may still hold the details of an earlier beat, and would send them after these.
		activity.RecordHeartbeat(ctx, details)
	}
	if err := temporal.RecordActivityHeartbeat(ctx, activity.GetInfo(ctx).TaskToken, details); err != nil {
		return fault.Wrap("record heartbeat", fault.Transient, fault.TemporalUnavailable, "", err)
	}
	return nil
}

// start beats until stop is called.
func (h *heartbeater) start(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	var once sync.Once
	go func() {
		tick := time.NewTicker(HeartbeatEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				h.beat(ctx)
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { once.Do(func() { close(done) }) }
}
