package simulator

import (
	"net/http"
	"time"
)

func getManager(c *call) reply {
	rec, fail := c.readUser(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	m := c.t.users.seen(rec.manager, c.asOf)
	if rec.manager == "" || m == nil {
		return c.refuse(notFound("manager"))
	}
	names, fail := c.selection(userProperties, userDefaults, "User")
	if fail != nil {
		return c.refuse(fail)
	}
	t, context := c.t, c.context("directoryObjects/$entity")
	return reply{status: http.StatusOK, render: func(b []byte) []byte {
		return appendObject(b, userObject{record: m, t: t}, names, userProperties, []field{{"@odata.context", context}, {"@odata.type", "#microsoft.graph.user"}}, "")
	}}
}

func putManager(c *call) reply {
	ref, _ := c.body["@odata.id"].(string)
	target := c.reference(ref)
	if target == "" {
		return c.refuse(badRequest("Not a valid reference update."))
	}
	m, fail := c.readUser(target)
	if fail != nil {
		return c.refuse(notFound(target))
	}
	return c.setManager(m.id)
}

func deleteManager(c *call) reply { return c.setManager("") }

func (c *call) setManager(id string) reply {
	e, fail := c.writeUser(c.args[0])
	switch {
	case fail != nil:
		return c.refuse(fail)
	case e.cur.flag("onPremisesSyncEnabled"):
		return c.refuse(badRequest("%s", textOnPremises))
	case id == "" && e.cur.manager == "":
		return c.refuse(notFound("manager"))
	case id == e.cur.manager:
		c.s.stats.wasted()
		return noContent()
	}
	rec := *e.cur
	rec.manager = id
	c.t.store(e, &rec)
	return noContent()
}

func revokeSessions(c *call) reply {
	e, fail := c.writeUser(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	rec := e.cur.clone()
	rec.props["signInSessionsValidFromDateTime"] = c.now.UTC().Format(time.RFC3339)
	c.t.store(e, rec)
	context := c.context("Edm.Boolean")
	return reply{status: http.StatusOK, render: func(b []byte) []byte {
		return appendFields(b, []field{{"@odata.context", context}, {"value", true}})
	}}
}
