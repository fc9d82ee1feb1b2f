package graph

import (
	"context"
	"sync"
	"time"

	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/fault"
)

// Budgets limit what is sent for each tenant and application. The zero value has the vendor's full limit; the fields are
// read when a tenant is first spoken to.
//
// Limits: https://learn.microsoft.com/graph/throttling-limits (identity and access)
type Budgets struct {
	// Writes in any Window of time. Defaults 3000 and 150 s, the limit of one application in one tenant.
	Writes int
	Window time.Duration
	// Share of Writes that this process may use, above 0 to 1. Default 1; with n workers of one tenant set 1/n.
	Share float64
	// MaxWait is how long a request may wait inside the call; a longer wait is returned as a fault of kind Throttled with
	// RetryAfter instead. Default 5 s.
	MaxWait time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time

	mu     sync.Mutex
	scopes map[string]*budget
}

// of is the budget of one tenant and application.
func (b *Budgets) of(scope string) *budget {
	b.mu.Lock()
	defer b.mu.Unlock()
	if found, ok := b.scopes[scope]; ok {
		return found
	}
	n := &budget{limit: b.Writes, window: b.Window, maxWait: b.MaxWait, now: b.Now}
	if n.limit <= 0 {
		n.limit = 3000
	}
	if b.Share > 0 && b.Share < 1 {
		n.limit = max(1, int(float64(n.limit)*b.Share))
	}
	if n.window <= 0 {
		n.window = 150 * time.Second
	}
	if n.maxWait <= 0 {
		n.maxWait = 5 * time.Second
	}
	if n.now == nil {
		n.now = time.Now
	}
	n.done = make([]time.Time, n.limit)
	if b.scopes == nil {
		b.scopes = map[string]*budget{}
	}
	b.scopes[scope] = n
	return n
}

// budget is a sliding window of writes together with the pause that a 429 asked for.
//
// The service counts a write when it arrives, somewhere between our sending and its answer. So a write under way counts
// for as long as it is, and a finished one for a whole window after its end; then at most limit writes arrive in any
// window, whatever the latency.
type budget struct {
	limit   int
	window  time.Duration
	maxWait time.Duration
	now     func() time.Time

	mu       sync.Mutex
	underway int
	done     []time.Time // ring of the ends of finished writes, oldest at first
	first, n int

	pausedUntil time.Time
	throttled   int // 429s in a row without Retry-After
	stagger     int
	queueEnd    time.Time // where the last one that was sent away has been told to come back

	gap      time.Duration // least distance between two writes while the service reports pressure
	gapUntil time.Time
	lastSent time.Time
}

const staggerStep = 5 * time.Millisecond

// slot is the time between two writes at the steady rate of the limit.
func (b *budget) slot() time.Duration { return b.window / time.Duration(b.limit) }

// enter waits until a request may be sent. done must be called when the request is over; sent tells whether it may have reached the
// service, where even a rejected request counts.
//
// Faults: Throttled (GraphThrottled while paused, WriteBudgetExceeded else) with RetryAfter when the wait would be longer
// than MaxWait; Transient (GraphTimeout, Interrupted) when ctx ends.
func (b *budget) enter(ctx context.Context, op operation) (done func(sent bool), err error) {
	deadline := b.now().Add(b.maxWait)
	for {
		at, reason, ok := b.take(op.write, deadline)
		if ok {
			if !op.write {
				return func(bool) {}, nil
			}
			return b.finish, nil
		}
		now := b.now()
		if at.After(deadline) {
			f := fault.New(op.name, fault.Throttled, reason, "")
			f.RetryAfter = max(at.Sub(now), time.Millisecond)
			return nil, f
		}
		if err := sleep(ctx, max(at.Sub(now), time.Millisecond)); err != nil {
			return nil, contextFault(op.name, err)
		}
	}
}

// take books a request if it may go now; else it says when to ask again and why. A time after the deadline is where the
// caller, who will go away, should come back: such callers are laid out one slot apart so that they do not all return at
// once.
func (b *budget) take(write bool, deadline time.Time) (at time.Time, reason fault.Reason, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	at, reason = b.earliest(write, now)
	if !at.After(now) {
		if write {
			b.underway++
			b.lastSent = now
		}
		return now, "", true
	}
	if !at.After(deadline) {
		if reason == fault.GraphThrottled {
			// Those who wait here for the end of a pause do not all start in the same instant.
			b.stagger = (b.stagger + 1) % 32
			at = at.Add(time.Duration(b.stagger) * staggerStep)
		}
		if at.After(deadline) {
			at = deadline
		}
		return at, reason, false
	}
	if b.queueEnd.Before(at) || b.queueEnd.After(at.Add(b.window)) {
		b.queueEnd = at
	} else {
		b.queueEnd = b.queueEnd.Add(b.slot())
	}
	return b.queueEnd, reason, false
}

// earliest is when a request may go, as far as is known now.
func (b *budget) earliest(write bool, now time.Time) (time.Time, fault.Reason) {
	at, reason := now, fault.WriteBudgetExceeded
	if b.pausedUntil.After(at) {
		at, reason = b.pausedUntil, fault.GraphThrottled
	}
	if !write {
		return at, reason
	}
	for b.n > 0 && !b.done[b.first].Add(b.window).After(now) {
		b.first = (b.first + 1) % len(b.done)
		b.n--
	}
	if b.underway+b.n >= b.limit {
		free := now.Add(b.slot())
		if b.n > 0 {
			free = b.done[b.first].Add(b.window)
		}
		if free.After(at) {
			at = free
		}
	}
	if b.gapUntil.After(now) {
		if next := b.lastSent.Add(b.gap); next.After(at) {
			at = next
		}
	}
	return at, reason
}

// finish ends a write.
func (b *budget) finish(sent bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.underway--
	if !sent {
		return
	}
	b.done[(b.first+b.n)%len(b.done)] = b.now()
	b.n++
}

// pause stops all requests, reads too, for d from now; without a d of the service's own, for a time of ours that grows
// with each such answer in a row. It returns how long the pause lasts.
func (b *budget) pause(d time.Duration, known bool, own backoff.Step) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !known {
		b.throttled++
		d = own.After(b.throttled)
	}
	if until := b.now().Add(d); until.After(b.pausedUntil) {
		b.pausedUntil = until
	}
	return d
}

// learn takes in a success and the share of the limit that the service says is used up; 0 is no statement. Above 80 % it
// says so in a header, and writes are then spread out for a while: at the steady rate, from 100 % on slower still.
func (b *budget) learn(used float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.throttled = 0
	if used <= 0.8 {
		return
	}
	b.gap = b.slot()
	switch {
	case used >= 1.2:
		b.gap *= 4
	case used >= 1:
		b.gap *= 2
	}
	b.gapUntil = b.now().Add(b.window / 5)
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
