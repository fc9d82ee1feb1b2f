package source

import "context"

// Position is a place in a store's feed of changes: opaque, without anything personal, so that Temporal may keep it. A nil
// Position is the present.
type Position []byte

// Changes are what a feed told of. They are hints: whoever hears of them reads the store itself, and that somebody is not
// among them, or is reported as deleted, removes nobody.
type Changes struct {
	// IDs are people of whom something may have changed, each once, deleted ones among them.
	IDs []string
	// Everybody: what has changed cannot be told person by person, as after a position that the server no longer knows, or in
	// a file. Only a complete listing finds it out.
	Everybody bool
	// Position is where to go on once these changes are taken care of; nil where a feed has no positions.
	Position Position
}

// Events are what a webhook told of. Like Changes they are hints.
type Events struct {
	// Told are the events that mean something, in their order.
	Told []Event
	// Unknown are the types of those that mean nothing here, each once.
	Unknown []string
}

// Event is one thing that happened at a store.
type Event struct {
	// ID is the event's own: one that comes twice is the same event.
	ID string
	// Source is what identifies the source that it is about: the value of one of Settings.Identity.
	Source string
	// Person is who is concerned; "" where that is everybody.
	Person string
}

// Watcher is a source that hears of changes as they happen. It is optional: every source is also listed on its schedule,
// which finds what a feed has missed.
type Watcher interface {
	// Watch reports changes after a position, in order, until ctx ends (it then returns ctx's error) or the feed breaks. A
	// changes report that returns an error ends it with that error; the changes count as not taken care of. Where a store
	// cannot go on from the position it reports Everybody once, and goes on from the present. Watch reports an empty Changes
	// with the position at which the feed begins as soon as it listens: from then on nothing is missed.
	//
	// Errors: those of reading the source; fault.SourceChangesDenied (Denied) where the store's server does not let this
	// account hear of changes: the schedule alone then finds them.
	Watch(ctx context.Context, after Position, report func(Changes) error) error
}

// Checker is a source that can tell more about what keeps it from being read than a failed read: for the connection test.
type Checker interface {
	// Check looks at what a complete reading needs, step by step, such as the address, the certificate, the sign-in and the
	// place of the people. It reads nobody's data and stops at the first step that fails.
	Check(ctx context.Context) []Finding
}

// Finding is one step of a check. It holds no personal data and no secret.
type Finding struct {
	// Step names what was looked at, in the words of the settings: "address", "certificate", "sign-in", "base DN".
	Step string
	// Err is why the step failed; nil where it did not. Its kind and reason are those that a read would end with.
	Err error
	// Message says what was found, in one sentence.
	Message string
	// Setting is the key below the rule's `source:` that mends a failure, such as "ldap.bindPassword"; "" where none does.
	Setting string
	// Fix says what to do about a failure, or about a warning.
	Fix string
	// Warning: the source can be read, but somebody should look.
	Warning bool
}

// Closer is what holds connections: the part that an opener shares among its sources. The opener gives it to Environment.AtEnd.
type Closer interface {
	// Close gives back the connections that are idle.
	Close() error
}
