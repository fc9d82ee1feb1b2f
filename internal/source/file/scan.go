package file

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// rowsPerCheck is how many records are read between two looks at the context.
const rowsPerCheck = 256

// scan reads an opened file to its end and gives its index. Every record that can be used is yielded (yield may be nil)
// until the first one that cannot; after that the scan only looks for what else is wrong. The columns of JSON are taken
// from known.
func (s *store) scan(ctx context.Context, f *opened, known *index, yield func(source.Record) error) (*index, error) {
	made := &index{info: f.info, began: s.indexes.now(), entries: map[key]entry{}}
	sum := sha256.New()
	err := s.scanRows(ctx, io.TeeReader(io.NewSectionReader(f, 0, f.info.Size()), sum), made, known, yield)
	var stop stopped
	switch {
	case errors.As(err, &stop):
		return nil, stop.error
	case ctx.Err() != nil:
		return nil, s.cancelled(ctx)
	case !s.place.unchanged(f.info):
		// Whatever else was found may come from reading half of one state and half of another.
		return nil, s.changed()
	case err != nil:
		return nil, err
	}
	sum.Sum(made.sum[:0])
	return made, nil
}

// stopped carries an error of yield past everything that would take it for one of the file's.
type stopped struct{ error }

func (s *store) scanRows(ctx context.Context, in io.Reader, made, known *index, yield func(source.Record) error) error {
	records, err := newRows(in, s)
	if err != nil {
		return err
	}
	columns, err := records.layout()
	if err != nil {
		return err
	}
	if known != nil {
		columns = known.layout
	}
	found := problems{file: s.place.name}
	var suspects []suspect
	var shapes idShapes
	var waiting *source.Record
	var last key
	count := 0
	for ; ; count++ {
		if count%rowsPerCheck == 0 && ctx.Err() != nil {
			return s.cancelled(ctx)
		}
		r, err := records.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if r.suspect.certain || r.suspect.ids != nil {
			suspects = append(suspects, r.suspect)
		}
		id, ok := s.enter(r, columns, made, &found)
		last = key{}
		if ok {
			last = keyOf(id)
		}
		if !ok {
			continue
		}
		shapes.add(id)
		if found.any() || yield == nil {
			continue
		}
		// The last record is known as such only when there is no other.
		if waiting != nil {
			if err := yield(*waiting); err != nil {
				return stopped{err}
			}
		}
		person := r.record(id, columns, s)
		waiting = &person
	}
	if made.layout, err = records.layout(); err != nil {
		return err
	}
	made.text = records.text()
	if made.open = records.open(); made.open && records.doubtful() {
		made.last = last
	}
	if w, ok := records.(interface{ warnings() []string }); ok {
		made.warnings = w.warnings()
	}
	if made.layout.cells == nil && count > 0 && len(made.layout.names) > 0 {
		// Before what is wrong with single records: without the column each of them lacks an id.
		if err := made.layout.check(s); err != nil {
			return err
		}
	}
	for _, one := range suspects {
		if one.certain || slices.ContainsFunc(one.ids, shapes.like) {
			found.addLines(fault.SourceMalformed, "a quoted field holds the beginning of another record; is a quote missing?", lines{one.from, one.to})
		}
	}
	if waiting != nil && !found.any() {
		waiting.Doubt = made.doubts(keyOf(waiting.ID))
		if err := yield(*waiting); err != nil {
			return stopped{err}
		}
	}
	return found.err()
}

// enter checks a record, puts it in the index, and gives its id; ok is false for a record that cannot be used, or is none
// of those that are read.
func (s *store) enter(r row, columns layout, made *index, found *problems) (id string, ok bool) {
	if r.wrong != "" {
		found.add(fault.SourceMalformed, r.wrong, r.line)
		return "", false
	}
	id, note := r.id(columns, s)
	picked, wrong := r.picked(id, columns, s)
	switch {
	case wrong != "":
		found.add(fault.SourceMalformed, wrong, r.line)
		return "", false
	case !picked:
		return "", false
	case note != "":
		found.add(fault.SourceMalformed, note, r.line)
		return "", false
	case id == "":
		found.add(fault.SourceIDEmpty, fmt.Sprintf("column %s is empty", s.settings.idColumn()), r.line)
		return "", false
	}
	k := keyOf(id)
	if first, double := made.entries[k]; double {
		note := fmt.Sprintf("column %s repeats", s.settings.idColumn())
		found.add(fault.SourceIDDuplicate, note, int(first.line))
		found.add(fault.SourceIDDuplicate, note, r.line)
		return "", false
	}
	made.entries[k] = entry{start: r.start, length: uint32(r.length), line: uint32(r.line)}
	return id, true
}

func (s *store) cancelled(ctx context.Context) error {
	return fault.Wrap(op, fault.Transient, fault.SourceIncomplete, s.place.name, context.Cause(ctx))
}
