package workflows_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/workflows"
)

// Somebody about whom Graph does not answer for hours, be it somebody to be renamed or many, keeps nobody's access open who left.
// All of them are counted in the end.
func TestWhoLeftDoesNotWaitForWhoeverIsStuck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ people, renames, managers int }{
		"one": {1, 0, 0}, "as many as are under way at a time": {50, 0, 0}, "with names to hand on": {1, 1, 0}, "with managers to be found": {2, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := environment(api.SyncID("contoso", "staff"))
			env.RegisterWorkflowWithOptions(workflows.SyncRule, workflow.RegisterOptions{Name: api.SyncRuleType})
			env.RegisterWorkflowWithOptions(func(ctx workflow.Context, in api.UserInput) (api.UserResult, error) {
				if in.Planned.Action == plan.Create {
					return api.UserResult{Action: plan.Create, Outcome: plan.Success}, nil
				}
				err := workflow.Sleep(ctx, 4*time.Hour)
				return api.UserResult{Action: plan.Update, Outcome: plan.Success}, err
			}, workflow.RegisterOptions{Name: api.ProvisionUserType})
			began := env.Now()
			var took time.Duration
			env.RegisterWorkflowWithOptions(func(ctx workflow.Context, in api.UserInput) (api.UserResult, error) {
				took = workflow.Now(ctx).Sub(began)
				return api.UserResult{Action: plan.Remove, Outcome: plan.Success}, nil
			}, workflow.RegisterOptions{Name: api.DeprovisionUserType})
			var people []api.PlannedPerson
			for i := range test.people {
				people = append(people, api.PlannedPerson{User: string(rune('A' + i)), Planned: api.Planned{Action: plan.Update}})
			}
			if test.managers > 0 {
				people[0].Action = plan.Create
			}
			whole := api.PlanSummary{Planned: test.people + test.renames + 1, Guard: plan.Guard{Removals: 1}, Renames: test.renames, ManagersPending: test.managers}
			var a *activities.Activities
			env.RegisterActivity(a.PlanRule)
			env.RegisterActivity(a.PlanPage)
			env.OnActivity(a.PlanRule, mock.Anything, mock.Anything).Return(api.PlanResult{PlanID: "one", People: people, Last: true, Whole: whole}, nil)
			env.OnActivity(a.PlanPage, mock.Anything, mock.Anything).Return(func(_ context.Context, in api.PageInput) (api.PlanResult, error) {
				person := api.PlannedPerson{User: "z", Planned: api.Planned{Action: plan.Remove}}
				if in.Stage == plan.StageNames {
					person = api.PlannedPerson{User: "y", Planned: api.Planned{Action: plan.Update}}
				}
				return api.PlanResult{PlanID: "one", People: []api.PlannedPerson{person}, Last: true, Whole: whole}, nil
			})
			var told api.SyncSummary
			env.OnSignalExternalWorkflow(mock.Anything, api.ConnectionID("contoso"), "", api.SignalSyncFinished, mock.Anything).
				Return(func(_, _, _, _ string, arg any) error { told = arg.(api.SyncSummary); return nil })
			env.ExecuteWorkflow(api.SyncRuleType, api.SyncInput{Connection: "contoso", Rule: "staff"})
			require.NoError(t, env.GetWorkflowError())
			require.Less(t, took, time.Hour)
			require.Equal(t, test.people+test.renames+1, told.Success)
			require.Equal(t, 1, told.Removed, "who is late loses nothing")
		})
	}
}

// Neither people who take all the places, or half of them, nor one who keeps a run from handing over to the next, keep anybody's access open who left.
// Who had not had their turn by then is served by another plan.
func TestWhoLeftDoesNotWaitForMorePeopleThanAreUnderWay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		people, stuck int
		long          bool
	}{
		"all places": {people: 80, stuck: 80}, "half of the places": {people: 400, stuck: 25}, "a long history": {people: 20, stuck: 1, long: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := environment(api.SyncID("contoso", "staff"))
			env.SetContinueAsNewSuggested(test.long)
			env.RegisterWorkflowWithOptions(workflows.SyncRule, workflow.RegisterOptions{Name: api.SyncRuleType})
			began := env.Now()
			var took time.Duration
			served := map[string]bool{}
			env.RegisterWorkflowWithOptions(func(ctx workflow.Context, in api.UserInput) (api.UserResult, error) {
				wait := 10 * time.Minute / 2
				if in.Planned.Attributes != nil {
					wait = 4 * time.Hour
				}
				err := workflow.Sleep(ctx, wait)
				served[in.User] = true
				return api.UserResult{Action: plan.Update, Outcome: plan.Success}, err
			}, workflow.RegisterOptions{Name: api.ProvisionUserType})
			env.RegisterWorkflowWithOptions(func(ctx workflow.Context, in api.UserInput) (api.UserResult, error) {
				took = workflow.Now(ctx).Sub(began)
				return api.UserResult{Action: plan.Remove, Outcome: plan.Success}, nil
			}, workflow.RegisterOptions{Name: api.DeprovisionUserType})
			var people []api.PlannedPerson
			for i := range test.people {
				p := api.PlannedPerson{User: fmt.Sprint("p", i), Planned: api.Planned{Action: plan.Update}}
				if i < test.stuck {
					p.Attributes = []string{"stuck"}
				}
				people = append(people, p)
			}
			plans := 0
			var a *activities.Activities
			env.RegisterActivity(a.PlanRule)
			env.RegisterActivity(a.PlanPage)
			env.OnActivity(a.PlanRule, mock.Anything, mock.Anything).Return(func(context.Context, api.PlanInput) (api.PlanResult, error) {
				if plans++; plans == 1 {
					return api.PlanResult{PlanID: "one", People: people, After: "p", Last: !test.long, Whole: api.PlanSummary{Planned: len(people) + 1, Guard: plan.Guard{Removals: 1}}}, nil
				}
				var left []api.PlannedPerson
				for _, p := range people {
					if !served[p.User] {
						left = append(left, p)
					}
				}
				return api.PlanResult{PlanID: "two", People: left, Last: true, Whole: api.PlanSummary{Planned: len(left)}}, nil
			})
			env.OnActivity(a.PlanPage, mock.Anything, mock.Anything).Return(func(_ context.Context, in api.PageInput) (api.PlanResult, error) {
				require.Equal(t, plan.StageRemovals, in.Stage)
				return api.PlanResult{PlanID: "one", People: []api.PlannedPerson{{User: "z", Planned: api.Planned{Action: plan.Remove}}}, Last: true,
					Whole: api.PlanSummary{Planned: len(people) + 1, Guard: plan.Guard{Removals: 1}}}, nil
			})
			env.OnSignalExternalWorkflow(mock.Anything, api.ConnectionID("contoso"), "", api.SignalSyncFinished, mock.Anything).Return(nil)
			env.ExecuteWorkflow(api.SyncRuleType, api.SyncInput{Connection: "contoso", Rule: "staff"})
			if next := new(workflow.ContinueAsNewError); test.long {
				require.ErrorAs(t, env.GetWorkflowError(), &next)
			} else {
				require.NoError(t, env.GetWorkflowError())
				require.Len(t, served, test.people)
			}
			require.NotZero(t, took)
			require.Less(t, took, time.Hour)
		})
	}
}

// A sync that has planned as often as it may, and left people for another plan, has not completed.
func TestASyncThatLeavesPeopleForNoPlanIsNotComplete(t *testing.T) {
	t.Parallel()
	for skipped, want := range map[bool]api.SyncState{true: api.SyncFailed, false: api.SyncCompleted} {
		env := environment(api.SyncID("contoso", "staff"))
		env.RegisterWorkflowWithOptions(workflows.SyncRule, workflow.RegisterOptions{Name: api.SyncRuleType})
		var a *activities.Activities
		env.RegisterActivity(a.PlanPage)
		env.OnActivity(a.PlanPage, mock.Anything, mock.Anything).Return(api.PlanResult{PlanID: "one", Last: true}, nil)
		var told api.SyncSummary
		env.OnSignalExternalWorkflow(mock.Anything, api.ConnectionID("contoso"), "", api.SignalSyncFinished, mock.Anything).
			Return(func(_, _, _, _ string, arg any) error { told = arg.(api.SyncSummary); return nil })
		env.ExecuteWorkflow(api.SyncRuleType, api.SyncInput{Connection: "contoso", Rule: "staff",
			Resume: &api.SyncResume{Stage: plan.StageRemovals, PlanID: "one", Replans: 10, Skipped: skipped}})
		require.Equal(t, want, told.State)
		require.Equal(t, skipped, told.Reason == fault.PlanChanged)
	}
}
