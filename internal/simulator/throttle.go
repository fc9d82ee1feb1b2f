package simulator

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Quota are the throttling limits (https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits).
// A limit of 0 is off.
type Quota struct {
	// Writes of one application in one tenant within WriteWindow.
	Writes      int
	WriteWindow time.Duration
	// TenantWrites of all applications in one tenant within TenantWriteWindow.
	TenantWrites      int
	TenantWriteWindow time.Duration
	// TenantRequests of all applications in one tenant within TenantWriteWindow, reads included. One of Microsoft's pages has 7,000
	// of these, where another has the 18,000 writes.
	TenantRequests int
	// Units are resource units of one application in one tenant within UnitWindow, for a tenant of more than 500 users;
	// smaller tenants have 5/8 of it, those below 50 users 7/16.
	Units      int
	UnitWindow time.Duration
	// BindCost is what a PATCH that adds members costs in writes; 0 is 1. Documented as 1, budgeted by others with up to 7.
	BindCost int
}

// DefaultQuota are Microsoft's limits: 3,000 writes in 150 s, 18,000 in 300 s for the tenant, 8,000 units in 10 s.
func DefaultQuota() Quota {
	return Quota{Writes: 3000, WriteWindow: 150 * time.Second, TenantWrites: 18000, TenantWriteWindow: 300 * time.Second,
		Units: 8000, UnitWindow: 10 * time.Second, BindCost: 1}
}

// Scale makes time pass f times as fast: a smaller window with the same number in it.
func (q Quota) Scale(f float64) Quota {
	faster := func(d time.Duration) time.Duration { return time.Duration(float64(d) / f) }
	q.WriteWindow, q.TenantWriteWindow, q.UnitWindow = faster(q.WriteWindow), faster(q.TenantWriteWindow), faster(q.UnitWindow)
	return q
}

// retryGrace is how long requests of a paused scope are not held against a client: they may have been on their way when
// the 429 was written.
const retryGrace = 250 * time.Millisecond

type throttle struct {
	mu      sync.Mutex
	q       Quota
	buckets map[string]*bucket
	pauses  map[string]pause
}

// bucket is a token bucket. Rejected requests take tokens too, down to a tenth below nothing.
type bucket struct {
	tokens, size float64
	last         time.Time
}

// pause is the silence that a 429 asked for.
type pause struct {
	from, until time.Time
	request     string
}

func newThrottle(q Quota) *throttle {
	return &throttle{q: q, buckets: map[string]*bucket{}, pauses: map[string]pause{}}
}

// take asks for n tokens; wait is 0 when they were there. used is how much of the limit is used up, above 1 when beyond.
func (th *throttle) take(key string, size int, window time.Duration, n int, now time.Time) (wait time.Duration, used float64) {
	if size <= 0 || window <= 0 || n == 0 {
		return 0, 0
	}
	rate := float64(size) / window.Seconds()
	b := th.buckets[key]
	if b == nil {
		b = &bucket{tokens: float64(size), last: now}
		th.buckets[key] = b
	}
	if d := now.Sub(b.last).Seconds(); d > 0 {
		b.tokens = math.Min(float64(size), b.tokens+d*rate)
		b.last = now
	}
	b.size = float64(size)
	had := b.tokens
	b.tokens = math.Max(b.tokens-float64(n), -float64(size)/10)
	used = 1 - b.tokens/b.size
	if had >= float64(n) {
		return 0, used
	}
	return time.Duration((float64(n) - b.tokens) / rate * float64(time.Second)), used
}

// verdict is what the quotas say about a request.
type verdict struct {
	percentage float64
	refused    *refusal
}

// admit charges a request. users is the tenant's size.
func (th *throttle) admit(p *principal, units, writes, users int, now time.Time) verdict {
	th.mu.Lock()
	defer th.mu.Unlock()
	q, scope := th.q, p.clientID+"/"+p.tenantID
	unitLimit := q.Units
	switch {
	case users < 50:
		unitLimit = q.Units * 7 / 16
	case users <= 500:
		unitLimit = q.Units * 5 / 8
	}
	var v verdict
	worst := time.Duration(0)
	middle, why := "ReadWrite", ""
	consider := func(wait time.Duration, used float64, m, w string) {
		v.percentage = math.Max(v.percentage, used)
		if wait > worst {
			worst, middle, why = wait, m, w
		}
	}
	wait, used := th.take("u/"+scope, unitLimit, q.UnitWindow, units, now)
	consider(wait, used, "ReadWrite", "ResourceUnitLimitExceeded")
	wait, used = th.take("w/"+scope, q.Writes, q.WriteWindow, writes, now)
	consider(wait, used, "Write", "WriteLimitExceeded")
	wait, used = th.take("t/"+p.tenantID, q.TenantWrites, q.TenantWriteWindow, writes, now)
	consider(wait, used, "Write", "WriteLimitExceeded")
	wait, used = th.take("r/"+p.tenantID, q.TenantRequests, q.TenantWriteWindow, 1, now)
	consider(wait, used, "ReadWrite", "ResourceUnitLimitExceeded")
	if why == "" {
		return v
	}
	seconds := int(math.Ceil(worst.Seconds()))
	v.refused = tooMany(seconds, true)
	v.refused.header["x-ms-throttle-scope"] = fmt.Sprintf("Tenant_Application/%s/%s/%s", middle, p.clientID, p.tenantID)
	v.refused.header["x-ms-throttle-information"] = why
	return v
}

// tooMany is the 429; retryAfter of 0 leaves the header out. There are two bodies for it, both real.
func tooMany(retryAfter int, directory bool) *refusal {
	r := &refusal{status: 429, header: map[string]string{}}
	if retryAfter > 0 {
		r.header["Retry-After"] = strconv.Itoa(retryAfter)
	}
	if directory {
		r.code, r.message, r.inner = "TooManyRequests", "Please retry again later.", true
	} else {
		r.code, r.message = "UnknownError", "This request is throttled. Please try again after the value specified in the Retry-After header."
	}
	return r
}

// hold remembers that a scope was asked for silence.
func (th *throttle) hold(scope, request, retryAfter string, now time.Time) {
	seconds, err := strconv.Atoi(retryAfter)
	if err != nil || seconds <= 0 {
		return
	}
	th.mu.Lock()
	defer th.mu.Unlock()
	until := now.Add(time.Duration(seconds) * time.Second)
	if old := th.pauses[scope]; until.After(old.until) {
		if old.until.After(now) {
			// The scope is silent already; the grace ran from the first 429.
			th.pauses[scope] = pause{old.from, until, request}
			return
		}
		th.pauses[scope] = pause{now, until, request}
	}
}

// early reports whether a request breaks the silence. The very request that was refused has no grace.
func (th *throttle) early(scope, request string, now time.Time) bool {
	th.mu.Lock()
	defer th.mu.Unlock()
	p, ok := th.pauses[scope]
	if !ok || !now.Before(p.until) {
		return false
	}
	return p.request == request || now.Sub(p.from) > retryGrace
}

// silence remembers what an answer with Retry-After asked for: after a 429 silence of the whole scope, after a 503 that this
// one request stays away.
func (s *Server) silence(scope string, r *http.Request, status int, retryAfter string) {
	switch status {
	case http.StatusTooManyRequests:
		s.throttle.hold(scope, identity(r), retryAfter, s.o.Now())
	case http.StatusServiceUnavailable:
		s.throttle.hold(scope+" "+identity(r), "503", retryAfter, s.o.Now())
	}
}

// countEarly counts a request that a client should not have sent yet.
func (s *Server) countEarly(scope string, r *http.Request) {
	now := s.o.Now()
	if s.throttle.early(scope, identity(r), now) || s.throttle.early(scope+" "+identity(r), "", now) {
		s.stats.add(func(st *Stats) { st.EarlyRetries++; st.EarlyRetriesByScope[scope]++ })
	}
}
