package connection

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli/report"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// ApplyCommand is `starter apply`.
func ApplyCommand(s *session.Session) *cobra.Command { return command{s}.applyCommand() }

func (a command) applyCommand() *cobra.Command {
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
			cfg, err := a.Load(cmd.Context(), path)
			if err != nil {
				return err
			}
			return a.WithTemporal(cmd.Context(), func(ctx context.Context, t *session.Link) error {
				result, err := a.ApplyTo(ctx, t, api.ApplyInput{Config: *cfg, KeepSyncs: noSync})
				if err != nil {
					return ExplainImmutable(ctx, t, *cfg, err)
				}
				if err := a.Print(result, ApplyText(cfg.Name, result)); err != nil {
					return err
				}
				if result.Validity != api.Valid {
					return report.Invalid(cfg.Name, result.Test)
				}
				return nil
			})
		},
	}
	c.Flags().StringVarP(&path, "file", "f", "", "configuration file")
	c.Flags().BoolVar(&noSync, "no-sync", false, "do not sync the rules that changed")
	return c
}

// ExplainImmutable adds to the refusal of what never changes what the connection has and what the file says.
func ExplainImmutable(ctx context.Context, t *session.Link, cfg config.Connection, err error) error {
	f := session.FailureOf(err)
	if f.Reason != fault.SettingImmutable {
		return err
	}
	d, unanswered := t.Describe(ctx, cfg.Name)
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
	differ("cloud", cmp.Or(d.Config.Cloud, config.CloudGlobal), cmp.Or(cfg.Cloud, config.CloudGlobal))
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
	cause, _ := f.Reason.Parts()
	return &session.Failure{Status: f.Status, Reason: f.Reason, Next: "restore what it has, or use another name for another connection or rule",
		What: fmt.Sprintf("connection %s: %s (%s); nothing was changed\n%s", cfg.Name, cause, f.Reason, strings.Join(lines, "\n"))}
}

// ApplyText says what an apply changed.
func ApplyText(connection string, r api.ApplyResult) string {
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
		b.WriteString(report.ReportText(*r.Test))
	}
	if len(r.Synced) > 0 {
		fmt.Fprintf(&b, "syncs started: %s; `starter sync --follow` shows how far they are\n", session.Listed(r.Synced))
	}
	if r.Validity != api.Valid {
		fmt.Fprintf(&b, "the connection is saved but provisions nothing until a test passes: mend the cause, then `starter connection test %s`\n", connection)
	}
	return b.String()
}
