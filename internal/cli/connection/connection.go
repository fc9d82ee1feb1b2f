// Package connection holds the commands about connections, and apply, which makes and changes them.
package connection

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli/report"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/cli/simulation"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/terminal"
)

// command is one run of the commands below.
type command struct{ *session.Session }

// Command is `starter connection`.
func Command(s *session.Session) *cobra.Command { return command{s}.connectionCommand() }

func (a command) connectionCommand() *cobra.Command {
	var path, confirm string
	list := a.connectionAction("list", "List all connections", cobra.NoArgs, a.connectionList)
	show := a.connectionAction("show [NAME]", "Show a connection's state, rules and last syncs", cobra.MaximumNArgs(1), a.connectionShow)
	test := &cobra.Command{
		Use:   "test [NAME] | test -f FILE",
		Short: "Prove that a connection can work",
		Long: `test proves secret, token, permissions, tenant, licenses and extension properties, each with cause and fix, and registers
the extension properties where they are missing. With -f the file is tested in this process, and nothing is saved; without,
the saved connection is tested by a worker, and goes on if it was invalid and passes.`,
		Example: `  go run ./starter connection test -f contoso.yaml
  go run ./starter connection test contoso`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if path != "" {
				return a.testFile(cmd.Context(), path)
			}
			return a.WithTemporal(cmd.Context(), func(ctx context.Context, t *session.Link) error { return a.connectionTest(ctx, t, session.First(args)) })
		},
	}
	test.Flags().StringVarP(&path, "file", "f", "", "test this file instead of a saved connection")
	enable := a.connectionAction("enable [NAME]", "Enable a connection and sync its rules", cobra.MaximumNArgs(1),
		func(ctx context.Context, t *session.Link, name string) error {
			return a.ChangeState(ctx, t, name, api.UpdateEnable)
		})
	disable := a.connectionAction("disable [NAME]", "Disable a connection: nobody is removed, running syncs stop", cobra.MaximumNArgs(1),
		func(ctx context.Context, t *session.Link, name string) error {
			return a.ChangeState(ctx, t, name, api.UpdateDisable)
		})
	remove := &cobra.Command{
		Use:   "delete [NAME] --confirm NAME",
		Short: "Delete a connection that has no rules; the tenant is not touched",
		Long: `delete forgets a connection. Accounts, licenses and links in the tenant stay as they are. Its rules are deleted first, by
rule delete, which says what becomes of their people. Without --confirm nothing is done; the command says what is in the way.`,
		Example: "  go run ./starter connection delete contoso --confirm contoso",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := cmp.Or(session.First(args), confirm)
			if confirm != "" || name != "" {
				if err := session.Confirmed(name, confirm); err != nil {
					return err
				}
			}
			return a.WithTemporal(cmd.Context(), func(ctx context.Context, t *session.Link) error { return a.connectionDelete(ctx, t, name) })
		},
	}
	remove.Flags().StringVar(&confirm, "confirm", "", "the connection's name once more")
	return a.Group("connection", "Operate connections", `  go run ./starter connection list
  go run ./starter connection show contoso
  go run ./starter connection test -f contoso.yaml
  go run ./starter connection disable contoso
  go run ./starter connection delete contoso --confirm contoso`, list, show, test, enable, disable, remove)
}

// connectionDelete deletes a connection whose name was confirmed. Without a name it is not, and only says which there is.
func (a command) connectionDelete(ctx context.Context, t *session.Link, name string) error {
	if name != "" {
		return a.ChangeState(ctx, t, name, api.UpdateDelete)
	}
	name, err := t.Only(ctx, "")
	if err != nil {
		return err
	}
	d, err := t.Describe(ctx, name)
	if err != nil {
		return err
	}
	var rules []string
	for _, r := range d.Rules {
		rules = append(rules, r.Name)
	}
	if len(rules) > 0 {
		return session.WrongUse("delete its rules first: starter rule delete "+name+" RULE --confirm RULE; then add --confirm "+name,
			"deleting %s needs a confirmation, and it still has rules: %s", name, session.Listed(rules))
	}
	return session.Confirmed(name, "")
}

// connectionAction is a command that takes at most the name of a connection.
func (a command) connectionAction(use, short string, args cobra.PositionalArgs, do func(context.Context, *session.Link, string) error) *cobra.Command {
	verb, _, _ := strings.Cut(use, " ")
	return &cobra.Command{
		Use: use, Short: short, Args: args, Example: "  go run ./starter connection " + verb,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.WithTemporal(cmd.Context(), func(ctx context.Context, t *session.Link) error { return do(ctx, t, session.First(args)) })
		},
	}
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

func (a command) connectionList(ctx context.Context, t *session.Link, _ string) error {
	names, err := t.Connections(ctx)
	if err != nil {
		return err
	}
	slices.Sort(names)
	result := struct {
		Connections []connectionLine `json:"connections"`
	}{Connections: []connectionLine{}}
	table := terminal.Table{Header: []string{"CONNECTION", "STATE", "RULES", "TENANT", "CLOUD", "DESCRIPTION"}, Right: []int{2}}
	for _, name := range names {
		d, err := t.Describe(ctx, name)
		if gone := new(session.Failure); errors.As(err, &gone) && gone.Reason == fault.ConnectionUnknown {
			continue // Temporal's list still has one that was deleted a moment ago.
		}
		if err != nil {
			return err
		}
		result.Connections = append(result.Connections, connectionLine{
			Name: name, State: d.State, Validity: d.Validity, Enabled: d.Enabled, TenantID: d.Config.TenantID,
			Cloud: d.Config.Cloud, Rules: len(d.Config.Rules), Description: d.Text,
		})
		table.Row(name, d.State, strconv.Itoa(len(d.Config.Rules)), d.Config.TenantID, d.Config.Cloud, d.Text)
	}
	if len(result.Connections) == 0 {
		return a.Print(result, "there is no connection yet; apply a configuration file: starter apply -f FILE\n")
	}
	return a.Print(result, table.String())
}

func (a command) connectionShow(ctx context.Context, t *session.Link, name string) error {
	name, err := t.Only(ctx, name)
	if err != nil {
		return err
	}
	d, err := t.Describe(ctx, name)
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
	table.Row("tenant", cmp.Or(d.Pinned.TenantID, c.TenantID))
	table.Row("application", c.ClientID)
	table.Row(c.Credential().Key, c.Credential().Reference)
	table.Row("cloud", c.Cloud)
	table.Row("revision", strconv.Itoa(d.Revision))
	if u := t.WorkflowURL(api.ConnectionID(name)); u != "" {
		table.Row("web ui", u)
	}
	b.WriteString(table.String() + "\n" + report.RulesText(d))
	if d.Test != nil {
		b.WriteString("\n" + report.ReportText(*d.Test))
	}
	return a.Print(d, b.String())
}

func (a command) connectionTest(ctx context.Context, t *session.Link, name string) error {
	name, err := t.Only(ctx, name)
	if err != nil {
		return err
	}
	var r api.TestReport
	if err := a.Update(ctx, t, name, api.UpdateTest, &r); err != nil {
		return err
	}
	return a.printReport(name, r)
}

// testFile tests a file in this process.
func (a command) testFile(ctx context.Context, path string) (err error) {
	cfg, err := session.UntilInterrupted(ctx, func() (*config.Connection, error) { return config.Load(a.Path(path)) })
	if err != nil {
		return err
	}
	simulator, giveBack, err := simulation.Lend(ctx, a.Session, path, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, giveBack()) }()
	e, err := a.Engine(nil, simulator, nil)
	if err != nil {
		return err
	}
	stop := a.Waiting("testing connection " + cfg.Name)
	r, err := session.UntilInterrupted(ctx, func() (api.TestReport, error) { return e.Check(ctx, *cfg, api.Pinned{}, func(string) {}), ctx.Err() })
	stop()
	if err != nil {
		return err
	}
	return a.printReport(cfg.Name, r)
}

func (a command) printReport(connection string, r api.TestReport) error {
	if err := a.Print(r, report.ReportText(r)); err != nil {
		return err
	}
	if !r.OK {
		return report.Invalid(connection, &r)
	}
	return report.UnusableSource(&r)
}
