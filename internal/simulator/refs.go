package simulator

import (
	"net/http"
	"strings"
)

// wholeMetadata reports whether the client asked for each object's type and address, as OData's odata.metadata=full does.
func (c *call) wholeMetadata() bool {
	return strings.Contains(strings.ReplaceAll(strings.ToLower(c.r.Header.Get("Accept")), " ", ""), "odata.metadata=full")
}

// annotations are what full metadata adds to an object; nil where the client did not ask.
func (c *call) annotations(o object, resource string) []field {
	id, _ := o.value("id").(string)
	if !c.wholeMetadata() || id == "" {
		return nil
	}
	return []field{{"@odata.type", "#microsoft.graph." + strings.ToLower(resource)}, {"@odata.id", c.address(id, resource)}}
}

// address is the directory's own name of an object.
func (c *call) address(id, resource string) string {
	return "https://graph.microsoft.com/v2/" + c.t.id + "/directoryObjects/" + id + "/Microsoft.DirectoryServices." + resource
}

func memberRef(c *call) reply { return c.linkRef(func(g *group) *members { return &g.members }) }

func ownerRef(c *call) reply { return c.linkRef(func(g *group) *members { return &g.owners }) }

// linkRef answers whether one object is linked to a group. The absence of the link and of the object read alike.
func (c *call) linkRef(links func(*group) *members) reply {
	g, fail := c.readGroup(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	rec, fail := c.readUser(c.args[1])
	if fail != nil || !links(g).has(rec.id) {
		return c.refuse(notFound(c.args[1]))
	}
	fields := []field{{"@odata.context", c.context("$ref")}, {"@odata.id", c.address(rec.id, "User")}}
	return reply{status: http.StatusOK, render: func(b []byte) []byte { return appendFields(b, fields) }}
}

// memberRefs lists the addresses of a group's members.
func memberRefs(c *call) reply {
	g, fail := c.readGroup(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	value := []any{}
	for i := range g.members.order {
		id := g.members.at(i, c.asOf)
		if c.t.users.seen(id, c.asOf) != nil {
			value = append(value, map[string]any{"@odata.id": c.address(id, "User")})
		} else if c.t.groups.byID[id] != nil {
			value = append(value, map[string]any{"@odata.id": c.address(id, "Group")})
		}
	}
	fields := []field{{"@odata.context", c.context("Collection($ref)")}, {"value", value}}
	return reply{status: http.StatusOK, render: func(b []byte) []byte { return appendFields(b, fields) }}
}
