package simulator

import (
	"strings"
	"time"
)

// record is one state of a user. Records are never changed once they are stored: an update stores a new one, so that
// readers and replicas may keep an old one as long as they like.
type record struct {
	id        string
	props     map[string]any // :: exact property name -> string, bool, []string or JSON value; unset ones are absent
	direct    []grant
	inherited []grant
	manager   string
	admin     bool      // holds an administrator role
	deleted   time.Time // when it went to the bin
	upn       string    // the name it had before the bin mangled it
}

func (r *record) text(name string) string {
	s, _ := r.props[name].(string)
	return s
}

func (r *record) flag(name string) bool {
	b, _ := r.props[name].(bool)
	return b
}

// clone copies what a writer is about to change. Grants are replaced as a whole and may be shared.
func (r *record) clone() *record {
	c := *r
	c.props = make(map[string]any, len(r.props)+1)
	for k, v := range r.props {
		c.props[k] = v
	}
	return &c
}

// entry is one user over time.
type entry struct {
	id      string
	pos     int     // place in people.order
	cur     *record // what the master holds; nil once deleted
	history []version
}

// version is a state and when the master took it over. The history of an entry is kept only as long as some replica may
// still be behind.
type version struct {
	at  time.Time
	rec *record
}

// at gives the state that a replica holds which knows the master's writes up to t.
func (e *entry) at(t time.Time) *record {
	if len(e.history) == 0 {
		return e.cur
	}
	for i := len(e.history) - 1; i >= 0; i-- {
		if !e.history[i].at.After(t) {
			return e.history[i].rec
		}
	}
	return nil
}

// people are the users of a tenant, with the indexes that make a lookup cheap whatever the tenant's size.
type people struct {
	lag    time.Duration
	order  []*entry                       // in order of creation; nil where one was removed, so that places never move
	byID   map[string]*entry              // :: lower-case id
	byUPN  map[string]*entry              // :: lower-case name, the master's view
	values map[string]map[string][]*entry // :: property -> lower-case value -> holders, the master's view
	recent []change                       // what replicas may not know yet, oldest first
	live   int
}

type change struct {
	e  *entry
	at time.Time
}

func newPeople(lag time.Duration) *people {
	return &people{lag: lag, byID: map[string]*entry{}, byUPN: map[string]*entry{}, values: map[string]map[string][]*entry{}}
}

// indexed reports whether equality on the property is answered from an index.
func indexed(name string) bool {
	switch name {
	case "employeeId", "onPremisesImmutableId", "mail", "proxyAddresses", "displayName":
		return true
	}
	return isExtension(name)
}

// put stores a new state of a user, or, with a nil record, its end.
func (p *people) put(e *entry, rec *record, at time.Time) {
	old := e.cur
	p.unindex(e, old, rec)
	if old == nil && rec != nil {
		e.pos = len(p.order)
		p.order = append(p.order, e)
		p.byID[strings.ToLower(e.id)] = e
		p.live++
	}
	e.cur = rec
	p.reindex(e, old, rec)
	if rec == nil && old != nil {
		p.live--
	}
	if p.lag > 0 {
		if len(e.history) == 0 {
			e.history = append(e.history, version{time.Time{}, old})
		}
		e.history = append(e.history, version{at, rec})
		p.recent = append(p.recent, change{e, at})
		p.settle(at)
	} else if rec == nil {
		p.forget(e)
	}
}

// settle drops the histories that every replica has caught up with.
func (p *people) settle(now time.Time) {
	cutoff := now.Add(-p.lag)
	n := 0
	for n < len(p.recent) && p.recent[n].at.Before(cutoff) {
		e := p.recent[n].e
		if k := len(e.history); k > 0 && e.history[k-1].at.Before(cutoff) {
			e.history = nil
			if e.cur == nil {
				p.forget(e)
			}
		}
		n++
	}
	if n > 0 {
		p.recent = append([]change(nil), p.recent[n:]...)
	}
}

func (p *people) forget(e *entry) {
	if e.pos < len(p.order) && p.order[e.pos] == e {
		p.order[e.pos] = nil
	}
	if key := strings.ToLower(e.id); p.byID[key] == e {
		delete(p.byID, key)
	}
}

func (p *people) unindex(e *entry, old, rec *record) {
	if old == nil {
		return
	}
	if upn := strings.ToLower(old.text("userPrincipalName")); p.byUPN[upn] == e {
		delete(p.byUPN, upn)
	}
	for name, v := range old.props {
		if indexed(name) && (rec == nil || !equalValues(v, rec.props[name])) {
			each(v, func(s string) { p.drop(name, s, e) })
		}
	}
}

func (p *people) reindex(e *entry, old, rec *record) {
	if rec == nil {
		return
	}
	p.byUPN[strings.ToLower(rec.text("userPrincipalName"))] = e
	for name, v := range rec.props {
		if indexed(name) && (old == nil || !equalValues(v, old.props[name])) {
			each(v, func(s string) {
				m := p.values[name]
				if m == nil {
					m = map[string][]*entry{}
					p.values[name] = m
				}
				key := strings.ToLower(s)
				m[key] = append(m[key], e)
			})
		}
	}
}

func (p *people) drop(name, value string, e *entry) {
	m, key := p.values[name], strings.ToLower(value)
	holders := m[key]
	for i, h := range holders {
		if h == e {
			// A new slice: readers may hold the old one.
			rest := append(append([]*entry(nil), holders[:i]...), holders[i+1:]...)
			if len(rest) == 0 {
				delete(m, key)
			} else {
				m[key] = rest
			}
			return
		}
	}
}

// master finds the current state by id or name, whatever replicas know.
func (p *people) master(idOrUPN string) *entry {
	key := strings.ToLower(idOrUPN)
	if e := p.byID[key]; e != nil && e.cur != nil {
		return e
	}
	return p.byUPN[key]
}

// seen finds a user by id or name as a replica sees it that knows the writes up to t.
func (p *people) seen(idOrUPN string, t time.Time) *record {
	if e := p.master(idOrUPN); e != nil {
		if rec := e.at(t); rec != nil && rec.is(idOrUPN) {
			return rec
		}
	}
	for _, c := range p.recent {
		if rec := c.e.at(t); rec != nil && rec.is(idOrUPN) {
			return rec
		}
	}
	return nil
}

func (r *record) is(idOrUPN string) bool {
	return strings.EqualFold(r.id, idOrUPN) || strings.EqualFold(r.text("userPrincipalName"), idOrUPN)
}

// holder gives another user that holds the value, nil when nobody does. The master's view.
func (p *people) holder(name, value string, except *entry) *entry {
	for _, e := range p.values[name][strings.ToLower(value)] {
		if e != except && e.cur != nil {
			return e
		}
	}
	return nil
}

// each calls f for the strings of a value.
func each(v any, f func(string)) {
	switch v := v.(type) {
	case string:
		f(v)
	case []string:
		for _, s := range v {
			f(s)
		}
	}
}

// equalValues compares two property values; JSON values compare by their text.
func equalValues(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		s, ok := b.(string)
		return ok && s == a
	case bool:
		s, ok := b.(bool)
		return ok && s == a
	case []string:
		s, ok := b.([]string)
		if !ok || len(s) != len(a) {
			return false
		}
		for i := range a {
			if a[i] != s[i] {
				return false
			}
		}
		return true
	}
	return string(appendValue(nil, a)) == string(appendValue(nil, b))
}
