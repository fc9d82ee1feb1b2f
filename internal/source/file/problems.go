package file

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
)

// maxLines is how many line numbers an error lists of each problem.
const maxLines = 20

// problems gathers everything that is wrong with a file's records, so that a person can mend all of it at once.
type problems struct {
	file string
	list []problem
}

// problem is one thing that is wrong, and the lines where it is.
type problem struct {
	reason fault.Reason
	// note says what is wrong in more detail than the reason does; no contents of the file.
	note  string
	lines []lines
}

// lines are those of one record, or a single one.
type lines struct{ from, to int }

func (l lines) String() string {
	if l.to > l.from {
		return fmt.Sprintf("%d to %d", l.from, l.to)
	}
	return strconv.Itoa(l.from)
}

// add records that a line has a problem. The same line may be added again.
func (p *problems) add(reason fault.Reason, note string, line int) {
	p.addLines(reason, note, lines{line, line})
}

// addLines is add for lines that have a problem together.
func (p *problems) addLines(reason fault.Reason, note string, line lines) {
	for i := range p.list {
		if p.list[i].reason == reason && p.list[i].note == note {
			p.list[i].lines = append(p.list[i].lines, line)
			return
		}
	}
	p.list = append(p.list, problem{reason: reason, note: note, lines: []lines{line}})
}

func (p *problems) any() bool { return len(p.list) > 0 }

// err is one error for all problems: the reason of the first, the lines of each. nil when there are none.
func (p *problems) err() error {
	if !p.any() {
		return nil
	}
	parts := make([]string, len(p.list))
	for i, one := range p.list {
		parts[i] = one.String()
	}
	return fault.New(op, fault.Invalid, p.list[0].reason, p.file+", "+strings.Join(parts, "; "))
}

// String gives, for example, "lines 3, 7 and 5 more (no id)".
func (p problem) String() string {
	slices.SortFunc(p.lines, func(a, b lines) int { return cmp.Or(a.from-b.from, a.to-b.to) })
	all := slices.Compact(p.lines)
	more := max(0, len(all)-maxLines)
	words := make([]string, 0, maxLines)
	for _, l := range all[:len(all)-more] {
		words = append(words, l.String())
	}
	s := "line "
	if len(all) > 1 || all[0].to > all[0].from {
		s = "lines "
	}
	s += strings.Join(words, ", ")
	if more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s + " (" + p.note + ")"
}
