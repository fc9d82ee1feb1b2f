package activities

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
)

// Kept settings serve whoever names their revision or an earlier one, and for two seconds whoever names none. What is asked for freshly is
// asked for, each time.
func TestSettingsAreKept(t *testing.T) {
	t.Parallel()
	now, revision, asked := time.Unix(1_700_000_000, 0), 7, 0
	c := newSettingsCache(func(context.Context, string) (api.Settings, error) {
		asked++
		return api.Settings{Revision: revision}, nil
	}, func() time.Time { return now })
	get := func(wanted int) int {
		s, err := c.AtLeast(t.Context(), "contoso", wanted)
		require.NoError(t, err)
		return s.Revision
	}
	require.Equal(t, 7, get(0))
	revision = 8
	now = now.Add(settingsAge - time.Millisecond)
	require.Equal(t, 7, get(0))
	require.Equal(t, 7, get(7))
	require.Equal(t, 1, asked)
	require.Equal(t, 8, get(8))
	now = now.Add(time.Minute)
	require.Equal(t, 8, get(7))
	require.Equal(t, 2, asked)
	require.Equal(t, 8, get(0), "they are older than two seconds")
	_, err := c.Fresh(t.Context(), "contoso")
	require.NoError(t, err)
	require.Equal(t, 4, asked)
}

// Fifty people who are provisioned at once ask the connection once.
func TestManyAskForSettingsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := newSettingsCache(func(context.Context, string) (api.Settings, error) {
			asked++
			time.Sleep(time.Second)
			return api.Settings{Revision: 7}, nil
		}, time.Now)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { _, _ = c.AtLeast(t.Context(), "contoso", 7) })
		}
		all.Wait()
		require.Equal(t, 1, asked)
	})
}
