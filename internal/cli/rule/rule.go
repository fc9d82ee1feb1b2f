// Package rule holds the commands about rules.
package rule

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli/report"
	"github.com/entraflow/entraflow/internal/cli/session"
)

// command is one run of the commands below.
type command struct{ *session.Session }

// Command is `starter rule`.
func Command(s *session.Session) *cobra.Command { return command{s}.ruleCommand() }

func (a command) ruleCommand() *cobra.Command {
	var connection string
	list := &cobra.Command{
		Use: "list", Short: "List a connection's rules and their last syncs", Args: cobra.NoArgs,
		Example: "  go run ./starter rule list --connection contoso",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.WithTemporal(cmd.Context(), func(ctx context.Context, t *session.Link) error { return a.ruleList(ctx, t, connection) })
		},
	}
	enable := a.ruleAction("enable [CONNECTION] RULE", "Enable a rule and sync it; its first sync removes nothing", api.UpdateEnableRule, &connection)
	disable := a.ruleAction("disable [CONNECTION] RULE", "Disable a rule: nobody is removed, its running sync stops", api.UpdateDisableRule, &connection)
	c := a.Group("rule", "Operate the rules of a connection", `  go run ./starter rule list
  go run ./starter rule disable staff --connection contoso
  go run ./starter rule delete contoso staff --confirm staff`, list, enable, disable, a.ruleDeleteCommand(&connection))
	c.PersistentFlags().StringVar(&connection, "connection", "", "connection; may be left out where there is only one")
	return c
}

// ruleAction is a command that sends one update about one rule.
func (a command) ruleAction(use, short, update string, connection *string) *cobra.Command {
	verb, _, _ := strings.Cut(use, " ")
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.RangeArgs(1, 2), Example: "  go run ./starter rule " + verb + " contoso staff",
		RunE: func(cmd *cobra.Command, args []string) error {
			name, rule, err := session.ConnectionAndName(*connection, args)
			if err != nil {
				return err
			}
			return a.WithTemporal(cmd.Context(), func(ctx context.Context, t *session.Link) error {
				return a.ChangeState(ctx, t, name, update, api.RuleInput{Rule: rule})
			})
		},
	}
}

func (a command) ruleList(ctx context.Context, t *session.Link, connection string) error {
	connection, err := t.Only(ctx, connection)
	if err != nil {
		return err
	}
	d, err := t.Describe(ctx, connection)
	if err != nil {
		return err
	}
	return a.Print(struct {
		Connection string                     `json:"connection"`
		Rules      any                        `json:"rules"`
		Syncs      map[string]api.SyncSummary `json:"syncs"`
	}{connection, d.Rules, d.Syncs}, report.RulesText(d))
}
