package simulator

import (
	"fmt"
	"strings"
)

// SetGroup changes properties of a group; nil removes one. A new membership rule takes effect.
func (t *Tenant) SetGroup(id string, props map[string]any) error {
	g := t.groups.find(id)
	if g == nil {
		return fmt.Errorf("no such group")
	}
	now := map[string]any{}
	for k, v := range g.props {
		now[k] = v
	}
	for name, v := range props {
		if !isExtension(name) && groupProperties.byName[name] == nil {
			return fmt.Errorf("property %s not known", name)
		}
		if v = plain(v); v == nil {
			delete(now, name)
		} else {
			now[name] = v
		}
	}
	before := g.text("uniqueName")
	g.props = now
	if name := g.text("uniqueName"); name != before {
		delete(t.groups.names, strings.ToLower(before))
		if name != "" {
			t.groups.names[strings.ToLower(name)] = g
		}
	}
	t.sortAll(g)
	return nil
}

// DeleteGroup puts a group into the bin, or with purge removes it for good.
func (t *Tenant) DeleteGroup(id string, purge bool) error {
	g := t.groups.find(id)
	if g == nil {
		return fmt.Errorf("no such group")
	}
	t.groups.remove(g)
	if purge {
		delete(t.groups.names, strings.ToLower(g.text("uniqueName")))
	} else {
		g.deleted = t.now()
		t.bin.groups[strings.ToLower(g.id)] = g
		t.bin.groupOrder = append(t.bin.groupOrder, g)
	}
	for _, id := range g.members.order {
		t.follow(t.users.byID[id])
	}
	return nil
}
