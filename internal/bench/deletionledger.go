package main

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/entraflow/entraflow/internal/lab"
)

// ledger notes each write that the simulator is sent, by account.
type ledger struct {
	mu       sync.Mutex
	accounts map[string]*entries // :: account id -> what was written to it
	// strange are writes of any other kind.
	strange []string
	lab.WriteCount
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
	l.Add()
	l.mu.Lock()
	defer l.mu.Unlock()
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

// of gives what was written to an account.
func (l *ledger) of(id string) entries {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.accounts[id]; e != nil {
		return *e
	}
	return entries{}
}
