package ldapserver

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// Proxy passes connections on to a server until it is told to break them.
type Proxy struct {
	// URL is the server's address by way of the proxy.
	URL string

	listener net.Listener
	target   string

	mu    sync.Mutex
	conns []net.Conn
	// silent: bytes are taken and not passed on.
	silent bool
	// passed counts the bytes of the server's answers. After limit of them, if it is not negative, the connections break: they close, or
	// fall silent where quietly is set.
	passed, limit int
	quietly       bool
}

// RunProxy starts a proxy before a URL of the server, for a test.
func RunProxy(t testing.TB, serverURL string) *Proxy {
	t.Helper()
	p, err := StartProxy(serverURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// StartProxy starts a proxy before a URL of the server. Close ends it.
func StartProxy(serverURL string) (*Proxy, error) {
	u, err := url.Parse(serverURL)
	if err != nil {
		return nil, err
	}
	target := u.Host
	if u.Port() == "" {
		target += map[string]string{"ldap": ":389", "ldaps": ":636"}[u.Scheme]
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{URL: u.Scheme + "://" + l.Addr().String(), listener: l, target: target, limit: -1}
	go p.accept()
	return p, nil
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.Cut()
	return err
}

// CutAfter closes all connections when so many more bytes of the server's answers have passed, or falls silent then; a negative number
// lets all of them pass. It tells how many have passed since it was called last.
func (p *Proxy) CutAfter(bytes int, silently bool) (passed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	passed, p.passed, p.limit, p.quietly, p.silent = p.passed, 0, bytes, silently, false
	return passed
}

// Cut closes all connections at once. New ones can be made.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// Silence lets connections stay open and passes nothing on any more, as a firewall does that has forgotten them; false
// lets later bytes through again.
func (p *Proxy) Silence(silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = silent
}

func (p *Proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, in, out)
		p.mu.Unlock()
		go p.pass(in, out, func(n int) int { return n })
		go p.pass(out, in, p.answered)
	}
}

// answered counts bytes of an answer, and tells how many of them still pass.
func (p *Proxy) answered(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := n
	if p.limit >= 0 {
		left = max(0, min(n, p.limit-p.passed))
	}
	p.passed += n
	if left < n && p.quietly {
		p.silent = true
	}
	return left
}

// pass hands on what comes, as far as let lets it.
func (p *Proxy) pass(from, to net.Conn, let func(n int) int) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		silent := p.silent
		p.mu.Unlock()
		if n > 0 && !silent {
			whole := n
			n = let(n)
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
			p.mu.Lock()
			silent = p.silent
			p.mu.Unlock()
			if n < whole && !silent {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
