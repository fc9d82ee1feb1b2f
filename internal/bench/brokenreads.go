package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/entraflow/entraflow/internal/lab/ldapserver"
)

// brokenOptions say how many reads are broken, and of which stores.
type brokenOptions struct {
	Reads int
	Seed  uint64
	// Samba: a Samba domain controller is among the stores, which takes half a minute to set up.
	Samba bool
	// Required: a server that this machine has not got is an error. Else its store is left out, and named.
	Required bool
}

// brokenResult is what `bench brokenreads` prints.
type brokenResult struct {
	Seed   uint64         `json:"seed"`
	Reads  int            `json:"reads"`
	Stores []brokenTotals `json:"stores"`
	// Missing are the stores that could not be run here, and why.
	Missing []string `json:"missing,omitempty"`
	// Violations are the reads after which somebody would have lost something, or that proved nothing.
	Violations []string `json:"violations"`
	Seconds    float64  `json:"seconds"`
}

// brokenTotals are what came of the broken reads of one store.
type brokenTotals struct {
	Store string `json:"store"`
	// Refused: no plan, because the reading was not complete. Held: a plan whose removals are held. Whole: the reading did not meet the break,
	// as a deadline that came too late, and the plan changed nobody.
	Refused int `json:"refused"`
	Held    int `json:"held"`
	Whole   int `json:"whole"`
	// Asked: one person's run asked the connection whether it may remove, because nothing showed that the answer was broken.
	Asked int `json:"asked"`
	// Points counts the reads by break point.
	Points map[string]int `json:"points"`
}

// brokenReadsCommand breaks reads of every store and plans with what is left.
func brokenReadsCommand(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("brokenreads", flag.ContinueOnError)
	o := brokenOptions{}
	flags.IntVar(&o.Reads, "n", 500, "how many broken reads")
	flags.Uint64Var(&o.Seed, "seed", uint64(time.Now().UnixNano()), "seed, to repeat a run")
	flags.BoolVar(&o.Samba, "samba", true, "with a Samba domain controller, where it can be started")
	flags.BoolVar(&o.Required, "required", false, "fail where a server is missing on this machine")
	asJSON := flags.Bool("json", false, "print JSON")
	if err := parse(flags, args); err != nil {
		return err
	}
	if o.Reads < 1 {
		fmt.Fprintln(os.Stderr, "bench brokenreads: -n is at least 1")
		return errUsage
	}
	say := progressTo(out, *asJSON)
	r, err := runBrokenReads(ctx, o, say)
	if err != nil {
		return err
	}
	if *asJSON {
		if err := printJSON(out, r); err != nil {
			return err
		}
	} else {
		r.print(say)
	}
	if len(r.Violations) > 0 {
		return fmt.Errorf("%d violations", len(r.Violations))
	}
	return nil
}

func (r brokenResult) print(say func(string, ...any)) {
	say("%d broken reads in %.0f s, seed %d", r.Reads, r.Seconds, r.Seed)
	say("  %-24s %8s %8s %8s %8s   break points", "store", "refused", "held", "whole", "asked")
	for _, s := range r.Stores {
		say("  %-24s %8d %8d %8d %8d   %d", s.Store, s.Refused, s.Held, s.Whole, s.Asked, len(s.Points))
	}
	for _, m := range r.Missing {
		say("  not run: %s", m)
	}
	for _, v := range r.Violations {
		say("  VIOLATION: %s", v)
	}
	say("  %d people removed or disabled", len(r.Violations))
}

// runBrokenReads starts the stores, breaks reads of each, one after the other, and plans after each break.
func runBrokenReads(ctx context.Context, o brokenOptions, say func(string, ...any)) (r brokenResult, err error) {
	began := time.Now()
	rng := rand.New(rand.NewPCG(o.Seed, 1))
	r = brokenResult{Seed: o.Seed, Reads: o.Reads, Violations: []string{}}
	dir, err := os.MkdirTemp("", "broken")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var worlds []*brokenWorld
	defer func() {
		for _, w := range worlds {
			err = errors.Join(err, w.close())
		}
	}()
	for _, start := range brokenStores(o) {
		store, err := start(ctx, dir)
		var missing *ldapserver.Missing
		if errors.As(err, &missing) && !o.Required {
			r.Missing = append(r.Missing, missing.Error())
			continue
		}
		if err != nil {
			return r, err
		}
		w, err := newBrokenWorld(ctx, dir, store)
		if err != nil {
			return r, errors.Join(err, store.close())
		}
		worlds = append(worlds, w)
		if err := w.begin(ctx); err != nil {
			return r, fmt.Errorf("%s: %w", store.name, err)
		}
		say("%s: %d people", store.name, len(store.logins))
	}
	// Every break point of every store comes before any comes again.
	var turns []brokenTurn
	for len(turns) < o.Reads {
		var round []brokenTurn
		for _, w := range worlds {
			for _, point := range w.store.points {
				round = append(round, brokenTurn{w, point})
			}
		}
		rng.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
		turns = append(turns, round...)
	}
	for _, t := range turns[:o.Reads] {
		if err := t.world.try(ctx, t.point, rng); err != nil {
			return r, fmt.Errorf("%s, %s: %w", t.world.store.name, t.point.name, err)
		}
	}
	for _, w := range worlds {
		// What heals by itself has healed: a store that is broken for good would have passed all of this.
		if err := w.intact(ctx); err != nil {
			r.Violations = append(r.Violations, w.store.name+": "+err.Error())
		}
		r.Stores = append(r.Stores, w.totals)
		r.Violations = append(r.Violations, w.violations...)
	}
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}

// brokenTurn is one broken read.
type brokenTurn struct {
	world *brokenWorld
	point breakPoint
}

// breakPoint is one way to break the reads of a store.
type breakPoint struct {
	name string
	// arm breaks the next reads, says how in words, and gives back what mends the store.
	arm func(rng *rand.Rand) (what string, mend func() error, err error)
	// deadline ends the reading itself, at a random moment.
	deadline bool
	// looksWhole: the answer shows in no way that it is broken. A plan holds its removals; a person's run asks the connection, which allows
	// no more of them in 24 hours than the guard of a sync.
	looksWhole bool
}

// try breaks a read, plans, and looks at one person as a run would.
func (w *brokenWorld) try(ctx context.Context, point breakPoint, rng *rand.Rand) error {
	what, mend := "", func() error { return nil }
	reading, cancel := ctx, func() {}
	if point.deadline {
		after := time.Duration(rng.Int64N(int64(w.takes)))
		what = after.String()
		reading, cancel = context.WithTimeout(ctx, after)
	} else {
		var err error
		if what, mend, err = point.arm(rng); err != nil {
			return err
		}
	}
	what = w.store.name + ": " + point.name + " (" + what + ")"
	somebody := w.store.ids[rng.IntN(len(w.store.ids))]
	_, losses := w.plan(reading)
	single, err := w.person(reading, somebody)
	if len(single) > 0 && point.looksWhole {
		w.totals.Asked++
		single = nil
	}
	cancel()
	if err := errors.Join(err, mend()); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	for _, loss := range slices.Concat(losses, single) {
		w.violations = append(w.violations, what+": "+loss)
	}
	w.totals.Points[point.name]++
	return ctx.Err()
}
