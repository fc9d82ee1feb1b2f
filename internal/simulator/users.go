package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// userObject shows a record with what is computed from it.
type userObject struct {
	*record
	t *Tenant
	// above is the expanded manager, nil where there is none, and expand what is shown of it.
	above  *userObject
	expand *expansion
}

func (u userObject) value(name string) any {
	switch name {
	case "id":
		return u.id
	case "assignedLicenses":
		return u.assigned()
	case "licenseAssignmentStates":
		return u.states()
	case "assignedPlans":
		return u.t.assignedPlans(u.record)
	case expandedManager:
		return u.managerJSON()
	case "passwordProfile":
		return nil
	case "securityIdentifier":
		return securityID(u.id)
	case "deletedDateTime":
		if u.deleted.IsZero() {
			return nil
		}
		return stamp(u.deleted)
	case "accountEnabled":
		if !u.deleted.IsZero() {
			return false // as the bin shows it
		}
	}
	return u.props[name]
}

// readUser gives a user as this request's replica sees it.
func (c *call) readUser(idOrUPN string) (*record, *refusal) {
	if rec := c.t.users.seen(idOrUPN, c.asOf); rec != nil {
		return rec, nil
	}
	if !isID(idOrUPN) && !strings.Contains(idOrUPN, "@") {
		return nil, badRequest("Invalid object identifier '%s'.", idOrUPN)
	}
	return nil, notFound(idOrUPN)
}

// writeUser gives a user for writing: the master's state, provided that the replica knows that the user exists.
func (c *call) writeUser(idOrUPN string) (*entry, *refusal) {
	if _, fail := c.readUser(idOrUPN); fail != nil {
		if e := c.t.users.master(idOrUPN); e == nil || e.at(c.asOf) == nil {
			return nil, fail
		}
	}
	e := c.t.users.master(idOrUPN)
	if e == nil {
		return nil, notFound(idOrUPN)
	}
	return e, nil
}

func listUsers(c *call) reply {
	t, asOf := c.t, c.asOf
	expand, fail := c.expansion(true)
	if fail != nil {
		return c.refuse(fail)
	}
	return c.page(collection{
		size: len(t.users.order), expand: &expand,
		at: func(i int) object {
			if e := t.users.order[i]; e != nil {
				if rec := e.at(asOf); rec != nil {
					return c.shown(rec, &expand)
				}
			}
			return nil
		},
		narrow: t.users.candidates, schema: userProperties, defaults: userDefaults, resource: "User", context: "users",
	})
}

func countUsers(c *call) reply {
	t, asOf := c.t, c.asOf
	return c.count(collection{size: len(t.users.order), schema: userProperties, resource: "User", narrow: t.users.candidates,
		at: func(i int) object {
			if e := t.users.order[i]; e != nil {
				if rec := e.at(asOf); rec != nil {
					return userObject{record: rec, t: t}
				}
			}
			return nil
		}})
}

func getUser(c *call) reply {
	rec, fail := c.readUser(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	expand, fail := c.expansion(false)
	if fail != nil {
		return c.refuse(fail)
	}
	return c.one(c.shown(rec, &expand), userProperties, userDefaults, "User", "users", &expand)
}

// one answers with a single object; expand is nil where its kind has nothing to expand.
func (c *call) one(o object, sch *schema, defaults []string, resource, context string, expand *expansion) reply {
	if c.query.Has("$expand") && expand == nil {
		return c.refuse(c.noExpansion(sch, resource))
	}
	names, fail := c.selection(sch, defaults, resource)
	if fail != nil {
		return c.refuse(fail)
	}
	full := c.context(context) + c.projection(sch, expand)
	if expand != nil && expand.wanted() {
		names = append(slices.Clip(names), expandedManager)
	}
	return reply{status: http.StatusOK, render: func(b []byte) []byte {
		lead := append([]field{{"@odata.context", full + "/$entity"}}, c.annotations(o, resource)...)
		return appendObject(b, o, names, sch, lead, "")
	}}
}

// written answers with the default properties of a user that was written, id first.
func (c *call) written(status int, rec *record, more ...string) reply {
	names := append(append([]string{"id"}, userDefaults[:len(userDefaults)-1]...), more...)
	t, context := c.t, c.context("users/$entity")
	return reply{status: status, render: func(b []byte) []byte {
		u := userObject{record: rec, t: t}
		return appendObject(b, u, names, userProperties, append([]field{{"@odata.context", context}}, c.annotations(u, "User")...), "")
	}}
}

func createUser(c *call) reply {
	if fail := c.t.overQuota(); fail != nil {
		return c.refuse(fail)
	}
	if c.body == nil {
		return c.refuse(badOData("%s", textUnreadable))
	}
	ch, fail := c.judgeUser(true)
	if fail != nil {
		return c.refuse(fail)
	}
	manager, fail := c.managerOf(ch)
	if fail != nil {
		return c.refuse(fail)
	}
	rec := &record{id: c.t.newID(), props: map[string]any{"createdDateTime": stamp(c.now), "userType": "Member"}, manager: manager}
	ch.apply(rec)
	if fail := c.unique(rec, nil); fail != nil {
		return c.refuse(fail)
	}
	if fail := tooManyExtensions(rec); fail != nil {
		return c.refuse(fail)
	}
	c.t.store(&entry{id: rec.id}, rec)
	c.located(rec.id, ch)
	var more []string
	if c.s.o.Behavior.EchoExtensions {
		for _, name := range sortedKeys(rec.props) {
			if isExtension(name) {
				more = append(more, name)
			}
		}
	}
	rep := c.written(http.StatusCreated, rec, more...)
	rep.header = map[string]string{"Location": c.address(rec.id, "User")}
	return rep
}

func (c *call) managerOf(ch *userChange) (string, *refusal) {
	if ch.manager == "" {
		if _, there := c.body["manager@odata.bind"]; there {
			return "", badRequest("Not a valid reference update.")
		}
		return "", nil
	}
	m, fail := c.readUser(ch.manager)
	if fail != nil {
		return "", notFound(ch.manager)
	}
	return m.id, nil
}

// apply puts the change into a record that is not stored yet, and reports whether anything is different.
func (ch *userChange) apply(rec *record) (changed bool) {
	changed = ch.password
	for name, v := range ch.set {
		if isExtension(name) && respell(rec.props, name) {
			changed = true
		}
		if name == "onPremisesExtensionAttributes" {
			v = mergeAttributes(rec.props[name], v)
		}
		if list, ok := v.([]string); ok && len(list) == 0 {
			v = nil
		}
		if equalValues(rec.props[name], v) {
			continue
		}
		changed = true
		if v == nil {
			delete(rec.props, name)
			continue
		}
		rec.props[name] = v
		if name == "mail" {
			rec.props["proxyAddresses"] = []string{"SMTP:" + v.(string)}
		}
	}
	return changed
}

// mergeAttributes: extension attributes that are not named stay, null clears.
func mergeAttributes(old, patch any) any {
	if patch == nil {
		return old
	}
	out := map[string]any{}
	if m, ok := old.(map[string]any); ok {
		for k, v := range m {
			out[k] = v
		}
	}
	for k, v := range patch.(map[string]any) {
		switch {
		case k == "@odata.type":
		case v == nil:
			delete(out, k)
		default:
			out[k] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// unique checks the values that no two users may share. except is the user itself.
func (c *call) unique(rec *record, except *entry) *refusal {
	clash := func(property string, other *entry) *refusal {
		if c.s.o.Behavior.TerseConflicts {
			return conflict(property, "")
		}
		return conflict(property, other.id)
	}
	upn := rec.text("userPrincipalName")
	if other := c.t.users.byUPN[strings.ToLower(upn)]; other != nil && other != except {
		return clash("userPrincipalName", other)
	}
	if id := rec.text("onPremisesImmutableId"); id != "" {
		if other := c.t.users.holder("onPremisesImmutableId", id, except); other != nil {
			return clash("onPremisesImmutableId", other)
		}
	}
	if c.s.o.Behavior.CheckProxyAddresses {
		for _, address := range []string{upn, rec.text("mail")} {
			if address == "" {
				continue
			}
			if other := c.t.users.holder("proxyAddresses", "smtp:"+address, except); other != nil {
				return clash("proxyAddresses", other)
			}
		}
	}
	return nil
}

// tooManyExtensions: 100 extension values an object
// (https://learn.microsoft.com/graph/extensibility-overview).
func tooManyExtensions(rec *record) *refusal {
	n := 0
	for name, v := range rec.props {
		if isExtension(name) {
			n++
			if list, ok := v.([]string); ok {
				n += len(list) - 1
			}
		}
	}
	if n > 100 {
		return badRequest("%s", textInvalid)
	}
	return nil
}

func updateUser(c *call) reply {
	if c.body == nil {
		return c.refuse(badOData("%s", textUnreadable))
	}
	ch, fail := c.judgeUser(false)
	if fail != nil {
		return c.refuse(fail)
	}
	e, fail := c.writeUser(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	if ch.id != nil && !strings.EqualFold(*ch.id, e.id) {
		return c.refuse(badRequest("Property 'id' is read-only and cannot be set."))
	}
	if fail := c.mayChange(e.cur, ch); fail != nil {
		return c.refuse(fail)
	}
	rec := e.cur.clone()
	if !ch.apply(rec) {
		c.s.stats.wasted()
		return noContent()
	}
	if fail := c.unique(rec, e); fail != nil {
		return c.refuse(fail)
	}
	if fail := tooManyExtensions(rec); fail != nil {
		return c.refuse(fail)
	}
	if ch.password {
		rec.props["lastPasswordChangeDateTime"] = stamp(c.now)
	}
	moved := e.cur.text("usageLocation") != rec.text("usageLocation")
	c.t.store(e, rec)
	if moved {
		c.located(e.id, ch)
	}
	return noContent()
}

// mayChange refuses what another directory masters and what only a higher role may touch.
func (c *call) mayChange(rec *record, ch *userChange) *refusal {
	for name := range ch.set {
		if rec.flag("onPremisesSyncEnabled") && name != "usageLocation" && !isExtension(name) {
			return badRequest("%s", textOnPremises)
		}
		if rec.admin && sensitive[name] && !mayTouchAdmins(c.caller()) {
			return denied()
		}
	}
	if ch.password {
		if rec.flag("onPremisesSyncEnabled") {
			return badRequest("%s", textOnPremises)
		}
		if rec.admin && !mayTouchAdmins(c.caller()) {
			return denied()
		}
	}
	return nil
}

func deleteUser(c *call) reply { return c.binUser(c.args[0]) }

// binUser puts a user into the bin.
func (c *call) binUser(idOrUPN string) reply {
	e, fail := c.writeUser(idOrUPN)
	if fail != nil {
		return c.refuse(fail)
	}
	if e.cur.admin && !mayTouchAdmins(c.caller()) {
		return c.refuse(denied())
	}
	c.t.discardUser(e, c.now)
	return noContent()
}
