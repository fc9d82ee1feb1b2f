package ldap_test

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/lab/ldapserver"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/sourcetest"
)

// placed says where the suite's people and groups are: in a directory a member is named by where it is.
type placed struct {
	people map[string]string // :: id -> name of the entry
	groups map[string]string
	// strangers are nobody's.
	strangers []string
}

func (p placed) members(g sourcetest.Group) []string {
	var names []string
	for _, id := range g.People {
		names = append(names, p.people[id])
	}
	for _, name := range g.Groups {
		names = append(names, p.groups[name])
	}
	if g.Strangers {
		names = append(names, p.strangers...)
	}
	return names
}

// The suite on a server of the tests' own, which shows 40 members at once.
func TestConformanceOfGroups(t *testing.T) {
	t.Parallel()
	serve := func(t *testing.T, people []sourcetest.Person, groups []sourcetest.Group, cut string) source.Source {
		s := runTreeServer(t, 0, nil)
		s.page, s.values = 500, 40
		p := placed{map[string]string{}, map[string]string{}, []string{"cn=printer,ou=people,dc=x", "cn=gone,ou=people,dc=x", "cn=else,dc=y"}}
		for i, person := range people {
			p.people[person.ID] = fmt.Sprintf("uid=%d,ou=people,dc=x", i)
			s.entries = append(s.entries, treeEntry{p.people[person.ID], map[string][]string{"objectClass": {"person"}, "cn": {person.ID}}})
		}
		s.entries = append(s.entries, treeEntry{p.strangers[0], map[string][]string{"objectClass": {"device"}, "cn": {"printer"}}})
		for i, g := range groups {
			p.groups[g.Name] = fmt.Sprintf("ou=%d,ou=groups,dc=x", i)
		}
		for i, g := range groups {
			s.entries = append(s.entries, treeEntry{p.groups[g.Name], map[string][]string{"objectClass": {"groupOfMembers"}, "cn": {g.Name},
				"description": {g.Description}, "entryUUID": {"id-" + strconv.Itoa(i) + "-x"}, "member": p.members(g)}})
			if g.Name == cut {
				s.forgets = true
			}
		}
		return openTree(t, s)
	}
	sourcetest.RunGroups(t, sourcetest.Groups{
		Open: func(t *testing.T, people []sourcetest.Person, groups []sourcetest.Group) source.Source {
			return serve(t, people, groups, "")
		},
		Cut: serve,
	})
}

func TestConformanceOfGroupsOfOpenLDAP(t *testing.T) {
	s := ldapserver.RunSlapd(t, ldapserver.Slapd{})
	var units atomic.Int64
	sourcetest.RunGroups(t, sourcetest.Groups{Open: func(t *testing.T, people []sourcetest.Person, groups []sourcetest.Group) source.Source {
		conn := s.Admin(t)
		d := directory(t, s)
		d.BaseDN = unit(t, s, conn, units.Add(1))
		d.Groups.BaseDN = unit(t, s, conn, units.Add(1))
		d.Filter, d.ID = "(objectClass=person)", "employeeNumber"
		p := placed{map[string]string{}, map[string]string{}, []string{"cn=printer," + d.BaseDN, "cn=gone," + d.BaseDN, "cn=else,dc=other"}}
		put(t, conn, p.strangers[0], map[string][]string{"objectClass": {"device"}})
		for i, person := range people {
			p.people[person.ID] = fmt.Sprintf("uid=%d,%s", i, d.BaseDN)
			put(t, conn, p.people[person.ID], map[string][]string{"objectClass": {"inetOrgPerson"}, "cn": {"x"}, "sn": {"x"}, "employeeNumber": {person.ID}})
		}
		for i, g := range groups {
			p.groups[g.Name] = fmt.Sprintf("gidNumber=%d,%s", i, d.Groups.BaseDN)
		}
		for _, g := range groups {
			attributes := map[string][]string{"objectClass": {"posixGroup", "extensibleObject"}, "cn": {g.Name}, "member": p.members(g)}
			if g.Description != "" {
				attributes["description"] = []string{g.Description}
			}
			put(t, conn, p.groups[g.Name], attributes)
		}
		return open(t, d, source.Use{})
	}})
}

func TestConformanceOfGroupsOfActiveDirectory(t *testing.T) {
	s := ldapserver.RunActiveDirectory(t, ldapserver.ActiveDirectory{})
	var units, names atomic.Int64
	sourcetest.RunGroups(t, sourcetest.Groups{Open: func(t *testing.T, people []sourcetest.Person, groups []sourcetest.Group) source.Source {
		if len(people) > 250 {
			t.Skip("Samba takes long to store so many people; the client is the same for OpenLDAP, where it is tried")
		}
		conn := s.Admin(t)
		d := directory(t, s)
		d.BaseDN = unit(t, s, conn, units.Add(1))
		d.Groups.BaseDN = unit(t, s, conn, units.Add(1))
		d.ID = "employeeNumber"
		p := placed{map[string]string{}, map[string]string{}, []string{"CN=contact," + d.BaseDN}}
		put(t, conn, p.strangers[0], map[string][]string{"objectClass": {"contact"}})
		for _, person := range people {
			login := fmt.Sprintf("g%d", names.Add(1))
			p.people[person.ID] = "CN=" + login + "," + d.BaseDN
			put(t, conn, p.people[person.ID], map[string][]string{"objectClass": {"user"}, "sAMAccountName": {login}, "employeeNumber": {person.ID},
				"userAccountControl": {map[bool]string{true: "546", false: "544"}[person.Enabled == sourcetest.Disabled]}})
		}
		d.Filter = "(&(objectClass=person)(employeeNumber=*))"
		for _, g := range groups {
			p.groups[g.Name] = "CN=" + strings.ReplaceAll(goldap.EscapeDN(g.Name), "=", `\=`) + "," + d.Groups.BaseDN
			attributes := map[string][]string{"objectClass": {"group"}, "sAMAccountName": {fmt.Sprintf("g%d", names.Add(1))}}
			if strings.TrimSpace(g.Description) != "" {
				attributes["description"] = []string{g.Description}
			}
			put(t, conn, p.groups[g.Name], attributes)
		}
		for _, g := range groups {
			if members := p.members(g); len(members) > 0 {
				change := goldap.NewModifyRequest(p.groups[g.Name], nil)
				change.Add("member", members)
				require.NoError(t, conn.Modify(change))
			}
		}
		return open(t, d, source.Use{})
	}})
}

// A group with 100,000 members: requests, and the most memory that the process had.
//
//	go test -bench Members -benchtime 1x ./internal/source/ldap
func BenchmarkMembers(b *testing.B) {
	const people = 100_000
	server := ldapserver.RunSlapd(b, ldapserver.Slapd{Content: ldapserver.Content{People: people, Groups: 1}})
	d := directory(b, server)
	d.Groups.BaseDN = server.GroupsDN
	s := open(b, d, source.Use{})
	groups, err := s.Groups(b.Context())
	require.NoError(b, err)
	ids := make([]string, len(groups))
	for i, g := range groups {
		ids[i] = g.ID
	}
	for b.Loop() {
		before, n := s.Requests(), 0
		require.NoError(b, s.Memberships(b.Context(), ids, func(m source.Membership) error { n += len(m.People); return m.Err }))
		require.Equal(b, people, n)
		b.ReportMetric(float64(s.Requests()-before), "requests/op")
		before = s.Requests()
		in, err := s.MembershipsOf(b.Context(), ldapserver.EntryUUID(7), ids)
		require.NoError(b, err)
		require.Equal(b, ids, in)
		b.ReportMetric(float64(s.Requests()-before), "requests/person")
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MB")
}
