package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/terminal"
)

func (a *app) applyCommand() *cobra.Command {
	var path string
	var noSync bool
	c := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Create a connection from a file, or change it to what the file says",
		Long: `apply sends a configuration file to its connection. A new connection, or one whose credentials changed, is tested
before its rules run. Rules that changed are synced. A rule that is no longer in the file is disabled; nothing is deleted.`,
		Example: `  go run ./starter apply -f examples/contoso/contoso.yaml
  go run ./starter apply -f contoso.yaml --no-sync -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load(cmd.Context(), path)
			if err != nil {
				return err
			}
			return a.withTemporal(cmd.Context(), func(ctx context.Context, t *link) error {
				result, err := a.applyTo(ctx, t, api.ApplyInput{Config: *cfg, KeepSyncs: noSync})
				if err != nil {
					return t.explainImmutable(ctx, *cfg, err)
				}
				if err := a.print(result, applyText(cfg.Name, result)); err != nil {
					return err
				}
				if result.Validity != api.Valid {
					return invalid(cfg.Name, result.Test)
				}
				return nil
			})
		},
	}
	c.Flags().StringVarP(&path, "file", "f", "", "configuration file")
	c.Flags().BoolVar(&noSync, "no-sync", false, "do not sync the rules that changed")
	return c
}

// explainImmutable adds to the refusal of what never changes what the connection has and what the file says.
func (t *link) explainImmutable(ctx context.Context, cfg config.Connection, err error) error {
	f := failureOf(err)
	if f.reason != fault.SettingImmutable {
		return err
	}
	d, unanswered := t.describe(ctx, cfg.Name)
	if unanswered != nil {
		return err
	}
	var lines []string
	differ := func(key, is, says string) {
		if is != says {
			lines = append(lines, fmt.Sprintf("  %s is %s, and the file says %s", key, is, says))
		}
	}
	differ("tenantId", d.Config.TenantID, cfg.TenantID)
	differ("clientId", d.Config.ClientID, cfg.ClientID)
	differ("cloud", or(d.Config.Cloud, config.CloudGlobal), or(cfg.Cloud, config.CloudGlobal))
	for _, rule := range cfg.Rules {
		if known, ok := d.Config.Rule(rule.Name); ok {
			for _, d := range source.Differences(known.Source.Settings, rule.Source.Settings) {
				differ("rule "+rule.Name+", source."+d.Key, d.Is, d.Says)
			}
		}
	}
	if len(lines) == 0 {
		return err
	}
	cause, _ := f.reason.Parts()
	return &failure{status: f.status, reason: f.reason, next: "restore what it has, or use another name for another connection or rule",
		what: fmt.Sprintf("connection %s: %s (%s); nothing was changed\n%s", cfg.Name, cause, f.reason, strings.Join(lines, "\n"))}
}

// applyText says what an apply changed.
func applyText(connection string, r api.ApplyResult) string {
	var b strings.Builder
	if len(r.Changes) == 0 {
		fmt.Fprintf(&b, "connection %s: the file changes nothing\n", connection)
	} else {
		fmt.Fprintf(&b, "connection %s:\n", connection)
	}
	for _, change := range r.Changes {
		fmt.Fprintf(&b, "  %s\n", change)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "  warning: %s\n", warning)
	}
	if r.Test != nil {
		b.WriteString(reportText(*r.Test))
	}
	if len(r.Synced) > 0 {
		fmt.Fprintf(&b, "syncs started: %s; `starter sync --follow` shows how far they are\n", listed(r.Synced))
	}
	if r.Validity != api.Valid {
		fmt.Fprintf(&b, "the connection is saved but provisions nothing until a test passes: mend the cause, then `starter connection test %s`\n", connection)
	}
	return b.String()
}

// invalid says why a connection cannot be used.
func invalid(connection string, test *api.TestReport) error {
	if test != nil {
		if c, failed := test.Failure(); failed {
			return incomplete(or(c.Fix, "mend the cause and test again"), "connection %s cannot be used, test of %s: %s", connection, c.Name, c.Message)
		}
	}
	return incomplete("starter connection test "+connection, "connection %s cannot be used: %s", connection, fault.ConnectionInvalid.Sentence())
}

// reportText is a connection test's report as a table, with cause and fix below what is not right.
func reportText(r api.TestReport) string {
	var b strings.Builder
	verdict := "passed"
	if !r.OK {
		verdict = "FAILED"
	}
	fmt.Fprintf(&b, "connection test %s", verdict)
	if r.TenantName != "" || r.TenantID != "" {
		fmt.Fprintf(&b, ": tenant %s", strings.TrimSpace(r.TenantName+" "+r.TenantID))
	}
	b.WriteString("\n")
	table := terminal.Table{Indent: "  "}
	for _, c := range r.Checks {
		table.Row(string(c.Status), c.Name, c.Message)
		if c.Fix != "" {
			table.Row("", "", "fix: "+c.Fix)
		}
		if c.RequestID != "" {
			table.Row("", "", "request id for Microsoft support: "+c.RequestID)
		}
	}
	b.WriteString(table.String())
	return b.String()
}
