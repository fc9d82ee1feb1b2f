// Package webhook is the worker's endpoint for the webhooks of identity stores: POST /webhooks/<store>/<connection>. What a body tells of is
// handed to Temporal before it is answered with 200; anything else makes the sender repeat it.
//
// A body that nobody can read is answered with 200, too, and becomes a sync of the rules: something has changed, and nobody knows what.
// PingOne sends in order and repeats a body until it is answered with 200, so that a refusal would hold up all that comes after it, for
// days, and then lose it.
//
// A body is a hint. It names people, and nothing of it is believed: the runs that it leads to read the store themselves.
package webhook

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

const (
	// maxBody is the largest body: PingOne sends at most 4,096 KB.
	maxBody = 5 << 20
	// perSecond and atOnce bound the bodies that are read. PingOne sends at most 72 a second.
	perSecond = 100
	atOnce    = 200
	// maxReading is how many bodies are in memory at once: 80 MiB of them.
	maxReading = 16
	// remembered is how many events are known again when they come twice.
	remembered = 100_000
	// maxUnknown is how many types of events without a meaning one body can bring into the log.
	maxUnknown = 10
	// patience is how long Temporal may take before the sender is told to come again.
	patience = 10 * time.Second
)

// Options are what an endpoint works with.
type Options struct {
	// Secret reads what the sender must show in the header Authorization, after "Bearer "; nil where client certificates are enough.
	Secret func(ctx context.Context) (string, error)
	// Parse finds the reader of a store's bodies by the store's key; nil where the store sends none.
	Parse func(store string) func(body []byte) (source.Events, error)
	// Take hands what a connection was told to Temporal. fault.ConnectionUnknown where there is no such connection.
	Take func(ctx context.Context, store, connection string, events []source.Event) error
	// Log is told of what was refused or not understood, never with a body.
	Log *slog.Logger
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Handler answers webhooks.
func Handler(o Options) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	e := &endpoint{Options: o, tokens: atOnce, refilled: o.Now(), seen: map[eventKey]struct{}{}, reading: make(chan struct{}, maxReading)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhooks/{store}/{connection}", e.take)
	return mux
}

type endpoint struct {
	Options

	// reading has a place for each body that is in memory.
	reading chan struct{}

	mu       sync.Mutex
	tokens   float64
	refilled time.Time
	// seen are events that were taken, order the order in which they came.
	seen  map[eventKey]struct{}
	order []eventKey
}

// eventKey is a digest of a connection and an event's id, which senders choose as long as they like.
type eventKey [sha256.Size]byte

func keyOf(of string, event source.Event) eventKey { return sha256.Sum256([]byte(of + "/" + event.ID)) }

func (e *endpoint) take(w http.ResponseWriter, r *http.Request) {
	if !e.allowed(r) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "the header Authorization is missing or wrong", http.StatusUnauthorized)
		return
	}
	if !e.spend() {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many requests", http.StatusTooManyRequests)
		return
	}
	store, connection := r.PathValue("store"), r.PathValue("connection")
	parse := e.Parse(store)
	if parse == nil {
		http.Error(w, "no store of this name sends webhooks", http.StatusNotFound)
		return
	}
	select {
	case e.reading <- struct{}{}:
		defer func() { <-e.reading }()
	default:
		// Without it the server would wait for the rest of the body, too.
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many bodies at once", http.StatusServiceUnavailable)
		return
	}
	events, err := e.read(w, r, parse)
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return
	}
	for _, kind := range events.Unknown[:min(len(events.Unknown), maxUnknown)] {
		e.Log.Info("a webhook tells of something that means nothing here", "store", store, "connection", connection, "type", clip(kind))
	}
	fresh := e.unseen(store+"/"+connection, events.Told)
	if len(fresh) > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		if err := e.Take(ctx, store, connection, fresh); err != nil {
			e.refuse(w, store, connection, err)
			return
		}
		e.remember(store+"/"+connection, fresh)
	}
	w.WriteHeader(http.StatusOK)
}

// read reads a body. One that is none of the service's, or too large, tells that something has changed.
//
// Errors: those of the connection; the sender sends the body again.
func (e *endpoint) read(w http.ResponseWriter, r *http.Request, parse func([]byte) (source.Events, error)) (source.Events, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	why := "the body is larger than 5 MiB"
	if tooLarge := new(http.MaxBytesError); err != nil && !errors.As(err, &tooLarge) {
		return source.Events{}, err
	}
	if err == nil {
		events, err := parse(body)
		if err == nil {
			return events, nil
		}
		why = string(fault.Of(err).Reason)
	}
	e.Log.Warn("a webhook's body cannot be read; the rules that read the source are synced instead",
		"store", r.PathValue("store"), "connection", r.PathValue("connection"), "reason", why)
	return source.Events{Told: []source.Event{{}}}, nil
}

func (e *endpoint) refuse(w http.ResponseWriter, store, connection string, err error) {
	f := fault.Of(err)
	e.Log.Warn("a webhook could not be taken", "store", store, "connection", connection, "reason", f.Reason)
	if f.Reason == fault.ConnectionUnknown {
		http.Error(w, "there is no such connection", http.StatusNotFound)
		return
	}
	w.Header().Set("Retry-After", "5")
	http.Error(w, "try again", http.StatusServiceUnavailable)
}

// allowed compares in constant time, whatever the lengths.
func (e *endpoint) allowed(r *http.Request) bool {
	if e.Secret == nil {
		return r.TLS != nil && len(r.TLS.VerifiedChains) > 0
	}
	secret, err := e.Secret(r.Context())
	if err != nil || secret == "" {
		e.Log.Error("the secret of webhooks cannot be read", "reason", fault.Of(err).Reason)
		return false
	}
	given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// spend takes one request out of the rate.
func (e *endpoint) spend() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.Now()
	e.tokens = min(atOnce, e.tokens+now.Sub(e.refilled).Seconds()*perSecond)
	e.refilled = now
	if e.tokens < 1 {
		return false
	}
	e.tokens--
	return true
}

// unseen leaves out events that were taken before, and those that come twice in one body.
func (e *endpoint) unseen(of string, events []source.Event) []source.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var fresh []source.Event
	twice := map[eventKey]bool{}
	for _, event := range events {
		key := keyOf(of, event)
		if _, known := e.seen[key]; event.ID != "" && (known || twice[key]) {
			continue
		}
		twice[key] = true
		fresh = append(fresh, event)
	}
	return fresh
}

func (e *endpoint) remember(of string, events []source.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range events {
		if event.ID == "" {
			continue
		}
		key := keyOf(of, event)
		if _, known := e.seen[key]; !known {
			e.seen[key] = struct{}{}
			e.order = append(e.order, key)
		}
	}
	for len(e.order) > remembered {
		delete(e.seen, e.order[0])
		e.order = e.order[1:]
	}
}

// clip bounds what a sender can write into the log.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '.'
		}
		return r
	}, s)
	return s[:min(len(s), 60)]
}
