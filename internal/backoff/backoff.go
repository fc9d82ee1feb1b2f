// Package backoff says how long entraflow waits where no service asks for a certain time. Everything that waits gets a
// Policy and names the wait; only whoever puts a process together decides how long each of them is.
package backoff

import "time"

// Step is a wait that doubles with each attempt.
type Step struct{ First, Max time.Duration }

// After is the wait after the given attempt, counted from 1. It is at least a millisecond.
func (s Step) After(attempt int) time.Duration {
	d := s.First
	for i := 1; i < attempt && d < s.Max; i++ {
		d *= 2
	}
	return max(min(d, s.Max), time.Millisecond)
}

// Policy has every wait. The zero value has none; Default has those of production.
type Policy struct {
	// Replica: a new object may be unknown to some servers for seconds, seldom for up to 15 minutes.
	Replica Step
	// Verify is before a look at whether a lost write was carried out.
	Verify Step
	// Throttle is after a 429 that does not say how long; at most the window of the write limit.
	Throttle Step
	// Domain: a domain just added to the tenant is not known everywhere yet.
	Domain Step
	// Location: a usage location just written is not known yet to the service that assigns licenses.
	Location Step
	// Page is before one page of a list is asked for again.
	Page Step
	// Definition is before another look at whether a new extension property can be used.
	Definition Step
	// Test is before another request of a connection test.
	Test Step
	// Unseen is before another look for an account that was written and does not show yet.
	Unseen time.Duration
	// Conflict is before another look for the holder of a name that the tenant says is taken.
	Conflict time.Duration
	// Holder is for how long that goes on where it is sure that the holder is not the account that is being made.
	Holder time.Duration
	// Settle is how long what was written may stay invisible to reads: Microsoft's support guide gives 15 minutes as the upper
	// bound.
	Settle time.Duration
	// Terms is before another look at preferences that contradict each other, TermsPatience how long that goes on.
	Terms, TermsPatience time.Duration
	// Retry is before another attempt of an activity. Zero leaves it to the retry policies of the workflows.
	Retry Step
}

// Default has the waits of production.
func Default() Policy {
	return Policy{
		Replica:  Step{15 * time.Second, 240 * time.Second},
		Verify:   Step{5 * time.Second, 60 * time.Second},
		Throttle: Step{10 * time.Second, 150 * time.Second},
		Domain:   Step{30 * time.Second, 30 * time.Second},
		Location: Step{10 * time.Second, 60 * time.Second},
		Page:     Step{time.Second, 16 * time.Second},

		Definition: Step{2 * time.Second, 30 * time.Second},
		Test:       Step{time.Second, 8 * time.Second},

		Unseen: 15 * time.Second, Conflict: 5 * time.Second, Holder: time.Minute, Settle: 15 * time.Minute,
		Terms: 10 * time.Second, TermsPatience: time.Hour,
	}
}

// Scaled has every wait of p multiplied by factor, and waits itself before another attempt, which the retry policies of the
// workflows would make longer.
func (p Policy) Scaled(factor float64) Policy {
	if factor == 1 {
		return p
	}
	if p.Retry == (Step{}) {
		p.Retry = Step{time.Second, 2 * time.Minute}
	}
	scale := func(ds ...*time.Duration) {
		for _, d := range ds {
			*d = time.Duration(float64(*d) * factor)
		}
	}
	for _, s := range []*Step{&p.Replica, &p.Verify, &p.Throttle, &p.Domain, &p.Location, &p.Page, &p.Definition, &p.Test, &p.Retry} {
		scale(&s.First, &s.Max)
	}
	scale(&p.Unseen, &p.Conflict, &p.Holder, &p.Settle, &p.Terms, &p.TermsPatience)
	return p
}
