package ldap_test

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	faults "github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/ldapserver"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/ldap"
)

// treeServer is an LDAP server with a few entries that breaks where it is told to. It gives at most so many values of member at once.
type treeServer struct {
	url     string
	entries []treeEntry
	page    int
	values  int

	mu       sync.Mutex
	searches int
	// breaks says what goes wrong with a search: its number since breaks was set, from 0.
	breaks func(n int) ldapserver.FakeFault
	// hides takes an entry out of all answers.
	hides func(dn string) bool
	// forgets leaves a range of members out of the answer to a request for it.
	forgets bool
}

type treeEntry struct {
	dn         string
	attributes map[string][]string
}

// runTreeServer serves n people p0… with the attribute cn as id, and groups by what is in each.
func runTreeServer(t *testing.T, people int, groups map[string][]string) *treeServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	s := &treeServer{url: "ldap://" + l.Addr().String(), page: 10, values: 7, breaks: func(int) ldapserver.FakeFault { return ldapserver.FakeFault{} }, hides: func(string) bool { return false }}
	s.entries = append(s.entries, treeEntry{"ou=people,dc=x", map[string][]string{"objectClass": {"organizationalUnit"}}},
		treeEntry{"ou=groups,dc=x", map[string][]string{"objectClass": {"organizationalUnit"}}})
	for i := range people {
		s.entries = append(s.entries, treeEntry{fmt.Sprintf("cn=p%d,ou=people,dc=x", i), map[string][]string{"objectClass": {"person"}, "cn": {fmt.Sprintf("p%d", i)}}})
	}
	for name, members := range groups {
		s.entries = append(s.entries, treeEntry{"cn=" + name + ",ou=groups,dc=x", map[string][]string{
			"objectClass": {"groupOfNames"}, "cn": {name}, "entryUUID": {"id-" + name}, "member": members}})
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

func (s *treeServer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.searches = 0
	change()
}

func (s *treeServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.searches
}

func (s *treeServer) serve(c net.Conn) {
	defer c.Close()
	for {
		request, err := ber.ReadPacket(c)
		if err != nil || len(request.Children) < 2 {
			return
		}
		id, op := request.Children[0].Value.(int64), request.Children[1]
		switch op.Tag {
		case goldap.ApplicationBindRequest:
			ldapserver.Send(c, id, ldapserver.Done(goldap.ApplicationBindResponse, 0))
		case goldap.ApplicationSearchRequest:
			if !s.search(c, id, request) {
				return
			}
		case goldap.ApplicationAbandonRequest:
		default:
			return
		}
	}
}

func (s *treeServer) search(c net.Conn, id int64, request *ber.Packet) bool {
	op := request.Children[1]
	base, scope, filter := op.Children[0].Value.(string), op.Children[1].Value.(int64), op.Children[6]
	var attributes []string
	for _, a := range op.Children[7].Children {
		attributes = append(attributes, a.Value.(string))
	}
	if base == "" {
		ldapserver.Send(c, id, ldapserver.Entry("", "objectClass", "top"))
		ldapserver.Send(c, id, ldapserver.Done(goldap.ApplicationSearchResultDone, 0))
		return true
	}
	s.mu.Lock()
	broken := s.breaks(s.searches)
	s.searches++
	hides, forgets := s.hides, s.forgets
	s.mu.Unlock()
	var found []treeEntry
	there := false
	for _, e := range s.entries {
		if hides(e.dn) {
			continue
		}
		there = there || strings.EqualFold(e.dn, base) || base == "dc=x"
		if (e.dn == base || scope != goldap.ScopeBaseObject && (base == "dc=x" || strings.HasSuffix(e.dn, ","+base))) && e.matches(filter) {
			found = append(found, e)
		}
	}
	if !there && broken.Kind == "" {
		ldapserver.Send(c, id, ldapserver.Done(goldap.ApplicationSearchResultDone, goldap.LDAPResultNoSuchObject))
		return true
	}
	page := 0
	var paging *goldap.ControlPaging
	if len(request.Children) > 2 {
		for _, child := range request.Children[2].Children {
			if control, err := goldap.DecodeControl(child); err == nil {
				if p, ok := control.(*goldap.ControlPaging); ok {
					paging = p
					page, _ = strconv.Atoi(string(p.Cookie))
				}
			}
		}
	}
	from, to := page*s.page, min((page+1)*s.page, len(found))
	for i := from; i < to; i++ {
		if broken.Kind != "" && i-from == broken.After {
			break
		}
		ldapserver.Send(c, id, s.entry(found[i], attributes, forgets))
	}
	cookie := ""
	if to < len(found) {
		cookie = strconv.Itoa(page + 1)
	}
	if paging == nil && broken.Kind == "" {
		ldapserver.Send(c, id, ldapserver.Done(goldap.ApplicationSearchResultDone, 0))
		return true
	}
	return (&ldapserver.Fake{Page: s.page}).End(c, id, broken, cookie)
}

// entry writes an entry with what was asked for, members by ranges.
func (s *treeServer) entry(e treeEntry, asked []string, forgets bool) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, goldap.ApplicationSearchResultEntry, nil, "entry")
	p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, e.dn, "dn"))
	attributes := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "attributes")
	add := func(name string, values []string) {
		a := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "attribute")
		a.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, name, "name"))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "values")
		for _, v := range values {
			set.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, v, "value"))
		}
		a.AppendChild(set)
		attributes.AppendChild(a)
	}
	for _, name := range asked {
		from, ranged := 0, false
		if name, from, ranged = cutRange(name); ranged && forgets {
			continue
		}
		values := e.attributes[name]
		switch left := len(values) - from; {
		case name == "member" && left > s.values:
			add(fmt.Sprintf("member;range=%d-%d", from, from+s.values-1), values[from:from+s.values])
		case ranged && left > 0:
			add(fmt.Sprintf("member;range=%d-*", from), values[from:])
		case len(values) > 0 && !ranged:
			add(name, values)
		}
	}
	p.AppendChild(attributes)
	return p
}

func cutRange(name string) (string, int, bool) {
	base, option, ranged := strings.Cut(name, ";range=")
	from, _ := strconv.Atoi(strings.TrimSuffix(option, "-*"))
	return base, from, ranged
}

// matches evaluates a filter as far as it is used here.
func (e treeEntry) matches(f *ber.Packet) bool {
	is := func(child *ber.Packet) bool { return e.matches(child) }
	switch f.Tag {
	case goldap.FilterAnd:
		return !slices.ContainsFunc(f.Children, func(child *ber.Packet) bool { return !e.matches(child) })
	case goldap.FilterOr:
		return slices.ContainsFunc(f.Children, is)
	case goldap.FilterNot:
		return !e.matches(f.Children[0])
	case goldap.FilterPresent:
		return strings.EqualFold(f.Data.String(), "objectClass") || len(e.attributes[f.Data.String()]) > 0
	case goldap.FilterEqualityMatch:
		return slices.Contains(e.attributes[f.Children[0].Data.String()], f.Children[1].Data.String())
	}
	return false
}

func openTree(t *testing.T, s *treeServer) *ldap.Source {
	t.Helper()
	password := t.TempDir() + "/password"
	require.NoError(t, os.WriteFile(password, []byte("secret"), 0o600))
	return open(t, ldap.Directory{URL: ldap.URLs{s.url}, Insecure: true, BindDN: "cn=svc,dc=x", BindPassword: "file:" + password, BaseDN: "ou=people,dc=x",
		ID: "cn", Attributes: []string{"cn"}, Timeout: "300ms", Kind: "generic", Groups: ldap.Groups{BaseDN: "ou=groups,dc=x"}}, source.Use{})
}

func peopleDN(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("cn=p%d,ou=people,dc=x", i))
	}
	return out
}

func treeOfGroups() map[string][]string {
	return map[string][]string{
		"large": peopleDN(0, 33), "small": peopleDN(30, 35), "outer": {"cn=large,ou=groups,dc=x", "cn=inner,ou=groups,dc=x", "cn=gone,ou=groups,dc=x"},
		"inner": append(peopleDN(33, 34), "cn=outer,ou=groups,dc=x"),
	}
}

// Members come in ranges, and are all read.
func TestRangesOfMembers(t *testing.T) {
	t.Parallel()
	server := runTreeServer(t, 35, treeOfGroups())
	s := openTree(t, server)
	got := read(t, s, "id-large", "id-small", "id-outer")
	for id, n := range map[string]int{"id-large": 33, "id-small": 5, "id-outer": 34} {
		require.NoError(t, got[id].Err, id)
		require.Len(t, got[id].People, n, id)
	}
	agree(t, s, []string{"id-large", "id-small", "id-outer"}, got)

	// A range that the server does not give: that group is not whole, and neither is one that has it within. Others are.
	server.set(func() { server.forgets = true })
	got = read(t, s, "id-large", "id-small", "id-outer")
	require.True(t, faults.Is(got["id-large"].Err, faults.SourceIncomplete), "%v", got["id-large"].Err)
	require.Len(t, got["id-large"].People, 7, "whom it saw is told all the same")
	require.Error(t, got["id-outer"].Err)
	require.NoError(t, got["id-small"].Err)
}

// Whatever breaks at whichever search: there is an error, for all or for the groups concerned, or everything is there.
func TestBrokenGroupsAreNoGroups(t *testing.T) {
	t.Parallel()
	server := runTreeServer(t, 35, treeOfGroups())
	s := openTree(t, server)
	ids := []string{"id-large", "id-small", "id-outer", "id-inner"}
	want := read(t, s, ids...)
	server.set(func() {})
	read(t, s, ids...)
	searches := server.count()
	require.Greater(t, searches, 5)
	tries, whole := 0, 0
	for kind := range kinds {
		for at := range searches {
			for _, after := range []int{0, 2} {
				if kind == ldapserver.FakeSilent && (at != 1 || after != 0) {
					continue // Each waits for the time-out.
				}
				server.set(func() {
					server.breaks = func(n int) ldapserver.FakeFault {
						if n == at {
							return ldapserver.FakeFault{Kind: kind, After: after}
						}
						return ldapserver.FakeFault{}
					}
				})
				what := fmt.Sprintf("%s at search %d after %d entries", kind, at, after)
				got := map[string]source.Membership{}
				err := s.Memberships(t.Context(), ids, func(m source.Membership) error { got[m.Group.ID] = m; return nil })
				tries++
				if err != nil {
					require.Empty(t, got, what)
					continue
				}
				for _, id := range ids {
					if got[id].Err == nil {
						slices.Sort(got[id].People)
						require.Equal(t, want[id].People, got[id].People, "%s: %s", what, id)
						whole++
					}
				}
			}
		}
	}
	require.Greater(t, tries, 100)
	require.Greater(t, whole, 10, "one that was idle and is closed is opened again, and what concerns one group leaves others")

	// The same for the list of the groups, and for one person.
	for kind := range kinds {
		if kind == ldapserver.FakeSilent {
			continue
		}
		server.set(func() {
			server.breaks = func(int) ldapserver.FakeFault { return ldapserver.FakeFault{Kind: kind, After: 1} }
		})
		groups, err := s.Groups(t.Context())
		require.Error(t, err, kind)
		require.Empty(t, groups, kind)
		for at := range 5 {
			server.set(func() {
				server.breaks = func(n int) ldapserver.FakeFault {
					if n == at {
						return ldapserver.FakeFault{Kind: kind, After: 0}
					}
					return ldapserver.FakeFault{}
				}
			})
			in, err := s.MembershipsOf(t.Context(), "p33", ids)
			if kind == ldapserver.FakeReference && at >= 2 {
				continue // What is at other servers is not followed, and this one keeps back what it has itself.
			}
			if err == nil {
				require.Equal(t, []string{"id-small", "id-outer", "id-inner"}, in, "%s at search %d", kind, at)
			} else {
				require.Empty(t, in)
			}
		}
	}
}

// An account that has lost its rights sees nothing, and that is no empty directory.
func TestHiddenGroups(t *testing.T) {
	t.Parallel()
	server := runTreeServer(t, 35, treeOfGroups())
	s := openTree(t, server)
	server.set(func() { server.hides = func(dn string) bool { return strings.Contains(dn, "ou=groups") } })
	_, err := s.Groups(t.Context())
	require.Error(t, err)
	require.True(t, faults.Is(read(t, s, "id-large")["id-large"].Err, faults.SourcePlaceUnknown))
	_, err = s.MembershipsOf(t.Context(), "p1", []string{"id-large"})
	require.Error(t, err)

	server.set(func() { server.hides = func(dn string) bool { return strings.Contains(dn, "cn=large") } })
	got := read(t, s, "id-large", "id-small")
	require.True(t, faults.Is(got["id-large"].Err, faults.GroupNotFound))
	require.NoError(t, got["id-small"].Err)

	server.set(func() { server.hides = func(dn string) bool { return strings.Contains(dn, "ou=people") } })
	require.Error(t, s.Memberships(t.Context(), []string{"id-large"}, func(source.Membership) error { return nil }))

	// The members of a group that cannot be without: the account may see the group only.
	server = runTreeServer(t, 35, map[string][]string{"blank": nil})
	got = read(t, openTree(t, server), "id-blank")
	require.True(t, faults.Is(got["id-blank"].Err, faults.SourceAccessDenied))
}

// An error from whoever takes memberships ends the reading, and is returned as it is.
func TestTheTakerOfMembershipsEndsTheReading(t *testing.T) {
	t.Parallel()
	s := openTree(t, runTreeServer(t, 35, treeOfGroups()))
	enough := fmt.Errorf("enough")
	n := 0
	require.Equal(t, enough, s.Memberships(t.Context(), []string{"id-large", "id-small", "id-small"}, func(source.Membership) error { n++; return enough }))
	require.Equal(t, 1, n)
	n = 0
	require.NoError(t, s.Memberships(t.Context(), []string{"id-small", "id-small"}, func(source.Membership) error { n++; return nil }))
	require.Equal(t, 1, n)
}

// The connection test looks at the groups where the settings say where they are.
func TestTheCheckLooksAtGroups(t *testing.T) {
	t.Parallel()
	server := runTreeServer(t, 3, treeOfGroups())
	s := openTree(t, server)
	last := func() source.Finding {
		findings := s.Check(t.Context())
		return findings[len(findings)-1]
	}
	require.Equal(t, "groups", last().Step)
	require.NoError(t, last().Err)
	require.False(t, last().Warning)
	server.set(func() { server.hides = func(dn string) bool { return strings.Contains(dn, ",ou=groups") } })
	require.True(t, last().Warning)
	require.Contains(t, last().Message, "no group matches")
	server.set(func() { server.hides = func(dn string) bool { return strings.Contains(dn, "ou=groups") } })
	require.Error(t, last().Err)
	require.Equal(t, "ldap.groups.baseDN", last().Setting)
}
