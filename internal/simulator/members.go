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

// unwritable tells why the members of a group cannot be changed by hand. Who asks all the same is counted.
func (c *call) unwritable(g *group) *refusal {
	fail := c.judgeMembers(g)
	if fail != nil {
		c.s.stats.add(func(st *Stats) { st.UnwritableGroupWrites++ })
	}
	return fail
}

func (c *call) judgeMembers(g *group) *refusal {
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

// newMembers checks additions of users or of groups; all of them are possible, or none is made.
func (c *call) newMembers(g *group, ids []string) ([]string, *refusal) {
	if len(ids) == 0 {
		return nil, nil
	}
	if fail := c.unwritable(g); fail != nil {
		return nil, fail
	}
	var out []string
	for _, name := range ids {
		id, kind := "", "User"
		if e := c.t.users.master(name); e != nil && c.t.users.seen(name, c.asOf) != nil {
			id = e.id
			if c.s.o.Behavior.GuestsMayNotJoin && strings.EqualFold(e.cur.text("userType"), "Guest") {
				return nil, &refusal{status: http.StatusForbidden, code: codeDenied, message: "Guests users are not allowed to join this Unified Group due to policy setting."}
			}
		} else if nested := c.t.groups.find(name); nested != nil && !nested.created.After(c.asOf) {
			id, kind = nested.id, "Group"
		}
		switch {
		case id == "":
			return nil, notFound(name)
		case slices.Contains(out, id):
			return nil, twiceInOneChange(kind, id, g.id)
		case g.members.has(id):
			return nil, alreadyLinked("members")
		}
		out = append(out, id)
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
	joining, fail := c.newMembers(g, []string{id})
	if fail != nil {
		return c.refuse(fail)
	}
	g.members.join(joining[0], c.now, c.s.o.ReplicaLag)
	c.t.follow(c.t.users.byID[joining[0]])
	c.s.stats.joined(1)
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
	id := strings.ToLower(c.args[1])
	e := c.t.users.master(id)
	if e != nil {
		id = e.id
	}
	if !g.members.has(id) {
		if g.members.left[id].After(c.asOf) {
			// This replica still has the member.
			return c.refuse(badRequest("One or more removed object references do not exist for the following modified properties: 'members'."))
		}
		return c.refuse(notFound(g.id))
	}
	g.members.quit(id, c.now, c.s.o.ReplicaLag)
	c.t.follow(e)
	c.s.stats.add(func(st *Stats) { st.MembersRemoved++ })
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
	return c.page(c.links(&g.members))
}

func countMembers(c *call) reply {
	g, fail := c.readGroup(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	return c.count(c.links(&g.members))
}

// links are the users and groups that a group is linked to, or the users alone where the path has their type. Service principals
// are left out, as v1.0 does.
func (c *call) links(linked *members) collection {
	t, asOf := c.t, c.asOf
	onlyUsers := strings.HasSuffix(c.route.pattern, "microsoft.graph.user")
	return collection{
		size: len(linked.order),
		at: func(i int) object {
			id := linked.at(i, asOf)
			if id == "" {
				return nil
			}
			if rec := t.users.seen(id, asOf); rec != nil {
				return userObject{record: rec, t: t}
			}
			if g := t.groups.byID[id]; g != nil && !onlyUsers {
				return t.view(g)
			}
			return nil
		},
		schema: userProperties, defaults: userDefaults, resource: "User", context: "directoryObjects", typed: "#microsoft.graph.user",
	}
}

// groupsOf are the groups that an object is a member of, through others, too.
func (t *Tenant) groupsOf(id string, asOf time.Time) []*group {
	var out []*group
	for next := []string{id}; len(next) > 0; {
		var found []string
		for _, g := range t.groups.order {
			if g != nil && !slices.Contains(out, g) && slices.ContainsFunc(next, func(id string) bool { return g.members.known(id, asOf) }) {
				out, found = append(out, g), append(found, g.id)
			}
		}
		next = found
	}
	return out
}

// memberGroups answers with the groups of a user, those through other groups included
// (https://learn.microsoft.com/graph/api/directoryobject-getmembergroups).
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
	for _, g := range c.t.groupsOf(rec.id, c.asOf) {
		if !onlySecurity || g.flag("securityEnabled") {
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
		if g != nil && g.members.known(rec.id, c.asOf) {
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
