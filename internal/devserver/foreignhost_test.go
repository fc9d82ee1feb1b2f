package devserver_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/devserver"
)

// A page on the Internet can send requests to this machine, under its own name (DNS rebinding) or across sites. The development server
// has no authentication, so whatever is not meant for it must not reach it.
func TestTheServerRefusesPagesOfOtherMachines(t *testing.T) {
	t.Parallel()
	o := options(t)
	s, err := devserver.Start(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })

	ask := func(method, address, host, origin, body string) int {
		r, err := http.NewRequest(method, address, strings.NewReader(body))
		require.NoError(t, err)
		if host != "" {
			r.Host = host
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		r.Header.Set("Content-Type", "text/plain")
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		_, err = io.Copy(io.Discard, answer.Body)
		require.NoError(t, err)
		return answer.StatusCode
	}
	ui, err := url.Parse(s.UI)
	require.NoError(t, err)
	namespaces := s.UI + "/api/v1/namespaces"
	require.Eventually(t, func() bool { return ask("GET", namespaces, "", "", "") == http.StatusOK }, time.Minute, 100*time.Millisecond,
		"the UI starts after the server")
	for _, host := range []string{"", "localhost:" + ui.Port(), "LOCALHOST", "[::1]:80"} {
		require.Equal(t, http.StatusOK, ask("GET", namespaces, host, "", ""), host)
	}
	for _, host := range []string{"evil.example", "evil.example:" + ui.Port(), "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "0.0.0.0"} {
		require.Equal(t, http.StatusForbidden, ask("GET", namespaces, host, "", ""), host)
	}
	require.Equal(t, http.StatusForbidden, ask("POST", s.UI+"/api/v1/namespaces/people/workflows/x", "", "https://evil.example", "{}"))
	require.Equal(t, http.StatusForbidden, ask("POST", s.UI+"/api/v1/namespaces/people/workflows/x", "", "null", "{}"))

	start := `{"workflowType":{"name":"SyncRule"},"taskQueue":{"name":"entraflow"}}`
	require.Equal(t, http.StatusForbidden, ask("POST", "http://"+s.HTTP+"/api/v1/namespaces/people/workflows/x", "", "", start))
	require.Equal(t, http.StatusForbidden, ask("POST", "http://"+s.HTTP+"/api/v1/namespaces/people/workflows/x", "localhost", "", start))

	info, err := os.Stat(filepath.Join(o.Dir, "temporal.db"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "histories tell who works here")
}
