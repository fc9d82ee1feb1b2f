//go:build linux

package topology_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/topology"
)

// Three hundred people join, move, leave and return over five syncs under every accident, while workers are killed twenty
// times and Temporal and PostgreSQL go down twice each. After each sync the tenant is as a model says that knows the file
// alone, and nothing was taken from anybody outside of what the file asked for.
//
// CHAOS_SEED=7 runs one seed, CHAOS_SEEDS=1-10 several; without either the clock gives one.
func TestPeopleComeAndGo(t *testing.T) {
	if os.Getenv(variable) == "" {
		t.Skipf("takes minutes and needs PostgreSQL; set %s=1, or run .ci/topology", variable)
	}
	for _, seed := range seeds(t) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			comeAndGo(t, chaosSize{people: 300, rounds: 5, kills: 20, servers: 2, workers: 2, lag: 5 * time.Second}, seed)
		})
	}
}

// The same with thirty people on Temporal's development server, which stays up.
func TestPeopleComeAndGoSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("takes more than a minute")
	}
	comeAndGo(t, chaosSize{people: 30, rounds: 3, kills: 3, workers: 2, lag: time.Second, development: true}, seeds(t)[0])
}

func seeds(t *testing.T) (out []uint64) {
	number := func(text string) uint64 {
		n, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "CHAOS_SEED is a number, CHAOS_SEEDS two with a dash")
		return n
	}
	if text := os.Getenv("CHAOS_SEEDS"); text != "" {
		first, last, _ := strings.Cut(text, "-")
		for n := number(first); n <= number(last); n++ {
			out = append(out, n)
		}
		return out
	}
	if text := os.Getenv("CHAOS_SEED"); text != "" {
		return []uint64{number(text)}
	}
	return []uint64{uint64(time.Now().UnixNano())}
}

// chaosSize says how much of everything.
type chaosSize struct {
	people, rounds, kills, workers int
	// servers is how often Temporal, and how often PostgreSQL, goes down.
	servers int
	// lag is how far reads are behind writes at most.
	lag         time.Duration
	development bool
}

// pace is the factor of entraflow's own waits: reads count as settled, in earnest after 15 minutes, after nine times the lag.
func (s chaosSize) pace() float64 { return 9 * s.lag.Minutes() / 15 }

// chaosRun is one run.
type chaosRun struct {
	t    *testing.T
	size chaosSize
	rng  *rand.Rand
	dir  string
	*topology.Topology
	sim    *simulator.Server
	watch  *watch
	staff  *workforce
	ledger *ledger

	deletes bool
	// heldRound is the one in which too many leave; approves: they go in the next one, else they return.
	heldRound int
	approves  bool
	// held are those who would have lost something in the held round.
	held    []string
	strikes [][]strike // by round
	// last is the result of the sync before.
	last api.SyncResult
	// kills and late are how many workers were killed, and how many strikes came after their sync.
	kills, late int
}

func comeAndGo(t *testing.T, size chaosSize, seed uint64) {
	t.Logf("CHAOS_SEED=%d", seed)
	began := time.Now()
	c := &chaosRun{t: t, size: size, rng: rand.New(rand.NewPCG(seed, 11)), watch: newWatch()}
	c.staff = newWorkforce(size.people, c.rng)
	c.deletes, c.approves = c.rng.IntN(2) == 0, c.rng.IntN(2) == 0
	c.heldRound = 2 + c.rng.IntN(size.rounds-2)
	c.strikes = c.plot()
	c.startTenant(seed)
	c.Topology = topology.Start(t, topology.Options{
		Simulator: c.dir, Sources: c.dir, Workers: size.workers, Activities: 6, Pace: size.pace(), Development: size.development,
	})
	c.connect()
	t.Logf("delete %t, held in round %d, then approved %t", c.deletes, c.heldRound, c.approves)
	for n := 1; n <= size.rounds; n++ {
		c.round(n)
	}
	for _, s := range c.strikes[size.rounds] {
		c.strike(s, nil)
	}
	stats := c.sim.Stats()
	c.peace()
	c.judge(stats)
	searched, needles := c.search()

	l := c.ledger
	t.Logf("seed %d: %d people in the end, %d removed, %d came back from the bin, %d to a disabled account; %d kills; "+
		"%d writes, %d carried out, %d changed nothing, %d overlapped, %d retries before a Retry-After; %d strikes after their sync; "+
		"%d histories searched for %d secrets; %d violations; %.0f s; accidents %v",
		seed, len(c.staff.people), l.removed, l.restored, l.returned, c.kills,
		stats.Writes, stats.Committed, stats.WastedWrites, stats.OverlappingWrites, stats.EarlyRetries, c.late,
		searched, needles, len(l.violations), time.Since(began).Seconds(), counted(stats.Faults))
	c.explain()
	require.Empty(t, l.violations, "seed %d:\n%s", seed, strings.Join(l.violations, "\n"))
	require.Equal(t, size.kills, c.kills)
}

func (c *chaosRun) startTenant(seed uint64) {
	c.dir = c.t.TempDir()
	world := simulator.DefaultSeed()
	world.Tenants[0].Users = c.staff.existing()
	var err error
	c.sim, err = simulator.Start(simulator.Options{
		Seed: world, Latency: 150 * time.Millisecond, ReplicaLag: c.size.lag, ExtensionDelay: 3 * time.Second,
		Quota: lab.Quota(c.size.people), RandomSeed: seed,
	})
	require.NoError(c.t, err)
	c.t.Cleanup(func() { _ = c.sim.Close() })
	c.ledger = newLedger(c.staff, c.sim.State())
	c.sim.OnRequest(c.watch.observe)
	ca := filepath.Join(c.dir, "ca.pem")
	require.NoError(c.t, os.WriteFile(ca, c.sim.CAPEM(), 0o600))
	require.NoError(c.t, os.WriteFile(c.secret(), []byte(simulator.DefaultClientSecret), 0o600))
	require.NoError(c.t, engine.SaveSimulatorEndpoint(c.dir, engine.SimulatorEndpoint{URL: c.sim.URL(), CAFile: ca}))
	require.NoError(c.t, c.staff.save(c.dir))
}

// round changes the file, syncs under fire, and judges.
func (c *chaosRun) round(n int) {
	began := time.Now()
	if n > 1 {
		c.staff.change(c.turn(n, false))
		require.NoError(c.t, c.staff.save(c.dir))
	}
	switch {
	case n == c.heldRound:
		c.held = c.allLosing()
	case n == c.heldRound+1 && c.approves:
		// An approval of another set would rightly not count.
		if now := c.allLosing(); !slices.Equal(c.held, now) {
			c.t.Logf("held were %v, and to be approved are %v", c.held, now)
		}
	}
	r := round{name: fmt.Sprintf("round %d", n), versions: []version{c.staff.version()}}
	r.deletes, r.held = c.deletes, n == 1 || n == c.heldRound
	c.watch.begin()
	runID := c.startSync(n)
	result := c.underFire(n, runID, &r)
	want := api.SyncCompleted
	if n == c.heldRound {
		want = api.SyncHeld
	}
	c.settle(r, want, result)
	c.t.Logf("%s: %s, %d of %d people, %v, guard %d of %d, %d writes, %.0f s", r.name, result.State, result.Planned, result.Impacted,
		counted(result.Actions), result.Guard.Removals, result.Guard.Allowed, c.watch.count(), time.Since(began).Seconds())
}

// settle judges a round once all reads show what was written.
func (c *chaosRun) settle(r round, want api.SyncState, result api.SyncResult) {
	r.losses, r.touched = c.watch.round()
	c.ledger.checkResult(r, want, result)
	c.ledger.check(r, c.sim.State())
	c.last = result
	lagging := time.NewTimer(c.size.lag + time.Second)
	defer lagging.Stop()
	// What the connection knows of this sync decides about the next.
	require.Eventually(c.t, func() bool {
		s := c.describe().Syncs[chaosRule]
		return s.StartedAt.Equal(result.StartedAt) && s.State == result.State
	}, patience, 100*time.Millisecond)
	<-lagging.C
}

// turn says what happens to the file before or during a round.
func (c *chaosRun) turn(n int, during bool) turn {
	o := turn{round: n, during: during, losses: true}
	approved := c.approves && n == c.heldRound+1
	switch {
	case n == 1:
		// An account is found for adoption by the name that it has.
		o.alone = func(e *employee) bool { return e.adopted }
	case n == c.heldRound && !during:
		o.exodus = true
	case n == c.heldRound || approved:
		// What is held, and perhaps approved, stays exactly that.
		o.losses, o.alone = false, c.losing
	case n == c.heldRound+1 && !during:
		o.losses, o.welcome = false, true
	}
	return o
}

// losing are those whose accounts have something that the file no longer grants.
func (c *chaosRun) losing(e *employee) bool {
	return loses(c.ledger.account(e.id), e, e.claimed(), circumstances{deletes: c.deletes})
}

// allLosing are the ids of all of them.
func (c *chaosRun) allLosing() (out []string) {
	for _, e := range c.staff.people {
		if !e.refused && c.losing(e) {
			out = append(out, e.id)
		}
	}
	return out
}

// startSync starts a round's sync, by an approval where one is due, and gives its run.
func (c *chaosRun) startSync(n int) string {
	ctx := c.context()
	if n == c.heldRound+1 && c.approves {
		c.update(api.UpdateApproveRemovals, api.ApproveInput{Rule: chaosRule, Hash: c.last.Guard.Hash})
		d, err := c.Client.DescribeWorkflow(ctx, api.SyncID(chaosConnection, chaosRule), "")
		require.NoError(c.t, err)
		return d.RawResponse.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	}
	run, err := c.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: api.SyncID(chaosConnection, chaosRule), TaskQueue: api.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
	}, api.SyncRuleType, api.SyncInput{Connection: chaosConnection, Rule: chaosRule})
	require.NoError(c.t, err)
	return run.GetRunID()
}

// await waits for a sync's result. A question that fails is asked again: things are going down on purpose.
func (c *chaosRun) await(ctx context.Context, runID string) (result api.SyncResult, err error) {
	for {
		err := c.Client.GetWorkflow(ctx, api.SyncID(chaosConnection, chaosRule), runID).Get(ctx, &result)
		if failed := new(temporal.WorkflowExecutionError); err == nil || errors.As(err, &failed) || ctx.Err() != nil {
			return result, err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// underFire waits for a sync and strikes meanwhile.
func (c *chaosRun) underFire(n int, runID string, r *round) (result api.SyncResult) {
	ctx := c.context()
	ended := make(chan struct{})
	var failure error
	go func() {
		defer close(ended)
		result, failure = c.await(ctx, runID)
	}()
	expected := c.expected(r.versions[0], r.circumstances)
	for i, s := range c.strikes[n-1] {
		if !c.watch.reached(ctx, max(1, int(s.at*float64(expected))), ended) {
			// The sync was quicker; what goes down goes down early in the next.
			for _, s := range c.strikes[n-1][i:] {
				c.late++
				if s.what != changeFile {
					c.strikes[n] = slices.Insert(c.strikes[n], 0, strike{what: s.what})
				}
			}
			break
		}
		c.strike(s, r)
	}
	<-ended
	require.NoError(c.t, ctx.Err(), "%s did not end", r.name)
	if failure != nil {
		c.ledger.violate("%s: the sync failed: %v", r.name, failure)
	}
	return result
}

// expected is about how many writes a sync needs.
func (c *chaosRun) expected(v version, circumstances circumstances) (writes int) {
	for _, e := range c.staff.people {
		before := c.ledger.account(e.id)
		after := fate(before, e, v[e.id], circumstances)
		if before != after {
			writes++
		}
		if before.license != after.license {
			writes++
		}
	}
	return writes
}

// peace ends the accidents: one more sync mends what was left, and another finds nothing to write.
func (c *chaosRun) peace() {
	c.sim.SetFaults(simulator.Faults{})
	c.sim.ResetStats()
	for n, name := range []string{"the sync without accidents", "the last sync"} {
		r := round{name: name, versions: []version{c.staff.version()}, circumstances: circumstances{deletes: c.deletes}}
		c.watch.begin()
		result, err := c.await(c.context(), c.startSync(0))
		require.NoError(c.t, err, name)
		c.settle(r, api.SyncCompleted, result)
		c.t.Logf("%s: %s, %d of %d people, %v", name, result.State, result.Planned, result.Impacted, counted(result.Actions))
		if n == 1 && (result.Planned != 0 || c.watch.count() != 0) {
			c.ledger.violate("the last sync was to find nothing to do: %d planned, %d writes: %v", result.Planned, c.watch.count(), result.Actions)
		}
	}
}
