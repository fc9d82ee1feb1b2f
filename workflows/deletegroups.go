package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// groups treats the rule's groups as whenRemoved says, when its people are done with. It reports whether nothing is left to do: what failed is
// tried again by the next pass, like people.
func (d *ruleDeletion) groups(ctx workflow.Context) (done bool, err error) {
	d.show(ctx, "Treating the rule's groups as whenRemoved says.")
	written := d.Result.Groups
	d.Result.Groups = writtenMembers(written)
	var page api.GroupsResult
	err = execute(workflow.WithActivityOptions(ctx, planOptions("Read the rule's groups, and plan what becomes of them")), acts.PlanDeletedGroups,
		api.GroupsInput{Connection: d.Connection, Rule: d.Rule}, &page)
	for err == nil {
		d.Result.Groups.Add(page.Unchanged)
		for _, n := range page.Troubled {
			d.groupProblem(n)
		}
		for _, group := range page.Groups {
			if err := d.group(ctx, group); err != nil {
				return false, err
			}
		}
		if page.Last {
			return d.Result.Failed == 0, nil
		}
		// What a page leaves out must not be that of the page before.
		var next api.GroupsResult
		err = execute(workflow.WithActivityOptions(ctx, keptOptions(page.Queue, "Next page of the rule's groups")), acts.GroupPage,
			api.GroupPageInput{Connection: d.Connection, Rule: d.Rule, PlanID: page.PlanID, Revision: page.Revision, After: page.After}, &next)
		if page = next; page.Gone || workerGone(err) {
			d.groupFailed(api.GroupNote{Outcome: plan.Failed, Reason: fault.WorkerLost})
			return false, nil
		}
	}
	if f := fault.Of(err); !temporal.IsCanceledError(err) && f.Kind.Retryable() {
		// A source or a tenant that does not answer for hours does not end the deletion, which would forget the groups.
		d.groupFailed(api.GroupNote{Outcome: plan.Failed, Reason: f.Reason, Subject: f.Subject})
		return false, nil
	}
	return false, err
}

// group runs the workflow of one group.
func (d *ruleDeletion) group(ctx workflow.Context, group api.PlannedGroup) error {
	r, err := runGroup(ctx, api.GroupInput{Connection: d.Connection, Rule: d.Rule, Group: group.Group, Planned: &group},
		groupSummary(group)+", whose rule is being deleted", maxJoins)
	if temporal.IsCanceledError(err) && ctx.Err() != nil {
		return err
	}
	again := r.PlanGone
	if err != nil {
		f := wire.FaultOf(err)
		r.Outcome, r.Reason, r.Subject = plan.Failed, f.Reason, f.Subject
		again = f.Kind.Retryable() || f.Kind == fault.Stale
	}
	d.Result.Groups.Count(r.Outcome)
	d.Result.Groups.MembersRemoved += r.MembersRemoved
	note := api.GroupNote{Group: group.Group, Outcome: r.Outcome, Reason: r.Reason, Subject: r.Subject}
	switch {
	case again:
		d.groupFailed(note)
	case r.Outcome != plan.Success:
		d.groupProblem(note)
	}
	d.show(ctx, fmt.Sprintf("Treating the rule's groups as whenRemoved says: %d done.", d.Result.Groups.Impacted))
	return nil
}

// groupFailed notes a group that is to be tried again.
func (d *ruleDeletion) groupFailed(n api.GroupNote) {
	d.Result.Failed++
	d.groupProblem(n)
}

// groupProblem notes a group of which something stays, whatever is tried: one with licenses, one that must not be written. The rule goes all the
// same.
func (d *ruleDeletion) groupProblem(n api.GroupNote) {
	if len(d.Result.Problems) < maxProblems {
		d.Result.Problems = append(d.Result.Problems, api.PersonNote{User: n.Group, Outcome: n.Outcome, Reason: n.Reason, Subject: n.Subject})
	}
}
