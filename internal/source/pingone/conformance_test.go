package pingone_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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

const (
	environment = "3f0c0000-0000-4000-8000-000000000001"
	application = "8a1c0000-0000-4000-8000-000000000002"
	sales       = "4d1e0000-0000-4000-8000-000000000003"
	others      = "4d1e0000-0000-4000-8000-000000000004"
)

// start serves an environment until the test ends.
func start(t *testing.T, o pingonesim.Options) *pingonesim.Server {
	t.Helper()
	o.EnvironmentID, o.ClientID, o.ClientSecret = environment, application, "se cret+%"
	s, err := pingonesim.Start(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// open opens the source in a process of its own.
func open(t *testing.T, s *pingonesim.Server, change func(*pingone.Environment)) *pingone.Source {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("se cret+%"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ca.pem"), s.Certificate, 0o600))
	e := pingone.Environment{EnvironmentID: environment, Region: "eu", ClientID: application, ClientSecret: "file:" + filepath.Join(dir, "secret")}
	if change != nil {
		change(&e)
	}
	settings := &pingone.Settings{PingOne: e}
	settings.Check(source.Report{Problem: func(key, message string) { t.Fatalf("%s: %s", key, message) }})
	opened, err := pingone.Store.Opener(source.Environment{Now: time.Now, Pause: time.Millisecond, Setting: func(name string) string {
		return map[string]string{"ENTRAFLOW_PINGONE_API_ENDPOINT": s.URL, "ENTRAFLOW_PINGONE_AUTH_ENDPOINT": s.URL,
			"ENTRAFLOW_PINGONE_CA": filepath.Join(dir, "ca.pem")}[name]
	}})(settings, source.Use{})
	require.NoError(t, err)
	return opened.(*pingone.Source)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, func(t *testing.T, people []sourcetest.Person) source.Source {
		var users []pingonesim.User
		for _, p := range people {
			if p.Enabled == sourcetest.Unreadable {
				t.Skip("PingOne's enabled is true or false")
			}
			u := pingonesim.User{"id": p.ID, "username": p.ID, "enabled": p.Enabled == sourcetest.Enabled}
			for name, value := range p.Fields {
				if value != "" {
					u[name] = value
				}
			}
			users = append(users, u)
		}
		return open(t, start(t, pingonesim.Options{Users: users, Custom: sourcetest.Columns}), nil)
	})
}

// people are n users, every third of the population others.
func people(n int) []pingonesim.User {
	var users []pingonesim.User
	for i := range n {
		u := pingonesim.User{"id": fmt.Sprintf("u%04d", i), "username": fmt.Sprintf("user%d@example.com", i), "email": fmt.Sprintf("user%d@example.com", i), "enabled": i%7 != 0,
			"account": map[string]any{"canAuthenticate": true, "status": "LOCKED"}, "name": map[string]any{"given": "Ann", "family": fmt.Sprintf("Lee%d", i)},
			"population": map[string]any{"id": sales}, "title": "Clerk", "grade": 5}
		if i%3 == 0 {
			u["population"] = map[string]any{"id": others}
		}
		users = append(users, u)
	}
	return users
}

func list(t *testing.T, s source.Source) (ids []string, snapshot source.Snapshot, err error) {
	t.Helper()
	snapshot, err = s.List(t.Context(), func(r source.Record) error { ids = append(ids, r.ID); return nil })
	return ids, snapshot, err
}

func TestRecords(t *testing.T) {
	t.Parallel()
	server := start(t, pingonesim.Options{Users: people(3), Custom: []string{"grade", "costCenter"}})
	s := open(t, server, nil)
	r, _, err := s.Get(t.Context(), "u0001")
	require.NoError(t, err)
	require.True(t, r.Enabled, "a locked account is not a disabled one")
	require.Equal(t, map[string]any{"given": "Ann", "family": "Lee1"}, r.Fields["name"])
	require.Equal(t, int64(5), r.Fields["grade"])
	require.Equal(t, "", r.Fields["costCenter"], "what PingOne leaves out is empty")
	require.NotContains(t, r.Fields, "_links")
	r, _, err = s.Get(t.Context(), "u0000")
	require.NoError(t, err)
	require.False(t, r.Enabled)
	c, err := s.Columns(t.Context())
	require.NoError(t, err)
	require.True(t, c.Has("costCenter"))
	require.False(t, c.Has("costCentre"))
	require.Empty(t, c.Warnings)

	c, err = open(t, start(t, pingonesim.Options{Users: people(3), NoSchema: true}), nil).Columns(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, c.Warnings)
}

// Populations and a filter are PingOne's to evaluate, for listings as for single people.
func TestPopulationsAndFilters(t *testing.T) {
	t.Parallel()
	server := start(t, pingonesim.Options{Users: people(12), PageSize: 5})
	for name, c := range map[string]struct {
		change func(*pingone.Environment)
		want   int
		in     string
		out    string
	}{
		"population":  {func(e *pingone.Environment) { e.Populations = []string{others} }, 4, "u0003", "u0001"},
		"populations": {func(e *pingone.Environment) { e.Populations = []string{others, sales} }, 12, "u0003", "nobody"},
		"filter":      {func(e *pingone.Environment) { e.Filter = `name.family sw "Lee1"` }, 3, "u0011", "u0002"},
		"population and filter": {func(e *pingone.Environment) {
			e.Populations, e.Filter = []string{sales}, `name.family eq "Lee1" or name.family eq "Lee3"`
		}, 1, "u0001", "u0003"},
	} {
		s := open(t, server, c.change)
		ids, snapshot, err := list(t, s)
		require.NoError(t, err, name)
		require.Len(t, ids, c.want, name)
		require.Equal(t, c.want, snapshot.Count)
		_, _, err = s.Get(t.Context(), c.in)
		require.NoError(t, err, name)
		_, _, err = s.Get(t.Context(), c.out)
		require.True(t, fault.Is(err, fault.PersonNotFound), "%s: %v", name, err)
	}
	_, _, err := list(t, open(t, server, func(e *pingone.Environment) { e.Filter = `title pr` }))
	require.Equal(t, fault.SourceFilterRefused, fault.Of(err).Reason)
	require.NotContains(t, err.Error(), "title")
}

// Whatever breaks on whichever page: the listing is an error, and nobody counts as missing. What passes by itself is waited out.
func TestBrokenListings(t *testing.T) {
	t.Parallel()
	const n, size = 43, 10
	foreign := start(t, pingonesim.Options{Users: people(5)})
	server := start(t, pingonesim.Options{Users: people(n), PageSize: size})
	tries := 0
	for at := range 5 {
		for name, f := range map[string]pingonesim.Fault{
			"next link missing": {NoNext: true}, "no list of users": {NoUsers: true}, "empty answer": {Empty: true}, "cut": {Cut: 700}, "closed": {Close: true},
			"next link elsewhere": {Next: foreign.URL + "/v1/environments/" + environment + "/users"}, "next link to http": {Next: strings.Replace(server.URL, "https", "http", 1) + "/v1/environments/" + environment + "/users"},
			"next link in a circle":     {Next: server.URL + "/v1/environments/" + environment + "/users?limit=200&cursor=u0009"},
			"next link to other things": {Next: server.URL + "/v1/environments/" + environment + "/groups"},
			"forbidden":                 {Status: 403, Code: "ACCESS_FAILED"}, "not found": {Status: 404, Code: "NOT_FOUND"}, "gone": {Status: 404}, "broken": {Status: 500, Code: "UNEXPECTED_ERROR"},
			"throttled for long": {Status: 429, Header: http.Header{"Retry-After": {"3000"}}}, "moved": {Status: 302, Header: http.Header{"Location": {foreign.URL}}},
			"unauthorized": {Status: 401, Code: "INVALID_TOKEN"}, "bad request": {Status: 400},
		} {
			if name == "next link missing" && at == 4 || name == "next link in a circle" && at == 0 {
				continue // The last page has none; from the first it leads to the second.
			}
			page := -1
			server.Faults(func(r *http.Request) *pingonesim.Fault {
				if r.URL.Path != "/v1/environments/"+environment+"/users" {
					return nil
				}
				if cursor := r.URL.Query().Get("cursor"); cursor == "" {
					page = 0
				} else {
					_, _ = fmt.Sscanf(cursor, "u%d", &page)
					page = (page + 1) / size
				}
				if page != at {
					return nil
				}
				f := f
				return &f
			})
			s := open(t, server, nil)
			_, snapshot, err := list(t, s)
			require.Error(t, err, "%s on page %d", name, at)
			require.Zero(t, snapshot)
			require.NotContains(t, err.Error(), "cursor", "no address in an error")
			tries++
		}
	}
	require.Greater(t, tries, 75)
	require.Zero(t, foreign.Requests(), "the token was sent elsewhere")

	left := 3
	server.Faults(func(r *http.Request) *pingonesim.Fault {
		if left--; left >= 0 && strings.Contains(r.URL.Path, "users") {
			return &pingonesim.Fault{Status: []int{429, 503, 500}[left], Header: http.Header{"Retry-After": {"0"}}}
		}
		return nil
	})
	ids, _, err := list(t, open(t, server, nil))
	require.NoError(t, err)
	require.Len(t, ids, n)
}

// A single read says that somebody is not there only when PingOne says so.
func TestBrokenSingleReads(t *testing.T) {
	t.Parallel()
	server := start(t, pingonesim.Options{Users: people(5)})
	s := open(t, server, nil)
	_, _, err := s.Get(t.Context(), "u0001")
	require.NoError(t, err)
	for name, f := range map[string]pingonesim.Fault{
		"not PingOne's 404": {Status: 404}, "another 404": {Status: 404, Code: "ACCESS_FAILED"}, "forbidden": {Status: 403}, "broken": {Status: 502}, "closed": {Close: true}, "cut": {Cut: 20},
		"moved": {Status: 301, Header: http.Header{"Location": {"/"}}},
	} {
		server.Faults(func(*http.Request) *pingonesim.Fault { return &f })
		_, _, err := s.Get(t.Context(), "u0001")
		require.Error(t, err, name)
		require.False(t, fault.Is(err, fault.PersonNotFound), "%s: %v", name, err)
	}
	server.Faults(nil)
	server.Revoke()
	_, _, err = s.Get(t.Context(), "u0001")
	require.NoError(t, err, "a token that is no longer taken is renewed")
}

// Each wrong setting is told as what it is, before anything is synced.
func TestCheck(t *testing.T) {
	t.Parallel()
	server := start(t, pingonesim.Options{Users: people(5)})
	last := func(change func(*pingone.Environment)) source.Finding {
		findings := open(t, server, change).Check(t.Context())
		return findings[len(findings)-1]
	}
	require.NoError(t, last(nil).Err)
	wrong := filepath.Join(t.TempDir(), "wrong")
	require.NoError(t, os.WriteFile(wrong, []byte("wrong"), 0o600))
	for setting, change := range map[string]func(*pingone.Environment){
		"pingone.clientSecret":  func(e *pingone.Environment) { e.ClientSecret = "file:" + wrong },
		"pingone.environmentId": func(e *pingone.Environment) { e.EnvironmentID = application },
		"pingone.filter":        func(e *pingone.Environment) { e.Filter = `title pr` },
	} {
		f := last(change)
		require.Error(t, f.Err, setting)
		require.Equal(t, setting, f.Setting)
		require.NotEmpty(t, f.Fix)
	}
	server.Faults(func(r *http.Request) *pingonesim.Fault {
		if strings.Contains(r.URL.Path, "users") {
			return &pingonesim.Fault{Status: 403, Code: "ACCESS_FAILED"}
		}
		return nil
	})
	f := last(nil)
	require.Equal(t, fault.SourceAccessDenied, fault.Of(f.Err).Reason)
	require.Contains(t, f.Fix, "Identity Data Read Only")
}

// The index that filters are answered from may lag behind the people: whoever it does not have is not taken for somebody who left.
func TestAFilterThatLagsBehindLeavesPeople(t *testing.T) {
	t.Parallel()
	server := start(t, pingonesim.Options{Users: people(5)})
	s := open(t, server, func(e *pingone.Environment) { e.Filter = `name.family sw "Lee"` })
	server.Faults(func(r *http.Request) *pingonesim.Fault {
		if r.URL.Query().Has("filter") {
			return &pingonesim.Fault{Empty: true}
		}
		return nil
	})
	_, _, err := s.Get(t.Context(), "u0001")
	require.Equal(t, fault.SourceIncomplete, fault.Of(err).Reason)
}

// A filter that leaves its parentheses would include people of other populations.
func TestFiltersStayWithinTheirParentheses(t *testing.T) {
	t.Parallel()
	for filter, refused := range map[string]bool{
		`title eq "a") or (title eq "b"`: true, `(title eq "a"`: true, `title eq "a`: true,
		`title eq "a)"`: false, `(title eq "a\")") or (title eq "b")`: false,
	} {
		problems := map[string]bool{}
		(&pingone.Settings{PingOne: pingone.Environment{Filter: filter}}).Check(source.Report{Problem: func(key, _ string) { problems[key] = true }})
		require.Equal(t, refused, problems["pingone.filter"], filter)
	}
}

// The application's role in a population is withdrawn: PingOne finds none of its people then, in a listing as in a single read, as if all of
// them had been deleted.
func TestAWithdrawnRoleLetsNobodyLeave(t *testing.T) {
	t.Parallel()
	both := func(e *pingone.Environment) { e.Populations = []string{others, sales} }
	server := start(t, pingonesim.Options{Users: people(12)})
	s := open(t, server, both)
	server.Withdraw(others)
	_, _, err := list(t, s)
	require.Equal(t, fault.SourceAccessDenied, fault.Of(err).Reason)
	_, _, err = s.Get(t.Context(), "u0003")
	require.Equal(t, fault.SourceAccessDenied, fault.Of(err).Reason)
	_, _, err = open(t, server, func(e *pingone.Environment) { e.Populations = []string{sales} }).Get(t.Context(), "u0003")
	require.True(t, fault.Is(err, fault.PersonNotFound), "nobody reads that population: %v", err)
	server.Withdraw(sales)
	server.Withdraw(pingonesim.DefaultPopulation)
	_, _, err = open(t, server, nil).Get(t.Context(), "u0003")
	require.Equal(t, fault.SourceIncomplete, fault.Of(err).Reason, "nobody is to be found at all")

	server = start(t, pingonesim.Options{Users: people(12)})
	for i := range 4 {
		server.Delete(fmt.Sprintf("u%04d", 3*i))
	}
	s = open(t, server, both)
	ids, _, err := list(t, s)
	require.NoError(t, err)
	require.Len(t, ids, 8, "a population may be empty")
	_, _, err = s.Get(t.Context(), "u0003")
	require.True(t, fault.Is(err, fault.PersonNotFound), "%v", err)
	_, _, err = list(t, open(t, server, func(e *pingone.Environment) { e.Populations = []string{sales, application} }))
	require.Equal(t, fault.SourceIncomplete, fault.Of(err).Reason, "a population that is not there")
}

// Without the count, a full page that leads on to no other may have lost the link.
func TestAListingWithoutACountMustShowItsEnd(t *testing.T) {
	t.Parallel()
	for n, whole := range map[int]bool{3: true, 199: true, 200: false, 201: true} {
		server := start(t, pingonesim.Options{Users: people(n), NoCount: true})
		ids, _, err := list(t, open(t, server, nil))
		if !whole {
			require.Equal(t, fault.SourceIncomplete, fault.Of(err).Reason)
			continue
		}
		require.NoError(t, err)
		require.Len(t, ids, n)
	}
}
