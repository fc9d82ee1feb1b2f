package plan

import (
	"slices"
	"time"

	"github.com/entraflow/entraflow/internal/config"
)

// EventWindow is how long a removal that a change at the source led to counts.
const EventWindow = 24 * time.Hour

// EventRemoval is somebody who lost something because of a change at the source, between two syncs.
type EventRemoval struct {
	// User is the person's source id.
	User string `json:"user"`
	// At is when it was allowed.
	At time.Time `json:"at"`
}

// MaxEventRemovals is how many people of a connection may lose something between two syncs within EventWindow, whatever the guard allows. They
// are in the state that the connection's workflow hands to its next run, which Temporal bounds.
const MaxEventRemovals = 2000

// EventBound is how many people of a rule may lose something within EventWindow: as many as the last sync's guard allowed, and the
// present one allows. A guard that was tightened counts at once, one that was loosened from the next sync on. others are the people of
// the connection's other rules.
func EventBound(last Guard, now config.RemovalGuard, others int) int {
	return max(0, min(last.Allowed, now.Allowed(last.Linked), MaxEventRemovals-others))
}

// CountingRemovals are those that count at a moment.
func CountingRemovals(before []EventRemoval, now time.Time) []EventRemoval {
	return slices.DeleteFunc(slices.Clone(before), func(r EventRemoval) bool { return now.Sub(r.At) >= EventWindow })
}

// AllowByEvent decides whether somebody may lose something between two syncs. Within EventWindow as many people of a rule may as the
// guard allows a sync; whoever is among them already may lose more. kept are those that count from now on.
//
// A single change is never many, and many changes are what the guard is for: a source that is emptied line by line would otherwise
// empty the tenant person by person.
func AllowByEvent(before []EventRemoval, allowed int, user string, now time.Time) (kept []EventRemoval, ok bool) {
	kept = CountingRemovals(before, now)
	if slices.ContainsFunc(kept, func(r EventRemoval) bool { return r.User == user }) {
		return kept, true
	}
	if len(kept) >= allowed {
		return kept, false
	}
	return append(kept, EventRemoval{User: user, At: now}), true
}
