package ldap

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

var _ source.Watcher = (*Source)(nil)

// The ways in which servers tell of changes. Only the first two tell of deletions for certain.
const (
	feedSyncrepl = "syncrepl"
	feedDirSync  = "DirSync"
	feedNumbers  = "uSNChanged"
)

// position is a place in a feed of changes. It holds what the server counts by and nothing of any entry.
type position struct {
	// Feed is the way in which the server told of changes so far.
	Feed string `json:"feed"`
	// Cookie is the server's own, for syncrepl and DirSync.
	Cookie []byte `json:"cookie,omitempty"`
	// Invocation names the database of a domain controller, and USN is the highest update number that was seen in it.
	Invocation string `json:"invocation,omitempty"`
	USN        int64  `json:"usn,omitempty"`
}

func (p position) encode() source.Position {
	text, err := json.Marshal(p)
	if err != nil {
		// Bytes and texts can always be written.
		panic(err)
	}
	return text
}

// Watch hears of changes as the server tells of them: Active Directory by DirSync, or by uSNChanged where that is denied;
// others by syncrepl (RFC 4533). It has a connection of its own, and asks on it regularly whether the server is still there.
//
// What is not told, and is found by the next listing: memberships of groups, except by DirSync; deletions and moves to a place
// that the account cannot read, where Active Directory does not let it replicate changes; moves out of the base DN with uSNChanged.
//
// Errors: those of dial; SourceUnavailable (Transient) when the connection ends; SourceChangesDenied (Denied).
func (s *Source) Watch(ctx context.Context, after source.Position, report func(source.Changes) error) error {
	return s.watch(ctx, after, report, feedDirSync, feedNumbers)
}

// watch is Watch with the feeds that are tried in Active Directory.
func (s *Source) watch(ctx context.Context, after source.Position, report func(source.Changes) error, feeds ...string) error {
	r, err := s.reading(ctx)
	if err != nil {
		return err
	}
	c, err := s.dial(ctx)
	if err != nil {
		return err
	}
	watching, stop := context.WithCancelCause(ctx)
	w := &watch{Source: s, reading: r, conn: c, report: report}
	// A request that lasts must not be ended by a limit for requests.
	c.SetTimeout(0)
	defer func() {
		stop(nil)
		// Without a limit, Close waits for ever where the other side takes nothing any more.
		c.SetTimeout(time.Second)
		_ = c.Close()
	}()
	if w.root, err = w.ask(watching, rootRequest()); err != nil {
		return err
	}
	if after != nil && json.Unmarshal(after, &w.after) != nil {
		w.after.Feed = "unknown"
	}
	go w.keepAlive(watching, stop)
	if r.facts.kind == kindActiveDirectory {
		err = w.activeDirectory(watching, feeds)
	} else {
		err = w.syncrepl(watching)
	}
	switch cause := context.Cause(watching); {
	case w.reported != nil:
		return w.reported
	case ctx.Err() != nil:
		return ctx.Err()
	case cause != nil:
		return cause
	}
	return err
}

// watch is one watching, on one connection.
type watch struct {
	*Source
	reading *reading
	conn    *goldap.Conn
	// root is what the server says of itself.
	root   *goldap.SearchResult
	after  position
	report func(source.Changes) error
	// reported is the error with which report has ended the watching.
	reported error
}

// tell reports changes.
func (w *watch) tell(s seen, p position) error {
	w.reported = w.report(source.Changes{IDs: s.ids, Everybody: s.everybody, Position: p.encode()})
	return w.reported
}

// lost tells whether a position was given from which the feed cannot go on.
func (w *watch) lost(resumed bool) bool { return w.after.Feed != "" && !resumed }

// keepAlive asks for the root entry from time to time, and ends the watching when no answer comes: a connection that a
// firewall has forgotten is silent, as one is on which nothing happens.
func (w *watch) keepAlive(ctx context.Context, stop context.CancelCauseFunc) {
	ticker := time.NewTicker(w.timeout())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if _, err := w.ask(ctx, rootRequest()); err != nil {
			stop(err)
			return
		}
	}
}

func rootRequest() *goldap.SearchRequest {
	return goldap.NewSearchRequest("", goldap.ScopeBaseObject, goldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)",
		[]string{"supportedControl", "namingContexts", "defaultNamingContext", "dsServiceName", "highestCommittedUSN"}, nil)
}

// about gives what the server says of itself under a name.
func (w *watch) about(name string) []string {
	if len(w.root.Entries) == 0 {
		return nil
	}
	return w.root.Entries[0].GetEqualFoldAttributeValues(name)
}

// namingContext is the one that the base DN is in; "" where the server names none.
func (w *watch) namingContext() string {
	best := ""
	for _, name := range w.about("namingContexts") {
		if name != "" && below(w.BaseDN, name) && len(name) > len(best) {
			best = name
		}
	}
	return best
}

// below reports that an entry is an ancestor's, or the ancestor itself.
func below(dn, ancestor string) bool {
	d, err := goldap.ParseDN(dn)
	if err != nil {
		return false
	}
	a, err := goldap.ParseDN(ancestor)
	return err == nil && (a.EqualFold(d) || a.AncestorOfFold(d))
}

// ask sends a request beside the others of the connection, and returns its whole answer. Referrals are none of its concern: what
// is elsewhere is not watched.
func (w *watch) ask(ctx context.Context, request *goldap.SearchRequest) (*goldap.SearchResult, error) {
	limited, cancel := context.WithTimeout(ctx, w.timeout())
	defer cancel()
	result := &goldap.SearchResult{}
	response := w.conn.SearchAsync(limited, request, 0)
	for response.Next() {
		switch {
		case response.Entry() != nil && response.Referral() == "":
			result.Entries = append(result.Entries, response.Entry())
		case response.Referral() == "":
			result.Controls = append(result.Controls, response.Controls()...)
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, interrupted(ctx)
	case response.Err() != nil:
		return nil, w.failed(w.place(), response.Err())
	case limited.Err() != nil, w.conn.IsClosing(), w.conn.GetLastError() != nil:
		return nil, fault.Wrap(op, fault.Transient, fault.SourceUnavailable, w.place(), errors.Join(limited.Err(), w.conn.GetLastError()))
	}
	return result, nil
}

// answered gives the result code with which a server has answered; ok is false where it has not.
func answered(err error) (code uint16, ok bool) {
	var answer *goldap.Error
	if !errors.As(err, &answer) || answer.ResultCode >= goldap.ErrorNetwork && answer.ResultCode < goldap.LDAPResultSyncRefreshRequired {
		return 0, false
	}
	return answer.ResultCode, true
}

// refused reports that a server cannot go on from a position, and not that it is busy or the account may not ask.
func refused(err error) bool {
	code, ok := answered(err)
	return ok && !slices.Contains([]uint16{
		goldap.LDAPResultBusy, goldap.LDAPResultUnavailable, goldap.LDAPResultInsufficientAccessRights, goldap.LDAPResultInvalidCredentials,
		goldap.LDAPResultNoSuchObject,
	}, code)
}

// denied is the end of a watching that a server does not allow.
func (w *watch) denied(hint string, err error) error {
	return fault.Wrap(op, fault.Denied, fault.SourceChangesDenied, w.place(), errors.Join(source.Hint(hint), err))
}

// seen are the people of whom a feed has told.
type seen struct {
	ids       []string
	known     map[string]bool
	everybody bool
}

func (s *seen) add(id string) {
	if s.known[id] {
		return
	}
	if s.known == nil {
		s.known = map[string]bool{}
	}
	s.known[id] = true
	s.ids = append(s.ids, id)
}

// anybody reports that there is something to tell.
func (s *seen) anybody() bool { return s.everybody || len(s.ids) > 0 }

// supports reports that the server says it knows a control.
func (w *watch) supports(control string) bool {
	return slices.Contains(w.about("supportedControl"), control)
}

// isEntryUUID reports that an attribute is the id that syncrepl names entries by.
func isEntryUUID(name string) bool { return strings.EqualFold(name, "entryUUID") }
