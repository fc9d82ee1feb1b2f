package cli_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a plan must never print: names, mail addresses and other values of people, and the secret.
var values = []string{"Adams", "Chen", "globex.example", "Research", "a-made-up-secret"}

// objectID is the id of an account, which the simulator makes up.
var objectID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

func TestAPlanNeedsNothingButTheFile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.run("plan", "-f", b.config)
	require.Equal(t, 0, r.status, r.stderr)
	b.golden("plan.golden", objectID.ReplaceAllString(r.stdout, "00000000-0000-0000-0000-000000000000"))
	for _, v := range values {
		require.NotContains(t, r.stdout+r.stderr, v)
	}
	b.untouched()

	var p struct {
		Connection string
		Rules      []struct {
			Rule    string
			People  int
			Writes  int
			Actions map[string]int
			Changes []struct {
				User, Action, Reason string
				AddLicenses          []string
				Attributes           []string
				Overwrites           []string
			}
		}
	}
	b.ok(&p, "plan", "-f", b.config, "--rule", "staff")
	require.Len(t, p.Rules, 1)
	require.Equal(t, 11, p.Rules[0].People)
	require.Equal(t, 8, p.Rules[0].Writes)
	require.Equal(t, map[string]int{"create": 7, "adopt": 1, "none": 3}, p.Rules[0].Actions)
	require.Equal(t, []string{"SPE_E3"}, p.Rules[0].Changes[0].AddLicenses, "licenses are named as administrators name them")
	require.Contains(t, p.Rules[0].Changes[0].Attributes, "department")
	require.Equal(t, []string{"displayName"}, p.Rules[0].Changes[2].Overwrites, "of the adopted account")

	r = b.run("plan", "-f", b.config, "--rule", "stuff")
	require.Equal(t, 2, r.status)
	require.Contains(t, r.stderr, "stuff: the connection has no rule of this name")
}

func TestASourceThatIsWrongMakesNoPlan(t *testing.T) {
	t.Parallel()
	b := setup(t)
	people, err := os.ReadFile(b.people)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(b.people, []byte(strings.Replace(string(people), "P03,", "P01,", 1)), 0o600))
	r := b.run("plan", "-f", b.config, "-o", "json")
	require.Equal(t, 2, r.status)
	var failed failedJSON
	b.decode(r, &failed)
	require.Equal(t, "source_id_duplicate", failed.Error.Reason)
	require.Equal(t, "give one of them another", failed.Error.Next)
	require.Contains(t, r.stderr, "people.csv, lines 2, 4 (column id repeats)")
}

func TestAConnectionCanBeTestedBeforeItIsSaved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var report struct {
		OK     bool
		Checks []struct{ Name, Status string }
	}
	b.ok(&report, "connection", "test", "-f", b.config)
	require.True(t, report.OK)

	require.NoError(t, os.WriteFile(strings.Replace(b.config, "globex.yaml", "secret.txt", 1), []byte("another one\n"), 0o600))
	r := b.run("connection", "test", "-f", b.config, "-o", "json")
	require.Equal(t, 1, r.status)
	b.decode(r, &report)
	require.False(t, report.OK)
	require.Contains(t, r.stderr, "the client secret is wrong")
	require.Contains(t, r.stderr, "next: copy the secret's Value")
	require.NotContains(t, r.stderr+r.stdout, "another one")
	b.untouched()
}

// An empty list has no columns: it is called empty, and nobody is told that each column is missing.
func TestAnEmptyListIsCalledEmpty(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text, err := os.ReadFile(b.config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(b.config, []byte(strings.ReplaceAll(string(text), "people.csv", "people.json")), 0o600))
	require.NoError(t, os.WriteFile(strings.TrimSuffix(b.people, ".csv")+".json", []byte("[]"), 0o600))
	r := b.run("plan", "-f", b.config)
	require.Equal(t, 2, r.status)
	require.Contains(t, r.stderr, "source: the source is empty: it has nobody, and so no columns; check that it is whole")
	require.NotContains(t, r.stderr, "no column \"")
}
