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
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
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

// deletes runs DeleteRule in Temporal's test environment, over pages that list gives.
func deletes(_ *testing.T, list func(api.ListLinkedInput) api.ListLinkedResult) *testsuite.TestWorkflowEnvironment {
	return deletesUnder(api.DeletionTerms{Deprovision: true, Allowed: true}, list)
}

func deletesUnder(terms api.DeletionTerms, list func(api.ListLinkedInput) api.ListLinkedResult) *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: api.DeleteRuleID("contoso", "staff"), TaskQueue: api.TaskQueue})
	env.RegisterWorkflowWithOptions(workflows.DeleteRule, workflow.RegisterOptions{Name: api.DeleteRuleType})
	env.RegisterWorkflowWithOptions(func(workflow.Context, api.UserInput) (api.UserResult, error) {
		return api.UserResult{Action: plan.Remove, Outcome: plan.Success}, nil
	}, workflow.RegisterOptions{Name: api.DeprovisionUserType})
	env.RegisterWorkflowWithOptions(added, workflow.RegisterOptions{Name: api.SyncGroupType})
	var a *activities.Activities
	env.RegisterActivity(a.BeginRuleDeletion)
	env.RegisterActivity(a.ListLinked)
	env.OnActivity(a.BeginRuleDeletion, mock.Anything, mock.Anything).Return(terms, nil)
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

// What does not answer about the groups of a rule that is being deleted is tried again by the next pass, and so is a page that nobody takes up.
func TestADeletionPlansItsGroupsAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ plan, page error }{
		"the plan does not come":   {plan: wire.Reported(fault.New("", fault.Transient, fault.SourceUnavailable, ""))},
		"nobody takes up the page": {page: temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			terms := api.DeletionTerms{Deprovision: true, Allowed: true, Groups: true}
			env := deletesUnder(terms, func(api.ListLinkedInput) api.ListLinkedResult {
				return api.ListLinkedResult{Terms: terms, Last: true}
			})
			var a *activities.Activities
			for _, activity := range []any{a.PlanDeletedGroups, a.GroupPage} {
				env.RegisterActivity(activity)
			}
			passes := map[int]bool{}
			progress := func() int {
				answer, err := env.QueryWorkflow(api.QueryProgress)
				require.NoError(t, err)
				var r api.DeleteRuleResult
				require.NoError(t, answer.Get(&r))
				passes[r.Pass] = true
				return r.Pass
			}
			env.OnActivity(a.PlanDeletedGroups, mock.Anything, mock.Anything).Return(func(context.Context, api.GroupsInput) (api.GroupsResult, error) {
				if progress() == 1 && test.plan != nil {
					return api.GroupsResult{}, test.plan
				}
				return page(false, "a"), nil
			})
			env.OnActivity(a.GroupPage, mock.Anything, mock.Anything).Return(func(context.Context, api.GroupPageInput) (api.GroupsResult, error) {
				if progress() == 1 {
					return api.GroupsResult{}, test.page
				}
				return api.GroupsResult{PlanID: "groups", Last: true}, nil
			})
			env.ExecuteWorkflow(api.DeleteRuleType, deleteStaff)
			require.NoError(t, env.GetWorkflowError())
			var r api.DeleteRuleResult
			require.NoError(t, env.GetWorkflowResult(&r))
			require.Len(t, passes, 2)
			require.Zero(t, r.Failed)
			require.Equal(t, 1, r.Groups.Impacted, "a page without groups brings none of the page before")
		})
	}
}
