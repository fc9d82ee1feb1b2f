package session

import (
	"io"
	"path/filepath"
	"regexp"
	"strings"
)

// DefaultProgram is the name of the command line in this repository's own messages and examples.
const DefaultProgram = "starter"

// fromSource is how the command line is called without being built first.
const fromSource = "go run ./" + DefaultProgram

// Program is how a process was called, from its first argument: the name of the binary, or `go run ./starter`, whose binary lies in a
// folder of the go command that is gone afterwards.
func Program(arg0 string) string {
	name := strings.TrimSuffix(filepath.Base(arg0), ".exe")
	if name == "" || name == "." || strings.Contains(filepath.ToSlash(arg0), "/go-build") {
		return fromSource
	}
	return name
}

// Called is a writer of texts for people that names the program as it was called, so that a command in a message can be copied. The
// messages themselves, some of which come out of histories, say starter.
type Called struct {
	W io.Writer
	// Program is how the program was called.
	Program string
	// Commands are the names of its commands: only before one of these, starter is the program.
	Commands []string

	pattern *regexp.Regexp
}

// Write writes the text. One text comes in one piece.
func (c *Called) Write(p []byte) (int, error) {
	if c.pattern == nil {
		words := make([]string, len(c.Commands))
		for i, w := range c.Commands {
			words[i] = regexp.QuoteMeta(w)
		}
		c.pattern = regexp.MustCompile(`(\bgo run \./|\b)` + DefaultProgram + ` (` + strings.Join(words, "|") + `)\b`)
	}
	if _, err := c.W.Write(c.pattern.ReplaceAll(p, []byte(strings.ReplaceAll(c.Program, "$", "$$")+" $2"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Under is the writer below, which may be a terminal.
func (c *Called) Under() io.Writer { return c.W }

// Name is the program's name where one word is needed: before an error, and in scripts for completion.
func (a *Session) Name() string {
	if a.Program == "" || a.Program == fromSource {
		return DefaultProgram
	}
	return a.Program
}
