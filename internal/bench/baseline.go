package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
)

// baselineResult compares this program with another build of it.
type baselineResult struct {
	People int `json:"people"`
	Rounds int `json:"rounds"`
	// Baseline and Current are people per second over all rounds; Ratio is Current by Baseline.
	Baseline float64 `json:"baselinePerSecond"`
	Current  float64 `json:"currentPerSecond"`
	Ratio    float64 `json:"ratio"`
}

// compareWithBaseline runs the syncs of another build and of this one in turn, each in a process and with a server of its own. Machines
// are noisy: only the ratio of one run means something.
func compareWithBaseline(ctx context.Context, baseline string, n, rounds int, say func(string, ...any)) (r baselineResult, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, fmt.Errorf("find this program: %w", err)
	}
	r.People, r.Rounds = n, rounds
	var before, now float64 // seconds for one person, summed over the rounds
	for i := range rounds {
		programs := []struct {
			path string
			into *float64
		}{{baseline, &before}, {self, &now}}
		if i%2 == 1 {
			programs[0], programs[1] = programs[1], programs[0]
		}
		var rates [2]float64
		for j, p := range programs {
			rate, err := syncRate(ctx, p.path, n)
			if err != nil {
				return r, err
			}
			rates[j] = rate
			*p.into += 1 / rate
		}
		if i%2 == 1 {
			rates[0], rates[1] = rates[1], rates[0]
		}
		say("round %d: baseline %.1f/s, this build %.1f/s, ratio %.2f", i+1, rates[0], rates[1], rates[1]/rates[0])
	}
	r.Baseline, r.Current, r.Ratio = float64(rounds)/before, float64(rounds)/now, before/now
	return r, nil
}

// syncRate is how many people a second one build creates.
func syncRate(ctx context.Context, program string, n int) (float64, error) {
	cmd := exec.CommandContext(ctx, program, "sync", "-n", strconv.Itoa(n), "-rounds", "1", "-json")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s sync: %w", program, err)
	}
	var r syncResult
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return 0, fmt.Errorf("read the result of %s: %w", program, err)
	}
	return r.Sync, nil
}
