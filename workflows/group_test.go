package workflows_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/workflows"
)

// groupEnvironment has SyncGroup under the canonical id of Sales, with its activities to be mocked.
func groupEnvironment(id string) *testsuite.TestWorkflowEnvironment {
	env := environment(id)
	env.RegisterWorkflowWithOptions(workflows.SyncGroup, workflow.RegisterOptions{Name: api.SyncGroupType})
	var a *activities.Activities
	for _, activity := range []any{a.PlanGroups, a.GroupPage, a.SettleGroup, a.WriteMembers, a.AwaitRun} {
		env.RegisterActivity(activity)
	}
	env.OnActivity(a.SettleGroup, mock.Anything, mock.MatchedBy(func(in api.SettleGroupInput) bool { return in.Revision != 7 || in.PlanID != "new" })).
		Return(api.SettleGroupResult{Target: "g-1", Action: membership.None}, nil)
	return env
}

// sales is what a sync's plan says of a group.
func sales(action membership.Action, adds, removes int) *api.PlannedGroup {
	return &api.PlannedGroup{PlanID: "p", Queue: api.TaskQueue, Change: membership.Change{
		Group: "Sales", Rule: "staff", Action: action, Target: "g-1", Adds: adds, Removes: removes, Outcome: plan.Success,
	}}
}

// A group is settled first, then its members are written page by page; what Graph refuses of them leaves it partly as it should be.
func TestSyncGroupWritesTheGroupAndThenItsMembers(t *testing.T) {
	t.Parallel()
	env := groupEnvironment(api.GroupID("contoso", "Sales"))
	var a *activities.Activities
	env.OnActivity(a.SettleGroup, mock.Anything, api.SettleGroupInput{Connection: "contoso", Rule: "staff", Group: "Sales", Revision: 7, PlanID: "new"}).
		Return(api.SettleGroupResult{Target: "g-new", Action: membership.Create, Created: true, Members: 20}, nil).Once()
	var from []int
	env.OnActivity(a.WriteMembers, mock.Anything, mock.Anything).Return(func(_ context.Context, in api.WriteMembersInput) (api.WriteMembersResult, error) {
		require.Equal(t, "g-new", in.Target)
		require.True(t, in.Created)
		from = append(from, in.From)
		if in.From == 20 {
			return api.WriteMembersResult{Next: 2000, Added: 1979, Refused: 1, Reasons: map[fault.Reason]int{fault.GuestRefused: 1},
				Problems: []api.PersonNote{{User: "e9", Reason: fault.GuestRefused}}}, nil
		}
		return api.WriteMembersResult{Next: 2005, Added: 3, Removed: 2, Last: true}, nil
	})
	planned := sales(membership.Create, 2003, 2)
	planned.Target, planned.PlanID = "", "new"
	env.ExecuteWorkflow(api.SyncGroupType, api.GroupInput{Connection: "contoso", Rule: "staff", Group: "Sales", Revision: 7, Planned: planned})
	require.NoError(t, env.GetWorkflowError())
	var r api.GroupResult
	require.NoError(t, env.GetWorkflowResult(&r))
	require.Equal(t, []int{20, 2000}, from)
	require.Equal(t, membership.Create, r.Action)
	require.Equal(t, plan.PartiallySynced, r.Outcome)
	require.Equal(t, fault.GuestRefused, r.Reason)
	require.Equal(t, []int{2002, 2, 1}, []int{r.MembersAdded, r.MembersRemoved, r.Refused})
	require.Equal(t, "g-new", r.Target)
	require.Len(t, r.Problems, 1)
}

// By hand it plans its one group itself, and again where the worker is gone that kept the plan. A sync's plan is the sync's to make again.
func TestSyncGroupByHandPlansItself(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		planned *api.PlannedGroup
		plans   int
		gone    bool
	}{"by hand": {nil, 2, false}, "in a sync": {sales(membership.Members, 1, 0), 0, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := groupEnvironment(api.GroupID("contoso", "Sales"))
			plans := 0
			var a *activities.Activities
			env.OnActivity(a.PlanGroups, mock.Anything, api.GroupsInput{Connection: "contoso", Rule: "staff", Group: "Sales"}).Return(
				func(context.Context, api.GroupsInput) (api.GroupsResult, error) {
					plans++
					return api.GroupsResult{Revision: 7, Last: true, Groups: []api.PlannedGroup{*sales(membership.Members, 1, 0)}}, nil
				})
			env.OnActivity(a.WriteMembers, mock.Anything, mock.Anything).Return(func(context.Context, api.WriteMembersInput) (api.WriteMembersResult, error) {
				if plans < 2 {
					return api.WriteMembersResult{Gone: true}, nil
				}
				return api.WriteMembersResult{Next: 1, Added: 1, Last: true}, nil
			})
			env.ExecuteWorkflow(api.SyncGroupType, api.GroupInput{Connection: "contoso", Rule: "staff", Group: "Sales", Planned: test.planned})
			require.NoError(t, env.GetWorkflowError())
			var r api.GroupResult
			require.NoError(t, env.GetWorkflowResult(&r))
			require.Equal(t, test.plans, plans)
			require.Equal(t, test.gone, r.PlanGone)
		})
	}
}

// What is wrong with a group ends its run as failed, with the reason and with what had been done.
func TestSyncGroupThatFails(t *testing.T) {
	t.Parallel()
	env := groupEnvironment(api.GroupID("contoso", "Sales"))
	var a *activities.Activities
	env.OnActivity(a.WriteMembers, mock.Anything, mock.Anything).Return(func(_ context.Context, in api.WriteMembersInput) (api.WriteMembersResult, error) {
		if in.From == 0 {
			return api.WriteMembersResult{Next: 10, Added: 10}, nil
		}
		return api.WriteMembersResult{}, wire.Reported(fault.New("", fault.Denied, fault.GroupUnwritable, "g-1"))
	})
	env.ExecuteWorkflow(api.SyncGroupType, api.GroupInput{Connection: "contoso", Rule: "staff", Group: "Sales", Planned: sales(membership.Members, 20, 0)})
	err := env.GetWorkflowError()
	require.Equal(t, fault.GroupUnwritable, wire.FaultOf(err).Reason)
	var r api.GroupResult
	require.True(t, wire.ResultOf(err, &r))
	require.Equal(t, 10, r.MembersAdded)
	require.Equal(t, plan.Failed, r.Outcome)
}

// Under another id it starts the canonical run, and waits for one that is under way before it has its own turn.
func TestSyncGroupUnderAnotherID(t *testing.T) {
	t.Parallel()
	env := groupEnvironment("by-hand")
	var a *activities.Activities
	env.OnActivity(a.PlanGroups, mock.Anything, mock.Anything).Return(api.GroupsResult{Revision: 7, Last: true}, nil).Once()
	env.ExecuteWorkflow(api.SyncGroupType, api.GroupInput{Connection: "contoso", Rule: "staff", Group: "Sales"})
	require.NoError(t, env.GetWorkflowError())
	var r api.GroupResult
	require.NoError(t, env.GetWorkflowResult(&r))
	require.Equal(t, membership.None, r.Action)
	require.Equal(t, plan.Success, r.Outcome)

	env = groupEnvironment("by-hand")
	env.ExecuteWorkflow(api.SyncGroupType, api.GroupInput{Connection: "contoso", Rule: "staff"})
	require.Equal(t, fault.SettingsInvalid, wire.FaultOf(env.GetWorkflowError()).Reason)
}
