package simulator

import (
	"crypto/x509"
	"net"
	"net/http"
	"strings"
)

// ownHosts lets only requests pass that are meant for the simulator: those for one of the names in its certificate, at whatever port. A
// page of somebody's browser must not reach it, and the control API in particular, under a name of its own (DNS rebinding).
func ownHosts(certificate *x509.Certificate, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isNamed(certificate, r.Host) {
			http.Error(w, "The simulator does not answer to this host name. Use the address that it prints, or start it with --host NAME.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isNamed reports whether a Host header names one of the certificate's names.
func isNamed(certificate *x509.Certificate, hostport string) bool {
	name := hostport
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		name = host
	}
	name = strings.TrimSuffix(strings.Trim(name, "[]"), ".")
	return name != "" && certificate.VerifyHostname(name) == nil
}
