package simulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Page sizes of directory collections (https://learn.microsoft.com/graph/api/user-list).
const (
	defaultPage = 100
	largestPage = 999
)

// collection is what a list request pages through. Places never move, so that a page token stays right while objects come
// and go.
type collection struct {
	size int
	// at gives the object at a place, nil when there is none (any more, or for this replica yet).
	at func(place int) object
	// narrow gives the places where a filter can match, when an index knows them; nil where there is no index.
	narrow func(*expr) ([]int, bool)
	schema *schema
	// defaults are the properties without $select.
	defaults []string
	// resource is the type as error texts spell it; context what @odata.context calls the collection.
	resource, context string
	// expand is what is shown within each object, where the request asks for it and the collection has it.
	expand *expansion
	// typed adds @odata.type to each object, for collections of mixed kinds.
	typed string
}

func sortInts(s []int) { slices.Sort(s) }

// page answers a list request.
func (c *call) page(col collection) reply {
	if fail := c.refuseOptions(col.expand != nil, col.schema, col.resource); fail != nil {
		return c.refuse(fail)
	}
	by, fail := c.ordering(&col)
	if fail != nil {
		return c.refuse(fail)
	}
	size, fail := c.pageSize()
	if fail != nil {
		return c.refuse(fail)
	}
	names, fail := c.selection(col.schema, col.defaults, col.resource)
	if fail != nil {
		return c.refuse(fail)
	}
	filter, fail := c.filter(&col)
	if fail != nil {
		return c.refuse(fail)
	}
	var from bookmark
	if token := c.query.Get("$skiptoken"); token != "" {
		if from, fail = c.readToken(token); fail != nil {
			return c.refuse(fail)
		}
	}
	total := -1
	if c.advanced && !c.query.Has("$skiptoken") {
		_, _, total = col.gather(filter, 0, 0, true)
	}
	var objects []object
	next := &bookmark{place: from.place, sort: from.sort, pausing: true}
	switch {
	case !from.pausing && c.s.emptyPage():
	case by != nil:
		var last sortKey
		var more bool
		objects, last, more = col.sorted(filter, by, from.sort, size)
		if next = nil; more {
			next = &bookmark{sort: &last}
		}
	default:
		var place int
		objects, place, _ = col.gather(filter, from.place, size, false)
		if next = nil; place >= 0 {
			next = &bookmark{place: place}
		}
	}
	link := ""
	if next != nil {
		link = c.nextLink(*next)
	}
	context := c.context(col.context) + c.projection(col.schema, col.expand)
	if col.expand != nil && col.expand.wanted() {
		names = append(slices.Clip(names), expandedManager)
	}
	whole := c.wholeMetadata()
	return reply{status: http.StatusOK, render: func(b []byte) []byte {
		b = slices.Grow(b, 64+len(objects)*40*len(names))
		b = append(b, `{"@odata.context":`...)
		b = appendText(b, context)
		if total >= 0 {
			b = append(b, `,"@odata.count":`...)
			b = strconv.AppendInt(b, int64(total), 10)
		}
		if link != "" {
			b = append(b, `,"@odata.nextLink":`...)
			b = appendText(b, link)
		}
		b = append(b, `,"value":[`...)
		for i, o := range objects {
			if i > 0 {
				b = append(b, ',')
			}
			lead, typed, schema := []field(nil), col.typed, col.schema
			if _, nested := o.(groupView); nested && typed != "" {
				typed, schema = "#microsoft.graph.group", groupProperties
			}
			if whole {
				lead, typed = c.annotations(o, col.resource), ""
			}
			b = appendObject(b, o, names, schema, lead, typed)
		}
		return append(b, "]}"...)
	}}
}

// count answers how many objects of a collection a filter matches.
func (c *call) count(col collection) reply {
	if !strings.EqualFold(c.r.Header.Get("ConsistencyLevel"), "eventual") {
		c.missingHeader()
		return c.refuse(badRequest("$count is not currently supported."))
	}
	c.advanced = true // the path asks for the count
	filter, fail := c.filter(&col)
	if fail != nil {
		return c.refuse(fail)
	}
	_, _, n := col.gather(filter, 0, 0, true)
	return reply{status: http.StatusOK, header: map[string]string{"Content-Type": "text/plain"},
		render: func(b []byte) []byte { return strconv.AppendInt(b, int64(n), 10) }}
}

// filter reads $filter; nil where there is none.
func (c *call) filter(col *collection) (*expr, *refusal) {
	text := c.query.Get("$filter")
	if text == "" {
		return nil, nil
	}
	filter, fail := parseFilter(text)
	if fail != nil {
		return nil, fail
	}
	return filter, c.checkFilter(filter, col.schema, col.resource)
}

// gather collects up to size matches from a place on; next is where the following page begins, -1 after the last. With count
// it only counts.
func (col *collection) gather(filter *expr, start, size int, count bool) (objects []object, next, total int) {
	next = -1
	visit := func(place int) (more bool) {
		o := col.at(place)
		if o == nil || filter != nil && !filter.matches(o) {
			return true
		}
		total++
		if count {
			return true
		}
		if len(objects) == size {
			next = place
			return false
		}
		objects = append(objects, o)
		return true
	}
	if filter != nil && col.narrow != nil {
		if places, ok := col.narrow(filter); ok {
			for _, place := range places {
				if place >= start && !visit(place) {
					break
				}
			}
			return objects, next, total
		}
	}
	for place := start; place < col.size; place++ {
		if !visit(place) {
			break
		}
	}
	return objects, next, total
}

// projection is what @odata.context says of the members that the request chose, in the request's order.
func (c *call) projection(sch *schema, expand *expansion) string {
	var parts []string
	if text := c.spelled(c.query.Get("$select"), sch); text != "" {
		parts = append(parts, text)
	}
	if expand != nil && expand.wanted() {
		parts = append(parts, expandedManager+"("+expand.shown+")")
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, ",") + ")"
}

// spelled is a $select with the schema's spelling, each name once.
func (c *call) spelled(text string, sch *schema) string {
	var out []string
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		if p := sch.folded[strings.ToLower(name)]; p != nil {
			name = p.name
		}
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return strings.Join(out, ",")
}

// refuseOptions refuses the query options that the directory does not have, or not in this slice.
func (c *call) refuseOptions(expanding bool, sch *schema, resource string) *refusal {
	q := c.query
	switch {
	case q.Has("$skip"):
		return badRequest("'$skip' is not supported by the service.")
	case q.Has("$search") && !strings.EqualFold(c.r.Header.Get("ConsistencyLevel"), "eventual"):
		c.missingHeader()
		return unsupported("Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'")
	case q.Has("$search"):
		return notHere("$search")
	case q.Has("$expand") && !expanding:
		return c.noExpansion(sch, resource)
	}
	return nil
}

func (c *call) pageSize() (int, *refusal) {
	if !c.query.Has("$top") {
		return defaultPage, nil
	}
	text := c.query.Get("$top")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > largestPage {
		c.s.stats.protocol("$top out of range")
		return 0, unsupported("Invalid page size specified: '%s'. Must be between 1 and %d inclusive.", text, largestPage)
	}
	return n, nil
}

// selection reads $select into exact names, in the schema's order with id last and extensions behind it.
func (c *call) selection(sch *schema, defaults []string, resource string) ([]string, *refusal) {
	return c.choose(c.query.Get("$select"), sch, defaults, resource)
}

// choose is selection for any text. An extension property that nobody has registered, or not for this kind of object, is no
// error: it is absent from every object, as one is that nobody has a value of.
func (c *call) choose(text string, sch *schema, defaults []string, resource string) ([]string, *refusal) {
	if text == "" {
		return defaults, nil
	}
	want := map[string]bool{}
	var extensions []string
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		if isExtension(name) {
			if c.registered(name, resource) != nil && !slices.Contains(extensions, name) {
				extensions = append(extensions, name)
			}
			continue
		}
		p := sch.folded[strings.ToLower(name)]
		if p == nil {
			return nil, c.unknown(sch, name, badOData("Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, strings.ToLower(resource)))
		}
		want[p.name] = true
	}
	var names []string
	for _, p := range sch.ordered {
		if want[p.name] && p.name != "id" {
			names = append(names, p.name)
		}
	}
	if want["id"] {
		names = append(names, "id")
	}
	return append(names, extensions...), nil
}

// appendObject writes an object: known properties always, extensions only where they are set.
func appendObject(b []byte, o object, names []string, sch *schema, lead []field, typed string) []byte {
	b = append(b, '{')
	n := 0
	member := func(name string) {
		if n > 0 {
			b = append(b, ',')
		}
		n++
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, '"', ':')
	}
	for _, f := range lead {
		member(f.name)
		b = appendValue(b, f.value)
	}
	if typed != "" {
		member("@odata.type")
		b = appendText(b, typed)
	}
	for _, name := range names {
		v := o.value(name)
		p := sch.byName[name]
		if v == nil && p == nil {
			continue
		}
		member(name)
		if v == nil && p.nonNull {
			b = append(b, "[]"...)
			continue
		}
		b = appendValue(b, v)
	}
	return append(b, '}')
}
