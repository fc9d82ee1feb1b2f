package simulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// mayChangeGroup tells why a group cannot be changed at all: groups that roles can be given to need a permission of their own
// (https://learn.microsoft.com/graph/api/group-update#permissions), and others have their master elsewhere.
func (c *call) mayChangeGroup(g *group) *refusal {
	switch {
	case g.flag("isAssignableToRole") && !c.who.roles["RoleManagement.ReadWrite.Directory"]:
		return denied()
	case g.flag("onPremisesSyncEnabled"):
		return badRequest("%s", textOnPremises)
	}
	return nil
}

// unwritable tells why the members of a group cannot be changed by hand.
func (c *call) unwritable(g *group) *refusal {
	if fail := c.mayChangeGroup(g); fail != nil {
		return fail
	}
	switch {
	case g.types("DynamicMembership"):
		return denied()
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
		if slices.Contains(out, e) {
			return nil, twiceInOneChange("User", e.id, g.id)
		}
		if g.members.has(e.id) {
			return nil, alreadyLinked("members")
		}
		out = append(out, e)
	}
	return out, overLinkQuota("members", len(g.members.place)+len(out), c.s.o.Behavior.MemberQuota)
}

func alreadyLinked(property string) *refusal {
	return badRequest("One or more added object references already exist for the following modified properties: '%s'.", property)
}

// twiceInOneChange is the answer to a bind that names one object more than once.
func twiceInOneChange(kind, id, group string) *refusal {
	return badRequest("Object '[ResourceType=%s,Id=%s]' referenced from '[ResourceType=Group,Id=%s]' can only be present once as an add/remove change.", kind, id, group)
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
	// Group, user and membership missing cannot be told apart: the text names the group.
	e := c.t.users.master(c.args[1])
	if e == nil || !g.members.has(e.id) {
		if e != nil && g.left[e.id].After(c.asOf) {
			// This replica still has the member.
			return c.refuse(badRequest("One or more removed object references do not exist for the following modified properties: 'members'."))
		}
		return c.refuse(notFound(g.id))
	}
	g.members.remove(e.id)
	if g.left == nil {
		g.left = map[string]time.Time{}
	}
	g.left[e.id] = c.now
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
	if (c.query.Has("$filter") || c.query.Has("$search")) && !c.advanced {
		c.missingHeader()
		return c.refuse(unsupported("The specified filter to the reference property query is currently not supported."))
	}
	return c.linked(g.members.order)
}

func countMembers(c *call) reply {
	g, fail := c.readGroup(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	return c.count(c.links(g.members.order))
}

// linked pages through the users that a group is linked to.
func (c *call) linked(order []string) reply { return c.page(c.links(order)) }

// links are the users that a group is linked to. Service principals are left out, as v1.0 does.
func (c *call) links(order []string) collection {
	t, asOf := c.t, c.asOf
	return collection{
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
	}
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

// objectsByIDs looks up users and groups, of the types that are asked for.
func objectsByIDs(c *call) reply {
	ids, ok := c.body["ids"].([]any)
	if !ok || len(ids) > 1000 {
		return c.refuse(badRequest("Invalid value specified for property 'ids' of resource 'DirectoryObject'."))
	}
	wanted := map[string]bool{}
	types, _ := c.body["types"].([]any)
	for _, t := range types {
		name, _ := t.(string)
		wanted[strings.ToLower(name)] = true
	}
	all := len(wanted) == 0 || wanted["directoryobject"]
	var users, groups []object
	for _, raw := range ids {
		id, _ := raw.(string)
		if rec := c.t.users.seen(id, c.asOf); isID(id) && rec != nil && (all || wanted["user"]) {
			users = append(users, userObject{record: rec, t: c.t})
		} else if g := c.t.groups.find(id); g != nil && !g.created.After(c.asOf) && (all || wanted["group"]) {
			groups = append(groups, c.t.view(g))
		}
	}
	userNames, fail := c.selection(userProperties, userDefaults, "User")
	groupNames, groupFail := c.selection(groupProperties, groupDefaults, "Group")
	if fail != nil && groupFail != nil {
		return c.refuse(fail)
	}
	context := c.context("directoryObjects")
	return reply{status: http.StatusOK, render: func(b []byte) []byte {
		value := []any{}
		for _, u := range users {
			value = append(value, json.RawMessage(appendObject(nil, u, userNames, userProperties, nil, "#microsoft.graph.user")))
		}
		for _, g := range groups {
			value = append(value, json.RawMessage(appendObject(nil, g, groupNames, groupProperties, nil, "#microsoft.graph.group")))
		}
		return appendFields(b, []field{{"@odata.context", context}, {"value", value}})
	}}
}

// leave takes a purged user out of all groups.
func (t *Tenant) leave(id string) {
	for _, gs := range [][]*group{t.groups.order, t.bin.groupOrder} {
		for _, g := range gs {
			if g != nil {
				g.members.remove(strings.ToLower(id))
				g.owners.remove(strings.ToLower(id))
			}
		}
	}
}
