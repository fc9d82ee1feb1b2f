// Package fault is entraflow's one error type.
//
// Every failure that leaves an adapter (Graph, a source, the mapping) is an *Error. Its Kind decides what the machine
// does next, its Reason says what happened in a word that never changes, and its sentence tells a person what to do.
// The wrapped cause may name people; it is for the adapter's own process and never crosses into Temporal.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what the caller does next. The values are wire format: they appear in Temporal histories.
type Kind string

const (
	// Transient: nothing was changed; the same call is worth repeating after a back-off.
	Transient Kind = "transient"
	// Throttled: nothing was changed; the service asked us to wait for RetryAfter.
	Throttled Kind = "throttled"
	// Uncertain: a write may or may not have been carried out. Read before writing again.
	Uncertain Kind = "uncertain"
	// NotReady: the object or definition is too new to be seen everywhere; repeat later.
	NotReady Kind = "not_ready"
	// Rematch: the service knows an object that contradicts ours; look for it before doing anything else.
	Rematch Kind = "rematch"
	// Invalid: input, mapping or settings must be changed by a person; repeating is useless.
	Invalid Kind = "invalid"
	// Denied: credentials, permissions or consent must be changed by an administrator.
	Denied Kind = "denied"
	// NotFound: the thing asked for does not exist.
	NotFound Kind = "not_found"
	// Refused: entraflow itself will not do this, for safety or because settings forbid it.
	Refused Kind = "refused"
	// Stale: settings, plan or record changed since the caller looked; plan again.
	Stale Kind = "stale"
	// Internal: a defect of entraflow, or an answer that it does not understand. Never shown in detail.
	Internal Kind = "internal"
)

// Retryable reports whether repeating the call unchanged can help.
func (k Kind) Retryable() bool {
	switch k {
	case Transient, Throttled, Uncertain, NotReady, Rematch:
		return true
	case Invalid, Denied, NotFound, Refused, Stale, Internal:
	}
	return false
}

// Error is a failure with all that the machine and the person need.
type Error struct {
	// Op names what was being done, in the words of the code: "create user", "read source".
	Op string
	// Kind decides retry.
	Kind Kind
	// Reason is the stable code from reasons.go.
	Reason Reason
	// Subject names the setting, attribute, file place or source id concerned; never personal data.
	Subject string
	// RetryAfter is how long to wait before the next attempt; 0 leaves it to the retry policy.
	RetryAfter time.Duration
	// RequestID is the service's id of the request, for a support case; empty when there is none.
	RequestID string
	// Err is the cause. It may contain personal data: it is never sent to Temporal.
	Err error
}

// New returns an error of a kind and reason without a cause.
func New(op string, kind Kind, reason Reason, subject string) *Error {
	return &Error{Op: op, Kind: kind, Reason: reason, Subject: subject}
}

// Wrap returns an error of a kind and reason with a cause.
func Wrap(op string, kind Kind, reason Reason, subject string, err error) *Error {
	return &Error{Op: op, Kind: kind, Reason: reason, Subject: subject, Err: err}
}

// Error gives operation, subject, sentence and cause. For people at a terminal; use Message for anything that is stored.
func (e *Error) Error() string {
	s := e.Message()
	if e.Op != "" {
		s = e.Op + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Message gives subject, sentence and request id, and nothing of the cause: safe for histories, results and logs.
func (e *Error) Message() string {
	s := e.Reason.Sentence()
	if e.Subject != "" {
		s = e.Subject + ": " + s
	}
	if e.RequestID != "" {
		s += fmt.Sprintf(" (request id %s)", e.RequestID)
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Of finds the *Error in err's chain. A foreign error becomes Internal, with the foreign error as its cause; nil stays nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Reason: InternalError, Err: err}
}

// KindOf is the kind of err; "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	return Of(err).Kind
}

// Is reports whether err carries the reason.
func Is(err error, r Reason) bool { return err != nil && Of(err).Reason == r }
