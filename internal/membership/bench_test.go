package membership_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// One group with 100,000 members, of whom one in a hundred goes and as many come. MB is what the heap grows by while the plan is there.
func BenchmarkBuild(b *testing.B) {
	const people = 101_000
	w := newWorld("", sales)
	g := source.Group{ID: "g1", Name: "Sales"}
	w.store = []source.Group{g}
	m := source.Membership{Group: g}
	var there []string
	for i := range people {
		id := fmt.Sprintf("E%06d", i)
		account := fmt.Sprintf("cccccccc-0000-4000-8000-%012d", i)
		w.in.People[id] = plan.Provisioned
		w.in.Accounts = append(w.in.Accounts, membership.Account{ID: account, Person: id, Rule: rule})
		if i >= 1000 {
			m.People = append(m.People, id)
		}
		if i < people-1000 {
			there = append(there, account)
		}
	}
	w.members["g1"] = m
	w.target(ours("T", "g1", "Sales"), "")
	w.there["T"] = there
	w.prefs.RemovalGuard = config.DefaultPreferences().RemovalGuard
	in := w.input()
	var before, after runtime.MemStats
	b.ReportAllocs()
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		p := membership.Build(in)
		runtime.GC()
		runtime.ReadMemStats(&after)
		if d := p.Decisions[0]; len(d.Adds) != 1000 || len(d.Losing()) != 1000 {
			b.Fatal(told(d))
		}
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/1e6, "MB")
	}
}
