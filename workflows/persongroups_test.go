package workflows_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/workflows"
)

// A run without a sync puts right the person's groups, one by one; what fails about one of them leaves the person partly synced, and the
// others are done. In a sync the groups are the sync's.
func TestAPersonsRunPutsRightTheGroups(t *testing.T) {
	t.Parallel()
	found := api.PersonGroupsResult{AccountID: "a", Groups: []api.PersonGroup{{Group: "Bad", Target: "g-1"}, {Group: "Sales", Target: "g-2"}, {Group: "Old", Target: "g-3", Leave: true}}}
	for name, test := range map[string]struct {
		done    api.ProvisionResult
		found   api.PersonGroupsResult
		asked   bool
		joined  []string
		left    []string
		outcome plan.Outcome
		reason  fault.Reason
	}{
		"groups":       {api.ProvisionResult{Action: plan.None, AccountID: "a", Outcome: plan.Success, Groups: true}, found, true, []string{"Sales"}, []string{"Old"}, plan.PartiallySynced, fault.GroupDynamic},
		"in a sync":    {api.ProvisionResult{Action: plan.None, AccountID: "a", Outcome: plan.Success}, found, false, nil, nil, plan.Success, ""},
		"no account":   {api.ProvisionResult{Action: plan.None, Outcome: plan.Unsynced, Reason: fault.CreateNotAllowed, Groups: true}, found, false, nil, nil, plan.Unsynced, fault.CreateNotAllowed},
		"held":         {api.ProvisionResult{Action: plan.None, AccountID: "a", Outcome: plan.Success, Groups: true}, api.PersonGroupsResult{Held: 1, Reason: fault.EventRemovalsHeld}, true, nil, nil, plan.PartiallySynced, fault.EventRemovalsHeld},
		"all is right": {api.ProvisionResult{Action: plan.None, AccountID: "a", Outcome: plan.Success, Groups: true}, api.PersonGroupsResult{}, true, nil, nil, plan.Success, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := environment(api.UserID("contoso", "e1"))
			env.RegisterWorkflowWithOptions(workflows.ProvisionUser, workflow.RegisterOptions{Name: api.ProvisionUserType})
			env.RegisterWorkflowWithOptions(func(_ workflow.Context, in api.GroupInput) (api.GroupResult, error) {
				require.Equal(t, []string{"contoso", "staff", "e1", "a", in.Membership.Group}, []string{in.Connection, in.Rule, in.User, in.AccountID, in.Group})
				switch {
				case in.Group == "Bad":
					return api.GroupResult{}, wire.Reported(fault.New("", fault.Refused, fault.GroupDynamic, "g-1"))
				case in.Membership.Leave:
					return api.GroupResult{Action: membership.Members, Outcome: plan.Success, MembersRemoved: 1}, nil
				}
				return api.GroupResult{Action: membership.Members, Outcome: plan.Success, MembersAdded: 1}, nil
			}, workflow.RegisterOptions{Name: api.SyncGroupType})
			var a *activities.Activities
			env.RegisterActivity(a.ProvisionAccount)
			env.RegisterActivity(a.PersonGroups)
			test.done.Rule = "staff"
			env.OnActivity(a.ProvisionAccount, mock.Anything, mock.Anything).Return(test.done, nil)
			asked := false
			env.OnActivity(a.PersonGroups, mock.Anything, api.PersonGroupsInput{Connection: "contoso", Rule: "staff", User: "e1", AccountID: "a"}).
				Return(test.found, nil).Run(func(mock.Arguments) { asked = true }).Maybe()
			env.ExecuteWorkflow(api.ProvisionUserType, api.UserInput{Connection: "contoso", User: "e1"})
			require.NoError(t, env.GetWorkflowError())
			var r api.UserResult
			require.NoError(t, env.GetWorkflowResult(&r))
			require.Equal(t, test.asked, asked)
			require.Equal(t, test.joined, r.GroupsJoined)
			require.Equal(t, test.left, r.GroupsLeft)
			require.Equal(t, test.outcome, r.Outcome)
			require.Equal(t, test.reason, r.Reason)
		})
	}
}

// Somebody whom a change made leave loses memberships with the account only: what is in doubt or not allowed keeps both.
func TestWhoLeavesByAChangeLosesGroupsWithTheAccount(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		removed api.ProvisionResult
		asked   bool
	}{
		"deprovisioned": {api.ProvisionResult{Action: plan.Remove, AccountID: "a", Outcome: plan.Success, Groups: true}, true},
		"in doubt":      {api.ProvisionResult{Action: plan.None, AccountID: "a", Outcome: plan.PartiallySynced, Reason: fault.EventRemovalsHeld, Groups: true}, false},
		"done before":   {api.ProvisionResult{Action: plan.None, AccountID: "a", Outcome: plan.Success, Groups: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := environment(api.UserID("contoso", "e1"))
			env.RegisterWorkflowWithOptions(workflows.ProvisionUser, workflow.RegisterOptions{Name: api.ProvisionUserType})
			var a *activities.Activities
			env.RegisterActivity(a.ProvisionAccount)
			env.RegisterActivity(a.RemoveAccount)
			env.RegisterActivity(a.PersonGroups)
			env.OnActivity(a.ProvisionAccount, mock.Anything, mock.Anything).
				Return(api.ProvisionResult{Action: plan.None, Outcome: plan.Unsynced, Reason: fault.PersonNotFound}, nil)
			test.removed.Rule = "staff"
			env.OnActivity(a.RemoveAccount, mock.Anything, mock.Anything).Return(test.removed, nil)
			asked := false
			env.OnActivity(a.PersonGroups, mock.Anything, api.PersonGroupsInput{Connection: "contoso", Rule: "staff", User: "e1", AccountID: "a", Left: true, Event: true}).
				Return(api.PersonGroupsResult{}, nil).Run(func(mock.Arguments) { asked = true }).Maybe()
			env.ExecuteWorkflow(api.ProvisionUserType, api.UserInput{Connection: "contoso", User: "e1", Event: true})
			require.NoError(t, env.GetWorkflowError())
			require.Equal(t, test.asked, asked)
		})
	}
}

// A group that is under way does not keep a person's run: the other groups are done, and it is left to the next sync.
func TestAPersonsRunWaitsForNoGroup(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"under way": false, "and a change is told": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := environment(api.UserID("contoso", "e1"))
			env.RegisterWorkflowWithOptions(workflows.ProvisionUser, workflow.RegisterOptions{Name: api.ProvisionUserType})
			env.RegisterWorkflowWithOptions(func(ctx workflow.Context, in api.GroupInput) (api.GroupResult, error) {
				if in.Group == "Busy" {
					return api.GroupResult{}, &temporal.ChildWorkflowExecutionAlreadyStartedError{}
				}
				return added(ctx, in)
			}, workflow.RegisterOptions{Name: api.SyncGroupType})
			var a *activities.Activities
			env.RegisterActivity(a.ProvisionAccount)
			env.RegisterActivity(a.PersonGroups)
			passes := 0
			env.OnActivity(a.ProvisionAccount, mock.Anything, mock.Anything).
				Return(func(context.Context, api.ProvisionInput) (api.ProvisionResult, error) {
					passes++
					return api.ProvisionResult{Action: plan.None, AccountID: "a", Rule: "staff", Outcome: plan.Success, Groups: passes == 1}, nil
				})
			env.OnActivity(a.PersonGroups, mock.Anything, mock.Anything).Return(func(context.Context, api.PersonGroupsInput) (api.PersonGroupsResult, error) {
				if again {
					require.NoError(t, env.SignalWorkflowByID(api.UserID("contoso", "e1"), api.SignalAgain, nil))
				}
				groups := []api.PersonGroup{{Group: "Busy", Target: "g-1"}, {Group: "Sales", Target: "g-2"}}
				return api.PersonGroupsResult{AccountID: "a", Groups: groups}, nil
			})
			env.ExecuteWorkflow(api.ProvisionUserType, api.UserInput{Connection: "contoso", User: "e1"})
			require.NoError(t, env.GetWorkflowError())
			var r api.UserResult
			require.NoError(t, env.GetWorkflowResult(&r))
			if again {
				require.Equal(t, 2, passes)
				require.Empty(t, r.GroupsJoined)
				return
			}
			require.Equal(t, []string{"Sales"}, r.GroupsJoined)
			require.Equal(t, plan.PartiallySynced, r.Outcome)
			require.Equal(t, fault.ConcurrentChange, r.Reason)
		})
	}
}
