// Package simulator is a stand-in for the slice of Microsoft Entra ID and Microsoft Graph that entraflow uses: sign-in,
// users, licenses, groups and directory extension properties, with Graph's refusals, quotas, delays and accidents.
//
// It is written from what is known of the service and never from entraflow's own client, so that tests, examples and
// benchmarks meet over HTTPS what production meets; the folder clients has clients that others wrote, which work on it in CI. What
// Graph has beyond the slice is refused with 501, and says so. It keeps everything in memory; Save and LoadState carry a tenant
// over a restart.
package simulator

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options describe the world to simulate. The zero value is DefaultSeed's tenant without quotas, faults or delays, on a
// free port of the loopback interface.
type Options struct {
	// Seed holds the tenants to begin with; nil is DefaultSeed().
	Seed *Seed
	// Faults are accidents at random; the zero value has none.
	Faults Faults
	// Latency is added to each Graph request, plus up to half of it at random; 0 is none.
	Latency time.Duration
	// ReplicaLag is how far the slowest of three replicas is behind the master; 0 is none. Each read goes to one of them.
	ReplicaLag time.Duration
	// GroupDelay is how long it takes until groups give and take the licenses of who joined or left them, and until people are in the
	// dynamic groups whose rules take them; 0 is at once. The real service needs seconds to minutes, with many members hours.
	GroupDelay time.Duration
	// ExtensionDelay is how long a new extension property is not usable; 0 is usable at once.
	ExtensionDelay time.Duration
	// Quota are the throttling limits; the zero value has none, DefaultQuota has Microsoft's.
	Quota Quota
	// Behavior chooses where the real service's answer is not known for sure.
	Behavior Behavior
	// RandomSeed decides every random choice, given the sequence of requests.
	RandomSeed uint64
	// Address to listen on; default 127.0.0.1:0.
	Address string
	// PublicURL is what the simulator calls itself in links; default is the address it listens on. Its host is put into the
	// certificate, beside localhost and the loopback addresses.
	PublicURL string
	// Hosts are further names that it answers to, for clients whose endpoints cannot be changed and that a proxy leads here. The
	// certificate has them, too, and what is asked under one of them has it in its links.
	Hosts []string
	// Now is the clock of tokens, quotas, lags and time stamps; default time.Now. Latency is always real time.
	Now func() time.Time
	// Log gets one line a request at debug level, without bodies or names; nil is silence.
	Log *slog.Logger
}

// Behavior are the switches for what documentation leaves open, or what the service does only sometimes.
type Behavior struct {
	// AcceptChunked takes request bodies without Content-Length. By default they are refused with 400, as has been seen.
	AcceptChunked bool `json:"acceptChunked,omitempty"`
	// RefuseGzip answers compressed request bodies with 415.
	RefuseGzip bool `json:"refuseGzip,omitempty"`
	// CheckProxyAddresses refuses a sign-in name or mail that is another user's proxy address.
	CheckProxyAddresses bool `json:"checkProxyAddresses,omitempty"`
	// BinHidesExtensions leaves extension properties out of what the bin shows. They come back on restore.
	BinHidesExtensions bool `json:"binHidesExtensions,omitempty"`
	// EchoExtensions repeats extension properties in the answer to POST /users.
	EchoExtensions bool `json:"echoExtensions,omitempty"`
	// RefuseExtensionAttributesOnCreate refuses onPremisesExtensionAttributes in POST /users.
	RefuseExtensionAttributesOnCreate bool `json:"refuseExtensionAttributesOnCreate,omitempty"`
	// TerseConflicts leaves the other object's id out of the details of a conflict.
	TerseConflicts bool `json:"terseConflicts,omitempty"`
	// GuestsMayNotJoin refuses guests as members, as Microsoft 365 groups do where the tenant's policy says so.
	GuestsMayNotJoin bool `json:"guestsMayNotJoin,omitempty"`
	// MemberQuota is how many members a group can have; 0 is no limit.
	MemberQuota int `json:"memberQuota,omitempty"`
	// KeepImmutableID refuses to clear onPremisesImmutableId with null, as some have met it.
	KeepImmutableID bool `json:"keepImmutableId,omitempty"`
	// Issuer is what discovery names as the issuer's base instead of the simulator's own URL. China's sign-in service names
	// another host than the one that was asked.
	Issuer string `json:"issuer,omitempty"`
}

// Server is a running simulator. Its methods may be called from any goroutine.
type Server struct {
	o        Options
	url      string
	http     *http.Server
	listener net.Listener
	caPEM    []byte
	pool     *x509.CertPool
	issuer   *issuer
	closing  chan struct{}
	newGUID  func() string

	mu      sync.RWMutex // guards what follows
	tenants []*Tenant

	chance struct {
		sync.Mutex
		rng      *rand.Rand
		latency  *rand.Rand
		replica  *rand.Rand
		faults   Faults
		delay    time.Duration
		planned  []plannedFault
		observer func(*http.Request)
		commit   func()
		guid     func() string
	}
	stats    *counters
	throttle *throttle
	flights  *flights
	pageKey  uint64
}

// Start brings a simulator up. It fails when the seed contradicts itself or the address cannot be listened on.
func Start(o Options) (*Server, error) {
	if o.Seed == nil {
		o.Seed = DefaultSeed()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := o.Faults.Validate(); err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	s := &Server{o: o, closing: make(chan struct{}), stats: newCounters(), flights: newFlights(),
		throttle: newThrottle(o.Quota), pageKey: rand.New(rand.NewPCG(o.RandomSeed, 0x9a9e)).Uint64()}
	s.chance.rng = rand.New(rand.NewPCG(o.RandomSeed, 1))
	s.chance.latency = rand.New(rand.NewPCG(o.RandomSeed, 2))
	s.chance.replica = rand.New(rand.NewPCG(o.RandomSeed, 3))
	s.chance.faults, s.chance.delay = o.Faults, o.Latency
	s.chance.guid = ids(o.RandomSeed + 0x7e9)
	s.newGUID = func() string {
		s.chance.Lock()
		defer s.chance.Unlock()
		return s.chance.guid()
	}
	newID := ids(o.RandomSeed)
	for i := range o.Seed.Tenants {
		t, err := newTenant(&o.Seed.Tenants[i], &o, newID)
		if err != nil {
			return nil, fmt.Errorf("simulator: tenants[%d]: %w", i, err)
		}
		s.tenants = append(s.tenants, t)
	}
	if len(s.tenants) == 0 {
		return nil, fmt.Errorf("simulator: the seed has no tenants")
	}
	if err := s.listen(); err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	return s, nil
}

func (s *Server) listen() error {
	l, err := net.Listen("tcp", s.o.Address)
	if err != nil {
		return err
	}
	s.url = strings.TrimSuffix(s.o.PublicURL, "/")
	if s.url == "" {
		s.url = "https://" + reachable(l.Addr())
	}
	cert, caPEM, pool, err := newCertificates(s.url, s.o.Hosts)
	if err != nil {
		l.Close()
		return err
	}
	s.caPEM, s.pool = caPEM, pool
	if s.issuer, err = newIssuer(); err != nil {
		l.Close()
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/{tenant}/v2.0/.well-known/openid-configuration", s.serveDiscovery)
	mux.HandleFunc("/{tenant}/oauth2/v2.0/token", s.serveToken)
	mux.HandleFunc("/{tenant}/discovery/v2.0/keys", s.serveKeys)
	mux.HandleFunc("/common/discovery/instance", s.serveInstance)
	s.control(mux)
	mux.HandleFunc("/", s.serveUnknown)
	// HTTP/1.1 only: a broken connection and a chunked body are then what they are called, and not frames of a stream.
	s.listener = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12})
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		l.Close()
		return err
	}
	s.http = &http.Server{Handler: ownHosts(leaf, s.outermost(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Before the mux: it would clean and redirect paths that Graph takes, or refuses, as they are.
		switch {
		case strings.HasPrefix(r.URL.Path, "/v1.0/"):
			s.serveGraph(w, r)
			return
		case strings.HasPrefix(r.URL.Path, "/beta/"):
			s.serveBeta(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))), ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug)}
	go func() { _ = s.http.Serve(s.listener) }()
	return nil
}

// reachable is an address that a client can use: one that means every interface is called localhost.
func reachable(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a.String()
	}
	return fmt.Sprintf("localhost:%d", tcp.Port)
}

// base is what the simulator calls itself towards the client that sent the request.
func (s *Server) base(r *http.Request) string {
	if slices.ContainsFunc(s.o.Hosts, func(h string) bool { return strings.EqualFold(h, r.Host) }) {
		return "https://" + strings.ToLower(r.Host)
	}
	return s.url
}

// URL is the base of both sign-in and Graph, https://host:port without a path.
func (s *Server) URL() string { return s.url }

// CAPEM is the certificate of the simulator's own authority, made at each start.
func (s *Server) CAPEM() []byte { return append([]byte(nil), s.caPEM...) }

// HTTPClient gives a client of its own connections that trusts the authority. It repeats nothing and has no timeout.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: s.pool, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 64,
	}}
}

// Close stops the server and breaks the connections that are open.
func (s *Server) Close() error {
	select {
	case <-s.closing:
		return nil
	default:
	}
	close(s.closing)
	return s.http.Close()
}

// OnRequest calls f at the start of each request, control requests excepted; nil takes it away. f must not keep the
// request, and finds a body that it may read.
func (s *Server) OnRequest(f func(*http.Request)) {
	s.chance.Lock()
	defer s.chance.Unlock()
	s.chance.observer = f
}

// OnCommit calls f after each write that was carried out and before its answer is sent; nil takes it away. Whoever keeps the
// state on disk waits there until it is: a service that has answered 201 does not forget.
func (s *Server) OnCommit(f func()) {
	s.chance.Lock()
	defer s.chance.Unlock()
	s.chance.commit = f
}

// committed counts a write that was carried out.
func (s *Server) committed() {
	s.stats.add(func(st *Stats) { st.Committed++ })
	s.chance.Lock()
	f := s.chance.commit
	s.chance.Unlock()
	if f != nil {
		f()
	}
}

// SetLatency changes the delay of each Graph request from now on.
func (s *Server) SetLatency(d time.Duration) {
	s.chance.Lock()
	defer s.chance.Unlock()
	s.chance.delay = d
}

// SetFaults changes the accidents from now on.
func (s *Server) SetFaults(f Faults) {
	s.chance.Lock()
	defer s.chance.Unlock()
	s.chance.faults = f
}

// Mutate changes the first tenant under the server's lock; nothing is checked as the API would check it.
func (s *Server) Mutate(f func(*Tenant)) { s.MutateTenant("", f) }

// MutateTenant is Mutate for the tenant of this id or domain; "" is the first. Unknown tenants are ignored.
func (s *Server) MutateTenant(name string, f func(*Tenant)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tenants {
		if name == "" || t.answersTo(name) {
			f(t)
			return
		}
	}
}

func (s *Server) tenant(name string) *Tenant {
	for _, t := range s.tenants {
		if t.answersTo(name) {
			return t
		}
	}
	return nil
}
