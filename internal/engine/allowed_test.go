package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/fault"
)

// Whoever reaches Temporal writes the configuration. It must not choose any file, any variable or any tenant.
func TestConfigurationIsBoundedByTheWorker(t *testing.T) {
	t.Setenv("ENTRAFLOW_TEST_FOREIGN", "x")
	t.Setenv("ENTRA_SECRET", "x")
	dir := t.TempDir()
	inside, outside := filepath.Join(dir, "secrets"), filepath.Join(dir, "elsewhere")
	for _, d := range []string{inside, outside} {
		require.NoError(t, os.Mkdir(d, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(d, "secret"), []byte("x"), 0o600))
	}
	require.NoError(t, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(inside, "link")))
	bounded := plain
	bounded.SecretRoot, bounded.SecretEnv, bounded.Tenants = inside, []string{"ENTRA_*"}, []string{"11111111-1111-1111-1111-111111111111", "contoso.com"}
	for _, test := range []struct {
		tenant, secret string
		rule           map[string]config.Mapping
		reason         fault.Reason
	}{
		{"11111111-1111-1111-1111-111111111111", "file:" + filepath.Join(inside, "secret"), nil, fault.SimulatorNotRunning},
		{"contoso.com", "env:ENTRA_SECRET", nil, fault.SimulatorNotRunning},
		{"CONTOSO.com", "file:" + filepath.Join(inside, "missing"), nil, fault.SimulatorNotRunning},
		{"fabrikam.com", "env:ENTRA_SECRET", nil, fault.TenantNotAllowed},
		{"contoso.com", "env:ENTRAFLOW_TEST_FOREIGN", nil, fault.SecretNotAllowed},
		{"contoso.com", "file:" + filepath.Join(outside, "secret"), nil, fault.SecretNotAllowed},
		{"contoso.com", "file:" + filepath.Join(inside, "link"), nil, fault.SecretNotAllowed},
		{"contoso.com", "file:" + filepath.Join(inside, "..", "elsewhere", "secret"), nil, fault.SecretNotAllowed},
		{"contoso.com", "env:ENTRA_SECRET", map[string]config.Mapping{"password": {Secret: "env:ENTRAFLOW_TEST_FOREIGN"}}, fault.SecretNotAllowed},
	} {
		environment := bounded
		environment.SimulatorDir = t.TempDir() // Where the bounds let the connection pass, the next thing is that no simulator runs.
		e, err := engine.New(engine.Parts{Environment: environment})
		require.NoError(t, err)
		c := config.Connection{Name: "contoso", TenantID: test.tenant, ClientID: "22222222-2222-2222-2222-222222222222", ClientSecret: test.secret, Cloud: "simulator"}
		if test.rule != nil {
			c.Rules = []config.Rule{{Name: "staff", Mappings: test.rule}}
		}
		report := e.Check(context.Background(), c, api.Pinned{}, nil)
		failure, failed := report.Failure()
		require.True(t, failed)
		require.Equal(t, test.reason, failure.Reason, "%s %s: %s", test.tenant, test.secret, failure.Message)
	}
}
