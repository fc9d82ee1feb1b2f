package simulator

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxBody is the largest request body that is read; Graph's own limit is 4 MB.
const maxBody = 4 << 20

const (
	contentJSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
	diagnostic  = `{"ServerInfo":{"DataCenter":"Simulator","Slice":"E","Ring":"5","ScaleUnit":"001","RoleInstance":"SIM0000000000001"}}`
)

// call is one Graph request on its way through the simulator.
type call struct {
	s         *Server
	r         *http.Request
	t         *Tenant
	who       *principal
	route     *route
	args      []string // what the placeholders of the route's pattern stand for
	query     url.Values
	body      map[string]any // the JSON body of a write, with the schema's names; nil when there was none
	raw       []byte         // the same as it came, without its compression
	now       time.Time
	asOf      time.Time // the writes that this request's replica knows
	advanced  bool      // ConsistencyLevel: eventual and $count=true
	requestID string
	clientID  string
	used      float64 // of the quota
}

// reply is an answer. What it renders was collected under the lock and is written out after it.
type reply struct {
	status int
	header map[string]string
	render func([]byte) []byte
	fail   *refusal
}

func (c *call) refuse(r *refusal) reply { return reply{status: r.status, fail: r} }

func noContent() reply { return reply{status: http.StatusNoContent} }

func (s *Server) serveUnknown(w http.ResponseWriter, r *http.Request) {
	c := s.newCall(r)
	s.stats.route(r.Method + " (unknown)")
	s.stats.protocol("unknown path")
	w.Header().Set("request-id", c.requestID)
	fail := noSegment(strings.Trim(r.URL.Path, "/"))
	fail.status = http.StatusNotFound
	c.write(w, c.refuse(fail))
}

// serveBeta refuses the other version of Graph, which has nothing that the slice needs.
func (s *Server) serveBeta(w http.ResponseWriter, r *http.Request) {
	s.stats.route(r.Method + " (beta)")
	c := s.newCall(r)
	c.write(w, c.refuse(notHere("beta")))
}

func (s *Server) newCall(r *http.Request) *call {
	c := &call{s: s, r: r, now: s.o.Now(), requestID: s.newGUID(), clientID: r.Header.Get("client-request-id")}
	if c.clientID == "" {
		c.clientID = c.requestID
	}
	return c
}

func (s *Server) serveGraph(w http.ResponseWriter, r *http.Request) {
	s.stats.begin()
	defer s.stats.end()
	if isBatch(r) {
		s.serveBatch(w, r)
		return
	}
	s.serveOne(w, r)
}

// serveOne answers one request, be it alone or part of a batch.
func (s *Server) serveOne(w http.ResponseWriter, r *http.Request) {
	c := s.newCall(r)
	rep := c.process(w)
	if rep.status == 0 {
		return // the connection is gone
	}
	c.write(w, rep)
	s.o.Log.Debug("graph", slog.String("route", c.label()), slog.Int("status", rep.status), slog.String("request", c.requestID))
}

func (c *call) label() string {
	if c.route == nil {
		return c.r.Method + " (unknown)"
	}
	return c.r.Method + " /" + c.route.pattern
}

// process takes a request through the stages in the service's order: route, token, permission, quota, accidents, body,
// and the directory itself. A reply without status means that the connection was broken on purpose.
func (c *call) process(w http.ResponseWriter) reply {
	s := c.s
	segments, fail := split(c.r.URL.EscapedPath())
	var known bool
	named := ""
	if fail == nil {
		named, segments = tenantPrefix(segments)
		if what := beyond(segments); what != "" {
			known, fail = true, notHere(what)
		} else {
			c.route, c.args, known, fail = match(c.r.Method, segments)
		}
	}
	s.stats.route(c.label())
	p, refused := s.issuer.read(c.r.Header.Get("Authorization"), c.now)
	if p != nil {
		s.countEarly(p.clientID+"/"+p.tenantID, c.r)
	}
	if refused != nil {
		switch {
		case c.r.Header.Get("Authorization") == "":
			s.stats.protocol("no Authorization header")
		case p != nil && p.audience != graphAudience:
			s.stats.protocol("token for another audience")
		}
		return c.refuse(refused)
	}
	if fail != nil {
		if !known {
			s.stats.protocol("unknown path")
		}
		return c.refuse(fail)
	}
	c.who = p
	s.settleGroups()
	s.mu.RLock()
	c.t = s.tenant(p.tenantID)
	var users int
	var a *app
	if c.t != nil {
		a, users = c.t.app(p.clientID), c.t.users.live
	}
	s.mu.RUnlock()
	if c.t != nil && named != "" && !c.t.answersTo(named) {
		return c.refuse(unauthorized("Access token validation failure."))
	}
	if a == nil {
		return c.refuse(&refusal{status: 401, code: codeIdentityGone, message: "The identity of the calling application could not be established."})
	}
	var err error
	if c.query, err = readQuery(c.r.URL.RawQuery); err != nil {
		return c.refuse(badOData("The query specified in the URI is not valid."))
	}
	c.advanced = strings.EqualFold(c.r.Header.Get("ConsistencyLevel"), "eventual") && strings.EqualFold(c.query.Get("$count"), "true")
	if bad := c.readBody(); bad != nil {
		return c.refuse(bad)
	}
	writes := c.writes()
	if writes > 0 {
		s.stats.add(func(st *Stats) { st.Writes++ })
	} else if c.route.list {
		s.stats.add(func(st *Stats) { st.ListPages++ })
	} else {
		s.stats.add(func(st *Stats) { st.Reads++ })
	}
	if !c.allowed(a) {
		return c.refuse(denied())
	}
	units := c.units()
	s.stats.add(func(st *Stats) { st.ResourceUnits += units })
	verdict := s.throttle.admit(p, units, writes, users, c.now)
	c.used = verdict.percentage
	if verdict.refused != nil {
		return c.refuse(verdict.refused)
	}
	return c.carryOut(w, writes > 0)
}

// carryOut lets accidents happen, waits out the latency, and calls the route's handler under the lock.
func (c *call) carryOut(w http.ResponseWriter, write bool) reply {
	s := c.s
	name, fault, failed := s.drawFault(write)
	if failed {
		s.stats.fault(name)
	}
	if key := c.target(); write && key != "" {
		if !s.flights.begin(key) {
			s.stats.add(func(st *Stats) { st.OverlappingWrites++ })
			return c.refuse(overlap())
		}
		defer s.flights.end(key)
	}
	s.wait()
	rep := reply{}
	if !failed || fault.Commit {
		// The clock is read again: a write takes effect now, not when the request came in.
		c.now = s.o.Now()
		c.asOf = s.replicaTime(c.now, c.advanced)
		rep = c.handle(write)
	}
	if !failed {
		return rep
	}
	if fault.Reset {
		s.stats.add(func(st *Stats) { st.Statuses["0"]++ })
		breakConnection(w)
		return reply{}
	}
	c.standardHeaders(w.Header())
	s.stats.add(func(st *Stats) { st.Statuses[strconv.Itoa(fault.Status)]++ })
	if fault.Status == http.StatusTooManyRequests {
		w.Header().Set("x-ms-throttle-scope", "Tenant_Application/ReadWrite/"+c.who.clientID+"/"+c.who.tenantID)
		s.stats.add(func(st *Stats) { st.Throttled++ })
	}
	s.silence(c.who.clientID+"/"+c.who.tenantID, c.r, fault.Status, fault.Headers["Retry-After"])
	fault.send(w)
	return reply{}
}

func (c *call) handle(write bool) reply {
	if !write {
		c.s.mu.RLock()
		defer c.s.mu.RUnlock()
		return c.route.handle(c)
	}
	rep := c.handleLocked()
	if rep.fail == nil {
		c.s.committed()
	}
	return rep
}

func (c *call) handleLocked() reply {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.route.handle(c)
}

// target names the object that a write is about; "" when there is none yet.
func (c *call) target() string {
	if len(c.args) == 0 {
		return ""
	}
	c.s.mu.RLock()
	defer c.s.mu.RUnlock()
	id := strings.ToLower(c.args[0])
	if strings.HasPrefix(c.route.pattern, "users/") {
		if e := c.t.users.master(id); e != nil {
			id = e.id
		}
	}
	if strings.HasPrefix(c.route.pattern, "groups/") {
		if g := c.t.groups.find(id); g != nil {
			id = g.id
		}
	}
	return c.t.id + "/" + id
}

// wait lets the latency pass, in real time; closing the server ends it.
func (s *Server) wait() {
	s.chance.Lock()
	d := s.chance.delay
	if d > 0 {
		d += time.Duration(s.chance.latency.Int64N(int64(d)/2 + 1))
	}
	s.chance.Unlock()
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.closing:
	}
}

// replicaTime picks one of three replicas: the master, one that is half the lag behind and one that is all of it. Advanced
// queries go to the index, which is the slowest.
func (s *Server) replicaTime(now time.Time, advanced bool) time.Time {
	if s.o.ReplicaLag <= 0 {
		return now
	}
	if advanced {
		return now.Add(-s.o.ReplicaLag)
	}
	s.chance.Lock()
	defer s.chance.Unlock()
	return now.Add(-s.o.ReplicaLag * time.Duration(s.chance.replica.IntN(3)) / 2)
}

func (c *call) standardHeaders(h http.Header) {
	h.Set("request-id", c.requestID)
	h.Set("client-request-id", c.clientID)
	h.Set("x-ms-ags-diagnostic", diagnostic)
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	if c.route != nil {
		h.Set("x-ms-resource-unit", strconv.Itoa(c.units()))
	}
	if c.used > 0.8 {
		h.Set("x-ms-throttle-limit-percentage", fmt.Sprintf("%.2f", min(c.used, 1.8)))
	}
}

// write sends a reply.
func (c *call) write(w http.ResponseWriter, rep reply) {
	h := w.Header()
	c.standardHeaders(h)
	if _, hidden := w.(*discard); !hidden {
		c.s.stats.add(func(st *Stats) { st.Statuses[strconv.Itoa(rep.status)]++ })
	}
	var body []byte
	switch {
	case rep.fail != nil:
		for k, v := range rep.fail.header {
			h.Set(k, v)
		}
		h.Set("Content-Type", "application/json")
		body = rep.fail.body(c.requestID, c.clientID, c.now)
		if rep.status == http.StatusTooManyRequests {
			c.s.stats.add(func(st *Stats) { st.Throttled++ })
			c.s.silence(c.who.clientID+"/"+c.who.tenantID, c.r, rep.status, rep.fail.header["Retry-After"])
		}
	case rep.render != nil:
		h.Set("Content-Type", contentJSON)
		if c.wholeMetadata() {
			h.Set("Content-Type", strings.Replace(contentJSON, "minimal", "full", 1))
		}
		h.Set("Odata-Version", "4.0")
		body = rep.render(make([]byte, 0, 1024))
	}
	for k, v := range rep.header {
		h.Set(k, v)
	}
	w.WriteHeader(rep.status)
	_, _ = w.Write(body)
}

// context is the @odata.context of an answer.
func (c *call) context(of string) string { return c.s.base(c.r) + "/v1.0/$metadata#" + of }
