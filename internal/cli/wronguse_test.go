package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrongUseIsToldAndDoesNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"no command":                  {nil, "no command was given"},
		"unknown command":             {[]string{"frobnicate"}, `unknown command "frobnicate"`},
		"unknown flag":                {[]string{"up", "--frobnicate"}, "unknown flag: --frobnicate"},
		"up without a file":           {[]string{"up"}, "no configuration file was given"},
		"apply without a file":        {[]string{"apply"}, "no configuration file was given"},
		"a file that is not there":    {[]string{"up", "-f", "nothing.yaml"}, "nothing.yaml: there is no such file"},
		"an output nobody knows":      {[]string{"version", "-o", "xml"}, `-o is "xml"; it can be text or json`},
		"too many arguments":          {[]string{"apply", "one", "two"}, "the arguments do not fit (2 were given); the command is written: starter apply -f FILE"},
		"a group alone":               {[]string{"connection"}, "connection needs one of its commands"},
		"two kinds of plan":           {[]string{"plan", "-f", "x.yaml", "--connection", "y"}, "exclude each other"},
		"a person without an id":      {[]string{"user", "provision"}, "the command is written: starter user provision [CONNECTION] ID"},
		"a person with an empty id":   {[]string{"user", "show", "globex", ""}, "an argument is empty"},
		"help for what went wrong":    {[]string{"rule", "disable"}, "next: see starter rule disable --help"},
		"deleting without confirming": {[]string{"connection", "delete", "globex"}, "needs a confirmation"},
		"a rule, confirmed wrongly":   {[]string{"rule", "delete", "globex", "staff", "--confirm", "globex"}, `the confirmation "globex" is not the name "staff"`},
		"confirming something else":   {[]string{"rule", "delete", "staff", "--confirm", "stuff"}, `the confirmation "stuff" is not the name "staff"`},
		"a seed that is not there":    {[]string{"simulator", "--seed", "nothing.yaml"}, "the simulator's seed cannot be used"},
		"no simulator to ask":         {[]string{"simulator", "state"}, "the simulator is not running"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			r := b.run(test.args...)
			require.Equal(t, 2, r.status, r.stderr)
			require.Contains(t, r.stderr, test.says)
			require.Empty(t, r.stdout)
			var failed failedJSON
			r = b.run(append([]string{"-o", "json"}, test.args...)...)
			if name == "an output nobody knows" {
				return
			}
			require.Equal(t, 2, r.status, r.stderr)
			b.decode(r, &failed)
			require.Equal(t, 2, failed.Error.Status)
			require.Contains(t, failed.Error.Message+"\n  next: "+failed.Error.Next, test.says)
			b.untouched()
		})
	}
}

// failedJSON is what a command prints with -o json that has no other result.
type failedJSON struct {
	Error struct {
		Status                int
		Reason, Message, Next string
		Problems              []struct {
			File    string
			Line    int
			Message string
		}
	}
}

func TestAllProblemsOfAFileComeAtOnceAndNothingStarts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"keys", "columns", "both"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			broken, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
			require.NoError(t, err)
			path := filepath.Join(b.dir, name+".yaml")
			require.NoError(t, os.WriteFile(path, broken, 0o600))
			for _, command := range []string{"up", "apply", "plan"} {
				r := b.run(command, "-f", path, "-o", "json")
				require.Equal(t, 2, r.status)
				var failed failedJSON
				b.decode(r, &failed)
				require.Len(t, failed.Error.Problems, strings.Count(r.stderr, path+":"))
				require.Positive(t, failed.Error.Problems[0].Line)
				b.golden(name+".golden", r.stderr)
			}
			b.untouched()
		})
	}
}

func TestUnreachableTemporalIsToldWithItsAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.environ = append(b.environ, "TEMPORAL_ADDRESS=127.0.0.1:1")
	for _, args := range [][]string{
		{"up", "-f", b.config, "--once"}, {"apply", "-f", b.config}, {"sync"}, {"connection", "list"}, {"connection", "show"},
		{"rule", "enable", "staff"}, {"user", "provision", "globex", "P01"}, {"plan", "--connection", "globex"},
	} {
		r := b.run(args...)
		require.Equal(t, 1, r.status, "%v", args)
		require.Contains(t, r.stderr, "Temporal cannot be reached at 127.0.0.1:1", "%v", args)
		require.Contains(t, r.stderr, "next: ", "%v", args)
	}
}

func TestAProfileThatDoesNotExistIsWrongUse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.environ = append(b.environ, "TEMPORAL_PROFILE=production")
	r := b.run("sync")
	require.Equal(t, 2, r.status)
	require.Contains(t, r.stderr, "unable to find profile production")
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, command := range []string{
		"", "up", "apply", "plan", "sync", "connection", "connection list", "connection show", "connection test", "connection enable",
		"connection disable", "connection delete", "rule", "rule list", "rule enable", "rule disable", "rule delete", "user",
		"user show", "user provision", "user deprovision", "simulator", "simulator state", "simulator stats", "version", "completion",
	} {
		r := b.run(append(strings.Fields(command), "--help")...)
		require.Equal(t, 0, r.status, command)
		require.Contains(t, r.stdout, "Examples:\n  go run ./starter "+command, command)
		require.Empty(t, r.stderr, command)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var v map[string]any
	b.ok(&v, "version")
	require.NotEmpty(t, v["version"])
	require.NotEmpty(t, v["temporalSdk"])
}
