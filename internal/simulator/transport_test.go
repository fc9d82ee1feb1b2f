package simulator_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

func TestOwnAuthority(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	require.Contains(t, string(w.s.CAPEM()), "BEGIN CERTIFICATE")
	_, err := http.Get(w.s.URL() + "/simulator/health")
	require.ErrorContains(t, err, "certificate")
	resp, err := w.client.Get(strings.Replace(w.s.URL(), "127.0.0.1", "localhost", 1) + "/simulator/health")
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, tls.VersionTLS13, int(resp.TLS.Version))
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	w := start(t, simulator.Options{})
	const mine = "0d9d9b1c-0000-4000-8000-000000000001"
	for _, path := range []string{"/users", "/users/nobody@contoso.com"} {
		a := w.get(path, "client-request-id", mine)
		require.Equal(t, mine, a.header.Get("client-request-id"))
		require.Len(t, a.header.Get("request-id"), 36)
		require.Contains(t, a.header.Get("x-ms-ags-diagnostic"), "ServerInfo")
		require.NotEmpty(t, a.header.Get("x-ms-resource-unit"))
	}
	a := w.get("/users")
	require.Equal(t, "4.0", a.header.Get("OData-Version"))
	require.Equal(t, "2", a.header.Get("x-ms-resource-unit"))
	require.Equal(t, "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8", a.header.Get("Content-Type"))
	require.Equal(t, "1", w.get("/users?$select=id").header.Get("x-ms-resource-unit"))

	e := w.get("/users/nobody@contoso.com", "client-request-id", mine).err()
	inner := e["innerError"].(map[string]any)
	require.Equal(t, mine, inner["client-request-id"])
	require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`, inner["date"])
}

func TestBodies(t *testing.T) {
	t.Parallel()
	const unreadable = "Unable to read JSON request payload."
	raw, err := json.Marshal(person("ann@contoso.com", nil))
	require.NoError(t, err)
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	_, _ = zw.Write(raw)
	require.NoError(t, zw.Close())
	chunked := func(w *world) answer {
		req := w.request("POST", "/users", raw)
		req.ContentLength, req.Body, req.GetBody = -1, io.NopCloser(bytes.NewReader(raw)), nil
		a, err := w.send(req)
		require.NoError(t, err)
		return a
	}
	t.Run("gzip", func(t *testing.T) {
		w := start(t, simulator.Options{})
		w.do("POST", "/users", zipped.Bytes(), "Content-Encoding", "gzip").is(201)
	})
	t.Run("gzip that is none", func(t *testing.T) {
		w := start(t, simulator.Options{})
		w.do("POST", "/users", raw, "Content-Encoding", "gzip").refused(400, "BadRequest", unreadable)
		require.Equal(t, 1, w.s.Stats().ProtocolFaults["body is not what Content-Encoding says"])
	})
	t.Run("gzip refused", func(t *testing.T) {
		w := start(t, simulator.Options{Behavior: simulator.Behavior{RefuseGzip: true}})
		w.do("POST", "/users", zipped.Bytes(), "Content-Encoding", "gzip").is(415)
	})
	t.Run("chunked", func(t *testing.T) {
		w := start(t, simulator.Options{})
		chunked(w).refused(400, "BadRequest", unreadable)
		require.Equal(t, 1, w.s.Stats().ProtocolFaults["chunked body"])
	})
	t.Run("chunked accepted", func(t *testing.T) {
		w := start(t, simulator.Options{Behavior: simulator.Behavior{AcceptChunked: true}})
		chunked(w).is(201)
		require.Equal(t, 1, w.s.Stats().ProtocolFaults["chunked body"])
	})
	t.Run("not JSON", func(t *testing.T) {
		w := start(t, simulator.Options{})
		w.do("POST", "/users", "{").refused(400, "BadRequest", unreadable)
		w.do("POST", "/users", "[]").refused(400, "BadRequest", unreadable)
		w.do("POST", "/users", raw, "Content-Type", "text/plain").refused(400, "BadRequest", unreadable)
		w.do("POST", "/users", nil).refused(400, "BadRequest", unreadable)
		require.Equal(t, 2, w.s.Stats().ProtocolFaults["invalid JSON"])
		require.Equal(t, 1, w.s.Stats().ProtocolFaults["content type"])
	})
}
