package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/entraflow/entraflow/internal/lab/ldapserver"
	"github.com/entraflow/entraflow/internal/pingonesim"
	"github.com/entraflow/entraflow/internal/source/file"
	"github.com/entraflow/entraflow/internal/source/ldap"
	"github.com/entraflow/entraflow/internal/source/pingone"
)

const (
	// fewPeople are those of a store whose pages are as small as the lab wants, and fewPage how many a page has.
	fewPeople = 120
	fewPage   = 20
	// manyPeople are more than one page of 1,000, the size that our own requests ask for.
	manyPeople = 2_100
)

// brokenStores start the stores that are to be broken.
func brokenStores(o brokenOptions) []func(ctx context.Context, dir string) (*brokenStore, error) {
	all := []func(context.Context, string) (*brokenStore, error){brokenCSV, brokenJSON, brokenPingOne, brokenFake, brokenSlapd, brokenLimits}
	if o.Samba {
		all = append(all, brokenSamba)
	}
	return all
}

var deadlinePoint = breakPoint{name: "deadline", deadline: true}

// brokenFile is a file that is broken by what is written in its place.
func brokenFile(dir, name, content string, lineEnds bool) (*brokenStore, error) {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return nil, err
	}
	mend := func() error { return errors.Join(os.RemoveAll(path), os.WriteFile(path, []byte(content), 0o600)) }
	write := func(name string, broken func(rng *rand.Rand) string) breakPoint {
		return breakPoint{name: name, arm: func(rng *rand.Rand) (string, func() error, error) {
			text := broken(rng)
			return fmt.Sprintf("%d of %d bytes", len(text), len(content)), mend, os.WriteFile(path, []byte(text), 0o600)
		}}
	}
	s := &brokenStore{name: "file, " + name, settings: file.At(path), login: "login", people: fewPeople, close: func() error { return nil }, points: []breakPoint{
		deadlinePoint,
		write("empty answer", func(*rand.Rand) string { return "" }),
		write("cut page", func(rng *rand.Rand) string {
			for {
				// A file that ends with a line looks whole; who is missing then is for the guard.
				if at := 1 + rng.IntN(len(content)-2); content[at-1] != '\n' {
					return content[:at]
				}
			}
		}),
		write("end lost", func(*rand.Rand) string { return strings.TrimRight(content, "\n]") }),
		{name: "no file", arm: func(*rand.Rand) (string, func() error, error) { return "removed", mend, os.Remove(path) }},
		{name: "a folder in its place", arm: func(*rand.Rand) (string, func() error, error) {
			return "folder", mend, errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
		}},
	}}
	if lineEnds {
		lines := strings.SplitAfter(content, "\n")
		s.points = append(s.points,
			write("header only", func(*rand.Rand) string { return lines[0] }),
			write("cut after a line", func(rng *rand.Rand) string { return strings.Join(lines[:2+rng.IntN(fewPeople-fewPage)], "") }),
		)
		s.points[len(s.points)-1].looksWhole = true
	}
	return s, nil
}

func fewLogins() (logins []string) {
	for i := range fewPeople {
		logins = append(logins, fmt.Sprintf("person%03d", i))
	}
	return logins
}

func brokenCSV(_ context.Context, dir string) (*brokenStore, error) {
	var text strings.Builder
	text.WriteString("id,login,enabled\n")
	for _, login := range fewLogins() {
		fmt.Fprintf(&text, "E-%s,%[1]s,true\n", login)
	}
	return brokenFile(dir, "people.csv", text.String(), true)
}

func brokenJSON(_ context.Context, dir string) (*brokenStore, error) {
	var people []map[string]any
	for _, login := range fewLogins() {
		people = append(people, map[string]any{"id": "E-" + login, "login": login, "enabled": true})
	}
	text, err := json.Marshal(people)
	if err != nil {
		return nil, err
	}
	return brokenFile(dir, "people.json", string(text)+"\n", false)
}

// secretPoint is the password that somebody changed: what the settings refer to is no longer right.
func secretPoint(path, right string) breakPoint {
	return breakPoint{name: "changed password", arm: func(*rand.Rand) (string, func() error, error) {
		return "the worker's", func() error { return os.WriteFile(path, []byte(right), 0o600) }, os.WriteFile(path, []byte("another"), 0o600)
	}}
}

func brokenPingOne(_ context.Context, dir string) (*brokenStore, error) {
	const environment, application, secret = "3f0c0000-0000-4000-8000-000000000001", "8a1c0000-0000-4000-8000-000000000002", "right"
	var users []pingonesim.User
	for _, login := range fewLogins() {
		users = append(users, pingonesim.User{"id": "u-" + login, "username": login, "enabled": true, "population": map[string]any{"id": environment}})
	}
	sim, err := pingonesim.Start(pingonesim.Options{EnvironmentID: environment, ClientID: application, ClientSecret: secret, Users: users, PageSize: fewPage})
	if err != nil {
		return nil, err
	}
	ca, path := filepath.Join(dir, "pingone.pem"), filepath.Join(dir, "pingone.secret")
	if err := errors.Join(os.WriteFile(ca, sim.Certificate, 0o600), os.WriteFile(path, []byte(secret), 0o600)); err != nil {
		return nil, errors.Join(err, sim.Close())
	}
	s := &brokenStore{name: "PingOne, simulated", login: "username", people: fewPeople, close: sim.Close,
		environment: map[string]string{"ENTRAFLOW_PINGONE_API_ENDPOINT": sim.URL, "ENTRAFLOW_PINGONE_AUTH_ENDPOINT": sim.URL, "ENTRAFLOW_PINGONE_CA": ca},
		settings:    &pingone.Settings{PingOne: pingone.Environment{EnvironmentID: environment, Region: "eu", ClientID: application, ClientSecret: "file:" + path}},
		points: []breakPoint{deadlinePoint, secretPoint(path, secret),
			{name: "everybody gone", arm: func(*rand.Rand) (string, func() error, error) {
				sim.Set(func([]pingonesim.User) []pingonesim.User { return nil })
				return "nobody", func() error { sim.Set(func([]pingonesim.User) []pingonesim.User { return users }); return nil }, nil
			}},
		},
	}
	pages := fewPeople / fewPage
	at := func(name string, lastToo bool, f func(rng *rand.Rand) pingonesim.Fault) {
		s.points = append(s.points, breakPoint{name: name, arm: func(rng *rand.Rand) (string, func() error, error) {
			page, broken := rng.IntN(pages), f(rng)
			if !lastToo {
				page = rng.IntN(pages - 1)
			}
			sim.Faults(func(r *http.Request) *pingonesim.Fault {
				path, listing := strings.CutSuffix(r.URL.Path, "/users")
				person := strings.Contains(r.URL.Path, "/users/")
				if !listing && !person || listing && path == "" {
					return nil
				}
				if of, ok := strings.CutPrefix(r.URL.Query().Get("cursor"), "u-person"); listing {
					n, _ := strconv.Atoi(of)
					if ok {
						n = (n + 1) / fewPage
					}
					if n != page {
						return nil
					}
				}
				answer := broken
				return &answer
			})
			return "page " + strconv.Itoa(page), func() error { sim.Faults(nil); return nil }, nil
		}})
	}
	fixed := func(f pingonesim.Fault) func(*rand.Rand) pingonesim.Fault {
		return func(*rand.Rand) pingonesim.Fault { return f }
	}
	elsewhere := sim.URL + "/v1/environments/" + environment + "/groups"
	at("closed connection", true, fixed(pingonesim.Fault{Close: true}))
	at("cut page", true, func(rng *rand.Rand) pingonesim.Fault { return pingonesim.Fault{Cut: 1 + rng.IntN(300)} })
	at("missing next link", false, fixed(pingonesim.Fault{NoNext: true}))
	at("next link elsewhere", true, fixed(pingonesim.Fault{Next: elsewhere}))
	at("page without users", true, fixed(pingonesim.Fault{NoUsers: true}))
	at("empty answer", true, fixed(pingonesim.Fault{Empty: true}))
	at("lost rights", true, fixed(pingonesim.Fault{Status: http.StatusForbidden, Code: "ACCESS_FAILED"}))
	at("not found", true, fixed(pingonesim.Fault{Status: http.StatusNotFound}))
	at("server error", true, fixed(pingonesim.Fault{Status: http.StatusInternalServerError, Code: "UNEXPECTED_ERROR"}))
	at("throttled", true, fixed(pingonesim.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"3000"}}}))
	at("token refused", true, fixed(pingonesim.Fault{Status: http.StatusUnauthorized, Code: "INVALID_TOKEN"}))
	return s, nil
}

func brokenFake(_ context.Context, dir string) (*brokenStore, error) {
	fake, err := ldapserver.StartFake(fewPeople, fewPage)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "fake.secret")
	if err := os.WriteFile(path, []byte("right"), 0o600); err != nil {
		return nil, errors.Join(err, fake.Close())
	}
	s := &brokenStore{name: "LDAP, fake", login: "cn", people: fewPeople, close: fake.Close,
		settings: &ldap.Settings{LDAP: ldap.Directory{URL: ldap.URLs{fake.URL}, Insecure: true, BindDN: "cn=svc,dc=x", BindPassword: "file:" + path, BaseDN: "dc=x",
			ID: "cn", Timeout: "300ms", Kind: "generic"}},
		points: []breakPoint{deadlinePoint,
			{name: "changed password", arm: func(*rand.Rand) (string, func() error, error) {
				const invalidCredentials = 49
				fake.Set(func() { fake.Bind = invalidCredentials })
				return "the server's", func() error { fake.Set(func() { fake.Bind = 0 }); return nil }, nil
			}},
			{name: "base hidden, nobody shown", arm: func(*rand.Rand) (string, func() error, error) {
				fake.Set(func() { fake.Base, fake.People = false, 0 })
				return "no rights", func() error { fake.Set(func() { fake.Base, fake.People = true, fewPeople }); return nil }, nil
			}},
			{name: "empty answer", arm: func(*rand.Rand) (string, func() error, error) {
				fake.Set(func() { fake.People = 0 })
				return "nobody", func() error { fake.Set(func() { fake.People = fewPeople }); return nil }, nil
			}},
		},
	}
	for _, kind := range []string{ldapserver.FakeCloses, ldapserver.FakeCutEntry, ldapserver.FakeSilent, ldapserver.FakeReferral, ldapserver.FakeReference,
		ldapserver.FakeSizeLimit, ldapserver.FakeTimeLimit, ldapserver.FakeAdminLimit, ldapserver.FakeNoControl, ldapserver.FakeOtherControl, ldapserver.FakeBusy,
		ldapserver.FakeLostRights, ldapserver.FakeGarbage, ldapserver.FakeEnds} {
		s.points = append(s.points, breakPoint{name: kind, looksWhole: kind == ldapserver.FakeEnds, arm: func(rng *rand.Rand) (string, func() error, error) {
			page, after := rng.IntN(fewPeople/fewPage), rng.IntN(fewPage)
			if kind == ldapserver.FakeEnds {
				// As many are missing as the guard holds; fewer, nobody could tell from people who left.
				page, after = rng.IntN(fewPeople/fewPage-1), 0
			}
			fake.Set(func() {
				fake.Breaks = func(at int) ldapserver.FakeFault {
					// Single reads break, too, but not by an answer that is right for one who is gone.
					if at == page || at == -1 && kind != ldapserver.FakeEnds && kind != ldapserver.FakeNoControl && kind != ldapserver.FakeOtherControl {
						return ldapserver.FakeFault{Kind: kind, After: after}
					}
					return ldapserver.FakeFault{}
				}
			})
			return fmt.Sprintf("page %d after %d entries", page, after), func() error {
				fake.Set(func() { fake.Breaks = func(int) ldapserver.FakeFault { return ldapserver.FakeFault{} } })
				return nil
			}, nil
		}})
	}
	return s, nil
}
