package main

import (
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// What plan, sync, its JSON and the tenant say of how many people were done what is the same, in worlds with all kinds of faults and with a
// worker that is killed. It takes a minute or two, and runs where COUNTERS_SEED names the worlds.
func TestCountersSmall(t *testing.T) {
	text := os.Getenv("COUNTERS_SEED")
	if text == "" {
		t.Skip("COUNTERS_SEED names no worlds")
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err)
	t.Logf("COUNTERS_SEED=%d", seed)
	r, err := runCounters(t.Context(), countersOptions{Runs: 4, Killed: 4, Seed: seed}, t.Logf)
	require.NoError(t, err)
	r.print(t.Logf)
	require.Empty(t, r.Violations)
	require.Equal(t, 16, r.Syncs)
	require.Positive(t, r.Actions["create"])
	require.Positive(t, r.Outcomes["failed"]+r.Outcomes["partiallySynced"])
}

func TestCountersWrongUse(t *testing.T) {
	for _, args := range [][]string{{"-n", "0"}, {"-killed", "-1"}, {"more"}} {
		require.Equal(t, 2, run(append([]string{"counters"}, args...)), "%v", args)
	}
}
