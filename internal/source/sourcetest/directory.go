package sourcetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// Directory is a live store in memory, as a directory server is one: it counts what it is asked, knows no order of its
// states, and can be changed while it is used.
type Directory struct {
	requests atomic.Int64

	mu     sync.Mutex
	people []Person
	byID   map[string]int
	broken int
	// groups are those of the directory, cut those whose members cannot be read, and groupsBroken is why no group can be listed.
	groups       []Group
	cut          []string
	groupsBroken error
	// told are the changes that were told, and heard is closed and made anew with each.
	told  [][]string
	heard chan struct{}
}

var (
	_ source.Live    = (*Directory)(nil)
	_ source.Watcher = (*Directory)(nil)
)

// Tell lets the directory tell of changes to people. None tells that everybody may have changed.
func (d *Directory) Tell(ids ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, ids)
	close(d.heard)
	d.heard = make(chan struct{})
}

// Watch reports what Tell tells. The position is how many changes were told.
func (d *Directory) Watch(ctx context.Context, after source.Position, report func(source.Changes) error) error {
	next, _ := strconv.Atoi(string(after))
	if after == nil {
		d.mu.Lock()
		next = len(d.told)
		d.mu.Unlock()
		if err := report(source.Changes{Position: source.Position(strconv.Itoa(next))}); err != nil {
			return err
		}
	}
	for {
		d.mu.Lock()
		told, heard := d.told, d.heard
		d.mu.Unlock()
		for ; next < len(told); next++ {
			err := report(source.Changes{IDs: told[next], Everybody: len(told[next]) == 0, Position: source.Position(strconv.Itoa(next + 1))})
			if err != nil {
				return err
			}
		}
		select {
		case <-heard:
		case <-ctx.Done():
			return ended(ctx)
		}
	}
}

// NewDirectory makes a directory of these people.
func NewDirectory(people []Person) *Directory {
	d := &Directory{broken: -1, heard: make(chan struct{})}
	d.Set(people)
	return d
}

// Set replaces everybody.
func (d *Directory) Set(people []Person) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.people = slices.Clone(people)
	d.byID = make(map[string]int, len(people))
	for i, p := range people {
		d.byID[p.ID] = i
	}
}

// Break makes listings end after so many people with fault.SourceIncomplete; a negative number mends that.
func (d *Directory) Break(after int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = after
}

// Requests is how often the directory was asked for a page or a person.
func (d *Directory) Requests() int64 { return d.requests.Load() }

// Live marks the directory as a live store.
func (d *Directory) Live() {}

// Columns come from the settings and cost nothing.
func (d *Directory) Columns(context.Context) (source.Columns, error) {
	return source.Columns{Names: append([]string{"id", "enabled"}, Columns...), HasEnabled: true}, nil
}

// Snapshot cannot tell one state from another.
func (d *Directory) Snapshot(ctx context.Context) (source.Snapshot, error) {
	return source.Snapshot{}, ended(ctx)
}

// List gives everybody, in pages of 100.
func (d *Directory) List(ctx context.Context, yield func(source.Record) error) (source.Snapshot, error) {
	d.mu.Lock()
	people, broken := d.people, d.broken
	d.mu.Unlock()
	sum := sha256.New()
	for i, p := range people {
		if i%100 == 0 {
			d.requests.Add(1)
		}
		if err := ended(ctx); err != nil {
			return source.Snapshot{}, err
		}
		if i == broken {
			return source.Snapshot{}, fault.New("read source", fault.Transient, fault.SourceIncomplete, "directory")
		}
		text, err := json.Marshal(p)
		if err != nil {
			return source.Snapshot{}, err
		}
		sum.Write(text)
		if err := yield(p.record()); err != nil {
			return source.Snapshot{}, err
		}
	}
	return source.Snapshot{ID: hex.EncodeToString(sum.Sum(nil)), Count: len(people)}, ended(ctx)
}

// Get asks for one person.
func (d *Directory) Get(ctx context.Context, id string) (source.Record, source.Snapshot, error) {
	d.requests.Add(1)
	if err := ended(ctx); err != nil {
		return source.Record{}, source.Snapshot{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	i, ok := d.byID[id]
	if !ok {
		return source.Record{}, source.Snapshot{}, fault.New("read source", fault.NotFound, fault.PersonNotFound, "directory")
	}
	return d.people[i].record(), source.Snapshot{}, nil
}

func (p Person) record() source.Record {
	r := source.Record{ID: p.ID, Enabled: p.Enabled == Enabled, Fields: map[string]any{"id": p.ID, "enabled": p.Enabled}}
	if p.Enabled == Unreadable {
		r.EnabledErr = fault.New("read source", fault.Invalid, fault.EnabledUnreadable, "directory")
	}
	for _, name := range Columns {
		r.Fields[name] = source.Clean(p.Fields[name])
	}
	return r
}

func ended(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return fault.Wrap("read source", fault.Transient, fault.SourceIncomplete, "directory", context.Cause(ctx))
}
