package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// deletionRun is the life and the deletion of one rule, with a tenant and a worker process of its own.
type deletionRun struct {
	*bed
	o deletionOptions
	// name is the connection's.
	name       string
	kills      int
	rng        *rand.Rand
	population *deletionPopulation
	tenant     *tenant
	worker     *workerProcess
	ledger     *ledger
	// before is the tenant when the deletion starts, killed the moments of the kills.
	before     simulator.State
	killed     []time.Time
	phase      deletionPhase
	violations []string
	say        func(string, ...any)
}

func runDeletion(ctx context.Context, o deletionOptions, say func(string, ...any)) (r deletionResult, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	began := time.Now()
	b, err := makeBed(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	r = deletionResult{Seed: o.Seed, Action: o.Action, People: o.People, Violations: []string{}}
	if !o.OnlyKills {
		clean, err := b.deletion(ctx, o, "clean", 0, say)
		if err != nil {
			return r, err
		}
		r.Clean, r.Violations = &clean.phase, append(r.Violations, clean.violations...)
		if r.Reference, err = b.referenceRate(ctx, o.People, say); err != nil {
			return r, err
		}
		r.ToReference, r.ToCreation = clean.phase.Rate/r.Reference, clean.phase.Rate/clean.phase.Creation
	}
	killed, err := b.deletion(ctx, o, "killed", o.Kills, say)
	if err != nil {
		return r, err
	}
	r.Killed, r.Violations = killed.phase, append(r.Violations, killed.violations...)
	r.Kept = killed.population.count(func(m member) bool { return m.department == ofBoth })
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}

// referenceRate warms the reference up and measures it.
func (b *bed) referenceRate(ctx context.Context, n int, say func(string, ...any)) (float64, error) {
	w, err := b.startReference(places)
	if err != nil {
		return 0, err
	}
	defer w.Stop()
	if _, err := b.reference(ctx, "reference/warm", min(100, n)); err != nil {
		return 0, err
	}
	took, err := b.reference(ctx, "reference/deletion", n)
	if err != nil {
		return 0, err
	}
	rate := float64(n) / took.Seconds()
	say("reference: %.1f people/s", rate)
	return rate, nil
}

// deletion provisions a rule's people and deletes the rule, while the worker is killed so many times.
func (b *bed) deletion(ctx context.Context, o deletionOptions, name string, kills int, say func(string, ...any)) (d *deletionRun, err error) {
	rng := rand.New(rand.NewPCG(o.Seed, 11+uint64(kills)))
	d = &deletionRun{bed: b, o: o, name: name, kills: kills, rng: rng, ledger: newLedger(), say: say}
	d.population = newDeletionPopulation(o.People, name, rng)
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = d.population.others
	dir := filepath.Join(b.dir, name)
	d.tenant, err = startTenant(dir, simulator.Options{Seed: seed, Latency: 20 * time.Millisecond, ReplicaLag: lag, RandomSeed: o.Seed})
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, d.tenant.Close()) }()
	if err := lab.WritePeople(dir, d.population.lines()); err != nil {
		return d, err
	}
	d.worker = newWorkerProcess(b, dir)
	if err := d.worker.start(ctx); err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, d.worker.kill()) }()
	if err := d.provision(ctx, dir); err != nil {
		return d, err
	}
	if err := d.delete(ctx); err != nil {
		return d, err
	}
	return d, d.check(ctx)
}

// provision creates everybody by the syncs of both rules.
func (d *deletionRun) provision(ctx context.Context, dir string) error {
	applied, err := lab.Apply(ctx, d.client, api.ApplyInput{Config: deletionConfig(d.name, dir, d.o.Action), KeepSyncs: true})
	if err != nil {
		return err
	}
	if applied.Validity != api.Valid {
		return fmt.Errorf("the connection test failed: %+v", applied.Test)
	}
	for _, rule := range []string{lab.RuleName, keeperRule} {
		began := time.Now()
		r, err := d.sync(ctx, rule)
		if err != nil {
			return err
		}
		if r.State != api.SyncCompleted || r.Success != r.Impacted {
			return fmt.Errorf("the sync of rule %s was to provision everybody, but: %+v", rule, r)
		}
		if rule == lab.RuleName {
			d.phase.CreationSeconds = time.Since(began).Seconds()
			d.phase.Creation = float64(r.Actions[plan.Create]+r.Actions[plan.Adopt]) / d.phase.CreationSeconds
			d.say("%s: %d people created at %.1f people/s", d.name, r.Impacted, d.phase.Creation)
		}
	}
	return d.settle(ctx)
}

func (d *deletionRun) sync(ctx context.Context, rule string) (r api.SyncResult, err error) {
	run, err := d.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: api.SyncID(d.name, rule), TaskQueue: api.TaskQueue},
		api.SyncRuleType, api.SyncInput{Connection: d.name, Rule: rule})
	if err == nil {
		err = run.Get(ctx, &r)
	}
	if err != nil {
		return r, fmt.Errorf("sync of rule %s: %w", rule, err)
	}
	return r, nil
}

// settle replaces the worker, so that its write budget is full again, and waits until every server shows what was written.
func (d *deletionRun) settle(ctx context.Context) error {
	if err := d.worker.kill(); err != nil {
		return err
	}
	if err := d.worker.start(ctx); err != nil {
		return err
	}
	select {
	case <-time.After(lag + time.Second):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if _, err := d.describe(ctx); err != nil {
		return err
	}
	d.before = d.tenant.State()
	d.tenant.ResetStats()
	d.tenant.OnRequest(d.ledger.observe)
	return nil
}

func (d *deletionRun) describe(ctx context.Context) (description api.Description, err error) {
	answer, err := d.client.QueryWorkflow(ctx, api.ConnectionID(d.name), "", api.QueryDescribe)
	if err == nil {
		err = answer.Get(&description)
	}
	if err != nil {
		return description, fmt.Errorf("describe: %w", err)
	}
	return description, nil
}

// delete deletes the rule and kills the worker at its moments.
func (d *deletionRun) delete(ctx context.Context) error {
	began := time.Now()
	handle, err := d.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: api.ConnectionID(d.name), UpdateName: api.UpdateDeleteRule,
		Args:         []any{api.RuleInput{Rule: lab.RuleName, Confirm: lab.RuleName}},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	if err != nil {
		return fmt.Errorf("start the deletion: %w", err)
	}
	ended := make(chan struct{})
	var failure error
	go func() {
		defer close(ended)
		failure = d.client.GetWorkflow(ctx, api.DeleteRuleID(d.name, lab.RuleName), "").Get(ctx, &d.phase.Result)
	}()
	for _, moment := range d.moments() {
		if !d.ledger.Reached(ctx, moment, ended) {
			d.violate("the deletion ended, or was stuck, before write %d; %d writes were sent", moment, d.ledger.Writes())
			break
		}
		if err := d.worker.kill(); err != nil {
			return err
		}
		d.killed = append(d.killed, time.Now())
		d.say("%s: killed the worker after %d writes", d.name, d.ledger.Writes())
		if err := d.worker.start(ctx); err != nil {
			return err
		}
	}
	<-ended
	if failure != nil {
		d.violate("the deletion failed: %v", failure)
	}
	d.phase.Kills, d.phase.Seconds = len(d.killed), time.Since(began).Seconds()
	d.phase.Rate = float64(d.o.People) / d.phase.Seconds
	d.say("%s: rule deleted in %.1f s, %.1f people/s", d.name, d.phase.Seconds, d.phase.Rate)
	return context.Cause(ctx)
}

// moments are the writes at which the worker is killed: one somewhere in each of as many stretches, so that no two fall
// together.
func (d *deletionRun) moments() (out []int) {
	all := d.population.writes(d.o.Action)
	for i := range d.kills {
		from, to := i*all/d.kills, (i+1)*all/d.kills
		out = append(out, from+1+d.rng.IntN(to-from))
	}
	return out
}

func (d *deletionRun) violate(format string, args ...any) {
	d.violations = append(d.violations, d.name+": "+fmt.Sprintf(format, args...))
}
