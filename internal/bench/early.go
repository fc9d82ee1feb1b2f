package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// earlyWatch notes under what circumstances early retries happened. The simulator counts them; when the count has grown by
// the time of the next request, one of the requests just before was early.
type earlyWatch struct {
	tenant *tenant
	began  time.Time

	mu               sync.Mutex
	early, throttled int
	// paused is when the last 429 was noticed.
	paused time.Time
	last   []string
	noted  []string
}

func newEarlyWatch(t *tenant) *earlyWatch { return &earlyWatch{tenant: t, began: time.Now()} }

func (w *earlyWatch) observe(r *http.Request) {
	s := w.tenant.Stats()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if s.Throttled > w.throttled {
		w.paused = now
	}
	if s.EarlyRetries > w.early {
		w.noted = append(w.noted, fmt.Sprintf("%d by %s; the last 429 was noticed at %s", s.EarlyRetries-w.early,
			strings.Join(w.last, ", "), w.stamp(w.paused)))
	}
	w.early, w.throttled = s.EarlyRetries, s.Throttled
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1.0/"), "/")
	w.last = append(w.last, fmt.Sprintf("%s %s… of %s at %s", r.Method, parts[0], r.RemoteAddr, w.stamp(now)))
	if len(w.last) > 4 {
		w.last = w.last[1:]
	}
}

func (w *earlyWatch) stamp(t time.Time) string {
	return fmt.Sprintf("%.3f s", t.Sub(w.began).Seconds())
}

func (w *earlyWatch) notes() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.noted
}
