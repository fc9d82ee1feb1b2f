package workflows_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/workflows"
)

// A pass that begins anew knows which licenses the one before asked for: they may have been assigned although reads do not
// show it yet.
func TestALaterPassKnowsWhatTheOneBeforeGave(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: api.UserID("contoso", "e1"), TaskQueue: api.TaskQueue})
	var given [][]string
	env.RegisterActivityWithOptions(func(_ context.Context, in api.ProvisionInput) (api.ProvisionResult, error) {
		given = append(given, in.Given)
		r := api.ProvisionResult{Rule: "staff", Action: plan.Update, AccountID: "a1", Outcome: plan.Success}
		if len(given) < 3 {
			r.AddLicenses = []directory.License{{SKU: []string{"first", "second"}[len(given)-1]}}
		}
		return r, nil
	}, activity.RegisterOptions{Name: "ProvisionAccount"})
	env.RegisterActivityWithOptions(func(context.Context, api.LicenseInput) (api.LicenseResult, error) {
		return api.LicenseResult{}, wire.Reported(fault.New("", fault.Stale, fault.LicenseNotAssigned, ""))
	}, activity.RegisterOptions{Name: "AssignLicenses"})
	env.ExecuteWorkflow(workflows.ProvisionUser, api.UserInput{Connection: "contoso", User: "e1"})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, [][]string{nil, {"first"}, {"first", "second"}}, given)
}

// The service that assigns licenses learns late of a usage location. After a lost answer only the plan, or that the account came to be in
// this run, tells that the run wrote it.
func TestALostAnswerDoesNotHideThatTheLocationWasWritten(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		planned *api.Planned
		done    api.ProvisionResult
		want    bool
	}{
		"adopted by an attempt before": {&api.Planned{Action: plan.Adopt}, api.ProvisionResult{Action: plan.Adopt, Given: true}, true},
		"planned":                      {&api.Planned{Action: plan.Update, Attributes: []string{directory.UsageLocation}}, api.ProvisionResult{Action: plan.License}, true},
		"written":                      {nil, api.ProvisionResult{Action: plan.Update, Attributes: []string{directory.UsageLocation}}, true},
		"an old account":               {&api.Planned{Action: plan.License}, api.ProvisionResult{Action: plan.License}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var suite testsuite.WorkflowTestSuite
			suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
			env := suite.NewTestWorkflowEnvironment()
			env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: api.UserID("contoso", "e1"), TaskQueue: api.TaskQueue})
			env.RegisterActivityWithOptions(func(context.Context, api.ProvisionInput) (api.ProvisionResult, error) {
				r := test.done
				r.Rule, r.AccountID, r.Outcome, r.AddLicenses = "staff", "a1", plan.Success, []directory.License{{SKU: "sku"}}
				return r, nil
			}, activity.RegisterOptions{Name: "ProvisionAccount"})
			var got []bool
			env.RegisterActivityWithOptions(func(_ context.Context, in api.LicenseInput) (api.LicenseResult, error) {
				got = append(got, in.LocationWritten)
				return api.LicenseResult{}, nil
			}, activity.RegisterOptions{Name: "AssignLicenses"})
			env.ExecuteWorkflow(workflows.ProvisionUser, api.UserInput{Connection: "contoso", User: "e1", Rule: "staff", Planned: test.planned})
			require.NoError(t, env.GetWorkflowError())
			require.Equal(t, []bool{test.want}, got)
		})
	}
}
