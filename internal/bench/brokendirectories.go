package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/lab/ldapserver"
	"github.com/entraflow/entraflow/internal/source/ldap"
)

// brokenDirectory is a real server behind a proxy that breaks its answers.
func brokenDirectory(dir string, server *ldapserver.Server, people int, login string) (s *brokenStore, err error) {
	proxy, err := ldapserver.StartProxy(server.LDAPS)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "secret")
	if err := os.WriteFile(path, []byte(server.ServicePassword), 0o600); err != nil {
		return nil, errors.Join(err, proxy.Close())
	}
	settings := &ldap.Settings{LDAP: ldap.Directory{URL: ldap.URLs{proxy.URL}, CA: "file:" + server.CA, BindDN: server.ServiceDN, BindPassword: "file:" + path,
		BaseDN: server.PeopleDN, Timeout: "5s"}}
	right := *settings
	passes := func() error { proxy.CutAfter(-1, false); return nil }
	whole := 0
	after := func(rng *rand.Rand, silently bool) (string, func() error, error) {
		// What has passed since the last time was at least one whole reading: that of the start, or of an intact plan.
		if n := proxy.CutAfter(-1, false); whole == 0 {
			whole = n / 3
		}
		bytes := rng.IntN(whole)
		proxy.CutAfter(bytes, silently)
		return fmt.Sprintf("after %d of about %d bytes", bytes, whole), passes, nil
	}
	return &brokenStore{settings: settings, login: login, people: people, points: []breakPoint{
		deadlinePoint, secretPoint(path, server.ServicePassword),
		{name: "closed connection", arm: func(rng *rand.Rand) (string, func() error, error) { return after(rng, false) }},
		{name: "no answer", arm: func(rng *rand.Rand) (string, func() error, error) {
			// Each waits for the time-out, for the people and for the one person.
			settings.LDAP.Timeout = "300ms"
			what, mend, err := after(rng, true)
			return what, func() error { *settings = right; return mend() }, err
		}},
		{name: "empty answer", arm: func(*rand.Rand) (string, func() error, error) {
			settings.LDAP.Filter = "(&(objectClass=person)(cn=nobody))"
			return "a filter that matches nobody", func() error { *settings = right; return nil }, nil
		}},
		{name: "referral only", arm: func(*rand.Rand) (string, func() error, error) {
			settings.LDAP.BaseDN = "DC=elsewhere,DC=example"
			return "a base that the server has not", func() error { *settings = right; return nil }, nil
		}},
	}, close: func() error { return errors.Join(proxy.Close(), server.Stop()) }}, nil
}

func brokenSlapd(ctx context.Context, dir string) (*brokenStore, error) {
	dir, err := os.MkdirTemp(dir, "slapd")
	if err != nil {
		return nil, err
	}
	server, err := ldapserver.StartSlapd(ctx, dir, ldapserver.Slapd{Content: ldapserver.Content{People: manyPeople}})
	if err != nil {
		return nil, err
	}
	s, err := brokenDirectory(dir, server, manyPeople, "uid")
	if err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	s.name = "LDAP, slapd"
	admin := func(change func(*goldap.Conn) error) error {
		conn, err := server.Dial(server.AdminDN, server.AdminPassword)
		if err != nil {
			return err
		}
		return errors.Join(change(conn), conn.Close())
	}
	password := func(to string) error {
		return admin(func(c *goldap.Conn) error {
			m := goldap.NewModifyRequest(server.ServiceDN, nil)
			m.Replace("userPassword", []string{to})
			return c.Modify(m)
		})
	}
	reference := "cn=elsewhere," + server.PeopleDN
	s.points = append(s.points,
		breakPoint{name: "changed password at the server", arm: func(*rand.Rand) (string, func() error, error) {
			return "the server's", func() error { return password(server.ServicePassword) }, password("another")
		}},
		breakPoint{name: "reference among the entries", arm: func(*rand.Rand) (string, func() error, error) {
			mend := func() error {
				return admin(func(c *goldap.Conn) error {
					return c.Del(goldap.NewDelRequest(reference, []goldap.Control{goldap.NewControlManageDsaIT(true)}))
				})
			}
			return "to another server", mend, admin(func(c *goldap.Conn) error {
				a := goldap.NewAddRequest(reference, []goldap.Control{goldap.NewControlManageDsaIT(true)})
				a.Attribute("objectClass", []string{"referral", "extensibleObject"})
				a.Attribute("cn", []string{"elsewhere"})
				a.Attribute("ref", []string{"ldap://other.example/" + server.PeopleDN})
				return c.Add(a)
			})
		}},
		breakPoint{name: "server down", arm: func(*rand.Rand) (string, func() error, error) {
			return "stopped", server.Start, server.Stop()
		}},
	)
	return s, nil
}

// brokenLimits is an OpenLDAP server that gives the account only a part of the entries once its limit is set.
func brokenLimits(ctx context.Context, dir string) (*brokenStore, error) {
	dir, err := os.MkdirTemp(dir, "limits")
	if err != nil {
		return nil, err
	}
	server, err := ldapserver.StartSlapd(ctx, dir, ldapserver.Slapd{Content: ldapserver.Content{People: manyPeople}, ConfigPassword: configPassword})
	if err != nil {
		return nil, err
	}
	s, err := brokenDirectory(dir, server, manyPeople, "uid")
	if err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	s.name = "LDAP, slapd with limits"
	set := func(attribute string, values ...string) error {
		conn, err := server.Dial("cn=config", configPassword)
		if err != nil {
			return err
		}
		m := goldap.NewModifyRequest("olcDatabase={1}mdb,cn=config", nil)
		m.Replace(attribute, values)
		return errors.Join(conn.Modify(m), conn.Close())
	}
	limit := func(name string, limits func(rng *rand.Rand) string) breakPoint {
		return breakPoint{name: name, arm: func(rng *rand.Rand) (string, func() error, error) {
			what := limits(rng)
			value := func(of string) string { return fmt.Sprintf(`{0}dn.exact="%s" %s`, server.ServiceDN, of) }
			return what, func() error { return set("olcLimits", value("size=unlimited time=unlimited")) }, set("olcLimits", value(what))
		}}
	}
	rights := []string{"{0}to attrs=userPassword by anonymous auth by * none", "{1}to * by users read by * none"}
	s.points = []breakPoint{
		limit("size limit", func(rng *rand.Rand) string {
			n := 1 + rng.IntN(manyPeople-1)
			return fmt.Sprintf("size.soft=%d size.hard=%[1]d", n)
		}),
		limit("size limit over all pages", func(rng *rand.Rand) string { return fmt.Sprintf("size.prtotal=%d", 1+rng.IntN(manyPeople-1)) }),
		limit("pages refused", func(*rand.Rand) string { return "size.prtotal=disabled" }),
		{name: "rights lost", arm: func(*rand.Rand) (string, func() error, error) {
			return "nothing can be read", func() error { return set("olcAccess", rights...) }, set("olcAccess", rights[0], "{1}to * by * none")
		}},
		{name: "rights to people lost", arm: func(*rand.Rand) (string, func() error, error) {
			return "the base alone can be read", func() error { return set("olcAccess", rights...) },
				set("olcAccess", rights[0], fmt.Sprintf(`{1}to dn.children="%s" by * none`, server.PeopleDN), "{2}to * by users read by * none")
		}},
		{name: "right to the id lost", arm: func(*rand.Rand) (string, func() error, error) {
			return "entryUUID", func() error { return set("olcAccess", rights...) }, set("olcAccess", rights[0], "{1}to attrs=entryUUID by * none", "{2}to * by users read by * none")
		}},
	}
	return s, nil
}

const configPassword = "config-of-a-test"

func brokenSamba(ctx context.Context, _ string) (*brokenStore, error) {
	// The folder is short, because sockets are in it.
	dir, err := os.MkdirTemp("", "dc")
	if err != nil {
		return nil, err
	}
	const people = 1_100
	server, err := ldapserver.StartActiveDirectory(ctx, dir, ldapserver.ActiveDirectory{Content: ldapserver.Content{People: people}})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s, err := brokenDirectory(dir, server, people, "sAMAccountName")
	if err != nil {
		return nil, errors.Join(err, server.Stop(), os.RemoveAll(dir))
	}
	s.name = "Active Directory, Samba"
	end := s.close
	s.close = func() error { return errors.Join(end(), os.RemoveAll(dir)) }
	return s, nil
}
