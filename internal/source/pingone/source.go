package pingone

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// Source is the people of one environment. It is safe for concurrent use.
type Source struct {
	*client
	use source.Use
}

var (
	_ source.Live    = (*Source)(nil)
	_ source.Checker = (*Source)(nil)
)

const (
	// pageSize is the most that PingOne gives at once.
	// https://developer.pingidentity.com/pingone-api/platform/reference/paging-ordering-filtering-collections.html
	pageSize = 200
	// maxEmpty is how many pages in a row may have nobody and still lead on.
	maxEmpty = 3
)

// Live marks the source as one that a server answers for.
func (s *Source) Live() {}

// Requests is how many requests were sent to the API, for tests of what a read costs.
func (s *Source) Requests() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Snapshot has no id: PingOne does not say whether anything has changed.
func (s *Source) Snapshot(ctx context.Context) (source.Snapshot, error) {
	if ctx.Err() != nil {
		return source.Snapshot{}, interrupted(ctx)
	}
	return source.Snapshot{}, nil
}

// page is one answer of a listing.
type page struct {
	Embedded *struct {
		Users *[]json.RawMessage `json:"users"`
	} `json:"_embedded"`
	Links struct {
		Next *struct {
			Href string `json:"href"`
		} `json:"next"`
	} `json:"_links"`
	Count *int `json:"count"`
	Size  *int `json:"size"`
}

// List reads everybody, page by page.
//
// Errors: SourceIncomplete where any sign of the end is missing; those of get and of records.
func (s *Source) List(ctx context.Context, yield func(source.Record) error) (source.Snapshot, error) {
	columns, err := s.columns(ctx)
	if err != nil {
		return source.Snapshot{}, err
	}
	address := s.path("users") + "?limit=" + strconv.Itoa(pageSize)
	if scope := s.scope(); scope != "" {
		address += "&filter=" + url.QueryEscape(scope)
	}
	var digest source.Digest
	promised, empty := -1, 0
	seen, come := map[string]bool{}, map[string]bool{}
	for first := true; ; first = false {
		if ctx.Err() != nil {
			return source.Snapshot{}, interrupted(ctx)
		}
		var p page
		if err := s.get(ctx, address, &p); err != nil {
			return source.Snapshot{}, s.incomplete(err)
		}
		switch {
		case p.Embedded == nil || p.Embedded.Users == nil:
			return source.Snapshot{}, s.doubt("a page has no list of users")
		case p.Size != nil && *p.Size != len(*p.Embedded.Users):
			return source.Snapshot{}, s.doubt("a page has not as many users as it says")
		}
		if first && p.Count != nil {
			promised = *p.Count
		}
		for _, text := range *p.Embedded.Users {
			record, err := s.record(text, columns)
			if err != nil {
				return source.Snapshot{}, err
			}
			if ctx.Err() != nil {
				return source.Snapshot{}, interrupted(ctx)
			}
			digest.Add(record)
			come[populationOf(record)] = true
			if err := yield(record); err != nil {
				return source.Snapshot{}, err
			}
		}
		if p.Links.Next == nil || p.Links.Next.Href == "" {
			if promised < 0 && len(*p.Embedded.Users) >= pageSize {
				return source.Snapshot{}, s.doubt("a full page leads to no other, and none says how many users there are")
			}
			break
		}
		if empty++; len(*p.Embedded.Users) > 0 {
			empty = 0
		}
		if address, err = s.next(p.Links.Next.Href); err != nil {
			return source.Snapshot{}, err
		}
		if seen[address] || empty > maxEmpty {
			return source.Snapshot{}, s.doubt("the pages do not come to an end")
		}
		seen[address] = true
	}
	if digest.Count() < promised {
		return source.Snapshot{}, s.doubt("fewer users came than the first page promised")
	}
	for _, population := range s.Populations {
		if !come[strings.ToLower(population)] {
			if err := s.readable(ctx, population); err != nil {
				return source.Snapshot{}, err
			}
		}
	}
	return digest.Snapshot(), nil
}

// next is the address of the next page, which must be of the same API: the token goes nowhere else.
func (s *Source) next(href string) (string, error) {
	at, err := url.Parse(href)
	if err != nil || at.Scheme+"://"+at.Host != s.api || at.Path != "/v1/environments/"+s.EnvironmentID+"/users" || at.User != nil {
		return "", s.doubt("the link to the next page leads elsewhere")
	}
	return href, nil
}

// doubt is the error of a listing that may not be whole.
func (s *Source) doubt(hint source.Hint) error {
	return fault.Wrap(op, fault.Transient, fault.SourceIncomplete, s.place(), hint)
}

// incomplete takes a page that is not there for what it is: no proof of anything.
func (s *Source) incomplete(err error) error {
	if errors.Is(err, errNotFound) {
		return s.doubt("a page is not there")
	}
	return err
}

// Get reads one person. Where populations or a filter are set, it makes sure that they include the person.
func (s *Source) Get(ctx context.Context, id string) (record source.Record, snapshot source.Snapshot, err error) {
	gone := fault.New(op, fault.NotFound, fault.PersonNotFound, "")
	if ctx.Err() != nil {
		return record, snapshot, interrupted(ctx)
	}
	if id == "" || strings.ContainsAny(id, "/\\") && id == ".." {
		return record, snapshot, gone
	}
	columns, err := s.columns(ctx)
	if err != nil {
		return record, snapshot, err
	}
	var text json.RawMessage
	err = s.get(ctx, s.path("users", id), &text)
	switch {
	case errors.Is(err, errNotFound):
		if err := s.checkReadable(ctx); err != nil {
			return record, snapshot, err
		}
		return record, snapshot, gone
	case err != nil:
		return record, snapshot, err
	}
	if record, err = s.record(text, columns); err != nil {
		return source.Record{}, snapshot, err
	}
	if record.ID != id {
		return source.Record{}, snapshot, gone
	}
	in, err := s.includes(ctx, text)
	switch {
	case err != nil:
		return source.Record{}, snapshot, err
	case !in:
		return source.Record{}, snapshot, gone
	}
	return record, snapshot, nil
}

// includes reports whether populations and filter include a person. PingOne evaluates the filter: it is asked for the person's name,
// which is unique in an environment, and the filter together.
func (s *Source) includes(ctx context.Context, text json.RawMessage) (bool, error) {
	var user struct {
		ID         string `json:"id"`
		Username   string `json:"username"`
		Population struct {
			ID string `json:"id"`
		} `json:"population"`
	}
	if err := json.Unmarshal(text, &user); err != nil {
		return false, s.doubt("an answer is not whole")
	}
	if len(s.Populations) > 0 && !slices.ContainsFunc(s.Populations, func(p string) bool { return strings.EqualFold(p, user.Population.ID) }) {
		return false, nil
	}
	if s.Filter == "" {
		return true, nil
	}
	if user.Username == "" || strings.ContainsAny(user.Username, `"\`) {
		return false, s.doubt("the filter cannot be tried on somebody with this user name")
	}
	named := `username eq "` + user.Username + `"`
	if in, err := s.finds(ctx, user.ID, named+` and (`+s.Filter+`)`); in || err != nil {
		return in, err
	}
	// The index that filters are answered from may lag behind: whoever is not even found by name is not known to be outside.
	known, err := s.finds(ctx, user.ID, named)
	if err == nil && !known {
		err = s.doubt("the filter does not find somebody who is there")
	}
	return false, err
}

// finds reports whether a filter finds a person.
func (s *Source) finds(ctx context.Context, id, filter string) (bool, error) {
	var p page
	if err := s.get(ctx, s.path("users")+"?limit=2&filter="+url.QueryEscape(filter), &p); err != nil {
		return false, s.incomplete(err)
	}
	if p.Embedded == nil || p.Embedded.Users == nil {
		return false, s.doubt("a page has no list of users")
	}
	for _, found := range *p.Embedded.Users {
		var other struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(found, &other) == nil && other.ID == id {
			return true, nil
		}
	}
	return false, nil
}

// record makes the record of a user. Objects keep their shape, so that expressions say user.name.given.
//
// Errors: SourceIDEmpty, SourceMalformed (Invalid).
func (s *Source) record(text json.RawMessage, columns []string) (source.Record, error) {
	var fields map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil {
		return source.Record{}, fault.Wrap(op, fault.Invalid, fault.SourceMalformed, s.place(), source.Hint("a user is no JSON object"))
	}
	id, _ := fields["id"].(string)
	if id == "" {
		return source.Record{}, fault.New(op, fault.Invalid, fault.SourceIDEmpty, s.place())
	}
	r := source.Record{ID: id, Fields: map[string]any{}}
	enabled, known := fields["enabled"].(bool)
	if r.Enabled = enabled; !known {
		r.EnabledErr = fault.New(op, fault.Invalid, fault.EnabledUnreadable, "enabled")
	}
	for name, value := range fields {
		if name != "_links" {
			r.Fields[name] = plain(value)
		}
	}
	for _, name := range columns {
		if _, has := r.Fields[name]; !has {
			r.Fields[name] = ""
		}
	}
	return r, nil
}

// plain cleans texts and turns JSON's numbers into the types of records; null is empty.
func plain(value any) any {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return source.Clean(v)
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = plain(v[name])
		}
	}
	return value
}
