package grouping

import (
	"context"
	"strings"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/membership"
)

// SettleInput is one decision to carry out, as far as the group itself is concerned.
type SettleInput struct {
	Connection, Rule string
	Decision         membership.Decision
	// Selection names the link and mark properties.
	Selection directory.Selection
	// FirstMembers: a group that is created gets the first of Decision.Adds with the same request.
	FirstMembers bool
}

// Settled is how the group is now.
type Settled struct {
	// Target is the group's object id; "" where nothing is done about it.
	Target string
	// Action is what was done: None where the group is as it should be already.
	Action membership.Action
	// Attributes are those that were written, sorted.
	Attributes []string
	// Created: the group was made or restored just now, and need not be seen everywhere.
	Created bool
	// Members is how many of Decision.Adds, from the first, are members already by the creation.
	Members int
}

// Settle makes one group what the decision says: it is created with link and mark, restored, adopted, brought up to date or deleted. For
// changes of members alone, and before a group is emptied, it makes sure that the group is still the one that was planned for.
//
// Errors, all for the administrator unless they say otherwise: fault.GroupLinkedElsewhere, GroupLinkDuplicate, GroupInBin, GroupNotCreatedHere
// and the reasons of unwritable groups (Refused); fault.TargetGroupNotFound (NotFound) for one that is gone, which the next sync plans anew;
// fault.PlanChanged (Stale) where somebody joined a group that is to be deleted; and those of Graph, which may be retried by kind.
func Settle(ctx context.Context, t Tenant, in SettleInput) (Settled, error) {
	s := &settling{t: t, SettleInput: in, d: &in.Decision}
	switch in.Decision.Action {
	case membership.Create:
		return s.create(ctx)
	case membership.Restore:
		return s.restore(ctx)
	case membership.Adopt, membership.Update, membership.Members:
		return s.existing(ctx)
	case membership.Empty:
		return s.leaving(ctx, membership.Empty)
	case membership.Delete:
		return s.delete(ctx)
	case membership.None:
	}
	return Settled{Target: in.Decision.Target, Action: membership.None}, nil
}

type settling struct {
	SettleInput
	t Tenant
	d *membership.Decision
}

// create makes the group. A retried request, and one after a list that lagged behind, meets the same group by its unique name.
func (s *settling) create(ctx context.Context) (Settled, error) {
	w := s.d.Wanted
	// One that was adopted has another unique name, or none.
	found, err := s.t.GroupsByLink(ctx, s.link(), s.Selection)
	switch {
	case err != nil:
		return Settled{}, err
	case len(found) > 1:
		return Settled{}, refuse("find group", fault.GroupLinkDuplicate, ids(found))
	case len(found) == 1:
		return s.update(ctx, &found[0], membership.Update)
	}
	g := graph.NewGroup{
		DisplayName: w.Name, Description: w.Description, MailNickname: w.MailNickname, Microsoft365: w.Type == config.GroupMicrosoft365,
		Link: s.link(), Mark: s.d.Mark.String(),
	}
	if s.FirstMembers {
		for _, m := range s.d.Joining()[:min(len(s.d.Joining()), graph.MaxMembers)] {
			g.Members = append(g.Members, m.Account)
		}
	}
	name := membership.UniqueName(s.Connection, w.Group.ID)
	group, created, err := s.t.UpsertGroup(ctx, name, g, s.Selection)
	if len(g.Members) > 0 && aboutMembers(err) {
		// One of the twenty must not keep the group from being made.
		g.Members = nil
		group, created, err = s.t.UpsertGroup(ctx, name, g, s.Selection)
	}
	switch {
	case fault.Is(err, fault.GroupInBin):
		return s.fromBin(ctx, name)
	case err != nil:
		return Settled{}, err
	case !created:
		// An earlier attempt has made it, or it has lost its link. It need not be ours any more.
		done, err := s.update(ctx, &group, membership.Update)
		done.Action, done.Created = membership.Create, err == nil
		return done, err
	}
	return Settled{Target: group.ID, Action: membership.Create, Created: true, Members: len(g.Members)}, nil
}

// aboutMembers reports that a creation was refused because of one of the first members.
func aboutMembers(err error) bool {
	return fault.Is(err, fault.MembershipChanged) || fault.Is(err, fault.GroupMemberNotFound) || fault.Is(err, fault.GuestRefused) ||
		fault.Is(err, fault.ReplicationPending)
}

// fromBin takes the group out of the bin that holds the unique name, if its link says that it is this one.
func (s *settling) fromBin(ctx context.Context, name string) (Settled, error) {
	bin, err := s.bin(ctx)
	if err != nil {
		return Settled{}, err
	}
	holder := ""
	for i := range bin {
		switch {
		case s.isOurs(&bin[i]):
			return s.takeOut(ctx, &bin[i])
		case strings.EqualFold(bin[i].UniqueName, name):
			holder = bin[i].ID
		}
	}
	return Settled{}, refuse("create group", fault.GroupInBin, holder)
}

// restore takes the planned group out of the bin, if its link is still read as ours.
func (s *settling) restore(ctx context.Context) (Settled, error) {
	bin, err := s.bin(ctx)
	if err != nil {
		return Settled{}, err
	}
	for i := range bin {
		if strings.EqualFold(bin[i].ID, s.d.Target) {
			if !s.isOurs(&bin[i]) {
				return Settled{}, refuse("restore group", fault.GroupInBin, bin[i].ID)
			}
			return s.takeOut(ctx, &bin[i])
		}
	}
	// An earlier attempt may have taken it out, or somebody else.
	return s.restored(ctx)
}

// takeOut restores a group and brings it up to date.
func (s *settling) takeOut(ctx context.Context, g *directory.Group) (Settled, error) {
	if reason, subject := membership.Unwritable(g); reason != "" {
		return Settled{}, refuse("restore group", reason, subject)
	}
	s.d.Target = g.ID
	if err := s.t.RestoreGroup(ctx, g.ID); err != nil && !fault.Is(err, fault.TargetGroupNotFound) {
		return Settled{}, err
	}
	return s.restored(ctx)
}

func (s *settling) restored(ctx context.Context) (Settled, error) {
	g, err := s.t.GroupByID(ctx, s.d.Target, s.Selection, graph.RecentlyWritten())
	if err != nil {
		return Settled{}, err
	}
	done, err := s.update(ctx, g, membership.Restore)
	done.Action, done.Created = membership.Restore, true
	return done, err
}

// existing looks at a group that is there, and writes what differs of it.
func (s *settling) existing(ctx context.Context) (Settled, error) {
	g, err := s.t.GroupByID(ctx, s.d.Target, s.Selection)
	if err != nil {
		return Settled{}, err
	}
	return s.update(ctx, g, s.d.Action)
}

// update writes what differs of a group that must be ours, or free to be adopted. Of a group that the rule names by object id, and of one that
// another rule keeps, nothing is written but members.
func (s *settling) update(ctx context.Context, g *directory.Group, action membership.Action) (Settled, error) {
	if reason, subject := membership.Unwritable(g); reason != "" {
		return Settled{}, refuse("update group", reason, subject)
	}
	w := s.d.Wanted
	done := Settled{Target: g.ID, Action: membership.None}
	if w.Target != "" {
		return done, nil
	}
	lost := g.Link == "" && (action == membership.Adopt || strings.EqualFold(g.UniqueName, membership.UniqueName(s.Connection, w.Group.ID)))
	if !s.isOurs(g) && !lost {
		return Settled{}, refuse("update group", fault.GroupLinkedElsewhere, g.ID)
	}
	if action == membership.Members {
		return done, nil
	}
	// Of a group without a mark nobody knows that it was created here, whatever its unique name is: it counts as adopted, and is never deleted.
	mark := s.d.Mark
	before, _ := directory.ParseGroupMark(g.Mark)
	mark.Origin = before.Origin
	done.Attributes = membership.Differences(s.Connection, s.Rule, w, mark, g)
	if len(done.Attributes) == 0 {
		return done, nil
	}
	var p graph.GroupPatch
	for _, name := range done.Attributes {
		switch name {
		case directory.DisplayName:
			p.DisplayName = &w.Name
		case membership.AttributeDescription:
			p.Description = &w.Description
		case membership.AttributeLink:
			link := s.link()
			p.Link = &link
		case membership.AttributeMark:
			text := mark.String()
			p.Mark = &text
		}
	}
	done.Action = action
	return done, s.t.UpdateGroup(ctx, g.ID, p, s.Selection, graph.RecentlyWritten())
}

// leaving looks whether a group that left still is the rule's.
func (s *settling) leaving(ctx context.Context, action membership.Action) (Settled, error) {
	g, err := s.t.GroupByID(ctx, s.d.Target, s.Selection)
	if err != nil {
		return Settled{}, err
	}
	l, ok := directory.ParseLink(g.Link)
	mark, _ := directory.ParseGroupMark(g.Mark)
	switch reason, subject := membership.Unwritable(g); {
	case !ok || l.Rule != s.Rule || !l.IsOf(s.Connection, s.d.Group):
		return Settled{}, refuse("leave group", fault.GroupLinkedElsewhere, g.ID)
	case reason != "":
		return Settled{}, refuse("leave group", reason, subject)
	case action == membership.Delete && mark.Origin != directory.Created:
		return Settled{}, refuse("leave group", fault.GroupNotCreatedHere, g.ID)
	}
	return Settled{Target: g.ID, Action: action}, nil
}

// delete deletes a group, unless it has members by now whom the guard has not counted.
func (s *settling) delete(ctx context.Context) (Settled, error) {
	done, err := s.leaving(ctx, membership.Delete)
	if fault.Is(err, fault.TargetGroupNotFound) {
		// An earlier attempt has deleted it, or somebody else.
		return Settled{Target: s.d.Target, Action: membership.Delete}, nil
	}
	if err != nil {
		return done, err
	}
	counted := map[string]bool{}
	for _, m := range s.d.Removes {
		counted[m.Account] = true
	}
	err = s.t.GroupMembers(ctx, done.Target, func(page []string) error {
		for _, id := range page {
			if !counted[strings.ToLower(id)] {
				return fault.New("delete group", fault.Stale, fault.PlanChanged, done.Target)
			}
		}
		return nil
	})
	if err != nil {
		return Settled{}, err
	}
	if err := s.t.DeleteGroup(ctx, done.Target); err != nil && !fault.Is(err, fault.TargetGroupNotFound) {
		return Settled{}, err
	}
	return done, nil
}

// bin reads the deleted groups.
func (s *settling) bin(ctx context.Context) (bin []directory.Group, err error) {
	err = s.t.DeletedGroups(ctx, s.Selection, func(page []directory.Group) error { bin = append(bin, page...); return nil })
	return bin, err
}

// isOurs reports that a group carries the link, under whichever rule.
func (s *settling) isOurs(g *directory.Group) bool {
	l, ok := directory.ParseLink(g.Link)
	return ok && l.Connection == s.Connection && l.IsOf(s.Connection, s.d.Group)
}

func (s *settling) link() string { return membership.Link(s.Connection, s.Rule, s.d.Group) }

func ids(groups []directory.Group) string {
	var out []string
	for _, g := range groups {
		out = append(out, g.ID)
	}
	return strings.Join(out, ", ")
}
