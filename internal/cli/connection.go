package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/terminal"
)

func (a *app) connectionCommand() *cobra.Command {
	var path, confirm string
	list := a.connectionAction("list", "List all connections", cobra.NoArgs, a.connectionList)
	show := a.connectionAction("show [NAME]", "Show a connection's state, rules and last syncs", cobra.MaximumNArgs(1), a.connectionShow)
	test := &cobra.Command{
		Use:   "test [NAME] | test -f FILE",
		Short: "Prove that a connection can work",
		Long: `test proves secret, token, permissions, tenant, licences and extension properties, each with cause and fix, and registers
the extension properties where they are missing. With -f the file is tested in this process, and nothing is saved; without,
the saved connection is tested by a worker, and goes on if it was invalid and passes.`,
		Example: `  go run ./starter connection test -f contoso.yaml
  go run ./starter connection test contoso`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if path != "" {
				return a.testFile(cmd.Context(), path)
			}
			return a.withTemporal(cmd.Context(), func(ctx context.Context, t *link) error { return a.connectionTest(ctx, t, first(args)) })
		},
	}
	test.Flags().StringVarP(&path, "file", "f", "", "test this file instead of a saved connection")
	enable := a.connectionAction("enable [NAME]", "Enable a connection and sync its rules", cobra.MaximumNArgs(1),
		func(ctx context.Context, t *link, name string) error {
			return a.changeState(ctx, t, name, api.UpdateEnable)
		})
	disable := a.connectionAction("disable [NAME]", "Disable a connection: nobody is removed, running syncs stop", cobra.MaximumNArgs(1),
		func(ctx context.Context, t *link, name string) error {
			return a.changeState(ctx, t, name, api.UpdateDisable)
		})
	remove := &cobra.Command{
		Use:   "delete [NAME] --confirm NAME",
		Short: "Delete a connection that has no rules; the tenant is not touched",
		Long: `delete forgets a connection. Accounts, licences and links in the tenant stay as they are. Its rules are deleted first, by
rule delete, which says what becomes of their people. Without --confirm nothing is done; the command says what is in the way.`,
		Example: "  go run ./starter connection delete contoso --confirm contoso",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := or(first(args), confirm)
			if confirm != "" || name != "" {
				if err := confirmed(name, confirm); err != nil {
					return err
				}
			}
			return a.withTemporal(cmd.Context(), func(ctx context.Context, t *link) error { return a.connectionDelete(ctx, t, name) })
		},
	}
	remove.Flags().StringVar(&confirm, "confirm", "", "the connection's name once more")
	return a.group("connection", "Operate connections", `  go run ./starter connection list
  go run ./starter connection show contoso
  go run ./starter connection test -f contoso.yaml
  go run ./starter connection disable contoso
  go run ./starter connection delete contoso --confirm contoso`, list, show, test, enable, disable, remove)
}

// connectionDelete deletes a connection whose name was confirmed. Without a name it is not, and only says which there is.
func (a *app) connectionDelete(ctx context.Context, t *link, name string) error {
	if name != "" {
		return a.changeState(ctx, t, name, api.UpdateDelete)
	}
	name, err := t.only(ctx, "")
	if err != nil {
		return err
	}
	d, err := t.describe(ctx, name)
	if err != nil {
		return err
	}
	var rules []string
	for _, r := range d.Rules {
		rules = append(rules, r.Name)
	}
	if len(rules) > 0 {
		return wrongUse("delete its rules first: starter rule delete "+name+" RULE --confirm RULE; then add --confirm "+name,
			"deleting %s needs a confirmation, and it still has rules: %s", name, listed(rules))
	}
	return confirmed(name, "")
}

// connectionAction is a command that takes at most the name of a connection.
func (a *app) connectionAction(use, short string, args cobra.PositionalArgs, do func(context.Context, *link, string) error) *cobra.Command {
	verb, _, _ := strings.Cut(use, " ")
	return &cobra.Command{
		Use: use, Short: short, Args: args, Example: "  go run ./starter connection " + verb,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTemporal(cmd.Context(), func(ctx context.Context, t *link) error { return do(ctx, t, first(args)) })
		},
	}
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// confirmed demands that a name was given twice.
func confirmed(name, confirm string) error {
	switch confirm {
	case name:
		return nil
	case "":
		return wrongUse("add --confirm "+name, "deleting %s needs a confirmation", name)
	}
	return wrongUse("add --confirm "+name, "the confirmation %q is not the name %q", confirm, name)
}

// changeState sends one of the updates that answer with a StateResult.
func (a *app) changeState(ctx context.Context, t *link, connection, update string, args ...any) error {
	connection, err := t.only(ctx, connection)
	if err != nil {
		return err
	}
	var r api.StateResult
	if err := a.update(ctx, t, connection, update, &r, args...); err != nil {
		return err
	}
	return a.print(r, r.Message+"\n")
}

// connectionLine is one connection of a list.
type connectionLine struct {
	Name        string       `json:"name"`
	State       string       `json:"state"`
	Validity    api.Validity `json:"validity"`
	Enabled     bool         `json:"enabled"`
	TenantID    string       `json:"tenantId"`
	Cloud       string       `json:"cloud"`
	Rules       int          `json:"rules"`
	Description string       `json:"description,omitempty"`
}

func (a *app) connectionList(ctx context.Context, t *link, _ string) error {
	names, err := t.connections(ctx)
	if err != nil {
		return err
	}
	slices.Sort(names)
	result := struct {
		Connections []connectionLine `json:"connections"`
	}{Connections: []connectionLine{}}
	table := terminal.Table{Header: []string{"CONNECTION", "STATE", "RULES", "TENANT", "CLOUD", "DESCRIPTION"}, Right: []int{2}}
	for _, name := range names {
		d, err := t.describe(ctx, name)
		if err != nil {
			return err
		}
		result.Connections = append(result.Connections, connectionLine{
			Name: name, State: d.State, Validity: d.Validity, Enabled: d.Enabled, TenantID: d.Config.TenantID,
			Cloud: d.Config.Cloud, Rules: len(d.Config.Rules), Description: d.Text,
		})
		table.Row(name, d.State, number(len(d.Config.Rules)), d.Config.TenantID, d.Config.Cloud, d.Text)
	}
	if len(names) == 0 {
		return a.print(result, "there is no connection yet; apply a configuration file: starter apply -f FILE\n")
	}
	return a.print(result, table.String())
}

func (a *app) connectionShow(ctx context.Context, t *link, name string) error {
	name, err := t.only(ctx, name)
	if err != nil {
		return err
	}
	d, err := t.describe(ctx, name)
	if err != nil {
		return err
	}
	var b strings.Builder
	c := d.Config
	table := terminal.Table{}
	table.Row("connection", name)
	if d.Text != "" {
		table.Row("description", d.Text)
	}
	table.Row("state", d.State)
	table.Row("tenant", or(d.Pinned.TenantID, c.TenantID))
	table.Row("application", c.ClientID)
	table.Row(c.Credential().Key, c.Credential().Reference)
	table.Row("cloud", c.Cloud)
	table.Row("revision", number(d.Revision))
	if u := t.workflowURL(api.ConnectionID(name)); u != "" {
		table.Row("web ui", u)
	}
	b.WriteString(table.String() + "\n" + rulesText(d))
	if d.Test != nil {
		b.WriteString("\n" + reportText(*d.Test))
	}
	return a.print(d, b.String())
}

// rulesText is the table of a connection's rules and their last syncs.
func rulesText(d api.Description) string {
	if len(d.Rules) == 0 {
		return "no rules\n"
	}
	table := terminal.Table{
		Header: []string{"RULE", "ENABLED", "SCHEDULE", "LAST SYNC", "ENDED", "IMPACTED", "SUCCESS", "UNSYNCED", "PARTIAL", "FAILED", "HELD", "LEFT"},
		Right:  []int{5, 6, 7, 8, 9, 10, 11},
	}
	for _, r := range d.Rules {
		enabled := "no"
		if r.Enabled {
			enabled = "yes"
		}
		if !r.InFile {
			enabled += ", not in the file"
		}
		if r.Deleting {
			enabled = "being deleted"
		}
		rule, _ := d.Config.Rule(r.Name)
		s, ok := d.Syncs[r.Name]
		if !ok {
			table.Row(r.Name, enabled, or(rule.SyncEvery, "none"), "none")
			continue
		}
		table.Row(r.Name, enabled, or(rule.SyncEvery, "none"), string(s.State), s.EndedAt.UTC().Format(time.DateTime), number(s.Impacted),
			number(s.Success), number(s.Unsynced), number(s.PartiallySynced), number(s.Failed), number(s.Held), number(s.ToDeprovision))
	}
	return table.String()
}

func (a *app) connectionTest(ctx context.Context, t *link, name string) error {
	name, err := t.only(ctx, name)
	if err != nil {
		return err
	}
	var r api.TestReport
	if err := a.update(ctx, t, name, api.UpdateTest, &r); err != nil {
		return err
	}
	return a.printReport(name, r)
}

// testFile tests a file in this process. Only connection settings matter: a rule's source may still be missing.
func (a *app) testFile(ctx context.Context, path string) (err error) {
	cfg, err := untilInterrupted(ctx, func() (*config.Connection, error) { return config.Load(a.path(path)) })
	if err != nil {
		return err
	}
	simulator, giveBack, err := a.lend(ctx, path, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, giveBack()) }()
	e, err := a.engine(nil, simulator, nil)
	if err != nil {
		return err
	}
	stop := a.waiting("testing connection " + cfg.Name)
	r, err := untilInterrupted(ctx, func() (api.TestReport, error) { return e.Check(ctx, *cfg, api.Pinned{}, func(string) {}), ctx.Err() })
	stop()
	if err != nil {
		return err
	}
	return a.printReport(cfg.Name, r)
}

func (a *app) printReport(connection string, r api.TestReport) error {
	if err := a.print(r, reportText(r)); err != nil {
		return err
	}
	if !r.OK {
		return invalid(connection, &r)
	}
	return nil
}
