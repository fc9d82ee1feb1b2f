package engine_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/fault"
)

var plain = engine.Environment{WriteShare: 1, Activities: 1, Pace: 0.01}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	own := plain
	own.GraphEndpoint, own.LoginEndpoint = "https://graph.test:8443/", "https://login.test"
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, []byte("its certificate"), 0o600))
	simulator := &engine.SimulatorEndpoint{URL: "https://127.0.0.1:8444", CAFile: ca}
	for _, test := range []struct {
		name, cloud         string
		environment         engine.Environment
		graph, login, scope string
		ca                  string
	}{
		{"global", "global", plain, "https://graph.microsoft.com", "https://login.microsoftonline.com", "https://graph.microsoft.com/.default", ""},
		{"usgov", "usgov", plain, "https://graph.microsoft.us", "https://login.microsoftonline.us", "https://graph.microsoft.us/.default", ""},
		{"dod", "dod", plain, "https://dod-graph.microsoft.us", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us/.default", ""},
		{"china", "china", plain, "https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn/.default", ""},
		{"simulator", "simulator", plain, "https://127.0.0.1:8444", "https://127.0.0.1:8444", "https://graph.microsoft.com/.default", "its certificate"},
		// Other hosts keep the cloud's scope, and are trusted as the system trusts them.
		{"own hosts", "global", own, "https://graph.test:8443", "https://login.test", "https://graph.microsoft.com/.default", ""},
		{"own hosts, dod", "dod", own, "https://graph.test:8443", "https://login.test", "https://dod-graph.microsoft.us/.default", ""},
		{"own hosts, simulator", "simulator", own, "https://graph.test:8443", "https://login.test", "https://graph.microsoft.com/.default", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e, err := engine.New(engine.Parts{Environment: test.environment, Simulator: simulator})
			require.NoError(t, err)
			got, err := e.Endpoints(test.cloud)
			require.NoError(t, err)
			require.Equal(t, test.graph, got.Graph)
			require.Equal(t, test.login, got.Login)
			require.Equal(t, test.scope, got.Scope)
			require.Equal(t, test.ca, string(got.CAPEM))
		})
	}
}

func TestNoEndpoints(t *testing.T) {
	t.Parallel()
	none := plain
	none.SimulatorDir = t.TempDir()
	e, err := engine.New(engine.Parts{Environment: none})
	require.NoError(t, err)
	_, err = e.Endpoints("simulator")
	require.True(t, fault.Is(err, fault.SimulatorNotRunning), "%v", err)
	_, err = e.Endpoints("moon")
	require.True(t, fault.Is(err, fault.SettingsInvalid), "%v", err)
}
