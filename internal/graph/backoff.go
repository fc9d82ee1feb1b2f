package graph

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// backoff is a wait of our own choosing that doubles with each attempt.
type backoff struct{ first, max time.Duration }

var (
	// replicaBackoff: a new object may be unknown to some servers for seconds, seldom for up to 15 minutes.
	replicaBackoff = backoff{15 * time.Second, 240 * time.Second}
	// verifyBackoff: how long to wait before looking whether a lost write was carried out.
	verifyBackoff = backoff{5 * time.Second, 60 * time.Second}
	// throttleBackoff: after a 429 that does not say how long; at most the window of the write limit.
	throttleBackoff = backoff{10 * time.Second, 150 * time.Second}
	// domainBackoff: a domain just added to the tenant is not known everywhere yet.
	domainBackoff = backoff{30 * time.Second, 30 * time.Second}
)

// after is the wait after the given attempt, counted from 1.
func (b backoff) after(attempt int, pace float64) time.Duration {
	d := b.first
	for i := 1; i < attempt && d < b.max; i++ {
		d *= 2
	}
	return time.Duration(float64(min(d, b.max)) * pace)
}

type youngKey struct{}
type attemptKey struct{}

// Young says that the account of the calls under this context was written only just now: a "not found" is then
// fault.ReplicationPending (NotReady) and not fault.AccountNotFound.
func Young(ctx context.Context) context.Context { return context.WithValue(ctx, youngKey{}, true) }

// WithAttempt says that the calls under this context are the nth attempt, counted from 1 as Temporal does. The waits of
// NotReady and Uncertain faults grow with it, and some answers that may be a matter of time (a value of a domain added
// minutes ago) are retryable in the first three attempts only. Without it every call is a first attempt, and those answers
// are final.
func WithAttempt(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, attemptKey{}, n)
}

func isYoung(ctx context.Context) bool { young, _ := ctx.Value(youngKey{}).(bool); return young }

// attemptOf is 0 where the caller does not count.
func attemptOf(ctx context.Context) int { n, _ := ctx.Value(attemptKey{}).(int); return n }

// retryAfter reads the header, in seconds or as a date; ok is false without a usable one. It is bounded to an hour.
func retryAfter(h http.Header, now time.Time) (d time.Duration, ok bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseFloat(v, 64); err == nil && seconds >= 0 {
		d = time.Duration(min(seconds, 3600) * float64(time.Second))
	} else if at, err := http.ParseTime(v); err == nil {
		// A date has whole seconds, rounded down: the wait ends with that second and not at its beginning.
		d = max(0, at.Add(time.Second).Sub(now))
	} else {
		return 0, false
	}
	return min(d, time.Hour), true
}
