package simulator_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

// Each accident, on a write and on a read.
func TestEachFault(t *testing.T) {
	t.Parallel()
	type want struct {
		status    int // 0 is a broken connection
		committed bool
		read      int
		check     func(*testing.T, answer)
	}
	for name, tc := range map[string]struct {
		f simulator.Faults
		want
	}{
		"throttle":      {simulator.Faults{Throttle: 1, RetryAfterSeconds: 7}, want{429, false, 429, func(t *testing.T, a answer) { require.Equal(t, "7", a.header.Get("Retry-After")) }}},
		"throttle bare": {simulator.Faults{ThrottleBare: 1}, want{429, false, 429, func(t *testing.T, a answer) { require.Empty(t, a.header.Get("Retry-After")) }}},
		"internal":      {simulator.Faults{InternalError: 1}, want{500, false, 500, func(t *testing.T, a answer) { require.Equal(t, "Service_InternalServerError", a.code()) }}},
		"gateway": {simulator.Faults{BadGateway: 1}, want{502, false, 502, func(t *testing.T, a answer) {
			require.Empty(t, a.raw)
			require.Empty(t, a.header.Get("Content-Type"))
		}}},
		"html":            {simulator.Faults{UnavailableHTML: 1}, want{503, false, 503, func(t *testing.T, a answer) { require.Equal(t, "text/html", a.header.Get("Content-Type")) }}},
		"503 committed":   {simulator.Faults{UnavailableCommitted: 1}, want{503, true, 200, nil}},
		"504 committed":   {simulator.Faults{TimeoutCommitted: 1}, want{504, true, 504, nil}},
		"reset":           {simulator.Faults{Reset: 1}, want{0, false, 0, nil}},
		"reset committed": {simulator.Faults{ResetCommitted: 1}, want{0, true, 0, nil}},
		"concurrency":     {simulator.Faults{Concurrency: 1}, want{409, false, 200, func(t *testing.T, a answer) { require.Equal(t, "Directory_ConcurrencyViolation", a.code()) }}},
		"unauthorized":    {simulator.Faults{Unauthorized: 1}, want{401, false, 401, func(t *testing.T, a answer) { require.Equal(t, "InvalidAuthenticationToken", a.code()) }}},
		"reads only":      {simulator.Faults{InternalError: 1, On: "reads"}, want{201, true, 500, nil}},
		"writes only":     {simulator.Faults{InternalError: 1, On: "writes"}, want{500, false, 200, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, simulator.Options{Faults: tc.f})
			w.client.Transport.(*http.Transport).DisableKeepAlives = true // or net/http itself repeats a read
			// Go repeats a request of which it knows that nothing was read; a body that cannot be had again prevents it.
			req := w.request("POST", "/users", person("ann@contoso.com", nil))
			req.GetBody = nil
			a, err := w.send(req)
			if tc.status == 0 {
				require.Error(t, err)
				require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF), err)
			} else {
				require.NoError(t, err)
				require.Equal(t, tc.status, a.status, a.raw)
				require.NotEmpty(t, a.header.Get("request-id"))
				if tc.check != nil {
					a.t = t
					tc.check(t, a)
				}
			}
			require.Equal(t, tc.committed, len(w.state().Users) == 1)
			a, err = w.send(w.request("GET", "/users", nil))
			if tc.read == 0 {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				require.Equal(t, tc.read, a.status)
			}
		})
	}
}

func TestFaultsFollowTheSeed(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) string {
		w := start(t, simulator.Options{RandomSeed: seed, Faults: simulator.Faults{InternalError: 0.3, BadGateway: 0.2}})
		var b strings.Builder
		for range 40 {
			b.WriteString(http.StatusText(w.get("/users").status))
		}
		return b.String()
	}
	one := run(1)
	require.Equal(t, one, run(1))
	require.NotEqual(t, one, run(2))
	require.Contains(t, one, "OK")
	require.Contains(t, one, "Bad Gateway")
}

func TestFailNext(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	posts := func(r *http.Request) bool {
		body, err := io.ReadAll(r.Body)
		return err == nil && r.Method == "POST" && strings.Contains(string(body), "ann@contoso.com")
	}
	w.s.FailNext(posts, simulator.Fault{Status: 504, Body: "late", ContentType: "text/plain", Commit: true, Headers: map[string]string{"X-Test": "1"}})
	w.do("POST", "/users", person("bob@contoso.com", nil)).is(201)
	a := w.do("POST", "/users", person("ann@contoso.com", nil)).is(504)
	require.Equal(t, "late", a.raw)
	require.Equal(t, "1", a.header.Get("X-Test"))
	require.Len(t, w.state().Users, 2)
	w.do("POST", "/users", person("ann@contoso.com", nil)).refused(400, "Request_BadRequest", "already exists")

	w.s.FailNext(nil, simulator.GraphFault(400, "Request_BadRequest", "One or more property values specified are invalid."))
	w.get("/users").refused(400, "Request_BadRequest", "One or more property values specified are invalid.")
	w.get("/users").is(200)

	w.s.FailNext(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/token") }, simulator.Fault{Status: 503, Body: `{"error":"temporarily_unavailable"}`})
	status, _ := w.login(simulator.DefaultTenantID, form())
	require.Equal(t, 503, status)
	require.Equal(t, 3, w.s.Stats().Faults["planned"])

	w.s.FailNext(nil, simulator.Fault{Reset: true, Commit: true})
	req := w.request("DELETE", "/users/bob@contoso.com", nil)
	_, err := w.send(req)
	require.Error(t, err)
	require.Len(t, w.state().DeletedUsers, 1)
	st := w.s.Stats()
	require.Equal(t, 3, st.Requests["POST /users"], "failed requests count as well, and none twice")
	require.Equal(t, 2, st.Requests["GET /users"])
	require.Equal(t, 1, st.Requests["DELETE /users/{id}"])
	require.Equal(t, map[string]int{"0": 1, "200": 1, "201": 1, "400": 2, "503": 1, "504": 1}, st.Statuses)
}

func TestObserver(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	var mu sync.Mutex
	var got []string
	w.s.OnRequest(func(r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Method+" "+r.URL.Path+" "+string(body))
	})
	w.do("PATCH", "/users/x@contoso.com", `{"jobTitle":"y"}`).is(404)
	w.s.OnRequest(nil)
	w.get("/users")
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{`PATCH /v1.0/users/x@contoso.com {"jobTitle":"y"}`}, got)
}

// Two writes to one object that overlap in time: the second is refused. Writes to different objects are not.
func TestOverlappingWrites(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	id := w.do("POST", "/users", person("ann@contoso.com", nil)).is(201).id()
	w.do("POST", "/users", person("bob@contoso.com", nil)).is(201)
	w.s.SetLatency(200 * time.Millisecond)
	paths := []string{"/users/" + id, "/users/ann@contoso.com", "/users/bob@contoso.com"}
	statuses := make([]int, len(paths))
	began := time.Now()
	var wg sync.WaitGroup
	for i, p := range paths {
		wg.Go(func() { statuses[i] = w.do("PATCH", p, map[string]any{"jobTitle": p}).status })
	}
	wg.Wait()
	require.GreaterOrEqual(t, time.Since(began), 200*time.Millisecond)
	require.ElementsMatch(t, []int{204, 409}, statuses[:2])
	require.Equal(t, 204, statuses[2])
	require.Equal(t, 1, w.s.Stats().OverlappingWrites)
	require.GreaterOrEqual(t, w.s.Stats().MaxInFlight, 2)
}
