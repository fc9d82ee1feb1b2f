package membership

import (
	"sort"
	"strings"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// place is where a wanted group was found at the target.
type place struct {
	// group is the group; bin is one in the recycle bin. Neither: it is to be created.
	group, bin *directory.Group
	// action is Create, Restore or Adopt; "" for a group that is there and ours.
	action Action
	// shared: another rule of the connection keeps the group, and this one only its own people in it.
	shared bool
	// reason is why nothing can be done, subject what it is about.
	reason  fault.Reason
	subject string
}

// locate finds a wanted group at the target: by object id where the rule names one, else by link, by unique name, by display name among all groups of the
// tenant, and in the recycle bin. What is not sure is reported, and never made a second time.
func (b *builder) locate(w *Wanted) place {
	if w.Target != "" {
		return b.targeted(w)
	}
	for _, rule := range []func(*Wanted) *place{b.linked, b.uniquelyNamed, b.sameName, b.deleted} {
		if p := rule(w); p != nil {
			if p.reason == "" && p.group != nil {
				p.reason, p.subject = Unwritable(p.group)
			}
			return *p
		}
	}
	return place{action: Create}
}

// targeted finds the group that the rule names by object id.
func (b *builder) targeted(w *Wanted) place {
	i, ok := b.byID[strings.ToLower(w.Target)]
	if !ok {
		return place{reason: fault.TargetGroupNotFound, subject: w.Target}
	}
	p := place{group: &b.in.Groups[i], shared: b.sharedTarget(w.Target)}
	if w.Existing == config.ExistingLeave {
		return place{reason: fault.GroupExists, subject: p.group.ID}
	}
	p.reason, p.subject = Unwritable(p.group)
	return p
}

// linked finds the group that carries the link, under whichever rule.
func (b *builder) linked(w *Wanted) *place {
	found := b.byKey[b.key(w.Group.ID)]
	switch len(found) {
	case 0:
		return nil
	case 1:
		g := &b.in.Groups[found[0]]
		return &place{group: g, shared: b.keptByOther(g, w)}
	}
	return &place{reason: fault.GroupLinkDuplicate, subject: b.ids(found)}
}

// uniquelyNamed finds the group with our unique name whose link was lost.
func (b *builder) uniquelyNamed(w *Wanted) *place {
	i, ok := b.byUniqueName[UniqueName(b.in.Connection, w.Group.ID)]
	if !ok {
		return nil
	}
	g := &b.in.Groups[i]
	if g.Link != "" {
		return &place{reason: fault.GroupLinkedElsewhere, subject: g.ID}
	}
	return &place{group: g}
}

// sameName finds a group with the same display name that is not ours yet.
func (b *builder) sameName(w *Wanted) *place {
	var free []int
	elsewhere := ""
	for _, i := range b.byName[strings.ToLower(w.Name)] {
		g := &b.in.Groups[i]
		l, linked := directory.ParseLink(g.Link)
		switch {
		case !linked:
			free = append(free, i)
		case l.Connection == b.in.Connection && b.wanted[l.PersonKey()]:
			// It gets another name in this plan.
		default:
			elsewhere = g.ID
		}
	}
	switch {
	case len(free) > 1:
		return &place{reason: fault.GroupNameDuplicate, subject: b.ids(free)}
	case elsewhere != "":
		return &place{reason: fault.GroupLinkedElsewhere, subject: elsewhere}
	case len(free) == 0:
		return nil
	}
	g := &b.in.Groups[free[0]]
	if w.Existing == config.ExistingLeave {
		return &place{reason: fault.GroupExists, subject: g.ID}
	}
	return &place{group: g, action: Adopt}
}

// deleted finds the group in the recycle bin. It comes out only if its link says that it is this one.
func (b *builder) deleted(w *Wanted) *place {
	var linked []*directory.Group
	holder := ""
	for i := range b.in.Bin {
		g := &b.in.Bin[i]
		l, ok := directory.ParseLink(g.Link)
		switch {
		case ok && l.Connection == b.in.Connection && l.PersonKey() == b.key(w.Group.ID):
			linked = append(linked, g)
		case strings.EqualFold(g.UniqueName, UniqueName(b.in.Connection, w.Group.ID)):
			holder = g.ID
		}
	}
	switch {
	case len(linked) > 1:
		var ids []string
		for _, g := range linked {
			ids = append(ids, g.ID)
		}
		sort.Strings(ids)
		return &place{reason: fault.GroupLinkDuplicate, subject: strings.Join(ids, ", ")}
	case len(linked) == 1:
		p := place{bin: linked[0], action: Restore}
		p.reason, p.subject = Unwritable(p.bin)
		return &p
	case holder != "":
		return &place{reason: fault.GroupInBin, subject: holder}
	}
	return nil
}

// keptByOther reports that another rule of the connection keeps a linked group: the rule in its link, as long as it wants the group.
func (b *builder) keptByOther(g *directory.Group, w *Wanted) bool {
	l, _ := directory.ParseLink(g.Link)
	if l.Rule == b.in.Rule {
		return false
	}
	for i := range b.in.Others {
		if o := &b.in.Others[i]; o.Rule == l.Rule {
			return o.wants(b, w.Group.ID)
		}
	}
	return false
}

// wants reports that the other rule wants a group of the store, or may.
func (o *Other) wants(b *builder, group string) bool {
	if o.Unread {
		return true
	}
	for i := range o.Wanted {
		if o.Wanted[i].Target == "" && b.key(o.Wanted[i].Group.ID) == b.key(group) {
			return true
		}
	}
	return false
}

// others reports that other rules of the connection keep people in a group, or may.
func (b *builder) others(w *Wanted, target string) bool {
	if b.sharedTarget(target) {
		return true
	}
	for i := range b.in.Others {
		if b.in.Others[i].wants(b, w.Group.ID) {
			return true
		}
	}
	if w.Target == "" {
		return false
	}
	// What this rule names by object id may be the group that another one keeps by its link.
	i, ok := b.byID[strings.ToLower(target)]
	if !ok {
		return false
	}
	l, linked := directory.ParseLink(b.in.Groups[i].Link)
	return linked && l.Connection == b.in.Connection && b.wantedElsewhere(l)
}

// sharedTarget reports that another rule keeps people in a group that it names by object id, or may.
func (b *builder) sharedTarget(target string) bool {
	for _, o := range b.in.Others {
		if o.Unread {
			return true
		}
		for i := range o.Wanted {
			if o.Wanted[i].Target != "" && strings.EqualFold(o.Wanted[i].Target, target) {
				return true
			}
		}
	}
	return false
}

func (b *builder) ids(groups []int) string {
	var ids []string
	for _, i := range groups {
		ids = append(ids, b.in.Groups[i].ID)
	}
	sort.Strings(ids)
	return strings.Join(ids, ", ")
}

// Unwritable says why nobody may write a group; "" where it may be written.
func Unwritable(g *directory.Group) (reason fault.Reason, subject string) {
	switch {
	case g.Dynamic():
		reason = fault.GroupDynamic
	case g.Synced:
		reason = fault.GroupSynced
	case g.MailEnabled && !g.Microsoft365():
		reason = fault.GroupMailEnabled
	case g.RoleAssignable:
		reason = fault.GroupRoleAssignable
	case g.ManagementRestricted:
		reason = fault.GroupRestricted
	default:
		return "", ""
	}
	return reason, g.ID
}
