package workflows_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/workflows"
)

// environment is one for a workflow with an id.
func environment(id string) *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: id, TaskQueue: api.TaskQueue})
	return env
}

// Somebody who changes each time the run has looked is looked at again, however often; what the source was last is at the tenant then.
func TestTheLastOfManyChangesCounts(t *testing.T) {
	t.Parallel()
	for _, changes := range []int{0, 3, 50} {
		env := environment(api.UserID("contoso", "e1"))
		env.RegisterWorkflowWithOptions(workflows.ProvisionUser, workflow.RegisterOptions{Name: api.ProvisionUserType})
		var a *activities.Activities
		env.RegisterActivity(a.ProvisionAccount)
		looked := 0
		env.OnActivity(a.ProvisionAccount, mock.Anything, mock.Anything).Return(func(context.Context, api.ProvisionInput) (api.ProvisionResult, error) {
			if looked++; looked <= changes {
				env.SignalWorkflow(api.SignalAgain, nil)
			}
			return api.ProvisionResult{Rule: "staff", Action: plan.None, Outcome: plan.Success}, nil
		})
		env.ExecuteWorkflow(api.ProvisionUserType, api.UserInput{Connection: "contoso", User: "e1"})
		next := new(workflow.ContinueAsNewError)
		if !errors.As(env.GetWorkflowError(), &next) {
			require.NoError(t, env.GetWorkflowError())
			require.Equal(t, changes+1, looked)
			continue
		}
		require.Greater(t, changes, 3)
		var in api.UserInput
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
		require.Equal(t, api.UserInput{Connection: "contoso", User: "e1", Event: true}, in)
	}
}

// A change that a sync's own run of the person hears of is not lost because that run may take nothing away: a run for the change asks the
// connection whether it may.
func TestAChangeDuringASyncIsNotLost(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		asked bool
		hold  fault.Reason
		then  api.ProvisionResult
		anew  bool
	}{
		"disabled meanwhile":    {true, "", api.ProvisionResult{Outcome: plan.PartiallySynced, Reason: fault.PlanChanged}, true},
		"gone meanwhile":        {true, "", api.ProvisionResult{Outcome: plan.Unsynced, Reason: fault.PersonNotFound}, true},
		"nothing was held back": {true, "", api.ProvisionResult{Outcome: plan.Success}, false},
		"the guard holds":       {true, fault.RemovalsHeld, api.ProvisionResult{Outcome: plan.PartiallySynced, Reason: fault.RemovalsHeld}, false},
		"nobody asked":          {false, "", api.ProvisionResult{Outcome: plan.PartiallySynced, Reason: fault.PlanChanged}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := environment(api.UserID("contoso", "e1"))
			env.RegisterWorkflowWithOptions(workflows.ProvisionUser, workflow.RegisterOptions{Name: api.ProvisionUserType})
			var a *activities.Activities
			env.RegisterActivity(a.ProvisionAccount)
			env.OnActivity(a.ProvisionAccount, mock.Anything, mock.Anything).Return(func(_ context.Context, in api.ProvisionInput) (api.ProvisionResult, error) {
				if in.Planned != nil && test.asked {
					env.SignalWorkflow(api.SignalAgain, nil)
					return api.ProvisionResult{Action: plan.None, Outcome: plan.Success}, nil
				}
				done := test.then
				done.Action = plan.None
				return done, nil
			})
			env.ExecuteWorkflow(api.ProvisionUserType, api.UserInput{Connection: "contoso", User: "e1", Rule: "staff", Planned: &api.Planned{Action: plan.Update, Hold: test.hold}})
			next := new(workflow.ContinueAsNewError)
			require.Equal(t, test.anew, errors.As(env.GetWorkflowError(), &next), "%v", env.GetWorkflowError())
			if test.anew {
				var in api.UserInput
				require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
				require.Equal(t, api.UserInput{Connection: "contoso", User: "e1", Event: true}, in)
			}
		})
	}
}

// Whoever comes back while they are deprovisioned is looked at again. The deletion of a rule leaves its people alone afterwards.
func TestAReturnDuringADeprovisioningIsNotLost(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		asked, ruleDeletion, anew bool
	}{
		"asked": {true, false, true}, "not asked": {false, false, false}, "a rule is deleted": {true, true, false},
	} {
		env := environment(api.UserID("contoso", "e1"))
		env.RegisterWorkflowWithOptions(workflows.DeprovisionUser, workflow.RegisterOptions{Name: api.DeprovisionUserType})
		var a *activities.Activities
		env.RegisterActivity(a.RemoveAccount)
		env.OnActivity(a.RemoveAccount, mock.Anything, mock.Anything).Return(func(context.Context, api.RemoveInput) (api.ProvisionResult, error) {
			if test.asked {
				env.SignalWorkflow(api.SignalAgain, nil)
			}
			return api.ProvisionResult{Action: plan.Remove, Outcome: plan.Success}, nil
		})
		env.ExecuteWorkflow(api.DeprovisionUserType, api.UserInput{Connection: "contoso", User: "e1", Rule: "staff", RuleDeletion: test.ruleDeletion})
		next := new(workflow.ContinueAsNewError)
		require.Equal(t, test.anew, errors.As(env.GetWorkflowError(), &next), "%s: %v", name, env.GetWorkflowError())
		if test.anew {
			require.Equal(t, api.ProvisionUserType, next.WorkflowType.Name)
		}
	}
}

// A watch outlives every error with its position, and ends with its rule.
func TestAWatchGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	env := environment(api.WatchID("contoso", "staff"))
	env.RegisterWorkflowWithOptions(workflows.WatchSource, workflow.RegisterOptions{Name: api.WatchSourceType})
	var a *activities.Activities
	env.RegisterActivity(a.WatchSource)
	var from []string
	env.OnActivity(a.WatchSource, mock.Anything, mock.Anything).Return(func(_ context.Context, in api.WatchInput) (api.WatchResult, error) {
		from = append(from, string(in.Position))
		switch len(from) {
		case 1:
			return api.WatchResult{Position: []byte("1"), Runs: 2}, nil
		case 2:
			return api.WatchResult{}, wire.Reported(fault.New("", fault.Denied, fault.SourceLoginRefused, ""))
		case 3:
			return api.WatchResult{}, wire.Reported(fault.New("", fault.Internal, fault.InternalError, ""))
		case 4:
			return api.WatchResult{Position: []byte("2")}, nil
		}
		return api.WatchResult{Position: []byte("2"), Over: true}, nil
	})
	env.ExecuteWorkflow(api.WatchSourceType, api.WatchInput{Connection: "contoso", Rule: "staff"})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []string{"", "1", "1", "1", "2"}, from)
}
