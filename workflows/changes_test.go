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
