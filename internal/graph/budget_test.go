package graph_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// TestNoWindowExceedsTheLimit: with latencies of any kind, the service never sees more than the limit within any window,
// and the budget is used to nearly its full.
func TestNoWindowExceedsTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit, window, total = 30, 15 * time.Second, 400
		b := &graph.Budgets{Writes: limit, Window: window}
		var (
			mu       sync.Mutex
			arrivals []time.Time
			left     = total
			turned   int
		)
		start := time.Now()
		var wg sync.WaitGroup
		for worker := range 25 {
			random := rand.New(rand.NewPCG(uint64(worker), 7))
			wg.Go(func() {
				for {
					mu.Lock()
					more := left > 0
					left--
					mu.Unlock()
					if !more {
						return
					}
					done, err := b.Enter(context.Background(), "x", true)
					for err != nil {
						mu.Lock()
						turned++
						mu.Unlock()
						time.Sleep(fault.Of(err).RetryAfter)
						done, err = b.Enter(context.Background(), "x", true)
					}
					time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
					mu.Lock()
					arrivals = append(arrivals, time.Now())
					mu.Unlock()
					time.Sleep(time.Duration(random.IntN(1000)) * time.Millisecond)
					done(true)
				}
			})
		}
		wg.Wait()
		require.Len(t, arrivals, total)
		slices.SortFunc(arrivals, time.Time.Compare)
		for i := limit; i < total; i++ {
			require.GreaterOrEqual(t, arrivals[i].Sub(arrivals[i-limit]), window)
		}
		require.Positive(t, turned)
		least := window * (total - limit) / limit
		require.Less(t, time.Since(start), least*3/2)
	})
}

func TestBudgetWaitsOrSendsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		b := &graph.Budgets{Writes: 10, Window: 100 * time.Second, Share: 0.2}
		for range 2 {
			done, err := b.Enter(ctx, "x", true)
			require.NoError(t, err)
			done(true)
		}
		for i := range 3 {
			_, err := b.Enter(ctx, "x", true)
			require.Equal(t, fault.Throttled, fault.KindOf(err))
			require.True(t, fault.Is(err, fault.WriteBudgetExceeded))
			require.Equal(t, time.Duration(100+50*i)*time.Second, fault.Of(err).RetryAfter, "one slot apart")
		}
		done, err := b.Enter(ctx, "x", false)
		require.NoError(t, err, "reads are free")
		done(true)
		_, err = b.Enter(ctx, "another tenant", true)
		require.NoError(t, err)

		time.Sleep(96 * time.Second)
		start := time.Now()
		_, err = b.Enter(ctx, "x", true)
		require.NoError(t, err)
		require.Equal(t, 4*time.Second, time.Since(start).Truncate(time.Second), "a short wait is waited")

		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		b = &graph.Budgets{Writes: 1, Window: 3 * time.Second}
		done, _ = b.Enter(ctx, "x", true)
		done(true)
		_, err = b.Enter(short, "x", true)
		require.True(t, fault.Is(err, fault.GraphTimeout))
	})
}

// TestUnsentWritesAreFree: what never reached the service does not count, what is under way does.
func TestUnsentWritesAreFree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &graph.Budgets{Writes: 1, Window: 100 * time.Second}
		for range 5 {
			done, err := b.Enter(context.Background(), "x", true)
			require.NoError(t, err)
			done(false)
		}
		done, err := b.Enter(context.Background(), "x", true)
		require.NoError(t, err)
		time.Sleep(time.Hour)
		_, err = b.Enter(context.Background(), "x", true)
		require.True(t, fault.Is(err, fault.WriteBudgetExceeded), "one that is under way for an hour may arrive only now")
		done(true)
	})
}

func TestPauseStopsEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		b := &graph.Budgets{}
		b.Pause("x", 20*time.Second, true)
		b.Pause("x", 10*time.Second, true) // a shorter one does not end a longer one
		for _, write := range []bool{true, false} {
			_, err := b.Enter(ctx, "x", write)
			require.True(t, fault.Is(err, fault.GraphThrottled))
			require.GreaterOrEqual(t, fault.Of(err).RetryAfter, 20*time.Second)
			require.Less(t, fault.Of(err).RetryAfter, 21*time.Second)
		}
		_, err := b.Enter(ctx, "y", true)
		require.NoError(t, err, "another scope goes on")
		time.Sleep(16 * time.Second)
		start := time.Now()
		_, err = b.Enter(ctx, "x", false)
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(start), 4*time.Second)
		require.Less(t, time.Since(start), 5*time.Second)

		var waits []time.Duration
		for range 6 {
			waits = append(waits, b.Pause("z", 0, false))
		}
		require.Equal(t, []time.Duration{10e9, 20e9, 40e9, 80e9, 150e9, 150e9}, waits)
		b.Learn("z", 0)
		require.Equal(t, 10*time.Second, b.Pause("z", 0, false), "a success ends the row")
	})
}

// TestPressureSpreadsWrites: above 80 % of the limit writes go one by one.
func TestPressureSpreadsWrites(t *testing.T) {
	t.Parallel()
	for used, want := range map[float64]time.Duration{0.8: 0, 0.85: 9 * 50 * time.Millisecond, 1.1: 9 * 100 * time.Millisecond, 1.5: 9 * 200 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			b := &graph.Budgets{}
			done, err := b.Enter(context.Background(), "x", true)
			require.NoError(t, err)
			done(true)
			b.Learn("x", used)
			time.Sleep(time.Second)
			start := time.Now()
			for range 10 {
				done, err := b.Enter(context.Background(), "x", true)
				require.NoError(t, err)
				done(true)
			}
			require.InDelta(t, want.Seconds(), time.Since(start).Seconds(), 0.15, "at %.2f of the limit", used)
			time.Sleep(time.Minute)
			start = time.Now()
			for range 10 {
				_, err := b.Enter(context.Background(), "x", true)
				require.NoError(t, err)
			}
			require.Zero(t, time.Since(start), "the pressure is forgotten")
		})
	}
}
