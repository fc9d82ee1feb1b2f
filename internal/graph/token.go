package graph

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"

	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/fault"
)

// TokenInfo is what a token tells about the application in its tenant.
type TokenInfo struct {
	// Roles are the application permissions that an administrator has granted, such as User.ReadWrite.All.
	Roles []string
	// TenantID is the id of the tenant, also where the settings name a domain. AppID is the client id.
	TenantID, AppID string
	// Expires is when the token ends.
	Expires time.Time
	// Readable is false where the token is no JWT; then Roles, TenantID and AppID are unknown. Microsoft makes no promise
	// about the inside of its tokens, so an unreadable one is no fault.
	Readable bool
}

// FreshToken asks the sign-in service for a new token, whatever is cached, and puts it into the cache: permissions that
// were granted a moment ago show only in a new token.
//
// Faults: those of the credential, and those of the sign-in service (SecretWrong, SecretExpired, SecretMissing,
// CertificateRejected, CertificateExpired, FederatedTokenRejected, AssertionTimeWrong, ApplicationUnknown,
// ApplicationDisabled, TenantUnknown, ScopeInvalid, LoginRefused: Denied; LoginUnreachable, LoginUnavailable,
// EndpointUntrusted, SimulatorNotRunning: Transient, LoginUnavailable also Throttled).
func (c *Client) FreshToken(ctx context.Context) (TokenInfo, error) {
	tok, err := c.tokens.acquire(ctx, c.credential)
	if err != nil {
		return TokenInfo{}, err
	}
	c.tokens.store(tok)
	return tok.info(), nil
}

// token is one access token.
type token struct {
	raw      string
	acquired time.Time
	expires  time.Time
	claims   struct {
		Roles    []string `json:"roles"`
		TenantID string   `json:"tid"`
		AppID    string   `json:"appid"`
		Client   string   `json:"azp"`
		jwt.RegisteredClaims
	}
	readable bool
}

func (t token) info() TokenInfo {
	app := t.claims.AppID
	if app == "" {
		app = t.claims.Client
	}
	return TokenInfo{Roles: slices.Clone(t.claims.Roles), TenantID: t.claims.TenantID, AppID: app, Expires: t.expires, Readable: t.readable}
}

// grants tells whether the token covers the operation.
func (t token) grants(op operation) grant {
	switch {
	case !t.readable:
		return grantUnknown
	case len(t.claims.Roles) == 0:
		return grantNone
	case slices.ContainsFunc(op.permissions, func(p string) bool { return slices.Contains(t.claims.Roles, p) }):
		return grantHeld
	}
	return grantLacking
}

// tokens caches the token of one tenant and application. MSAL's own cache is not used: its client is bound to one
// credential for life, while ours may be rotated at any time.
type tokens struct {
	authority, clientID, scope string
	http                       *http.Client
	timeout                    time.Duration
	now                        func() time.Time
	waits                      backoff.Policy
	simulated                  bool

	mu      sync.Mutex
	current token
	retryAt time.Time // when an early renewal that failed is tried again
	// busy is the fault with which the sign-in service asked us to wait, and pausedUntil how long.
	busy        *fault.Error
	pausedUntil time.Time
	flights     singleflight.Group
}

// get returns a token that is good for a while and is not the rejected one. Callers at the same time share one request.
func (t *tokens) get(ctx context.Context, credential Credential, rejected string) (token, error) {
	if tok, ok := t.cached(rejected); ok {
		return tok, nil
	}
	// The request outlives the caller that happened to be first; the others wait for its result.
	flight := t.flights.DoChan("", func() (any, error) {
		if tok, ok := t.cached(rejected); ok {
			return tok, nil
		}
		tok, err := t.acquire(context.WithoutCancel(ctx), credential)
		if err == nil {
			t.store(tok)
			return tok, nil
		}
		if old, ok := t.postpone(rejected); ok {
			return old, nil
		}
		return token{}, err
	})
	select {
	case <-ctx.Done():
		return token{}, contextFault(opToken.name, ctx.Err())
	case r := <-flight:
		if r.Err != nil {
			return token{}, r.Err
		}
		return r.Val.(token), nil
	}
}

// cached is the current token unless it is rejected or soon to end: in its last five minutes, or the last quarter of a
// short life.
func (t *tokens) cached(rejected string) (token, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if t.current.raw == "" || t.current.raw == rejected || !now.Before(t.current.expires) {
		return token{}, false
	}
	early := min(5*time.Minute, t.current.expires.Sub(t.current.acquired)/4)
	if now.Before(t.current.expires.Add(-early)) || now.Before(t.retryAt) {
		return t.current, true
	}
	return token{}, false
}

// postpone keeps using a token that could not be renewed in good time, and tries again in half a minute.
func (t *tokens) postpone(rejected string) (token, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	retry := t.now().Add(30 * time.Second)
	if t.current.raw == "" || t.current.raw == rejected || !retry.Before(t.current.expires) {
		return token{}, false
	}
	t.retryAt = retry
	return t.current, true
}

func (t *tokens) store(tok token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current, t.retryAt = tok, time.Time{}
}

// acquire asks the sign-in service. A fresh MSAL client each time, about once an hour, takes the credential as it is now.
func (t *tokens) acquire(ctx context.Context, credential Credential) (token, error) {
	if err := t.paused(); err != nil {
		return token{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	cred, err := credential(ctx)
	if err != nil {
		var known *fault.Error
		switch {
		case errors.As(err, &known):
			return token{}, err
		case ctx.Err() != nil:
			return token{}, contextFault(opToken.name, ctx.Err())
		}
		return token{}, fault.Wrap(opToken.name, fault.Denied, fault.SecretUnreadable, "clientSecret", err)
	}
	client, err := confidential.New(t.authority, t.clientID, cred,
		confidential.WithHTTPClient(t.http), confidential.WithInstanceDiscovery(false))
	if err != nil {
		return token{}, fault.Wrap(opToken.name, fault.Invalid, fault.SettingsInvalid, "tenantId", err)
	}
	ex := &exchange{}
	result, err := client.AcquireTokenByCredential(withExchange(ctx, ex), []string{t.scope})
	if err != nil {
		return token{}, t.pausing(t.fault(ctx, ex, err))
	}
	tok := token{raw: result.AccessToken, acquired: t.now(), expires: result.ExpiresOn}
	// Not verified: Graph is the judge of the token, we only look at what it says.
	_, _, parseErr := jwt.NewParser().ParseUnverified(tok.raw, &tok.claims)
	tok.readable = parseErr == nil
	return tok, nil
}

// paused is the fault of a service that has asked us to wait: everybody needs a token, and nobody asks for one meanwhile.
func (t *tokens) paused() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := t.pausedUntil.Sub(t.now())
	if left <= 0 {
		return nil
	}
	f := *t.busy
	f.RetryAfter = left
	return &f
}

// pausing notes how long the service asks us to wait.
func (t *tokens) pausing(f *fault.Error) *fault.Error {
	if f.RetryAfter > 0 && f.Kind.Retryable() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.busy, t.pausedUntil = f, t.now().Add(f.RetryAfter)
	}
	return f
}

// fault is what a failed token request means, from the last exchange that MSAL had: a tenant that does not exist is
// already told by the discovery document.
func (t *tokens) fault(ctx context.Context, ex *exchange, err error) *fault.Error {
	switch {
	case ex.status == 0 && !ex.reached.Load() && errors.Is(ctx.Err(), context.Canceled):
		return contextFault(opToken.name, ctx.Err())
	case ex.foreign:
		return fault.Wrap(opToken.name, fault.Refused, fault.LoginHostForeign, ex.host, err)
	case ex.status == 0 && ex.err != nil:
		return unreached(opToken.name, fault.LoginUnreachable, ex.host, t.simulated, err)
	case ex.status == 0:
		return fault.Wrap(opToken.name, fault.Invalid, fault.SettingsInvalid, "tenantId", err)
	case errors.Is(ex.readErr, errTooLarge):
		return fault.Wrap(opToken.name, fault.Internal, fault.UnexpectedAnswer, "", err)
	case ex.succeeded():
		return fault.Wrap(opToken.name, fault.Transient, fault.LoginUnavailable, "", err)
	}
	return readAnswer(opToken, ex, true).fault(t.now(), t.waits)
}
