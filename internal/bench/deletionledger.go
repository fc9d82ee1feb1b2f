package main

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"
)

// ledger notes each write that the simulator is sent, by account.
type ledger struct {
	mu       sync.Mutex
	accounts map[string]*entries // :: account id -> what was written to it
	// strange are writes of any other kind.
	strange []string
	count   int
	next    int
	reach   chan struct{}
}

// entries are the moments at which writes to one account began.
type entries struct {
	// removes disable, mark or delete the account; revokes end its sessions.
	removes, revokes []time.Time
}

func newLedger() *ledger { return &ledger{accounts: map[string]*entries{}} }

// observe sees each request at its start.
func (l *ledger) observe(r *http.Request) {
	path, ours := strings.CutPrefix(r.URL.Path, "/v1.0/")
	if !ours || r.Method == http.MethodGet {
		return
	}
	parts := strings.Split(path, "/")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	if l.reach != nil && l.count >= l.next {
		close(l.reach)
		l.reach = nil
	}
	remove := len(parts) == 2 && (r.Method == http.MethodPatch || r.Method == http.MethodDelete)
	revoke := len(parts) == 3 && r.Method == http.MethodPost && parts[2] == "revokeSignInSessions"
	if parts[0] != "users" || !remove && !revoke {
		l.strange = append(l.strange, r.Method+" "+r.URL.Path)
		return
	}
	e := l.accounts[parts[1]]
	if e == nil {
		e = &entries{}
		l.accounts[parts[1]] = e
	}
	if remove {
		e.removes = append(e.removes, time.Now())
	} else {
		e.revokes = append(e.revokes, time.Now())
	}
}

func (l *ledger) writes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// of gives what was written to an account.
func (l *ledger) of(id string) entries {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.accounts[id]; e != nil {
		return *e
	}
	return entries{}
}

// reached waits until so many writes have begun; false when the deletion ended before.
func (l *ledger) reached(ctx context.Context, writes int, ended <-chan struct{}) bool {
	l.mu.Lock()
	if l.count >= writes {
		l.mu.Unlock()
		return true
	}
	reach := make(chan struct{})
	l.next, l.reach = writes, reach
	l.mu.Unlock()
	select {
	case <-reach:
		return true
	case <-ended:
	case <-ctx.Done():
	case <-time.After(5 * time.Minute):
	}
	return false
}
