package ldap_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	faults "github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/ldapserver"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/ldap"
)

// withGroups gives the settings that read a server's people and groups.
func withGroups(t *testing.T, s *ldapserver.Server) ldap.Directory {
	t.Helper()
	d := directory(t, s)
	d.Groups.BaseDN = s.GroupsDN
	return d
}

// put adds an entry.
func put(t *testing.T, conn *goldap.Conn, dn string, attributes map[string][]string) {
	t.Helper()
	add := goldap.NewAddRequest(dn, nil)
	for name, values := range attributes {
		if len(values) > 0 {
			add.Attribute(name, values)
		}
	}
	require.NoError(t, conn.Add(add), dn)
}

// idsByName lists the groups by their names, which must be unique.
func idsByName(t *testing.T, s *ldap.Source) map[string]string {
	t.Helper()
	groups, err := s.Groups(t.Context())
	require.NoError(t, err)
	ids := map[string]string{}
	for _, g := range groups {
		require.NotContains(t, ids, g.Name)
		ids[g.Name] = g.ID
	}
	return ids
}

// read reads memberships by id, each with its people in order.
func read(t *testing.T, s source.GroupReader, ids ...string) map[string]source.Membership {
	t.Helper()
	got := map[string]source.Membership{}
	require.NoError(t, s.Memberships(t.Context(), ids, func(m source.Membership) error {
		require.NotContains(t, got, m.Group.ID, "told twice")
		slices.Sort(m.People)
		require.Equal(t, len(m.People), len(slices.Compact(slices.Clone(m.People))), "somebody is there twice")
		got[m.Group.ID] = m
		return nil
	}))
	require.Len(t, got, len(ids))
	return got
}

// byEmployeeNumber makes ids that tests can tell.
func byEmployeeNumber(d ldap.Directory) ldap.Directory {
	d.ID = "employeeNumber"
	return d
}

func employees(numbers ...int) []string {
	var ids []string
	for _, n := range numbers {
		ids = append(ids, fmt.Sprintf("E%06d", n))
	}
	return ids
}

func TestGroupsOfOpenLDAP(t *testing.T) {
	server := ldapserver.RunSlapd(t, ldapserver.Slapd{Content: ldapserver.Content{People: 30}})
	conn := server.Admin(t)
	person := server.PersonDN
	group := func(name string) string { return "cn=" + name + "," + server.GroupsDN }
	elsewhere := "ou=elsewhere," + server.BaseDN
	put(t, conn, elsewhere, map[string][]string{"objectClass": {"organizationalUnit"}})
	put(t, conn, "uid=outsider,"+elsewhere, map[string][]string{"objectClass": {"inetOrgPerson"}, "uid": {"outsider"}, "cn": {"Out"}, "sn": {"Sider"}, "employeeNumber": {"E999999"}})
	put(t, conn, "cn=printer,"+server.PeopleDN, map[string][]string{"objectClass": {"device"}, "cn": {"printer"}})
	put(t, conn, group("direct"), map[string][]string{"objectClass": {"groupOfNames"}, "cn": {"alias of direct", "direct"}, "description": {"Direct ones"},
		"member": {person(0), person(1), "uid=outsider," + elsewhere, "cn=printer," + server.PeopleDN, "uid=gone," + server.PeopleDN, "cn=other tree,dc=other,dc=example"}})
	put(t, conn, group("unique"), map[string][]string{"objectClass": {"groupOfUniqueNames"}, "uniqueMember": {person(2), person(3),
		// Somebody who had the name before (RFC 4517, 3.3.21): no search for the name finds it.
		person(20) + "#'0101'B"}})
	put(t, conn, group("posix"), map[string][]string{"objectClass": {"posixGroup"}, "gidNumber": {"1"}, "memberUid": {"p000004", "p000005", "P000011", "nobody"}})
	put(t, conn, group("outer"), map[string][]string{"objectClass": {"groupOfNames"},
		"member": {person(0), group("direct"), group("unique"), group("posix"), group("circle"), "cn=hidden by the filter," + elsewhere}})
	put(t, conn, group("circle"), map[string][]string{"objectClass": {"groupOfNames"}, "member": {group("outer"), group("circle"), person(6)}})
	put(t, conn, "cn=hidden by the filter,"+elsewhere, map[string][]string{"objectClass": {"groupOfNames"}, "cn": {"hidden by the filter"}, "member": {person(7), group("deep")}})
	put(t, conn, group("deep"), map[string][]string{"objectClass": {"groupOfNames"}, "member": {person(8)}})
	put(t, conn, group("empty"), map[string][]string{"objectClass": {"posixGroup"}, "gidNumber": {"2"}})
	put(t, conn, group("odd"), map[string][]string{"objectClass": {"groupOfNames"}, "member": {
		"UID = p000009 , OU=People,  DC=CORP, dc=example", "0.9.2342.19200300.100.1.1=p000010,ou=people,dc=corp,dc=example"}})

	s := open(t, byEmployeeNumber(withGroups(t, server)), source.Use{})
	ids := idsByName(t, s)
	require.Len(t, ids, 8)
	want := map[string][]string{
		"direct": employees(0, 1), "unique": employees(2, 3), "posix": employees(4, 5), "deep": employees(8), "empty": nil, "odd": employees(9, 10),
		"outer": employees(0, 1, 2, 3, 4, 5, 6, 7, 8), "circle": employees(0, 1, 2, 3, 4, 5, 6, 7, 8),
	}
	var all []string
	for name := range want {
		require.Contains(t, ids, name)
		all = append(all, ids[name])
	}
	got := read(t, s, append(all, "11111111-2222-3333-4444-555555555555", "no id at all")...)
	for name, people := range want {
		require.NoError(t, got[ids[name]].Err, name)
		require.Equal(t, people, got[ids[name]].People, name)
		require.Equal(t, name, got[ids[name]].Group.Name)
		require.Equal(t, people, read(t, s, ids[name])[ids[name]].People, "%s alone", name)
	}
	require.Equal(t, "Direct ones", got[ids["direct"]].Group.Description)
	for _, id := range []string{"11111111-2222-3333-4444-555555555555", "no id at all"} {
		require.True(t, faults.Is(got[id].Err, faults.GroupNotFound), id)
	}
	agree(t, s, all, got)

	// A group keeps its id when it is renamed.
	require.NoError(t, conn.ModifyDN(goldap.NewModifyDNRequest(group("direct"), "cn=renamed", true, "")))
	require.Equal(t, ids["direct"], idsByName(t, s)["renamed"])

	// A filter says which groups may be used, and not which of them are followed.
	d := byEmployeeNumber(withGroups(t, server))
	d.Groups.Filter = "(cn=outer)"
	s = open(t, d, source.Use{})
	require.Len(t, idsByName(t, s), 1)
	require.Contains(t, read(t, s, ids["outer"])[ids["outer"]].People, "E000008")
	require.True(t, faults.Is(read(t, s, ids["deep"])[ids["deep"]].Err, faults.GroupNotFound))

	// Whoever the people's filter leaves out is no member.
	d = byEmployeeNumber(withGroups(t, server))
	d.Filter = "(&(objectClass=person)(!(employeeNumber=E000001)))"
	s = open(t, d, source.Use{})
	require.NotContains(t, read(t, s, ids["outer"])[ids["outer"]].People, "E000001")
}

// agree makes sure that single people are told the same as whole groups.
func agree(t *testing.T, s *ldap.Source, ids []string, memberships map[string]source.Membership) {
	t.Helper()
	var everybody []string
	_, err := s.List(t.Context(), func(r source.Record) error { everybody = append(everybody, r.ID); return nil })
	require.NoError(t, err)
	for _, person := range append(everybody, "E999999", "nobody") {
		in, err := s.MembershipsOf(t.Context(), person, ids)
		require.NoError(t, err)
		var want []string
		for _, id := range ids {
			if slices.Contains(memberships[id].People, person) {
				want = append(want, id)
			}
		}
		require.ElementsMatch(t, want, in, person)
	}
}

// Whatever groups are in each other: who is in them is what a model says, by either way of asking.
func TestGroupsWithinGroups(t *testing.T) {
	const people, groups = 25, 45
	server := ldapserver.RunSlapd(t, ldapserver.Slapd{Content: ldapserver.Content{People: people}})
	conn := server.Admin(t)
	random := rand.New(rand.NewPCG(1, 2))
	members := make([][]int, groups) // people are below 1,000, groups above
	for g := range members {
		for range 1 + random.IntN(3) {
			members[g] = append(members[g], random.IntN(people))
		}
		for range random.IntN(3) {
			members[g] = append(members[g], 1000+random.IntN(groups))
		}
	}
	dn := func(g int) string { return fmt.Sprintf("cn=g%d,%s", g, server.GroupsDN) }
	for g, all := range members {
		var names []string
		for _, m := range all {
			name := dn(m - 1000)
			if m < 1000 {
				name = server.PersonDN(m)
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		put(t, conn, dn(g), map[string][]string{"objectClass": {"groupOfNames"}, "member": names})
	}
	var of func(g int, seen map[int]bool)
	of = func(g int, seen map[int]bool) {
		for _, m := range members[g] {
			if !seen[m] {
				seen[m] = true
				if m >= 1000 {
					of(m-1000, seen)
				}
			}
		}
	}
	s := open(t, byEmployeeNumber(withGroups(t, server)), source.Use{})
	ids := idsByName(t, s)
	var all []string
	for g := range members {
		all = append(all, ids[fmt.Sprintf("g%d", g)])
	}
	before := s.Requests()
	got := read(t, s, all...)
	require.LessOrEqual(t, s.Requests()-before, int64(1+3), "one search for the people, and one for 20 groups")
	for g := range members {
		seen := map[int]bool{}
		of(g, seen)
		var want []string
		for m := range seen {
			if m < 1000 {
				want = append(want, employees(m)...)
			}
		}
		slices.Sort(want)
		require.Equal(t, want, got[all[g]].People, "g%d", g)
	}
	agree(t, s, all, got)
	one := read(t, s, all[7])
	require.Equal(t, got[all[7]].People, one[all[7]].People, "read alone, with the groups in it found by name")
}

// In Active Directory people are in their primary group, too, which does not name them.
func TestGroupsOfActiveDirectory(t *testing.T) {
	server := ldapserver.RunActiveDirectory(t, ldapserver.ActiveDirectory{Content: ldapserver.Content{People: 12}})
	conn := server.Admin(t)
	person := server.PersonDN
	group := func(name string) string { return "CN=" + name + "," + server.GroupsDN }
	make := func(name string, members ...string) {
		put(t, conn, group(name), map[string][]string{"objectClass": {"group"}, "sAMAccountName": {name}, "member": members, "description": {"About " + name}})
	}
	put(t, conn, "OU=Elsewhere,"+server.BaseDN, map[string][]string{"objectClass": {"organizationalUnit"}})
	put(t, conn, "CN=outsider,OU=Elsewhere,"+server.BaseDN, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"outsider"}, "userAccountControl": {"544"}})
	put(t, conn, "CN=contact,"+server.PeopleDN, map[string][]string{"objectClass": {"contact"}})
	make("inner", person(0), person(1), "CN=outsider,OU=Elsewhere,"+server.BaseDN)
	put(t, conn, "OU=Hidden,"+server.BaseDN, map[string][]string{"objectClass": {"organizationalUnit"}})
	put(t, conn, "CN=further,OU=Hidden,"+server.BaseDN, map[string][]string{"objectClass": {"group"}, "sAMAccountName": {"further"}, "member": {person(4)}})
	make("outer", person(2), group("inner"), "CN=further,OU=Hidden,"+server.BaseDN, "CN=contact,"+server.PeopleDN)
	make("empty")
	change := goldap.NewModifyRequest(group("inner"), nil)
	change.Add("member", []string{group("outer")})
	require.NoError(t, conn.Modify(change), "a circle")
	// Person 3 has another primary group than the others: inner, and so is in outer.
	sid, err := conn.Search(goldap.NewSearchRequest(group("inner"), goldap.ScopeBaseObject, goldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"primaryGroupToken"}, nil))
	require.NoError(t, err)
	change = goldap.NewModifyRequest(group("inner"), nil)
	change.Add("member", []string{person(3)})
	require.NoError(t, conn.Modify(change))
	change = goldap.NewModifyRequest(person(3), nil)
	change.Replace("primaryGroupID", []string{sid.Entries[0].GetAttributeValue("primaryGroupToken")})
	require.NoError(t, conn.Modify(change))
	make("everybody", "CN=Domain Users,CN=Users,"+server.BaseDN)

	d := withGroups(t, server)
	d.ID, d.Filter = "employeeID", "(&(objectClass=user)(employeeID=*))"
	s := open(t, d, source.Use{})
	ids := idsByName(t, s)
	require.Len(t, ids, 4)
	all := []string{ids["inner"], ids["outer"], ids["empty"], ids["everybody"]}
	got := read(t, s, append(all, "11111111-2222-3333-4444-555555555555")...)
	others := employees(0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11) // all but person 3
	for name, want := range map[string][]string{"inner": employees(0, 1, 2, 3, 4), "outer": employees(0, 1, 2, 3, 4), "empty": nil} {
		require.NoError(t, got[ids[name]].Err, name)
		require.Equal(t, want, got[ids[name]].People, name)
		require.Equal(t, source.Group{ID: ids[name], Name: name, Description: "About " + name}, got[ids[name]].Group)
	}
	// Somebody who takes another primary group stays in the former one, as a member like others.
	require.Subset(t, got[ids["everybody"]].People, others)
	require.True(t, faults.Is(got["11111111-2222-3333-4444-555555555555"].Err, faults.GroupNotFound))
	agree(t, s, all, got)

	// The groups of the whole domain, whose root refers to other parts of the forest.
	d.Groups.BaseDN = server.BaseDN
	s = open(t, d, source.Use{})
	ids = idsByName(t, s)
	require.Greater(t, len(ids), 20)
	require.Subset(t, read(t, s, ids["Domain Users"])[ids["Domain Users"]].People, others)
	in, err := s.MembershipsOf(t.Context(), employees(5)[0], []string{ids["Domain Users"], ids["Users"], ids["inner"]})
	require.NoError(t, err)
	require.Equal(t, []string{ids["Domain Users"], ids["Users"]}, in, "Users has Domain Users in it")

	// A group in between that the account may not read: nobody knows who is in it, and nobody is taken for gone.
	require.NoError(t, server.SambaTool(t.Context(), "dsacl", "set", "--action=deny", "--objectdn=OU=Hidden,"+server.BaseDN,
		"--sddl=(D;CI;RPLCLO;;;AU)"))
	got = read(t, s, ids["outer"], ids["Domain Users"])
	require.True(t, faults.Is(got[ids["outer"]].Err, faults.SourceAccessDenied), "%v", got[ids["outer"]].Err)
	require.Contains(t, got[ids["outer"]].People, "E000002", "whom it saw is told all the same")
	require.NoError(t, got[ids["Domain Users"]].Err, "other groups go on")
	_, err = s.MembershipsOf(t.Context(), employees(4)[0], []string{ids["outer"]})
	require.True(t, faults.Is(err, faults.SourceAccessDenied), "%v", err)
}
