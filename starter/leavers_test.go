package main_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rewrite changes the people of the source.
func (b *bench) rewrite(oldnew ...string) {
	b.t.Helper()
	people, err := os.ReadFile(b.people)
	require.NoError(b.t, err)
	changed := strings.NewReplacer(oldnew...).Replace(string(people))
	require.NotEqual(b.t, string(people), changed)
	require.NoError(b.t, os.WriteFile(b.people, []byte(changed), 0o600))
}

// heldPlan is what a plan says of removals.
type heldPlan struct {
	Rules []struct {
		Guard struct {
			Hash     string
			Held     bool
			Removals int
		}
		Leavers []struct {
			User, Action, Removal, Reason string
			Held                          bool
		}
	}
}

// Seven people lose something at once. The plan and the held sync name one command, and that command carries out exactly
// what was held.
func TestHeldRemovalsAreApprovedByTheCommandThatTheSyncNames(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	up := b.start("up", "-f", b.config)
	up.until("running; Ctrl-C stops everything")
	b.rewrite(",true,", ",false,", "P12,true,kim,Kim King,Legal,US,SPE_E3\n", "")

	var p heldPlan
	r := b.run("plan", "-o", "json")
	require.Equal(t, 1, r.status, r.stderr)
	b.decode(r, &p)
	require.True(t, p.Rules[0].Guard.Held)
	require.Equal(t, 7, p.Rules[0].Guard.Removals)
	require.Len(t, p.Rules[0].Leavers, 1)
	require.Equal(t, "disable", p.Rules[0].Leavers[0].Removal)
	require.True(t, p.Rules[0].Leavers[0].Held)
	approve := "starter sync --connection globex --rule staff --approve-removals " + p.Rules[0].Guard.Hash
	b.steps(
		step{"plan", 1, approve},
		step{"plan", 1, "P12   disable the account (held)  person_not_found"},
		step{"sync --approve-removals " + p.Rules[0].Guard.Hash, 2, "no removals with this hash are held"},
		step{"sync", 1, "next: look at the people listed as held; if all of them are right: " + approve},
		step{"sync --approve-removals 000000000000", 2, "no removals with this hash are held"},
		step{"sync --rule staff --approve-removals 000000000000", 2, "no removals with this hash are held"},
	)
	up.until(approve)

	var s synced
	b.ok(&s, strings.Fields(strings.TrimPrefix(approve, "starter "))...)
	require.Equal(t, "completed", s.Rules[0].State)
	require.Equal(t, map[string]int{"disable": 6, "remove": 1}, s.Rules[0].Actions)
	b.steps(
		step{"sync --approve-removals " + p.Rules[0].Guard.Hash, 2, "no removals with this hash are held"},
		step{"plan", 0, "would do: none 10"},
	)
	require.Zero(t, up.end(), up.stderr)
}
