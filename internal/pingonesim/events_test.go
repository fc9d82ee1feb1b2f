package pingonesim_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/pingonesim"
)

// hook is a webhook that takes events after it has refused some requests.
type hook struct {
	mu      sync.Mutex
	refuse  int
	seen    []string
	batches int
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer made-up" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if h.refuse > 0 {
		h.refuse--
		w.WriteHeader(http.StatusAccepted)
		return
	}
	text, _ := io.ReadAll(r.Body)
	var events []map[string]any
	if bytes.HasPrefix(text, []byte("[")) {
		_ = json.Unmarshal(text, &events)
	} else {
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			var e map[string]any
			_ = json.Unmarshal(lines.Bytes(), &e)
			events = append(events, e)
		}
	}
	h.batches++
	for _, e := range events {
		resource := e["resources"].([]any)[0].(map[string]any)
		href := resource["href"].(string)
		h.seen = append(h.seen, e["action"].(map[string]any)["type"].(string)+" "+href[strings.Index(href, "/users/"):])
	}
}

func TestWebhooksTellOfChangesInOrderUntilTheyAreAnsweredWith200(t *testing.T) {
	t.Parallel()
	for _, lines := range []bool{false, true} {
		taker := &hook{refuse: 2}
		server := httptest.NewServer(taker)
		t.Cleanup(server.Close)
		s, err := pingonesim.Start(pingonesim.Options{EnvironmentID: "e", Subscriptions: []pingonesim.Subscription{
			{URL: server.URL, Headers: map[string]string{"Authorization": "Bearer made-up"}, NDJSON: lines, Retry: time.Millisecond, MaxEvents: 2}}})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })

		s.Create(pingonesim.User{"id": "u1", "username": "ann"})
		require.True(t, s.Update("u1", func(u pingonesim.User) { u["enabled"] = false }))
		require.True(t, s.Update("u1", func(u pingonesim.User) { u["population"] = map[string]any{"id": "p"} }))
		require.False(t, s.Update("u2", func(pingonesim.User) {}))
		s.Emit(s.MemberEvent("MEMBER_OF_GROUP.CREATED", "u1", "g1"))
		require.True(t, s.Delete("u1"))
		require.NoError(t, s.WaitDelivered(t.Context()))
		require.Zero(t, s.Undelivered())

		taker.mu.Lock()
		require.Equal(t, []string{"USER.CREATED /users/u1", "USER.UPDATED /users/u1", "USER.MOVED /users/u1",
			"MEMBER_OF_GROUP.CREATED /users/u1/memberOfGroups/g1", "USER.DELETED /users/u1"}, taker.seen)
		require.GreaterOrEqual(t, taker.batches, 3)
		taker.mu.Unlock()
	}
}
