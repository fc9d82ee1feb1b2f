package simulator

import (
	"cmp"
	"slices"
	"strings"
)

// ordering is $orderby: by one property, up or down.
type ordering struct {
	name string
	down bool
}

// ordering reads $orderby. Names can be sorted by plainly, all else that can be filtered only in an advanced query, and so can
// whatever is filtered at the same time (https://learn.microsoft.com/graph/aad-advanced-queries).
func (c *call) ordering(col *collection) (*ordering, *refusal) {
	text := strings.TrimSpace(c.query.Get("$orderby"))
	if text == "" {
		return nil, nil
	}
	name, direction, _ := strings.Cut(text, " ")
	p := col.schema.folded[strings.ToLower(name)]
	switch {
	case p == nil && !strings.Contains(name, ","):
		return nil, badOData("Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, strings.ToLower(col.resource))
	case p == nil || p.filter == filterNever || p.kind == listKind || p.kind == objectKind:
		return nil, unsupported("Sorting not supported for current query.")
	}
	plain := p.name == "displayName" || p.name == "userPrincipalName"
	if (!plain || c.query.Has("$filter")) && !c.advanced {
		c.missingHeader()
		return nil, unsupported("Sorting not supported for current query.")
	}
	switch strings.ToLower(strings.TrimSpace(direction)) {
	case "", "asc":
		return &ordering{name: p.name}, nil
	case "desc":
		return &ordering{name: p.name, down: true}, nil
	}
	return nil, badOData("Syntax error at position %d in '%s'.", len(text), text)
}

// sortKey is where an object stands in an order: by its value, then by its place.
type sortKey struct {
	value string
	place int
}

func (o *ordering) compare(a, b sortKey) int {
	by := cmp.Or(strings.Compare(a.value, b.value), cmp.Compare(a.place, b.place))
	if o.down {
		return -by
	}
	return by
}

// sorted gives up to size matches in order, behind after; last is the key of the last of them, and more is whether others
// follow.
func (col *collection) sorted(filter *expr, by *ordering, after *sortKey, size int) (objects []object, last sortKey, more bool) {
	type match struct {
		sortKey
		o object
	}
	var matches []match
	for place := range col.size {
		o := col.at(place)
		if o == nil || filter != nil && !filter.matches(o) {
			continue
		}
		text, _ := o.value(by.name).(string)
		key := sortKey{strings.ToLower(text), place}
		if after == nil || by.compare(key, *after) > 0 {
			matches = append(matches, match{key, o})
		}
	}
	slices.SortFunc(matches, func(a, b match) int { return by.compare(a.sortKey, b.sortKey) })
	more = len(matches) > size
	for _, m := range matches[:min(size, len(matches))] {
		objects, last = append(objects, m.o), m.sortKey
	}
	return objects, last, more
}
