package ldap_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	failure "github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/ldapserver"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/ldap"
)

// watched is a kind of server, and the way in which it tells of changes.
type watched struct {
	name string
	run  func(t *testing.T, people int) *ldapserver.Server
	// disable is a change that disables somebody.
	disable func(*goldap.ModifyRequest)
	feeds   []string
	// noDeletions: deletions are not told, for want of a right. noMoves: moves out of the base are not told.
	noDeletions, noMoves bool
	// memberships of groups are told.
	memberships bool
}

func servers() []watched {
	slapd := func(t *testing.T, people int) *ldapserver.Server {
		return ldapserver.RunSlapd(t, ldapserver.Slapd{Content: ldapserver.Content{People: people, Groups: 1}})
	}
	activeDirectory := func(replicator bool) func(t *testing.T, people int) *ldapserver.Server {
		return func(t *testing.T, people int) *ldapserver.Server {
			return ldapserver.RunActiveDirectory(t, ldapserver.ActiveDirectory{Content: ldapserver.Content{People: people, Groups: 1}, Replicator: replicator})
		}
	}
	lock := func(m *goldap.ModifyRequest) { m.Replace("pwdAccountLockedTime", []string{"000001010000Z"}) }
	disable := func(m *goldap.ModifyRequest) { m.Replace("userAccountControl", []string{"546"}) }
	return []watched{
		{name: "syncrepl", run: slapd, disable: lock},
		{name: "DirSync", run: activeDirectory(true), disable: disable, memberships: true},
		{name: "DirSync without rights", run: activeDirectory(false), disable: disable, memberships: true, noDeletions: true},
		{name: "uSNChanged", run: activeDirectory(true), disable: disable, feeds: []string{ldap.FeedNumbers}, noMoves: true},
	}
}

// follower is a watching in the background.
type follower struct {
	changes chan source.Changes
	ended   chan error
	stop    context.CancelFunc
}

func follow(t *testing.T, s *ldap.Source, after source.Position, feeds ...string) *follower {
	ctx, stop := context.WithCancel(t.Context())
	f := &follower{changes: make(chan source.Changes, 1000), ended: make(chan error, 1), stop: stop}
	report := func(c source.Changes) error { f.changes <- c; return nil }
	go func() {
		if len(feeds) > 0 {
			f.ended <- s.WatchBy(ctx, after, report, feeds...)
			return
		}
		f.ended <- s.Watch(ctx, after, report)
	}()
	t.Cleanup(stop)
	return f
}

// next is the next report.
func (f *follower) next(t *testing.T) source.Changes {
	t.Helper()
	select {
	case c := <-f.changes:
		return c
	case err := <-f.ended:
		t.Fatalf("the watching ended: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("nothing is reported")
	}
	return source.Changes{}
}

// until reads reports until one names the person, and gives that one and all ids on the way.
func (f *follower) until(t *testing.T, id string) (last source.Changes, ids []string) {
	t.Helper()
	for {
		last = f.next(t)
		require.False(t, last.Everybody)
		ids = append(ids, last.IDs...)
		for _, one := range last.IDs {
			if one == id {
				return last, ids
			}
		}
	}
}

// end waits for the end of the watching.
func (f *follower) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-f.ended:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("the watching does not end")
	}
	return nil
}

// ids are the ids of the people, by their sign-in names.
func ids(t *testing.T, s *ldap.Source) map[string]string {
	t.Helper()
	out := map[string]string{}
	_, err := s.List(t.Context(), func(r source.Record) error {
		login, _, _ := strings.Cut(r.Fields["mail"].(string), "@")
		out[login] = r.ID
		return nil
	})
	require.NoError(t, err)
	return out
}

func modify(t *testing.T, conn *goldap.Conn, dn string, change func(*goldap.ModifyRequest)) {
	t.Helper()
	m := goldap.NewModifyRequest(dn, nil)
	change(m)
	require.NoError(t, conn.Modify(m))
}

func setTitle(title string) func(*goldap.ModifyRequest) {
	return func(m *goldap.ModifyRequest) { m.Replace("title", []string{title}) }
}

func move(t *testing.T, conn *goldap.Conn, dn, to, parent string) {
	t.Helper()
	require.NoError(t, conn.ModifyDN(goldap.NewModifyDNRequest(dn, to, true, parent)))
}

// create adds a person and gives the id.
func create(t *testing.T, s *ldapserver.Server, conn *goldap.Conn, i int, read *ldap.Source) string {
	t.Helper()
	login := ldapserver.PersonOf(i).Login
	add := goldap.NewAddRequest(s.PersonDN(i), nil)
	if strings.HasPrefix(s.PersonDN(i), "uid") {
		add.Attribute("objectClass", []string{"inetOrgPerson"})
		add.Attribute("cn", []string{login})
		add.Attribute("sn", []string{login})
	} else {
		add.Attribute("objectClass", []string{"user"})
		add.Attribute("sAMAccountName", []string{login})
		add.Attribute("userAccountControl", []string{"544"})
	}
	add.Attribute("mail", []string{login + "@corp.example"})
	require.NoError(t, conn.Add(add))
	return ids(t, read)[login]
}

var usedByRules = source.Use{Attributes: []string{"mail", "title", "displayName", "givenName", "sn"}}

func TestWatch(t *testing.T) {
	t.Parallel()
	for _, server := range servers() {
		t.Run(server.name, func(t *testing.T) {
			t.Parallel()
			s := server.run(t, 20)
			d := directory(t, s)
			d.Filter = "(&(objectClass=person)(!(title=Guest)))"
			people := open(t, d, usedByRules)
			admin := s.Admin(t)
			id := ids(t, people)
			login := func(i int) string { return ldapserver.PersonOf(i).Login }
			f := follow(t, people, nil, server.feeds...)
			first := f.next(t)
			require.Empty(t, first.IDs)
			require.False(t, first.Everybody)
			require.NotEmpty(t, first.Position)

			f.until(t, create(t, s, admin, 100, people))
			modify(t, admin, s.PersonDN(1), setTitle("Director"))
			f.until(t, id[login(1)])
			modify(t, admin, s.PersonDN(2), server.disable)
			f.until(t, id[login(2)])
			renamed := strings.Replace(strings.Split(s.PersonDN(3), ",")[0], login(3), "renamed", 1)
			move(t, admin, s.PersonDN(3), renamed, "")
			f.until(t, id[login(3)])
			modify(t, admin, s.PersonDN(4), setTitle("Guest"))
			f.until(t, id[login(4)])
			if !server.noMoves {
				move(t, admin, s.PersonDN(5), strings.Split(s.PersonDN(5), ",")[0], "ou=service,"+s.BaseDN)
				f.until(t, id[login(5)])
			}
			if server.memberships {
				modify(t, admin, s.GroupDN(0), func(m *goldap.ModifyRequest) { m.Delete("member", []string{s.PersonDN(7), s.PersonDN(8)}) })
				_, told := f.until(t, id[login(7)])
				require.LessOrEqual(t, len(told), 2)
				modify(t, admin, s.GroupDN(0), func(m *goldap.ModifyRequest) { m.Add("member", []string{s.PersonDN(8)}) })
				f.until(t, id[login(8)])
			}
			if !server.noDeletions {
				require.NoError(t, admin.Del(goldap.NewDelRequest(s.PersonDN(6), nil)))
				f.until(t, id[login(6)])
				_, _, err := people.Get(t.Context(), id[login(6)])
				require.True(t, failure.Is(err, failure.PersonNotFound), "%v", err)
			}
			f.stop()
			require.ErrorIs(t, f.end(t), context.Canceled)
		})
	}
}

// Whoever changed while nobody watched is told when the watching goes on, and nobody else is.
func TestWatchGoesOn(t *testing.T) {
	t.Parallel()
	for _, server := range servers() {
		t.Run(server.name, func(t *testing.T) {
			t.Parallel()
			s := server.run(t, 20)
			people := open(t, directory(t, s), usedByRules)
			admin := s.Admin(t)
			id := ids(t, people)
			f := follow(t, people, nil, server.feeds...)
			f.next(t)
			modify(t, admin, s.PersonDN(1), setTitle("Director"))
			last, _ := f.until(t, id[ldapserver.PersonOf(1).Login])
			f.stop()
			require.ErrorIs(t, f.end(t), context.Canceled)

			want := []string{id[ldapserver.PersonOf(2).Login]}
			modify(t, admin, s.PersonDN(2), setTitle("Director"))
			if !server.noDeletions {
				want = append(want, id[ldapserver.PersonOf(3).Login])
				require.NoError(t, admin.Del(goldap.NewDelRequest(s.PersonDN(3), nil)))
			}
			f = follow(t, people, last.Position, server.feeds...)
			c := f.next(t)
			require.False(t, c.Everybody)
			require.Subset(t, c.IDs, want)
			require.LessOrEqual(t, len(c.IDs), len(want)+1)
		})
	}
}

// A position that the server does not know, or that is another way's, leads to a listing, and the watching goes on.
func TestWatchPositionRefused(t *testing.T) {
	t.Parallel()
	for _, server := range servers() {
		t.Run(server.name, func(t *testing.T) {
			t.Parallel()
			s := server.run(t, 5)
			people := open(t, directory(t, s), usedByRules)
			admin := s.Admin(t)
			id := ids(t, people)[ldapserver.PersonOf(1).Login]
			for i, position := range []source.Position{
				source.Position("no JSON"),
				encode(t, map[string]any{"feed": "another", "cookie": []byte("x")}),
				encode(t, map[string]any{"feed": "DirSync", "cookie": []byte("garbage")}),
				encode(t, map[string]any{"feed": "uSNChanged", "invocation": "00", "usn": 1}),
				encode(t, map[string]any{"feed": "syncrepl", "cookie": []byte("rid=000,csn=20991231235959.000000Z#000000#000#000000")}),
			} {
				f := follow(t, people, position, server.feeds...)
				c := f.next(t)
				require.True(t, c.Everybody, "%s", position)
				require.NotEmpty(t, c.Position)
				modify(t, admin, s.PersonDN(1), setTitle(fmt.Sprint("Director ", i)))
				f.until(t, id)
				f.stop()
				require.ErrorIs(t, f.end(t), context.Canceled)
			}
		})
	}
}

// OpenLDAP names who is still there where it no longer knows who was deleted. Nobody is taken for deleted by that.
func TestWatchAfterTheServerForgot(t *testing.T) {
	t.Parallel()
	s := ldapserver.RunSlapd(t, ldapserver.Slapd{Content: ldapserver.Content{People: 20}})
	people := open(t, directory(t, s), usedByRules)
	id := ids(t, people)
	f := follow(t, people, nil)
	c := f.next(t)
	f.stop()
	require.ErrorIs(t, f.end(t), context.Canceled)
	modify(t, s.Admin(t), s.PersonDN(1), setTitle("Director"))
	require.NoError(t, s.Admin(t).Del(goldap.NewDelRequest(s.PersonDN(2), nil)))
	require.NoError(t, s.Stop())
	require.NoError(t, s.Start())
	c = follow(t, people, c.Position).next(t)
	require.True(t, c.Everybody)
	require.Equal(t, []string{id[ldapserver.PersonOf(1).Login]}, c.IDs)
}

// An id that deletions do not name makes a deletion a change of which only a listing tells.
func TestWatchWithAnIDOfTheOrganization(t *testing.T) {
	t.Parallel()
	for _, server := range servers() {
		t.Run(server.name, func(t *testing.T) {
			t.Parallel()
			s := server.run(t, 5)
			d := directory(t, s)
			d.ID = "employeeNumber"
			if strings.HasPrefix(s.BaseDN, "DC") {
				d.ID = "employeeID"
			}
			people := open(t, d, usedByRules)
			admin := s.Admin(t)
			f := follow(t, people, nil, server.feeds...)
			f.next(t)
			modify(t, admin, s.PersonDN(1), setTitle("Director"))
			f.until(t, ldapserver.PersonOf(1).EmployeeNumber)
			if server.memberships {
				modify(t, admin, s.GroupDN(0), func(m *goldap.ModifyRequest) { m.Delete("member", []string{s.PersonDN(3)}) })
				f.until(t, ldapserver.PersonOf(3).EmployeeNumber)
			}
			if server.noDeletions {
				return
			}
			require.NoError(t, admin.Del(goldap.NewDelRequest(s.PersonDN(2), nil)))
			c := f.next(t)
			require.True(t, c.Everybody || len(c.IDs) == 1 && c.IDs[0] == ldapserver.PersonOf(2).EmployeeNumber, "%v", c)
		})
	}
}

func TestWatchEndsWithTheConnection(t *testing.T) {
	t.Parallel()
	for _, server := range servers() {
		t.Run(server.name, func(t *testing.T) {
			t.Parallel()
			s := server.run(t, 5)
			for name, breaking := range map[string]func(*ldapserver.Proxy){
				"closed": (*ldapserver.Proxy).Cut,
				// As by a firewall that has forgotten the connection: nothing comes, and nobody says so.
				"silent": func(p *ldapserver.Proxy) { p.Silence(true) },
			} {
				p := ldapserver.RunProxy(t, s.LDAPS)
				d := directory(t, s)
				d.URL, d.Timeout = ldap.URLs{p.URL}, "1s"
				f := follow(t, open(t, d, usedByRules), nil, server.feeds...)
				f.next(t)
				breaking(p)
				err := f.end(t)
				require.True(t, failure.Is(err, failure.SourceUnavailable), "%s: %v", name, err)
				require.Equal(t, failure.Transient, failure.KindOf(err))
			}
			f := follow(t, open(t, directory(t, s), usedByRules), nil, server.feeds...)
			f.next(t)
			require.NoError(t, s.Stop())
			require.True(t, failure.Is(f.end(t), failure.SourceUnavailable))
		})
	}
}

// A report that fails ends the watching with its error.
func TestWatchEndsWithTheReport(t *testing.T) {
	t.Parallel()
	for _, server := range servers()[:2] {
		t.Run(server.name, func(t *testing.T) {
			t.Parallel()
			s := server.run(t, 5)
			full := errors.New("full")
			err := open(t, directory(t, s), usedByRules).Watch(t.Context(), nil, func(source.Changes) error { return full })
			require.Equal(t, full, err)
		})
	}
}

func TestWatchDenied(t *testing.T) {
	t.Parallel()
	s := ldapserver.RunSlapd(t, ldapserver.Slapd{Content: ldapserver.Content{People: 5}, NoSync: true})
	err := open(t, directory(t, s), usedByRules).Watch(t.Context(), nil, func(source.Changes) error { return nil })
	require.True(t, failure.Is(err, failure.SourceChangesDenied), "%v", err)
	require.Equal(t, failure.Denied, failure.KindOf(err))
}

func encode(t *testing.T, position any) source.Position {
	t.Helper()
	text, err := json.Marshal(position)
	require.NoError(t, err)
	return text
}

// The connection test says how changes will be told.
func TestCheckOfChanges(t *testing.T) {
	t.Parallel()
	type check struct {
		server  *ldapserver.Server
		says    string
		warning bool
	}
	for name, run := range map[string]func(t *testing.T) check{
		"slapd": func(t *testing.T) check {
			return check{ldapserver.RunSlapd(t, ldapserver.Slapd{}), "by syncrepl", false}
		},
		"slapd without syncprov": func(t *testing.T) check {
			return check{ldapserver.RunSlapd(t, ldapserver.Slapd{NoSync: true}), "does not let this account hear", true}
		},
		"with the right": func(t *testing.T) check {
			return check{ldapserver.RunActiveDirectory(t, ldapserver.ActiveDirectory{Replicator: true}), "by DirSync", false}
		},
		"without the right": func(t *testing.T) check {
			return check{ldapserver.RunActiveDirectory(t, ldapserver.ActiveDirectory{}), "rights that the account has anyway", true}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := run(t)
			findings := open(t, directory(t, c.server), usedByRules).Check(t.Context())
			last := findings[len(findings)-1]
			require.Equal(t, "changes", last.Step)
			require.NoError(t, last.Err)
			require.Contains(t, last.Message, c.says)
			require.Equal(t, c.warning, last.Warning)
		})
	}
}

// One person in a hundred changed while nobody watched.
func TestWatchReadsOnePercentQuickly(t *testing.T) {
	people := 10_000
	if text := os.Getenv("ENTRAFLOW_LAB_PEOPLE"); text != "" {
		var err error
		people, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	for _, server := range servers()[:2] {
		t.Run(server.name, func(t *testing.T) {
			people := people
			if server.name != "syncrepl" {
				people = 1000 // Samba takes minutes to be filled with more.
			}
			s := server.run(t, people)
			d := directory(t, s)
			watching := open(t, d, usedByRules)
			f := follow(t, watching, nil, server.feeds...)
			c := f.next(t)
			f.stop()
			require.ErrorIs(t, f.end(t), context.Canceled)
			admin := s.Admin(t)
			for i := range people / 100 {
				modify(t, admin, s.PersonDN(i*100), setTitle("Director"))
			}
			begin := time.Now()
			c = follow(t, watching, c.Position, server.feeds...).next(t)
			took := time.Since(begin)
			t.Logf("%d changes of %d people in %s", len(c.IDs), people, took.Round(time.Millisecond))
			require.False(t, c.Everybody)
			require.Len(t, c.IDs, people/100)
			require.Less(t, took, 2*time.Second)
		})
	}
}

func decode(t *testing.T, position source.Position, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(position, into))
}
