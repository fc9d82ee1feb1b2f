package plan

import (
	"slices"
	"time"
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

// AllowByEvent decides whether somebody may lose something between two syncs. Within EventWindow as many people of a rule may as the
// guard allows a sync; whoever is among them already may lose more. kept are those that count from now on.
//
// A single change is never many, and many changes are what the guard is for: a source that is emptied line by line would otherwise
// empty the tenant person by person.
func AllowByEvent(before []EventRemoval, allowed int, user string, now time.Time) (kept []EventRemoval, ok bool) {
	kept = slices.DeleteFunc(slices.Clone(before), func(r EventRemoval) bool { return now.Sub(r.At) >= EventWindow })
	if slices.ContainsFunc(kept, func(r EventRemoval) bool { return r.User == user }) {
		return kept, true
	}
	if len(kept) >= allowed {
		return kept, false
	}
	return append(kept, EventRemoval{User: user, At: now}), true
}
