package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/simulator"
)

// countersOptions say how many worlds are tried.
type countersOptions struct {
	Runs int
	// Killed: in every so manyth world the worker is killed in the middle of a sync; 0 kills none.
	Killed int
	// Seed decides the worlds. When exactly a worker is killed it does not decide.
	Seed uint64
}

// countersResult is what `bench counters` prints.
type countersResult struct {
	Seed  uint64 `json:"seed"`
	Runs  int    `json:"runs"`
	Syncs int    `json:"syncs"`
	// Kills is how often the worker was killed in the middle of a sync.
	Kills   int     `json:"kills"`
	Seconds float64 `json:"seconds"`
	// People, Outcomes and Actions are sums over all syncs, to show that the worlds had something in them.
	People   int            `json:"people"`
	Outcomes map[string]int `json:"outcomes"`
	Actions  map[string]int `json:"actions"`
	// Uncounted are accounts that a killed worker had written and of which the next attempt found nothing left to do: they are in the tenant
	// and in the outcomes, and not among the actions.
	Uncounted int `json:"uncounted"`
	// Violations are figures that contradict each other; there should be none.
	Violations []string `json:"violations"`
}

// countersCommand lets plan, sync, the JSON for machines and the tenant tell how many people were done what, and compares.
func countersCommand(ctx context.Context, args []string, out io.Writer) error {
	o := countersOptions{}
	flags := flag.NewFlagSet("counters", flag.ContinueOnError)
	flags.IntVar(&o.Runs, "n", 200, "how many worlds")
	flags.IntVar(&o.Killed, "killed", 4, "in every so manyth world the worker is killed in the middle of a sync; 0 is never")
	flags.Uint64Var(&o.Seed, "seed", 0, "of the worlds; 0 takes one from the clock")
	asJSON := flags.Bool("json", false, "print the result as JSON")
	if err := parse(flags, args); err != nil {
		return err
	}
	if o.Runs < 1 || o.Killed < 0 {
		fmt.Fprintln(os.Stderr, "bench counters: -n is at least 1, -killed at least 0")
		return errUsage
	}
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().UnixNano())
	}
	say := progressTo(out, *asJSON)
	say("seed %d", o.Seed)
	r, err := runCounters(ctx, o, say)
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

func (r *countersResult) print(say func(string, ...any)) {
	say("%d worlds, %d syncs of %d people in all, %d killed, in %.0f s", r.Runs, r.Syncs, r.People, r.Kills, r.Seconds)
	say("outcomes %v, actions %v, %d written by a killed worker and found done", r.Outcomes, r.Actions, r.Uncounted)
	for _, v := range r.Violations {
		say("VIOLATION: %s", v)
	}
}

// counting is the measurement under way.
type counting struct {
	*bed
	o      countersOptions
	dir    string
	tenant *tenant
	worker *workerProcess
	writes *captured
	result countersResult
	say    func(string, ...any)
}

func runCounters(ctx context.Context, o countersOptions, say func(string, ...any)) (r countersResult, err error) {
	b, err := makeBed(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	c := &counting{bed: b, o: o, say: say, writes: &captured{}, dir: filepath.Join(b.dir, ".entraflow", "simulator")}
	c.result = countersResult{Seed: o.Seed, Runs: o.Runs, Outcomes: map[string]int{}, Actions: map[string]int{}, Violations: []string{}}
	began := time.Now()
	err = c.run(ctx)
	c.result.Seconds = time.Since(began).Seconds()
	return c.result, err
}

func (c *counting) run(ctx context.Context) (err error) {
	if c.tenant, err = startTenant(c.dir, simulator.Options{RandomSeed: c.o.Seed}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.tenant.Close()) }()
	c.tenant.OnRequest(c.writes.observe)
	c.worker = newWorkerProcess(c.bed, c.dir)
	if err := c.worker.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.worker.kill()) }()
	for n := range c.o.Runs {
		if err := c.world(ctx, n); err != nil {
			return fmt.Errorf("world %d: %w", n, err)
		}
		if (n+1)%20 == 0 {
			c.say("%d worlds, %d violations", n+1, len(c.result.Violations))
		}
	}
	return nil
}

// world is one connection of its own in the tenant: a first sync of two people, one in which a lot happens, and one that finds nothing to do.
func (c *counting) world(ctx context.Context, n int) error {
	w := newCountedWorld(c, n, rand.New(rand.NewPCG(c.o.Seed, uint64(n))))
	if err := w.prepare(); err != nil {
		return err
	}
	if err := w.write(w.lines[:2]); err != nil {
		return err
	}
	applied, err := lab.Apply(ctx, c.client, api.ApplyInput{Config: w.connection, KeepSyncs: true})
	if err != nil {
		return err
	}
	if applied.Validity != api.Valid {
		return fmt.Errorf("the connection test failed: %+v", applied.Test)
	}
	for round, lines := range [][]string{w.lines[:2], w.lines, w.later(), nil} {
		if lines != nil {
			if err := w.write(lines); err != nil {
				return err
			}
		}
		killed := c.o.Killed > 0 && n%c.o.Killed == 0 && (round == 1 || round == 2)
		if err := w.sync(ctx, round, killed); err != nil {
			return err
		}
	}
	return nil
}

// starter runs a command of the command line in this process and reads its JSON.
func (c *counting) starter(ctx context.Context, into any, args ...string) error {
	var stdout, stderr bytes.Buffer
	m := cli.Main{Dir: c.bed.dir, Poll: 100 * time.Millisecond}
	environ := []string{"TEMPORAL_ADDRESS=" + c.server.Address, "HOME=" + c.bed.dir, "TEMPORAL_CONFIG_FILE=" + filepath.Join(c.bed.dir, "none.toml")}
	status := m.Run(ctx, append(args, "-o", "json"), strings.NewReader(""), &stdout, &stderr, environ)
	// Status 1 says that something is held or failed: the figures are there all the same.
	if err := json.Unmarshal(stdout.Bytes(), into); err != nil {
		return fmt.Errorf("%s: status %d, %w: %s", strings.Join(args, " "), status, err, stderr.String())
	}
	return nil
}

// violate notes figures that contradict each other.
func (w *countedWorld) violate(round int, format string, args ...any) {
	text := fmt.Sprintf("world %d, sync %d: ", w.n, round) + fmt.Sprintf(format, args...)
	w.result.Violations = append(w.result.Violations, text)
	w.say("%s", text)
}

// add sums up what the syncs did.
func (r *countersResult) add(result api.SyncResult) {
	r.Syncs++
	r.People += result.Impacted
	for outcome, n := range map[string]int{"success": result.Success, "unsynced": result.Unsynced, "partiallySynced": result.PartiallySynced, "failed": result.Failed} {
		r.Outcomes[outcome] += n
	}
	for action, n := range result.Actions {
		r.Actions[string(action)] += n
	}
}
