// Package cli is entraflow's command line: it runs everything on one machine (up), and operates connections, rules, syncs and single
// people. Each group of commands is a package of its own below this one; session is what they share. Exit status 0: done; 1: something
// could not complete or is held; 2: wrong use, nothing done.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/cli/connection"
	"github.com/entraflow/entraflow/internal/cli/group"
	"github.com/entraflow/entraflow/internal/cli/imports"
	"github.com/entraflow/entraflow/internal/cli/link"
	"github.com/entraflow/entraflow/internal/cli/mapping"
	"github.com/entraflow/entraflow/internal/cli/plan"
	"github.com/entraflow/entraflow/internal/cli/rule"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/cli/simulation"
	"github.com/entraflow/entraflow/internal/cli/sync"
	"github.com/entraflow/entraflow/internal/cli/up"
	"github.com/entraflow/entraflow/internal/cli/user"
)

// Main is the command line. The zero value works in the process's working directory.
type Main struct {
	// Dir is the directory in which .entraflow/ lies and from which relative paths count. Default the working directory.
	Dir string
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Poll is how often a running sync is asked how far it is. Default one second.
	Poll time.Duration
	// Program is how the program was called (session.Program); texts for people name it so. Default as it stands in the texts.
	Program string
}

// Run carries out one command and returns its exit status. environ has the form of os.Environ; the environment of the
// process itself is read for secrets and for the worker's own settings only.
func (m *Main) Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	a := &session.Session{Ctx: ctx, Dir: m.Dir, Now: m.Now, Poll: m.Poll, Stdin: stdin, Stdout: stdout, Stderr: stderr, Variables: environ, Program: m.Program}
	if a.Dir == "" {
		a.Dir = "."
	}
	if a.Now == nil {
		a.Now = time.Now
	}
	if a.Poll == 0 {
		a.Poll = time.Second
	}
	root := command{a}.root()
	if m.Program != "" {
		var commands []string
		for _, c := range root.Commands() {
			commands = append(commands, c.Name())
		}
		stdout = &session.Called{W: stdout, Program: m.Program, Commands: commands}
		stderr = &session.Called{W: stderr, Program: m.Program, Commands: commands}
		a.Stdout, a.Stderr = stdout, stderr
	}
	a.NotesTo(stderr)
	// Without arguments cobra would take those of the process.
	root.SetArgs(append([]string{}, args...))
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	at, err := root.ExecuteContextC(ctx)
	a.Notes.Clear()
	if err == nil {
		return session.StatusDone
	}
	if !a.Began && asksForJSON(args) {
		// The flag may stand behind what could not be understood.
		a.Output = session.OutputJSON
	}
	return a.Report(at, err)
}

// asksForJSON finds -o json among arguments of which not all can be understood.
func asksForJSON(args []string) bool {
	for i, arg := range args {
		switch arg {
		case "-o", "--output":
			if i+1 < len(args) && args[i+1] == session.OutputJSON {
				return true
			}
		case "-ojson", "-o=json", "--output=json":
			return true
		}
	}
	return false
}

// command is one run of the command line, with the commands that belong to none of the packages below.
type command struct{ *session.Session }

// root is the whole tree of commands.
func (a command) root() *cobra.Command {
	root := &cobra.Command{
		Use:   a.Name(),
		Short: "Provision people to Microsoft Entra ID",
		Long: `entraflow creates, updates and disables Microsoft Entra ID accounts and assigns licenses by rules, durably, on Temporal.

Exit status: 0 done; 1 something could not complete or is held; 2 wrong use, nothing done.`,
		Example: `  go run ./starter up -f examples/contoso/contoso.yaml          everything on this machine
  go run ./starter up -f examples/contoso/contoso.yaml --once   the same, ending after the first sync
  go run ./starter plan -f examples/contoso/contoso.yaml        what a sync would do`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if a.Output != session.OutputText && a.Output != session.OutputJSON {
				return fmt.Errorf("-o is %q; it can be text or json", a.Output)
			}
			a.Began = true
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.Began = false
			return errors.New("no command was given")
		},
	}
	root.PersistentFlags().StringVarP(&a.Output, "output", "o", session.OutputText, "text for people, json for machines")
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(
		up.Command(a.Session), connection.ApplyCommand(a.Session), plan.Command(a.Session), sync.Command(a.Session),
		connection.Command(a.Session), rule.Command(a.Session), user.Command(a.Session), group.Command(a.Session), link.Command(a.Session), mapping.Command(a.Session), imports.Command(a.Session), simulation.Command(a.Session), a.versionCommand(), a.completionCommand(),
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
