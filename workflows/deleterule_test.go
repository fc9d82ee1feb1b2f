package workflows_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/workflows"
)

// deletes runs DeleteRule in Temporal's test environment, over pages that list gives.
func deletes(t *testing.T, list func(api.ListLinkedInput) api.ListLinkedResult) *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: api.DeleteRuleID("contoso", "staff"), TaskQueue: api.TaskQueue})
	env.RegisterWorkflowWithOptions(workflows.DeleteRule, workflow.RegisterOptions{Name: api.DeleteRuleType})
	env.RegisterWorkflowWithOptions(func(workflow.Context, api.UserInput) (api.UserResult, error) {
		return api.UserResult{Action: plan.Remove, Outcome: plan.Success}, nil
	}, workflow.RegisterOptions{Name: api.DeprovisionUserType})
	var a *activities.Activities
	env.RegisterActivity(a.BeginRuleDeletion)
	env.RegisterActivity(a.ListLinked)
	env.OnActivity(a.BeginRuleDeletion, mock.Anything, mock.Anything).Return(api.DeletionTerms{Deprovision: true, Allowed: true}, nil)
	env.RegisterActivity(a.ListedPage)
	for _, activity := range []any{a.ListLinked, a.ListedPage} {
		env.OnActivity(activity, mock.Anything, mock.Anything).Return(
			func(_ context.Context, in api.ListLinkedInput) (api.ListLinkedResult, error) {
				return list(in), nil
			})
	}
	env.OnSignalExternalWorkflow(mock.Anything, api.ConnectionID("contoso"), "", api.SignalRuleDeleted, mock.Anything).Return(nil)
	return env
}

var deleteStaff = api.DeleteRuleInput{Connection: "contoso", Rule: "staff", Confirm: "staff"}

// accountsOf makes a page of undoubted accounts.
func accountsOf(users string) (out []api.LinkedAccount) {
	for _, u := range strings.Fields(users) {
		out = append(out, api.LinkedAccount{User: u, AccountID: "id-" + u})
	}
	return out
}

// deprovisionOnRuleDeletion is switched off after the first page: who is left then is left, and the next read is a new one.
func TestADeletionLeavesTheRestWhenThePreferenceIsSwitchedOff(t *testing.T) {
	on, off := api.DeletionTerms{Deprovision: true, Allowed: true}, api.DeletionTerms{Allowed: true}
	var asked []api.ListLinkedInput
	env := deletes(t, func(in api.ListLinkedInput) api.ListLinkedResult {
		asked = append(asked, in)
		switch len(asked) {
		case 1:
			return api.ListLinkedResult{ListID: "l", Terms: on, Accounts: accountsOf("a b"), Linked: 6, Deprovisioned: 1, Remaining: 5}
		case 2:
			return api.ListLinkedResult{ListID: "l", Terms: off, Accounts: accountsOf("c d e"), Linked: 6, Deprovisioned: 1, Remaining: 3, Last: true}
		}
		return api.ListLinkedResult{ListID: "m", Terms: off, Accounts: accountsOf("c d e"), Linked: 6, Deprovisioned: 3, Remaining: 3, Last: true}
	})
	env.ExecuteWorkflow(api.DeleteRuleType, deleteStaff)
	require.NoError(t, env.GetWorkflowError())
	var r api.DeleteRuleResult
	require.NoError(t, env.GetWorkflowResult(&r))
	require.Equal(t, []int{6, 2, 1, 3, 0}, []int{r.Linked, r.Deprovisioned, r.Before, r.Left, r.Failed}, "%+v", r)
	require.Contains(t, r.Message, "Its 3 accounts were left as they are")
	require.Contains(t, r.Message, "Deprovisioned before it was switched off: 2 people.")
	require.Len(t, asked, 3)
	require.Equal(t, []string{"", "", "l", "b", "", ""}, []string{asked[0].ListID, asked[0].After, asked[1].ListID, asked[1].After, asked[2].ListID, asked[2].After})
}

// A deletion that tries for months continues as new, with what it has counted.
func TestADeletionThatTriesForLongDoesNotGrowOneHistory(t *testing.T) {
	doubt := []api.LinkedAccount{{User: "z", AccountID: "id-z", Doubt: fault.LinkDuplicate}}
	passes := 0
	env := deletes(t, func(api.ListLinkedInput) api.ListLinkedResult {
		if passes++; passes > 50 {
			return api.ListLinkedResult{Terms: api.DeletionTerms{Deprovision: true, Allowed: true}, Last: true}
		}
		return api.ListLinkedResult{ListID: "l", Terms: api.DeletionTerms{Deprovision: true, Allowed: true},
			Accounts: doubt, Linked: 4, Deprovisioned: 3, Remaining: 1, Last: true}
	})
	env.RegisterDelayedCallback(func() { env.SetContinueAsNewSuggested(true) }, 10*time.Hour)
	env.ExecuteWorkflow(api.DeleteRuleType, deleteStaff)
	var next *workflow.ContinueAsNewError
	require.True(t, errors.As(env.GetWorkflowError(), &next), "%v", env.GetWorkflowError())
	require.Greater(t, passes, 10, "an hour at most lies between two passes")
	var in api.DeleteRuleInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
	require.Equal(t, deleteStaff.Confirm, in.Confirm)
	require.NotNil(t, in.Resume)
	r := in.Resume.Result
	require.Equal(t, []int{passes + 1, 4, 3, 0}, []int{r.Pass, r.Linked, r.Before, r.Failed}, "%+v", r)
	require.Empty(t, in.Resume.After)
}
