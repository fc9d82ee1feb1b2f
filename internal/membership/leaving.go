package membership

import (
	"sort"
	"strings"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// left are the groups with the rule's link that it does not want: they left the rule or the store. Those that another rule wants are its.
func (b *builder) left() []*directory.Group {
	var out []*directory.Group
	for i := range b.in.Groups {
		g := &b.in.Groups[i]
		l, ok := directory.ParseLink(g.Link)
		if !ok || l.Connection != b.in.Connection || l.Rule != b.in.Rule || b.wanted[l.PersonKey()] || b.targetOf(g.ID) || b.wantedElsewhere(l) {
			continue
		}
		out = append(out, g)
	}
	return out
}

// targetOf reports that the rule, or another one, names the group by object id.
func (b *builder) targetOf(id string) bool {
	for i := range b.in.Selection.Wanted {
		if strings.EqualFold(b.in.Selection.Wanted[i].Target, id) {
			return true
		}
	}
	return b.sharedTarget(id)
}

func (b *builder) wantedElsewhere(l directory.Link) bool {
	for i := range b.in.Others {
		if b.in.Others[i].wants(b, l.PersonID()) {
			return true
		}
	}
	return false
}

// leaving says what is done about a group that left.
func (b *builder) leaving(g *directory.Group) Decision {
	l, _ := directory.ParseLink(g.Link)
	d := Decision{Group: l.PersonID(), Target: g.ID, Action: None, Outcome: plan.Success, Reason: fault.GroupLeft}
	d.Mark, _ = directory.ParseGroupMark(g.Mark)
	if len(b.byKey[l.PersonKey()]) > 1 {
		return notDone(d, plan.Failed, fault.GroupLinkDuplicate, b.ids(b.byKey[l.PersonKey()]))
	}
	if reason := b.notSurelyGone(l); reason != "" {
		return notDone(d, plan.Unsynced, reason, "")
	}
	switch d.Mark.WhenRemoved {
	case config.RemovedRemoveMembers:
		d.Action = Empty
	case config.RemovedDeleteGroup:
		d.Action = Delete
	default:
		return d
	}
	if reason, subject := Unwritable(g); reason != "" {
		return notDone(d, plan.Failed, reason, subject)
	}
	switch {
	case d.Action == Delete && d.Mark.Origin != directory.Created:
		return notDone(d, plan.Unsynced, fault.GroupNotCreatedHere, g.ID)
	case d.Action == Delete && len(g.AssignedLicenses) > 0:
		return notDone(d, plan.Failed, fault.GroupHasLicenses, g.ID)
	}
	there, ok := b.in.Members[g.ID]
	if !ok || there.Err != nil {
		reason := fault.InternalError
		if f := fault.Of(there.Err); f != nil {
			reason = f.Reason
		}
		return notDone(d, plan.Failed, reason, g.ID)
	}
	b.emptied(&d, there.Accounts)
	if d.Action == Empty && len(d.Removes) == 0 {
		d.Action = None
	}
	return d
}

// emptied are the members that a group loses which left: ours, or everybody where it is deleted.
func (b *builder) emptied(d *Decision, members []string) {
	for _, id := range members {
		id = strings.ToLower(id)
		a, known := b.accounts[id]
		switch {
		case d.Action == Delete:
			m := Member{Account: id}
			if known {
				m.Person = a.Person
			}
			d.Removes = append(d.Removes, m)
		case known && a.key != "" && b.people[a.key] != plan.InDoubt:
			d.Removes = append(d.Removes, Member{Person: a.Person, Account: id})
		}
	}
	d.Present = len(d.Removes)
	sortMembers(d.Removes)
}

// notSurelyGone says why a group that nothing names may all the same not be gone; "" where it is.
func (b *builder) notSurelyGone(l directory.Link) fault.Reason {
	switch {
	case b.in.ListIncomplete:
		return fault.SourceIncomplete
	case len(b.in.Selection.Problems) > 0:
		// The group may be the one that an entry does not find, under another name.
		return b.in.Selection.Problems[0].Reason
	case b.in.Selection.entries > 0 && b.in.Selection.Listed == 0:
		return fault.SourceEmpty
	case !b.in.NamesOnly || b.in.Selection.entries == 0:
	case l.Hashed, b.in.Selection.picks != nil && b.in.Selection.picks(source.Group{ID: l.SourceID, Name: l.SourceID}):
		// Nobody names it at the moment.
		return fault.GroupNotFound
	}
	return ""
}

func notDone(d Decision, o plan.Outcome, reason fault.Reason, subject string) Decision {
	d.Action, d.Outcome, d.Reason, d.Subject, d.Removes = None, o, reason, subject, nil
	return d
}

// onePerGroup keeps one decision for each group: where several groups of the tenant carry one link, they are reported together.
func onePerGroup(decisions []Decision) []Decision {
	sort.SliceStable(decisions, func(i, j int) bool { return decisions[i].Group < decisions[j].Group })
	kept := decisions[:0]
	for _, d := range decisions {
		if len(kept) == 0 || kept[len(kept)-1].Group != d.Group {
			kept = append(kept, d)
		}
	}
	return kept
}
