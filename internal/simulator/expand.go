package simulator

import (
	"encoding/json"
	"strconv"
	"strings"
)

// expandedManager is the name under which an expanded manager stands in a user.
const expandedManager = "manager"

// expansion is what a request's $expand asks for. Of all that the service can expand, this slice has the manager
// (https://learn.microsoft.com/graph/api/user-list-manager).
type expansion struct {
	names []string // properties of the manager; none: nothing is expanded
	shown string   // the manager's properties as the request spelled them, "" for the usual ones
	// levels is how many managers are shown, each within the one below.
	levels int
}

func (x *expansion) wanted() bool { return len(x.names) > 0 }

// expansion reads $expand of a request for users. It is not to be had in an advanced query, except a chain of managers of one
// user, which is to be had only there.
func (c *call) expansion(list bool) (x expansion, fail *refusal) {
	if !c.query.Has("$expand") {
		return x, nil
	}
	text := strings.TrimSpace(c.query.Get("$expand"))
	name, options, nested := strings.Cut(text, "(")
	if nested && !strings.HasSuffix(options, ")") || strings.Contains(name, ",") {
		return x, badOData("Parsing OData Select and Expand failed: Syntax error in '%s'.", text)
	}
	if !strings.EqualFold(name, expandedManager) {
		return x, c.noExpansion(userProperties, "User")
	}
	x.levels = 1
	eventual := strings.EqualFold(c.r.Header.Get("ConsistencyLevel"), "eventual")
	chosen := ""
	for _, option := range strings.Split(strings.TrimSuffix(options, ")"), ";") {
		key, value, _ := strings.Cut(option, "=")
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "":
		case "$select":
			chosen = value
		case "$levels":
			n, err := strconv.Atoi(value)
			if strings.EqualFold(value, "max") {
				n, err = maxLevels, nil
			}
			if err != nil || n < 1 || n > maxLevels || list || !c.advanced {
				return x, unsupported("Expand is not supported for the current query.")
			}
			x.levels, eventual = n, false
		default:
			return x, badOData("Parsing OData Select and Expand failed: The query option '%s' is not supported.", key)
		}
	}
	if eventual {
		return x, unsupported("Expand is not supported for the current query.")
	}
	x.names, fail = c.choose(chosen, userProperties, userDefaults, "User")
	x.shown = c.spelled(chosen, userProperties)
	return x, fail
}

// noExpansion refuses an $expand: as outside where Graph can do it, as a mistake where the name is none.
func (c *call) noExpansion(sch *schema, resource string) *refusal {
	name, _, _ := strings.Cut(strings.TrimSpace(c.query.Get("$expand")), "(")
	if sch.relations[strings.ToLower(name)] {
		return notHere("$expand=" + name)
	}
	return badOData("Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, strings.ToLower(resource))
}

// maxLevels is how many managers above each other can be asked for.
const maxLevels = 1000

// shown is a user as this request's replica knows it, with the expanded manager. One who is in the bin is not shown.
func (c *call) shown(rec *record, x *expansion) userObject {
	u := userObject{record: rec, t: c.t, expand: x}
	below := &u
	for level, seen := 0, map[string]bool{rec.id: true}; level < x.levels && below.manager != ""; level++ {
		m := c.t.users.seen(below.manager, c.asOf)
		if m == nil || seen[m.id] {
			break
		}
		seen[m.id] = true
		below.above = &userObject{record: m, t: c.t, expand: x}
		below = below.above
	}
	return u
}

// managerJSON is the expanded manager; nil where there is none.
func (u userObject) managerJSON() any {
	if u.above == nil {
		return nil
	}
	names := u.expand.names
	if u.above.above != nil {
		names = append(names[:len(names):len(names)], expandedManager)
	}
	return json.RawMessage(appendObject(nil, *u.above, names, userProperties, nil, "#microsoft.graph.user"))
}
