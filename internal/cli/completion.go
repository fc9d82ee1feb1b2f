package cli

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/terminal"
)

// completionTimeout is how long a shell waits for names of connections and rules. Without an answer there are none.
const completionTimeout = 2 * time.Second

func (a command) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print the completion script of a shell",
		Long: `completion prints a script that completes commands, flags, and the names of connections and rules of the Temporal that the
settings name. It works for a built program on PATH, under the name that it was built with: go build -o ~/bin/entraflow ./starter`,
		Example: `  go run ./starter completion bash > ~/.local/share/bash-completion/completions/entraflow
  go run ./starter completion zsh > ~/.zfunc/_entraflow
  go run ./starter completion fish > ~/.config/fish/completions/entraflow.fish`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.Stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.Stdout)
			default:
				return root.GenFishCompletion(a.Stdout, true)
			}
		},
	}
}

// completeNames gives the commands below c their completions: connections and rules as arguments and as values of flags.
func (a command) completeNames(c *cobra.Command) {
	for _, sub := range c.Commands() {
		a.completeNames(sub)
	}
	for flag, complete := range map[string]cobra.CompletionFunc{"connection": a.completeConnections, "rule": a.completeRules} {
		if c.Flags().Lookup(flag) != nil || c.PersistentFlags().Lookup(flag) != nil {
			// It fails only where a flag is given two completions.
			cobra.CheckErr(c.RegisterFlagCompletionFunc(flag, complete))
		}
	}
	if c.Flags().Lookup("file") != nil {
		cobra.CheckErr(c.MarkFlagFilename("file", "yaml", "yml"))
	}
	switch strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ") {
	case "connection show", "connection test", "connection enable", "connection disable", "connection delete":
		c.ValidArgsFunction = a.upTo(1, a.completeConnections)
	case "user show", "user provision", "user deprovision":
		// Ids of people are not looked up: they would be thousands.
		c.ValidArgsFunction = a.upTo(1, a.completeConnections)
	case "rule enable", "rule disable", "rule delete", "sync":
		c.ValidArgsFunction = a.completeConnectionAndRule
	}
}

// upTo offers nothing after n arguments; without it a shell would offer files.
func (a command) upTo(n int, complete cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= n {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, toComplete)
	}
}

// completeConnectionAndRule offers connections first, and rules, too, where there is only one connection; then the rules of
// the connection that was named.
func (a command) completeConnectionAndRule(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		names, directive := a.completeConnections(cmd, args, toComplete)
		if cmd.Name() != "sync" && len(names) <= 1 {
			rules, _ := a.completeRules(cmd, args, toComplete)
			names = append(names, rules...)
		}
		return names, directive
	case 1:
		return a.rulesOf(args[0]), cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func (a command) completeConnections(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	a.quietly(func(ctx context.Context, t *session.Link) {
		names, _ = t.Connections(ctx)
		slices.Sort(names)
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a command) completeRules(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	connection := session.First(args)
	if f := cmd.Flag("connection"); f != nil && f.Value.String() != "" {
		connection = f.Value.String()
	}
	return a.rulesOf(connection), cobra.ShellCompDirectiveNoFileComp
}

// rulesOf are the rules of a connection or, without a name, of the only one.
func (a command) rulesOf(connection string) (names []string) {
	a.quietly(func(ctx context.Context, t *session.Link) {
		connection, err := t.Only(ctx, connection)
		if err != nil {
			return
		}
		d, err := t.Describe(ctx, connection)
		if err != nil {
			return
		}
		for _, r := range d.Rules {
			names = append(names, r.Name)
		}
	})
	return names
}

// quietly asks Temporal something on behalf of a shell, which has no place for complaints: whatever goes wrong, and
// whatever takes long, leaves only the names out.
func (a command) quietly(ask func(ctx context.Context, t *session.Link)) {
	ctx, cancel := context.WithTimeout(a.Ctx, completionTimeout)
	defer cancel()
	quiet := *a.Session
	quiet.Notes = &terminal.Terminal{W: io.Discard, Now: a.Now}
	t, err := quiet.Dial(ctx)
	if err != nil {
		return
	}
	defer t.Close()
	ask(ctx, t)
}
