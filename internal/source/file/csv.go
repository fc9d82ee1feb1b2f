package file

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// table reads CSV.
type table struct {
	store   *store
	content content
	csv     *csv.Reader
	limit   *limit
	// header are the names of all cells, "" where one has none.
	header  []string
	columns layout
	// before is how many lines stood before the header, line where the last record began.
	before, line int
}

// limit ends the reading of a record that is too long before all of it is in memory.
type limit struct {
	in io.Reader
	// record is where the current record begins, read how far the file was read.
	record, read int64
	// unlimited: only the last byte is of interest.
	unlimited bool
	last      byte
}

var errTooLong = errors.New("record too long")

func (l *limit) Read(p []byte) (int, error) {
	if !l.unlimited && l.read-l.record > 2*(maxRecord+readAhead) {
		return 0, errTooLong
	}
	n, err := l.in.Read(p)
	l.read += int64(n)
	if n > 0 {
		l.last = p[n-1]
	}
	return n, err
}

// newTable reads the header line.
func newTable(c content, limited *limit, s *store) (*table, error) {
	before, separator, err := c.preamble(s)
	if err != nil {
		return nil, err
	}
	// A short peek is a short file; an input error shows again in the read that follows.
	head, _ := c.in.Peek(readAhead)
	found, ended := findSeparator(head)
	if !ended && len(head) == readAhead {
		return nil, malformed(s.place.name, fmt.Sprintf("the header line is longer than %d bytes or its quotes do not close", readAhead))
	}
	if separator == 0 {
		separator = found
	}
	if d := s.settings.delimiter(); d != 0 {
		separator = d
	}
	t := &table{store: s, content: c, csv: newCSV(c.in, separator), limit: limited, before: before, line: before + 1}
	header, err := t.csv.Read()
	if err == io.EOF {
		return nil, malformed(s.place.name, "the file has no header line")
	}
	if err != nil {
		return nil, t.failure(err)
	}
	line, _ := t.csv.FieldPos(0)
	t.line = before + line
	if t.header, err = headerOf(header, s); err != nil {
		return nil, err
	}
	t.columns, err = tableLayout(separator, t.header, s)
	return t, err
}

// headerOf gives the names of a header's cells.
func headerOf(header []string, s *store) ([]string, error) {
	names := make([]string, len(header))
	for i, cell := range header {
		names[i] = source.Clean(cell)
		if note := textual(names[i]); note != "" {
			return nil, malformed(s.place.name, fmt.Sprintf("header line, column %d: %s", i+1, note))
		}
		if strings.Contains(names[i], "\r") {
			return nil, malformed(s.place.name, "its lines end in CR alone; save it with LF or CRLF")
		}
	}
	return names, nil
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

func (t *table) layout() (layout, error) { return t.columns, nil }

func (t *table) text() []byte {
	if t.content.text == nil {
		return nil
	}
	return t.content.text.Bytes()
}

func (t *table) open() bool { return t.content.openAfter(t.limit.last) }

func (t *table) doubtful() bool { return t.content.last(t.limit.last) != '"' }

func (t *table) next() (row, error) {
	for {
		start := t.csv.InputOffset()
		t.limit.record = t.limit.read
		values, err := t.csv.Read()
		if err == io.EOF {
			return row{}, io.EOF
		}
		if err != nil {
			return row{}, t.failure(err)
		}
		r := row{values: values, start: t.content.skipped + start, length: t.csv.InputOffset() - start}
		line, _ := t.csv.FieldPos(0)
		r.line = t.before + line
		t.line = r.line
		if blank(values) {
			continue
		}
		if len(values) == 1 && strings.Trim(values[0], " \t\r\x1a") == "" && t.atEnd() {
			// An end-of-file mark of old programs.
			return row{}, io.EOF
		}
		t.examine(&r)
		return r, nil
	}
}

// atEnd reports that nothing follows.
func (t *table) atEnd() bool {
	_, err := t.content.in.Peek(1)
	return err == io.EOF
}

// blank recognises a line of empty cells only.
func blank(values []string) bool {
	for _, v := range values {
		if source.Clean(v) != "" {
			return false
		}
	}
	return true
}

// examine looks for what is wrong with a record of a table.
func (t *table) examine(r *row) {
	if r.wrong = fits(&r.values, t.header, t.columns); r.wrong != "" {
		return
	}
	if r.length > maxRecord {
		r.wrong = fmt.Sprintf("longer than %d bytes; is a quote missing?", maxRecord)
		return
	}
	for i, value := range r.values {
		if r.wrong = textual(value); r.wrong != "" {
			line, _ := t.csv.FieldPos(i)
			r.line = t.before + line
			return
		}
		if i == t.columns.idCell {
			// An id has no lines.
			continue
		}
		ids, certain := t.suspicious(value, i)
		if !certain && ids == nil {
			continue
		}
		line, _ := t.csv.FieldPos(i)
		r.suspect = suspect{from: t.before + line, to: t.before + line + strings.Count(value, "\n"), ids: ids, certain: certain}
		return
	}
}

// fits makes sure that a record has the cells of the header. Cells without a name at the end may be left out, and must be
// empty.
func fits(values *[]string, header []string, l layout) (wrong string) {
	named := len(header)
	for named > 0 && header[named-1] == "" {
		named--
	}
	got := *values
	switch {
	case len(got) < named || len(got) > len(header):
		return fmt.Sprintf("not the header's %s", number(named, "field"))
	case headerAgain(got, header, l):
		return "the header line again; were two files joined?"
	case !blank(got[named:]):
		return "a cell without a column name is filled; is a value not quoted?"
	}
	return ""
}

// headerAgain reports that a record is no person but the header line of another file that was put behind this one.
func headerAgain(values, header []string, l layout) bool {
	same := 0
	for i, v := range values {
		if v := source.Clean(v); v != "" && v == header[i] {
			same++
		}
	}
	return len(values) > 1 && same == len(l.names)+len(l.twice)
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
	note := "a quote within a field that does not begin with one; remove it, or quote the field"
	if errors.Is(syntax.Err, csv.ErrQuote) {
		note = "a quoted field is not closed, or something follows its closing quote; is a quote missing?"
	}
	found.add(fault.SourceMalformed, note, t.before+syntax.StartLine)
	return found.err()
}

// parseLine reads the one record that bytes of a CSV file hold.
func parseLine(line []byte, l layout) (row, bool) {
	values, err := newCSV(bytes.NewReader(line), l.separator).Read()
	if err != nil || len(l.cells) == 0 || len(values) <= slices.Max(l.cells) {
		return row{}, false
	}
	return row{values: values}, true
}
