package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/simulator"
)

// groupsResult is what `bench groups` prints.
type groupsResult struct {
	People int `json:"people"`
	// Groups is how many groups there are, each person being in GroupsEach of them.
	Groups     int `json:"groups"`
	GroupsEach int `json:"groupsEach"`
	// Writes of the first sync against Bound: one for each person, and for each group as many as its members by twenty. Ratio is the one by the other.
	Writes int     `json:"writes"`
	Bound  int     `json:"bound"`
	Ratio  float64 `json:"ratio"`
	// Seconds of the first sync and of the second, and what the second wrote and read.
	Seconds       float64        `json:"seconds"`
	SecondSeconds float64        `json:"secondSeconds"`
	SecondWrites  int            `json:"secondWrites"`
	SecondPages   int            `json:"secondListPages"`
	Second        map[string]int `json:"secondRequests"`
	// Changed is how many people then move from one group to another, and what a third sync writes and takes for it.
	Changed      int     `json:"changed"`
	ThirdWrites  int     `json:"thirdWrites"`
	ThirdSeconds float64 `json:"thirdSeconds"`
	// Events of the longest run of a sync, and of a group's workflow.
	SyncEvents  int `json:"syncEvents"`
	GroupEvents int `json:"groupEvents"`
}

// groupsCommand measures what groups cost: the writes of a first sync against the bound, and that a second one writes nothing.
func groupsCommand(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("groups", flag.ContinueOnError)
	n := flags.Int("people", 10_000, "how many people")
	each := flags.Int("groups", 5, "in how many groups each person is")
	size := flags.Int("size", 500, "how many members a group has, about")
	moved := flags.Int("changed", 100, "how many people move between the second sync and the third")
	asJSON := flags.Bool("json", false, "print the result as JSON")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *n < 1 || *each < 1 || *size < 1 || *moved < 0 || *moved > *n {
		fmt.Fprintln(os.Stderr, "bench groups: -people, -groups and -size are at least 1, and -changed is at most -people")
		return errUsage
	}
	say := progressTo(out, *asJSON)
	b, err := makeBed(ctx)
	if err != nil {
		return err
	}
	r, err := b.groups(ctx, crew{people: *n, each: *each, groups: max(*each+1, *n**each / *size)}, *moved, say)
	if err := errors.Join(err, b.close()); err != nil {
		return err
	}
	if *asJSON {
		return printJSON(out, r)
	}
	say("%d people in %d groups each, %d groups: %d writes, bound %d, ratio %.3f, %.0f s", r.People, r.GroupsEach, r.Groups, r.Writes, r.Bound, r.Ratio, r.Seconds)
	say("second sync: %d writes, %d list pages, %.0f s; %d people moved: %d writes, %.0f s", r.SecondWrites, r.SecondPages, r.SecondSeconds, r.Changed, r.ThirdWrites, r.ThirdSeconds)
	say("history events: a run of the sync %d, a group %d", r.SyncEvents, r.GroupEvents)
	return nil
}

// crew are people in groups: person i is in group i, i+1 and so on, around the circle.
type crew struct{ people, each, groups int }

// lines are people.csv; the first moved people are each in one other group.
func (c crew) lines(moved int) []string {
	out := make([]string, c.people)
	for i := range c.people {
		var groups []string
		for g := range c.each {
			if g == 0 && i < moved {
				g = c.each
			}
			groups = append(groups, fmt.Sprintf("Group %04d", (i+g)%c.groups))
		}
		out[i] = fmt.Sprintf("p%06d,person%06d,Ann%06d,Lee%06d,US,,true,Sales,%s", i, i, i, i, strings.Join(groups, ";"))
	}
	return out
}

// bound is the fewest writes that make everybody and put them into their groups.
func (c crew) bound() int {
	members := make([]int, c.groups)
	for i := range c.people {
		for g := range c.each {
			members[(i+g)%c.groups]++
		}
	}
	writes := c.people
	for _, n := range members {
		writes += (n + graph.MaxMembers - 1) / graph.MaxMembers
	}
	return writes
}

// groups runs three syncs.
func (b *bed) groups(ctx context.Context, c crew, moved int, say func(string, ...any)) (r groupsResult, err error) {
	r = groupsResult{People: c.people, Groups: c.groups, GroupsEach: c.each, Bound: c.bound(), Changed: moved}
	dir := filepath.Join(b.dir, "groups")
	t, err := startTenant(dir, simulator.Options{})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	e, err := engine.New(engine.Parts{
		Client: b.client, Environment: engine.Environment{WriteShare: 1, Activities: places, Pace: 1}, Simulator: &t.endpoint, Log: quiet(),
	})
	if err != nil {
		return r, err
	}
	w := e.Worker()
	if err := w.Start(); err != nil {
		return r, fmt.Errorf("start the worker: %w", err)
	}
	defer w.Stop()
	settings := lab.Connection("groups", dir)
	settings.Rules[0].Groups = []config.Group{{Match: `group.name.startsWith("Group ")`}}
	settings.Preferences.RemovalGuard.Percent = 100
	if err := writeCrew(dir, c.lines(0)); err != nil {
		return r, err
	}
	applied, err := lab.Apply(ctx, b.client, api.ApplyInput{Config: settings, KeepSyncs: true})
	if err != nil {
		return r, err
	}
	if applied.Validity != api.Valid {
		return r, fmt.Errorf("the connection test failed: %+v", applied.Test)
	}
	var took time.Duration
	say("first sync")
	if r.Writes, took, err = b.groupSync(ctx, t, c); err != nil {
		return r, err
	}
	r.Seconds, r.Ratio = took.Seconds(), float64(r.Writes)/float64(r.Bound)
	if r.SyncEvents, _, err = b.events(ctx, api.SyncID("groups", lab.RuleName), b.firstRun(ctx, api.SyncID("groups", lab.RuleName))); err != nil {
		return r, err
	}
	group := api.GroupID("groups", "Group 0000")
	if r.GroupEvents, _, err = b.events(ctx, group, b.firstRun(ctx, group)); err != nil {
		return r, err
	}
	say("second sync")
	if r.SecondWrites, took, err = b.groupSync(ctx, t, c); err != nil {
		return r, err
	}
	r.SecondSeconds, r.SecondPages, r.Second = took.Seconds(), t.Stats().ListPages, t.Stats().Requests
	say("third sync, of %d people who moved", moved)
	if err := writeCrew(dir, c.lines(moved)); err != nil {
		return r, err
	}
	r.ThirdWrites, took, err = b.groupSync(ctx, t, c)
	r.ThirdSeconds = took.Seconds()
	return r, err
}

// groupSync syncs and counts what it wrote.
func (b *bed) groupSync(ctx context.Context, t *tenant, c crew) (writes int, took time.Duration, err error) {
	t.ResetStats()
	began := time.Now()
	run, err := b.startSync(ctx, "groups")
	if err != nil {
		return 0, 0, err
	}
	var result api.SyncResult
	if err := run.Get(ctx, &result); err != nil {
		return 0, 0, fmt.Errorf("sync: %w", err)
	}
	if result.Success != c.people || result.Groups.Success != c.groups {
		return 0, 0, fmt.Errorf("the sync was to end with %d people and %d groups as they should be, but: %s %+v", c.people, c.groups, result.Message, result.Groups)
	}
	return t.Stats().Writes, time.Since(began), nil
}

// writeCrew replaces people.csv at once.
func writeCrew(dir string, lines []string) error {
	path := filepath.Join(dir, "people.csv")
	if err := os.WriteFile(path+".new", []byte(lab.Header+",memberOf\n"+strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
