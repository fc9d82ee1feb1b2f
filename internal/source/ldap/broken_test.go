package ldap_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	faults "github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/ldapserver"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/ldap"
)

func runFakeServer(t *testing.T, people, page int) *ldapserver.Fake {
	t.Helper()
	f, err := ldapserver.StartFake(people, page)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func openFake(t *testing.T, f *ldapserver.Fake) *ldap.Source {
	t.Helper()
	password := t.TempDir() + "/password"
	require.NoError(t, os.WriteFile(password, []byte("secret"), 0o600))
	return open(t, ldap.Directory{URL: ldap.URLs{f.URL}, Insecure: true, BindDN: "cn=svc,dc=x", BindPassword: "file:" + password, BaseDN: "dc=x",
		ID: "cn", Attributes: []string{"cn"}, Timeout: "300ms", Kind: "generic"}, source.Use{})
}

// kinds are the ways in which an answer breaks, and what is made of each.
var kinds = map[string]faults.Reason{
	ldapserver.FakeCloses: faults.SourceUnavailable, ldapserver.FakeCutEntry: faults.SourceUnavailable, ldapserver.FakeSilent: faults.SourceUnavailable,
	ldapserver.FakeStalls: faults.SourceUnavailable, ldapserver.FakeGarbage: faults.SourceUnavailable, ldapserver.FakeBusy: faults.SourceUnavailable,
	ldapserver.FakeReferral: faults.SourceIncomplete, ldapserver.FakeReference: faults.SourceIncomplete, ldapserver.FakeSizeLimit: faults.SourceIncomplete, ldapserver.FakeTimeLimit: faults.SourceIncomplete,
	ldapserver.FakeAdminLimit: faults.SourceIncomplete, ldapserver.FakeNoControl: faults.SourceIncomplete, ldapserver.FakeOtherControl: faults.SourceIncomplete, ldapserver.FakeLostRights: faults.SourceAccessDenied,
}

func TestAWholeListing(t *testing.T) {
	t.Parallel()
	for _, people := range []int{0, 1, 9, 10, 11, 30, 35} {
		f := runFakeServer(t, people, 10)
		s := openFake(t, f)
		n := 0
		snapshot, err := s.List(t.Context(), func(source.Record) error { n++; return nil })
		require.NoError(t, err)
		require.Equal(t, people, n)
		require.Equal(t, people, snapshot.Count)
		require.NotEmpty(t, snapshot.ID)
	}
}

// Whatever breaks on whichever page: the listing is an error, and nobody counts as missing.
func TestABrokenListingIsNoListing(t *testing.T) {
	t.Parallel()
	const people, page = 35, 10
	f := runFakeServer(t, people, page)
	s := openFake(t, f)
	tries := 0
	for kind, reason := range kinds {
		for at := range 4 {
			for _, after := range []int{0, 1, 4, 9} {
				if kind == ldapserver.FakeSilent && (at != 1 || after != 1) {
					continue // Each waits for the time-out.
				}
				f.Set(func() {
					f.Breaks = func(n int) ldapserver.FakeFault {
						if n == at {
							return ldapserver.FakeFault{Kind: kind, After: after}
						}
						return ldapserver.FakeFault{}
					}
				})
				snapshot, err := s.List(t.Context(), func(source.Record) error { return nil })
				what := fmt.Sprintf("%s on page %d after %d entries", kind, at, after)
				require.Error(t, err, what)
				require.Equal(t, reason, faults.Of(err).Reason, "%s: %v", what, err)
				require.Zero(t, snapshot, what)
				tries++
			}
		}
	}
	require.Greater(t, tries, 150)
	f.Set(func() { f.Breaks = func(int) ldapserver.FakeFault { return ldapserver.FakeFault{} } })
	snapshot, err := s.List(t.Context(), func(source.Record) error { return nil })
	require.NoError(t, err, "the store has recovered")
	require.Equal(t, people, snapshot.Count)
}

// A single read says that somebody is not there only after a whole answer, from a directory that lets itself be read.
func TestABrokenSingleReadProvesNothing(t *testing.T) {
	t.Parallel()
	f := runFakeServer(t, 5, 10)
	s := openFake(t, f)
	record, _, err := s.Get(t.Context(), "p3")
	require.NoError(t, err)
	require.Equal(t, "p3", record.ID)
	_, _, err = s.Get(t.Context(), "p9")
	require.True(t, faults.Is(err, faults.PersonNotFound))
	for kind := range kinds {
		if kind == ldapserver.FakeNoControl || kind == ldapserver.FakeOtherControl {
			continue // Only listings have pages.
		}
		f.Set(func() { f.Breaks = func(int) ldapserver.FakeFault { return ldapserver.FakeFault{Kind: kind} } })
		_, _, err := s.Get(t.Context(), "p3")
		require.Error(t, err, kind)
		require.False(t, faults.Is(err, faults.PersonNotFound), "%s: %v", kind, err)
	}
	f.Set(func() { f.Breaks, f.Base = func(int) ldapserver.FakeFault { return ldapserver.FakeFault{} }, false })
	_, _, err = s.Get(t.Context(), "p9")
	require.Equal(t, faults.SourceAccessDenied, faults.Of(err).Reason, "an account that has lost its rights sees nobody")
	f.Set(func() { f.People = 0 })
	_, err = s.List(t.Context(), func(source.Record) error { return nil })
	require.Equal(t, faults.SourceAccessDenied, faults.Of(err).Reason)
}

// A password that was changed ends every read with that, and removes nobody.
func TestAChangedPassword(t *testing.T) {
	t.Parallel()
	f := runFakeServer(t, 5, 10)
	f.Set(func() { f.Bind = goldap.LDAPResultInvalidCredentials })
	s := openFake(t, f)
	_, err := s.List(t.Context(), func(source.Record) error { return nil })
	require.Equal(t, faults.SourceLoginRefused, faults.Of(err).Reason)
	require.Equal(t, faults.Denied, faults.KindOf(err))
	_, _, err = s.Get(t.Context(), "p9")
	require.Equal(t, faults.SourceLoginRefused, faults.Of(err).Reason)
	findings := s.Check(t.Context())
	require.Equal(t, "sign-in", findings[len(findings)-1].Step)
	require.Equal(t, "ldap.bindPassword", findings[len(findings)-1].Setting)
}

// A deadline in the middle of a listing, and an idle connection that the server has closed.
func TestDeadlinesAndIdleConnections(t *testing.T) {
	t.Parallel()
	f := runFakeServer(t, 35, 10)
	s := openFake(t, f)
	_, err := s.List(t.Context(), func(source.Record) error { return nil })
	require.NoError(t, err)
	for range 200 {
		wait := time.Duration(rand.IntN(1500)) * time.Microsecond
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		n := 0
		snapshot, err := s.List(ctx, func(source.Record) error { n++; return nil })
		if err == nil {
			require.Equal(t, 35, n)
			require.Equal(t, 35, snapshot.Count)
		} else {
			require.Zero(t, snapshot)
		}
		cancel()
	}
	// The last deadline may have left no connection.
	_, _, err = s.Get(t.Context(), "p3")
	require.NoError(t, err)
	closed := false
	f.Set(func() {
		f.Breaks = func(int) ldapserver.FakeFault {
			if closed {
				return ldapserver.FakeFault{}
			}
			closed = true
			return ldapserver.FakeFault{Kind: ldapserver.FakeCloses}
		}
	})
	_, _, err = s.Get(t.Context(), "p3")
	require.NoError(t, err, "a connection that was idle and is gone costs a second try")
}
