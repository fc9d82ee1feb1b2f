package file

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"time"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// index is what is known of one state of a file: where each person stands, or why the file cannot be used.
type index struct {
	// info is the file's identity, size and modification time when it was read.
	info fs.FileInfo
	// began is when the reading began.
	began   time.Time
	layout  layout
	entries map[key]entry
	// text is what records are read from where the file's own bytes are not those of a text; else nil.
	text []byte
	// open: the last line has no end.
	open bool
	// last is who stands in it, if that cannot be known to be whole.
	last key
	// warnings are what the file probably lost.
	warnings []string
	// sum is the hash of all bytes of the file.
	sum [sha256.Size]byte
	// err, when set, is why the file cannot be used in this state; info and began are all that is known then.
	err error
}

// key is the hash of an id. Keys of one size, without pointers, keep the index at 32 bytes a person and out of the
// garbage collector's way; 128 bits of SHA-256 do not collide.
type key [16]byte

func keyOf(id string) key {
	sum := sha256.Sum256([]byte(id))
	return key(sum[:16])
}

// entry is where a person stands in the file.
type entry struct {
	start        int64
	length, line uint32
}

// unsettled is how close to its last change a file may be read and be changed again without another modification time:
// the coarsest clock of the usual file systems.
const unsettled = 2 * time.Second

// describes reports whether the index was made of the file in this state.
func (x *index) describes(info fs.FileInfo) bool { return sameState(x.info, info) }

// settled reports whether a later change of the file must show in its modification time.
func (x *index) settled() bool {
	age := x.began.Sub(x.info.ModTime())
	return age >= unsettled || age <= -unsettled
}

// doubts reports that a record may have been cut.
func (x *index) doubts(k key) bool { return x.open && x.last != key{} && x.last == k }

func (x *index) snapshot() source.Snapshot {
	return source.Snapshot{
		ID:      hex.EncodeToString(x.sum[:16]),
		Version: x.info.ModTime().UnixNano(),
		Count:   len(x.entries),
		Open:    x.open,
	}
}

// Snapshot identifies the file as it is now. The file is read where that was not done since its last change.
//
// Errors: those of List.
func (s *store) Snapshot(ctx context.Context) (source.Snapshot, error) {
	if ctx.Err() != nil {
		return source.Snapshot{}, s.cancelled(ctx)
	}
	index, err := s.current(ctx)
	if err != nil {
		return source.Snapshot{}, err
	}
	return index.snapshot(), nil
}

// current gives the index of the file as it is now.
func (s *store) current(ctx context.Context) (*index, error) {
	began := s.indexes.now()
	for range attempts {
		f, err := s.place.open()
		if err != nil {
			return nil, err
		}
		f.Close()
		index, err := s.indexes.of(ctx, s, f.info, began)
		if err == nil && index.describes(f.info) {
			return index, nil
		}
		if err != nil && !fault.Is(err, fault.SourceChanged) {
			return nil, err
		}
	}
	return nil, s.changed()
}

// get reads one person from a file that is opened once; SourceChanged means to try again. The index must not be older
// than since, unless its age does not matter.
func (s *store) get(ctx context.Context, id string, since time.Time) (source.Record, source.Snapshot, error) {
	none := func(err error) (source.Record, source.Snapshot, error) {
		return source.Record{}, source.Snapshot{}, err
	}
	if ctx.Err() != nil {
		return none(s.cancelled(ctx))
	}
	f, err := s.place.open()
	if err != nil {
		return none(err)
	}
	defer f.Close()
	index, err := s.indexes.of(ctx, s, f.info, since)
	if err != nil {
		return none(err)
	}
	if !index.describes(f.info) {
		return none(s.changed())
	}
	where, ok := index.entries[keyOf(id)]
	if !ok {
		return source.Record{}, index.snapshot(), fault.New(op, fault.NotFound, fault.PersonNotFound, s.place.name)
	}
	text, readErr := index.record(f, where)
	if info, err := f.Stat(); err != nil || !sameState(f.info, info) {
		return none(s.changed())
	}
	if readErr != nil {
		return none(s.place.fault(readErr))
	}
	r, ok := s.parse(text, index.layout)
	if !ok {
		return none(s.rewritten())
	}
	if found, _ := r.id(index.layout, s); found != id {
		return none(s.rewritten())
	}
	r.line = int(where.line)
	person := r.record(id, index.layout, s)
	person.Doubt = index.doubts(keyOf(id))
	return person, index.snapshot(), nil
}

// record gives the bytes of one record.
func (x *index) record(f io.ReaderAt, where entry) ([]byte, error) {
	if x.text != nil {
		return x.text[where.start : where.start+int64(where.length)], nil
	}
	text := make([]byte, where.length)
	_, err := f.ReadAt(text, where.start)
	return text, err
}

// rewritten is for a file whose bytes are not those of the index although it looks unchanged: the index is given up.
func (s *store) rewritten() error {
	s.indexes.drop(s.key())
	return s.changed()
}

// parse reads the one record that the bytes hold.
func (s *store) parse(text []byte, l layout) (row, bool) {
	if l.cells != nil {
		return parseLine(text, l)
	}
	object, wrong := parseObject(text)
	return row{object: object}, wrong == ""
}
