package plan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/plan"
)

func TestAllowByEvent(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	window, ok := plan.AllowByEvent(nil, 0, "a", now)
	require.False(t, ok, "nothing is allowed before a sync has said how much")
	require.Empty(t, window)
	for _, user := range []string{"a", "b", "a"} {
		window, ok = plan.AllowByEvent(window, 2, user, now)
		require.True(t, ok, user)
	}
	require.Len(t, window, 2, "one person counts once")
	_, ok = plan.AllowByEvent(window, 2, "c", now.Add(24*time.Hour-time.Second))
	require.False(t, ok)
	window, ok = plan.AllowByEvent(window, 2, "c", now.Add(24*time.Hour))
	require.True(t, ok, "a day later")
	require.Len(t, window, 1)
}

func TestEventBound(t *testing.T) {
	t.Parallel()
	guard := config.RemovalGuard{Count: 5, Percent: 10}
	for name, c := range map[string]struct {
		last   plan.Guard
		now    config.RemovalGuard
		others int
		want   int
	}{
		"as the last sync":    {plan.Guard{Allowed: 10, Linked: 100}, guard, 0, 10},
		"tightened since":     {plan.Guard{Allowed: 10, Linked: 100}, config.RemovalGuard{Count: 2}, 0, 2},
		"loosened since":      {plan.Guard{Allowed: 10, Linked: 100}, config.RemovalGuard{Percent: 100}, 0, 10},
		"what can be kept":    {plan.Guard{Allowed: 100_000, Linked: 1_000_000}, guard, 0, plan.MaxEventRemovals},
		"others are kept too": {plan.Guard{Allowed: 10, Linked: 100}, guard, plan.MaxEventRemovals - 4, 4},
		"and nothing is left": {plan.Guard{Allowed: 10, Linked: 100}, guard, plan.MaxEventRemovals + 1, 0},
		"nobody":              {plan.Guard{}, config.RemovalGuard{}, 0, 0},
	} {
		require.Equal(t, c.want, plan.EventBound(c.last, c.now, c.others), name)
	}
}

// Whatever changes come in whichever order: within any 24 hours no more people lose something than the bound.
func TestEventsNeverExceedTheBound(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10_000) {
		d := roll(seed)
		allowed := d.IntN(6)
		now := time.Unix(0, 0)
		var window []plan.EventRemoval
		lost := map[string]time.Time{}
		for range 50 {
			now = now.Add(time.Duration(d.IntN(8*3600)) * time.Second)
			user := fmt.Sprint(d.IntN(12))
			var ok bool
			if window, ok = plan.AllowByEvent(window, allowed, user, now); ok {
				if at, before := lost[user]; !before || now.Sub(at) >= plan.EventWindow {
					lost[user] = now
				}
			}
			n := 0
			for _, at := range lost {
				if now.Sub(at) < plan.EventWindow {
					n++
				}
			}
			require.LessOrEqual(t, n, allowed, "seed %d", seed)
		}
	}
}
