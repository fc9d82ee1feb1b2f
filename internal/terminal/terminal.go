// Package terminal prints for people: lines, tables, and progress that stays on one line where the output is a terminal
// and comes as an occasional line where it is a file or a pipe.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Terminal is where a command tells what it does. Its methods may be called by several goroutines.
type Terminal struct {
	// W is where everything goes.
	W io.Writer
	// Live: W is a terminal, on which a line can be written over.
	Live bool
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Every is the least time between two progress lines where W is not a terminal. Default five seconds.
	Every time.Duration
	// Columns is where a progress line is cut. Default 79.
	Columns int

	mu    sync.Mutex
	shown bool // a progress line stands on the terminal
	last  time.Time
}

// IsLive reports whether w is a terminal, or writes to one that its method Under gives.
func IsLive(w io.Writer) bool {
	if over, ok := w.(interface{ Under() io.Writer }); ok {
		w = over.Under()
	}
	f, ok := w.(*os.File)
	if !ok || f.Name() == os.DevNull || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Sayf writes a line that stays.
func (t *Terminal) Sayf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wipe()
	fmt.Fprintln(t.W, Printable(fmt.Sprintf(format, args...)))
}

// Print writes a text of several lines, such as a table, that stays.
func (t *Terminal) Print(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wipe()
	fmt.Fprint(t.W, text)
}

// Progress shows what is being done: in place on a terminal, as a line now and then elsewhere.
func (t *Terminal) Progress(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	text = Printable(text)
	if t.Live {
		t.wipe()
		fmt.Fprint(t.W, cut(text, t.columns()))
		t.shown = true
		return
	}
	now := t.now()
	if every := t.every(); !t.last.IsZero() && now.Sub(t.last) < every {
		return
	}
	t.last = now
	fmt.Fprintln(t.W, text)
}

// Clear takes a progress line away.
func (t *Terminal) Clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wipe()
}

func (t *Terminal) wipe() {
	if t.shown {
		fmt.Fprint(t.W, "\r\x1b[K")
		t.shown = false
	}
}

func (t *Terminal) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now()
}

func (t *Terminal) every() time.Duration {
	if t.Every != 0 {
		return t.Every
	}
	return 5 * time.Second
}

func (t *Terminal) columns() int {
	if t.Columns != 0 {
		return t.Columns
	}
	return 79
}

// cut keeps a text on one line.
func cut(s string, columns int) string {
	r := []rune(s)
	if len(r) <= columns {
		return s
	}
	return string(r[:columns-1]) + "…"
}

// Harmless replaces only the signs that a terminal obeys, so that a text that may be kept in a file, such as a configuration, stays what it is.
func Harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// Printable replaces what a terminal would obey instead of showing: ids and messages come from outside.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
