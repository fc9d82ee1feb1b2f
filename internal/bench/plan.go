package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// planResult is what `bench plan` prints: a tenth of the people, and all of them.
type planResult struct {
	Sizes []planSize `json:"sizes"`
	// Growth is how much longer ten times the people take; linear is 10. Reads is the same for single reads; constant is 1.
	Growth float64 `json:"growth"`
	Reads  float64 `json:"readGrowth"`
}

// planSize is one measurement, in a process of its own against a simulator of its own.
type planSize struct {
	People    int     `json:"people"`
	Seconds   float64 `json:"seconds"`
	CPU       float64 `json:"cpuSeconds"`
	PeakBytes int64   `json:"peakBytes"`
	// Requests by route, without the token.
	Requests  map[string]int `json:"requests"`
	ListPages int            `json:"listPages"`
	// Unchanged is how many people the plan found nothing to do for.
	Unchanged int `json:"unchanged"`
	// FirstRead builds the file's index; Read is the mean of single reads by id after that.
	FirstRead time.Duration `json:"firstReadNanoseconds"`
	Read      time.Duration `json:"readNanoseconds"`
	// Phases in the order in which they began, each with what had passed by then.
	Phases []planPhase `json:"phases"`
}

type planPhase struct {
	Name  string  `json:"name"`
	Began float64 `json:"beganSeconds"`
}

// planCommand measures planning people for whom there is nothing to do, at two sizes.
func planCommand(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("plan", flag.ContinueOnError)
	n := flags.Int("n", 100_000, "how many people; a tenth of them is measured, too")
	asJSON := flags.Bool("json", false, "print the result as JSON")
	profile := flags.String("profile", "", "write CPU and heap profiles of the larger plan to this name with .cpu and .heap")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *n < 10 {
		fmt.Fprintln(os.Stderr, "bench plan: -n is at least 10")
		return errUsage
	}
	say := progressTo(out, *asJSON)
	var r planResult
	for _, size := range []int{*n / 10, *n} {
		file := ""
		if size == *n && *profile != "" {
			// The process that is measured works in another directory.
			var err error
			if file, err = filepath.Abs(*profile); err != nil {
				return err
			}
		}
		say("planning %d people", size)
		one, err := planSeparately(ctx, size, file)
		if err != nil {
			return err
		}
		r.Sizes = append(r.Sizes, one)
	}
	small, large := r.Sizes[0], r.Sizes[1]
	r.Growth = large.Seconds / small.Seconds
	r.Reads = float64(large.Read) / float64(small.Read)
	if *asJSON {
		return printJSON(out, r)
	}
	r.print(say)
	return nil
}

// planSeparately runs a simulator and a planner, each as a process of its own, so that the peaks are independent.
func planSeparately(ctx context.Context, people int, profile string) (r planSize, err error) {
	dir, err := os.MkdirTemp("", "entraflow-bench-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	settings := []string{peopleVariable + "=" + strconv.Itoa(people), dirVariable + "=" + dir, profileVariable + "=" + profile}

	sim, err := itself(ctx, roleSimulator, settings...)
	if err != nil {
		return r, err
	}
	sim.Stderr = os.Stderr
	ready, err := sim.StdoutPipe()
	if err != nil {
		return r, err
	}
	if err := sim.Start(); err != nil {
		return r, err
	}
	defer func() {
		cancel()
		_ = sim.Wait() // it was killed on purpose
	}()
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		return r, fmt.Errorf("the simulator did not start: %w", err)
	}

	planner, err := itself(ctx, rolePlanner, settings...)
	if err != nil {
		return r, err
	}
	planner.Stderr = os.Stderr
	answer, err := planner.Output()
	if err != nil {
		return r, fmt.Errorf("the plan failed: %w", err)
	}
	return r, json.Unmarshal(answer, &r)
}

func (r planResult) print(say func(string, ...any)) {
	say("")
	say("planning unchanged people, the tenant read over HTTPS from another process")
	say("  %-28s %12d %12d", "people", r.Sizes[0].People, r.Sizes[1].People)
	row := func(name, format string, value func(planSize) any) {
		say("  %-28s %12s %12s", name, fmt.Sprintf(format, value(r.Sizes[0])), fmt.Sprintf(format, value(r.Sizes[1])))
	}
	row("seconds", "%.2f", func(s planSize) any { return s.Seconds })
	row("CPU seconds", "%.2f", func(s planSize) any { return s.CPU })
	row("peak memory, MB", "%.0f", func(s planSize) any { return float64(s.PeakBytes) / 1e6 })
	row("list pages", "%d", func(s planSize) any { return s.ListPages })
	row("other requests", "%d", func(s planSize) any { return total(s.Requests) - s.ListPages })
	row("unchanged", "%d", func(s planSize) any { return s.Unchanged })
	row("first read by id, ms", "%.1f", func(s planSize) any { return float64(s.FirstRead) / 1e6 })
	row("further reads by id, µs", "%.1f", func(s planSize) any { return float64(s.Read) / 1e3 })
	say("  ten times the people: %.1f times the time (linear: 10), %.2f times the time of a single read (constant: 1)", r.Growth, r.Reads)
	for _, s := range r.Sizes {
		for i, p := range s.Phases {
			end := s.Seconds
			if i+1 < len(s.Phases) {
				end = s.Phases[i+1].Began
			}
			say("  %d people: %-36s %6.2f s", s.People, p.Name, end-p.Began)
		}
	}
}

func total(counts map[string]int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}
