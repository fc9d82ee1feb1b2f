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
	n.done = make([]written, n.limit)
	n.weight = newBindWeight(n.limit, n.window)
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
//
// A PATCH that adds members may count as several writes. How many is learned (bindWeight), and what was sent before is reckoned anew
// with each new weight. While it is not settled, only a twentieth of the limit may be under way with such requests, so that the
// answers of the first can change what is made of the next.
type budget struct {
	limit   int
	window  time.Duration
	maxWait time.Duration
	now     func() time.Time

	mu       sync.Mutex
	underway tally
	done     []written // ring of finished writes, oldest at first
	first, n int
	counted  tally // what is in the ring
	weight   *bindWeight

	pausedUntil time.Time
	throttled   int // 429s in a row without Retry-After
	stagger     int
	queueEnd    time.Time // where the last one that was sent away has been told to come back

	gap      time.Duration // least distance between two writes while the service reports pressure
	gapUntil time.Time
	lastSent time.Time
	lastCost int
}

// written is a finished write: when it ended, and whether it added members.
type written struct {
	at   time.Time
	bind bool
}

// tally counts writes by their kind.
type tally struct{ plain, binds int }

func (t *tally) add(bind bool, n int) {
	if bind {
		t.binds += n
	} else {
		t.plain += n
	}
}

// writes is what they cost.
func (t tally) writes(weight int) int { return t.plain + t.binds*weight }

// pass is the leave to send one request.
type pass struct {
	b      *budget
	write  bool
	bind   bool
	sentAt time.Time
	levels [maxBindWeight + 1]float64 // for sure, by weight, when it was sent
}

const (
	staggerStep = 5 * time.Millisecond
	// probeWait is how long a request waits for the answers of others that cost an unknown number of writes.
	probeWait = 20 * time.Millisecond
)

// slot is the time between two writes at the steady rate of the limit.
func (b *budget) slot() time.Duration { return b.window / time.Duration(b.limit) }

// enter waits until a request may be sent. done of what it gives must be called when the request is over; sent tells whether it may have
// reached the service, where even a rejected request counts.
//
// Faults: Throttled (GraphThrottled while paused, WriteBudgetExceeded else) with RetryAfter when the wait would be longer
// than MaxWait; Transient (GraphTimeout, Interrupted) when ctx ends.
func (b *budget) enter(ctx context.Context, op operation) (*pass, error) {
	deadline := b.now().Add(b.maxWait)
	for {
		p := &pass{b: b, write: op.write, bind: op.bind}
		at, reason, ok := b.take(p, deadline)
		if ok {
			return p, nil
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
func (b *budget) take(p *pass, deadline time.Time) (at time.Time, reason fault.Reason, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	at, reason = b.earliest(p, now)
	if !at.After(now) {
		p.sentAt = now
		if p.write {
			b.underway.add(p.bind, 1)
			b.lastSent, b.lastCost = now, cost(p.bind, b.weight.now)
			p.levels = b.weight.sent(p.bind, now)
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
func (b *budget) earliest(p *pass, now time.Time) (time.Time, fault.Reason) {
	at, reason := now, fault.WriteBudgetExceeded
	if b.pausedUntil.After(at) {
		at, reason = b.pausedUntil, fault.GraphThrottled
	}
	if !p.write {
		return at, reason
	}
	for b.n > 0 && !b.done[b.first].at.Add(b.window).After(now) {
		b.counted.add(b.done[b.first].bind, -1)
		b.first = (b.first + 1) % len(b.done)
		b.n--
	}
	price := cost(p.bind, b.weight.now)
	// One that costs more than the limit may go when nothing else does.
	over := b.underway.writes(b.weight.now) + b.counted.writes(b.weight.now) + min(price, b.limit) - b.limit
	if over > 0 {
		if free := b.free(over, now); free.After(at) {
			at = free
		}
	}
	if p.bind && b.weight.now > 1 && (b.underway.binds+1)*price > max(price, b.limit/20) {
		if next := now.Add(probeWait); next.After(at) {
			at = next
		}
	}
	if b.gapUntil.After(now) {
		if next := b.lastSent.Add(b.gap * time.Duration(max(b.lastCost, 1))); next.After(at) {
			at = next
		}
	}
	return at, reason
}

// free is when so many writes of the window are out of it, as far as is known now.
func (b *budget) free(over int, now time.Time) time.Time {
	for i := range b.n {
		w := b.done[(b.first+i)%len(b.done)]
		if over -= cost(w.bind, b.weight.now); over <= 0 {
			return w.at.Add(b.window)
		}
	}
	return now.Add(b.slot())
}

// done ends a request.
func (p *pass) done(sent bool) {
	if !p.write {
		return
	}
	b := p.b
	b.mu.Lock()
	defer b.mu.Unlock()
	b.underway.add(p.bind, -1)
	if !sent {
		return
	}
	now := b.now()
	b.weight.arrived(p.bind, now)
	if b.n == len(b.done) {
		b.counted.add(b.done[b.first].bind, -1)
		b.first, b.n = (b.first+1)%len(b.done), b.n-1
	}
	b.done[(b.first+b.n)%len(b.done)] = written{now, p.bind}
	b.counted.add(p.bind, 1)
	b.n++
}

// refused is a 429.
func (p *pass) refused() {
	if !p.write {
		return
	}
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	p.b.weight.refused(p.b.now())
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
func (p *pass) learn(used float64) {
	b := p.b
	b.mu.Lock()
	defer b.mu.Unlock()
	b.throttled = 0
	if p.write {
		b.weight.succeeded(p.levels, p.sentAt, b.now(), used)
	}
	if used <= reported {
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
