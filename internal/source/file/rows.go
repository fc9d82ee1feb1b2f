package file

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// maxRecord bounds one record, so that a missing quote or brace cannot make a read hold all of a large file.
const maxRecord = 1 << 20

// readAhead is how much is read at a time; a header line must fit it.
const readAhead = 64 << 10

// row is one record as it stands in the file.
type row struct {
	// line is where the record begins, counted from 1; start and length are in bytes.
	line          int
	start, length int64
	// values are parallel to the layout's names in CSV, nil in JSON.
	values []string
	// object is the record in JSON, nil in CSV.
	object map[string]any
	// wrong, when set, says why the record cannot be used.
	wrong string
}

// rows reads a file record by record.
type rows interface {
	// next gives the next record, and io.EOF only at the file's proper end.
	next() (row, error)
	// layout is what is known of the columns: all in CSV, those seen so far in JSON.
	layout() layout
}

// layout is what a file's columns are.
type layout struct {
	separator rune
	names     []string
	// id and enabled are positions in names; -1 when there is no such column.
	id, enabled int
}

func newLayout(separator rune, names []string, s *store) layout {
	return layout{
		separator: separator,
		names:     names,
		id:        slices.Index(names, s.settings.idColumn()),
		enabled:   slices.Index(names, s.settings.enabledColumn()),
	}
}

// check says whether the columns that must be there are there.
func (l layout) check(s *store) error {
	missing := func(column string) error {
		if l.separator != 0 && len(l.names) == 1 {
			return fault.New(op, fault.Invalid, fault.SourceColumnMissing, s.place.name+
				" (column "+column+"; the first line has one column only: are they separated by commas, semicolons or tabs?)")
		}
		return fault.New(op, fault.Invalid, fault.SourceColumnMissing, s.place.name+" (column "+column+")")
	}
	if l.id < 0 {
		return missing(s.settings.idColumn())
	}
	if l.enabled < 0 && s.settings.Enabled != "" {
		return missing(s.settings.enabledColumn())
	}
	return nil
}

// newRows begins to read a file.
func newRows(r io.Reader, s *store) (rows, error) {
	limited := &limit{in: r}
	if s.format == formatCSV {
		r = limited
	}
	in := bufio.NewReaderSize(r, readAhead)
	skipped, err := skipMark(in, s)
	if err != nil {
		return nil, err
	}
	if s.format == formatCSV {
		return newTable(in, limited, skipped, s)
	}
	return newObjects(in, skipped, s), nil
}

// skipMark passes over a UTF-8 byte order mark and refuses UTF-16, which would otherwise show as baffling errors later.
func skipMark(in *bufio.Reader, s *store) (skipped int64, err error) {
	head, err := in.Peek(3)
	if len(head) == 0 {
		if err == io.EOF {
			return 0, malformed(s.place.name, "the file is empty")
		}
		return 0, s.place.fault(err)
	}
	switch {
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}), bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return 0, malformed(s.place.name, "it is UTF-16; save it as UTF-8")
	case bytes.Equal(head, []byte{0xEF, 0xBB, 0xBF}):
		n, err := in.Discard(3)
		return int64(n), err
	}
	return 0, nil
}

// textual says why text cannot be used, or "".
func textual(text string) string {
	if strings.IndexByte(text, 0) >= 0 {
		return "a NUL byte; is the file UTF-16? Save it as UTF-8"
	}
	if !utf8.ValidString(text) {
		return "not UTF-8; save the file as UTF-8"
	}
	return ""
}

// id gives the record's id; note says why there is none that can be used.
func (r row) id(l layout, s *store) (id string, note string) {
	if r.object != nil {
		return jsonID(r.object[s.settings.idColumn()])
	}
	return strings.TrimSpace(r.values[l.id]), ""
}

// record makes the person of a row.
func (r row) record(id string, l layout, s *store) source.Record {
	person := source.Record{ID: id, Enabled: true, Fields: r.object}
	if r.object == nil {
		person.Fields = make(map[string]any, len(l.names))
		for i, name := range l.names {
			person.Fields[name] = r.values[i]
		}
	} else {
		for _, name := range l.names {
			if _, ok := person.Fields[name]; !ok {
				person.Fields[name] = ""
			}
		}
	}
	if l.enabled < 0 {
		return person
	}
	enabled, ok := parseEnabled(person.Fields[l.names[l.enabled]])
	if !ok {
		subject := problem{lines: []int{r.line}, note: "column " + l.names[l.enabled]}
		person.EnabledErr = fault.New(op, fault.Invalid, fault.EnabledUnreadable, s.place.name+", "+subject.String())
	}
	person.Enabled = enabled
	return person
}

// parseEnabled reads the words of the package comment, and true, false, 1 and 0 of JSON. ok is false for all else.
func parseEnabled(value any) (enabled, ok bool) {
	switch v := value.(type) {
	case bool:
		return v, true
	case int64:
		return v == 1, v == 0 || v == 1
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "true", "yes", "y", "t", "1", "enabled", "active":
			return true, true
		case "false", "no", "n", "f", "0", "disabled", "inactive":
			return false, true
		}
	}
	return false, false
}
