package main

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/lab/ldapserver"
)

// Each break point of each store once, through a plan and through one person's run: nobody loses anything. BROKEN_SEED repeats a run.
func TestBrokenReadsSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("takes most of a minute")
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("BROKEN_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("BROKEN_SEED=%d", seed)
	r, err := runBrokenReads(t.Context(), brokenOptions{Reads: 70, Seed: seed, Required: ldapserver.Required()}, t.Logf)
	require.NoError(t, err)
	r.print(t.Logf)
	require.Empty(t, r.Violations)
	for _, s := range r.Stores {
		require.Positive(t, s.Refused, "%s was never broken", s.Store)
	}
}

func TestBrokenReadsWrongUse(t *testing.T) {
	require.Equal(t, 2, run([]string{"brokenreads", "-n", "0"}))
}
