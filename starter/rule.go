package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/workflows"
)

func (a *app) ruleCommand() *cobra.Command {
	var connection, confirm string
	list := &cobra.Command{
		Use: "list", Short: "List a connection's rules and their last syncs", Args: cobra.NoArgs,
		Example: "  go run ./starter rule list --connection contoso",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withTemporal(cmd.Context(), func(ctx context.Context, t *link) error { return a.ruleList(ctx, t, connection) })
		},
	}
	enable := a.ruleAction("enable RULE", "Enable a rule and sync it; its first sync removes nothing", workflows.UpdateEnableRule, &connection, nil)
	disable := a.ruleAction("disable RULE", "Disable a rule: nobody is removed, its running sync stops", workflows.UpdateDisableRule, &connection, nil)
	remove := a.ruleAction("delete RULE --confirm RULE", "Delete a rule; whether its people are deprovisioned is a preference of the connection", workflows.UpdateDeleteRule, &connection, &confirm)
	remove.Flags().StringVar(&confirm, "confirm", "", "the rule's name once more")
	c := a.group("rule", "Operate the rules of a connection", `  go run ./starter rule list
  go run ./starter rule disable staff --connection contoso`, list, enable, disable, remove)
	c.PersistentFlags().StringVar(&connection, "connection", "", "connection; may be left out where there is only one")
	return c
}

// ruleAction is a command that sends one update about one rule. confirm is nil where no confirmation is needed.
func (a *app) ruleAction(use, short, update string, connection, confirm *string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1), Example: "  go run ./starter rule " + use + " --connection contoso",
		RunE: func(cmd *cobra.Command, args []string) error {
			in := workflows.RuleInput{Rule: args[0]}
			if confirm != nil {
				if err := confirmed(in.Rule, *confirm); err != nil {
					return err
				}
				in.Confirm = *confirm
			}
			return a.withTemporal(cmd.Context(), func(ctx context.Context, t *link) error {
				return a.changeState(ctx, t, *connection, update, in)
			})
		},
	}
}

func (a *app) ruleList(ctx context.Context, t *link, connection string) error {
	connection, err := t.only(ctx, connection)
	if err != nil {
		return err
	}
	d, err := t.describe(ctx, connection)
	if err != nil {
		return err
	}
	return a.print(struct {
		Connection string                           `json:"connection"`
		Rules      any                              `json:"rules"`
		Syncs      map[string]workflows.SyncSummary `json:"syncs"`
	}{connection, d.Rules, d.Syncs}, rulesText(d))
}
