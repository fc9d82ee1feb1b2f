package pingonesim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Subscription is a webhook: events are sent to its URL in order, and the next only after the last was answered with 200.
// https://developer.pingidentity.com/pingone-api/platform/subscriptions-webhooks.html
type Subscription struct {
	// URL takes the events by POST.
	URL string
	// Headers are sent along, as in Authorization.
	Headers map[string]string
	// NDJSON sends one object on each line in place of an array.
	NDJSON bool
	// MaxEvents is the most events of one request. Default 500.
	MaxEvents int
	// Retry is how long is waited after an answer that is not 200. Default a second.
	Retry time.Duration
	// Client sends the requests. Default one that trusts the machine's authorities.
	Client *http.Client
}

// Event is something that happened, as webhooks tell it.
type Event map[string]any

// subscriber sends the events of one subscription.
type subscriber struct {
	Subscription
	cancel context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	changed *sync.Cond
	waiting []Event
	closed  bool
}

// Subscribe sends the events from now on to a webhook, until the server is closed.
func (s *Server) Subscribe(to Subscription) {
	if to.MaxEvents == 0 {
		to.MaxEvents = 500
	}
	if to.Retry == 0 {
		to.Retry = time.Second
	}
	if to.Client == nil {
		to.Client = &http.Client{Timeout: 10 * time.Second}
	}
	ctx, cancel := context.WithCancel(context.Background())
	sub := &subscriber{Subscription: to, cancel: cancel, ended: make(chan struct{})}
	sub.changed = sync.NewCond(&sub.mu)
	s.mu.Lock()
	s.subscribers = append(s.subscribers, sub)
	s.mu.Unlock()
	go sub.deliver(ctx)
}

// Emit tells every subscription of events.
func (s *Server) Emit(events ...Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit(events...)
}

// emit is Emit for those who hold the lock, so that events have the order of the changes.
func (s *Server) emit(events ...Event) {
	for _, sub := range s.subscribers {
		sub.mu.Lock()
		sub.waiting = append(sub.waiting, events...)
		sub.changed.Broadcast()
		sub.mu.Unlock()
	}
}

// Undelivered is how many events no webhook has answered with 200 yet.
func (s *Server) Undelivered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, sub := range s.subscribers {
		sub.mu.Lock()
		n += len(sub.waiting)
		sub.mu.Unlock()
	}
	return n
}

// WaitDelivered waits until every event was answered with 200, or the context ends.
func (s *Server) WaitDelivered(ctx context.Context) error {
	s.mu.Lock()
	subscribers := append([]*subscriber{}, s.subscribers...)
	s.mu.Unlock()
	for _, sub := range subscribers {
		stop := context.AfterFunc(ctx, func() {
			sub.mu.Lock()
			defer sub.mu.Unlock()
			sub.changed.Broadcast()
		})
		sub.mu.Lock()
		for len(sub.waiting) > 0 && ctx.Err() == nil {
			sub.changed.Wait()
		}
		sub.mu.Unlock()
		stop()
	}
	return ctx.Err()
}

// deliver sends what waits, oldest first, until it is closed.
func (s *subscriber) deliver(ctx context.Context) {
	defer close(s.ended)
	for {
		s.mu.Lock()
		for len(s.waiting) == 0 && !s.closed {
			s.changed.Wait()
		}
		if s.closed {
			s.mu.Unlock()
			return
		}
		batch := append([]Event{}, s.waiting[:min(len(s.waiting), s.MaxEvents)]...)
		s.mu.Unlock()
		if !s.post(ctx, batch) {
			timer := time.NewTimer(s.Retry)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
			}
			continue
		}
		s.mu.Lock()
		s.waiting = s.waiting[len(batch):]
		s.changed.Broadcast()
		s.mu.Unlock()
	}
}

// post reports whether a batch was answered with 200.
func (s *subscriber) post(ctx context.Context, batch []Event) bool {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	kind := "application/json"
	if s.NDJSON {
		kind = "application/x-ndjson"
		for _, e := range batch {
			_ = encoder.Encode(e)
		}
	} else {
		_ = encoder.Encode(batch)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, &body)
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", kind)
	for name, value := range s.Headers {
		r.Header.Set(name, value)
	}
	answered, err := s.Client.Do(r)
	if err != nil {
		return false
	}
	_ = answered.Body.Close()
	return answered.StatusCode == http.StatusOK
}

// end stops the deliveries.
func (s *subscriber) end() {
	s.mu.Lock()
	s.closed = true
	s.changed.Broadcast()
	s.mu.Unlock()
	s.cancel()
	<-s.ended
}

// userEvent tells of a change of a user, as in USER.UPDATED. Who holds the lock calls it.
func (s *Server) userEvent(action string, u User) Event {
	id := fmt.Sprint(u["id"])
	e := s.event(action)
	resource := map[string]any{"type": "USER", "id": id, "name": u["username"], "environment": map[string]any{"id": s.options.EnvironmentID},
		"href": s.address("users", id)}
	if population, has := u["population"]; has {
		resource["population"] = population
	}
	e["resources"] = []any{resource}
	return e
}

// MemberEvent tells that a user joined or left a group: action is MEMBER_OF_GROUP.CREATED or MEMBER_OF_GROUP.DELETED. The user is named
// only in the address; the actor is an administrator.
func (s *Server) MemberEvent(action, userID, groupID string) Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.memberEvent(action, userID, groupID)
}

func (s *Server) memberEvent(action, userID, groupID string) Event {
	e := s.event(action)
	e["actors"].(map[string]any)["user"] = map[string]any{"id": "ad000000-0000-4000-8000-000000000001", "name": "administrator", "type": "USER",
		"environment": map[string]any{"id": s.options.EnvironmentID}, "href": s.address("users", "ad000000-0000-4000-8000-000000000001")}
	e["resources"] = []any{map[string]any{"type": "MEMBER_OF_GROUP", "id": groupID, "name": "a group", "environment": map[string]any{"id": s.options.EnvironmentID},
		"href": s.address("users", userID, "memberOfGroups", groupID)}}
	return e
}

func (s *Server) event(action string) Event {
	s.events++
	at := s.options.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	return Event{
		"id": fmt.Sprintf("e0e00000-0000-4000-8000-%012d", s.events), "recordedAt": at, "correlationId": fmt.Sprintf("c0c00000-0000-4000-8000-%012d", s.events),
		"_embedded": map[string]any{}, "action": map[string]any{"type": action},
		"actors": map[string]any{"client": map[string]any{"id": s.options.ClientID, "name": "PingOne Admin Console", "type": "CLIENT"}},
		"result": map[string]any{"status": "SUCCESS", "description": action},
	}
}

// address is where something of the environment is.
func (s *Server) address(parts ...string) string {
	address := s.URL + "/v1/environments/" + s.options.EnvironmentID
	for _, p := range parts {
		address += "/" + p
	}
	return address
}
