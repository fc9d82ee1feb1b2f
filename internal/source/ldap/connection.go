package ldap

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// op is the operation that errors of this package name.
const op = "read source"

// maxIdle is how many connections to a directory are kept for the next requests, and maxOpen how many there are at most.
const (
	maxIdle = 4
	maxOpen = 16
)

// servers are the directories that one process has opened, each with its connections.
type servers struct {
	env source.Environment
	mu  sync.Mutex
	all map[string]*server
}

func newServers(env source.Environment) *servers {
	return &servers{env: env, all: map[string]*server{}}
}

// Close gives the idle connections of all directories back.
func (s *servers) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, server := range s.all {
		errs = append(errs, server.Close())
	}
	return errors.Join(errs...)
}

// open gives the source of a directory. Those with equal settings share connections and what is known of the schema.
func (s *servers) open(d Directory, use source.Use) *Source {
	settings := Settings{LDAP: d}
	key := settings.Key()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[key] == nil {
		s.all[key] = &server{Directory: d, env: s.env, slots: make(chan struct{}, maxOpen)}
	}
	return &Source{server: s.all[key], use: use}
}

// server is one directory with its connections.
type server struct {
	Directory
	env   source.Environment
	slots chan struct{}

	mu    sync.Mutex
	idle  []*goldap.Conn
	facts *facts
	// requests counts searches, for tests of what a read costs.
	requests int64
}

// dial opens a connection to the first server that answers, encrypts it as the settings say, and signs in.
//
// Errors: SourceUnavailable (Transient), SourceCertificateRefused, SourceLoginRefused, SourceSecretUnreadable (Denied).
func (s *server) dial(ctx context.Context) (*goldap.Conn, error) {
	c, _, err := s.dialTapped(ctx)
	return c, err
}

// dialTapped gives the tap of the connection, too; nil where StartTLS encrypts above it.
func (s *server) dialTapped(ctx context.Context) (*goldap.Conn, *tap, error) {
	config, err := s.tlsConfig(ctx)
	if err != nil {
		return nil, nil, err
	}
	var last error
	for _, address := range s.URL {
		c, t, err := s.dialOne(ctx, address, config)
		if err == nil {
			return c, t, nil
		}
		if ctx.Err() != nil {
			return nil, nil, interrupted(ctx)
		}
		// A password that one server refuses is not tried on the next: too many refusals lock the account.
		if fault.Is(err, fault.SourceLoginRefused) || fault.Is(err, fault.SourceSecretUnreadable) || fault.Is(err, fault.SecretNotAllowed) {
			return nil, nil, err
		}
		if last == nil || fault.Is(last, fault.SourceUnavailable) {
			last = err
		}
	}
	if last == nil {
		last = fault.New(op, fault.Invalid, fault.SettingsInvalid, "ldap.url")
	}
	return nil, nil, last
}

func (s *server) dialOne(ctx context.Context, address string, config *tls.Config) (*goldap.Conn, *tap, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, nil, fault.Wrap(op, fault.Invalid, fault.SettingsInvalid, "ldap.url", err)
	}
	config = config.Clone()
	config.ServerName = u.Hostname()
	dialer := &net.Dialer{Timeout: s.timeout(), KeepAlive: 30 * time.Second}
	if deadline, ok := ctx.Deadline(); ok {
		dialer.Deadline = deadline
	}
	var wire net.Conn
	encrypted := u.Scheme == "ldaps"
	if encrypted {
		wire, err = tls.DialWithDialer(dialer, "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), goldap.DefaultLdapsPort)), config)
	} else {
		wire, err = dialer.Dial("tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), goldap.DefaultLdapPort)))
	}
	if err != nil {
		return nil, nil, s.failed(address, err)
	}
	var tapped *tap
	if !s.StartTLS {
		tapped = newTap(wire)
		wire = tapped
	}
	c := goldap.NewConn(wire, encrypted)
	c.Start()
	c.SetTimeout(s.timeout())
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	if s.StartTLS {
		if err := c.StartTLS(config); err != nil {
			_ = c.Close()
			return nil, nil, s.failed(address, err)
		}
	}
	if err := s.bind(ctx, c, address); err != nil {
		_ = c.Close()
		return nil, nil, err
	}
	return c, tapped, nil
}

// tlsConfig trusts the authorities of the settings, or the system's.
func (s *server) tlsConfig(ctx context.Context) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CA == "" {
		return config, nil
	}
	text, err := s.env.Secrets.Read(ctx, s.CA, fault.SourceSecretUnreadable)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM([]byte(text)) {
		return nil, fault.Wrap(op, fault.Denied, fault.SourceSecretUnreadable, "ldap.ca", source.Hint("it holds no certificate in PEM"))
	}
	return config, nil
}

func (s *server) bind(ctx context.Context, c *goldap.Conn, address string) error {
	if s.BindDN == "" {
		return nil
	}
	password, err := s.env.Secrets.Read(ctx, s.BindPassword, fault.SourceSecretUnreadable)
	if err != nil {
		return err
	}
	if err := c.Bind(s.BindDN, password); err != nil {
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		return s.failed(address, err)
	}
	return nil
}

// with lends a connection. One that was idle may have been closed by the server meanwhile: then the request is repeated once on a
// new one. What use does must therefore be safe to repeat.
func (s *server) with(ctx context.Context, use func(*goldap.Conn) error) error {
	give, err := s.slot(ctx)
	if err != nil {
		return err
	}
	defer give()
	if c := s.takeIdle(); c != nil {
		err := s.lend(ctx, c, use)
		if !fault.Is(err, fault.SourceUnavailable) || ctx.Err() != nil {
			return err
		}
	}
	c, err := s.dial(ctx)
	if err != nil {
		return err
	}
	return s.lend(ctx, c, use)
}

// withNew lends a connection that nobody has used before, with its tap.
func (s *server) withNew(ctx context.Context, use func(*goldap.Conn, *tap) error) error {
	give, err := s.slot(ctx)
	if err != nil {
		return err
	}
	defer give()
	c, t, err := s.dialTapped(ctx)
	if err != nil {
		return err
	}
	return s.lend(ctx, c, func(c *goldap.Conn) error { return use(c, t) })
}

// slot waits until one connection more may be open. give gives it back.
func (s *server) slot(ctx context.Context) (give func(), err error) {
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots }, nil
	case <-ctx.Done():
		return nil, interrupted(ctx)
	}
}

// lend gives a connection to one user, closes it when the context ends, and keeps it afterwards where it is still good.
func (s *server) lend(ctx context.Context, c *goldap.Conn, use func(*goldap.Conn) error) error {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	err := use(c)
	if !stop() {
		return interrupted(ctx)
	}
	if err != nil || c.IsClosing() {
		_ = c.Close()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) >= maxIdle {
		_ = c.Close()
		return nil
	}
	s.idle = append(s.idle, c)
	return nil
}

func (s *server) takeIdle() *goldap.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.idle) > 0 {
		c := s.idle[len(s.idle)-1]
		s.idle = s.idle[:len(s.idle)-1]
		if !c.IsClosing() {
			return c
		}
	}
	return nil
}

// Close gives the idle connections back.
func (s *server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.idle {
		_ = c.Close()
	}
	s.idle = nil
	return nil
}

// search sends one request and demands that its answer is whole.
func (s *server) search(ctx context.Context, c *goldap.Conn, r *goldap.SearchRequest) (*goldap.SearchResult, error) {
	s.mu.Lock()
	s.requests++
	s.mu.Unlock()
	result, err := c.Search(r)
	return s.judged(ctx, c, result, err)
}

// searchPage sends a request for a page. A server that takes no notice of the size that was asked for is not listened to any longer: all of
// its entries need not fit into the worker's memory.
func (s *server) searchPage(ctx context.Context, c *goldap.Conn, r *goldap.SearchRequest) (*goldap.SearchResult, error) {
	s.mu.Lock()
	s.requests++
	s.mu.Unlock()
	listening, end := context.WithCancel(ctx)
	defer end()
	result := &goldap.SearchResult{}
	answer := c.SearchAsync(listening, r, 0)
	for answer.Next() {
		switch e := answer.Entry(); {
		case e != nil && len(result.Entries) == pageSize:
			return nil, fault.Wrap(op, fault.Invalid, fault.SourceIncomplete, s.place(), source.Hint(errPageSize))
		case e != nil:
			result.Entries = append(result.Entries, e)
		case answer.Referral() != "":
			result.Referrals = append(result.Referrals, answer.Referral())
		default:
			result.Controls = append(result.Controls, answer.Controls()...)
		}
	}
	return s.judged(ctx, c, result, answer.Err())
}

// judged demands of an answer that it is whole.
func (s *server) judged(ctx context.Context, c *goldap.Conn, result *goldap.SearchResult, err error) (*goldap.SearchResult, error) {
	switch {
	case ctx.Err() != nil:
		return nil, interrupted(ctx)
	case err != nil:
		return nil, s.failed(s.place(), err)
	case len(result.Referrals) > 0:
		return nil, fault.Wrap(op, fault.Invalid, fault.SourceIncomplete, s.place(),
			source.Hint("the server refers to other servers for a part of the people; use their addresses, or a base DN that this server has whole"))
	case c.GetLastError() != nil || c.IsClosing():
		return nil, fault.Wrap(op, fault.Transient, fault.SourceUnavailable, s.place(), c.GetLastError())
	}
	return result, nil
}

func interrupted(ctx context.Context) error {
	return fault.Wrap(op, fault.Transient, fault.SourceIncomplete, "", context.Cause(ctx))
}

// failed turns an error of the library into a fault: what happened, and who acts on it. place says where.
func (s *server) failed(place string, err error) error {
	wrap := func(kind fault.Kind, reason fault.Reason, hint string) error {
		if hint != "" {
			err = fmt.Errorf("%w: %w", source.Hint(hint), err)
		}
		return fault.Wrap(op, kind, reason, place, err)
	}
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	switch {
	case errors.As(err, &authority):
		return wrap(fault.Denied, fault.SourceCertificateRefused, "its authority is not known here; name the authority's certificate in ldap.ca")
	case errors.As(err, &host):
		return wrap(fault.Denied, fault.SourceCertificateRefused, "it is for another host; use the name of the server that stands in it in ldap.url")
	case errors.As(err, &invalid):
		return wrap(fault.Denied, fault.SourceCertificateRefused, "it has expired or is not for a server; renew it")
	case errors.As(err, &verification):
		return wrap(fault.Denied, fault.SourceCertificateRefused, "")
	}
	var answer *goldap.Error
	if !errors.As(err, &answer) {
		return wrap(fault.Transient, fault.SourceUnavailable, "")
	}
	if words, known := goldap.LDAPResultCodeMap[answer.ResultCode]; known && answer.ResultCode < goldap.ErrorNetwork {
		// What the server says beside its result, and how far it found a name, can be the name of a person.
		err = &goldap.Error{ResultCode: answer.ResultCode, Err: message(words)}
	}
	switch answer.ResultCode {
	case goldap.LDAPResultInvalidCredentials, goldap.LDAPResultInappropriateAuthentication, goldap.LDAPResultUnwillingToPerform:
		return wrap(fault.Denied, fault.SourceLoginRefused, "")
	case goldap.LDAPResultStrongAuthRequired, goldap.LDAPResultConfidentialityRequired:
		return wrap(fault.Denied, fault.SourceLoginRefused, "the server takes passwords over TLS only; use ldaps:// or startTLS: true")
	case goldap.LDAPResultInsufficientAccessRights, goldap.LDAPResultOperationsError:
		// Active Directory answers an unauthenticated search with an operations error.
		return wrap(fault.Denied, fault.SourceAccessDenied, "")
	case goldap.LDAPResultNoSuchObject, goldap.LDAPResultInvalidDNSyntax:
		return wrap(fault.Invalid, fault.SourcePlaceUnknown, "")
	case goldap.LDAPResultInappropriateMatching, goldap.LDAPResultUndefinedAttributeType, goldap.ErrorFilterCompile, goldap.ErrorFilterDecompile:
		return wrap(fault.Invalid, fault.SourceFilterRefused, "")
	case goldap.LDAPResultReferral:
		return wrap(fault.Invalid, fault.SourceIncomplete, "the server refers to another server; use its address, or a base DN that this server has")
	case goldap.LDAPResultSizeLimitExceeded, goldap.LDAPResultAdminLimitExceeded:
		return wrap(fault.Invalid, fault.SourceIncomplete, "the server gives this account only a part of the entries; raise its size limit for the account")
	case goldap.LDAPResultTimeLimitExceeded:
		return wrap(fault.Transient, fault.SourceIncomplete, "")
	case goldap.LDAPResultUnavailableCriticalExtension:
		return wrap(fault.Invalid, fault.SourceIncomplete, errNoPaging.Error())
	}
	return wrap(fault.Transient, fault.SourceUnavailable, "")
}
