package mapping

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
)

// Command is `starter mapping`.
func Command(a *session.Session) *cobra.Command {
	return a.Group("mapping", "Try the mappings of a file", "  go run ./starter mapping test -f contoso.yaml --id E10001", testCommand(a))
}

func testCommand(a *session.Session) *cobra.Command {
	var path, rule, id string
	c := &cobra.Command{
		Use:   "test -f FILE [--rule NAME] [--id ID]",
		Short: "Show what filter and mappings make of people, with values; needs neither tenant nor Temporal",
		Long: `test reads the sources of a file in this process and shows what each attribute would be: of one person with --id, else of the
first ten people in scope and of those for whom an expression fails, with all reasons. The values go to this terminal and nowhere else.
Exit status 1 if an expression fails for somebody.`,
		Example: `  go run ./starter mapping test -f examples/contoso/contoso.yaml
  go run ./starter mapping test -f examples/contoso/contoso.yaml --id E10001 -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.Load(cmd.Context(), path)
			if err != nil {
				return err
			}
			rules, err := Named(cfg, rule)
			if err != nil {
				return err
			}
			return Print(cmd.Context(), a, rules, id)
		},
	}
	c.Flags().StringVarP(&path, "file", "f", "", "configuration file")
	c.Flags().StringVar(&rule, "rule", "", "rule; without it, all rules of the file")
	c.Flags().StringVar(&id, "id", "", "show this person only")
	return c
}

// Named is the rule with this name or, without one, all rules.
func Named(cfg *config.Connection, name string) ([]config.Rule, error) {
	rules := slices.Clone(cfg.Rules)
	if name != "" {
		rules = slices.DeleteFunc(rules, func(r config.Rule) bool { return r.Name != name })
	}
	if name != "" && len(rules) == 0 {
		return nil, fault.New("", fault.Refused, fault.RuleUnknown, "connection "+cfg.Name+", rule "+name)
	}
	return rules, nil
}
