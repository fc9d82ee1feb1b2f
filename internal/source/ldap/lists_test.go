package ldap_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/ldap"
)

// What a rule reads as a list is one whatever number of values it has, and in whatever case the rule spells its name.
func TestListsAreListsInEveryCase(t *testing.T) {
	t.Parallel()
	s := runTreeServer(t, 3, nil)
	for i, groups := range [][]string{nil, {"cn=a,dc=x"}, {"cn=a,dc=x", "cn=b,dc=x"}} {
		s.entries[2+i].attributes["memberOf"] = groups
	}
	password := t.TempDir() + "/password"
	require.NoError(t, os.WriteFile(password, []byte("secret"), 0o600))
	opened := open(t, ldap.Directory{URL: ldap.URLs{s.url}, Insecure: true, BindDN: "cn=svc,dc=x", BindPassword: "file:" + password, BaseDN: "dc=x",
		ID: "cn", Kind: "generic"}, source.Use{Attributes: []string{"cn", "memberOf"}, Lists: []string{"memberOf"}})
	want := map[string]any{"p0": []any{}, "p1": []any{"cn=a,dc=x"}, "p2": []any{"cn=a,dc=x", "cn=b,dc=x"}}
	got := map[string]any{}
	_, err := opened.List(t.Context(), func(r source.Record) error {
		got[r.ID] = r.Fields["memberOf"]
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, want, got)
	for id, groups := range want {
		r, _, err := opened.Get(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, groups, r.Fields["memberOf"], id)
	}
}
