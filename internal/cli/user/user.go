// Package user holds the commands about one person.
package user

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	cliplan "github.com/entraflow/entraflow/internal/cli/plan"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/terminal"
)

// command is one run of the commands below.
type command struct{ *session.Session }

// Command is `starter user`.
func Command(s *session.Session) *cobra.Command { return command{s}.userCommand() }

// userCommand holds what can be done about one person.
func (a command) userCommand() *cobra.Command {
	return a.Group("user", "Operate one person", `  go run ./starter user show contoso E10001
  go run ./starter user provision contoso E10001 --dry-run
  go run ./starter user deprovision contoso E10001 --confirm E10001`,
		a.userShowCommand(), a.userProvisionCommand(), a.userDeprovisionCommand())
}

// personCommand is a command about one person, whose connection may be left out where there is only one.
func (a command) personCommand(c *cobra.Command, do func(ctx context.Context, t *session.Link, connection, id string) error) *cobra.Command {
	c.Args = cobra.RangeArgs(1, 2)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		connection, id, err := session.ConnectionAndName("", args)
		if err != nil {
			return err
		}
		return a.WithTemporal(cmd.Context(), func(ctx context.Context, t *session.Link) error {
			connection, err := t.Only(ctx, connection)
			if err != nil {
				return err
			}
			return do(ctx, t, connection, id)
		})
	}
	return c
}

// personResult is the JSON of `user provision` and `user deprovision`.
type personResult struct {
	api.UserResult
	// Steps are what was found on the way, of `user provision`.
	Steps      []personStep `json:"steps,omitempty"`
	WorkflowID string       `json:"workflowId"`
	URL        string       `json:"url,omitempty"`
}

// runPerson runs the person's canonical workflow and waits for its end. A run of the same kind that is under way is asked
// to look again; what that run cannot do is begun when it has ended.
func runPerson(ctx context.Context, t *session.Link, workflowType string, in api.UserInput) (personResult, error) {
	r := personResult{WorkflowID: api.UserID(in.Connection, in.User)}
	r.URL = t.WorkflowURL(r.WorkflowID)
	joins := workflowType == api.ProvisionUserType && !in.SamePerson
	for {
		run, err := t.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: r.WorkflowID, TaskQueue: api.TaskQueue, WorkflowExecutionErrorWhenAlreadyStarted: true,
			StaticSummary:         "Asked for at the command line",
			TypedSearchAttributes: temporal.NewSearchAttributes(wire.AttributeConnection.ValueSet(in.Connection)),
			Priority:              wire.Priority(in.Connection),
		}, workflowType, in)
		var running *serviceerror.WorkflowExecutionAlreadyStarted
		if errors.As(err, &running) {
			run = t.GetWorkflow(ctx, r.WorkflowID, running.RunId)
			if !joins {
				if err := ended(ctx, run); err != nil {
					return r, t.Unanswered(err, in.Connection)
				}
				continue
			}
			err = t.SignalWorkflow(ctx, r.WorkflowID, running.RunId, api.SignalAgain, nil)
			var gone *serviceerror.NotFound
			if errors.As(err, &gone) {
				continue
			}
		}
		if err != nil {
			return r, t.Unanswered(err, in.Connection)
		}
		return r, session.PersonOutcome(run.Get(ctx, &r.UserResult), &r.UserResult)
	}
}

// ended waits for the end of a run, whichever it is.
func ended(ctx context.Context, run client.WorkflowRun) error {
	err := run.Get(ctx, nil)
	var failed *temporal.WorkflowExecutionError
	if errors.As(err, &failed) {
		return nil
	}
	return err
}

// personText is the result of a run, with licenses by their names.
func personText(r personResult, licenses map[string]string) string {
	table := terminal.Table{}
	add := func(name, value string) {
		if value != "" {
			table.Row(name, value)
		}
	}
	add("person", r.User)
	add("rule", r.Rule)
	add("action", string(r.Action))
	add("outcome", string(r.Outcome))
	add("reason", string(r.Reason))
	add("account", r.AccountID)
	add("attributes", strings.Join(r.Attributes, ", "))
	add("licenses assigned", strings.Join(partNumbers(licenses, r.LicensesAdded), ", "))
	add("licenses taken away", strings.Join(partNumbers(licenses, r.LicensesRemoved), ", "))
	add("web ui", r.URL)
	return table.String()
}

// partNumbers names licenses as administrators do.
func partNumbers(licenses map[string]string, skus []string) []string {
	var names []string
	for _, sku := range skus {
		names = append(names, cliplan.PartNumber(licenses, sku))
	}
	return names
}
