// Package cli is entraflow's command line: it runs everything on one machine (up), and operates connections, rules, syncs and single
// people. Exit status 0: done; 1: something could not complete or is held; 2: wrong use, nothing done.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/terminal"
)

// stateDir is where everything of one machine is kept, below the working directory.
const stateDir = ".entraflow"

// Main is the command line. The zero value works in the process's working directory.
type Main struct {
	// Dir is the directory in which .entraflow/ lies and from which relative paths count. Default the working directory.
	Dir string
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Poll is how often a running sync is asked how far it is. Default one second.
	Poll time.Duration
}

// Run carries out one command and returns its exit status. environ has the form of os.Environ; the environment of the
// process itself is read for secrets and for the worker's own settings only.
func (m *Main) Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	a := &app{ctx: ctx, dir: m.Dir, now: m.Now, poll: m.Poll, stdin: stdin, stdout: stdout, stderr: stderr, environ: environ}
	if a.dir == "" {
		a.dir = "."
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.poll == 0 {
		a.poll = time.Second
	}
	a.notesTo(stderr)
	root := a.root()
	// Without arguments cobra would take those of the process.
	root.SetArgs(append([]string{}, args...))
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	at, err := root.ExecuteContextC(ctx)
	a.notes.Clear()
	if err == nil {
		return statusDone
	}
	if !a.began && asksForJSON(args) {
		// The flag may stand behind what could not be understood.
		a.output = outputJSON
	}
	return a.report(at, err)
}

// asksForJSON finds -o json among arguments of which not all can be understood.
func asksForJSON(args []string) bool {
	for i, arg := range args {
		switch arg {
		case "-o", "--output":
			if i+1 < len(args) && args[i+1] == outputJSON {
				return true
			}
		case "-ojson", "-o=json", "--output=json":
			return true
		}
	}
	return false
}

// app is one run of the command line.
type app struct {
	ctx            context.Context
	dir            string
	now            func() time.Time
	poll           time.Duration
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	output         string // text or json
	// notes tell what is being done: on stderr, but on stdout for `up` in text, whose story they are.
	notes *terminal.Terminal
	// began: the command itself runs; errors before that are wrong use.
	began bool
	// printed: the command's result has been written.
	printed bool
}

func (a *app) notesTo(w io.Writer) {
	a.notes = &terminal.Terminal{W: w, Live: terminal.IsLive(w), Now: a.now}
}

// getenv reads a variable of the given environment; the last one counts, as for processes.
func (a *app) getenv(name string) string {
	value, _ := a.LookupEnv(name)
	return value
}

// LookupEnv makes the given environment one that the Temporal client's settings are read from.
func (a *app) LookupEnv(name string) (value string, ok bool) {
	for _, e := range a.environ {
		if k, v, _ := strings.Cut(e, "="); k == name {
			value, ok = v, true
		}
	}
	return value, ok
}

// Environ gives the given environment.
func (a *app) Environ() []string { return a.environ }

// json reports whether stdout is for machines.
func (a *app) json() bool { return a.output == outputJSON }

// print writes a command's result: the value as one JSON object, or the text.
func (a *app) print(value any, text string) error {
	a.notes.Clear()
	a.printed = true
	if !a.json() {
		_, err := io.WriteString(a.stdout, text)
		return err
	}
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}

// Values of the flag -o.
const (
	outputText = "text"
	outputJSON = "json"
)

// root is the whole tree of commands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "starter",
		Short: "Provision people to Microsoft Entra ID",
		Long: `entraflow creates, updates and disables Microsoft Entra ID accounts and assigns licences by rules, durably, on Temporal.

Exit status: 0 done; 1 something could not complete or is held; 2 wrong use, nothing done.`,
		Example: `  go run ./starter up -f examples/contoso/contoso.yaml          everything on this machine
  go run ./starter up -f examples/contoso/contoso.yaml --once   the same, ending after the first sync
  go run ./starter plan -f examples/contoso/contoso.yaml        what a sync would do`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if a.output != outputText && a.output != outputJSON {
				return fmt.Errorf("-o is %q; it can be text or json", a.output)
			}
			a.began = true
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.began = false
			return errors.New("no command was given")
		},
	}
	root.PersistentFlags().StringVarP(&a.output, "output", "o", outputText, "text for people, json for machines")
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(
		a.upCommand(), a.applyCommand(), a.planCommand(), a.syncCommand(),
		a.connectionCommand(), a.ruleCommand(), a.userCommand(), a.simulatorCommand(), a.versionCommand(), a.completionCommand(),
	)
	a.completeNames(root)
	explainArguments(root)
	return root
}

// explainArguments makes each command say how it is written when its arguments are too few, too many or empty.
func explainArguments(c *cobra.Command) {
	for _, sub := range c.Commands() {
		explainArguments(sub)
	}
	accept := c.Args
	if accept == nil || c.HasSubCommands() {
		return
	}
	c.Args = func(cmd *cobra.Command, args []string) error {
		written := strings.TrimSuffix(cmd.UseLine(), " [flags]")
		if slices.Contains(args, "") {
			return fmt.Errorf("an argument is empty; the command is written: %s", written)
		}
		if err := accept(cmd, args); err != nil {
			return fmt.Errorf("the arguments do not fit (%d were given); the command is written: %s", len(args), written)
		}
		return nil
	}
}

// group is a command that only holds others.
func (a *app) group(use, short, example string, sub ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.began = false
			return fmt.Errorf("%s needs one of its commands", cmd.Name())
		},
	}
	c.AddCommand(sub...)
	return c
}
