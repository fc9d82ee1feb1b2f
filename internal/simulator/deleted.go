package simulator

import (
	"net/http"
	"strings"
	"time"
)

// binLife is how long a deleted object can be restored.
const binLife = 30 * 24 * time.Hour

// bin holds deleted users and groups.
type bin struct {
	users      map[string]*record // :: lower-case id
	userOrder  []*record          // nil where one was restored or purged
	groups     map[string]*group
	groupOrder []*group
}

func newBin() *bin { return &bin{users: map[string]*record{}, groups: map[string]*group{}} }

func expired(deleted, now time.Time) bool { return now.Sub(deleted) > binLife }

// user finds a deleted user that has not expired.
func (b *bin) user(id string, now time.Time) *record {
	if rec := b.users[strings.ToLower(id)]; rec != nil && !expired(rec.deleted, now) {
		return rec
	}
	return nil
}

func (b *bin) group(id string, now time.Time) *group {
	if g := b.groups[strings.ToLower(id)]; g != nil && !expired(g.deleted, now) {
		return g
	}
	return nil
}

func (b *bin) dropUser(rec *record) {
	delete(b.users, strings.ToLower(rec.id))
	for i, r := range b.userOrder {
		if r == rec {
			b.userOrder[i] = nil
		}
	}
}

func (b *bin) dropGroup(g *group) {
	delete(b.groups, strings.ToLower(g.id))
	for i, x := range b.groupOrder {
		if x == g {
			b.groupOrder[i] = nil
		}
	}
}

// mangle is what the bin makes of a sign-in name, so that the name is free at once.
func mangle(id, upn string) string { return strings.ReplaceAll(id, "-", "") + upn }

// discardUser moves a user into the bin. Licenses go back to the stock; memberships stay for a restore.
func (t *Tenant) discardUser(e *entry, now time.Time) {
	rec := e.cur.clone()
	t.store(e, nil)
	rec.deleted, rec.upn = now, rec.text("userPrincipalName")
	rec.props["userPrincipalName"] = mangle(rec.id, rec.upn)
	rec.inherited = nil
	t.bin.users[strings.ToLower(rec.id)] = rec
	t.bin.userOrder = append(t.bin.userOrder, rec)
}

// binned shows a deleted user.
type binned struct {
	userObject
	hideExtensions bool
}

func (b binned) value(name string) any {
	switch {
	case b.hideExtensions && isExtension(name):
		return nil
	case name == "assignedLicenses" || name == "licenseAssignmentStates" || name == "assignedPlans":
		return []string{} // given back
	}
	return b.userObject.value(name)
}

func (c *call) binned(rec *record) binned {
	return binned{userObject{record: rec, t: c.t}, c.s.o.Behavior.BinHidesExtensions}
}

func listDeletedUsers(c *call) reply {
	b, now := c.t.bin, c.now
	return c.page(collection{
		size: len(b.userOrder),
		at: func(i int) object {
			if rec := b.userOrder[i]; rec != nil && !expired(rec.deleted, now) {
				return c.binned(rec)
			}
			return nil
		},
		schema: userProperties, defaults: userDefaults, resource: "User", context: "users",
	})
}

func listDeletedGroups(c *call) reply {
	t, now := c.t, c.now
	return c.page(collection{
		size: len(t.bin.groupOrder),
		at: func(i int) object {
			if g := t.bin.groupOrder[i]; g != nil && !expired(g.deleted, now) {
				return t.view(g)
			}
			return nil
		},
		schema: groupProperties, defaults: groupDefaults, resource: "Group", context: "groups",
	})
}

// binWithoutType: the bin can be searched only for one kind of object.
func binWithoutType(c *call) reply {
	return c.refuse(unsupported("Searches against this resource are not supported. Only specific instances can be queried."))
}

func getDeleted(c *call) reply {
	if !isID(c.args[0]) {
		return c.refuse(badRequest("Invalid object identifier '%s'.", c.args[0]))
	}
	if rec := c.t.bin.user(c.args[0], c.now); rec != nil && c.who.any(readBin) {
		return c.one(c.binned(rec), userProperties, userDefaults, "User", "directoryObjects", nil)
	}
	if g := c.t.bin.group(c.args[0], c.now); g != nil && c.who.any(readGroups) {
		return c.one(c.t.view(g), groupProperties, groupDefaults, "Group", "directoryObjects", nil)
	}
	return c.refuse(notFound(c.args[0]))
}

func restoreDeleted(c *call) reply {
	if g := c.t.bin.group(c.args[0], c.now); g != nil {
		return c.restoreGroup(g)
	}
	binned := c.t.bin.user(c.args[0], c.now)
	switch {
	case binned == nil:
		return c.refuse(notFound(c.args[0]))
	case !c.who.any(deleteUsers), binned.admin && !mayTouchAdmins(c.caller()):
		return c.refuse(denied())
	}
	rec := binned.clone()
	rec.props["userPrincipalName"], rec.deleted, rec.upn = binned.upn, time.Time{}, ""
	for _, name := range sortedKeys(c.body) {
		switch name {
		case "autoReconcileProxyConflict", "@odata.type":
		case "newUserPrincipalName":
			upn, _ := c.body[name].(string)
			if upn == "" {
				continue
			}
			if fail := c.t.judgeUPN(upn); fail != nil {
				return c.refuse(fail)
			}
			rec.props["userPrincipalName"] = upn
		default:
			c.s.stats.protocol("unknown property")
			return c.refuse(badOData("%s", textUnknown))
		}
	}
	if fail := c.unique(rec, nil); fail != nil {
		return c.refuse(fail)
	}
	c.t.bin.dropUser(binned)
	c.t.revive(rec)
	t, context := c.t, c.context("directoryObjects/$entity")
	names := append([]string{"id"}, userDefaults[:len(userDefaults)-1]...)
	return reply{status: http.StatusOK, render: func(b []byte) []byte {
		return appendObject(b, userObject{record: rec, t: t}, names, userProperties,
			[]field{{"@odata.context", context}, {"@odata.type", "#microsoft.graph.user"}}, "")
	}}
}

// revive brings a user back with the licenses that are still to be had.
func (t *Tenant) revive(rec *record) {
	direct := make([]grant, 0, len(rec.direct))
	for _, g := range rec.direct {
		k := t.sku(g.sku)
		if k == nil {
			continue // the subscription has ended meanwhile
		}
		g.state, g.err = "Active", "None"
		if k.available() < 1 {
			g.state, g.err = "Error", "CountViolation"
		}
		direct = append(direct, g)
	}
	rec.direct = direct
	e := &entry{id: rec.id}
	t.store(e, rec)
	t.follow(e)
}

func (c *call) restoreGroup(g *group) reply {
	if !c.who.any(changeGroups) {
		return c.refuse(denied())
	}
	c.t.bin.dropGroup(g)
	g.deleted = time.Time{}
	c.t.groups.add(g)
	v, context := c.t.view(g), c.context("directoryObjects/$entity")
	return reply{status: http.StatusOK, render: func(b []byte) []byte {
		return appendObject(b, v, groupDefaults, groupProperties, []field{{"@odata.context", context}, {"@odata.type", "#microsoft.graph.group"}}, "")
	}}
}

// purgeDeleted removes for good. Groups cannot be purged by an application on its own.
func purgeDeleted(c *call) reply {
	if rec := c.t.bin.user(c.args[0], c.now); rec != nil {
		if !c.who.any(deleteUsers) || rec.admin && !mayTouchAdmins(c.caller()) {
			return c.refuse(denied())
		}
		c.t.bin.dropUser(rec)
		c.t.leave(rec.id)
		return noContent()
	}
	if c.t.bin.group(c.args[0], c.now) != nil {
		return c.refuse(denied())
	}
	return c.refuse(notFound(c.args[0]))
}
