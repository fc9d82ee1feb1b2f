package main

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
)

// A rule is deleted while its worker is killed twice: everybody of the rule is settled once, and nobody else is touched.
// DELETION_SEED repeats a run.
func TestDeletionSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("takes most of a minute")
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("DELETION_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("DELETION_SEED=%d", seed)
	// Both actions by turns; with delete the adopted accounts are disabled all the same.
	action := []string{config.RemoveDisable, config.RemoveDelete}[seed%2]
	r, err := runDeletion(t.Context(), deletionOptions{People: 40, Kills: 2, Seed: seed, Action: action, OnlyKills: true}, t.Logf)
	require.NoError(t, err)
	r.print(t.Logf)
	require.Empty(t, r.Violations)
	require.Equal(t, 2, r.Killed.Kills)
	require.GreaterOrEqual(t, r.Killed.Removing, 40)
}

func TestDeletionWrongUse(t *testing.T) {
	for _, args := range [][]string{{"-n", "5"}, {"-n", "5000"}, {"-kills", "101"}, {"-kills", "-1"}, {"-action", "forget"}, {"more"}} {
		require.Equal(t, 2, run(append([]string{"deletion"}, args...)), "%v", args)
	}
}
