package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// places is how many activities run at a time, in entraflow as in the reference: the worker's default.
const places = 50

// maxSyncPeople keeps the two writes a person within the write budget of a tenant (3,000 in 150 s), which would else be
// what is measured.
const maxSyncPeople = 1450

// syncResult is what `bench sync` prints.
type syncResult struct {
	People int         `json:"people"`
	Rounds []syncRound `json:"rounds"`
	// Reference and Sync are people per second over all rounds; Ratio is Sync by Reference. The goal is 0.7.
	Reference float64 `json:"referencePerSecond"`
	Sync      float64 `json:"syncPerSecond"`
	Ratio     float64 `json:"ratio"`
}

// syncRound is one run of the reference and one sync.
type syncRound struct {
	ReferenceSeconds float64 `json:"referenceSeconds"`
	SyncSeconds      float64 `json:"syncSeconds"`
	Ratio            float64 `json:"ratio"`
	// CPU seconds of this process (worker and, in a sync, the simulator) and of the Temporal server.
	ReferenceCPU cpu `json:"referenceCpuSeconds"`
	SyncCPU      cpu `json:"syncCpuSeconds"`
	// Requests by route during the sync, and per person.
	Requests      map[string]int `json:"requests"`
	WritesPerUser float64        `json:"writesPerUser"`
	ReadsPerUser  float64        `json:"readsPerUser"`
	ListPages     int            `json:"listPages"`
	// Events of one person's workflow, of one of the reference's children, and of both parents over all their runs.
	UserEvents            int `json:"userEvents"`
	ChildEvents           int `json:"childEvents"`
	SyncEvents            int `json:"syncEvents"`
	SyncRuns              int `json:"syncRuns"`
	ReferenceParentEvents int `json:"referenceParentEvents"`
	ReferenceParentRuns   int `json:"referenceParentRuns"`
}

// syncCommand measures how fast people are created with licenses, against a reference in the same run.
func syncCommand(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("sync", flag.ContinueOnError)
	n := flags.Int("n", 1000, "how many people")
	rounds := flags.Int("rounds", 4, "how often both are run, the one and the other first in turn")
	asJSON := flags.Bool("json", false, "print the result as JSON")
	baseline := flags.String("baseline", "", "compare with this other build of bench instead of with the reference")
	profile := flags.String("cpuprofile", "", "write a CPU profile of the syncs of the last round to this file")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *n < 1 || *n > maxSyncPeople || *rounds < 1 {
		fmt.Fprintf(os.Stderr, "bench sync: -n goes from 1 to %d, since more would wait for the tenant's write budget; -rounds is at least 1\n", maxSyncPeople)
		return errUsage
	}
	say := progressTo(out, *asJSON)
	if *baseline != "" {
		r, err := compareWithBaseline(ctx, *baseline, *n, *rounds, say)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(out, r)
		}
		say("%d people, %d rounds: baseline %.1f/s, this build %.1f/s, ratio %.2f", r.People, r.Rounds, r.Baseline, r.Current, r.Ratio)
		return nil
	}
	b, err := makeBed(ctx)
	if err != nil {
		return err
	}
	r, err := b.compare(ctx, *n, *rounds, *profile, say)
	if err := errors.Join(err, b.close()); err != nil {
		return err
	}
	if *asJSON {
		return printJSON(out, r)
	}
	r.print(say)
	return nil
}

// compare warms up and alternates.
func (b *bed) compare(ctx context.Context, n, rounds int, profile string, say func(string, ...any)) (r syncResult, err error) {
	w, err := b.startReference(places)
	if err != nil {
		return r, err
	}
	defer w.Stop()
	r.People = n
	say("warming up with %d of each", min(100, n))
	if _, err := b.round(ctx, "warm", min(100, n), "", true); err != nil {
		return r, err
	}
	var reference, synced float64
	for i := range rounds {
		file := ""
		if i == rounds-1 {
			file = profile
		}
		// The server slows down as its data grows, which must not always fall upon the same of the two.
		one, err := b.round(ctx, fmt.Sprintf("round%d", i+1), n, file, i%2 == 0)
		if err != nil {
			return r, err
		}
		say("round %d: reference %.1f/s, sync %.1f/s, ratio %.2f; CPU seconds of the server %.1f and %.1f, of this process %.1f and %.1f", i+1,
			float64(n)/one.ReferenceSeconds, float64(n)/one.SyncSeconds, one.Ratio,
			one.ReferenceCPU.Server, one.SyncCPU.Server, one.ReferenceCPU.Process, one.SyncCPU.Process)
		r.Rounds = append(r.Rounds, one)
		reference += one.ReferenceSeconds
		synced += one.SyncSeconds
	}
	people := float64(n * rounds)
	r.Reference, r.Sync, r.Ratio = people/reference, people/synced, reference/synced
	return r, nil
}

// round runs the reference and a sync into an empty tenant, in this order or the other.
func (b *bed) round(ctx context.Context, name string, n int, profile string, referenceFirst bool) (r syncRound, err error) {
	parent := "reference/" + name
	steps := []func() error{
		func() error { return b.referenceRound(ctx, parent, n, &r) },
		func() error { return b.syncRound(ctx, name, n, profile, &r) },
	}
	if !referenceFirst {
		slices.Reverse(steps)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return r, err
		}
	}
	r.Ratio = r.ReferenceSeconds / r.SyncSeconds
	return r, b.countEvents(ctx, name, parent, &r)
}

func (b *bed) referenceRound(ctx context.Context, parent string, n int, r *syncRound) error {
	meter := b.meter()
	took, err := b.reference(ctx, parent, n)
	if err != nil {
		return err
	}
	r.ReferenceSeconds, r.ReferenceCPU = took.Seconds(), meter.used()
	return nil
}

// syncRound runs a sync with a simulator of its own.
func (b *bed) syncRound(ctx context.Context, name string, n int, profile string, r *syncRound) (err error) {
	dir := filepath.Join(b.dir, name)
	t, err := startTenant(dir, simulator.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("p%04d,person%04d,Ann%04d,Lee%04d,US,SPE_E3,true,Sales", i, i, i, i))
	}
	if err := lab.WritePeople(dir, lines); err != nil {
		return err
	}
	took, err := b.measureSync(ctx, t, name, dir, n, r, profile)
	if err != nil {
		return err
	}
	r.SyncSeconds = took.Seconds()
	r.count(t.Stats(), n)
	return nil
}

// measureSync runs a worker and one sync, in which everybody is created.
func (b *bed) measureSync(ctx context.Context, t *tenant, name, dir string, n int, r *syncRound, profile string) (took time.Duration, err error) {
	e, err := engine.New(engine.Parts{
		Client: b.client, Environment: engine.Environment{WriteShare: 1, Activities: places, Pace: 1},
		Simulator: &t.endpoint, Log: quiet(),
	})
	if err != nil {
		return 0, err
	}
	w := e.Worker()
	if err := w.Start(); err != nil {
		return 0, fmt.Errorf("start the worker: %w", err)
	}
	defer w.Stop()
	applied, err := lab.Apply(ctx, b.client, api.ApplyInput{Config: lab.Connection(name, dir), KeepSyncs: true})
	if err != nil {
		return 0, err
	}
	if applied.Validity != api.Valid {
		return 0, fmt.Errorf("the connection test failed: %+v", applied.Test)
	}
	t.ResetStats()
	if profile != "" {
		stop, err := startProfile(profile)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	meter := b.meter()
	began := time.Now()
	run, err := b.startSync(ctx, name)
	if err != nil {
		return 0, err
	}
	var result api.SyncResult
	if err := run.Get(ctx, &result); err != nil {
		return 0, fmt.Errorf("sync: %w", err)
	}
	took, r.SyncCPU = time.Since(began), meter.used()
	if result.Actions[plan.Create] != n || result.Success != n {
		return 0, fmt.Errorf("the sync was to create %d people, but: %+v", n, result)
	}
	return took, nil
}

func startProfile(path string) (stop func() error, err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

func (r *syncRound) count(s simulator.Stats, n int) {
	r.Requests = s.Requests
	r.WritesPerUser, r.ReadsPerUser = float64(s.Writes)/float64(n), float64(s.Reads)/float64(n)
	r.ListPages = s.ListPages
}

func (b *bed) countEvents(ctx context.Context, name, parent string, r *syncRound) (err error) {
	count := func(id string, events, runs *int) {
		if err == nil {
			*events, *runs, err = b.events(ctx, id, b.firstRun(ctx, id))
		}
	}
	var one int
	count(api.UserID(name, "p0000"), &r.UserEvents, &one)
	count(parent+"/0", &r.ChildEvents, &one)
	count(api.SyncID(name, lab.RuleName), &r.SyncEvents, &r.SyncRuns)
	count(parent, &r.ReferenceParentEvents, &r.ReferenceParentRuns)
	return err
}

// print shows the last round's counts; they are the same in each.
func (r syncResult) print(say func(string, ...any)) {
	last := r.Rounds[len(r.Rounds)-1]
	say("")
	say("%d people created with a license, %d rounds", r.People, len(r.Rounds))
	say("  reference          %6.1f people/s   (parent with %d children of two empty activities)", r.Reference, r.People)
	say("  sync               %6.1f people/s", r.Sync)
	say("  ratio              %6.2f            (goal: at least 0.7)", r.Ratio)
	say("  requests a person  %.2f writes, %.3f reads; %d list pages in all", last.WritesPerUser, last.ReadsPerUser, last.ListPages)
	for _, route := range slices.Sorted(maps.Keys(last.Requests)) {
		say("    %-40s %d", route, last.Requests[route])
	}
	say("  history events     person %d (reference's child %d); sync %d in %d runs (reference's parent %d in %d)",
		last.UserEvents, last.ChildEvents, last.SyncEvents, last.SyncRuns, last.ReferenceParentEvents, last.ReferenceParentRuns)
}
