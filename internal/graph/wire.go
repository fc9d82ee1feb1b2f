package graph

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/microsoft/kiota-abstractions-go/authentication"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"

	"github.com/entraflow/entraflow/internal/fault"
)

const (
	// maxErrorBody bounds what is read of an answer that is not a success. Graph's error bodies have a few hundred bytes.
	maxErrorBody = 256 << 10
	// maxBody bounds a success of Graph. A page of 999 accounts has one or two megabytes; with twenty licenses each, and every
	// plan in them switched off, about fifty.
	maxBody = 64 << 20
	// maxLoginBody bounds a success of the sign-in service: a token, or the discovery document.
	maxLoginBody = 1 << 20
)

// exchange is what really happened on the wire during one request. The request adapter loses the status of a 502 without
// a body and of a 503 in HTML, so faults are built from this and not from the adapter's error.
type exchange struct {
	bearer string

	method string
	// host is who was meant.
	host string
	// reached: there was a connection, and the server may have read the request.
	reached  atomic.Bool
	status   int
	header   http.Header
	body     []byte // of an answer that is no success
	err      error  // why no answer came
	readErr  error  // why the answer's body broke off
	foreign  bool   // the request was for another host and was not sent
	verbatim bool   // the URL is the service's own, and goes out as it came
	started  time.Time
	finished time.Time
}

type exchangeKey struct{}

func withExchange(ctx context.Context, ex *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, ex)
}

// asItCame says that the request under this context is for a link of the service's own.
func asItCame(ctx context.Context) {
	if ex, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		ex.verbatim = true
	}
}

// succeeded reports a 2xx whose body could be read to its end.
func (ex *exchange) succeeded() bool { return ex.status >= 200 && ex.status < 300 && ex.readErr == nil }

var (
	errForeignHost   = errors.New("request to a host that is not the configured endpoint")
	errDeletesMember = errors.New("a DELETE below members without /$ref would delete the account")
	errTooLarge      = errors.New("the answer is larger than any that is expected")
)

// wire is the transport under the SDK and under MSAL: it authorises, gives bodies a length, and records the exchange.
type wire struct {
	base    *http.Transport
	options Options
	// hosts are the only ones that are spoken to, by HTTPS: a page's link to the next and the sign-in service's token endpoint
	// are names out of answers.
	hosts []string
	// limit is how large a success may be.
	limit int64
	// bearer: send the exchange's token and a client-request-id.
	bearer bool
}

func (w *wire) RoundTrip(original *http.Request) (*http.Response, error) {
	ex, _ := original.Context().Value(exchangeKey{}).(*exchange)
	if ex == nil {
		ex = &exchange{}
	}
	ex.host = original.URL.Host
	ex.method, ex.status, ex.header, ex.body, ex.err, ex.readErr = original.Method, 0, nil, nil, nil, nil
	if original.URL.Scheme != "https" || !slices.Contains(w.hosts, hostOf(original.URL)) {
		ex.foreign, ex.err = true, errForeignHost
		return nil, errForeignHost
	}
	if deletesMember(original) {
		ex.err = errDeletesMember
		return nil, errDeletesMember
	}
	req := original.Clone(httptrace.WithClientTrace(original.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { ex.reached.Store(true) },
	}))
	if err := giveLength(req); err != nil {
		ex.err = err
		return nil, err
	}
	req.Header.Set("User-Agent", w.options.UserAgent)
	if w.bearer {
		if !ex.verbatim {
			// The builders encode the $ of $select and $filter; not every gateway in front of a service decodes names.
			req.URL.RawQuery = strings.ReplaceAll(req.URL.RawQuery, "%24", "$")
			req.URL.RawPath = strings.Replace(req.URL.RawPath, "/%24ref", "/$ref", 1)
		}
		req.Header.Set("Authorization", "Bearer "+ex.bearer)
		req.Header.Set("client-request-id", w.options.NewID())
	}
	resp, err := w.base.RoundTrip(req)
	if err != nil {
		ex.err = err
		return nil, err
	}
	ex.status, ex.header = resp.StatusCode, resp.Header.Clone()
	// The adapter would answer a challenge with a request of its own.
	resp.Header.Del("WWW-Authenticate")
	if resp.StatusCode == http.StatusServiceUnavailable {
		// Graph asks to come back on another connection: https://learn.microsoft.com/graph/errors
		w.base.CloseIdleConnections()
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		resp.Body = &watchedBody{ReadCloser: resp.Body, ex: ex, left: w.limit}
		return resp, nil
	}
	ex.body, ex.readErr = io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(ex.body))
	return resp, nil
}

// deletesMember tells of a request that it would delete an account and not a membership, as Graph does where /$ref is missing.
//
// https://learn.microsoft.com/graph/api/group-delete-members
func deletesMember(req *http.Request) bool {
	path := strings.ToLower(req.URL.Path)
	return req.Method == http.MethodDelete && strings.Contains(path, "/groups") && !strings.HasSuffix(path, "/$ref") &&
		(strings.Contains(path, "/members") || strings.Contains(path, "/owners"))
}

// giveLength buffers the body: the SDK hands over bodies of unknown length, which would go out chunked, and Graph's front
// ends do not always take that.
func giveLength(req *http.Request) error {
	if req.Body == nil || req.Body == http.NoBody {
		return nil
	}
	body, err := io.ReadAll(req.Body)
	req.Body.Close()
	if err != nil {
		return err
	}
	req.ContentLength = int64(len(body))
	req.TransferEncoding = nil
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, _ = req.GetBody()
	return nil
}

// watchedBody notes when the body of a success breaks off, and breaks it off where it is too large.
type watchedBody struct {
	io.ReadCloser
	ex   *exchange
	left int64
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		n, err = 0, errTooLarge
	}
	if err != nil && err != io.EOF && b.ex.readErr == nil {
		b.ex.readErr = err
	}
	return n, err
}

// baseTransport is Go's transport with proxies from the environment and room for many parallel requests to one host.
func baseTransport(caPEM []byte) (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	// All requests share one HTTP/2 connection. Without pings a dead one would let each of them run into its timeout for
	// minutes, until TCP notices.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second}
	if len(caPEM) == 0 {
		return t, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(caPEM) {
		return nil, fault.New("open graph client", fault.Invalid, fault.SettingsInvalid, "CA certificate")
	}
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return t, nil
}

// httpClient follows no redirects: neither Graph nor the token endpoint sends any, and a token must not travel.
func httpClient(w *wire) *http.Client {
	return &http.Client{
		Transport:     w,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// newAdapter is the SDK's request adapter with nothing of its default pipeline. The default retries writes, compresses
// bodies, and in some orders of its middlewares retries with a body that is not what its header says. Factories are
// given here, so kiota's process-wide registries stay untouched, and the backing store is not switched on: nulls are sent
// as additional data.
func newAdapter(root string, client *http.Client) (*core.GraphRequestAdapterBase, error) {
	adapter, err := core.NewGraphRequestAdapterBaseWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		&authentication.AnonymousAuthenticationProvider{}, core.GraphClientOptions{},
		jsonserialization.NewJsonParseNodeFactory(), jsonserialization.NewJsonSerializationWriterFactory(), client)
	if err != nil {
		return nil, fault.Wrap("open graph client", fault.Internal, fault.InternalError, "", err)
	}
	adapter.SetBaseUrl(root)
	return adapter, nil
}
