package ldap

import (
	"context"
	"strings"
	"sync"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
)

// The control with which changes are asked for (RFC 4533).
const controlSync = "1.3.6.1.4.1.4203.1.9.1.1"

// syncrepl hears of changes by LDAP Content Synchronization in the mode refreshAndPersist. The server first tells what has
// changed since the cookie (refresh), then each change as it happens (persist).
//
// In the refresh a server may name those who are still there, and mean by it that all others are gone. Nobody is concluded
// to be gone from that: it counts as a change of which only a listing tells, and is reported as Everybody.
func (w *watch) syncrepl(ctx context.Context) error {
	if !w.supports(controlSync) {
		return w.denied("the server does not offer to synchronize (RFC 4533); in OpenLDAP, add the overlay syncprov", nil)
	}
	// The present is told by the cookie that the server would have given; a server that does not show it tells of everybody once.
	attempts := []syncStart{{cookie: w.present(ctx)}, {}}
	if attempts[0].cookie == nil {
		attempts = attempts[1:]
	}
	if w.after.Feed == feedSyncrepl && len(w.after.Cookie) > 0 {
		attempts = append([]syncStart{{cookie: w.after.Cookie, resumed: true}}, attempts...)
	}
	var err error
	for len(attempts) > 0 {
		i := newInbox(w.reading.id, attempts[0])
		err = w.persist(ctx, i)
		code, _ := answered(err)
		switch {
		case code == goldap.LDAPResultSyncRefreshRequired && i.listening:
			// The server can no longer tell what has changed: what it told so far is reported already.
			w.after = position{Feed: feedSyncrepl}
			attempts = []syncStart{{cookie: w.present(ctx)}, {}}
		case refused(err) && !i.listening:
			attempts = attempts[1:]
		default:
			return err
		}
	}
	return w.denied("the server refuses to synchronize (RFC 4533) for this account; in OpenLDAP, add the overlay syncprov to the database, and raise the account's size limit", err)
}

// syncStart is where a synchronization begins.
type syncStart struct {
	cookie []byte
	// resumed: the cookie is of an earlier feed, and not of the present.
	resumed bool
}

// present is the cookie of OpenLDAP's present state, made from contextCSN; nil where the server does not show it.
func (w *watch) present(ctx context.Context) []byte {
	suffix := w.namingContext()
	if suffix == "" {
		return nil
	}
	result, err := w.ask(ctx, goldap.NewSearchRequest(suffix, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", []string{"contextCSN"}, nil))
	if err != nil || len(result.Entries) == 0 {
		return nil
	}
	numbers := result.Entries[0].GetEqualFoldAttributeValues("contextCSN")
	if len(numbers) == 0 {
		return nil
	}
	// Without rid OpenLDAP takes a cookie for none.
	return []byte("rid=000,csn=" + strings.Join(numbers, ";"))
}

// persist synchronizes until that ends, which is always an error.
func (w *watch) persist(ctx context.Context, i *inbox) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request := w.request(w.reading.filter)
	request.Attributes = []string{"1.1"}
	if !isEntryUUID(w.reading.id) {
		request.Attributes = []string{w.reading.id}
	}
	stream := w.conn.Syncrepl(ctx, request, 0, goldap.SyncRequestModeRefreshAndPersist, i.cookie, false)
	go func() {
		// The stream is emptied whatever happens to the reports, because it blocks all else on the connection.
		for stream.Next() {
			i.take(stream, w.reading)
		}
		i.end(stream.Err())
	}()
	for {
		select {
		case <-ctx.Done():
			return interrupted(ctx)
		case <-i.news:
		}
		s, cookie, listening, ended := i.empty()
		if listening && (s.anybody() || !i.listening) {
			s.everybody = s.everybody || !i.listening && w.lost(i.start.resumed)
			i.listening = true
			if err := w.tell(s, position{Feed: feedSyncrepl, Cookie: cookie}); err != nil {
				return err
			}
		}
		if ended != nil {
			return w.streamEnded(*ended)
		}
	}
}

// streamEnded is the error of a stream that has ended, for whatever reason.
func (w *watch) streamEnded(err error) error {
	if err == nil {
		return fault.Wrap(op, fault.Transient, fault.SourceUnavailable, w.place(), w.conn.GetLastError())
	}
	return w.failed(w.place(), err)
}

// inbox gathers what a stream tells until it is reported. The reader of the stream fills it, the watching empties it.
type inbox struct {
	start syncStart
	// id is the attribute with the people's ids.
	id string
	// listening: the refresh was reported. It is the watching's alone.
	listening bool
	news      chan struct{}

	mu        sync.Mutex
	seen      seen
	cookie    []byte
	refreshed bool
	ended     *error
}

func newInbox(id string, start syncStart) *inbox {
	return &inbox{start: start, id: id, cookie: start.cookie, news: make(chan struct{}, 1)}
}

// take takes one message of the stream.
func (i *inbox) take(message goldap.Response, r *reading) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, control := range message.Controls() {
		switch c := control.(type) {
		case *goldap.ControlSyncState:
			i.entry(c, message.Entry(), r)
		case *goldap.ControlSyncInfo:
			i.info(c)
		}
	}
	if i.refreshed {
		i.ring()
	}
}

// entry takes what is told of one entry.
func (i *inbox) entry(c *goldap.ControlSyncState, e *goldap.Entry, r *reading) {
	i.went(c.Cookie)
	switch {
	case !i.refreshed && len(i.start.cookie) == 0:
		// Without a cookie the refresh tells of everybody there is, which is no change.
	case c.State == goldap.SyncStatePresent:
	case isEntryUUID(i.id):
		i.seen.add(c.EntryUUID.String())
	case c.State == goldap.SyncStateDelete || e == nil:
		// A deleted entry comes without its attributes.
		i.seen.everybody = true
	default:
		id, err := r.idOf(attributeOf(e, i.id))
		if err != nil {
			i.seen.everybody = true
			return
		}
		i.seen.add(id)
	}
}

// info takes what is told of the state of the synchronization.
func (i *inbox) info(c *goldap.ControlSyncInfo) {
	switch {
	case c.NewCookie != nil:
		i.went(c.NewCookie.Cookie)
	case c.RefreshDelete != nil:
		i.went(c.RefreshDelete.Cookie)
		i.refreshed = i.refreshed || c.RefreshDelete.RefreshDone
	case c.RefreshPresent != nil:
		// Whoever was not named since the cookie may be gone, and who that is the server does not say.
		i.seen.everybody = i.seen.everybody || i.start.resumed
		i.went(c.RefreshPresent.Cookie)
		i.refreshed = i.refreshed || c.RefreshPresent.RefreshDone
	case c.SyncIdSet != nil && c.SyncIdSet.RefreshDeletes:
		i.went(c.SyncIdSet.Cookie)
		if !isEntryUUID(i.id) {
			i.seen.everybody = true
			return
		}
		for _, id := range c.SyncIdSet.SyncUUIDs {
			i.seen.add(id.String())
		}
	}
}

// went notes a cookie. Those that come in the middle of a refresh are good for the persist stage only.
func (i *inbox) went(cookie []byte) {
	if len(cookie) > 0 {
		i.cookie = cookie
	}
}

func (i *inbox) end(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ended = &err
	i.ring()
}

func (i *inbox) ring() {
	select {
	case i.news <- struct{}{}:
	default:
	}
}

// empty gives what has come.
func (i *inbox) empty() (s seen, cookie []byte, refreshed bool, ended *error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	s, i.seen = i.seen, seen{}
	return s, i.cookie, i.refreshed, i.ended
}
