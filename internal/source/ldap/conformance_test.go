package ldap_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/lab/ldapserver"
	"github.com/entraflow/entraflow/internal/secret"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/ldap"
	"github.com/entraflow/entraflow/internal/source/sourcetest"
)

// directory gives the settings that read a server's people, with a password file below the test's folder.
func directory(t testing.TB, s *ldapserver.Server) ldap.Directory {
	t.Helper()
	file := t.TempDir() + "/password"
	require.NoError(t, os.WriteFile(file, []byte(s.ServicePassword), 0o600))
	return ldap.Directory{URL: ldap.URLs{s.LDAPS}, CA: "file:" + s.CA, BindDN: s.ServiceDN, BindPassword: "file:" + file, BaseDN: s.PeopleDN}
}

// open opens a directory in a process of its own.
func open(t testing.TB, d ldap.Directory, use source.Use) *ldap.Source {
	t.Helper()
	settings := &ldap.Settings{LDAP: d}
	settings.Check(source.Report{Problem: func(key, message string) { t.Fatalf("%s: %s", key, message) }, Warning: func(string, string) {}})
	s, err := ldap.Store.Opener(source.Environment{Secrets: secret.Store{}})(settings, use)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.(*ldap.Source).Close() })
	return s.(*ldap.Source)
}

// renamed calls an attribute as the suite does: a directory has its own words for a surname or a department.
type renamed struct {
	*ldap.Source
	names map[string]string // :: attribute -> column
}

func (r renamed) column(attribute string) string {
	if name, ok := r.names[attribute]; ok {
		return name
	}
	return attribute
}

func (r renamed) record(record source.Record) source.Record {
	fields := map[string]any{}
	for name, value := range record.Fields {
		fields[r.column(name)] = value
	}
	record.Fields = fields
	return record
}

func (r renamed) Columns(ctx context.Context) (source.Columns, error) {
	c, err := r.Source.Columns(ctx)
	for i := range c.Names {
		c.Names[i] = r.column(c.Names[i])
	}
	slices.Sort(c.Names)
	return c, err
}

func (r renamed) List(ctx context.Context, yield func(source.Record) error) (source.Snapshot, error) {
	return r.Source.List(ctx, func(record source.Record) error { return yield(r.record(record)) })
}

func (r renamed) Get(ctx context.Context, id string) (source.Record, source.Snapshot, error) {
	record, snapshot, err := r.Source.Get(ctx, id)
	return r.record(record), snapshot, err
}

// unit makes an organizational unit for one store of the suite.
func unit(t *testing.T, s *ldapserver.Server, conn *goldap.Conn, n int64) string {
	t.Helper()
	dn := fmt.Sprintf("OU=suite%d,%s", n, s.BaseDN)
	add := goldap.NewAddRequest(dn, nil)
	add.Attribute("objectClass", []string{"organizationalUnit"})
	require.NoError(t, conn.Add(add))
	return dn
}

func TestConformanceOfOpenLDAP(t *testing.T) {
	s := ldapserver.RunSlapd(t, ldapserver.Slapd{})
	var units atomic.Int64
	sourcetest.Run(t, func(t *testing.T, people []sourcetest.Person) source.Source {
		conn := s.Admin(t)
		d := directory(t, s)
		d.BaseDN = unit(t, s, conn, units.Add(1))
		d.Filter, d.ID, d.Enabled = "(objectClass=device)", "cn", "employeeType"
		d.Attributes = []string{"givenName", "surname", "departmentNumber"}
		for _, p := range people {
			add := goldap.NewAddRequest("cn="+goldap.EscapeDN(p.ID)+","+d.BaseDN, nil)
			add.Attribute("objectClass", []string{"device", "extensibleObject"})
			add.Attribute("cn", []string{p.ID})
			add.Attribute("employeeType", []string{p.Enabled})
			for column, attribute := range map[string]string{"givenName": "givenName", "surname": "sn", "department": "departmentNumber"} {
				if v := p.Fields[column]; v != "" {
					add.Attribute(attribute, []string{v})
				}
			}
			require.NoError(t, conn.Add(add))
		}
		return renamed{open(t, d, source.Use{}), map[string]string{"departmentNumber": "department"}}
	})
}

func TestConformanceOfActiveDirectory(t *testing.T) {
	s := ldapserver.RunActiveDirectory(t, ldapserver.ActiveDirectory{})
	var units, users atomic.Int64
	sourcetest.Run(t, func(t *testing.T, people []sourcetest.Person) source.Source {
		if len(people) > 3000 {
			t.Skip("Samba takes minutes to store so many people; the client is the same for OpenLDAP, where it is tried")
		}
		conn := s.Admin(t)
		d := directory(t, s)
		d.BaseDN = unit(t, s, conn, units.Add(1))
		d.ID = "employeeNumber"
		d.Attributes = []string{"givenName", "sn", "department"}
		for _, p := range people {
			control, ok := map[string]string{sourcetest.Enabled: "544", sourcetest.Disabled: "546"}[p.Enabled]
			if !ok {
				t.Skip("userAccountControl is a number that Active Directory makes sure of")
			}
			login := fmt.Sprintf("u%d", users.Add(1))
			add := goldap.NewAddRequest(fmt.Sprintf("CN=%s,%s", login, d.BaseDN), nil)
			add.Attribute("objectClass", []string{"user"})
			add.Attribute("sAMAccountName", []string{login})
			add.Attribute("userAccountControl", []string{control})
			add.Attribute("employeeNumber", []string{p.ID})
			for column, attribute := range map[string]string{"givenName": "givenName", "surname": "sn", "department": "department"} {
				if v := p.Fields[column]; strings.TrimSpace(v) != "" {
					add.Attribute(attribute, []string{v})
				}
			}
			require.NoError(t, conn.Add(add), "%+v", p)
		}
		return renamed{open(t, d, source.Use{}), map[string]string{"sn": "surname"}}
	})
}
