package ldap

import (
	"cmp"
	"context"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// Source is one directory. It is safe for concurrent use.
type Source struct {
	*server
	// use is what the rules' expressions name; without any, all attributes are read.
	use source.Use
}

var (
	_ source.Live    = (*Source)(nil)
	_ source.Checker = (*Source)(nil)
	_ source.Closer  = (*Source)(nil)
)

// pageSize is how many entries a page has: Active Directory cuts larger ones without a word.
// https://learn.microsoft.com/troubleshoot/windows-server/active-directory/view-set-ldap-policy-using-ntdsutil
const pageSize = 1000

const errNoPaging message = "the server does not answer with pages (RFC 2696), so that nobody knows whether all entries came"

const errPageSize message = "the server answers with more entries than a page may have (RFC 2696), which need not fit into memory"

// Live marks the source as one that a server answers for.
func (s *Source) Live() {}

// Requests is how many searches were sent, for tests of what a read costs.
func (s *Source) Requests() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// reading says how entries become records, by what the server and the rules say.
func (s *Source) reading(ctx context.Context) (*reading, error) {
	f, err := s.known(ctx)
	if err != nil {
		return nil, err
	}
	r := &reading{facts: f, filter: s.filter(f.kind), id: s.ID, lists: map[string]bool{}}
	if r.id == "" {
		r.id = "entryUUID"
		if f.kind == kindActiveDirectory {
			r.id = "objectGUID"
		}
	}
	r.guid = strings.EqualFold(r.id, "objectGUID")
	r.enabled, r.negated = s.enabledAttribute(f)
	for _, name := range s.use.Lists {
		// Values are looked up by the canonical name, whatever case the expression spells it in.
		r.lists[r.canonical(name)] = true
	}
	names := s.Attributes
	if len(names) == 0 {
		names = s.use.Attributes
	}
	for _, name := range names {
		// What the schema does not have is no column: whoever loads the rule is told.
		if f.has(name) && attributeName.MatchString(name) && !slices.Contains(r.columns, name) {
			r.columns = append(r.columns, name)
		}
	}
	if len(names) > 0 && r.columns == nil {
		r.columns = []string{}
	}
	return r, nil
}

// Columns are the attributes that are read: those of the settings, else those that the rules name, as far as the schema has them.
func (s *Source) Columns(ctx context.Context) (source.Columns, error) {
	r, err := s.reading(ctx)
	if err != nil {
		return source.Columns{}, err
	}
	c := source.Columns{Names: slices.Clone(r.columns), Typed: true, HasEnabled: r.enabled != ""}
	if r.columns == nil {
		for _, t := range r.facts.attributes {
			c.Names = append(c.Names, t.name)
		}
	}
	slices.Sort(c.Names)
	c.Names = slices.Compact(c.Names)
	return c, nil
}

// Snapshot has no id: a live directory does not say whether it has changed.
func (s *Source) Snapshot(ctx context.Context) (source.Snapshot, error) {
	if ctx.Err() != nil {
		return source.Snapshot{}, interrupted(ctx)
	}
	return source.Snapshot{}, nil
}

// List reads everybody, page by page.
//
// Errors: SourceIncomplete where any sign of the end is missing; those of dial and of entries.
func (s *Source) List(ctx context.Context, yield func(source.Record) error) (source.Snapshot, error) {
	r, err := s.reading(ctx)
	if err != nil {
		return source.Snapshot{}, err
	}
	l := listing{Source: s, reading: r, yield: yield}
	err = s.withNew(ctx, func(c *goldap.Conn, t *tap) error {
		if l.tap = t; t != nil {
			t.keep(true)
		}
		err := l.run(ctx, c)
		if err == nil && t != nil {
			// After an error the connection is closed. Its reader may still wait for the rest of an entry, and nobody waits for that.
			t.keep(false)
		}
		return err
	})
	if l.yielded != nil {
		return source.Snapshot{}, l.yielded
	}
	if err != nil {
		return source.Snapshot{}, err
	}
	return l.seen.Snapshot(), nil
}

// listing is one complete reading.
type listing struct {
	*Source
	reading *reading
	yield   func(source.Record) error
	yielded error
	seen    source.Digest
	// tap keeps the entries of each page; nil where the library reads them.
	tap *tap
	// names are those of the attributes that were met.
	names map[string]string
}

func (l *listing) run(ctx context.Context, c *goldap.Conn) error {
	l.names = map[string]string{}
	next := l.page(ctx, c, nil, nil)
	var done []byte
	for {
		p := <-next
		if p.err != nil {
			return p.err
		}
		if len(p.cookie) > 0 {
			// The server collects the next page while this one is worked through.
			next = l.page(ctx, c, p.cookie, done)
		}
		if err := l.entries(ctx, c, p); err != nil {
			return err
		}
		if done = p.kept; len(p.cookie) == 0 {
			return l.whole(ctx, c)
		}
	}
}

// entries works through a page.
func (l *listing) entries(ctx context.Context, c *goldap.Conn, p page) error {
	for _, e := range p.entries {
		if err := l.entry(ctx, c, entryOf(e)); err != nil {
			return err
		}
	}
	for kept := (rawEntries{rest: p.kept, names: l.names}); ; {
		e, err := kept.next()
		if err != nil {
			return fault.Wrap(op, fault.Transient, fault.SourceUnavailable, l.place(), err)
		}
		if e == nil {
			return nil
		}
		if err := l.entry(ctx, c, e); err != nil {
			return err
		}
	}
}

// page is one answer of a listing; the last has no cookie. Its entries are those of the library, or kept by the tap.
type page struct {
	entries []*goldap.Entry
	kept    []byte
	cookie  []byte
	err     error
}

// page asks for the page after a cookie. done is a page that was worked through. Where nobody waits for the answer any more the connection
// is closed, which ends the request.
func (l *listing) page(ctx context.Context, c *goldap.Conn, cookie, done []byte) <-chan page {
	answered := make(chan page, 1)
	go func() {
		paging := goldap.NewControlPaging(pageSize)
		paging.SetCookie(cookie)
		request := l.request(l.reading.filter, paging)
		request.Attributes = l.reading.attributes()
		result, err := l.searchPage(ctx, c, request)
		if err != nil {
			answered <- page{err: err}
			return
		}
		answer, ok := goldap.FindControl(result.Controls, goldap.ControlTypePaging).(*goldap.ControlPaging)
		if !ok {
			answered <- page{err: fault.Wrap(op, fault.Invalid, fault.SourceIncomplete, l.place(), source.Hint(errNoPaging))}
			return
		}
		p := page{entries: result.Entries, cookie: answer.Cookie}
		if l.tap != nil {
			if p.kept, err = l.tap.take(done); err != nil {
				p.err = fault.Wrap(op, fault.Invalid, fault.SourceIncomplete, l.place(), err)
			}
		}
		answered <- p
	}()
	return answered
}

// whole is the last look: context and connection live, and where nobody was found, the place is there to be read.
func (l *listing) whole(ctx context.Context, c *goldap.Conn) error {
	switch {
	case ctx.Err() != nil:
		return interrupted(ctx)
	case c.IsClosing():
		return fault.New(op, fault.Transient, fault.SourceUnavailable, l.place())
	case l.seen.Count() == 0:
		return l.readable(ctx, c)
	}
	return nil
}

func (l *listing) entry(ctx context.Context, c *goldap.Conn, e *rawEntry) error {
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	if e.hasParts() {
		whole := e.library()
		if err := l.complete(ctx, c, whole); err != nil {
			return err
		}
		e = entryOf(whole)
	}
	record, err := l.reading.record(e)
	if err != nil {
		return err
	}
	l.seen.Add(record)
	if l.yielded = l.yield(record); l.yielded != nil {
		return l.yielded
	}
	return nil
}

// request is a search below the base.
func (s *Source) request(filter string, controls ...goldap.Control) *goldap.SearchRequest {
	return goldap.NewSearchRequest(s.BaseDN, goldap.ScopeWholeSubtree, goldap.NeverDerefAliases, 0, 0, false, filter, nil, controls)
}

// Get reads one person with one search.
func (s *Source) Get(ctx context.Context, id string) (record source.Record, snapshot source.Snapshot, err error) {
	if ctx.Err() != nil {
		return record, snapshot, interrupted(ctx)
	}
	r, err := s.reading(ctx)
	if err != nil {
		return record, snapshot, err
	}
	byID, possible := r.idFilter(id)
	if !possible {
		return record, snapshot, fault.New(op, fault.NotFound, fault.PersonNotFound, "")
	}
	err = s.with(ctx, func(c *goldap.Conn) error {
		request := s.request("(&" + r.filter + byID + ")")
		request.Attributes = r.attributes()
		result, err := s.search(ctx, c, request)
		if err != nil {
			return err
		}
		found := false
		for _, e := range result.Entries {
			if err := s.complete(ctx, c, e); err != nil {
				return err
			}
			one, err := r.record(entryOf(e))
			switch {
			case err != nil:
				return err
			case one.ID != id:
				// Servers compare without case and blanks.
			case found:
				return fault.New(op, fault.Invalid, fault.SourceIDDuplicate, r.id)
			default:
				record, found = one, true
			}
		}
		if found {
			return nil
		}
		if err := s.readable(ctx, c); err != nil {
			return err
		}
		return fault.New(op, fault.NotFound, fault.PersonNotFound, "")
	})
	return record, snapshot, err
}

// readable makes sure that the base of the people can be read: an account that has lost its rights is shown nobody, without an error.
//
// Errors: SourceAccessDenied (Denied), SourcePlaceUnknown (Invalid).
func (s *server) readable(ctx context.Context, c *goldap.Conn) error {
	result, err := s.search(ctx, c, goldap.NewSearchRequest(s.BaseDN, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", []string{"1.1"}, nil))
	switch {
	case err != nil:
		return err
	case len(result.Entries) == 0:
		return fault.Wrap(op, fault.Denied, fault.SourceAccessDenied, cmp.Or(s.BaseDN, s.place()), source.Hint("the base DN cannot be read"))
	}
	return nil
}
