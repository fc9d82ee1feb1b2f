package workflows_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
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

// groupSync is a sync of a rule with groups, in Temporal's test environment.
type groupSync struct {
	env *testsuite.TestWorkflowEnvironment
	// people are those of the plan; whoever is created gives the sync a new account.
	people []api.PlannedPerson
	whole  api.PlanSummary
	// groups runs for each group's workflow.
	groups func(workflow.Context, api.GroupInput) (api.GroupResult, error)
	// plans are the inputs that PlanGroups got, begun the groups that were started, in order.
	plans []api.GroupsInput
	begun []string
	told  api.SyncSummary
}

// run syncs; pages gives a page of the plan of groups after a group.
func (g *groupSync) run(pages func(plans int, after string) (api.GroupsResult, error)) api.SyncResult {
	g.env = environment(api.SyncID("contoso", "staff"))
	g.env.RegisterWorkflowWithOptions(workflows.SyncRule, workflow.RegisterOptions{Name: api.SyncRuleType})
	for _, name := range []string{api.ProvisionUserType, api.DeprovisionUserType} {
		g.env.RegisterWorkflowWithOptions(func(_ workflow.Context, in api.UserInput) (api.UserResult, error) {
			g.begun = append(g.begun, in.User)
			return api.UserResult{Action: in.Planned.Action, Outcome: plan.Success}, nil
		}, workflow.RegisterOptions{Name: name})
	}
	g.env.RegisterWorkflowWithOptions(func(ctx workflow.Context, in api.GroupInput) (api.GroupResult, error) {
		g.begun = append(g.begun, in.Group)
		return g.groups(ctx, in)
	}, workflow.RegisterOptions{Name: api.SyncGroupType})
	var a *activities.Activities
	for _, activity := range []any{a.PlanRule, a.PlanPage, a.PlanGroups, a.GroupPage} {
		g.env.RegisterActivity(activity)
	}
	g.whole.Groups = 3
	g.env.OnActivity(a.PlanRule, mock.Anything, mock.Anything).Return(
		api.PlanResult{PlanID: "people", Queue: api.TaskQueue, Revision: 7, People: g.people, Last: true, Whole: g.whole}, nil)
	g.env.OnActivity(a.PlanPage, mock.Anything, mock.Anything).Return(
		api.PlanResult{PlanID: "people", People: []api.PlannedPerson{{User: "gone", Planned: api.Planned{Action: plan.Remove}}}, Last: true, Whole: g.whole}, nil)
	g.env.OnActivity(a.PlanGroups, mock.Anything, mock.Anything).Return(func(_ context.Context, in api.GroupsInput) (api.GroupsResult, error) {
		g.plans = append(g.plans, in)
		return pages(len(g.plans), "")
	})
	g.env.OnActivity(a.GroupPage, mock.Anything, mock.Anything).Return(func(_ context.Context, in api.GroupPageInput) (api.GroupsResult, error) {
		return pages(len(g.plans), in.After)
	})
	g.env.OnSignalExternalWorkflow(mock.Anything, api.ConnectionID("contoso"), "", api.SignalSyncFinished, mock.Anything).
		Return(func(_, _, _, _ string, arg any) error { g.told = arg.(api.SyncSummary); return nil })
	g.env.ExecuteWorkflow(api.SyncRuleType, api.SyncInput{Connection: "contoso", Rule: "staff"})
	var r api.SyncResult
	if g.env.GetWorkflowError() == nil {
		_ = g.env.GetWorkflowResult(&r)
	}
	return r
}

// page is a page of a plan of groups that something is to be written for.
func page(last bool, groups ...string) api.GroupsResult {
	r := api.GroupsResult{PlanID: "groups", Queue: api.TaskQueue, Revision: 7, Last: last}
	for _, name := range groups {
		r.Groups = append(r.Groups, api.PlannedGroup{PlanID: "groups", Queue: api.TaskQueue, Change: membership.Change{Group: name, Action: membership.Members, Adds: 1, Outcome: plan.Success}})
		r.After = name
	}
	return r
}

func added(_ workflow.Context, in api.GroupInput) (api.GroupResult, error) {
	return api.GroupResult{Group: in.Group, Action: membership.Members, Outcome: plan.Success, MembersAdded: 3, MembersRemoved: 1}, nil
}

// Groups come when all people are done, those who left included; each is counted, unchanged ones start nothing.
func TestGroupsComeAfterThePeople(t *testing.T) {
	t.Parallel()
	g := &groupSync{
		people: []api.PlannedPerson{{User: "new", Planned: api.Planned{Action: plan.Create}}}, whole: api.PlanSummary{Planned: 2, Guard: plan.Guard{Removals: 1}},
		groups: func(ctx workflow.Context, in api.GroupInput) (api.GroupResult, error) {
			if in.Group == "c" {
				return api.GroupResult{}, wire.Reported(fault.New("", fault.Refused, fault.GroupDynamic, "g-c"))
			}
			return added(ctx, in)
		},
	}
	r := g.run(func(_ int, after string) (api.GroupsResult, error) {
		if after == "" {
			first := page(false, "a", "b")
			first.Unchanged, first.Reasons = membership.Counters{Impacted: 2, Success: 1, Failed: 1}, map[fault.Reason]int{fault.GroupNotFound: 1}
			first.Troubled = []api.GroupNote{{Outcome: plan.Failed, Reason: fault.GroupNotFound, Subject: "groups[3].source"}}
			return first, nil
		}
		return page(true, "c"), nil
	})
	require.NoError(t, g.env.GetWorkflowError())
	require.Equal(t, []string{"new", "gone"}, g.begun[:2])
	require.ElementsMatch(t, []string{"a", "b", "c"}, g.begun[2:])
	require.Equal(t, []api.GroupsInput{{Connection: "contoso", Rule: "staff", PlanID: "people", Revision: 7, NewAccounts: true, Removed: 1}}, g.plans)
	want := membership.Counters{Impacted: 5, Success: 3, Failed: 2, MembersAdded: 6, MembersRemoved: 2}
	require.Equal(t, want, r.Groups)
	require.Equal(t, want, g.told.Groups)
	require.NotNil(t, g.told.GroupGuard)
	require.Equal(t, api.SyncCompleted, r.State)
	require.Equal(t, map[fault.Reason]int{fault.GroupNotFound: 1, fault.GroupDynamic: 1}, r.GroupReasons)
	require.Len(t, r.GroupProblems, 2)
	require.Equal(t, 2, r.Success, "the counters of people are theirs alone")
}

// Memberships that the guard holds make the sync held; what a first sync puts off does not.
func TestGroupsHeld(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		guard membership.Guard
		state api.SyncState
		words string
	}{
		"held":       {membership.Guard{Held: 4, HeldGroups: 1, Hash: "abc"}, api.SyncHeld, "--approve-removals abc"},
		"first sync": {membership.Guard{Held: 4, HeldGroups: 1, Reason: fault.FirstSyncHeld}, api.SyncCompleted, "Completed"},
		"approved":   {membership.Guard{Removals: 4, Approved: true, Hash: "abc"}, api.SyncCompleted, "Completed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &groupSync{groups: added}
			r := g.run(func(int, string) (api.GroupsResult, error) {
				p := page(true)
				p.Guard = test.guard
				return p, nil
			})
			require.Equal(t, test.state, r.State)
			require.Contains(t, r.Message, test.words)
			require.Equal(t, test.guard, *g.told.GroupGuard)
		})
	}
}

// The worker that kept the plan of groups is gone: they are planned again, a few times, and what is done is not done again.
func TestGroupsArePlannedAgainWithTheirWorkerGone(t *testing.T) {
	t.Parallel()
	g := &groupSync{groups: func(_ workflow.Context, in api.GroupInput) (api.GroupResult, error) {
		return api.GroupResult{Group: in.Group, Outcome: plan.PartiallySynced, Reason: fault.WorkerLost, MembersAdded: 1, PlanGone: true}, nil
	}}
	r := g.run(func(plans int, _ string) (api.GroupsResult, error) {
		if plans == 3 {
			p := page(true)
			p.Unchanged = membership.Counters{Impacted: 1, Success: 1}
			return p, nil
		}
		return page(true, "a"), nil
	})
	require.NoError(t, g.env.GetWorkflowError())
	require.Len(t, g.plans, 3)
	require.Equal(t, membership.Counters{Impacted: 1, Success: 1, MembersAdded: 2}, r.Groups)
	require.Empty(t, r.GroupReasons)
}

// Groups that cannot be planned fail by themselves, and keep nobody waiting for hours.
func TestGroupsThatCannotBePlanned(t *testing.T) {
	t.Parallel()
	g := &groupSync{groups: added, people: []api.PlannedPerson{{User: "ann", Planned: api.Planned{Action: plan.Update}}}, whole: api.PlanSummary{Planned: 1}}
	var took time.Duration
	r := g.run(func(int, string) (api.GroupsResult, error) {
		return api.GroupsResult{}, wire.Reported(fault.New("", fault.Transient, fault.SourceUnavailable, ""))
	})
	took = g.env.Now().Sub(r.StartedAt)
	require.NoError(t, g.env.GetWorkflowError())
	require.Equal(t, api.SyncCompleted, r.State)
	require.Equal(t, plan.Counters{Impacted: 1, Success: 1}, r.Counters)
	require.Equal(t, membership.Counters{Impacted: 3, Failed: 3}, r.Groups)
	require.Equal(t, map[fault.Reason]int{fault.SourceUnavailable: 3}, r.GroupReasons)
	require.Less(t, took, 2*time.Hour)
	require.Nil(t, g.told.GroupGuard, "no plan was made")
}

// However many groups: ten are under way at a time.
func TestGroupsUnderWayAtATime(t *testing.T) {
	t.Parallel()
	running, most := 0, 0
	g := &groupSync{groups: func(ctx workflow.Context, in api.GroupInput) (api.GroupResult, error) {
		running++
		most = max(most, running)
		err := workflow.Sleep(ctx, time.Minute)
		running--
		return api.GroupResult{Group: in.Group, Outcome: plan.Success}, err
	}}
	var names []string
	for i := range 35 {
		names = append(names, fmt.Sprintf("g%02d", i))
	}
	r := g.run(func(int, string) (api.GroupsResult, error) { return page(true, names...), nil })
	require.Equal(t, 35, r.Groups.Success)
	require.Equal(t, 10, most)
}

// Nobody takes up the next page: the groups are planned again.
func TestGroupsArePlannedAgainWhenNobodyTakesUpTheirPage(t *testing.T) {
	t.Parallel()
	g := &groupSync{groups: added}
	r := g.run(func(plans int, after string) (api.GroupsResult, error) {
		switch {
		case plans == 2:
			return page(true, "b"), nil
		case after == "":
			return page(false, "a"), nil
		}
		return api.GroupsResult{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)
	})
	require.NoError(t, g.env.GetWorkflowError())
	require.Len(t, g.plans, 2)
	require.Equal(t, membership.Counters{Impacted: 1, Success: 1, MembersAdded: 6, MembersRemoved: 2}, r.Groups)
	require.Empty(t, r.GroupReasons)
}

// Settings that changed before the groups are planned let the sync plan once more; a rule disabled by then stops it.
func TestGroupsUnderSettingsThatChanged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		refusal *fault.Error
		plans   int
		state   api.SyncState
	}{
		"changed":  {fault.New("", fault.Stale, fault.RevisionChanged, ""), 2, api.SyncCompleted},
		"disabled": {fault.New("", fault.Refused, fault.RuleDisabled, "staff"), 1, api.SyncStopped},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &groupSync{groups: added}
			r := g.run(func(plans int, _ string) (api.GroupsResult, error) {
				if plans == 1 {
					return api.GroupsResult{}, wire.Reported(test.refusal)
				}
				return page(true, "a"), nil
			})
			require.NoError(t, g.env.GetWorkflowError())
			require.Len(t, g.plans, test.plans)
			require.Equal(t, test.state, r.State)
			require.Zero(t, r.Groups.Failed)
		})
	}
}
