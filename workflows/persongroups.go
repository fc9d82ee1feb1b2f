package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// groups puts right the memberships of a person whom no sync sees to: of somebody who has an account, and of somebody who was deprovisioned.
// What fails about a group leaves the person partly synced. Groups that do not exist yet are made by a sync.
func (u *userRun) groups(ctx workflow.Context, done api.ProvisionResult) error {
	left := done.Action == plan.Remove
	if done.AccountID == "" || done.Deleted || done.Outcome != plan.Success && done.Outcome != plan.PartiallySynced {
		return nil
	}
	asking := workflow.WithActivityOptions(ctx, accountOptions("Compare the groups of "+person(u.in.User)))
	var found api.PersonGroupsResult
	err := execute(asking, acts.PersonGroups, api.PersonGroupsInput{
		Connection: u.in.Connection, Rule: done.Rule, User: u.in.User, AccountID: done.AccountID, Left: left, Event: u.in.Event,
		Recent: done.RecentlyWritten || done.Given,
	}, &found)
	if err != nil {
		return u.groupRefused(err)
	}
	if found.Held > 0 && u.result.Outcome == plan.Success {
		u.partlySynced(fault.New("", fault.Refused, found.Reason, ""))
	}
	for _, group := range found.Groups {
		if u.again.Len() > 0 && !u.in.RuleDeletion {
			// Somebody told of a change, which may be that the person left: looking again comes before the other groups.
			break
		}
		summary := "Add " + person(u.in.User)
		if group.Leave {
			summary = "Remove " + person(u.in.User)
		}
		// A group that is under way, perhaps for hours, is left to the next sync: the person's run must be free for what ends access.
		result, err := runGroup(ctx, api.GroupInput{
			Connection: u.in.Connection, Rule: done.Rule, Group: group.Group, User: u.in.User, AccountID: found.AccountID, Membership: &group,
		}, summary, 1)
		switch {
		case err != nil:
			if err := u.groupRefused(wire.Received(err)); err != nil {
				return err
			}
		case result.MembersAdded > 0:
			u.result.GroupsJoined = append(u.result.GroupsJoined, group.Group)
		case result.MembersRemoved > 0:
			u.result.GroupsLeft = append(u.result.GroupsLeft, group.Group)
		}
		if err == nil && result.Outcome != plan.Success && u.result.Outcome == plan.Success {
			u.partlySynced(fault.New("", fault.Refused, result.Reason, result.Subject))
		}
	}
	if u.result.Action == plan.None && len(u.result.GroupsJoined)+len(u.result.GroupsLeft) > 0 {
		u.result.Action = plan.Update
	}
	return nil
}

// groupRefused takes an error about a group for the person's, who is partly synced by it; what concerns the whole run ends it.
func (u *userRun) groupRefused(err error) error {
	f, refused := partRefused(err)
	if !refused {
		return err
	}
	if u.result.Outcome == plan.Success {
		u.partlySynced(f)
	}
	return nil
}

// person puts right the membership of one person.
func (g *groupRun) person(ctx workflow.Context) error {
	change, account := g.in.Membership, g.in.AccountID
	g.result.Outcome = plan.Success
	if change == nil {
		found, err := g.findPerson(ctx)
		if err != nil || len(found.Groups) == 0 {
			if found.Held+found.Waiting > 0 {
				g.result.Outcome, g.result.Reason = plan.PartiallySynced, found.Reason
			}
			return err
		}
		change, account = &found.Groups[0], found.AccountID
	}
	g.result.Target = change.Target
	summary := "Add " + person(g.in.User)
	if change.Leave {
		summary = "Remove " + person(g.in.User)
	}
	var written api.WriteMembersResult
	err := execute(workflow.WithActivityOptions(ctx, accountOptions(summary)), acts.WriteMembership, api.WriteMembershipInput{
		Connection: g.in.Connection, Rule: g.in.Rule, User: g.in.User, AccountID: account, PersonGroup: *change,
	}, &written)
	if err != nil {
		return err
	}
	g.count(written)
	return nil
}

// findPerson finds out what is to be done about the person in this group.
func (g *groupRun) findPerson(ctx workflow.Context) (found api.PersonGroupsResult, err error) {
	err = execute(workflow.WithActivityOptions(ctx, accountOptions("Compare the membership of "+person(g.in.User))), acts.PersonGroups, api.PersonGroupsInput{
		Connection: g.in.Connection, Rule: g.in.Rule, User: g.in.User, Group: g.in.Group,
	}, &found)
	return found, err
}
