package activities

import (
	"context"
	"slices"
	"strings"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/grouping"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// PersonGroups says which groups one person is to join or to leave, by one question to the store and one about the account. It decides as a
// sync does, in a world of that person alone. Before a sync has seen to the rule's groups nothing is taken away.
//
// Errors: those of the settings, of the store and of Graph; fault.PersonNotFound (Refused) where the person has no account.
func (a *Activities) PersonGroups(ctx context.Context, in api.PersonGroupsInput) (api.PersonGroupsResult, error) {
	defer heartbeat(ctx)()
	s, err := a.settings.Fresh(ctx, in.Connection)
	if err != nil {
		return api.PersonGroupsResult{}, err
	}
	if err := syncable(s, in.Rule); err != nil {
		return api.PersonGroupsResult{}, err
	}
	client, err := a.client(s, nth(ctx))
	if err != nil {
		return api.PersonGroupsResult{}, err
	}
	if in.AccountID == "" {
		if in.AccountID, err = linkedAccount(ctx, client, s, in.Rule, in.User); err != nil {
			return api.PersonGroupsResult{}, err
		}
	}
	world, err := a.personsWorld(ctx, s, client, in)
	if err != nil {
		return api.PersonGroupsResult{}, err
	}
	return a.personsChanges(ctx, s, in, membership.Build(world))
}

// linkedAccount finds the one account that carries a person's link.
func linkedAccount(ctx context.Context, client *graph.Client, s api.Settings, rule, user string) (string, error) {
	found, err := client.UsersByLink(ctx, directory.NewLink(s.Config.Name, rule, user).String(), linkOnly(s))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", refuse("find account", fault.PersonNotFound, user)
	}
	return found[0].ID, nil
}

// linkOnly is the selection for reads that need links and marks only.
func linkOnly(s api.Settings) directory.Selection {
	sel := s.Selection()
	sel.Attributes, sel.Manager = nil, false
	return sel
}

// personsWorld is what a plan of groups needs to know, with one person in it.
func (a *Activities) personsWorld(ctx context.Context, s api.Settings, client *graph.Client, in api.PersonGroupsInput) (membership.Input, error) {
	rule, _ := s.Config.Rule(in.Rule)
	world := membership.Input{
		Connection: s.Config.Name, Rule: in.Rule, Preferences: s.Config.Preferences, GroupMembers: rule.GroupMembers, Linked: 1,
		Limit:    s.Config.GroupsPolicy(in.Rule),
		People:   map[string]plan.Standing{in.User: plan.Provisioned},
		Accounts: []membership.Account{{ID: in.AccountID, Person: in.User, Rule: in.Rule, Deprovisioned: in.Left}},
	}
	if in.Left {
		world.People[in.User] = plan.Left
	}
	reader, err := a.groupReader(s, rule)
	if err != nil {
		return world, err
	}
	groups, err := reader.Groups(ctx)
	if err != nil {
		return world, err
	}
	world.Selection = membership.Select(rule.Groups, groups, newGroupExpressions(rule))
	if in.Group != "" {
		world.Selection.Wanted = slices.DeleteFunc(world.Selection.Wanted, func(w membership.Wanted) bool { return w.Group.ID != in.Group })
	}
	var ids []string
	for _, w := range world.Selection.Wanted {
		ids = append(ids, w.Group.ID)
	}
	var member []string
	if !in.Left && len(ids) > 0 {
		if member, err = reader.MembershipsOf(ctx, in.User, ids); err != nil {
			return world, err
		}
	}
	world.Memberships = map[string]source.Membership{}
	for _, w := range world.Selection.Wanted {
		m := source.Membership{Group: w.Group}
		if slices.Contains(member, w.Group.ID) {
			m.People = []string{in.User}
		}
		world.Memberships[w.Group.ID] = m
	}
	return world, readPersonsGroups(ctx, client, s, in, &world)
}

// readPersonsGroups reads the tenant's groups, and of which of them the account is a member.
func readPersonsGroups(ctx context.Context, client *graph.Client, s api.Settings, in api.PersonGroupsInput, world *membership.Input) error {
	err := client.ListGroups(ctx, linkOnly(s), func(page []directory.Group) error {
		world.Groups = append(world.Groups, page...)
		return nil
	})
	if err != nil {
		return err
	}
	var options []graph.Option
	if in.Recent {
		options = append(options, graph.RecentlyWritten())
	}
	memberOf, err := client.MemberOf(ctx, in.AccountID, options...)
	if err != nil {
		return err
	}
	world.Members = map[string]membership.Read{}
	for _, id := range membership.Needs(*world).Members {
		var read membership.Read
		if slices.Contains(memberOf, strings.ToLower(id)) {
			read.Accounts = []string{in.AccountID}
		}
		world.Members[id] = read
	}
	return nil
}

// personsChanges takes the person's changes out of the plan. The guard over a group says nothing in a world of one person: what may be taken
// away between two syncs, the connection decides.
func (a *Activities) personsChanges(ctx context.Context, s api.Settings, in api.PersonGroupsInput, made *membership.Plan) (api.PersonGroupsResult, error) {
	r := api.PersonGroupsResult{AccountID: in.AccountID}
	state, _ := s.Rule(in.Rule)
	var leave []api.PersonGroup
	for i := range made.Decisions {
		d := &made.Decisions[i]
		switch {
		case d.Wanted == nil, d.Outcome == plan.Failed, d.Outcome == plan.Unsynced:
			// A group that left, or one that is not to be written, is for a sync to see to and to report.
		case d.Action == membership.Create || d.Action == membership.Adopt || d.Action == membership.Restore:
			r.Waiting += len(d.Adds)
		default:
			if len(d.Adds) > 0 {
				r.Groups = append(r.Groups, api.PersonGroup{Group: d.Group, Target: d.Target})
			}
			if len(d.Removes) > 0 && d.HoldReason != fault.WithheldByPolicy {
				leave = append(leave, api.PersonGroup{Group: d.Group, Target: d.Target, Leave: true})
			}
		}
	}
	if len(leave) == 0 {
		return r, nil
	}
	allowed := state.Synced && state.GroupsSynced
	r.Reason = fault.FirstSyncHeld
	// Whoever was deprovisioned has been counted. Nobody else loses by a run of one person what the guard of the last sync holds. A look
	// outside of a run asks for nothing, and uses nothing up.
	if allowed && (in.Event || !in.Left) && activity.IsActivity(ctx) {
		var err error
		if allowed, err = a.eventRemoval(ctx, in.Connection, in.Rule, in.User); err != nil {
			return r, err
		}
		r.Reason = fault.EventRemovalsHeld
	}
	if !allowed {
		r.Held = len(leave)
		return r, nil
	}
	r.Reason = ""
	r.Groups = append(r.Groups, leave...)
	return r, nil
}

// WriteMembership adds one person to a group, or removes them.
//
// Errors: fault.WithheldByPolicy (Refused); those of the settings and of grouping.WriteMembers.
func (a *Activities) WriteMembership(ctx context.Context, in api.WriteMembershipInput) (api.WriteMembersResult, error) {
	defer heartbeat(ctx)()
	s, err := a.settings.Fresh(ctx, in.Connection)
	if err != nil {
		return api.WriteMembersResult{}, err
	}
	if err := syncable(s, in.Rule); err != nil {
		return api.WriteMembersResult{}, err
	}
	// The run may have waited since it was decided what to do.
	if limit := s.Config.GroupsPolicy(in.Rule); in.Leave && limit.Withholds(config.PolicySync) || limit.Withholds(config.PolicyUpsertOnly) {
		return api.WriteMembersResult{}, refuse("write membership", fault.WithheldByPolicy, in.Target)
	}
	client, err := a.client(s, nth(ctx))
	if err != nil {
		return api.WriteMembersResult{}, err
	}
	change := grouping.MembersInput{Group: in.Target, Wait: sleep}
	if in.Leave {
		change.Removes = []string{in.AccountID}
	} else {
		change.Adds = []string{in.AccountID}
	}
	written, err := grouping.WriteMembers(ctx, client, change, nil)
	if err != nil {
		return api.WriteMembersResult{}, err
	}
	r := api.WriteMembersResult{Last: true, Added: written.Added, Removed: written.Removed, Refused: len(written.Refused), Reasons: map[fault.Reason]int{}}
	for _, refused := range written.Refused {
		r.Reasons[refused.Reason]++
		r.Problems = append(r.Problems, api.PersonNote{User: in.User, Outcome: plan.PartiallySynced, Reason: refused.Reason, Subject: refused.Account, RequestID: refused.RequestID})
	}
	return r, nil
}
