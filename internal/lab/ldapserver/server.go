// Package ldapserver starts real directory servers for tests and measurements, from Debian's packages: slapd (OpenLDAP)
// and Samba as an Active Directory domain controller. Each has a directory and a loopback address or port of its own, so
// that several run at a time, and nothing of the machine's own configuration is read or changed.
//
//	ad := ldapserver.RunActiveDirectory(t, ldapserver.ActiveDirectory{Content: ldapserver.Content{People: 50}})
//	conn := ad.Admin(t) // to change something
//	source: {ldap: {url: ad.LDAPS, ca: "file:" + ad.CA, bindDN: ad.ServiceDN, …, baseDN: ad.PeopleDN}}
package ldapserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// Server is a directory server that runs.
type Server struct {
	// URL and LDAPS are its two addresses: ldap://… and ldaps://….
	URL, LDAPS string
	// CA is the file with the certificate of the authority that has signed the server's.
	CA string
	// BaseDN is the root of the directory, PeopleDN is where its people are, and GroupsDN where its groups are.
	BaseDN, PeopleDN, GroupsDN string
	// AdminDN may do everything. Size limits do not apply to it.
	AdminDN, AdminPassword string
	// ServiceDN may read, and has no other right.
	ServiceDN, ServicePassword string
	// Dir has all files of the server.
	Dir string

	// command starts it.
	command []string
	process *process
}

// Content is what a directory has at first, beside its administrator and the service account.
type Content struct {
	// People is how many there are. Person i (from 0) has the name PersonDN(i).
	People int
	// Groups is how many there are. Person i is a member of group i modulo Groups, which has the name GroupDN.
	Groups int
}

// How long a server may take to answer after its start, and to end.
const patience = 60 * time.Second

// Start starts a server that was stopped, with the data that it had, at the same addresses.
func (s *Server) Start() error {
	p, err := start(filepath.Join(s.Dir, "output.log"), s.command)
	if err != nil {
		return err
	}
	s.process = p
	for begin := time.Now(); ; {
		err := s.answers()
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended: %w\n%s", s.command[0], err, p.output())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Since(begin) > patience {
			return errors.Join(fmt.Errorf("%s does not answer: %w\n%s", s.command[0], err, p.output()), s.Stop())
		}
	}
}

// answers asks for the root entry, which anybody may read, whatever certificate the server has.
func (s *Server) answers() error {
	conn, err := ldap.DialURL(s.URL, ldap.DialWithDialer(&net.Dialer{Timeout: time.Second}))
	if err != nil {
		return err
	}
	conn.SetTimeout(5 * time.Second)
	_, err = conn.Search(ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)", []string{"namingContexts"}, nil))
	return errors.Join(err, conn.Close())
}

// Stop ends the server and its connections. What it has in Dir stays.
func (s *Server) Stop() error {
	if s.process == nil {
		return nil
	}
	p := s.process
	s.process = nil
	return p.stop()
}

// Dial opens a connection over TLS and signs in.
func (s *Server) Dial(dn, password string) (*ldap.Conn, error) {
	trust, err := s.Trust()
	if err != nil {
		return nil, err
	}
	conn, err := ldap.DialURL(s.LDAPS, ldap.DialWithTLSConfig(&tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS12}))
	if err != nil {
		return nil, err
	}
	if err := conn.Bind(dn, password); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// Trust is the server's authority.
func (s *Server) Trust() (*x509.CertPool, error) {
	text, err := os.ReadFile(s.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate", s.CA)
	}
	return pool, nil
}

// run runs one of the servers' tools to its end.
func run(ctx context.Context, input string, command ...string) error {
	out, err := tool(ctx, input, command...)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", command[0], err, out)
	}
	return nil
}
