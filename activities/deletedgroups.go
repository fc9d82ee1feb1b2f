package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
)

// deletable reports why nothing may be taken away for the deletion of a rule.
//
// Errors: fault.ConnectionDisabled, ConnectionInvalid, RuleUnknown, DeprovisionNotAllowed (Refused).
func deletable(s api.Settings, rule string) error {
	if err := s.Usable(); err != nil {
		return err
	}
	state, ok := s.Rule(rule)
	// What the rule's policy withholds of its groups is for their plan to say; that of its people is not theirs.
	switch t := terms(s, ""); {
	case !ok || !state.Deleting:
		return refuse("delete groups", fault.RuleUnknown, rule)
	case !t.Deprovision || !t.Allowed:
		return refuse("delete groups", fault.DeprovisionNotAllowed, rule)
	}
	return nil
}

// PlanDeletedGroups plans what becomes of the groups of a rule that is being deleted: each is treated as if it had left the rule, and its
// mark remembers how. No guard holds anything: an administrator has confirmed the deletion. What other rules want stays as it is.
//
// Errors: those of the settings and of Graph; fault.SourceUnavailable (Transient) where another rule's groups cannot be read. None leaves a plan.
func (a *Activities) PlanDeletedGroups(ctx context.Context, in api.GroupsInput) (api.GroupsResult, error) {
	defer heartbeat(ctx)()
	s, err := a.groupSettings(ctx, in.Connection, in.Rule, 0, true)
	if err != nil {
		return api.GroupsResult{}, err
	}
	client, err := a.client(s, nth(ctx))
	if err != nil {
		return api.GroupsResult{}, err
	}
	world := membership.Input{
		Connection: in.Connection, Rule: in.Rule, Preferences: s.Config.Preferences, People: map[string]plan.Standing{},
		Limit: s.Config.GroupsPolicy(in.Rule),
	}
	err = client.ListUsers(ctx, linkOnly(s), func(page []directory.Account) error {
		world.Accounts = append(world.Accounts, membership.Accounts(in.Connection, page)...)
		return nil
	}, nil)
	if err != nil {
		return api.GroupsResult{}, err
	}
	for _, account := range world.Accounts {
		if account.Person != "" {
			world.People[account.Person] = plan.Left
		}
	}
	for _, other := range s.EnabledRules() {
		if len(other.Groups) > 0 {
			wanted := a.otherRule(ctx, s, other, "", nil)
			if wanted.Unread {
				// Any group might be its, so that the deletion would leave them all behind for good. It is tried again.
				return api.GroupsResult{}, fault.New("plan deleted groups", fault.Transient, fault.SourceUnavailable, "rule "+other.Name)
			}
			world.Others = append(world.Others, wanted)
		}
	}
	if err := readTargetGroups(ctx, client, s, &world, func(string) {}); err != nil {
		return api.GroupsResult{}, err
	}
	made := membership.Build(world)
	for i := range made.Decisions {
		if made.Decisions[i].HoldReason != fault.WithheldByPolicy {
			made.Decisions[i].Release()
		}
	}
	made.Guard = membership.Guard{}
	info := activity.GetInfo(ctx)
	id := info.WorkflowExecution.RunID + "/" + info.ActivityID
	a.groups.put(keptFor(in.Connection, in.Rule), "", id, keptGroupPlan{Plan: made, deletion: true})
	return a.groupPage(made, api.GroupPageInput{Connection: in.Connection, Rule: in.Rule, PlanID: id, Revision: s.Revision}), nil
}
