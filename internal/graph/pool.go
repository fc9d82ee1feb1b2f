// Package graph is the client of Microsoft Graph: accounts, licenses, the tenant, and the properties that hold the link.
//
// It is the official SDK's builders, models and request adapter over a transport of our own. One call is one HTTP
// request: nothing below this package repeats a write, compresses a body or follows a redirect (Go's transport repeats a
// read once when a kept-alive connection proves dead, and a write only if no byte of it had left). What is repeated, and when, is decided by the caller from the *fault.Error that every failing call returns; one table
// (answertable.go) makes that decision for each answer of Graph and of the sign-in service.
//
// All clients of one tenant and application share a write budget and, after a 429, a pause (budget.go).
package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"

	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/fault"
)

// ClientConfig says which tenant is spoken to, and as which application.
type ClientConfig struct {
	// TenantID is the tenant's id or one of its verified domains. Clients that name one tenant in both ways do not share a
	// write budget.
	TenantID string
	// ClientID is the application (client) id.
	ClientID string
	// Secret gives the client secret. It is called for each token request, so that a rotated secret is used without a
	// restart. Faults that it returns are passed on; any other error becomes fault.SecretUnreadable.
	Secret func(ctx context.Context) (string, error)
	// Credential replaces Secret where the application signs in otherwise (CertificateCredential, FederatedCredential).
	Credential Credential
	// Endpoints are the hosts; CloudEndpoints has those of Microsoft's clouds.
	Endpoints Endpoints
	// Connection is the name of the connection, for Trace only.
	Connection string
}

// Options are what all clients of a pool have in common. The zero value is usable.
type Options struct {
	// Budget limits writes; nil is the full budget of the vendor's limit (see Budgets).
	Budget *Budgets
	// Timeout bounds one HTTP request from its start to the end of its body. Default 60 s. Graph itself gives up after 30 s
	// to 100 s.
	Timeout time.Duration
	// Now is the clock for Retry-After dates and the expiry of tokens. Default time.Now.
	Now func() time.Time
	// NewID makes the client-request-id of each request. Default a random UUID.
	NewID func() string
	// UserAgent is sent with each request. Default "entraflow".
	UserAgent string
	// Trace, if set, is told of each finished request to Graph. It must not block.
	Trace func(Call)
	// Waits are those that no service asks for. Default backoff.Default.
	Waits *backoff.Policy
}

// Call is one finished request, without anything that names a person.
type Call struct {
	// Connection is ClientConfig.Connection; Operation is as in fault.Error.Op.
	Connection, Operation string
	// Method and Route, such as POST and /users/{id}/assignLicense.
	Method, Route string
	// Status is the HTTP status; 0 when no answer came.
	Status int
	// Duration is from sending to the end of the answer.
	Duration time.Duration
	// RequestID is Graph's id of the request.
	RequestID string
	// Err is the fault that the caller gets; nil on success.
	Err error
}

// Pool keeps one session (connections, token, write budget, pause) for each tenant, application and endpoint.
type Pool struct {
	options  Options
	mu       sync.Mutex
	sessions map[string]*tenantSession
}

// NewPool returns an empty pool; options are completed with their defaults.
func NewPool(o Options) *Pool {
	if o.Budget == nil {
		o.Budget = &Budgets{}
	}
	if o.Timeout <= 0 {
		o.Timeout = 60 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = uuid.NewString
	}
	if o.UserAgent == "" {
		o.UserAgent = "entraflow"
	}
	if o.Waits == nil {
		waits := backoff.Default()
		o.Waits = &waits
	}
	return &Pool{options: o, sessions: map[string]*tenantSession{}}
}

// tenantSession is what all clients of one tenant, application and endpoint share.
type tenantSession struct {
	options Options
	root    string // https://host/v1.0
	host    string
	// simulated: the endpoint brings its own root certificate, as only the simulator does.
	simulated bool
	tokens    *tokens
	budget    *budget
	// accepted is when Graph last accepted a token, in nanoseconds since 1970.
	accepted atomic.Int64
	adapter  *core.GraphRequestAdapterBase
}

// Client speaks to one tenant as one application. It is a light handle on the tenant's session and
// safe for concurrent use.
type Client struct {
	*tenantSession
	config     ClientConfig
	credential Credential
	known      circumstances
}

var tenantPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)

// Client returns a client for a configuration. Clients of the same tenant, application and endpoints share connections,
// token, write budget and pause, whatever their connection or secret. Nothing is sent.
//
// Faults: SettingsInvalid (Invalid) with the setting as subject; SimulatorNotRunning (Transient) when the endpoints have
// no hosts, as CloudEndpoints("simulator") until the simulator has started.
func (p *Pool) Client(s ClientConfig) (*Client, error) {
	const op = "open graph client"
	if s.Endpoints.Graph == "" || s.Endpoints.Login == "" {
		return nil, fault.New(op, fault.Transient, fault.SimulatorNotRunning, "")
	}
	graphURL, ok := origin(s.Endpoints.Graph)
	if !ok {
		return nil, fault.New(op, fault.Invalid, fault.SettingsInvalid, "graph endpoint")
	}
	loginURL, ok := origin(s.Endpoints.Login)
	if !ok {
		return nil, fault.New(op, fault.Invalid, fault.SettingsInvalid, "login endpoint")
	}
	switch {
	case s.Endpoints.Scope == "":
		return nil, fault.New(op, fault.Invalid, fault.SettingsInvalid, "scope")
	case !tenantPattern.MatchString(s.TenantID):
		return nil, fault.New(op, fault.Invalid, fault.SettingsInvalid, "tenantId")
	case !tenantPattern.MatchString(s.ClientID):
		return nil, fault.New(op, fault.Invalid, fault.SettingsInvalid, "clientId")
	}
	credential := s.Credential
	if credential == nil {
		credential = SecretCredential(s.Secret)
	}
	session, err := p.session(s, graphURL, loginURL)
	if err != nil {
		return nil, err
	}
	return &Client{tenantSession: session, config: s, credential: credential}, nil
}

// session finds or makes the session of a configuration.
func (p *Pool) session(s ClientConfig, graphURL, loginURL *url.URL) (*tenantSession, error) {
	root := sha256.Sum256(s.Endpoints.CAPEM)
	scope := strings.ToLower(s.TenantID + "|" + s.ClientID + "|" + graphURL.Host)
	key := scope + "|" + loginURL.Host + "|" + s.Endpoints.Scope + "|" + hex.EncodeToString(root[:8])
	p.mu.Lock()
	defer p.mu.Unlock()
	if found, ok := p.sessions[key]; ok {
		return found, nil
	}
	base, err := baseTransport(s.Endpoints.CAPEM)
	if err != nil {
		return nil, err
	}
	session := &tenantSession{
		options:   p.options,
		root:      graphURL.String() + "/v1.0",
		host:      graphURL.Host,
		simulated: len(s.Endpoints.CAPEM) > 0,
		budget:    p.options.Budget.of(scope),
	}
	session.tokens = &tokens{
		authority: loginURL.String() + "/" + s.TenantID,
		clientID:  s.ClientID,
		scope:     s.Endpoints.Scope,
		http:      httpClient(&wire{base: base, options: p.options, hosts: append(loginAliases(loginURL.Host), loginURL.Host), limit: maxLoginBody}),
		timeout:   min(p.options.Timeout, 30*time.Second),
		now:       p.options.Now,
		waits:     *p.options.Waits,
		simulated: session.simulated,
	}
	if session.adapter, err = newAdapter(session.root, httpClient(&wire{base: base, options: p.options, hosts: []string{session.host}, limit: maxBody, bearer: true})); err != nil {
		return nil, err
	}
	p.sessions[key] = session
	return session, nil
}

// origin reads an endpoint of the form https://host:port, without a path.
func origin(endpoint string) (*url.URL, bool) {
	u, err := url.Parse(strings.TrimSuffix(endpoint, "/"))
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return nil, false
	}
	// The port of https is left out where links of the service leave it out.
	u.Host = hostOf(u)
	return u, true
}

// hostOf is the host of a URL with its port, in lower case; the port that https has anyway is left out.
func hostOf(u *url.URL) string { return strings.TrimSuffix(strings.ToLower(u.Host), ":443") }
