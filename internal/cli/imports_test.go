package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatPingOneProvisionsIsImportedOnceAndCanBeTried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	example := filepath.Join("..", "..", "examples", "pingone")
	seed, err := filepath.Abs(filepath.Join(example, "environment.yaml"))
	require.NoError(t, err)
	secret, err := filepath.Abs(filepath.Join(example, "pingone-secret.txt"))
	require.NoError(t, err)
	ca := filepath.Join(b.dir, "ca.pem")
	sim := b.start("simulator", "pingone", "--seed", seed, "--ca", ca, "-o", "json")
	sim.until(`"environmentId"`)
	var at struct{ URL string }
	b.decode(result{stdout: sim.stdout.String()}, &at)
	b.environ = append(b.environ, "ENTRAFLOW_PINGONE_API_ENDPOINT="+at.URL, "ENTRAFLOW_PINGONE_AUTH_ENDPOINT="+at.URL, "ENTRAFLOW_PINGONE_CA="+ca)

	arguments := []string{"import", "pingone", "--region", "eu", "--environment", "3f0c1a52-6e1b-4a0f-9d58-0c1d2e3f4a5b",
		"--client-id", "8a1c7d90-2b3c-4d5e-8f60-718293a4b5c6", "--client-secret", "file:" + secret}
	var made struct {
		Connection, File string
		Rules            []string
		NotCarriedOver   []string
		Configuration    string
	}
	b.ok(&made, append(arguments, "-f", "made.yaml")...)
	require.Equal(t, "northwind-365", made.Connection)
	require.Equal(t, []string{"staff"}, made.Rules)
	require.Len(t, made.NotCarriedOver, 3)
	text, err := os.ReadFile(filepath.Join(b.dir, "made.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(text), "# not carried over")

	r := b.run(append(arguments, "-f", "made.yaml")...)
	require.Equal(t, 2, r.status)
	require.Contains(t, r.stderr, "exists already and is left as it is")
	r = b.run(append(arguments, "--connection", "Fabrikam")...)
	require.Equal(t, 2, r.status)
	require.Contains(t, r.stderr, "name one of them: Northwind 365")
	r = b.run("import", "pingone", "--region", "xx")
	require.Equal(t, 2, r.status)
	for _, flag := range []string{"--region", "--environment", "--client-id", "--client-secret"} {
		require.Contains(t, r.stderr, flag+": ", "all problems at once")
	}
	b.untouched()
	require.Zero(t, sim.end())
}
