// Package file reads people from a CSV or JSON file.
//
// # Formats
//
// The name's ending decides: .csv, .tsv and .txt are CSV; .json is one array of objects, a document with such an array under
// a key (Settings.Records), or one object a line; .jsonl and .ndjson are one object after the other; .xlsx is a workbook.
// Text is UTF-8, with or without a byte order mark, UTF-16 with one, or in the encoding that the settings name.
//
// CSV follows RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180): quoted fields, doubled quotes, lines that end in LF or
// CRLF. The separator (comma, semicolon or tab) is the one that the header line has most of outside quotes, unless the
// settings or a line before the header name it. Lines of empty cells are skipped. Every value is a string, trimmed and
// composed (source.Clean), in all formats.
//
// In JSON a column is a key that at least one object has; a key that an object lacks, and null, read as "". Whole
// numbers become int64 (or, where they do not fit, the string of their digits), others float64.
//
// # Identity
//
// The id is the text of the id column, in JSON a string or a whole number, perhaps within an object. It is compared exactly.
// An empty or repeated id makes the whole file unusable, since it is not known who is meant: the error names the lines.
//
// # Enabled
//
// true, yes, y, 1, enabled and active mean enabled; false, no, n, 0, disabled and inactive mean disabled, in any case. The
// settings may name other words, or an expression. Anything else, also an empty cell, fails that one person.
//
// # Groups
//
// The column memberOf, or the one that the settings name, has the names of a person's groups: a text with semicolons between, or a list.
// A group is there while somebody names it, and its name is its id.
//
// # What a complete read means
//
// A read ends at the end of the file, with the file's identity, size and modification time as they were at its
// beginning. A file that was cut within a record is noticed; a CSV file that was cut between two lines, or within the
// last cell, cannot be. Replace files by renaming a finished one into their place.
package file

import (
	"cmp"
	"context"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// Names of the columns that stand for id and enabled where Settings name none.
const (
	DefaultIDColumn      = "id"
	DefaultEnabledColumn = "enabled"
)

// op is the operation that every error of this package names.
const op = "read source"

// Options are what a process gives its files.
type Options struct {
	// Root, when set, is the directory (ENTRAFLOW_SOURCE_ROOT) outside of which nothing is read. Symbolic links are
	// resolved first, of the root as of the path.
	Root string
	// Indexes are shared by the sources of one worker; nil gives the source indexes of its own.
	Indexes *Indexes
	// Quiet is how long the file must stay unchanged before its change is told. Default 5 s.
	Quiet time.Duration
}

// store is one file as a source.
type store struct {
	settings Settings
	format   format
	place    place
	indexes  *Indexes
	quiet    time.Duration
}

var _ source.Watcher = (*store)(nil)

var _ source.Source = (*store)(nil)

// Open returns the file as a source. It does not read the file, which need not exist yet.
//
// Errors: fault.SourceMissing for an empty path, SourceMalformed for an ending that is not one of a known format,
// SourceOutsideRoot.
func Open(settings Settings, o Options) (source.Source, error) {
	if settings.File == "" {
		return nil, fault.New(op, fault.Invalid, fault.SourceMissing, "file")
	}
	s := &store{settings: settings, indexes: o.Indexes, quiet: cmp.Or(o.Quiet, source.DefaultQuiet)}
	if s.indexes == nil {
		s.indexes = &Indexes{}
	}
	var err error
	if s.format, err = formatOf(settings.File); err != nil {
		return nil, err
	}
	if s.place, err = newPlace(settings.File, o.Root); err != nil {
		return nil, err
	}
	return s, nil
}

// format is how a file is written.
type format int

const (
	formatCSV format = iota
	formatJSON
	formatJSONLines
	formatExcel
)

func formatOf(path string) (format, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv", ".tsv", ".txt":
		return formatCSV, nil
	case ".json":
		return formatJSON, nil
	case ".jsonl", ".ndjson":
		return formatJSONLines, nil
	case ".xlsx", ".xlsm":
		return formatExcel, nil
	}
	return 0, malformed(filepath.Base(path), "its name must end in .csv, .tsv, .txt, .json, .jsonl, .ndjson or .xlsx")
}

// malformed is the error of a file that breaks its format. The note names places and rules, never contents.
func malformed(name, note string) *fault.Error {
	return fault.New(op, fault.Invalid, fault.SourceMalformed, name+" ("+note+")")
}

// Columns gives the file's columns: for CSV from the header line, for the others from the file's index, which is built by
// reading all of it; those of JSON are sorted by name.
//
// Errors: as source.Describer says; for the others than CSV also those of List.
func (s *store) Columns(ctx context.Context) (source.Columns, error) {
	l, warnings, err := s.layout(ctx)
	if err != nil {
		return source.Columns{}, err
	}
	return source.Columns{
		Names:      append([]string(nil), l.names...),
		Ambiguous:  append([]string(nil), l.twice...),
		Typed:      !s.tabular(),
		HasEnabled: l.enabled >= 0 || l.enabledBy != nil,
		Warnings:   warnings,
	}, nil
}

// tabular reports that every value is text.
func (s *store) tabular() bool { return s.format == formatCSV || s.format == formatExcel }

func (s *store) layout(ctx context.Context) (layout, []string, error) {
	if s.format != formatCSV {
		index, err := s.current(ctx)
		if err != nil {
			return layout{}, nil, err
		}
		return index.layout, index.warnings, nil
	}
	f, err := s.place.open()
	if err != nil {
		return layout{}, nil, err
	}
	defer f.Close()
	rows, err := newRows(io.NewSectionReader(f, 0, f.info.Size()), s)
	if !s.place.unchanged(f.info) {
		return layout{}, nil, s.changed()
	}
	if err != nil {
		return layout{}, nil, err
	}
	l, err := rows.layout()
	return l, nil, err
}

// attempts is how often a read begins again by itself when the file is replaced under it.
const attempts = 3

// List reads the file from its beginning to its end. It holds one record at a time, and of each id 32 bytes to find
// doubles. The read leaves the index behind that Get works from.
//
// Errors: as source.Lister says; fault.SourceMissing, SourceUnreadable, SourceOutsideRoot, SourceMalformed,
// SourceColumnMissing, SourceIDEmpty, SourceIDDuplicate (all Invalid, except an input error, which is Transient, and a
// file that may not be read, which is Denied), SourceIncomplete (Transient: the context ended; Invalid: the file ends
// within a record), SourceChanged (Stale).
func (s *store) List(ctx context.Context, yield func(source.Record) error) (source.Snapshot, error) {
	var known *index
	if !s.tabular() {
		// The columns of JSON are known only after all of it has been read once.
		var err error
		if known, err = s.current(ctx); err != nil {
			return source.Snapshot{}, err
		}
	}
	f, err := s.place.open()
	if err != nil {
		return source.Snapshot{}, err
	}
	defer f.Close()
	if known != nil && !known.describes(f.info) {
		return source.Snapshot{}, s.changed()
	}
	index, err := s.scan(ctx, f, known, yield)
	if err != nil {
		return source.Snapshot{}, err
	}
	if known != nil && known.sum != index.sum {
		return source.Snapshot{}, s.rewritten()
	}
	s.indexes.put(s.key(), index)
	return index.snapshot(), nil
}

// Get reads one person through the file's index: one read of as many bytes as the record has. The index is built when
// there is none of the file as it is now.
//
// Errors: fault.PersonNotFound (NotFound) with the snapshot; those of List where the file had to be read; SourceChanged
// (Stale) when it is being changed all the time.
func (s *store) Get(ctx context.Context, id string) (source.Record, source.Snapshot, error) {
	began := s.indexes.now()
	for range attempts {
		record, snapshot, err := s.get(ctx, id, began)
		if !fault.Is(err, fault.SourceChanged) {
			return record, snapshot, err
		}
	}
	return source.Record{}, source.Snapshot{}, s.changed()
}

func (s *store) changed() error {
	return fault.New(op, fault.Stale, fault.SourceChanged, s.place.name)
}
