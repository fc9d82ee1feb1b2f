package workflows_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/workflows"
)

// Whoever asks a sync to look again is served, also when it is failing, being cancelled or telling how it ended.
func TestASyncThatEndsBeginsAnewForWhoeverAskedMeanwhile(t *testing.T) {
	t.Parallel()
	again := func(env *testsuite.TestWorkflowEnvironment) { env.SignalWorkflow(api.SignalAgain, nil) }
	for name, test := range map[string]struct {
		plan error
		// during happens while the plan is made, ending while the connection is told.
		during, ending func(*testsuite.TestWorkflowEnvironment)
		anew           bool
	}{
		"completed":           {},
		"completed and asked": {ending: again, anew: true},
		"failed":              {plan: fault.New("", fault.Invalid, fault.SourceMalformed, "")},
		"failed and asked":    {plan: fault.New("", fault.Invalid, fault.SourceMalformed, ""), during: again, anew: true},
		"cancelled":           {during: (*testsuite.TestWorkflowEnvironment).CancelWorkflow},
		"cancelled and asked": {during: func(env *testsuite.TestWorkflowEnvironment) { env.CancelWorkflow(); again(env) }, anew: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var suite testsuite.WorkflowTestSuite
			suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
			env := suite.NewTestWorkflowEnvironment()
			env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: api.SyncID("contoso", "staff"), TaskQueue: api.TaskQueue})
			env.RegisterWorkflowWithOptions(workflows.SyncRule, workflow.RegisterOptions{Name: api.SyncRuleType})
			var a *activities.Activities
			env.RegisterActivity(a.PlanRule)
			var planned error
			if test.plan != nil {
				planned = wire.Reported(test.plan)
			}
			env.OnActivity(a.PlanRule, mock.Anything, mock.Anything).Return(api.PlanResult{Last: true}, planned).After(time.Minute)
			env.OnSignalExternalWorkflow(mock.Anything, api.ConnectionID("contoso"), "", api.SignalSyncFinished, mock.Anything).
				Return(func(string, string, string, string, any) error {
					if test.ending != nil {
						test.ending(env)
					}
					return nil
				})
			if test.during != nil {
				env.RegisterDelayedCallback(func() { test.during(env) }, time.Second)
			}
			env.ExecuteWorkflow(api.SyncRuleType, api.SyncInput{Connection: "contoso", Rule: "staff"})

			var next *workflow.ContinueAsNewError
			require.Equal(t, test.anew, errors.As(env.GetWorkflowError(), &next), "%v", env.GetWorkflowError())
		})
	}
}
