package simulator

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"net/http"
	"net/url"
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
	// expand are the relationships shown in each object, where the request asks for one that the collection has.
	expand []string
	// typed adds @odata.type to each object, for collections of mixed kinds.
	typed string
}

func sortInts(s []int) { slices.Sort(s) }

// page answers a list request.
func (c *call) page(col collection) reply {
	if fail := c.refuseOptions(len(col.expand) > 0); fail != nil {
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
	var filter *expr
	if text := c.query.Get("$filter"); text != "" {
		if filter, fail = parseFilter(text); fail == nil {
			fail = c.checkFilter(filter, col.schema, col.resource)
		}
		if fail != nil {
			return c.refuse(fail)
		}
	}
	start, pausing, first := 0, false, true
	if token := c.query.Get("$skiptoken"); token != "" {
		if start, pausing, fail = c.readToken(token); fail != nil {
			return c.refuse(fail)
		}
		first = false
	}
	total := -1
	if c.advanced && first {
		_, _, total = col.gather(filter, 0, 0, true)
	}
	var objects []object
	next := start
	if !pausing && c.s.emptyPage() {
		pausing = true
	} else {
		objects, next, _ = col.gather(filter, start, size, false)
		pausing = false
	}
	link := ""
	if next >= 0 {
		link = c.nextLink(next, pausing)
	}
	context := c.context(col.context) + c.projection(names, col.expand)
	names = append(slices.Clip(names), col.expand...)
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
			b = appendObject(b, o, names, col.schema, nil, col.typed)
		}
		return append(b, "]}"...)
	}}
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

// projection is what @odata.context says of the members that the request chose.
func (c *call) projection(names, expand []string) string {
	var parts []string
	if c.query.Get("$select") != "" {
		parts = slices.Clone(names)
	}
	for _, name := range expand {
		parts = append(parts, name+"(id)")
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, ",") + ")"
}

// refuseOptions refuses the query options that the directory does not have, or not in this slice.
func (c *call) refuseOptions(expanding bool) *refusal {
	q := c.query
	switch {
	case q.Has("$skip"):
		return badRequest("'$skip' is not supported by the service.")
	case q.Has("$search") && !strings.EqualFold(c.r.Header.Get("ConsistencyLevel"), "eventual"):
		c.missingHeader()
		return unsupported("Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'")
	case q.Has("$search"):
		return unsupported("Search is not supported for the current query.")
	case q.Has("$orderby"):
		return unsupported("Sorting not supported for current query.")
	case q.Has("$expand") && !expanding:
		return unsupported("Expand is not supported for the current query.")
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
	text := c.query.Get("$select")
	if text == "" {
		return defaults, nil
	}
	want := map[string]bool{}
	var extensions []string
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		if isExtension(name) {
			d, fail := c.extension(name, resource)
			if fail != nil {
				return nil, fail
			}
			if !slices.Contains(extensions, d.fullName) {
				extensions = append(extensions, d.fullName)
			}
			continue
		}
		p := sch.folded[strings.ToLower(name)]
		if p == nil {
			c.s.stats.protocol("unknown property")
			return nil, badOData("Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, strings.ToLower(resource))
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

// nextLink continues the request at a place. The token is bound to the rest of the link, since a client must use the link
// as it is.
func (c *call) nextLink(place int, pausing bool) string {
	q := url.Values{}
	for k, v := range c.query {
		if k != "$skiptoken" {
			q[k] = v
		}
	}
	var raw [17]byte
	binary.BigEndian.PutUint64(raw[:], uint64(place))
	if pausing {
		raw[8] = 1
	}
	binary.BigEndian.PutUint64(raw[9:], c.queryHash(raw[:9]))
	q.Set("$skiptoken", "RFNwdAIAAQAAAA"+base64.RawURLEncoding.EncodeToString(raw[:]))
	return c.s.url + c.r.URL.EscapedPath() + "?" + strings.ReplaceAll(q.Encode(), "%24", "$")
}

func (c *call) readToken(token string) (place int, pausing bool, fail *refusal) {
	text, ok := strings.CutPrefix(token, "RFNwdAIAAQAAAA")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if !ok || err != nil || len(raw) != 17 || binary.BigEndian.Uint64(raw[9:]) != c.queryHash(raw[:9]) {
		c.s.stats.protocol("nextLink altered")
		return 0, false, &refusal{status: http.StatusBadRequest, code: codeExpiredPage,
			message: "The specified page token value has expired and can no longer be included in your request."}
	}
	return int(binary.BigEndian.Uint64(raw)), raw[8] == 1, nil
}

func (c *call) queryHash(place []byte) uint64 {
	h := fnv.New64a()
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], c.s.pageKey)
	h.Write(key[:])
	h.Write(place)
	h.Write([]byte(strings.ToLower(c.t.id + c.r.URL.Path)))
	for _, k := range sortedKeys(c.query) {
		if k != "$skiptoken" {
			h.Write([]byte("\x00" + k + "=" + strings.Join(c.query[k], "\x01")))
		}
	}
	return h.Sum64()
}
