package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
)

// groupWindow is how many groups are under way at a time. Each may have many members to write, and all share the tenant's write limit.
const groupWindow = 10

// maxGroupPlans bounds how often a sync plans groups again because the worker is gone that kept their plan.
const maxGroupPlans = 5

// groupStage is what is under way of the groups.
type groupStage struct {
	running int
	// lost are groups of which something is left to do because the worker is gone that kept their plan.
	lost int
}

// carryOutGroups plans the rule's groups, and runs a workflow for each about which there is something to do. What fails about a group, or
// about all of them, is the groups' affair: the sync of the people has ended by now and counts.
func (s *syncRun) carryOutGroups(ctx workflow.Context) error {
	var stage groupStage
	page, err := s.firstGroups(ctx)
	for {
		if err != nil {
			return s.groupsFailed(err)
		}
		if err := s.workGroups(ctx, page, &stage); err != nil {
			return err
		}
		s.After = page.After
		if page.Last || workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			if err := workflow.Await(ctx, func() bool { return stage.running == 0 }); err != nil {
				return err
			}
			if s.withdrawn != nil {
				return s.withdrawn
			}
		}
		switch {
		case stage.lost > 0 && s.GroupPlans < maxGroupPlans:
			// What they have done so far the next plan finds done.
			stage.lost, s.GroupPlanID, s.After = 0, "", ""
			page, err = s.firstGroups(ctx)
			continue
		case page.Last:
			return s.drain(ctx)
		}
		if err := s.continueAsNew(ctx); err != nil {
			return err
		}
		page, err = s.nextGroups(ctx)
	}
}

// firstGroups makes the plan of the groups, or goes on with one.
func (s *syncRun) firstGroups(ctx workflow.Context) (page api.GroupsResult, err error) {
	if s.GroupPlanID != "" {
		return s.nextGroups(ctx)
	}
	s.phase(ctx, "Reading the groups at the source and in the tenant, and planning.")
	in := api.GroupsInput{
		Connection: s.Connection, Rule: s.Rule, PlanID: s.PlanID, Revision: s.Result.Revision, NewAccounts: s.NewAccounts || s.Removed > 0,
		Removed: s.countedRemovals(),
	}
	plans := func(queue, summary string) error {
		return execute(workflow.WithActivityOptions(ctx, groupPlanOptions(queue, summary)), acts.PlanGroups, in, &page)
	}
	if s.GroupPlans++; s.GroupPlans > 1 {
		// The plan of the people may be gone with its worker.
		err = plans("", "Plan the groups again: the worker that kept their plan is gone")
	} else if err = plans(s.Queue, "Read the groups, and plan"); keeperGone(err) {
		err = plans("", "Read the groups, and plan: the worker that kept the plan of the people is gone")
	}
	if err != nil {
		return page, err
	}
	s.GroupPlanID, s.GroupQueue = page.PlanID, page.Queue
	s.Result.Groups = writtenMembers(s.Result.Groups)
	s.Result.GroupReasons, s.Result.GroupProblems = nil, nil
	// What was held once is reported, even if a plan made again has nothing left of it.
	guard := page.Guard
	s.Result.GroupGuard = &guard
	return page, nil
}

// nextGroups asks the worker that keeps the plan. Where it is gone, all groups are planned again: those that are done need nothing.
func (s *syncRun) nextGroups(ctx workflow.Context) (page api.GroupsResult, err error) {
	err = execute(workflow.WithActivityOptions(ctx, keptOptions(s.GroupQueue, "Next page of the plan of the groups")), acts.GroupPage,
		api.GroupPageInput{Connection: s.Connection, Rule: s.Rule, PlanID: s.GroupPlanID, Revision: s.Result.Revision, After: s.After}, &page)
	if (page.Gone || workerGone(err)) && s.GroupPlans < maxGroupPlans {
		// Those under way belong to the plan that is gone, and the next one counts its own.
		if err := workflow.Await(ctx, func() bool { return s.groupsRunning == 0 }); err != nil {
			return page, err
		}
		s.GroupPlanID, s.After = "", ""
		return s.firstGroups(ctx)
	}
	return page, err
}

// workGroups counts the groups of a page about which there is nothing to do, and starts a workflow for each of the others.
func (s *syncRun) workGroups(ctx workflow.Context, page api.GroupsResult, stage *groupStage) error {
	s.Result.Groups.Add(page.Unchanged)
	for _, reason := range workflow.DeterministicKeys(page.Reasons) {
		s.groupReason(reason, page.Reasons[reason])
	}
	for _, note := range page.Troubled {
		s.groupProblem(note)
	}
	s.phase(ctx, "Carrying out the plan of the groups.")
	for _, group := range page.Groups {
		if err := workflow.Await(ctx, func() bool { return stage.running < groupWindow || s.withdrawn != nil }); err != nil {
			return err
		}
		if s.withdrawn != nil {
			return s.withdrawn
		}
		s.startGroup(ctx, group, stage)
	}
	return nil
}

// startGroup runs one group's workflow and counts its result when it ends.
func (s *syncRun) startGroup(ctx workflow.Context, group api.PlannedGroup, stage *groupStage) {
	stage.running++
	s.groupsRunning++
	workflow.Go(ctx, func(ctx workflow.Context) {
		// A cancelled sync starts no other group, but lets those under way finish and counts them.
		ctx, _ = workflow.NewDisconnectedContext(ctx)
		result, err := runGroup(ctx, api.GroupInput{
			Connection: s.Connection, Rule: s.Rule, Group: group.Group, Revision: s.Result.Revision, Planned: &group,
		}, groupSummary(group), maxJoins)
		stage.running--
		s.groupsRunning--
		if err == nil && result.PlanGone {
			stage.lost++
		}
		s.countGroup(group, result, err)
		s.phase(ctx, fmt.Sprintf("Carrying out the plan of the groups: %d done.", s.Result.Groups.Impacted))
	})
}

// countGroup adds one group to the counters.
func (s *syncRun) countGroup(group api.PlannedGroup, r api.GroupResult, err error) {
	if err != nil {
		f := wire.FaultOf(err)
		var partly api.GroupResult
		if wire.ResultOf(err, &partly) {
			r = partly
		}
		r.Action, r.Outcome, r.Reason, r.Subject, r.RequestID = group.Action, plan.Failed, f.Reason, f.Subject, f.RequestID
		r.Target = orString(r.Target, group.Target)
		if f.Reason.WithdrawsConnection() && s.withdrawn == nil {
			s.withdrawn = f
		}
	}
	c := &s.Result.Groups
	c.MembersAdded += r.MembersAdded
	c.MembersRemoved += r.MembersRemoved
	s.GroupsRemoved += r.MembersRemoved
	c.Count(r.Outcome)
	if r.Outcome == plan.Success {
		return
	}
	s.groupReason(r.Reason, 1)
	s.groupProblem(api.GroupNote{
		Group: group.Group, Target: r.Target, Action: r.Action, Outcome: r.Outcome, Reason: r.Reason, Subject: r.Subject, RequestID: r.RequestID,
	})
}

// groupsFailed counts the groups as failed where they could not be planned. Whatever concerns the sync as a whole is the sync's own error.
func (s *syncRun) groupsFailed(err error) error {
	f := fault.Of(err)
	if temporal.IsCanceledError(err) || isContinueAsNew(err) || f.Kind == fault.Stale || f.Reason.WithdrawsConnection() ||
		f.Reason == fault.RuleDisabled || f.Reason == fault.ConnectionDisabled || f.Reason == fault.ConnectionInvalid {
		return err
	}
	left := max(1, s.Groups-s.Result.Groups.Impacted)
	for range left {
		s.Result.Groups.Count(plan.Failed)
	}
	s.groupReason(f.Reason, left)
	s.groupProblem(api.GroupNote{Outcome: plan.Failed, Reason: f.Reason, Subject: f.Subject, RequestID: f.RequestID})
	return nil
}

func (s *syncRun) groupReason(r fault.Reason, n int) {
	if s.Result.GroupReasons == nil {
		s.Result.GroupReasons = map[fault.Reason]int{}
	}
	s.Result.GroupReasons[r] += n
}

func (s *syncRun) groupProblem(n api.GroupNote) {
	switch {
	case len(s.Result.GroupProblems) < maxProblems:
		s.Result.GroupProblems = append(s.Result.GroupProblems, n)
	case n.Outcome == plan.Failed:
		// Who failed is named before who is only partly as it should be.
		if i := slices.IndexFunc(s.Result.GroupProblems, func(p api.GroupNote) bool { return p.Outcome != plan.Failed }); i >= 0 {
			s.Result.GroupProblems[i] = n
		}
	}
}

// writtenMembers are the counts that outlive the plan they belong to.
func writtenMembers(c membership.Counters) membership.Counters {
	return membership.Counters{MembersAdded: c.MembersAdded, MembersRemoved: c.MembersRemoved}
}

// countedRemovals is how many people lost something in this sync that the guard has to count. Those whom an administrator let pass are not
// among them.
func (s *syncRun) countedRemovals() int {
	if s.Result.Guard.Approved {
		return s.GroupsRemoved
	}
	return s.Removed + s.GroupsRemoved
}
