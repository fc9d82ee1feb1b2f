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

// What is refused about licenses leaves the account as it is: the person is partly synced, and told by which request. What is
// wrong with the connection, or with us, fails the run.
func TestWhatIsRefusedAboutLicenses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err     fault.Error
		partly  bool
		message string
	}{
		{fault.Error{Kind: fault.Invalid, Reason: fault.LicensesExhausted, Subject: "skuId"}, true, "(not_enough_licenses)."},
		{fault.Error{Kind: fault.Internal, Reason: fault.UnexpectedAnswer, RequestID: "4711"}, true, "(unexpected_answer), Microsoft's request id 4711."},
		{fault.Error{Kind: fault.Internal, Reason: fault.InternalError}, false, "(internal_error)."},
		{fault.Error{Kind: fault.Denied, Reason: fault.PermissionDenied, RequestID: "4712"}, false, "(permission_denied), Microsoft's request id 4712."},
	} {
		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
		env := suite.NewTestWorkflowEnvironment()
		env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: api.UserID("contoso", "e1"), TaskQueue: api.TaskQueue})
		env.RegisterActivityWithOptions(func(context.Context, api.ProvisionInput) (api.ProvisionResult, error) {
			return api.ProvisionResult{Rule: "staff", Action: plan.Create, AccountID: "a1", Outcome: plan.Success, AddLicenses: []directory.License{{SKU: "s"}}}, nil
		}, activity.RegisterOptions{Name: "ProvisionAccount"})
		env.RegisterActivityWithOptions(func(context.Context, api.LicenseInput) (api.LicenseResult, error) {
			return api.LicenseResult{}, wire.Reported(&test.err)
		}, activity.RegisterOptions{Name: "AssignLicenses"})
		env.ExecuteWorkflow(workflows.ProvisionUser, api.UserInput{Connection: "contoso", User: "e1"})
		var r api.UserResult
		if err := env.GetWorkflowError(); test.partly {
			require.NoError(t, err)
			require.NoError(t, env.GetWorkflowResult(&r))
			require.Equal(t, plan.PartiallySynced, r.Outcome)
		} else {
			require.Error(t, err)
			f := wire.FaultOf(err)
			require.Equal(t, test.err.Reason, f.Reason)
			require.Equal(t, test.err.RequestID, f.RequestID)
			require.ErrorContains(t, err, test.message)
			continue
		}
		require.Equal(t, test.err.Reason, r.Reason)
		require.Equal(t, test.err.RequestID, r.RequestID)
		require.Contains(t, r.Message, test.message)
	}
}
