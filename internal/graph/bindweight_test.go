package graph_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/simulator"
)

// quota is the service's count: a bucket of writes that fills at a steady rate. A request that it refuses counts, too.
type quota struct {
	mu     sync.Mutex
	limit  float64
	window time.Duration
	tokens float64
	at     time.Time
}

func (q *quota) take(n float64) (status int, used float64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	if !q.at.IsZero() {
		q.tokens = math.Min(q.limit, q.tokens+now.Sub(q.at).Seconds()*q.limit/q.window.Seconds())
	}
	had := q.tokens
	q.at, q.tokens = now, math.Max(q.tokens-n, -q.limit/10)
	if used = 1 - q.tokens/q.limit; used <= 0.8 {
		used = 0
	}
	if had < n {
		return 429, used
	}
	return 200, math.Round(used*100) / 100
}

// outcome is what a load on a budget came to.
type outcome struct {
	sent, refused int
	// late is what was sent in the third window and after it.
	late   int
	weight int
}

// load lets workers send for a time of windows, one in each so many writes a plain one. Of so many processes with equal shares of the
// quota some are idle.
func load(t *testing.T, weight, plain int, silent bool, windows, processes, idle int) (o outcome) {
	synctest.Test(t, func(t *testing.T) {
		q := &quota{limit: 3000, window: 150 * time.Second, tokens: 3000}
		start := time.Now()
		var mu sync.Mutex
		var wg sync.WaitGroup
		for process := range processes - idle {
			b := &graph.Budgets{Share: 1 / float64(processes)}
			var pause sync.Mutex
			for worker := range 50 / processes {
				random := rand.New(rand.NewPCG(uint64(worker), uint64(process)))
				wg.Go(func() {
					for n := 0; time.Since(start) < time.Duration(windows)*q.window; n++ {
						enter, cost := b.EnterBind, float64(weight)
						if plain > 0 && n%plain == 0 {
							enter, cost = b.EnterWrite, 1
						}
						done, err := enter(context.Background(), "x")
						if err != nil {
							time.Sleep(fault.Of(err).RetryAfter)
							continue
						}
						time.Sleep(time.Duration(30+random.IntN(150)) * time.Millisecond)
						status, used := q.take(cost)
						if silent {
							used = 0
						}
						time.Sleep(time.Duration(20+random.IntN(100)) * time.Millisecond)
						done(status, used)
						mu.Lock()
						if o.sent++; status == 429 {
							o.refused++
						} else if time.Since(start) > 2*q.window {
							o.late++
						}
						mu.Unlock()
						if status == 429 {
							pause.Lock()
							b.Pause("x", 10*time.Second, true)
							pause.Unlock()
						}
					}
				})
			}
			defer func() { o.weight = max(o.weight, b.BindWeight("x")) }()
		}
		wg.Wait()
	})
	return o
}

// TestBindWeightIsLearned: whatever a PATCH with twenty members costs, it is known within two windows, is nearly never refused, and
// the quota is used to nearly its full from then on.
func TestBindWeightIsLearned(t *testing.T) {
	t.Parallel()
	for _, weight := range []int{1, 2, 3, 4, 5, 6, 7} {
		for name, plain := range map[string]int{"members alone": 0, "half of it other writes": 2} {
			t.Run(fmt.Sprintf("%d, %s", weight, name), func(t *testing.T) {
				t.Parallel()
				o := load(t, weight, plain, false, 6, 1, 0)
				t.Logf("%+v", o)
				require.Equal(t, weight, o.weight)
				require.LessOrEqual(t, float64(o.refused), 0.001*float64(o.sent))
				each := float64(weight)
				if plain > 0 {
					each = (each + 1) / 2
				}
				require.Greater(t, float64(o.late), 0.85*4*3000/each)
			})
		}
	}
}

// TestBindWeightWithoutReports: where something on the way drops the headers, a refusal teaches what their absence did not.
func TestBindWeightWithoutReports(t *testing.T) {
	t.Parallel()
	for _, weight := range []int{1, 3, 7} {
		o := load(t, weight, 0, true, 8, 1, 0)
		t.Logf("%d: %+v", weight, o)
		require.GreaterOrEqual(t, o.weight, weight)
		require.LessOrEqual(t, float64(o.refused), 0.06*float64(o.sent))
	}
}

// TestBindWeightOfSeveralProcesses: each has its share of the limit, and takes itself for one of equals.
func TestBindWeightOfSeveralProcesses(t *testing.T) {
	t.Parallel()
	for _, weight := range []int{1, 3, 7} {
		o := load(t, weight, 0, false, 6, 2, 0)
		t.Logf("%d: %+v", weight, o)
		require.Equal(t, weight, o.weight)
		require.LessOrEqual(t, float64(o.refused), 0.001*float64(o.sent))
	}
}

// TestBindWeightWhileOthersAreIdle: with room to spare the weight may come out lower than it is, but never so that requests are refused.
func TestBindWeightWhileOthersAreIdle(t *testing.T) {
	t.Parallel()
	for _, weight := range []int{1, 3, 7} {
		o := load(t, weight, 0, false, 8, 2, 1)
		t.Logf("%d: %+v", weight, o)
		require.LessOrEqual(t, o.weight, weight)
		require.LessOrEqual(t, float64(o.refused), 0.001*float64(o.sent))
	}
}

// TestBindWeightOverHTTP: the same with the headers of the simulator and our own requests.
func TestBindWeightOverHTTP(t *testing.T) {
	t.Parallel()
	for _, weight := range []int{1, 3, 7} {
		t.Run(fmt.Sprint(weight), func(t *testing.T) {
			t.Parallel()
			now := newClock()
			budgets := &graph.Budgets{Writes: 300, Window: 150 * time.Second, MaxWait: time.Nanosecond, Now: now.Now}
			w, people := seeded(t, 20, simulator.Options{Now: now.Now, Quota: simulator.Quota{Writes: 300, WriteWindow: 150 * time.Second, BindCost: weight}},
				func(o *graph.Options) { o.Now, o.Budget = now.Now, budgets })
			var groups []string
			w.Mutate(func(tn *simulator.Tenant) {
				for i := range 700 {
					id, err := tn.AddGroup(simulator.GroupSeed{"displayName": fmt.Sprint(i)})
					require.NoError(t, err)
					groups = append(groups, id)
				}
			})
			w.ResetStats()
			start := now.Now()
			for i := 0; i < len(groups) && now.Now().Sub(start) < 300*time.Second; {
				err := w.client.AddMembers(context.Background(), groups[i], people)
				now.Turn(20 * time.Millisecond)
				if err != nil {
					require.Equal(t, fault.Throttled, fault.KindOf(err), "%v", err)
					now.Turn(fault.Of(err).RetryAfter)
					continue
				}
				i++
			}
			require.Equal(t, weight, w.client.BindWeight())
			require.Zero(t, w.Stats().Throttled)
		})
	}
}
