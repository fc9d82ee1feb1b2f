package devserver

import (
	"fmt"
	"net"
	"strconv"
)

// Default ports of Temporal's development server.
const (
	DefaultPort   = 7233
	DefaultUIPort = 8233
)

// host is where the server listens: it has no authentication and must not be reachable from elsewhere.
const host = "127.0.0.1"

// freePort gives the wanted port if nobody listens there, else any other free one.
func freePort(host string, wanted int) (port int, asWanted bool, err error) {
	if l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(wanted))); err == nil {
		return l.Addr().(*net.TCPAddr).Port, true, l.Close()
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return 0, false, fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().(*net.TCPAddr).Port, false, l.Close()
}

// place is where a server and its Web UI listen.
type place struct {
	port int
	// http is the port of the HTTP API, which entraflow does not use and which refuses every request.
	http int
	// uiHost and uiPort are those of the Web UI itself, ui is where people find it.
	uiHost string
	uiPort int
	ui     net.Listener
}

// choose finds the ports and says so where they are not the usual ones.
func (o *Options) choose() (p place, err error) {
	var usual bool
	if p.port, usual, err = freePort(host, or(o.Port, DefaultPort)); err != nil {
		return place{}, err
	}
	if !usual {
		o.say(fmt.Sprintf("port %d is taken; Temporal listens on %d", or(o.Port, DefaultPort), p.port))
	}
	if p.http, _, err = freePort(host, 0); err != nil {
		return place{}, err
	}
	p.uiHost = hiddenHost()
	if p.uiPort, _, err = freePort(p.uiHost, 0); err != nil {
		return place{}, err
	}
	if p.ui, usual, err = listenUI(or(o.UIPort, DefaultUIPort)); err != nil {
		return place{}, err
	}
	if !usual {
		o.say(fmt.Sprintf("port %d is taken; the Web UI listens on %d", or(o.UIPort, DefaultUIPort), p.ui.Addr().(*net.TCPAddr).Port))
	}
	return p, nil
}

func or(value, fallback int) int {
	if value != 0 {
		return value
	}
	return fallback
}
