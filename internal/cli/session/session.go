// Package session is what every command of the command line shares: its streams and settings, the connection to Temporal and the
// questions to it, the configuration file, and how a failure becomes words and an exit status. It knows no command.
package session

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/terminal"
)

// StateDir is where everything of one machine is kept, below the working directory.
const StateDir = ".entraflow"

// Session is one run of the command line.
type Session struct {
	// Ctx ends with the first signal.
	Ctx context.Context
	// Dir is the directory in which .entraflow/ lies and from which relative paths count.
	Dir string
	// Now is the clock.
	Now func() time.Time
	// Poll is how often a running sync is asked how far it is.
	Poll           time.Duration
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Program is how the program was called. Default DefaultProgram.
	Program string
	// Variables are the environment, in the form of os.Environ.
	Variables []string
	// Output is OutputText or OutputJSON.
	Output string
	// Notes tell what is being done: on stderr, but on stdout for `up` in text, where they are what the command prints.
	Notes *terminal.Terminal
	// Began: the command itself runs; errors before that are wrong use.
	Began bool
	// printed: the command's result has been written.
	printed bool
}

// NotesTo makes w the place where the session tells what it does.
func (a *Session) NotesTo(w io.Writer) {
	a.Notes = &terminal.Terminal{W: w, Live: terminal.IsLive(w), Now: a.Now}
}

// Getenv reads a variable of the given environment; the last one counts, as for processes.
func (a *Session) Getenv(name string) string {
	value, _ := a.LookupEnv(name)
	return value
}

// LookupEnv makes the given environment one that the Temporal client's settings are read from.
func (a *Session) LookupEnv(name string) (value string, ok bool) {
	for _, e := range a.Variables {
		if k, v, _ := strings.Cut(e, "="); k == name {
			value, ok = v, true
		}
	}
	return value, ok
}

// Environ gives the given environment.
func (a *Session) Environ() []string { return a.Variables }

// JSON reports whether stdout is for machines.
func (a *Session) JSON() bool { return a.Output == OutputJSON }

// Print writes a command's result: the value as one JSON object, or the text.
func (a *Session) Print(value any, text string) error {
	a.Notes.Clear()
	a.printed = true
	if !a.JSON() {
		// Names and messages in it come from outside.
		_, err := io.WriteString(a.Stdout, terminal.Harmless(text))
		return err
	}
	enc := json.NewEncoder(a.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}

// Values of the flag -o.
const (
	OutputText = "text"
	OutputJSON = "json"
)

// Group is a command that only holds others.
func (a *Session) Group(use, short, example string, sub ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.Began = false
			return fmt.Errorf("%s needs one of its commands", cmd.Name())
		},
	}
	c.AddCommand(sub...)
	return c
}
