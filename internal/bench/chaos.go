package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/simulator"
)

// chaosOptions say how bad it gets.
type chaosOptions struct {
	People int
	Kills  int
	// Seed decides people, accidents and the moments of the kills. How requests interleave, and so what an accident
	// hits, is not decided by it.
	Seed uint64
	// Keep leaves the directory behind.
	Keep bool
}

// chaosResult is what `bench chaos` prints.
type chaosResult struct {
	Seed    uint64  `json:"seed"`
	People  int     `json:"people"`
	Kills   int     `json:"kills"`
	Renamed int     `json:"renamed"`
	Seconds float64 `json:"seconds"`
	// Violations are promises that were broken; there should be none.
	Violations []string `json:"violations"`
	// Tests is how many connection tests it took until one passed under the accidents.
	Tests int `json:"connectionTests"`
	// Syncs are the sync under accidents, the one without, and one more that has nothing to do.
	Syncs []api.SyncResult `json:"syncs"`
	// Stats are what the simulator counted until the accidents ended, Calm from then on.
	Stats simulator.Stats `json:"stats"`
	Calm  simulator.Stats `json:"calm"`
	// AfterRestart are early retries by a worker that was killed during a pause and cannot know of it when it is new.
	AfterRestart int `json:"earlyRetriesAfterRestart"`
	// Early tells of each early retry that was not after a restart what was known of it.
	Early []string `json:"early,omitempty"`
	// Histories searched, and how many secrets, passwords and names were looked for in them.
	Histories int `json:"histories"`
	Needles   int `json:"needles"`
}

// lag is how far reads are behind writes at most: longer than most waits before another attempt, as it may be in earnest,
// and shorter than what entraflow takes for settled.
const lag = 5 * time.Second

// pace shortens entraflow's own waits, never a Retry-After.
const pace = 0.05

// chaosCommand runs a sync under every accident and checks what came of it.
func chaosCommand(ctx context.Context, args []string, out io.Writer) error {
	o := chaosOptions{}
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.IntVar(&o.People, "n", 300, "how many people")
	flags.IntVar(&o.Kills, "kills", 5, "how often the worker is killed")
	flags.Uint64Var(&o.Seed, "seed", 0, "of everything random; 0 takes one from the clock")
	flags.BoolVar(&o.Keep, "keep", false, "leave the directory with server data and logs behind")
	asJSON := flags.Bool("json", false, "print the result as JSON")
	if err := parse(flags, args); err != nil {
		return err
	}
	if o.People < 10 || o.Kills < 0 {
		fmt.Fprintln(os.Stderr, "bench chaos: -n is at least 10, -kills at least 0")
		return errUsage
	}
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().UnixNano())
	}
	say := progressTo(out, *asJSON)
	say("seed %d", o.Seed)
	r, err := runChaos(ctx, o, say)
	if err != nil {
		return fmt.Errorf("seed %d: %w", o.Seed, err)
	}
	if *asJSON {
		err = printJSON(out, r)
	} else {
		r.print(say)
	}
	if err == nil && len(r.Violations) > 0 {
		err = fmt.Errorf("seed %d: %d violations", o.Seed, len(r.Violations))
	}
	return err
}

// chaos is one run.
type chaos struct {
	*bed
	o          chaosOptions
	rng        *rand.Rand
	tenant     *tenant
	population *population
	worker     *workerProcess
	// passwords are what the simulator was sent, to be looked for where they must not be.
	passwords *captured
	result    chaosResult
	say       func(string, ...any)
}

func runChaos(ctx context.Context, o chaosOptions, say func(string, ...any)) (r chaosResult, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	b, err := makeBed(ctx)
	if err != nil {
		return r, err
	}
	if o.Keep {
		say("directory %s", b.dir)
		defer func() { err = errors.Join(err, b.stopServer()) }()
	} else {
		defer func() { err = errors.Join(err, b.close()) }()
	}
	c := &chaos{bed: b, o: o, say: say, rng: rand.New(rand.NewPCG(o.Seed, 7)), passwords: &captured{}}
	c.result = chaosResult{Seed: o.Seed, People: o.People, Violations: []string{}}
	began := time.Now()
	err = c.run(ctx)
	c.result.Seconds = time.Since(began).Seconds()
	return c.result, err
}

func (c *chaos) run(ctx context.Context) (err error) {
	c.population = newPopulation(c.o.People, c.rng)
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = c.population.existing()
	dir := filepath.Join(c.dir, "tenant")
	c.tenant, err = startTenant(dir, simulator.Options{
		Seed: seed, Latency: 20 * time.Millisecond, ReplicaLag: lag, ExtensionDelay: 3 * time.Second,
		Quota: lab.Quota(c.o.People), RandomSeed: c.o.Seed,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.tenant.Close()) }()
	c.population.remember(c.tenant.State())
	early := newEarlyWatch(c.tenant)
	c.tenant.OnRequest(func(r *http.Request) {
		early.observe(r)
		c.passwords.observe(r)
	})
	defer func() { c.result.Early = early.notes() }()
	if err := lab.WritePeople(dir, c.population.lines()); err != nil {
		return err
	}
	c.worker = newWorkerProcess(c.bed, dir)
	if err := c.worker.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.worker.kill()) }()

	c.tenant.SetFaults(lab.Accidents())
	if err := c.connect(ctx, dir); err != nil {
		return err
	}
	if err := c.syncUnderFire(ctx, dir); err != nil {
		return err
	}
	c.result.Stats = c.tenant.Stats()
	c.tenant.SetFaults(simulator.Faults{})
	c.tenant.ResetStats()
	if err := c.syncInPeace(ctx); err != nil {
		return err
	}
	c.result.Calm = c.tenant.Stats()
	c.check()
	return c.search(ctx)
}

// chaosConnection is the connection's name.
const chaosConnection = "contoso"

// connect applies the configuration and tests until a test passes: a test that meets an accident fails, as it should, and
// a person would run it again.
func (c *chaos) connect(ctx context.Context, dir string) error {
	applied, err := lab.Apply(ctx, c.client, api.ApplyInput{Config: lab.Connection(chaosConnection, dir), KeepSyncs: true})
	if err != nil {
		return err
	}
	c.result.Tests = 1
	for valid := applied.Validity == api.Valid; !valid; c.result.Tests++ {
		if c.result.Tests == 30 {
			return fmt.Errorf("30 connection tests failed, the first one so: %+v", applied.Test)
		}
		handle, err := c.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: api.ConnectionID(chaosConnection), UpdateName: api.UpdateTest,
			WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err != nil {
			return fmt.Errorf("test the connection: %w", err)
		}
		if err := handle.Get(ctx, nil); err != nil {
			return fmt.Errorf("test the connection: %w", err)
		}
		if valid, err = c.valid(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *chaos) valid(ctx context.Context) (bool, error) {
	answer, err := c.client.QueryWorkflow(ctx, api.ConnectionID(chaosConnection), "", api.QueryDescribe)
	if err != nil {
		return false, fmt.Errorf("describe: %w", err)
	}
	var d api.Description
	if err := answer.Get(&d); err != nil {
		return false, err
	}
	return d.Valid, nil
}

// syncUnderFire runs the sync during which the worker is killed and the file changes.
func (c *chaos) syncUnderFire(ctx context.Context, dir string) error {
	run, err := c.startSync(ctx, chaosConnection)
	if err != nil {
		return err
	}
	moments := c.moments()
	ended := make(chan struct{})
	var result api.SyncResult
	var failure error
	go func() {
		defer close(ended)
		failure = run.Get(ctx, &result)
	}()
	for i, moment := range moments {
		if !c.passwords.Reached(ctx, moment.writes, ended) {
			c.violate("the sync ended, or was stuck, before %d of %d moments", len(moments)-i, len(moments))
			break
		}
		if err := c.inject(ctx, moment, dir); err != nil {
			return err
		}
	}
	<-ended
	c.result.Syncs = append(c.result.Syncs, result)
	if failure != nil {
		c.violate("the sync under accidents failed: %v", failure)
	}
	return context.Cause(ctx)
}

// inject kills and restarts the worker, changes the file, or does both: then the attempts that were cut off go on under
// other names.
func (c *chaos) inject(ctx context.Context, m moment, dir string) error {
	if m.kill {
		if err := c.worker.kill(); err != nil {
			return err
		}
		c.say("killed the worker after %d writes", c.passwords.Writes())
		c.result.Kills++
	}
	if m.change {
		var lost map[string]bool
		if !m.kill {
			lost = c.loseAnswers(ctx)
		}
		c.result.Renamed = c.population.rename(c.rng, lost)
		c.say("changed %d people after %d writes", c.result.Renamed, c.passwords.Writes())
		if err := lab.WritePeople(dir, c.population.lines()); err != nil {
			return err
		}
	}
	if !m.kill {
		return nil
	}
	before := c.tenant.Stats().EarlyRetries
	if err := c.worker.start(ctx); err != nil {
		return err
	}
	c.result.AfterRestart += c.earlyAfterRestart(ctx, before)
	return nil
}

// loseAnswers lets the next creations be carried out and their answers be lost, and gives the names as soon as there are a
// few: people who change now have an account that nobody knows of, under a name that is theirs no longer.
func (c *chaos) loseAnswers(ctx context.Context) map[string]bool {
	const few = 5
	names := make(chan string, few)
	creation := func(r *http.Request) bool {
		if r.Method != http.MethodPost || r.URL.Path != "/v1.0/users" {
			return false
		}
		name, _ := created(r)
		names <- name
		return true
	}
	for range few {
		c.tenant.FailNext(creation, simulator.Fault{Commit: true, Reset: true})
	}
	lost := map[string]bool{}
	// The first of them asks again soon.
	enough := time.After(30 * time.Second)
	for len(lost) < few {
		select {
		case name := <-names:
			if len(lost) == 0 {
				enough = time.After(150 * time.Millisecond)
			}
			lost[name] = true
		case <-enough:
			return lost
		case <-ctx.Done():
			return lost
		}
	}
	return lost
}

// earlyAfterRestart counts the early retries in the second after a restart, for which the longest pause of the accidents
// lasts. The pause died with the worker that was told of it.
func (c *chaos) earlyAfterRestart(ctx context.Context, before int) int {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
	return c.tenant.Stats().EarlyRetries - before
}

// moment is when something happens, in writes that were sent, and what.
type moment struct {
	writes       int
	kill, change bool
}

// moments are those of the kills, and the one at which the file changes: with a kill or between them. Everybody needs a
// write and most need two, so they are all reached.
func (c *chaos) moments() []moment {
	var out []moment
	for range c.o.Kills {
		out = append(out, moment{writes: 1 + c.rng.IntN(c.o.People*3/2), kill: true})
	}
	if len(out) > 0 && c.rng.IntN(2) == 0 {
		out[c.rng.IntN(len(out))].change = true
	} else {
		out = append(out, moment{writes: c.o.People/4 + c.rng.IntN(c.o.People/2), change: true})
	}
	slices.SortFunc(out, func(a, b moment) int { return a.writes - b.writes })
	return out
}

// syncInPeace runs a sync without accidents, which mends what was left, and one that has nothing to do.
func (c *chaos) syncInPeace(ctx context.Context) error {
	for range 2 {
		run, err := c.startSync(ctx, chaosConnection)
		if err != nil {
			return err
		}
		var result api.SyncResult
		if err := run.Get(ctx, &result); err != nil {
			c.violate("a sync without accidents failed: %v", err)
		}
		c.result.Syncs = append(c.result.Syncs, result)
		// What the first one wrote must be readable everywhere before the second can be asked to find nothing.
		select {
		case <-time.After(lag + time.Second):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (c *chaos) violate(format string, args ...any) {
	c.result.Violations = append(c.result.Violations, fmt.Sprintf(format, args...))
}

func (r chaosResult) print(say func(string, ...any)) {
	say("")
	say("%d people, %d kills, %d people changed meanwhile, %.0f s; %d connection tests until one passed", r.People, r.Kills, r.Renamed, r.Seconds, r.Tests)
	for i, s := range r.Syncs {
		say("  sync %d: %s: %+v, done %v, reasons %v", i+1, s.State, s.Counters, counted(s.Actions), counted(s.Reasons))
	}
	st := r.Stats
	say("  accidents          %v", counted(st.Faults))
	say("  requests           %d writes of which %d carried out, %d reads, %d list pages, %d tokens, at most %d at once", st.Writes, st.Committed, st.Reads, st.ListPages, st.Tokens, st.MaxInFlight)
	say("  throttled          %d answers; early retries %d (of these after a restart %d)", st.Throttled, st.EarlyRetries, r.AfterRestart)
	say("  overlapping writes %d, wasted writes %d", st.OverlappingWrites, st.WastedWrites)
	say("  without accidents  %d writes, %d wasted", r.Calm.Writes, r.Calm.WastedWrites)
	say("  histories          %d searched for %d secrets, passwords and names", r.Histories, r.Needles)
	for _, e := range r.Early {
		say("  early retry        %s", e)
	}
	for _, v := range r.Violations {
		say("VIOLATION: %s", v)
	}
	verdict := "everybody has one account with the right attributes and licenses, and nobody else was touched"
	if len(r.Violations) > 0 {
		verdict = fmt.Sprintf("%d violations", len(r.Violations))
	}
	say("seed %d: %s", r.Seed, verdict)
}

// counted is a map in a fixed order.
func counted[K ~string](m map[K]int) []string {
	out := []string{}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s:%d", k, m[k]))
	}
	return out
}
