package terminal

import (
	"strings"
	"unicode/utf8"
)

// Table is a table in plain text.
type Table struct {
	// Header names the columns; none is printed when it is empty.
	Header []string
	// Rows hold the cells; a row may be shorter than the header.
	Rows [][]string
	// Right are the indexes of columns that hold numbers and stand on the right.
	Right []int
	// Indent stands before each line.
	Indent string
}

// Row adds a row.
func (t *Table) Row(cells ...string) { t.Rows = append(t.Rows, cells) }

// String gives the table with its columns aligned, two spaces apart, and no spaces at the ends of lines.
func (t *Table) String() string {
	rows := t.Rows
	if len(t.Header) > 0 {
		rows = append([][]string{t.Header}, rows...)
	}
	widths := []int{}
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	right := map[int]bool{}
	for _, i := range t.Right {
		right[i] = true
	}
	var out strings.Builder
	for _, row := range rows {
		var line strings.Builder
		line.WriteString(t.Indent)
		for i, cell := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			cell = strings.ReplaceAll(Printable(cell), "\n", " ")
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if right[i] {
				line.WriteString(pad + cell)
			} else {
				line.WriteString(cell + pad)
			}
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return out.String()
}
