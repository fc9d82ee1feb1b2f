package file

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// maxUnpacked bounds what a workbook may unpack to.
const maxUnpacked = 1 << 30

// sheet reads one sheet of an Excel workbook: its cells as Excel shows them. Single reads take their records from a copy
// of them in CSV.
type sheet struct {
	store   *store
	book    *excelize.File
	rows    *excelize.Rows
	name    string
	line    int
	header  []string
	columns layout
	copied  bytes.Buffer
	// digits are the lengths of the ids that are numbers to Excel.
	digits map[int]bool
}

// newSheet opens a workbook, and reads the header of the named sheet or the first.
func newSheet(in io.Reader, s *store) (*sheet, error) {
	book, err := io.ReadAll(in)
	if err != nil {
		return nil, s.place.fault(err)
	}
	if len(book) == 0 {
		return nil, malformed(s.place.name, "the file is empty")
	}
	if !bytes.HasPrefix(book, []byte("PK\x03\x04")) {
		if err := refuseOther(book[:min(len(book), 512)], s); err != nil {
			return nil, err
		}
		return nil, malformed(s.place.name, "it is no Excel workbook; name it .csv if it is CSV")
	}
	f, err := excelize.OpenReader(bytes.NewReader(book), excelize.Options{UnzipSizeLimit: maxUnpacked})
	if errors.Is(err, excelize.ErrWorkbookPassword) {
		return nil, malformed(s.place.name, "the workbook is protected by a password; take it off")
	}
	if err != nil {
		return nil, fault.Wrap(op, fault.Invalid, fault.SourceIncomplete, s.place.name+" (the workbook cannot be opened: it is cut or damaged; save it again)", err)
	}
	t := &sheet{store: s, book: f, digits: map[int]bool{}}
	if t.name, err = t.choose(s.settings.Sheet); err != nil {
		return nil, err
	}
	if t.rows, err = f.Rows(t.name); err != nil {
		return nil, t.unreadable(err)
	}
	return t, t.readHeader()
}

func (t *sheet) choose(name string) (string, error) {
	sheets := t.book.GetSheetList()
	switch {
	case len(sheets) == 0:
		return "", malformed(t.store.place.name, "the workbook has no sheet")
	case name == "":
		return sheets[0], nil
	case slices.Contains(sheets, name):
		return name, nil
	}
	wrong := malformed(t.store.place.name, fmt.Sprintf("it has no sheet %q; correct source.sheet", name))
	wrong.Err = source.Hint("It has " + strings.Join(sheets, ", "))
	return "", wrong
}

func (t *sheet) unreadable(err error) error {
	return fault.Wrap(op, fault.Invalid, fault.SourceIncomplete, fmt.Sprintf("%s, after line %d (the sheet is damaged; save it again)", t.store.place.name, t.line), err)
}

func (t *sheet) readHeader() error {
	for range t.store.settings.SkipLines {
		if !t.rows.Next() {
			break
		}
		t.line++
		if _, err := t.rows.Columns(); err != nil {
			return t.unreadable(err)
		}
	}
	values, err := t.cells()
	if err == io.EOF {
		return malformed(t.store.place.name, "the sheet has no header line")
	}
	if err != nil {
		return err
	}
	if t.header, err = headerOf(values, t.store); err != nil {
		return err
	}
	t.columns, err = tableLayout(',', t.header, t.store)
	return err
}

// cells gives the next row that has any.
func (t *sheet) cells() ([]string, error) {
	for t.rows.Next() {
		t.line++
		values, err := t.rows.Columns()
		if err != nil {
			return nil, t.unreadable(err)
		}
		if !blank(values) {
			return values, nil
		}
	}
	if err := t.rows.Error(); err != nil {
		return nil, t.unreadable(err)
	}
	return nil, io.EOF
}

func (t *sheet) layout() (layout, error) { return t.columns, nil }

func (t *sheet) text() []byte { return t.copied.Bytes() }

// open is never so: a workbook that was cut cannot be opened.
func (t *sheet) open() bool { return false }

func (t *sheet) doubtful() bool { return false }

// excelError is what Excel shows where a formula has no value.
var excelError = regexp.MustCompile(`^#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|SPILL!|CALC!|#+)$`)

func (t *sheet) next() (row, error) {
	values, err := t.cells()
	if err != nil {
		return row{}, err
	}
	// A row ends with its last filled cell.
	for len(values) < len(t.header) {
		values = append(values, "")
	}
	if len(values) > len(t.header) && blank(values[len(t.header):]) {
		values = values[:len(t.header)]
	}
	r := row{values: values, line: t.line, start: int64(t.copied.Len())}
	if r.wrong = fits(&r.values, t.header, t.columns); r.wrong != "" {
		return r, nil
	}
	for i, v := range values {
		if excelError.MatchString(strings.TrimSpace(v)) {
			r.wrong = fmt.Sprintf("column %s shows an error of Excel; correct the formula", t.header[i])
			return r, nil
		}
	}
	t.noteID(values[t.columns.idCell])
	w := csv.NewWriter(&t.copied)
	if err := w.Write(values); err != nil {
		return row{}, t.unreadable(err)
	}
	w.Flush()
	r.length = int64(t.copied.Len()) - r.start
	return r, nil
}

// noteID notes the length of an id that Excel has as a number.
func (t *sheet) noteID(id string) {
	cell, err := excelize.CoordinatesToCellName(t.columns.idCell+1, t.line)
	if err != nil || len(t.digits) > 1 {
		return
	}
	if kind, err := t.book.GetCellType(t.name, cell); err == nil && (kind == excelize.CellTypeNumber || kind == excelize.CellTypeUnset) {
		t.digits[len(source.Clean(id))] = true
	}
}

// warnings say what the workbook may have lost.
func (t *sheet) warnings() []string {
	if len(t.digits) < 2 {
		return nil
	}
	return []string{fmt.Sprintf("column %s holds numbers of different lengths: if ids had zeros at their beginning, Excel has lost them; format the column as text and enter them again", t.store.settings.idColumn())}
}
