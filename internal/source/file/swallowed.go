package file

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A quote that was lost, and found again lines later, makes one person of several: the others would seem to have left. The
// reader of CSV cannot tell, since a quoted cell may have lines. Here it is looked whether a cell with lines can be such a
// cell; an address of several lines cannot, because its lines do not begin as records do.

// suspect is a cell with lines that looks as if it held the beginning of other records, if the texts that stand where
// their ids would are like the ids of the file. That is known only when all of the file was read.
type suspect struct {
	from, to int
	ids      []string
	// certain: whatever the ids of the file look like.
	certain bool
}

// suspicious looks at a cell with lines, the one at this column. certain tells that it cannot be anything but swallowed
// records: each of its lines, put together with what stands around the cell, is just a record, of five columns or more.
func (t *table) suspicious(value string, column int) (ids []string, certain bool) {
	if strings.IndexByte(value, '\n') < 0 {
		return nil, false
	}
	separators := len(t.header) - 1
	lines := strings.Split(value, "\n")
	last := len(lines) - 1
	certain = separators >= 4
	for i, line := range lines {
		if strings.TrimSpace(line) == "" && i > 0 && i < last {
			continue
		}
		// The first line is the end of one record, the last the beginning of another.
		want, id := separators, t.columns.idCell
		switch i {
		case 0:
			want, id = separators-column, id-column
		case last:
			want = column
		}
		cells := strings.Split(line, string(t.csv.Comma))
		if len(cells)-1 != want {
			certain = false
			continue
		}
		if (i > 0 || id > 0) && id >= 0 && id < len(cells) {
			if text := strings.TrimSpace(cells[id]); text != "" {
				ids = append(ids, text)
			}
		}
	}
	return ids, certain
}

// idShapes are what the ids of a file look like.
type idShapes struct {
	kinds    map[string]bool
	min, max int
}

func (s *idShapes) add(id string) {
	n := utf8.RuneCountInString(id)
	if s.kinds == nil {
		s.kinds, s.min = map[string]bool{}, n
	}
	s.min, s.max = min(s.min, n), max(s.max, n)
	if kind := kindOf(id); !s.kinds[kind] {
		s.kinds[kind] = true
	}
}

// like reports that a text could be an id of the file: of characters and a length as ids have there.
func (s *idShapes) like(text string) bool {
	n := utf8.RuneCountInString(text)
	return n >= s.min-1 && n <= s.max+1 && s.kinds[kindOf(text)]
}

// kindOf names which characters a text is of: letters, digits, and each other one.
func kindOf(text string) string {
	var letters, digits bool
	var others []rune
	for _, r := range text {
		switch {
		case unicode.IsLetter(r):
			letters = true
		case unicode.IsDigit(r):
			digits = true
		case !slices.Contains(others, r):
			others = append(others, r)
		}
	}
	slices.Sort(others)
	kind := string(others)
	if letters {
		kind += "a"
	}
	if digits {
		kind += "0"
	}
	return kind
}
