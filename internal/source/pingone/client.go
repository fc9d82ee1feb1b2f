package pingone

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// op is the operation that errors of this package name.
const op = "read source"

// The settings of a process that replace PingOne's own hosts (https://host:port), and the certificate that is trusted for them.
const (
	apiEndpoint  = "ENTRAFLOW_PINGONE_API_ENDPOINT"
	authEndpoint = "ENTRAFLOW_PINGONE_AUTH_ENDPOINT"
	trustFile    = "ENTRAFLOW_PINGONE_CA"
)

const (
	// requestTime is how long one request may take.
	requestTime = 30 * time.Second
	// maxAnswer is how large an answer may be: 200 users of 16 KB at most are 3 MB.
	maxAnswer = 16 << 20
	// maxWait is the longest wait between two tries of one request, and maxTries how often it is sent. Then Temporal waits.
	// The platform's own client does the same.
	maxWait  = 30 * time.Second
	maxTries = 6
	// early is how long before its end a token is renewed.
	early = 2 * time.Minute
)

// clients are those of one process, one for each environment and application.
type clients struct {
	env source.Environment
	mu  sync.Mutex
	all map[string]*client
}

func newClients(env source.Environment) *clients {
	return &clients{env: env, all: map[string]*client{}}
}

// open gives the source of an environment. Those with equal settings share the token and what is known of the schema.
//
// Errors: SettingsInvalid (Invalid) where an endpoint of the process is no https address.
func (c *clients) open(e Environment, use source.Use) (*Source, error) {
	settings := Settings{PingOne: e}
	key := settings.Key()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all[key] == nil {
		made, err := newClient(c.env, e)
		if err != nil {
			return nil, err
		}
		c.all[key] = made
	}
	return &Source{client: c.all[key], use: use}, nil
}

// client speaks to one environment.
type client struct {
	Environment
	env       source.Environment
	api, auth string
	http      *http.Client

	mu      sync.Mutex
	token   string
	expires time.Time
	schema  *schema
	// readableAt is when it was last seen that people can be read.
	readableAt time.Time
	// pause is the shortest wait before a request is repeated.
	pause time.Duration
	// requests counts those to the API, for tests of what a read costs.
	requests int64
}

func newClient(env source.Environment, e Environment) (*client, error) {
	domain := domains[strings.ToLower(e.Region)]
	c := &client{Environment: e, env: env, pause: cmp.Or(env.Pause, source.DefaultPause), api: "https://api.pingone." + domain, auth: "https://auth.pingone." + domain}
	for name, host := range map[string]*string{apiEndpoint: &c.api, authEndpoint: &c.auth} {
		if given := env.Setting(name); given != "" {
			u, err := url.Parse(given)
			if err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
				return nil, fault.New(op, fault.Invalid, fault.SettingsInvalid, name+" is no https://host:port")
			}
			*host = "https://" + u.Host
		}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if file := env.Setting(trustFile); file != "" {
		text, err := env.Secrets.Read(context.Background(), "file:"+file, fault.SourceSecretUnreadable)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(text))
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	}
	c.http = &http.Client{Transport: transport, Timeout: requestTime,
		// A redirection could lead the token to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c, nil
}

// path is the address of something in the environment.
func (c *client) path(parts ...string) string {
	address := c.api + "/v1/environments/" + url.PathEscape(c.EnvironmentID)
	for _, p := range parts {
		address += "/" + url.PathEscape(p)
	}
	return address
}

// get reads an address of the API into an answer. It waits where PingOne asks for it, and renews a token that is no longer taken.
//
// Errors: SourceThrottled, SourceUnavailable (Transient), SourceLoginRefused, SourceAccessDenied (Denied), SourceFilterRefused (Invalid),
// errNotFound.
func (c *client) get(ctx context.Context, address string, answer any) error {
	renewed := false
	for try := 1; ; try++ {
		token, err := c.accessToken(ctx)
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.requests++
		c.mu.Unlock()
		r, err := c.send(ctx, http.MethodGet, address, nil, func(h http.Header) { h.Set("Authorization", "Bearer "+token) })
		if err == nil && r.status == http.StatusUnauthorized && !renewed {
			renewed = true
			c.forget(token)
			continue
		}
		if err == nil {
			err = c.judge(r)
		}
		if err == nil {
			if err := json.Unmarshal(r.body, answer); err != nil {
				return fault.Wrap(op, fault.Transient, fault.SourceIncomplete, c.place(), source.Hint("an answer is not whole, or no JSON"))
			}
			return nil
		}
		f := fault.Of(err)
		passing := fault.Is(err, fault.SourceThrottled) || fault.Is(err, fault.SourceUnavailable)
		if ctx.Err() != nil || !passing || try == maxTries || f.RetryAfter > maxWait {
			return err
		}
		if err := c.wait(ctx, max(f.RetryAfter, time.Duration(1<<(try-1))*c.pause)); err != nil {
			return err
		}
	}
}

func (c *client) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(min(d, maxWait))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return interrupted(ctx)
	}
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (c *client) send(ctx context.Context, method, address string, body io.Reader, prepare func(http.Header)) (*reply, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fault.Wrap(op, fault.Internal, fault.InternalError, c.place(), err)
	}
	request.Header.Set("Accept", "application/json")
	prepare(request.Header)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, c.unreachable(ctx, err)
	case len(text) > maxAnswer:
		return nil, fault.Wrap(op, fault.Invalid, fault.SourceIncomplete, c.place(), source.Hint("an answer is larger than 16 MiB"))
	}
	return &reply{response.StatusCode, response.Header, text}, nil
}

// unreachable is the fault of a request without an answer. The error of net/http has the address, which names people.
func (c *client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) {
		return fault.Wrap(op, fault.Denied, fault.SourceCertificateRefused, c.place(), verification)
	}
	var e *url.Error
	if errors.As(err, &e) {
		err = e.Err
	}
	return fault.Wrap(op, fault.Transient, fault.SourceUnavailable, c.place(), err)
}

func interrupted(ctx context.Context) error {
	return fault.Wrap(op, fault.Transient, fault.SourceIncomplete, "", context.Cause(ctx))
}

// errNotFound is the cause of an answer that there is no such thing.
var errNotFound = errors.New("not found")

// problem is the body of PingOne's refusals.
type problem struct {
	Code    string `json:"code"`
	Details []struct {
		Code   string `json:"code"`
		Target string `json:"target"`
	} `json:"details"`
}

// judge turns a status into a fault; nil for a success.
func (c *client) judge(r *reply) error {
	if r.status == http.StatusOK {
		return nil
	}
	var p problem
	_ = json.Unmarshal(r.body, &p) // What is no JSON is judged by its status alone.
	cause := fmt.Errorf("PingOne answered %d %s", r.status, p.Code)
	wrap := func(kind fault.Kind, reason fault.Reason) *fault.Error {
		f := fault.Wrap(op, kind, reason, c.place(), cause)
		f.RequestID = r.header.Get("Correlation-Id")
		return f
	}
	switch {
	case r.status == http.StatusTooManyRequests:
		f := wrap(fault.Transient, fault.SourceThrottled)
		f.RetryAfter = retryAfter(r.header, c.env.Now())
		return f
	case r.status >= 500, r.status == http.StatusRequestTimeout:
		f := wrap(fault.Transient, fault.SourceUnavailable)
		f.RetryAfter = retryAfter(r.header, c.env.Now())
		return f
	case r.status == http.StatusUnauthorized:
		return wrap(fault.Denied, fault.SourceLoginRefused)
	case r.status == http.StatusForbidden:
		return wrap(fault.Denied, fault.SourceAccessDenied)
	case r.status == http.StatusNotFound && p.Code == "NOT_FOUND":
		return errNotFound
	case r.status == http.StatusNotFound:
		return wrap(fault.Invalid, fault.SourcePlaceUnknown)
	case r.status == http.StatusBadRequest:
		return wrap(fault.Invalid, fault.SourceFilterRefused)
	}
	return wrap(fault.Invalid, fault.SourceIncomplete)
}

// retryAfter reads the header in both of its forms; 0 where there is none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(v); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 3600)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, min(at.Sub(now), time.Hour))
	}
	return 0
}
