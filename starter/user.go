package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/terminal"
	"github.com/entraflow/entraflow/workflows"
)

// userCommand holds what can be done about one person.
func (a *app) userCommand() *cobra.Command {
	provision := &cobra.Command{
		Use:   "provision CONNECTION ID",
		Short: "Bring one person up to date now",
		Long: `provision compares the person with this id at the source with their account, and writes what differs. Where that runs
already it is asked to look again. It waits for the end; all runs about a person stand under one id in the Web UI.`,
		Example: `  go run ./starter user provision contoso E10001`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTemporal(cmd.Context(), func(ctx context.Context, t *link) error { return a.provision(ctx, t, args[0], args[1]) })
		},
	}
	return a.group("user", "Operate one person", `  go run ./starter user provision contoso E10001`, provision)
}

// personResult is the JSON of `user provision`.
type personResult struct {
	workflows.UserResult
	WorkflowID string `json:"workflowId"`
	URL        string `json:"url,omitempty"`
}

func (a *app) provision(ctx context.Context, t *link, connection, id string) error {
	// An unknown connection is wrong use; finding out here leaves no failed workflow behind.
	d, err := t.describe(ctx, connection)
	if err != nil {
		return err
	}
	if err := d.Usable(); err != nil {
		return err
	}
	stop := a.waiting("waiting for " + workflows.UserID(connection, id))
	r, err := t.provision(ctx, connection, id)
	stop()
	if err != nil {
		return err
	}
	r.WorkflowID = workflows.UserID(connection, id)
	r.URL = t.workflowURL(r.WorkflowID)
	if err := a.print(r, personText(r)); err != nil {
		return err
	}
	if r.Outcome == plan.Failed {
		return incomplete("", "%s could not be provisioned: %s", id, r.Reason)
	}
	return nil
}

// provision runs the person's canonical workflow, or asks the running one to look again, and waits for its end.
func (t *link) provision(ctx context.Context, connection, id string) (personResult, error) {
	var r personResult
	workflow := workflows.UserID(connection, id)
	for {
		run, err := t.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: workflow, TaskQueue: workflows.TaskQueue, WorkflowExecutionErrorWhenAlreadyStarted: true,
			StaticSummary:         "Asked for at the command line",
			TypedSearchAttributes: temporal.NewSearchAttributes(workflows.AttributeConnection.ValueSet(connection)),
		}, workflows.ProvisionUserType, workflows.UserInput{Connection: connection, User: id})
		var running *serviceerror.WorkflowExecutionAlreadyStarted
		if errors.As(err, &running) {
			err = t.SignalWorkflow(ctx, workflow, running.RunId, workflows.SignalAgain, nil)
			var gone *serviceerror.NotFound
			if errors.As(err, &gone) {
				continue
			}
			run = t.GetWorkflow(ctx, workflow, running.RunId)
		}
		if err != nil {
			return r, t.unanswered(err, connection)
		}
		err = run.Get(ctx, &r.UserResult)
		var failed *temporal.ApplicationError
		var details activities.ErrorDetails
		if errors.As(err, &failed) && failed.HasDetails() && failed.Details(&details, &r.UserResult) == nil && r.Outcome == plan.Failed {
			return r, nil
		}
		return r, err
	}
}

func personText(r personResult) string {
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
	add("licences assigned", strings.Join(r.LicensesAdded, ", "))
	add("licences taken away", strings.Join(r.LicensesRemoved, ", "))
	add("web ui", r.URL)
	return r.Message + "\n" + table.String()
}
