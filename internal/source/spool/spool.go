// Package spool copies a live source once into an indexed local snapshot, so that a plan, which needs the columns first and
// then everybody, sees one state of a directory that changes all the time and costs a request for each answer.
//
// The copy is sealed (AES-256-GCM under a key that exists in this process's memory only) as soon as it leaves the memory
// for a temporary file, and the file has no name from then on where the operating system allows that. After the process
// has ended, however it ended, nothing of anybody can be read from the disk.
package spool

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sync"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// op is the operation that errors of this package name.
const op = "read source"

// DefaultMemory is how many bytes of a copy are held in memory before the rest goes to a file.
const DefaultMemory = 64 << 20

// Options say where a copy is kept. The zero value is ready.
type Options struct {
	// Memory is how many bytes are held in memory. Default DefaultMemory.
	Memory int
	// Directory is where the temporary file is made. Default the system's.
	Directory string
}

// Copy is one complete reading of a source. It is a source itself, of that one state, and safe for concurrent use.
type Copy struct {
	columns  source.Columns
	snapshot source.Snapshot
	ids      []string // in the source's order
	entries  map[key]place
	store    *sealed

	closing sync.RWMutex
	closed  bool
}

var _ source.Source = (*Copy)(nil)

// key is the hash of an id: of one size and without pointers, so that an index of many people costs little.
type key [16]byte

func keyOf(id string) key {
	sum := sha256.Sum256([]byte(id))
	return key(sum[:16])
}

// withGroups is a copy of a source that has groups. Those are not copied: they are read once in a plan, after the people, and only where a
// rule has groups. Whoever came to the source in between is a member whom the plan does not know.
type withGroups struct {
	*Copy
	source.GroupReader
}

// ForPlan gives the source that a plan reads: a copy of a live one, any other as it is. release gives the copy up. A source that is a
// source.GroupReader stays one; its groups are read as they are.
//
// Errors: those of the source.
func ForPlan(ctx context.Context, s source.Source) (planned source.Source, release func(), err error) {
	live, ok := s.(source.Live)
	if !ok {
		return s, func() {}, nil
	}
	c, err := Read(ctx, live, Options{})
	if err != nil {
		return nil, nil, err
	}
	release = func() { _ = c.Close() }
	if groups, ok := s.(source.GroupReader); ok {
		return withGroups{c, groups}, release, nil
	}
	return c, release, nil
}

// Read copies a source: one List from its beginning to its explicit end. The caller closes the copy.
//
// Errors: those of the source; fault.SourceIDEmpty and SourceIDDuplicate (Invalid) with the place among the records;
// SourceUnreadable (Transient) where the copy cannot be written.
func Read(ctx context.Context, from source.Source, o Options) (*Copy, error) {
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	c := &Copy{entries: map[key]place{}, store: newSealed(o)}
	columns := map[string]bool{}
	snapshot, err := from.List(ctx, func(r source.Record) error {
		for name := range r.Fields {
			columns[name] = true
		}
		return c.add(r)
	})
	if err == nil {
		c.columns, err = from.Columns(ctx)
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	for _, name := range c.columns.Names {
		delete(columns, name)
	}
	// What somebody has and the store did not announce is a column, too.
	for name := range columns {
		c.columns.Names = append(c.columns.Names, name)
	}
	slices.Sort(c.columns.Names)
	snapshot.Count = len(c.ids)
	if snapshot.ID == "" {
		snapshot.ID = c.store.sum()
	}
	c.snapshot = snapshot
	return c, nil
}

// add keeps one record.
func (c *Copy) add(r source.Record) error {
	if r.ID == "" {
		return fault.New(op, fault.Invalid, fault.SourceIDEmpty, "")
	}
	k := keyOf(r.ID)
	if _, double := c.entries[k]; double {
		return fault.New(op, fault.Invalid, fault.SourceIDDuplicate, "")
	}
	text, err := encode(r)
	if err != nil {
		return fault.Wrap(op, fault.Internal, fault.InternalError, "", err)
	}
	at, err := c.store.append(text)
	if err != nil {
		return fault.Wrap(op, fault.Transient, fault.SourceUnreadable, "local copy", err)
	}
	c.entries[k] = at
	c.ids = append(c.ids, r.ID)
	return nil
}

// Columns gives the columns as they were when the source was read.
func (c *Copy) Columns(context.Context) (source.Columns, error) {
	return source.Columns{Names: slices.Clone(c.columns.Names), Typed: c.columns.Typed, HasEnabled: c.columns.HasEnabled}, nil
}

// Snapshot is that of the one reading.
func (c *Copy) Snapshot(ctx context.Context) (source.Snapshot, error) {
	if ctx.Err() != nil {
		return source.Snapshot{}, cancelled(ctx)
	}
	return c.snapshot, nil
}

// List gives everybody in the order of the source.
func (c *Copy) List(ctx context.Context, yield func(source.Record) error) (source.Snapshot, error) {
	for i, id := range c.ids {
		if i%256 == 0 && ctx.Err() != nil {
			return source.Snapshot{}, cancelled(ctx)
		}
		r, err := c.read(id, c.entries[keyOf(id)])
		if err != nil {
			return source.Snapshot{}, err
		}
		if err := yield(r); err != nil {
			return source.Snapshot{}, err
		}
	}
	if ctx.Err() != nil {
		return source.Snapshot{}, cancelled(ctx)
	}
	return c.snapshot, nil
}

// Get gives one person as they were when the source was read.
func (c *Copy) Get(ctx context.Context, id string) (source.Record, source.Snapshot, error) {
	if ctx.Err() != nil {
		return source.Record{}, source.Snapshot{}, cancelled(ctx)
	}
	at, ok := c.entries[keyOf(id)]
	if !ok {
		return source.Record{}, c.snapshot, fault.New(op, fault.NotFound, fault.PersonNotFound, "")
	}
	r, err := c.read(id, at)
	if err != nil {
		return source.Record{}, source.Snapshot{}, err
	}
	return r, c.snapshot, nil
}

func (c *Copy) read(id string, at place) (source.Record, error) {
	c.closing.RLock()
	defer c.closing.RUnlock()
	if c.closed {
		return source.Record{}, fault.New(op, fault.Stale, fault.SourceChanged, "local copy")
	}
	text, err := c.store.read(at)
	if err != nil {
		return source.Record{}, fault.Wrap(op, fault.Transient, fault.SourceUnreadable, "local copy", err)
	}
	r, err := c.decode(id, text)
	if err != nil {
		return source.Record{}, fault.Wrap(op, fault.Internal, fault.InternalError, "local copy", err)
	}
	return r, nil
}

// Close forgets the copy: its key, its memory and its file.
func (c *Copy) Close() error {
	c.closing.Lock()
	defer c.closing.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	return c.store.close()
}

func cancelled(ctx context.Context) error {
	return fault.Wrap(op, fault.Transient, fault.SourceIncomplete, "local copy", context.Cause(ctx))
}

func hexOf(sum []byte) string { return hex.EncodeToString(sum[:16]) }
