package ldapserver_test

import (
	"crypto/tls"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/lab/ldapserver"
)

func TestSlapd(t *testing.T) {
	t.Parallel()
	s := ldapserver.RunSlapd(t, ldapserver.Slapd{Content: ldapserver.Content{People: 1200, Groups: 3}, Limits: "size.soft=1000 size.hard=1000"})
	people := ldap.NewSearchRequest(s.PeopleDN, ldap.ScopeSingleLevel, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=person)",
		[]string{"entryUUID", "memberOf"}, nil)
	r, err := s.Admin(t).Search(people)
	require.NoError(t, err)
	require.Len(t, r.Entries, 1200)
	require.Equal(t, ldapserver.EntryUUID(0), r.Entries[0].GetAttributeValue("entryUUID"))
	require.Equal(t, s.GroupDN(0), r.Entries[0].GetAttributeValue("memberOf"))
	r, err = s.Service(t).Search(people)
	require.True(t, ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded), "%v", err)
	require.Len(t, r.Entries, 1000)
	lock := ldap.NewModifyRequest(s.PersonDN(0), nil)
	lock.Replace("pwdAccountLockedTime", []string{"000001010000Z"})
	require.NoError(t, s.Admin(t).Modify(lock))
	startTLS(t, s)
	stopAndStart(t, s)
}

func TestActiveDirectory(t *testing.T) {
	t.Parallel()
	s := ldapserver.RunActiveDirectory(t, ldapserver.ActiveDirectory{Content: ldapserver.Content{People: 50, Groups: 2}})
	people := ldap.NewSearchRequest(s.PeopleDN, ldap.ScopeSingleLevel, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=person)",
		[]string{"objectGUID", "memberOf", "userAccountControl"}, nil)
	r, err := s.Service(t).Search(people)
	require.NoError(t, err)
	require.Len(t, r.Entries, 50)
	require.Len(t, r.Entries[0].GetRawAttributeValue("objectGUID"), 16)
	for _, e := range r.Entries {
		if e.DN == s.PersonDN(3) {
			require.Equal(t, s.GroupDN(1), e.GetAttributeValue("memberOf"))
		}
	}
	startTLS(t, s)
	stopAndStart(t, s)
}

// Two domain controllers do not disturb each other.
func TestTwoDomains(t *testing.T) {
	t.Parallel()
	a := ldapserver.RunActiveDirectory(t, ldapserver.ActiveDirectory{Content: ldapserver.Content{People: 1}})
	b := ldapserver.RunActiveDirectory(t, ldapserver.ActiveDirectory{StrongAuth: true})
	require.NoError(t, a.Admin(t).Del(ldap.NewDelRequest(a.PersonDN(0), nil)))
	require.Error(t, b.Admin(t).Del(ldap.NewDelRequest(a.PersonDN(0), nil)))
	conn, err := ldap.DialURL(b.URL)
	require.NoError(t, err)
	defer conn.Close()
	err = conn.Bind(b.ServiceDN, b.ServicePassword)
	require.True(t, ldap.IsErrorWithCode(err, ldap.LDAPResultStrongAuthRequired), "%v", err)
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]ldapserver.Certificate{"expired": {Expired: true}, "foreign": {NotAddress: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := ldapserver.RunSlapd(t, ldapserver.Slapd{Certificate: c})
			_, err := s.Dial(s.AdminDN, s.AdminPassword)
			var refused *tls.CertificateVerificationError
			require.ErrorAs(t, err, &refused)
		})
	}
}

func startTLS(t *testing.T, s *ldapserver.Server) {
	trust, err := s.Trust()
	require.NoError(t, err)
	conn, err := ldap.DialURL(s.URL)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.StartTLS(&tls.Config{RootCAs: trust, ServerName: "ldap.example", MinVersion: tls.VersionTLS12}))
	require.NoError(t, conn.Bind(s.ServiceDN, s.ServicePassword))
}

func stopAndStart(t *testing.T, s *ldapserver.Server) {
	require.NoError(t, s.Admin(t).Del(ldap.NewDelRequest(s.PersonDN(1), nil)))
	require.NoError(t, s.Stop())
	_, err := s.Dial(s.AdminDN, s.AdminPassword)
	require.Error(t, err)
	require.NoError(t, s.Start())
	err = s.Admin(t).Del(ldap.NewDelRequest(s.PersonDN(1), nil))
	require.True(t, ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject), "%v", err)
}
