package pingone_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/pingonesim"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/pingone"
	"github.com/entraflow/entraflow/internal/source/sourcetest"
)

func TestConformanceOfGroups(t *testing.T) {
	t.Parallel()
	sourcetest.RunGroups(t, sourcetest.Groups{
		Open: func(t *testing.T, people []sourcetest.Person, groups []sourcetest.Group) source.Source {
			return open(t, environmentOf(t, people, groups), inPopulation)
		},
		Cut: func(t *testing.T, people []sourcetest.Person, groups []sourcetest.Group, name string) source.Source {
			server := environmentOf(t, people, groups)
			cut := "id-of-" + name
			server.Faults(func(r *http.Request) *pingonesim.Fault {
				if r.URL.Query().Has("cursor") && strings.Contains(r.URL.Query().Get("filter"), cut) {
					return &pingonesim.Fault{NoNext: true, Cut: 700}
				}
				return nil
			})
			return open(t, server, inPopulation)
		},
	})
}

func inPopulation(e *pingone.Environment) { e.Populations = []string{sales} }

// environmentOf has the suite's people in one population and its strangers in another.
func environmentOf(t *testing.T, people []sourcetest.Person, groups []sourcetest.Group) *pingonesim.Server {
	t.Helper()
	o := pingonesim.Options{Users: []pingonesim.User{{"id": "stranger", "username": "stranger", "enabled": true, "population": map[string]any{"id": others}}}}
	for _, p := range people {
		o.Users = append(o.Users, pingonesim.User{"id": p.ID, "username": p.ID, "enabled": p.Enabled == sourcetest.Enabled, "population": map[string]any{"id": sales}})
	}
	for _, g := range groups {
		made := pingonesim.Group{"id": "id-of-" + g.Name, "name": g.Name, "members": g.People}
		if strings.ContainsAny(g.Name, `/\"?#%`) {
			made["id"] = fmt.Sprintf("id-of-%x", g.Name)
		}
		if g.Description != "" {
			made["description"] = g.Description
		}
		if g.Strangers {
			made["members"] = append(slices.Clone(g.People), "stranger", "nobody at all")
		}
		var within []string
		for _, name := range g.Groups {
			within = append(within, "id-of-"+name)
		}
		made["groups"] = within
		o.Groups = append(o.Groups, made)
	}
	return start(t, o)
}

// members reads memberships by the ids of the groups, each with its people in order.
func members(t *testing.T, s *pingone.Source, ids ...string) map[string]source.Membership {
	t.Helper()
	got := map[string]source.Membership{}
	require.NoError(t, s.Memberships(t.Context(), ids, func(m source.Membership) error {
		slices.Sort(m.People)
		got[m.Group.ID] = m
		return nil
	}))
	return got
}

// PingOne counts who is in a group through another one, and whoever matches the filter of a dynamic group.
func TestGroups(t *testing.T) {
	t.Parallel()
	server := start(t, pingonesim.Options{Users: people(30), PageSize: 7, Groups: []pingonesim.Group{
		{"id": "g1", "name": "Clerks", "description": "All of them", "userFilter": `title eq "Clerk"`},
		{"id": "g2", "name": "Few", "members": []string{"u0001", "u0003"}, "groups": []string{"g3"}},
		{"id": "g3", "name": "Inner", "members": []string{"u0004"}, "groups": []string{"g2"}},
		{"id": "g4", "name": "Few", "population": map[string]any{"id": others}, "members": []string{"u0003"}},
		{"id": "g5", "name": "Nobody"},
	}})
	s := open(t, server, nil)
	groups, err := s.Groups(t.Context())
	require.NoError(t, err)
	require.Len(t, groups, 5)
	require.Equal(t, source.Group{ID: "g1", Name: "Clerks", Description: "All of them"}, groups[0])
	before := s.Requests()
	got := members(t, s, "g1", "g2", "g3", "g4", "g5")
	require.Len(t, got["g1"].People, 30)
	require.Equal(t, []string{"u0001", "u0003", "u0004"}, got["g2"].People)
	require.Equal(t, []string{"u0001", "u0003", "u0004"}, got["g3"].People)
	require.Equal(t, []string{"u0003"}, got["g4"].People)
	require.Empty(t, got["g5"].People)
	for _, m := range got {
		require.NoError(t, m.Err)
	}
	require.Equal(t, int64(1+5+5+4), s.Requests()-before, "whether people can be read, each group, a page of each, and four more of the large one")
	in, err := s.MembershipsOf(t.Context(), "u0003", []string{"g1", "g2", "g4", "g5", "gone"})
	require.NoError(t, err)
	require.Equal(t, []string{"g1", "g2", "g4"}, in)

	// Only people of the populations, and only their groups and the environment's.
	s = open(t, server, inPopulation)
	groups, err = s.Groups(t.Context())
	require.NoError(t, err)
	require.Len(t, groups, 4)
	got = members(t, s, "g2", "g4")
	require.Equal(t, []string{"u0001", "u0004"}, got["g2"].People)
	require.True(t, fault.Is(got["g4"].Err, fault.GroupNotFound))

	// Who leaves a population leaves its groups.
	require.True(t, server.Update("u0003", func(u pingonesim.User) { u["population"] = map[string]any{"id": sales} }))
	require.Empty(t, members(t, open(t, server, nil), "g4")["g4"].People)
}

// From some groups on it takes fewer requests to list all of them.
func TestManyGroups(t *testing.T) {
	t.Parallel()
	o := pingonesim.Options{Users: people(10)}
	var ids []string
	for i := range 50 {
		id := fmt.Sprintf("g%d", i)
		ids = append(ids, id)
		o.Groups = append(o.Groups, pingonesim.Group{"id": id, "name": "One of many", "members": []string{"u0001"}})
	}
	s := open(t, start(t, o), nil)
	before := s.Requests()
	got := members(t, s, append(ids, "gone")...)
	require.Len(t, got, 51)
	require.True(t, fault.Is(got["gone"].Err, fault.GroupNotFound))
	require.Equal(t, []string{"u0001"}, got["g49"].People)
	require.Equal(t, int64(1+1+50), s.Requests()-before)
}

// Whatever breaks: the group's membership is an error, or the whole read is, and nobody counts as no member. What passes by itself is waited out.
func TestBrokenMemberships(t *testing.T) {
	t.Parallel()
	foreign := start(t, pingonesim.Options{Users: people(5)})
	server := start(t, pingonesim.Options{Users: people(25), PageSize: 10, Groups: []pingonesim.Group{
		{"id": "g1", "name": "Clerks", "userFilter": `title eq "Clerk"`}, {"id": "g2", "name": "Few", "members": []string{"u0001"}}}})
	s := open(t, server, nil)
	in := func(r *http.Request, what string) bool {
		return strings.HasSuffix(r.URL.Path, what) && (what != "/users" || strings.Contains(r.URL.Query().Get("filter"), `"g1"`))
	}
	tries := 0
	for _, what := range []string{"/users", "/groups/g1", "/groups", "/memberOfGroups"} {
		for name, f := range map[string]pingonesim.Fault{
			"no list": {NoUsers: true}, "cut": {Cut: 40}, "closed": {Close: true}, "next link elsewhere": {Next: foreign.URL + "/v1/environments/" + environment + "/users"},
			"next link to people": {Next: server.URL + "/v1/environments/" + environment + "/users/u1"}, "empty": {Empty: true},
			"forbidden": {Status: 403, Code: "ACCESS_FAILED"}, "gone": {Status: 404}, "broken": {Status: 500, Code: "UNEXPECTED_ERROR"},
			"throttled for long": {Status: 429, Header: http.Header{"Retry-After": {"3000"}}}, "bad request": {Status: 400},
		} {
			server.Faults(func(r *http.Request) *pingonesim.Fault {
				if in(r, what) {
					f := f
					return &f
				}
				return nil
			})
			called := what + " " + name
			tries++
			switch {
			case strings.HasPrefix(what, "/groups") && (name == "empty" || name == "no list" || strings.HasPrefix(name, "next")):
				// A single group has no list, and a list of groups may be empty.
			case what == "/groups":
				_, err := s.Groups(t.Context())
				require.Error(t, err, called)
			case what == "/memberOfGroups":
				got, err := s.MembershipsOf(t.Context(), "u0001", []string{"g1", "g2"})
				if name != "empty" {
					require.Error(t, err, called)
				}
				require.Empty(t, got, called)
			default:
				got := map[string]source.Membership{}
				err := s.Memberships(t.Context(), []string{"g1", "g2"}, func(m source.Membership) error { got[m.Group.ID] = m; return nil })
				if err != nil {
					require.NotContains(t, err.Error(), "cursor")
					require.NotContains(t, got, "g1", called)
					continue
				}
				require.Error(t, got["g1"].Err, called)
				require.NoError(t, got["g2"].Err, called)
				require.Equal(t, []string{"u0001"}, got["g2"].People, "other groups go on")
			}
		}
	}
	require.Greater(t, tries, 40)
	require.Zero(t, foreign.Requests(), "the token was sent elsewhere")

	left := 2
	server.Faults(func(r *http.Request) *pingonesim.Fault {
		if in(r, "/users") && left > 0 {
			left--
			return &pingonesim.Fault{Status: 429, Header: http.Header{"Retry-After": {"0"}}}
		}
		return nil
	})
	require.Len(t, members(t, s, "g1")["g1"].People, 25)

	// A group that says that it has members, of whom the index knows nothing yet.
	server.Faults(func(r *http.Request) *pingonesim.Fault {
		if strings.Contains(r.URL.Query().Get("filter"), "g2") {
			return &pingonesim.Fault{Empty: true}
		}
		return nil
	})
	require.True(t, fault.Is(members(t, s, "g2")["g2"].Err, fault.SourceIncomplete))
}

// What webhooks tell of groups: who joins or leaves one is a person's event, and a group's own concern everybody.
func TestEventsOfGroups(t *testing.T) {
	t.Parallel()
	told := make(chan source.Event, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		events, err := pingone.Store.Events(body)
		if err != nil || len(events.Unknown) > 0 {
			close(told)
			return
		}
		for _, e := range events.Told {
			told <- e
		}
	}))
	t.Cleanup(hook.Close)
	server := start(t, pingonesim.Options{Users: people(3), Groups: []pingonesim.Group{{"id": "g1", "name": "Clerks"}},
		Subscriptions: []pingonesim.Subscription{{URL: hook.URL, Retry: time.Millisecond}}})
	s := open(t, server, nil)
	require.True(t, server.Join("u0001", "g1"))
	require.False(t, server.Join("u0001", "g1"))
	require.Equal(t, []string{"u0001"}, members(t, s, "g1")["g1"].People)
	require.True(t, server.Leave("u0001", "g1"))
	require.Empty(t, members(t, s, "g1")["g1"].People)
	server.UpdateGroup("g2", func(g pingonesim.Group) bool { g["name"] = "New"; return true })
	server.UpdateGroup("g2", func(pingonesim.Group) bool { return false })
	require.NoError(t, server.WaitDelivered(t.Context()))
	for _, person := range []string{"u0001", "u0001", "", ""} {
		e := <-told
		require.Equal(t, person, e.Person)
		require.Equal(t, environment, e.Source)
	}
}
