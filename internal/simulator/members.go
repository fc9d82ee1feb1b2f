package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// unwritable tells why the members of a group cannot be changed by hand.
func (c *call) unwritable(g *group) *refusal {
	switch {
	case g.types("DynamicMembership"):
		return denied()
	case g.flag("isAssignableToRole") && !c.who.roles["RoleManagement.ReadWrite.Directory"]:
		return denied()
	case g.flag("onPremisesSyncEnabled"):
		return badRequest("%s", textOnPremises)
	case g.flag("mailEnabled") && !g.types("Unified"):
		return badRequest("Cannot Update a mail-enabled security groups and or distribution list.")
	}
	return nil
}

// newMembers checks additions; all of them are possible, or none is made.
func (c *call) newMembers(g *group, ids []string) ([]*entry, *refusal) {
	if len(ids) == 0 {
		return nil, nil
	}
	if fail := c.unwritable(g); fail != nil {
		return nil, fail
	}
	var out []*entry
	for _, id := range ids {
		if c.t.users.seen(id, c.asOf) == nil {
			return nil, notFound(id)
		}
		e := c.t.users.master(id)
		if e == nil {
			return nil, notFound(id)
		}
		if g.members.has(e.id) || slices.Contains(out, e) {
			return nil, badRequest("One or more added object references already exist for the following modified properties: 'members'.")
		}
		out = append(out, e)
	}
	return out, nil
}

// memberGroup finds the group of a membership write; a replica that does not know it yet says so in its own words.
func (c *call) memberGroup() (*group, *refusal) {
	g, fail := c.readGroup(c.args[0])
	if fail != nil && c.t.groups.find(c.args[0]) != nil {
		return nil, badRequest(textTooNew)
	}
	return g, fail
}

func addMember(c *call) reply {
	ref, _ := c.body["@odata.id"].(string)
	id := c.reference(ref)
	if id == "" {
		return c.refuse(badRequest("Not a valid reference update."))
	}
	g, fail := c.memberGroup()
	if fail != nil {
		return c.refuse(fail)
	}
	entries, fail := c.newMembers(g, []string{id})
	if fail != nil {
		return c.refuse(fail)
	}
	g.members.add(entries[0].id)
	c.t.inherit(entries[0])
	return noContent()
}

func removeMember(c *call) reply {
	g, fail := c.memberGroup()
	if fail != nil {
		return c.refuse(fail)
	}
	if fail := c.unwritable(g); fail != nil {
		return c.refuse(fail)
	}
	e := c.t.users.master(c.args[1])
	if e == nil || !g.members.has(e.id) {
		return c.refuse(notFound(c.args[1]))
	}
	g.members.remove(e.id)
	c.t.inherit(e)
	return noContent()
}

// deleteMemberObject is the trap: without /$ref the request deletes the user, not the membership
// (https://learn.microsoft.com/graph/api/group-delete-members).
func deleteMemberObject(c *call) reply {
	c.s.stats.protocol("member DELETE without /$ref")
	g, fail := c.memberGroup()
	if fail != nil {
		return c.refuse(fail)
	}
	e := c.t.users.master(c.args[1])
	if e == nil || !g.members.has(e.id) {
		return c.refuse(notFound(c.args[1]))
	}
	return c.binUser(e.id)
}

func listMembers(c *call) reply {
	g, fail := c.readGroup(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	t, asOf, order := c.t, c.asOf, g.members.order
	if (c.query.Has("$filter") || c.query.Has("$search")) && !c.advanced {
		c.missingHeader()
		return c.refuse(unsupported("The specified filter to the reference property query is currently not supported."))
	}
	return c.page(collection{
		size: len(order),
		at: func(i int) object {
			if order[i] == "" {
				return nil
			}
			if rec := t.users.seen(order[i], asOf); rec != nil {
				return userObject{record: rec, t: t}
			}
			return nil
		},
		schema: userProperties, defaults: userDefaults, resource: "User", context: "directoryObjects", typed: "#microsoft.graph.user",
	})
}

func memberGroups(c *call) reply {
	rec, fail := c.readUser(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	onlySecurity, ok := c.body["securityEnabledOnly"].(bool)
	if !ok {
		return c.refuse(badOData("One or more parameters of the operation 'getMemberGroups' are missing from the request payload. The missing parameters are: securityEnabledOnly."))
	}
	ids := []string{}
	for _, g := range c.t.groups.order {
		if g != nil && g.members.has(rec.id) && (!onlySecurity || g.flag("securityEnabled")) {
			ids = append(ids, g.id)
		}
	}
	context := c.context("Collection(Edm.String)")
	return reply{status: http.StatusOK, render: func(b []byte) []byte {
		return appendFields(b, []field{{"@odata.context", context}, {"value", ids}})
	}}
}

func memberOf(c *call) reply {
	rec, fail := c.readUser(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	var in []*group
	for _, g := range c.t.groups.order {
		if g != nil && g.members.has(rec.id) {
			in = append(in, g)
		}
	}
	t := c.t
	return c.page(collection{size: len(in), at: func(i int) object { return t.view(in[i]) },
		schema: groupProperties, defaults: groupDefaults, resource: "Group", context: "directoryObjects", typed: "#microsoft.graph.group"})
}

// leave takes a purged user out of all groups.
func (t *Tenant) leave(id string) {
	for _, gs := range [][]*group{t.groups.order, t.bin.groupOrder} {
		for _, g := range gs {
			if g != nil {
				g.members.remove(strings.ToLower(id))
			}
		}
	}
}
