package graph

import (
	"math"
	"time"
)

// maxBindWeight is the most that a PATCH which adds up to twenty members has been said to cost, in writes of the quota. Microsoft's
// table has 1, others that asked Microsoft reckon with one write for each three members. It is where everybody begins.
const maxBindWeight = 7

const (
	// reported is the share of the limit above which answers say how much of it is used up.
	reported = 0.8
	// refuted: where a weight makes us believe that so much is used up, and the answer does not say so, the weight is too high. Above
	// reported by what latencies and the rounding of a clock can make of it.
	refuted = 0.86
	// agrees is how far a report may be above what a weight explains.
	agrees = 0.03
	// exhausted is how much must be used up for a 429 to be explained by a weight.
	exhausted = 0.97
	// freshAnswer is how old the request may be whose answer says nothing: what was used up when it was sent leaks away.
	freshAnswer = 5 * time.Second
)

// bindWeight learns what a PATCH with members costs in writes. It keeps a model of the service's count, a bucket that leaks at the rate
// of the limit, for each weight that is possible. An answer that comes without a report, although a weight means one, refutes
// that weight; a report or a 429 that a weight does not explain calls for a higher one.
//
// With a share of the limit, the model has that share, as if the other processes sent what this one does. If they send less, the
// weight comes out lower than it is, while there is room; once there is none, reports say so and it rises.
//
// It is not safe for concurrent use; the budget's lock is over it.
type bindWeight struct {
	limit  float64
	window time.Duration
	now    int // the weight that is reckoned with, 1 to maxBindWeight
	// counted are the levels without, begun those with what is under way.
	counted, begun [maxBindWeight + 1]leak
	// silent: a 429 came although no answer before it had a report, so that none proves nothing.
	silent bool
	// spoken: there was a report since the last 429.
	spoken bool
}

// leak is a level that falls with time.
type leak struct {
	level float64
	at    time.Time
}

func (l *leak) add(n, rate float64, now time.Time) float64 {
	if d := now.Sub(l.at).Seconds(); d > 0 {
		l.level, l.at = math.Max(0, l.level-d*rate), now
	}
	l.level += n
	return l.level
}

func newBindWeight(limit int, window time.Duration) *bindWeight {
	return &bindWeight{limit: float64(limit), window: window, now: maxBindWeight}
}

// BindWeight is what AddMembers is reckoned to cost at present, in writes of the quota: 7 until something better is known, at least 1.
func (c *Client) BindWeight() int {
	c.budget.mu.Lock()
	defer c.budget.mu.Unlock()
	return c.budget.weight.now
}

// cost is what a write costs for a weight.
func cost(bind bool, weight int) int {
	if bind {
		return weight
	}
	return 1
}

// raise adds a write to the levels of one kind, and gives all of them.
func (w *bindWeight) raise(levels *[maxBindWeight + 1]leak, write, bind bool, now time.Time) (out [maxBindWeight + 1]float64) {
	rate := w.limit / w.window.Seconds()
	for weight := 1; weight <= maxBindWeight; weight++ {
		n := 0
		if write {
			n = cost(bind, weight)
		}
		out[weight] = levels[weight].add(float64(n), rate, now)
	}
	return out
}

// sent is called when a write goes out. It gives the levels that the service has reached for sure, by weight.
func (w *bindWeight) sent(bind bool, now time.Time) [maxBindWeight + 1]float64 {
	w.raise(&w.begun, true, bind, now)
	return w.raise(&w.counted, false, false, now)
}

// arrived is called when a write is over.
func (w *bindWeight) arrived(bind bool, now time.Time) { w.raise(&w.counted, true, bind, now) }

// succeeded learns of an answer. atSending is what sent gave, used the report; 0 is none.
func (w *bindWeight) succeeded(atSending [maxBindWeight + 1]float64, sentAt, now time.Time, used float64) {
	if used > reported {
		w.spoken, w.silent = true, false
		w.explain(used-agrees, now)
		return
	}
	if w.silent || now.Sub(sentAt) > freshAnswer {
		return
	}
	// Some weight must explain the silence, or there is another reason for it.
	for w.now > 1 && atSending[w.now] > refuted*w.limit && atSending[1] <= reported*w.limit {
		w.now--
	}
}

// refused learns of a 429 to a write.
func (w *bindWeight) refused(now time.Time) {
	if w.explain(exhausted, now) && !w.spoken {
		w.silent = true
	}
	w.spoken = false
}

// explain goes to the first weight, from the present one on, by which so much of the limit is used up. Where there is none, somebody
// else has used it, which is no matter of weight.
func (w *bindWeight) explain(share float64, now time.Time) bool {
	levels := w.raise(&w.begun, false, false, now)
	for weight := w.now; weight <= maxBindWeight; weight++ {
		if levels[weight] >= share*w.limit {
			changed := weight > w.now
			w.now = weight
			return changed
		}
	}
	return false
}
