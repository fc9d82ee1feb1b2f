package graph

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

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
