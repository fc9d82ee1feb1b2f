package ldap_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	faults "github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/ldap"
)

// A server that takes no notice of the size of pages is stopped before everybody is in memory.
func TestPagesAreNoLargerThanAskedFor(t *testing.T) {
	t.Parallel()
	for page, refused := range map[int]bool{1000: false, 1001: true, 5000: true} {
		f := runFakeServer(t, 5000, page)
		s := open(t, ldap.Directory{URL: ldap.URLs{f.URL}, Insecure: true, BaseDN: "dc=x", ID: "cn", Attributes: []string{"cn"}, Kind: "generic"}, source.Use{})
		came := 0
		_, err := s.List(t.Context(), func(source.Record) error { came++; return nil })
		if !refused {
			require.NoError(t, err)
			require.Equal(t, 5000, came)
			continue
		}
		require.Equal(t, faults.SourceIncomplete, faults.Of(err).Reason)
		require.Equal(t, faults.Invalid, faults.KindOf(err), "no other attempt helps")
		require.Contains(t, err.Error(), "more entries than a page may have")
		require.Zero(t, came)
	}
}

// Contacts have no account to sign in with, and computers are no people.
func TestTheDefaultFilterOfActiveDirectory(t *testing.T) {
	t.Parallel()
	require.Equal(t, "(&(objectCategory=person)(objectClass=user))", ldap.Directory{}.FilterOf("activeDirectory"))
	require.Equal(t, "(objectClass=person)", ldap.Directory{}.FilterOf("openLDAP"))
	require.Equal(t, "(a=b)", ldap.Directory{Filter: "(a=b)"}.FilterOf("activeDirectory"))
}
