package pingone

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

var _ source.GroupReader = (*Source)(nil)

// group is what is read of a group.
// https://developer.pingidentity.com/pingone-api/platform/groups.html
type group struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Population  struct {
		ID string `json:"id"`
	} `json:"population"`
	DirectMemberCounts struct {
		Users int `json:"users"`
	} `json:"directMemberCounts"`
}

// listLonger is from how many groups on it takes fewer requests to list all of them than to read each.
const listLonger = 20

// Groups lists all groups, page by page: those of the environment and, where the source is limited to populations, of these only.
//
// Errors: those of a listing of people.
func (s *Source) Groups(ctx context.Context) ([]source.Group, error) {
	all, err := s.groups(ctx)
	if err != nil {
		return nil, err
	}
	groups := make([]source.Group, len(all))
	for i, g := range all {
		groups[i] = g.known()
	}
	return groups, nil
}

func (s *Source) groups(ctx context.Context) ([]group, error) {
	var all []group
	seen := map[string]bool{}
	err := s.each(ctx, "groups", "", s.path("groups"), func(text json.RawMessage) error {
		var g group
		if err := json.Unmarshal(text, &g); err != nil || g.ID == "" {
			return fault.Wrap(op, fault.Invalid, fault.SourceMalformed, s.place(), source.Hint("a group has no id"))
		}
		if s.covers(g) && !seen[g.ID] {
			all = append(all, g)
		}
		seen[g.ID] = true
		return nil
	})
	return all, err
}

// covers reports that a group is not one of a population that the source leaves out.
func (s *Source) covers(g group) bool {
	return len(s.Populations) == 0 || g.Population.ID == "" ||
		slices.ContainsFunc(s.Populations, func(p string) bool { return strings.EqualFold(p, g.Population.ID) })
}

func (g group) known() source.Group {
	return source.Group{ID: g.ID, Name: source.Clean(g.Name), Description: source.Clean(g.Description)}
}

// Memberships lists the people in each group, one group after the other. PingOne itself counts whoever is in a group through another one, and
// evaluates the filters of dynamic groups.
//
// Requests: one for each group (for all groups at once, pages of 200, from 20 groups on), and one for 200 members of each.
//
// Errors: those of a listing of people. In a Membership: GroupNotFound (NotFound), SourceIncomplete (Transient), SourceFilterRefused (Invalid).
func (s *Source) Memberships(ctx context.Context, ids []string, yield func(source.Membership) error) error {
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	ids = distinct(ids)
	find, err := s.finder(ctx, ids)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		// Whoever cannot be read is in no group, as far as the filter tells.
		if err := s.checkReadable(ctx); err != nil {
			return err
		}
	}
	for _, id := range ids {
		m := source.Membership{Group: source.Group{ID: id}}
		g, err := find(id)
		if err == nil {
			m.Group = g.known()
			m.People, err = s.members(ctx, g)
		}
		switch {
		case ctx.Err() != nil:
			return interrupted(ctx)
		case fault.Is(err, fault.GroupNotFound), fault.Is(err, fault.SourceIncomplete), fault.Is(err, fault.SourceFilterRefused):
			m.Err = err
		case err != nil:
			return err
		}
		if err := yield(m); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	return nil
}

// distinct gives each of the ids once.
func distinct(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		again := seen[id]
		seen[id] = true
		return again
	})
}

// finder gives a function that finds groups by their ids, with as few requests as it takes.
func (s *Source) finder(ctx context.Context, ids []string) (func(id string) (group, error), error) {
	gone := func(id string) error { return fault.New(op, fault.NotFound, fault.GroupNotFound, id) }
	if len(ids) < listLonger {
		return func(id string) (g group, err error) {
			if !plainID(id) {
				return g, gone(id)
			}
			err = s.get(ctx, s.path("groups", id), &g)
			if errors.Is(err, errNotFound) || err == nil && (g.ID != id || !s.covers(g)) {
				err = gone(id)
			}
			return g, err
		}, nil
	}
	all, err := s.groups(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[string]group, len(all))
	for _, g := range all {
		known[g.ID] = g
	}
	return func(id string) (group, error) {
		g, ok := known[id]
		if !ok {
			return g, gone(id)
		}
		return g, nil
	}, nil
}

// plainID reports that a text can be an id: what leaves an address or a filter's quotes cannot.
func plainID(id string) bool {
	return id != "" && id != "." && id != ".." && !strings.ContainsAny(id, "/\\\"?#%") && len(id) <= maxID
}

// members lists the people of the source who are in a group.
func (s *Source) members(ctx context.Context, g group) ([]string, error) {
	if !plainID(g.ID) {
		return nil, s.doubt("the id of a group cannot stand in a filter")
	}
	filter := `memberOfGroups[id eq "` + g.ID + `"]`
	scope := s.scope()
	if scope != "" {
		filter = "(" + scope + ") and " + filter
	}
	var people []string
	seen := map[string]bool{}
	err := s.each(ctx, "users", filter, s.path("users"), func(text json.RawMessage) error {
		var u struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(text, &u); err != nil || u.ID == "" {
			return fault.New(op, fault.Invalid, fault.SourceIDEmpty, s.place())
		}
		if !seen[u.ID] {
			seen[u.ID] = true
			people = append(people, u.ID)
		}
		return nil
	})
	if err == nil && scope == "" && len(people) == 0 && g.DirectMemberCounts.Users > 0 {
		// The index that filters are answered from may lag behind.
		err = s.doubt("a group says that it has members, and the filter finds none")
	}
	return people, err
}

// MembershipsOf asks for the groups of one person, who must be one of the source's.
//
// Requests: those of a single read, and one for 200 groups.
//
// Errors: those of a single read.
func (s *Source) MembershipsOf(ctx context.Context, person string, ids []string) ([]string, error) {
	_, _, err := s.Get(ctx, person)
	switch {
	case fault.Is(err, fault.PersonNotFound), err == nil && len(ids) == 0:
		return nil, nil
	case err != nil:
		return nil, err
	}
	in := map[string]bool{}
	err = s.each(ctx, "groupMemberships", "", s.path("users", person, "memberOfGroups"), func(text json.RawMessage) error {
		var m struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(text, &m); err != nil || m.ID == "" {
			return s.doubt("a membership does not say of which group it is")
		}
		in[m.ID] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(distinct(ids), func(id string) bool { return !in[id] }), nil
}
