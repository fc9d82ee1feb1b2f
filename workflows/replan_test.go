package workflows_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/workflows"
)

// A sync that plans again, because somebody asked it to look again, tells of everything it did: what the plans before the last
// one did is in its counts and its message, and they do not contradict each other.
func TestCountsOfASyncThatPlansAgain(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: api.SyncID("contoso", "staff"), TaskQueue: api.TaskQueue})
	env.RegisterWorkflowWithOptions(workflows.SyncRule, workflow.RegisterOptions{Name: api.SyncRuleType})
	env.RegisterWorkflowWithOptions(func(_ workflow.Context, in api.UserInput) (api.UserResult, error) {
		return api.UserResult{Action: plan.Create, Outcome: plan.Success}, nil
	}, workflow.RegisterOptions{Name: api.ProvisionUserType})
	env.RegisterWorkflowWithOptions(func(_ workflow.Context, in api.UserInput) (api.UserResult, error) {
		env.SignalWorkflow(api.SignalAgain, nil)
		return api.UserResult{Action: plan.Remove, Outcome: plan.Success}, nil
	}, workflow.RegisterOptions{Name: api.DeprovisionUserType})
	person := func(id string, action plan.Action) api.PlannedPerson {
		return api.PlannedPerson{User: id, Planned: api.Planned{Action: action}}
	}
	plans := 0
	var a *activities.Activities
	env.RegisterActivity(a.PlanRule)
	env.RegisterActivity(a.PlanPage)
	env.OnActivity(a.PlanRule, mock.Anything, mock.Anything).Return(func(context.Context, api.PlanInput) (api.PlanResult, error) {
		if plans++; plans == 1 {
			return api.PlanResult{
				PlanID: "one", People: []api.PlannedPerson{person("a", plan.Create), person("b", plan.Create)}, Last: true,
				Unchanged: plan.Counters{Impacted: 1, Success: 1}, Whole: api.PlanSummary{Planned: 3, Guard: plan.Guard{Removals: 1}},
			}, nil
		}
		return api.PlanResult{PlanID: "two", Last: true, Unchanged: plan.Counters{Impacted: 3, Success: 3}}, nil
	})
	env.OnActivity(a.PlanPage, mock.Anything, mock.Anything).Return(
		api.PlanResult{PlanID: "one", People: []api.PlannedPerson{person("z", plan.Remove)}, Last: true, Whole: api.PlanSummary{Planned: 3, Guard: plan.Guard{Removals: 1}}}, nil)
	env.OnSignalExternalWorkflow(mock.Anything, api.ConnectionID("contoso"), "", api.SignalSyncFinished, mock.Anything).Return(nil)
	env.ExecuteWorkflow(api.SyncRuleType, api.SyncInput{Connection: "contoso", Rule: "staff"})

	require.NoError(t, env.GetWorkflowError())
	var r api.SyncResult
	require.NoError(t, env.GetWorkflowResult(&r))
	require.Equal(t, 2, plans)
	require.Equal(t, map[plan.Action]int{plan.Create: 2, plan.Remove: 1}, r.Actions)
	require.Equal(t, plan.Counters{Impacted: 4, Success: 4}, r.Counters, "people in scope, and who was deprovisioned")
	require.Equal(t, []int{3, 3}, []int{r.Planned, r.Done})
	require.Contains(t, r.Message, "3 of 4 people needed a change")
}

// The worker that kept the plan is gone, whether it says so itself after a restart or nobody takes up the page. Another one
// makes the plan again: it is told where to go on, and which run knows the removals that had passed the guard.
func TestAPlanWhoseWorkerIsGoneIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]error{
		"it has forgotten the plan": nil,
		"nobody takes up the page":  temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var suite testsuite.WorkflowTestSuite
			suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
			env := suite.NewTestWorkflowEnvironment()
			env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: api.SyncID("contoso", "staff"), TaskQueue: api.TaskQueue})
			env.RegisterWorkflowWithOptions(workflows.SyncRule, workflow.RegisterOptions{Name: api.SyncRuleType})
			env.RegisterWorkflowWithOptions(func(_ workflow.Context, in api.UserInput) (api.UserResult, error) {
				return api.UserResult{Action: plan.Remove, Outcome: plan.Success}, nil
			}, workflow.RegisterOptions{Name: api.DeprovisionUserType})
			whole := api.PlanSummary{Planned: 2, Guard: plan.Guard{Removals: 2}}
			page := func(id string, last bool) api.PlanResult {
				return api.PlanResult{PlanID: "one", Queue: "second", Last: last, After: id, Whole: whole,
					People: []api.PlannedPerson{{User: id, Planned: api.Planned{Action: plan.Remove}}}}
			}
			var made []api.PlanInput
			var asked []api.PageInput
			var a *activities.Activities
			env.RegisterActivity(a.PlanRule)
			env.RegisterActivity(a.PlanPage)
			env.OnActivity(a.PlanRule, mock.Anything, mock.Anything).Return(func(_ context.Context, in api.PlanInput) (api.PlanResult, error) {
				if made = append(made, in); len(made) == 1 {
					return api.PlanResult{PlanID: "one", Queue: "first", Revision: 7, Last: true, Whole: whole, Permitted: []byte("permitted")}, nil
				}
				answer, err := env.QueryWorkflow(api.QueryPermit)
				require.NoError(t, err)
				var permit []byte
				require.NoError(t, answer.Get(&permit))
				require.Equal(t, "permitted", string(permit))
				return page("b", true), nil
			})
			env.OnActivity(a.PlanPage, mock.Anything, mock.Anything).Return(func(_ context.Context, in api.PageInput) (api.PlanResult, error) {
				if asked = append(asked, in); len(asked) == 1 {
					return page("a", false), nil
				}
				return api.PlanResult{Gone: true}, lost
			})
			env.OnSignalExternalWorkflow(mock.Anything, api.ConnectionID("contoso"), "", api.SignalSyncFinished, mock.Anything).Return(nil)
			env.ExecuteWorkflow(api.SyncRuleType, api.SyncInput{Connection: "contoso", Rule: "staff"})

			require.NoError(t, env.GetWorkflowError())
			var r api.SyncResult
			require.NoError(t, env.GetWorkflowResult(&r))
			require.Equal(t, map[plan.Action]int{plan.Remove: 2}, r.Actions, "%+v", r)
			require.Len(t, made, 2)
			require.Nil(t, made[0].Lost)
			require.NotNil(t, made[1].Lost)
			require.Equal(t, api.PageInput{Connection: "contoso", Rule: "staff", PlanID: "one", Revision: 7, Stage: plan.StageRemovals, After: "a"}, made[1].Lost.PageInput)
			require.NotEmpty(t, made[1].Lost.PermitRun)
		})
	}
}
