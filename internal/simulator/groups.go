package simulator

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// readGroup gives a group that this request's replica knows.
func (c *call) readGroup(key string) (*group, *refusal) {
	g := c.t.groups.find(key)
	if g != nil && !g.created.After(c.asOf) {
		return g, nil
	}
	name, named := strings.CutPrefix(key, "uniqueName=")
	if !named && !isID(key) {
		return nil, badRequest("Invalid object identifier '%s'.", key)
	}
	return nil, notFound(name)
}

func listGroups(c *call) reply {
	t, asOf := c.t, c.asOf
	return c.page(collection{
		size: len(t.groups.order),
		at: func(i int) object {
			if g := t.groups.order[i]; g != nil && !g.created.After(asOf) {
				v := t.view(g)
				v.withErrors = t.memberErrors(g)
				return v
			}
			return nil
		},
		schema: groupProperties, defaults: groupDefaults, resource: "Group", context: "groups",
	})
}

func (t *Tenant) memberErrors(g *group) bool {
	if len(g.licenses) == 0 {
		return false
	}
	for _, id := range g.members.order {
		if e := t.users.byID[id]; id != "" && e != nil && e.cur != nil &&
			slices.ContainsFunc(e.cur.inherited, func(x grant) bool { return x.group == g.id && x.state == "Error" }) {
			return true
		}
	}
	return false
}

func getGroup(c *call) reply {
	g, fail := c.readGroup(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	v := c.t.view(g)
	v.withErrors = c.t.memberErrors(g)
	return c.one(v, groupProperties, groupDefaults, "Group", "groups", nil)
}

// groupChange is what a body asks for.
type groupChange struct {
	set             map[string]any
	members, owners []string // from the binds
	id              *string  // named in a PATCH, where it must be the group's own
}

func (c *call) judgeGroup(creating bool) (*groupChange, *refusal) {
	ch := &groupChange{set: map[string]any{}}
	if fail := c.unavailable("Group"); fail != nil {
		return nil, fail
	}
	for _, name := range sortedKeys(c.body) {
		v := c.body[name]
		if fail := c.judgeGroupName(ch, name, v, creating); fail != nil {
			return nil, fail
		}
	}
	if nickname, ok := ch.set["mailNickname"].(string); ok && !validNickname(nickname) {
		return nil, invalidValue("mailNickname", "Group")
	}
	return ch, nil
}

func (c *call) judgeGroupName(ch *groupChange, name string, v any, creating bool) *refusal {
	switch {
	case name == "members@odata.bind" || name == "owners@odata.bind":
		list, ok := v.([]any)
		if !ok {
			return badOData("%s", textUnreadable)
		}
		links := &ch.members
		if name == "owners@odata.bind" {
			links = &ch.owners
		}
		for _, raw := range list {
			ref, _ := raw.(string)
			id := c.reference(ref)
			if id == "" {
				return badRequest("Not a valid reference update.")
			}
			*links = append(*links, id)
		}
		if len(ch.members)+len(ch.owners) > 20 {
			return badRequest("A resource cannot contain more than 20 link changes")
		}
		return nil
	case strings.HasPrefix(name, "@"):
		return nil
	case isExtension(name):
		var fail *refusal
		if v != nil {
			v, fail = c.t.definition(name).judge(v)
		}
		ch.set[name] = v
		return fail
	case name == "id" && !creating:
		id, _ := v.(string)
		ch.id = &id
		return nil
	}
	p := groupProperties.byName[name]
	if p == nil {
		return c.unknown(groupProperties, name, badOData("%s", textUnknown))
	}
	if p.write == readOnly {
		return badRequest("Property '%s' is read-only and cannot be set.", name)
	}
	if v == nil {
		if p.kept {
			return invalidValue(name, "Group")
		}
		ch.set[name] = nil
		return nil
	}
	typed, fail := convert(v, p.kind, name, "Group")
	if fail == errEmpty {
		c.s.stats.protocol("empty string")
		return invalidValue(name, "Group")
	}
	if s, ok := typed.(string); ok && p.max > 0 && utf8.RuneCountInString(s) > p.max {
		return invalidValue(name, "Group")
	}
	ch.set[name] = typed
	return fail
}

func createGroup(c *call) reply {
	if c.body == nil {
		return c.refuse(badOData("%s", textUnreadable))
	}
	return c.makeGroup("")
}

// makeGroup creates a group; uniqueName is the key of an upsert.
func (c *call) makeGroup(uniqueName string) reply {
	if fail := c.t.overQuota(); fail != nil {
		return c.refuse(fail)
	}
	ch, fail := c.judgeGroup(true)
	if fail != nil {
		return c.refuse(fail)
	}
	if uniqueName != "" {
		ch.set["uniqueName"] = uniqueName
	}
	for _, name := range []string{"displayName", "mailEnabled", "mailNickname", "securityEnabled"} {
		if ch.set[name] == nil {
			return c.refuse(requiredValue(name, "Group"))
		}
	}
	g := &group{id: c.t.newID(), created: c.now, props: map[string]any{"createdDateTime": stamp(c.now), "renewedDateTime": stamp(c.now)}}
	for name, v := range ch.set {
		if v != nil {
			g.props[name] = v
		}
	}
	unified := g.types("Unified")
	switch {
	case g.flag("isAssignableToRole") && !c.who.roles["RoleManagement.ReadWrite.Directory"]:
		return c.refuse(denied())
	case g.flag("mailEnabled") && !unified:
		return c.refuse(badRequest("The service does not currently support writes of mail-enabled groups. Please ensure that the mail-enablement property is unset and the security-enablement property is set."))
	case g.types("DynamicMembership") && g.text("membershipRule") == "":
		return c.refuse(requiredValue("membershipRule", "Group"))
	case unified && c.t.nicknameTaken(g.text("mailNickname"), nil):
		return c.refuse(conflict("mailNickname", ""))
	}
	if name := g.text("uniqueName"); name != "" && c.t.groups.holder(name, c.now) != nil {
		return c.refuse(conflict("uniqueName", ""))
	}
	joining, fail := c.newMembers(g, ch.members)
	if fail != nil {
		return c.refuse(fail)
	}
	owners, fail := c.newOwners(g, ch.owners)
	if fail != nil {
		return c.refuse(fail)
	}
	c.t.giveMail(g)
	c.t.groups.add(g)
	for _, id := range joining {
		g.members.join(id, c.now, c.s.o.ReplicaLag)
	}
	c.s.stats.joined(len(joining))
	c.t.sortAll(g)
	for _, id := range owners {
		g.owners.add(id)
	}
	return c.writtenGroup(http.StatusCreated, g)
}

// giveMail gives a Microsoft 365 group its address.
func (t *Tenant) giveMail(g *group) {
	if !g.types("Unified") || !g.flag("mailEnabled") || g.text("mail") != "" {
		return
	}
	domain := ""
	for _, d := range t.domains {
		if d.Default || domain == "" {
			domain = d.Name
		}
	}
	address := g.text("mailNickname") + "@" + domain
	g.props["mail"], g.props["proxyAddresses"] = address, []string{"SMTP:" + address}
}

// nicknameTaken looks among the Microsoft 365 groups and those of them that can still be restored.
func (t *Tenant) nicknameTaken(nickname string, but *group) bool {
	for _, groups := range [][]*group{t.groups.order, t.bin.groupOrder} {
		for _, g := range groups {
			if g != nil && g != but && g.types("Unified") && strings.EqualFold(g.text("mailNickname"), nickname) &&
				(g.deleted.IsZero() || !expired(g.deleted, t.now())) {
				return true
			}
		}
	}
	return false
}

func (c *call) writtenGroup(status int, g *group) reply {
	v, context := c.t.view(g), c.context("groups/$entity")
	return reply{status: status,
		header: map[string]string{"Location": c.address(g.id, "Group")},
		render: func(b []byte) []byte {
			return appendObject(b, v, groupDefaults, groupProperties, append([]field{{"@odata.context", context}}, c.annotations(v, "Group")...), "")
		}}
}

func (c *call) wantsCreate() bool {
	return strings.Contains(strings.ToLower(c.r.Header.Get("Prefer")), "create-if-missing")
}

// updateGroup is PATCH by id, and the upsert by uniqueName.
func updateGroup(c *call) reply {
	if c.body == nil {
		return c.refuse(badOData("%s", textUnreadable))
	}
	name, named := strings.CutPrefix(c.args[0], "uniqueName=")
	if named && c.wantsCreate() && c.t.groups.find(c.args[0]) == nil {
		return c.makeGroup(name)
	}
	g, fail := c.readGroup(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	ch, fail := c.judgeGroup(false)
	if fail != nil {
		return c.refuse(fail)
	}
	if fail := c.mayChangeGroup(g); fail != nil {
		return c.refuse(fail)
	}
	if nickname, there := ch.set["mailNickname"].(string); there && g.types("Unified") && c.t.nicknameTaken(nickname, g) {
		return c.refuse(conflict("mailNickname", ""))
	}
	if fail := c.judgeFixed(g, ch); fail != nil {
		return c.refuse(fail)
	}
	joining, fail := c.newMembers(g, ch.members)
	if fail != nil {
		return c.refuse(fail)
	}
	owners, fail := c.newOwners(g, ch.owners)
	if fail != nil {
		return c.refuse(fail)
	}
	props, changed := map[string]any{}, len(joining)+len(owners) > 0
	for k, v := range g.props {
		props[k] = v
	}
	for k, v := range ch.set {
		if isExtension(k) && respell(props, k) {
			changed = true
		}
		if list, ok := v.([]string); ok && len(list) == 0 {
			v = nil
		}
		if equalValues(props[k], v) {
			continue
		}
		changed = true
		if v == nil {
			delete(props, k)
		} else {
			props[k] = v
		}
	}
	if !changed {
		c.s.stats.wasted()
		return noContent()
	}
	g.props = props
	if unique := g.text("uniqueName"); unique != "" {
		c.t.groups.names[strings.ToLower(unique)] = g
	}
	for _, id := range joining {
		g.members.join(id, c.now, c.s.o.ReplicaLag)
		c.t.follow(c.t.users.byID[id])
	}
	c.s.stats.joined(len(joining))
	if ch.set["membershipRule"] != nil || ch.set["groupTypes"] != nil {
		c.t.sortAll(g)
	}
	for _, id := range owners {
		g.owners.add(id)
	}
	return noContent()
}

// judgeFixed: id and isAssignableToRole never change, and uniqueName can be given once to a group that has none.
func (c *call) judgeFixed(g *group, ch *groupChange) *refusal {
	if ch.id != nil && !strings.EqualFold(*ch.id, g.id) {
		return badRequest("Property 'id' is read-only and cannot be set.")
	}
	if role, there := ch.set["isAssignableToRole"]; there && role != g.flag("isAssignableToRole") {
		return badRequest("Property 'isAssignableToRole' is read-only and cannot be set.")
	}
	v, there := ch.set["uniqueName"]
	name, _ := v.(string)
	switch {
	case !there || name == g.text("uniqueName"):
		return nil
	case g.text("uniqueName") != "" || name == "":
		return invalidValue("uniqueName", "Group")
	case g.flag("isAssignableToRole"):
		return badRequest("Value for ArmUniqueName cannot be updated for groups assignable to role.")
	case c.t.groups.holder(name, c.now) != nil:
		return conflict("uniqueName", "")
	}
	return nil
}

func deleteGroup(c *call) reply {
	g, fail := c.readGroup(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	if fail := c.mayChangeGroup(g); fail != nil {
		return c.refuse(fail)
	}
	if len(g.licenses) > 0 {
		return c.refuse(badRequest("Unable to delete the group: it has active licenses assigned."))
	}
	c.t.groups.remove(g)
	g.deleted = c.now
	c.t.bin.groups[strings.ToLower(g.id)] = g
	c.t.bin.groupOrder = append(c.t.bin.groupOrder, g)
	return noContent()
}

// assignGroupLicense gives the license to the members, at once or after Options.GroupDelay.
func assignGroupLicense(c *call) reply {
	o, fail := c.readOrder()
	if fail != nil {
		return c.refuse(fail)
	}
	g, fail := c.readGroup(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	licenses := slices.Clone(g.licenses)
	for _, id := range o.remove {
		i := slices.IndexFunc(licenses, func(x grant) bool { return x.sku == id })
		if i < 0 {
			return c.refuse(badRequest("Group does not have a corresponding license."))
		}
		licenses = slices.Delete(licenses, i, i+1)
	}
	for _, add := range o.add {
		if i := slices.IndexFunc(licenses, func(x grant) bool { return x.sku == add.sku }); i >= 0 {
			licenses[i] = add
		} else {
			licenses = append(licenses, add)
		}
	}
	if sameGrants(licenses, g.licenses) {
		c.s.stats.wasted()
	}
	g.licenses = licenses
	for _, id := range g.members.order {
		if id != "" {
			c.t.follow(c.t.users.byID[id])
		}
	}
	rep := c.writtenGroup(http.StatusAccepted, g)
	return rep
}
