//go:build linux

package topology_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// loss is a request that takes something away, carried out or not.
type loss struct {
	account, what, sku string
	at                 time.Time
}

// watch sees every request to the tenant at its start.
type watch struct {
	mu        sync.Mutex
	writes    int
	losses    []loss
	touched   map[string]bool     // :: object ids that were written to
	story     map[string][]string // :: object id -> every write, for whoever has to explain a violation
	passwords []string
	next      int
	reach     chan struct{}
}

func newWatch() *watch { return &watch{touched: map[string]bool{}, story: map[string][]string{}} }

func (w *watch) observe(r *http.Request) {
	path, graph := strings.CutPrefix(r.URL.Path, "/v1.0/")
	if !graph || r.Method == http.MethodGet {
		return
	}
	parts := strings.Split(path, "/")
	if parts[0] != "users" && parts[0] != "directory" {
		return
	}
	body, _ := io.ReadAll(r.Body) // A body that breaks off is the simulator's to refuse.
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes++
	if w.reach != nil && w.writes >= w.next {
		close(w.reach)
		w.reach = nil
	}
	w.note(r.Method, parts, body)
}

// note keeps what the request is about.
func (w *watch) note(method string, parts []string, body []byte) {
	var sent struct {
		AccountEnabled  *bool    `json:"accountEnabled"`
		RemoveLicenses  []string `json:"removeLicenses"`
		PasswordProfile struct {
			Password string `json:"password"`
		} `json:"passwordProfile"`
	}
	_ = json.Unmarshal(body, &sent) // Not every write has a body.
	if sent.PasswordProfile.Password != "" {
		w.passwords = append(w.passwords, sent.PasswordProfile.Password)
	}
	if parts[0] != "users" || len(parts) < 2 {
		return
	}
	id := parts[1]
	w.touched[id] = true
	w.story[id] = append(w.story[id], fmt.Sprintf("%s %s %s %s", time.Now().UTC().Format("15:04:05.000"), method, strings.Join(parts[2:], "/"), body))
	switch {
	case method == http.MethodDelete:
		w.losses = append(w.losses, loss{id, "delete", "", time.Now()})
	case method == http.MethodPatch && sent.AccountEnabled != nil && !*sent.AccountEnabled:
		w.losses = append(w.losses, loss{id, "disable", "", time.Now()})
	case len(parts) == 3 && parts[2] == "assignLicense":
		for _, sku := range sent.RemoveLicenses {
			w.losses = append(w.losses, loss{id, "license", strings.ToLower(sku), time.Now()})
		}
	}
}

// told is every write to an account so far.
func (w *watch) told(id string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.story[id]...)
}

// begin begins a round.
func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes, w.losses, w.touched = 0, nil, map[string]bool{}
}

// round is what has been seen since begin.
func (w *watch) round() (losses []loss, touched []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range w.touched {
		touched = append(touched, id)
	}
	return append([]loss(nil), w.losses...), touched
}

func (w *watch) secrets() [][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out [][]byte
	for _, p := range w.passwords {
		out = append(out, []byte(p))
	}
	return out
}

func (w *watch) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writes
}

// reached waits until so many writes were sent in the round; false when the sync ended before.
func (w *watch) reached(ctx context.Context, writes int, ended <-chan struct{}) bool {
	w.mu.Lock()
	if w.writes >= writes {
		w.mu.Unlock()
		return true
	}
	reach := make(chan struct{})
	w.next, w.reach = writes, reach
	w.mu.Unlock()
	select {
	case <-reach:
		return true
	case <-ended:
	case <-ctx.Done():
	}
	return false
}
