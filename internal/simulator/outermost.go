package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// outermost does what concerns every request but those of the control API: the observer, and the planned faults.
func (s *Server) outermost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/simulator/") {
			next.ServeHTTP(w, r)
			return
		}
		raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if err != nil {
			return // the client has gone
		}
		r = identified(r, raw)
		if isTokenRequest(r) {
			s.countEarly(identity(r), r)
		}
		rewind := func() { r.Body = io.NopCloser(bytes.NewReader(raw)) }
		s.chance.Lock()
		observer := s.chance.observer
		s.chance.Unlock()
		if observer != nil {
			rewind()
			observer(r)
		}
		fault, planned := s.takePlanned(r, rewind)
		rewind()
		if !planned {
			next.ServeHTTP(w, r)
			return
		}
		s.meet(fault, w, r, next)
	})
}

// isTokenRequest: the sign-in service asks each application in each tenant for silence, which are what the identity of a
// token request is made of.
func isTokenRequest(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token") }

type identityKey struct{}

// identified lets a request be told from others to the same path, such as the creations and searches of other people that
// are on their way at the same time.
func identified(r *http.Request, body []byte) *http.Request {
	id := r.Method + " " + r.URL.RequestURI()
	// A creation that is repeated has another password, but the same name.
	var named struct {
		UserPrincipalName string `json:"userPrincipalName"`
		UniqueName        string `json:"uniqueName"`
	}
	if r.Method == http.MethodPost && json.Unmarshal(body, &named) == nil {
		id += " " + named.UserPrincipalName + named.UniqueName
	}
	if isTokenRequest(r) {
		if form, err := url.ParseQuery(string(body)); err == nil {
			id += " " + form.Get("client_id")
		}
	}
	return r.WithContext(context.WithValue(r.Context(), identityKey{}, id))
}

// identity says which request this is; its repetition has the same.
func identity(r *http.Request) string {
	id, _ := r.Context().Value(identityKey{}).(string)
	return id
}

// meet answers a request with a planned fault.
func (s *Server) meet(f Fault, w http.ResponseWriter, r *http.Request, next http.Handler) {
	s.stats.fault("planned")
	w.Header().Set("request-id", s.newGUID())
	if id := r.Header.Get("client-request-id"); id != "" {
		w.Header().Set("client-request-id", id)
	}
	scope := ""
	if isTokenRequest(r) {
		scope = identity(r)
	} else if p, _ := s.issuer.read(r.Header.Get("Authorization"), s.o.Now()); p != nil {
		scope = p.clientID + "/" + p.tenantID
	}
	if f.Commit {
		next.ServeHTTP(&discard{header: http.Header{}}, r)
	} else {
		s.countPlanned(r, scope)
	}
	status := strconv.Itoa(f.Status)
	if f.Reset {
		status = "0"
	}
	s.stats.add(func(st *Stats) { st.Statuses[status]++ })
	if f.Status == http.StatusTooManyRequests {
		s.stats.add(func(st *Stats) { st.Throttled++ })
	}
	s.silence(scope, r, f.Status, f.Headers["Retry-After"])
	f.send(w)
}

// countPlanned counts a request that does not get as far as its route.
func (s *Server) countPlanned(r *http.Request, scope string) {
	if !strings.HasPrefix(r.URL.Path, "/v1.0/") {
		return
	}
	c := &call{r: r}
	if segments, fail := split(r.URL.EscapedPath()); fail == nil {
		_, segments = tenantPrefix(segments)
		c.route, c.args, _, _ = match(r.Method, segments)
	}
	s.stats.route(c.label())
	if c.route != nil && c.route.writes > 0 {
		s.stats.add(func(st *Stats) { st.Writes++ })
	}
	if scope != "" {
		s.countEarly(scope, r)
	}
}

// discard takes an answer that nobody shall see.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}
