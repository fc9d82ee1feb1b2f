package plan_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// unchanged is a rule with so many people, all of whom are as they should be.
func unchanged(t testing.TB, n int) plan.Input {
	people := make([]source.Record, n)
	accounts := make([]directory.Account, n)
	for i := range people {
		people[i] = who(fmt.Sprintf("%08d", i), fmt.Sprintf("person%d", i), "SUITE_A")
		accounts[i] = owned("staff", people[i])
	}
	return input(accounts, rule(t, "staff", "", staff(people...)))
}

// cost is what planning allocates for each person, and what of it stays with the plan.
func cost(t testing.TB, in plan.Input, people int) (allocated, kept float64) {
	var before, after, rest runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	made := build(t, in)
	runtime.ReadMemStats(&after)
	runtime.GC()
	runtime.ReadMemStats(&rest)
	require.Len(t, made.Entries, people)
	require.Zero(t, made.Planned())
	runtime.KeepAlive(made)
	return float64(after.TotalAlloc-before.TotalAlloc) / float64(people), float64(int64(rest.HeapAlloc)-int64(before.HeapAlloc)) / float64(people)
}

// The cost of a plan grows with the number of people and not faster, and a plan keeps little of somebody unchanged.
// Not parallel: it measures memory.
func TestCostIsLinear(t *testing.T) {
	small, _ := cost(t, unchanged(t, 2000), 2000)
	large, kept := cost(t, unchanged(t, 20000), 20000)
	t.Logf("%.0f and %.0f bytes allocated for each of 2,000 and 20,000 people; %.0f kept", small, large, kept)
	require.Less(t, large, 1.5*small)
	require.Less(t, kept, 300.0)
}

// BenchmarkBuild plans people who are all unchanged. us/person and B/person should not depend on their number.
func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			in := unchanged(b, n)
			var allocated, kept float64
			for b.Loop() {
				allocated, kept = cost(b, in, n)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "us/person")
			b.ReportMetric(allocated, "B/person")
			b.ReportMetric(kept, "kept-B/person")
		})
	}
}
