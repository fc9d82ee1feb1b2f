// Package pingonesim speaks the slice of PingOne's platform API that a source of people needs, over HTTPS: the token of a worker
// application, users and groups with filters and pages, populations, the schema, changes of users with the webhooks that tell of them, and the
// configured provisioning. It is written from PingOne's documentation and from captures of it, never from entraflow's client, and
// imports nothing of it. What is outside the slice is refused as PingOne refuses.
package pingonesim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"
)

// User is one person, as the API has them: unset attributes are absent.
type User map[string]any

// Options say what the simulated environment is.
type Options struct {
	// EnvironmentID is its id.
	EnvironmentID string
	// ClientID and ClientSecret are those of the worker application.
	ClientID, ClientSecret string
	// Users are its people, each with an id.
	Users []User
	// Groups are its groups, each with an id.
	Groups []Group
	// Custom are names of attributes of its own.
	Custom []string
	// PageSize is the most users of a page. Default 200.
	PageSize int
	// TokenLife is how long a token is good. Default an hour.
	TokenLife time.Duration
	// NoSchema: the application may not read the schema.
	NoSchema bool
	// NoCount: listings do not say how many users there are in all.
	NoCount bool
	// Propagation is the provisioning that is configured; NoPropagation: the application may not read it.
	Propagation   Propagation
	NoPropagation bool
	// Subscriptions are the webhooks.
	Subscriptions []Subscription
	// Address to listen at. Default a free port of the loopback interface.
	Address string
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// DefaultPopulation is the id of the population that every environment has.
const DefaultPopulation = "4d1e0000-0000-4000-8000-0000000000dd"

// Server is an environment of PingOne. Make it with Start.
type Server struct {
	// URL is the address of both the API and the sign-in, https://host:port.
	URL string
	// Certificate is the server's, as PEM.
	Certificate []byte

	options Options
	server  *http.Server
	host    string

	mu       sync.Mutex
	users    []User
	groups   []Group
	tokens   map[string]time.Time
	next     int
	requests int
	// known are the ids of all populations, and withdrawn those in which the application has no role.
	known, withdrawn map[string]bool
	faults           func(*http.Request) *Fault
	// events counts those that were told of.
	events      int
	subscribers []*subscriber
}

// Fault is a wrong answer.
type Fault struct {
	// Status is answered instead, with Code in the body and Header on top.
	Status int
	Code   string
	Header http.Header
	// Cut ends the body after so many bytes, and with it the connection; 0 leaves it whole.
	Cut int
	// NoNext leaves the link to the next page out; Next leads there instead.
	NoNext bool
	Next   string
	// NoUsers leaves the list of users, groups or memberships out; Empty answers with an empty one.
	NoUsers bool
	Empty   bool
	// Close ends the connection without an answer.
	Close bool
}

// Start serves an environment.
func Start(o Options) (*Server, error) {
	if o.PageSize == 0 {
		o.PageSize = 200
	}
	if o.TokenLife == 0 {
		o.TokenLife = time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, err
	}
	certificate, text, err := selfSigned()
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "https://" + l.Addr().String(), Certificate: text, options: o, host: l.Addr().String(), users: o.Users, groups: o.Groups, tokens: map[string]time.Time{},
		known: map[string]bool{DefaultPopulation: true}, withdrawn: map[string]bool{}}
	for _, u := range o.Users {
		if id := populationOf(u); id != "" {
			s.known[id] = true
		}
	}
	s.server = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}}
	for _, to := range o.Subscriptions {
		s.Subscribe(to)
	}
	go func() { _ = s.server.ServeTLS(l, "", "") }()
	return s, nil
}

// Close ends the server and its webhooks.
func (s *Server) Close() error {
	s.mu.Lock()
	subscribers := s.subscribers
	s.mu.Unlock()
	for _, sub := range subscribers {
		sub.end()
	}
	return s.server.Close()
}

// Set changes the people: what f returns is what there is from then on.
func (s *Server) Set(f func([]User) []User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = f(s.users)
}

// Faults lets f decide about each request; nil answers rightly.
func (s *Server) Faults(f func(*http.Request) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Revoke makes every token invalid that was given.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Requests is how many requests there were.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

func selfSigned() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "PingOne simulator"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// Withdraw takes the application's role in a population away: its people are neither listed nor found.
func (s *Server) Withdraw(population string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.withdrawn[population] = true
}
