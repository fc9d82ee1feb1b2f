// Package source says what entraflow needs of an identity store. Each store implements the small interfaces here and
// passes the conformance suite in sourcetest.
package source

import (
	"context"
)

// Record is one person at the source.
type Record struct {
	// ID is the person's id at the source: opaque, unique, never reused. It is the only thing of a record that may be
	// stored in Temporal.
	ID string
	// Enabled is whether the person is enabled at the source. Meaningless when EnabledErr is set.
	Enabled bool
	// EnabledErr tells that the source's enabled value is neither true nor false (fault.EnabledUnreadable). The person
	// then fails; everybody else goes on.
	EnabledErr error
	// Doubt: the record may have been cut, as the last one of a file whose last line has no end. An account that there is
	// already is left as it is.
	Doubt bool
	// Fields are the person's columns, every column of the source present: an empty one is "". Values are string, bool,
	// int64, float64, []any or map[string]any.
	Fields map[string]any
}

// Snapshot identifies one state of a source.
type Snapshot struct {
	// ID changes whenever the content may have changed; equal ids mean equal content.
	ID string `json:"id"`
	// Version orders the states of one source: a later one never has a smaller one (for a file, its modification time in
	// nanoseconds). 0 where a store cannot order its states, as a live directory with several servers: each read is then of
	// the store as it is, and counts as no older than any other.
	Version int64 `json:"version"`
	// Count is how many records the complete read saw; 0 where nothing was read completely, as in a single read of a live
	// directory.
	Count int `json:"count"`
	// Open: nothing shows that the source is whole, as in a file whose last line has no end. What it has is read, and nobody
	// is taken for gone.
	Open bool `json:"open,omitempty"`
}

// Older reports that the state is an earlier one than the other version, where both are known.
func (s Snapshot) Older(than int64) bool { return s.Version != 0 && than != 0 && s.Version < than }

// Same reports that the state is known to be that of the other version.
func (s Snapshot) Same(as int64) bool { return s.Version != 0 && s.Version == as }

// Columns are the field names a source has and what is known of their type.
type Columns struct {
	// Names are the columns, without id and enabled's special meaning (they are listed too, if the source has them).
	Names []string
	// Typed is false where every value is a string (CSV), true where values keep their own types (JSON).
	Typed bool
	// HasEnabled tells whether the source says who is enabled; without that everybody is.
	HasEnabled bool
	// Ambiguous are names that the source has more than once, so that no rule can use them.
	Ambiguous []string
	// Warnings say what was probably lost before the source was written, for whoever loads a configuration.
	Warnings []string
}

// Has reports whether the source has the column.
func (c Columns) Has(name string) bool {
	for _, n := range c.Names {
		if n == name {
			return true
		}
	}
	return false
}

// Describer tells a source's columns. It is asked once for each person that is read, so that a store for which the answer
// costs a request keeps it.
//
// Errors: fault.SourceMissing, SourceUnreadable, SourceMalformed, SourceColumnMissing, SourceOutsideRoot; an
// administrator acts on each.
type Describer interface {
	Columns(ctx context.Context) (Columns, error)
}

// Lister reads everybody.
type Lister interface {
	// List calls yield for each record in the source's own order and returns the snapshot only after it has seen the
	// explicit end of the source. Any error means that the read was not complete: nothing may be concluded about people
	// who were not seen. fault.SourceChanged (Stale) asks the caller to begin again. An error from yield ends the read
	// and is returned as it is.
	List(ctx context.Context, yield func(Record) error) (Snapshot, error)
}

// Getter reads one person.
type Getter interface {
	// Get returns the person and the snapshot it was read from. fault.PersonNotFound is returned, together with the
	// snapshot, only when the whole source is known and the person is not in it; any other error says nothing about the
	// person.
	Get(ctx context.Context, id string) (Record, Snapshot, error)
}

// Snapshotter tells in which state a source is.
type Snapshotter interface {
	// Snapshot identifies the present state, without reading everybody anew where nothing has changed. A store that cannot
	// say gives a snapshot without an ID: nothing that was read before may then be taken for the present state.
	Snapshot(ctx context.Context) (Snapshot, error)
}

// Source is a store that can do all four; every store of entraflow can.
type Source interface {
	Describer
	Lister
	Getter
	Snapshotter
}

// Live is a source that somebody else's server answers for, so that each read costs requests and no two reads are of one
// state. A plan reads it once, into a local copy of package spool.
type Live interface {
	Source
	// Live marks the source; it does nothing.
	Live()
}
