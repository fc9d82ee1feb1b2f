package main

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The test's own program plays the worker that is killed.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(playRole(role))
	}
	os.Exit(m.Run())
}

// A sync under every accident, with a worker that is killed twice, leaves everybody with exactly one account, the right
// attributes and licenses, and touches nobody else. CHAOS_SEED repeats a run.
func TestChaosSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("takes about a minute")
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("CHAOS_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("CHAOS_SEED=%d", seed)
	r, err := runChaos(t.Context(), chaosOptions{People: 30, Kills: 2, Seed: seed}, t.Logf)
	require.NoError(t, err)
	r.print(t.Logf)
	require.Empty(t, r.Violations)
	require.Equal(t, 2, r.Kills)
	require.NotEmpty(t, r.Stats.Faults)
	require.NotZero(t, r.Renamed)
}

func TestWrongUse(t *testing.T) {
	for _, args := range [][]string{nil, {"other"}, {"sync", "-n", "0"}, {"sync", "-n", "5000"}, {"plan", "-n", "1"}, {"chaos", "-n", "2"}, {"sync", "more"}, {"sync", "-what"}} {
		require.Equal(t, 2, run(args), "%v", args)
	}
}
