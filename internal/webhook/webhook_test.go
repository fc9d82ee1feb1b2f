package webhook_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/webhook"
)

// endpoint serves webhooks whose bodies are ids of events with blanks between; taken has what was handed on.
func endpoint(t *testing.T, take func() error) (server *httptest.Server, taken *[]string, log *strings.Builder) {
	t.Helper()
	taken, log = &[]string{}, &strings.Builder{}
	var mu sync.Mutex
	server = httptest.NewServer(webhook.Handler(webhook.Options{
		Secret: func(context.Context) (string, error) { return "right", nil },
		Parse: func(store string) func([]byte) (source.Events, error) {
			if store != "pingone" {
				return nil
			}
			return func(body []byte) (e source.Events, err error) {
				if strings.Contains(string(body), "garbage") {
					return e, fault.New("read webhook", fault.Invalid, fault.SourceMalformed, "")
				}
				for _, id := range strings.Fields(string(body)) {
					e.Told = append(e.Told, source.Event{ID: id, Person: id})
				}
				e.Unknown = []string{"STRANGE\nTYPE"}
				if strings.Contains(string(body), "flood") {
					e.Unknown = slices.Repeat([]string{"FLOOD"}, 1000)
				}
				return e, nil
			}
		},
		Take: func(_ context.Context, _, connection string, events []source.Event) error {
			if connection != "contoso" {
				return fault.New("", fault.Refused, fault.ConnectionUnknown, connection)
			}
			if err := take(); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for _, e := range events {
				*taken = append(*taken, e.Person)
			}
			return nil
		},
		Log: slog.New(slog.NewTextHandler(log, nil)),
	}))
	t.Cleanup(server.Close)
	return server, taken, log
}

func post(t *testing.T, url, secret, body string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	if secret != "" {
		r.Header.Set("Authorization", secret)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	var broken error
	server, taken, log := endpoint(t, func() error { return broken })
	at := server.URL + "/webhooks/pingone/contoso"
	for _, secret := range []string{"", "wrong", "Bearer wrong", "Bearer", "Bearer rightly"} {
		require.Equal(t, http.StatusUnauthorized, post(t, at, secret, "a"), secret)
	}
	require.Equal(t, http.StatusOK, post(t, at, "Bearer right", "a b a"))
	require.Equal(t, []string{"a", "b"}, *taken, "once in one body")
	require.Equal(t, http.StatusOK, post(t, at, "Bearer right", "b c"))
	require.Equal(t, []string{"a", "b", "c"}, *taken, "and once in all")
	require.Equal(t, http.StatusOK, post(t, at, "Bearer right", ""))

	broken = fault.New("", fault.Transient, fault.TemporalUnavailable, "")
	require.Equal(t, http.StatusServiceUnavailable, post(t, at, "Bearer right", "d"), "not taken, so not acknowledged")
	broken = nil
	require.Equal(t, http.StatusOK, post(t, at, "Bearer right", "d"))
	require.Equal(t, []string{"a", "b", "c", "d"}, *taken, "the sender's repetition is taken")

	require.Equal(t, http.StatusOK, post(t, at, "Bearer right", "garbage secret-of-ann"), "a refusal would hold up what comes after it")
	require.Equal(t, []string{"a", "b", "c", "d", ""}, *taken, "everybody may have changed")
	broken = fault.New("", fault.Transient, fault.TemporalUnavailable, "")
	require.Equal(t, http.StatusServiceUnavailable, post(t, at, "Bearer right", "garbage"), "Temporal has not got the sync")
	broken = nil
	require.Equal(t, http.StatusOK, post(t, at, "Bearer right", "garbage"))
	require.Equal(t, []string{"a", "b", "c", "d", "", ""}, *taken, "no body that cannot be read is the same as another")
	require.Equal(t, http.StatusNotFound, post(t, server.URL+"/webhooks/okta/contoso", "Bearer right", "e"))
	require.Equal(t, http.StatusNotFound, post(t, server.URL+"/webhooks/pingone/fabrikam", "Bearer right", "e"))
	require.Equal(t, http.StatusOK, post(t, at, "Bearer right", strings.Repeat("x", 6<<20)))
	require.Equal(t, []string{"a", "b", "c", "d", "", "", ""}, *taken, "nor is one that is too large")
	require.Equal(t, http.StatusUnauthorized, post(t, at, "wrong", "garbage"), "a stranger starts nothing")
	answer, err := http.Get(at)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
	require.NotContains(t, log.String(), "secret-of-ann")
	require.Contains(t, log.String(), "STRANGE.TYPE")
	require.Equal(t, http.StatusOK, post(t, at, "Bearer right", "flood"))
	require.LessOrEqual(t, strings.Count(log.String(), "FLOOD"), 10, "a body does not fill the log")
}

func TestWebhooksHaveARate(t *testing.T) {
	t.Parallel()
	server, _, _ := endpoint(t, func() error { return nil })
	refused := 0
	for range 1000 {
		if post(t, server.URL+"/webhooks/pingone/contoso", "Bearer right", "a") == http.StatusTooManyRequests {
			refused++
		}
	}
	require.Positive(t, refused)
}

// Bodies that come slowly do not fill the memory: there is a place for sixteen.
func TestFewBodiesAreReadAtOnce(t *testing.T) {
	t.Parallel()
	server, taken, _ := endpoint(t, func() error { return nil })
	at := server.URL + "/webhooks/pingone/contoso"
	var open []*io.PipeWriter
	answers := make(chan int, 100)
	for range 17 {
		reader, writer := io.Pipe()
		open = append(open, writer)
		go func() {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, at, reader)
			r.Header.Set("Authorization", "Bearer right")
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				answers <- 0
				return
			}
			_ = answer.Body.Close()
			answers <- answer.StatusCode
		}()
	}
	require.Equal(t, http.StatusServiceUnavailable, <-answers, "sixteen wait for the rest of their bodies, and one comes again")
	for _, w := range open {
		// Nobody reads the one that was refused.
		go func() {
			_, _ = w.Write([]byte("x"))
			_ = w.Close()
		}()
	}
	for range 16 {
		require.Equal(t, http.StatusOK, <-answers)
	}
	require.NotEmpty(t, *taken)
	require.Equal(t, http.StatusOK, post(t, at, "Bearer right", "later"))
}
