package plan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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

// Whatever changes come in whichever order: within any 24 hours no more people lose something than the bound.
func TestEventsNeverExceedTheBound(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
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
