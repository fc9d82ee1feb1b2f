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
func freePort(wanted int) (port int, asWanted bool, err error) {
	if l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(wanted))); err == nil {
		return wanted, true, l.Close()
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return 0, false, fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().(*net.TCPAddr).Port, false, l.Close()
}

// ports chooses the two ports and says so where they are not the usual ones.
func (o *Options) ports() (port, ui int, err error) {
	port, usual, err := freePort(or(o.Port, DefaultPort))
	if err != nil {
		return 0, 0, err
	}
	if !usual {
		o.say(fmt.Sprintf("port %d is taken; Temporal listens on %d", or(o.Port, DefaultPort), port))
	}
	ui, usual, err = freePort(or(o.UIPort, DefaultUIPort))
	if err != nil {
		return 0, 0, err
	}
	if !usual {
		o.say(fmt.Sprintf("port %d is taken; the Web UI listens on %d", or(o.UIPort, DefaultUIPort), ui))
	}
	return port, ui, nil
}

func or(value, fallback int) int {
	if value != 0 {
		return value
	}
	return fallback
}
