package simulator

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// group is a group with its members. props is replaced as a whole, so that readers may keep it.
type group struct {
	id       string
	pos      int
	props    map[string]any
	members  members
	owners   members
	licenses []grant
	created  time.Time
	deleted  time.Time
}

func (g *group) text(name string) string {
	s, _ := g.props[name].(string)
	return s
}

func (g *group) flag(name string) bool {
	b, _ := g.props[name].(bool)
	return b
}

func (g *group) types(name string) bool {
	list, _ := g.props["groupTypes"].([]string)
	return slices.Contains(list, name)
}

// groupStore are the groups of a tenant.
type groupStore struct {
	order []*group // nil where one was removed
	byID  map[string]*group
	names map[string]*group // :: lower-case uniqueName; the bin's groups keep theirs
}

func newGroupStore() *groupStore {
	return &groupStore{byID: map[string]*group{}, names: map[string]*group{}}
}

// holder is the group that has a unique name, in the bin, too, as long as it can be restored.
func (gs *groupStore) holder(name string, now time.Time) *group {
	g := gs.names[strings.ToLower(name)]
	if g == nil || !g.deleted.IsZero() && expired(g.deleted, now) {
		return nil
	}
	return g
}

// find looks a group up by id or by uniqueName=….
func (gs *groupStore) find(key string) *group {
	if len(key) > 11 && strings.EqualFold(key[:11], "uniqueName=") {
		if g := gs.names[strings.ToLower(key[11:])]; g != nil && g.deleted.IsZero() {
			return g
		}
		return nil
	}
	return gs.byID[strings.ToLower(key)]
}

func (gs *groupStore) add(g *group) {
	g.pos = len(gs.order)
	gs.order = append(gs.order, g)
	gs.byID[strings.ToLower(g.id)] = g
	if name := g.text("uniqueName"); name != "" {
		gs.names[strings.ToLower(name)] = g
	}
}

func (gs *groupStore) remove(g *group) {
	gs.order[g.pos] = nil
	delete(gs.byID, strings.ToLower(g.id))
}

// groupView shows one state of a group.
type groupView struct {
	id         string
	props      map[string]any
	licenses   []grant
	withErrors bool
	queued     bool // licenses of some members are still to be given or taken
	deleted    time.Time
}

func (t *Tenant) view(g *group) groupView {
	return groupView{id: g.id, props: g.props, licenses: g.licenses, deleted: g.deleted, queued: t.queued(g)}
}

func (v groupView) value(name string) any {
	switch name {
	case "id":
		return v.id
	case "securityIdentifier":
		return securityID(v.id)
	case "assignedLicenses":
		out := []assignedLicense{}
		for _, l := range v.licenses {
			out = append(out, assignedLicense{DisabledPlans: orEmpty(l.disabled), SkuID: l.sku})
		}
		return out
	case "licenseProcessingState":
		if len(v.licenses) == 0 {
			return nil
		}
		if v.queued {
			return map[string]any{"state": "QueuedForProcessing"}
		}
		return map[string]any{"state": "ProcessingComplete"}
	case "hasMembersWithLicenseErrors":
		return v.withErrors
	case "deletedDateTime":
		if v.deleted.IsZero() {
			return nil
		}
		return stamp(v.deleted)
	}
	return v.props[name]
}

// inherit works out what a user's groups give, and stores it when it is something new.
func (t *Tenant) inherit(e *entry) {
	if e == nil || e.cur == nil {
		return
	}
	rec := *e.cur
	rec.inherited = nil
	for _, g := range t.groups.order {
		if g == nil || len(g.licenses) == 0 || !g.members.has(rec.id) {
			continue
		}
		for _, l := range g.licenses {
			k := t.sku(l.sku)
			if k == nil {
				continue // the subscription has ended
			}
			got := grant{sku: l.sku, disabled: l.disabled, group: g.id, state: "Active", err: "None", at: t.now()}
			try := rec
			try.inherited = append(slices.Clone(rec.inherited), got)
			switch why := t.contradiction(&try); {
			case !e.cur.holds(l.sku) && !rec.holds(l.sku) && k.available() < 1:
				got.state, got.err = "Error", "CountViolation"
			case strings.Contains(why, "mutually"):
				got.state, got.err = "Error", "MutuallyExclusiveViolation"
			case why != "":
				got.state, got.err = "Error", "DependencyViolation"
			}
			for _, old := range e.cur.inherited {
				if old.sku == got.sku && old.group == got.group && old.state == got.state && old.err == got.err && slices.Equal(old.disabled, got.disabled) {
					got.at = old.at
				}
			}
			rec.inherited = append(rec.inherited, got)
		}
	}
	if !slices.EqualFunc(e.cur.inherited, rec.inherited, func(x, y grant) bool {
		return x.sku == y.sku && x.group == y.group && x.state == y.state && x.err == y.err && slices.Equal(x.disabled, y.disabled)
	}) {
		t.store(e, &rec)
	}
}

// securityID is the SID of an object: its id as four numbers, the first three fields of it read the way Windows stores them.
func securityID(id string) string {
	raw, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(raw) != 16 {
		return ""
	}
	second := uint32(binary.BigEndian.Uint16(raw[6:]))<<16 | uint32(binary.BigEndian.Uint16(raw[4:]))
	return fmt.Sprintf("S-1-12-1-%d-%d-%d-%d", binary.BigEndian.Uint32(raw), second,
		binary.LittleEndian.Uint32(raw[8:]), binary.LittleEndian.Uint32(raw[12:]))
}
