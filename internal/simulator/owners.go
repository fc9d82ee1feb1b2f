package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// maxOwners is how many owners a group can have (https://learn.microsoft.com/graph/api/group-post-owners).
const maxOwners = 100

// newOwners checks additions; all of them are possible, or none is made. Users and applications' service principals can be
// owners.
func (c *call) newOwners(g *group, ids []string) ([]string, *refusal) {
	var out []string
	for _, id := range ids {
		owner := ""
		if rec := c.t.users.seen(id, c.asOf); rec != nil {
			owner = rec.id
		} else if i := slices.IndexFunc(c.t.apps, func(a *app) bool { return strings.EqualFold(a.principalID, id) }); i >= 0 {
			owner = c.t.apps[i].principalID
		}
		switch {
		case owner == "":
			return nil, notFound(id)
		case slices.Contains(out, owner):
			return nil, twiceInOneChange("User", owner, g.id)
		case g.owners.has(owner):
			return nil, alreadyLinked("owners")
		}
		out = append(out, owner)
	}
	return out, overLinkQuota("owners", len(g.owners.place)+len(out), maxOwners)
}

// overLinkQuota is the answer where a group would have more of something than it can; limit 0 is none.
func overLinkQuota(what string, n, limit int) *refusal {
	if limit <= 0 || n <= limit {
		return nil
	}
	r := badRequest("Unable to perform operation as '%d' would exceed the maximum quota count '%d' for forward-link %s.", n, limit, what)
	r.status, r.code = http.StatusForbidden, codeQuota
	return r
}

func addOwner(c *call) reply {
	ref, _ := c.body["@odata.id"].(string)
	id := c.reference(ref)
	if id == "" {
		return c.refuse(badRequest("Not a valid reference update."))
	}
	g, fail := c.memberGroup()
	if fail != nil {
		return c.refuse(fail)
	}
	if fail := c.mayChangeGroup(g); fail != nil {
		return c.refuse(fail)
	}
	owners, fail := c.newOwners(g, []string{id})
	if fail != nil {
		return c.refuse(fail)
	}
	g.owners.add(owners[0])
	return noContent()
}

// removeOwner keeps the last owner who is a user.
func removeOwner(c *call) reply {
	g, fail := c.memberGroup()
	if fail != nil {
		return c.refuse(fail)
	}
	if fail := c.mayChangeGroup(g); fail != nil {
		return c.refuse(fail)
	}
	id := strings.ToLower(c.args[1])
	if e := c.t.users.master(id); e != nil {
		id = e.id
	}
	switch {
	case !g.owners.has(id):
		return c.refuse(notFound(g.id))
	case len(g.owners.place) == 1 || c.s.draw(func(f *Faults) float64 { return f.LastOwner }):
		return c.refuse(badRequest("The group must have at least one owner, hence this owner cannot be removed."))
	}
	g.owners.remove(id)
	return noContent()
}

func listOwners(c *call) reply {
	g, fail := c.readGroup(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	return c.page(c.links(&g.owners))
}

func countOwners(c *call) reply {
	g, fail := c.readGroup(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	return c.count(c.links(&g.owners))
}
