package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
)

// SyncGroup brings one group of the tenant up to date and ends: the group itself, whoever is to become a member, and then whoever is
// to be one no longer. Temporal runs one execution of an id at a time, so that nobody else of this connection writes the group meanwhile.
//
// A sync gives it what its plan says; without that it plans its one group itself, guard included. With a user it puts right the
// membership of that person only. A run under another id than GroupID starts the canonical one and returns its result.
func SyncGroup(ctx workflow.Context, in api.GroupInput) (api.GroupResult, error) {
	g := &groupRun{in: in}
	if in.Resume != nil {
		g.result, g.written = in.Resume.Result, in.Resume.Written
		g.in.Resume = nil
	}
	return g.run(ctx)
}

// groupRun is the state of one run.
type groupRun struct {
	in     api.GroupInput
	result api.GroupResult
	// written is how many memberships of the plan are done.
	written int
}

func (g *groupRun) run(ctx workflow.Context) (api.GroupResult, error) {
	if err := validGroup(g.in); err != nil {
		return api.GroupResult{}, wire.Reported(err)
	}
	if id := api.GroupID(g.in.Connection, g.in.Group); workflow.GetInfo(ctx).WorkflowExecution.ID != id {
		in := g.in
		in.Planned, in.Revision = nil, 0
		return runGroup(ctx, in, "Started by "+workflow.GetInfo(ctx).WorkflowExecution.ID, maxJoins)
	}
	g.result.Connection, g.result.Rule, g.result.Group, g.result.User = g.in.Connection, g.in.Rule, g.in.Group, g.in.User
	if g.result.Action == "" {
		g.result.Action = membership.None
	}
	for pass := 1; ; pass++ {
		err := g.pass(ctx)
		if temporal.IsCanceledError(err) || isContinueAsNew(err) {
			return g.result, err
		}
		if again := err != nil && fault.Of(err).Kind == fault.Stale || g.result.PlanGone; again && g.in.Planned == nil && pass < maxPasses {
			// Settings changed, or the worker is gone: the comparison begins anew.
			g.result.PlanGone, g.written = false, 0
			continue
		}
		return g.end(ctx, err)
	}
}

// pass does everything once.
func (g *groupRun) pass(ctx workflow.Context) error {
	if g.in.User != "" {
		return g.person(ctx)
	}
	planned := g.in.Planned
	revision := g.in.Revision
	if planned == nil {
		g.show(ctx, "Comparing the group with its members.")
		found, err := g.plan(ctx)
		if err != nil {
			return err
		}
		revision = found.Revision
		if planned = g.keep(found); planned == nil {
			return nil
		}
	} else {
		g.result.Outcome, g.result.Reason, g.result.Subject = planned.Outcome, planned.Reason, planned.Subject
	}
	settled, err := g.settle(ctx, *planned, revision)
	if err != nil || settled.Gone {
		g.result.PlanGone = settled.Gone
		return err
	}
	if g.written = max(g.written, settled.Members); planned.Action == membership.Delete || g.written == planned.Adds+planned.Removes {
		return nil
	}
	return g.members(ctx, *planned, settled, revision)
}

// plan reads everything and plans this one group.
func (g *groupRun) plan(ctx workflow.Context) (found api.GroupsResult, err error) {
	ctx = workflow.WithActivityOptions(ctx, groupPlanOptions("", "Read the source, the tenant and the group's members, and compare"))
	err = execute(ctx, acts.PlanGroups, api.GroupsInput{Connection: g.in.Connection, Rule: g.in.Rule, Group: g.in.Group}, &found)
	return found, err
}

// keep takes over what a plan of this one group says; nil where there is nothing to do.
func (g *groupRun) keep(found api.GroupsResult) *api.PlannedGroup {
	r := &g.result
	if found.Guard.HeldGroups > 0 {
		r.Held = found.Guard.Held
	}
	for i := range found.Groups {
		if p := &found.Groups[i]; p.Group == g.in.Group {
			r.Target, r.Outcome, r.Reason, r.Subject = p.Target, p.Outcome, p.Reason, p.Subject
			return p
		}
	}
	r.Outcome = plan.Success
	for _, n := range found.Troubled {
		if n.Group == g.in.Group {
			r.Target, r.Outcome, r.Reason, r.Subject = n.Target, n.Outcome, n.Reason, n.Subject
		}
	}
	return nil
}

// settle finds or makes the group, looks whether it is still the one that was planned for, and writes what differs of it.
func (g *groupRun) settle(ctx workflow.Context, planned api.PlannedGroup, revision int) (settled api.SettleGroupResult, err error) {
	if planned.Action == membership.None || g.written > 0 {
		g.result.Target = orString(planned.Target, g.result.Target)
		return api.SettleGroupResult{Target: g.result.Target, Action: membership.None}, nil
	}
	g.show(ctx, "Writing the group itself.")
	ctx = workflow.WithActivityOptions(ctx, groupOptions(planned.Queue, settleSummary(planned), settleTime))
	err = execute(ctx, acts.SettleGroup, api.SettleGroupInput{
		Connection: g.in.Connection, Rule: g.in.Rule, Group: g.in.Group, Revision: revision, PlanID: planned.PlanID,
	}, &settled)
	if keeperGone(err) {
		return api.SettleGroupResult{Gone: true}, nil
	}
	if err == nil && !settled.Gone {
		g.result.Target, g.result.Action, g.result.Attributes = orString(settled.Target, planned.Target), settled.Action, settled.Attributes
		g.result.MembersAdded += settled.Members
	}
	return settled, err
}

// members writes the memberships page by page.
func (g *groupRun) members(ctx workflow.Context, planned api.PlannedGroup, settled api.SettleGroupResult, revision int) error {
	for {
		g.show(ctx, fmt.Sprintf("Writing the members: %d of %d done.", g.written, planned.Adds+planned.Removes))
		ctx := workflow.WithActivityOptions(ctx, groupOptions(planned.Queue, memberSummary(planned, g.written), membersTime))
		var done api.WriteMembersResult
		err := execute(ctx, acts.WriteMembers, api.WriteMembersInput{
			Connection: g.in.Connection, Rule: g.in.Rule, Group: g.in.Group, Revision: revision, PlanID: planned.PlanID,
			Target: g.result.Target, Created: settled.Created, From: g.written,
		}, &done)
		if keeperGone(err) || err == nil && done.Gone {
			g.result.PlanGone = true
			return nil
		}
		if err != nil {
			return err
		}
		g.count(done)
		if done.Last {
			return nil
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			next := g.in
			next.Planned, next.Revision = &planned, revision
			next.Resume = &api.GroupResume{Result: g.result, Written: g.written}
			return workflow.NewContinueAsNewError(ctx, api.SyncGroupType, next)
		}
	}
}

// count adds what a page wrote.
func (g *groupRun) count(done api.WriteMembersResult) {
	r := &g.result
	g.written = done.Next
	r.MembersAdded += done.Added
	r.MembersRemoved += done.Removed
	r.Refused += done.Refused
	if r.Action == membership.None && done.Added+done.Removed > 0 {
		r.Action = membership.Members
	}
	for _, reason := range workflow.DeterministicKeys(done.Reasons) {
		if r.Reasons == nil {
			r.Reasons = map[fault.Reason]int{}
		}
		r.Reasons[reason] += done.Reasons[reason]
	}
	r.Problems = append(r.Problems, first(done.Problems, maxProblems-len(r.Problems))...)
	if done.Refused > 0 && r.Outcome == plan.Success {
		reason, _ := mostFrequent(r.Reasons, "")
		r.Outcome, r.Reason = plan.PartiallySynced, reason
	}
}

// end says in search attributes, details and result what became of the group.
func (g *groupRun) end(ctx workflow.Context, err error) (api.GroupResult, error) {
	r := &g.result
	f := &fault.Error{Kind: fault.Refused}
	if err != nil {
		f = fault.Of(err)
		r.Outcome, r.Reason, r.Subject, r.RequestID = plan.Failed, f.Reason, f.Subject, f.RequestID
	}
	if r.PlanGone {
		r.Outcome, r.Reason, r.Subject = plan.PartiallySynced, fault.WorkerLost, ""
	}
	if r.Outcome == "" {
		r.Outcome = plan.Success
	}
	r.Message = groupMessage(*r)
	shown := *r
	shown.Subject = code(r.Subject)
	g.show(ctx, groupMessage(shown))
	if err := workflow.UpsertTypedSearchAttributes(ctx, wire.AttributeAction.ValueSet(string(r.Action)), wire.AttributeOutcome.ValueSet(string(r.Outcome))); err != nil {
		return *r, err
	}
	if err == nil {
		return *r, nil
	}
	details := wire.ErrorDetails{Kind: f.Kind, Reason: r.Reason, Subject: r.Subject, RequestID: r.RequestID}
	return *r, temporal.NewApplicationErrorWithOptions(r.Message, string(r.Reason),
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{details, *r}})
}

// show sets what the Web UI displays of the run.
func (g *groupRun) show(ctx workflow.Context, text string) {
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Group %s of rule %s, connection %s\n\n%s", code(g.in.Group), code(g.in.Rule), code(g.in.Connection), text))
}

// runGroup runs the canonical workflow of a group. One that runs already is waited for, and then it is the turn of a run of one's own: the
// other may be about one person, or have another plan. joins is how often a start is tried; with 1 nothing is waited for, and a group that is
// under way is fault.ConcurrentChange (Refused).
func runGroup(ctx workflow.Context, in api.GroupInput, summary string, joins int) (result api.GroupResult, err error) {
	id := api.GroupID(in.Connection, in.Group)
	action := membership.Members
	if in.Planned != nil {
		action = in.Planned.Action
	}
	options := childOptions(id, summary, temporal.NewSearchAttributes(wire.AttributeConnection.ValueSet(in.Connection),
		wire.AttributeRule.ValueSet(in.Rule), wire.AttributeAction.ValueSet(string(action))))
	for range joins {
		err = workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), api.SyncGroupType, in).Get(ctx, &result)
		if !alreadyStarted(err) {
			return result, childError(err)
		}
		if joins == 1 {
			return result, wire.Reported(fault.New("", fault.Refused, fault.ConcurrentChange, ""))
		}
		var other api.GroupResult
		waiting := workflow.WithActivityOptions(ctx, awaitOptions(id))
		if err := workflow.ExecuteActivity(waiting, acts.AwaitRun, api.AwaitInput{WorkflowID: id, Type: api.SyncGroupType}).Get(ctx, &other); temporal.IsCanceledError(err) {
			return result, err
		}
	}
	return result, childError(err)
}

const (
	// settleTime is how long a group itself is tried: what Graph does not answer by then is the next sync's.
	settleTime = 30 * time.Minute
	// membersTime is how long one page of members is tried, with nine other groups at the same tenant: 2,000 removals take some minutes.
	membersTime = 45 * time.Minute
)

// groupPlanOptions are those of the activity that plans groups, on the queue of the worker that keeps the plan of the people, if there is
// one. A sync that waits for groups for hours would keep whoever leaves meanwhile from being noticed.
func groupPlanOptions(queue, summary string) workflow.ActivityOptions {
	o := planOptions(summary)
	o.ScheduleToCloseTimeout = settleTime
	if queue != "" {
		o.TaskQueue, o.ScheduleToStartTimeout = queue, pickUp
	}
	return o
}

// groupOptions are those of the activities that write one group, on the queue of the worker that keeps the plan.
func groupOptions(queue, summary string, whole time.Duration) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue: queue,
		// A busy worker has others under way; one that is gone is noticed all the same.
		ScheduleToStartTimeout: 2 * time.Minute,
		StartToCloseTimeout:    whole,
		ScheduleToCloseTimeout: whole,
		HeartbeatTimeout:       4 * activities.HeartbeatEvery,
		WaitForCancellation:    true,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 2 * time.Minute},
		Summary:                clip(summary),
	}
}

// keeperGone reports that nobody took an activity up that only one worker can carry out, or that this worker died.
func keeperGone(err error) bool {
	if err == nil || temporal.IsCanceledError(err) {
		return false
	}
	return slices.Contains([]fault.Reason{fault.NoWorker, fault.WorkerLost}, fault.Of(err).Reason)
}

// validGroup checks an input that may have been typed by hand.
func validGroup(in api.GroupInput) error {
	for _, field := range []struct{ name, value string }{
		{"connection is", in.Connection}, {"rule is", in.Rule}, {"group (its id at the store; in a file its name) is", in.Group},
	} {
		if field.value == "" {
			return fault.New("", fault.Invalid, fault.SettingsInvalid, field.name+" missing from the input")
		}
	}
	return nil
}
