package devserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"runtime"
	"strings"
	"time"
)

// The development server's Web UI answers whatever name it is called by. A page on the Internet whose name an attacker lets point to
// this machine (DNS rebinding) could so read histories and start workflows. The UI therefore listens where nobody looks for it, and
// uiGuard, on the port that people know, lets only requests through that name this machine.

// uiGuard is the reverse proxy in front of the Web UI.
type uiGuard struct {
	server  *http.Server
	address string // http://host:port
}

// guardUI serves the Web UI at backend (http://host:port) on a listener, until the guard is closed.
func guardUI(l net.Listener, backend string) (*uiGuard, error) {
	target, err := url.Parse(backend)
	if err != nil {
		return nil, fmt.Errorf("the Web UI's address: %w", err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "Temporal's Web UI does not answer: the server starts, or has ended.", http.StatusBadGateway)
		},
		FlushInterval: -1,
	}
	g := &uiGuard{address: "http://" + l.Addr().String(), server: &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !isThisMachine(r.Host) || !fromThisMachine(r.Header.Get("Origin")) {
				http.Error(w, "This page is for this machine only: open it as http://localhost or http://127.0.0.1.", http.StatusForbidden)
				return
			}
			proxy.ServeHTTP(w, r)
		}),
	}}
	go func() { _ = g.server.Serve(l) }() // It ends with Close; a listener that fails shows as a page that does not load.
	return g, nil
}

func (g *uiGuard) close() error {
	if g == nil {
		return nil
	}
	return g.server.Close()
}

// isThisMachine reports whether a Host header names the loopback interface.
func isThisMachine(hostport string) bool {
	name := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	if name == "localhost" {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

// fromThisMachine reports whether the page that sends a request, if a browser names one, is of this machine.
func fromThisMachine(origin string) bool {
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && isThisMachine(u.Host)
}

// hiddenHost is where the Web UI itself listens: on Linux one of sixteen million loopback addresses, which no page can search.
func hiddenHost() string {
	if runtime.GOOS != "linux" {
		return host
	}
	return fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
}

// listenUI listens on the wanted port if it is free, else on any other.
func listenUI(wanted int) (l net.Listener, asWanted bool, err error) {
	if l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", host, wanted)); err == nil {
		return l, true, nil
	}
	l, err = net.Listen("tcp", host+":0")
	if err != nil {
		return nil, false, errors.Join(errors.New("find a free port for the Web UI"), err)
	}
	return l, false, nil
}
