package pingone

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/source"
)

// readableAge is how long it is believed that people can be read: many leavers are looked for one after the other.
const readableAge = 30 * time.Second

// checkReadable makes sure that somebody who is not found could have been. An application whose role was withdrawn, for the environment or
// for a population, finds none of the people there, and that says nothing about them. Where no populations are set, that a role is gone for
// some of them only cannot be told.
//
// Errors: SourceIncomplete (Transient), SourceAccessDenied (Denied); those of get.
func (s *Source) checkReadable(ctx context.Context) error {
	s.mu.Lock()
	known := s.env.Now().Sub(s.readableAt) < readableAge
	s.mu.Unlock()
	if known {
		return nil
	}
	began := s.env.Now()
	if len(s.Populations) == 0 {
		if err := s.anywhere(ctx); err != nil {
			return err
		}
	}
	for _, population := range s.Populations {
		found, err := s.anybody(ctx, `population.id eq "`+population+`"`)
		if err == nil && !found {
			err = s.readable(ctx, population)
		}
		if err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.readableAt = began
	s.mu.Unlock()
	return nil
}

// anywhere makes sure that people of the environment can be read. Where nobody is found, the environment must say that it is empty.
func (s *Source) anywhere(ctx context.Context) error {
	found, err := s.anybody(ctx, "")
	if err != nil || found {
		return err
	}
	var p struct {
		Embedded struct {
			Populations []struct {
				UserCount int `json:"userCount"`
			} `json:"populations"`
		} `json:"_embedded"`
	}
	if err := s.get(ctx, s.path("populations"), &p); err != nil {
		return s.incomplete(err)
	}
	people := 0
	for _, population := range p.Embedded.Populations {
		people += population.UserCount
	}
	if len(p.Embedded.Populations) == 0 || people > 0 {
		return s.doubt("nobody can be read, and the environment does not say that it is empty")
	}
	return nil
}

// anybody reports whether a filter finds somebody; "" is none.
func (s *Source) anybody(ctx context.Context, filter string) (bool, error) {
	address := s.path("users") + "?limit=1"
	if filter != "" {
		address += "&filter=" + url.QueryEscape(filter)
	}
	var p page
	if err := s.get(ctx, address, &p); err != nil {
		return false, s.incomplete(err)
	}
	if p.Embedded == nil || p.Embedded.Users == nil {
		return false, s.doubt("a page has no list of users")
	}
	return len(*p.Embedded.Users) > 0, nil
}

// readable makes sure that a population of which nobody was read is there, and may be read: it is empty then.
func (s *Source) readable(ctx context.Context, population string) error {
	var text json.RawMessage
	err := s.get(ctx, s.path("populations", population), &text)
	if errors.Is(err, errNotFound) {
		return s.doubt("one of the populations is not there, or may not be read; correct pingone.populations or the roles of the application")
	}
	return err
}

// populationOf is the population of a record, in lower case; "" where it says none.
func populationOf(r source.Record) string {
	p, _ := r.Fields["population"].(map[string]any)
	id, _ := p["id"].(string)
	return strings.ToLower(id)
}
