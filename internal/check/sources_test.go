package check_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/check"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/pingonesim"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/file"
	"github.com/entraflow/entraflow/internal/source/pingone"
	"github.com/entraflow/entraflow/internal/source/stores"
)

// Each source is looked at once, with its cause and setting where it cannot be read, and without anything that it holds.
func TestSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	people := filepath.Join(dir, "people.csv")
	require.NoError(t, os.WriteFile(people, []byte("id,name\n1,Zaphod\n"), 0o600))
	secret := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("wrong"), 0o600))
	const id = "3f0c0000-0000-4000-8000-000000000001"
	server, err := pingonesim.Start(pingonesim.Options{EnvironmentID: id, ClientID: id, ClientSecret: "right"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	ca := filepath.Join(dir, "ca.pem")
	require.NoError(t, os.WriteFile(ca, server.Certificate, 0o600))

	named := func(name string, enabled bool, s source.Settings) config.Rule {
		return config.Rule{Name: name, Enabled: enabled, Source: config.Source{Settings: s}}
	}
	store := &pingone.Settings{PingOne: pingone.Environment{EnvironmentID: id, Region: "eu", ClientID: id, ClientSecret: "file:" + secret}}
	open := stores.Open(source.Environment{Setting: func(name string) string {
		return map[string]string{"ENTRAFLOW_PINGONE_API_ENDPOINT": server.URL, "ENTRAFLOW_PINGONE_AUTH_ENDPOINT": server.URL, "ENTRAFLOW_PINGONE_CA": ca}[name]
	}})
	tests := check.Sources(t.Context(), []config.Rule{
		named("staff", true, file.At(people)), named("temps", true, file.At(people)), named("gone", true, file.At(filepath.Join(dir, "gone.csv"))),
		named("later", false, file.At(filepath.Join(dir, "later.csv"))), named("cloud", true, store),
	}, func(s config.Source) (source.Source, error) { return open(s.Settings, s.Use) })

	require.Len(t, tests, 3)
	require.Equal(t, []string{"staff", "temps"}, tests[0].Rules)
	require.Equal(t, people, tests[0].Place)
	_, failed := tests[0].Failure()
	require.False(t, failed)

	c, failed := tests[1].Failure()
	require.True(t, failed)
	require.Equal(t, fault.SourceMissing, c.Reason)
	require.NotEmpty(t, c.Fix)

	c, failed = tests[2].Failure()
	require.True(t, failed)
	require.Equal(t, api.TestCheck{Name: "sign-in", Status: api.TestFailed, Reason: fault.SourceLoginRefused, Message: c.Message, Fix: c.Fix}, c)
	require.Contains(t, c.Fix, "source.pingone.clientSecret: ")
	for _, one := range tests {
		for _, c := range one.Checks {
			require.NotContains(t, c.Message, "Zaphod")
			require.NotContains(t, c.Message, "wrong")
		}
	}
}
