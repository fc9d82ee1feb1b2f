package workflows_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/workflows"
)

// What is shown of a person says once how it ended, why, and what to do.
func TestWhatIsSaidOfAPerson(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		done api.ProvisionResult
		err  error
		want string
	}{
		{done: api.ProvisionResult{Action: plan.None, Outcome: plan.Success}, want: "Already right; nothing was written."},
		{done: api.ProvisionResult{Action: plan.Update, Outcome: plan.Success, Attributes: []string{"jobTitle", "surname"}},
			want: "Done: the account was updated (jobTitle, surname)."},
		{done: api.ProvisionResult{Action: plan.None, Outcome: plan.Unsynced, Reason: fault.CreateNotAllowed},
			want: "Nothing was written. Unsynced: " + fault.CreateNotAllowed.Sentence() + " (create_not_allowed)."},
		{done: api.ProvisionResult{Action: plan.Update, Outcome: plan.PartiallySynced, Attributes: []string{"mark"}, Reason: fault.LicensesExhausted, Subject: "skuId"},
			want: "Done: the account was updated (mark). PartiallySynced: skuId: " + fault.LicensesExhausted.Sentence() + " (not_enough_licenses)."},
		{done: api.ProvisionResult{Action: plan.None, Outcome: plan.Success, Reason: fault.AccountNotFound},
			want: "Already right; nothing was written. Why: " + fault.AccountNotFound.Sentence() + " (account_not_found)."},
		{err: wire.Reported(fault.New("", fault.Invalid, fault.MappingFailed, "surname")),
			want: "Failed: surname: " + fault.MappingFailed.Sentence() + " (mapping_failed)."},
	} {
		require.Equal(t, test.want, said(t, test.done, test.err))
	}
}

// said is the message of a run whose one activity ends so.
func said(t *testing.T, done api.ProvisionResult, failure error) string {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: api.UserID("contoso", "e1"), TaskQueue: api.TaskQueue})
	env.RegisterWorkflowWithOptions(workflows.ProvisionUser, workflow.RegisterOptions{Name: api.ProvisionUserType})
	var a *activities.Activities
	env.RegisterActivity(a.ProvisionAccount)
	env.OnActivity(a.ProvisionAccount, mock.Anything, mock.Anything).Return(done, failure)
	env.ExecuteWorkflow(api.ProvisionUserType, api.UserInput{Connection: "contoso", User: "e1"})
	var result api.UserResult
	if err := env.GetWorkflowError(); err != nil {
		var failed *temporal.ApplicationError
		require.True(t, errors.As(err, &failed), "%v", err)
		require.NoError(t, failed.Details(new(wire.ErrorDetails), &result))
		require.True(t, strings.HasPrefix(failed.Message(), result.Message), failed.Message())
		return result.Message
	}
	require.NoError(t, env.GetWorkflowResult(&result))
	return result.Message
}
