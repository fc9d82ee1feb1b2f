package file

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
)

// table reads CSV.
type table struct {
	store   *store
	csv     *csv.Reader
	limit   *limit
	skipped int64
	columns layout
	// line is where the last record began.
	line int
}

// limit ends the reading of a record that is too long before all of it is in memory.
type limit struct {
	in io.Reader
	// record is where the current record begins, read how far the file was read.
	record, read int64
}

var errTooLong = errors.New("record too long")

func (l *limit) Read(p []byte) (int, error) {
	if l.read-l.record > maxRecord+readAhead {
		return 0, errTooLong
	}
	n, err := l.in.Read(p)
	l.read += int64(n)
	return n, err
}

// newTable reads the header line.
func newTable(in *bufio.Reader, limited *limit, skipped int64, s *store) (*table, error) {
	// A short peek is a short file; an input error shows again in the read that follows.
	head, _ := in.Peek(readAhead)
	separator, ok := findSeparator(head)
	if !ok && len(head) == readAhead {
		return nil, malformed(s.place.name, fmt.Sprintf("the header line is longer than %d bytes or its quotes do not close", readAhead))
	}
	t := &table{store: s, csv: newCSV(in, separator), limit: limited, skipped: skipped}
	header, err := t.csv.Read()
	if err == io.EOF {
		return nil, malformed(s.place.name, "the file has no header line")
	}
	if err != nil {
		return nil, t.failure(err)
	}
	names := make([]string, len(header))
	seen := make(map[string]bool, len(header))
	for i, cell := range header {
		name := strings.TrimSpace(cell)
		place := fmt.Sprintf("header line, column %d: ", i+1)
		switch note := textual(name); {
		case note != "":
			return nil, malformed(s.place.name, place+note)
		case name == "":
			return nil, malformed(s.place.name, place+"the name is empty")
		case strings.Contains(name, "\r"):
			return nil, malformed(s.place.name, "its lines end in CR alone; save it with LF or CRLF")
		case seen[name]:
			return nil, malformed(s.place.name, place+"the name stands there twice")
		}
		seen[name] = true
		names[i] = name
	}
	t.line, _ = t.csv.FieldPos(0)
	t.columns = newLayout(separator, names, s)
	return t, t.columns.check(s)
}

func newCSV(in io.Reader, separator rune) *csv.Reader {
	r := csv.NewReader(in)
	r.Comma = separator
	r.FieldsPerRecord = -1 // counted in next, which names the lines
	r.ReuseRecord = true
	return r
}

// findSeparator gives the separator that the first line has most of outside quotes, a comma for a single column. ended
// tells whether the line's end was seen.
func findSeparator(head []byte) (separator rune, ended bool) {
	head = bytes.TrimLeft(head, "\r\n")
	counts := map[rune]int{}
	quoted := false
	for _, b := range head {
		switch {
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '\n':
			ended = true
		case b == ',' || b == ';' || b == '\t':
			counts[rune(b)]++
		}
		if ended {
			break
		}
	}
	separator = ','
	for _, candidate := range ";\t" {
		if counts[candidate] > counts[separator] {
			separator = candidate
		}
	}
	return separator, ended
}

func (t *table) layout() layout { return t.columns }

func (t *table) next() (row, error) {
	start := t.csv.InputOffset()
	t.limit.record = start
	values, err := t.csv.Read()
	if err == io.EOF {
		return row{}, io.EOF
	}
	if err != nil {
		return row{}, t.failure(err)
	}
	r := row{values: values, start: t.skipped + start, length: t.csv.InputOffset() - start}
	r.line, _ = t.csv.FieldPos(0)
	t.line = r.line
	if len(values) != len(t.columns.names) {
		r.wrong = fmt.Sprintf("not the header's %d fields", len(t.columns.names))
		return r, nil
	}
	if r.length > maxRecord {
		r.wrong = fmt.Sprintf("longer than %d bytes; is a quote missing?", maxRecord)
		return r, nil
	}
	if t.headerAgain(values) {
		r.wrong = "the header line again; were two files joined?"
		return r, nil
	}
	for i, value := range values {
		r.wrong = textual(value)
		if r.wrong == "" && t.swallowed(value, i) {
			r.wrong = "a quoted field holds the lines of other records; is a quote missing?"
		}
		if r.wrong != "" {
			r.line, _ = t.csv.FieldPos(i)
			break
		}
	}
	return r, nil
}

// headerAgain reports that a record is no person but the header line of another file that was put behind this one.
func (t *table) headerAgain(values []string) bool {
	for i, name := range t.columns.names {
		if strings.TrimSpace(strings.TrimPrefix(values[i], "\ufeff")) != name {
			return false
		}
	}
	return len(values) > 1
}

// swallowed reports that a value, the one at this column, begins in one record and ends in another: a quote that was lost
// and found lines later makes one person of several, and the others would seem to have left. Each line of such a value
// has just the separators of a record, and the first and the last make up one between them. With few columns a note of
// two lines may look like that, too, so those are let pass.
func (t *table) swallowed(value string, column int) bool {
	separators := len(t.columns.names) - 1
	if separators < 4 || strings.IndexByte(value, '\n') < 0 {
		return false
	}
	lines := strings.Split(value, "\n")
	for i, line := range lines {
		want := separators
		switch i {
		case 0:
			want -= column
		case len(lines) - 1:
			want = column
		}
		if strings.Count(line, string(t.csv.Comma)) != want {
			return false
		}
	}
	return true
}

// failure turns an error of the CSV reader into ours. Its own text is not used, since what it quotes may be contents.
func (t *table) failure(err error) error {
	found := problems{file: t.store.place.name}
	if errors.Is(err, errTooLong) {
		found.add(fault.SourceMalformed, fmt.Sprintf("the record after it is longer than %d bytes; is a quote missing?", maxRecord), t.line)
		return found.err()
	}
	var syntax *csv.ParseError
	if !errors.As(err, &syntax) {
		return t.store.place.fault(err)
	}
	note := "a quote within a field that does not begin with one"
	if errors.Is(syntax.Err, csv.ErrQuote) {
		note = "a quoted field is not closed, or something follows its closing quote"
	}
	found.add(fault.SourceMalformed, note, syntax.StartLine)
	return found.err()
}

// parseLine reads the one record that bytes of a CSV file hold.
func parseLine(line []byte, l layout) (row, bool) {
	values, err := newCSV(bytes.NewReader(line), l.separator).Read()
	if err != nil || len(values) != len(l.names) {
		return row{}, false
	}
	return row{values: values}, true
}
