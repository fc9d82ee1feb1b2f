package backoff_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/backoff"
)

func TestStep(t *testing.T) {
	t.Parallel()
	s := backoff.Step{First: 5 * time.Second, Max: 60 * time.Second}
	var got []time.Duration
	for _, attempt := range []int{0, 1, 2, 3, 4, 5, 6, 1000} {
		got = append(got, s.After(attempt)/time.Second)
	}
	require.Equal(t, []time.Duration{5, 5, 10, 20, 40, 60, 60, 60}, got)
	require.Equal(t, time.Millisecond, backoff.Step{}.After(1))
}

// A faster policy is faster in everything, and keeps the order of its waits.
func TestScaled(t *testing.T) {
	t.Parallel()
	require.Equal(t, backoff.Default(), backoff.Default().Scaled(1))
	fast := backoff.Default().Scaled(0.01)
	require.Equal(t, backoff.Step{First: 150 * time.Millisecond, Max: 2400 * time.Millisecond}, fast.Replica)
	require.Equal(t, backoff.Step{First: 10 * time.Millisecond, Max: 1200 * time.Millisecond}, fast.Retry)
	require.Equal(t, 9*time.Second, fast.Settle)
	for i := range reflect.ValueOf(fast).NumField() {
		name := reflect.TypeOf(fast).Field(i).Name
		require.False(t, reflect.ValueOf(fast).Field(i).IsZero(), name)
		require.NotEqual(t, reflect.ValueOf(backoff.Default()).Field(i).Interface(), reflect.ValueOf(fast).Field(i).Interface(), name)
	}
	require.Zero(t, backoff.Default().Retry, "in production the workflows' own retry policies hold")
}
