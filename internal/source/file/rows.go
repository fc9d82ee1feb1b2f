package file

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping/expression"
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
	// values are the cells of a table, nil in JSON.
	values []string
	// object is the record in JSON, nil in a table.
	object map[string]any
	// wrong, when set, says why the record cannot be used.
	wrong string
	// suspect, when it has ids, is a cell that may hold other records.
	suspect suspect
}

// rows reads a file record by record.
type rows interface {
	// next gives the next record, and io.EOF only at the file's proper end.
	next() (row, error)
	// layout is what is known of the columns: all in a table, those seen so far in JSON.
	layout() (layout, error)
	// text is what single reads take their records from; nil is the file itself.
	text() []byte
	// open reports, after the end, that the last line has no end: a file that was cut there would look the same.
	open() bool
	// doubtful reports that the last record could be part of a longer one then: an object or a quoted cell shows its end.
	doubtful() bool
}

// newRows begins to read a file.
func newRows(r io.Reader, s *store) (rows, error) {
	if s.format == formatExcel {
		return newSheet(r, s)
	}
	limited := &limit{in: r}
	c, err := newContent(limited, s)
	if err != nil {
		return nil, err
	}
	if s.format == formatCSV {
		return newTable(c, limited, s)
	}
	return newObjects(c, limited, s), nil
}

// textual says why text cannot be used, or "".
func textual(text string) string {
	if strings.IndexByte(text, 0) >= 0 {
		return "a NUL byte; is the file UTF-16? Save it as UTF-8, or say so with source.encoding"
	}
	if !utf8.ValidString(text) {
		return "not UTF-8; save the file as UTF-8, or name its encoding with source.encoding"
	}
	return ""
}

// unusableID says why a text cannot be an id, or "". Ids are compared exactly, and what nobody sees would make two of one.
func unusableID(id string) string {
	for _, r := range id {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.IsSpace(r) && r != ' ' || r == utf8.RuneError {
			return fmt.Sprintf("the id holds the invisible character U+%04X; remove it", r)
		}
	}
	if spreadsheetError.MatchString(id) {
		return "the id is the error value of a spreadsheet; correct its formula, or remove the row"
	}
	if id != "" && strings.IndexFunc(id, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) < 0 {
		return "the id has neither a letter nor a digit; remove the row if it is a ruler or a footer"
	}
	if scientific.MatchString(id) {
		return "the id is a number in scientific notation and has lost its digits; export the column as text"
	}
	return ""
}

// spreadsheetError is what a formula gives that fails, in English and in German.
var spreadsheetError = regexp.MustCompile(`^#(N/A|NV|REF!|BEZUG!|NAME\?|VALUE!|WERT!|DIV/0!|NULL!|NUM!|ZAHL!|SPILL!|CALC!)$`)

// scientific is what Excel makes of a long number.
var scientific = regexp.MustCompile(`^\d([.,]\d+)?E\+\d+$`)

// id gives the record's id; note says why there is none that can be used.
func (r row) id(l layout, s *store) (id string, note string) {
	if r.object != nil {
		value, _ := lookup(r.object, s.settings.idColumn())
		if id, note = jsonID(value); note != "" {
			return "", note
		}
	} else {
		id = source.Clean(r.values[l.idCell])
	}
	if strings.EqualFold(id, s.settings.idColumn()) {
		return "", "the header line again; were two files joined?"
	}
	return id, unusableID(id)
}

// lookup reads a key of an object, or a key within the objects in it, by a path with dots.
func lookup(object map[string]any, path string) (value any, found bool) {
	if value, found = object[path]; found {
		return value, true
	}
	first, rest, nested := strings.Cut(path, ".")
	if inner, ok := object[first].(map[string]any); ok && nested {
		return lookup(inner, rest)
	}
	return nil, false
}

// fields are the person's columns.
func (r row) fields(l layout) map[string]any {
	if r.object == nil {
		fields := make(map[string]any, len(l.names))
		for i, name := range l.names {
			fields[name] = source.Clean(r.values[l.cells[i]])
		}
		return fields
	}
	for _, name := range l.names {
		if _, ok := r.object[name]; !ok {
			r.object[name] = ""
		}
	}
	// In a first reading the columns are not known yet.
	for _, e := range []*expression.Expression{l.rows, l.enabledBy} {
		if e == nil {
			continue
		}
		for _, name := range e.Columns() {
			if _, ok := r.object[name]; !ok && name != "id" && name != "enabled" {
				r.object[name] = ""
			}
		}
	}
	return r.object
}

// record makes the person of a row.
func (r row) record(id string, l layout, s *store) source.Record {
	person := source.Record{ID: id, Enabled: true, Fields: r.fields(l)}
	var ok bool
	switch {
	case l.enabledBy != nil:
		enabled, err := l.enabledBy.Bool(&expression.Person{Record: person, Text: l.cells != nil})
		person.Enabled, ok = enabled, err == nil
	case l.enabled >= 0:
		person.Enabled, ok = s.settings.Enabled.read(person.Fields[l.names[l.enabled]])
	default:
		return person
	}
	if !ok {
		note := "source.enabled gives neither true nor false"
		if l.enabledBy == nil {
			note = "column " + l.names[l.enabled]
		}
		subject := problem{lines: []lines{{r.line, r.line}}, note: note}
		person.EnabledErr = fault.New(op, fault.Invalid, fault.EnabledUnreadable, s.place.name+", "+subject.String())
	}
	return person
}

// picked reports whether a record is one of those that are read; wrong says why that cannot be told.
func (r row) picked(id string, l layout, s *store) (picked bool, wrong string) {
	if l.rows == nil {
		return true, ""
	}
	picked, err := l.rows.Bool(&expression.Person{Record: r.record(id, l, s), Text: l.cells != nil})
	if err != nil {
		return false, "source.rows gives neither true nor false; correct the expression or the record"
	}
	return picked, ""
}

// number writes n with its noun, as in "3 fields".
func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
