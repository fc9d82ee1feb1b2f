package ldapserver

import (
	"errors"
	"os"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

// RunSlapd starts an OpenLDAP server for a test and ends it with the test. Where the machine has none, the test is
// skipped, or fails if servers are Required.
func RunSlapd(t testing.TB, o Slapd) *Server {
	t.Helper()
	return running(t, func(dir string) (*Server, error) { return StartSlapd(t.Context(), dir, o) })
}

// RunActiveDirectory starts a domain controller for a test and ends it with the test. Where the machine has none, the
// test is skipped, or fails if servers are Required.
func RunActiveDirectory(t testing.TB, o ActiveDirectory) *Server {
	t.Helper()
	return running(t, func(dir string) (*Server, error) { return StartActiveDirectory(t.Context(), dir, o) })
}

func running(t testing.TB, start func(dir string) (*Server, error)) *Server {
	t.Helper()
	// The folder is short, because sockets are in it, and is not t.TempDir, which would go before the server.
	dir, err := os.MkdirTemp("", "ldap")
	if err != nil {
		t.Fatal(err)
	}
	s, err := start(dir)
	t.Cleanup(func() {
		if s != nil {
			err = s.Stop()
		}
		if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
			t.Log(err)
		}
	})
	var missing *Missing
	switch {
	case errors.As(err, &missing) && !Required():
		t.Skipf("NOT TESTED: %v", missing)
	case err != nil:
		t.Fatal(err)
	}
	return s
}

// Admin is a connection of the administrator, which ends with the test.
func (s *Server) Admin(t testing.TB) *ldap.Conn {
	t.Helper()
	return s.signedIn(t, s.AdminDN, s.AdminPassword)
}

// Service is a connection of the service account, which ends with the test.
func (s *Server) Service(t testing.TB) *ldap.Conn {
	t.Helper()
	return s.signedIn(t, s.ServiceDN, s.ServicePassword)
}

func (s *Server) signedIn(t testing.TB, dn, password string) *ldap.Conn {
	t.Helper()
	conn, err := s.Dial(dn, password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // Closed already where the test has stopped the server.
	return conn
}
