package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// countedWorld is one connection with people of whom many are not as they should be.
type countedWorld struct {
	*counting
	*rand.Rand
	n          int
	home       string
	connection config.Connection
	lines      []string
	people     []countedPerson
}

// countedPerson is a line of the source: the header's columns, with the id of the manager in place of the department.
type countedPerson struct{ id, username, given, family, country, license, enabled, manager string }

func (p countedPerson) line() string {
	return strings.Join([]string{p.id, p.username, p.given, p.family, p.country, p.license, p.enabled, p.manager}, ",")
}

func newCountedWorld(c *counting, n int, rng *rand.Rand) *countedWorld {
	w := &countedWorld{counting: c, Rand: rng, n: n, home: filepath.Join(c.bed.dir, fmt.Sprintf("world%03d", n))}
	w.connection = lab.Connection(fmt.Sprintf("world%03d", n), w.home)
	p := &w.connection.Preferences
	p.RemoveAction = []string{config.RemoveDisable, config.RemoveDelete}[rng.IntN(2)]
	p.RemovalGuard = config.RemovalGuard{Count: rng.IntN(6), Percent: 50}
	p.AllowCreate, p.AllowUpdate, p.AllowDisable, p.AllowDeprovision = w.likely(), w.likely(), w.likely(), w.likely()
	if w.seldom() {
		p.ExistingUsers = config.ExistingLeave
	}
	mappings := w.connection.Rules[0].Mappings
	delete(mappings, "department")
	mappings[directory.Manager] = config.Mapping{Expression: `user.department`}
	for i := range 5 + rng.IntN(12) {
		w.people = append(w.people, w.person(i))
		w.lines = append(w.lines, w.people[i].line())
	}
	return w
}

func (w *countedWorld) seldom() bool { return w.IntN(8) == 0 }

func (w *countedWorld) likely() bool { return w.IntN(10) != 0 }

// person is somebody new, with a fault now and then.
func (w *countedWorld) person(i int) countedPerson {
	p := countedPerson{id: fmt.Sprintf("e%02d", i), username: fmt.Sprintf("w%du%02d", w.n, i), given: "Ann", family: fmt.Sprintf("Lee%02d", i),
		country: "US", license: "SPE_E3", enabled: "true"}
	spoil := func(field *string, values ...string) {
		if w.seldom() {
			*field = values[w.IntN(len(values))]
		}
	}
	spoil(&p.username, fmt.Sprintf("w%du%02d", w.n, w.IntN(i+1)), "no name", "")
	spoil(&p.family, strings.Repeat("x", 65), "")
	spoil(&p.country, "XX", "")
	spoil(&p.license, "", "NO_SUCH_LICENSE", "SPE_E5")
	spoil(&p.enabled, "false", "maybe")
	if w.IntN(2) == 0 {
		p.manager = fmt.Sprintf("e%02d", w.IntN(14))
	}
	return p
}

// prepare makes accounts that some of the people meet, and leaves few licenses.
func (w *countedWorld) prepare() (err error) {
	if err := os.MkdirAll(w.home, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.home, "secret.txt"), []byte(simulator.DefaultClientSecret), 0o600); err != nil {
		return err
	}
	used := 0
	for _, u := range w.tenant.State().Tenants[0].Users {
		for _, l := range u.Licenses {
			if l.SkuPartNumber == "SPE_E3" {
				used++
			}
		}
	}
	w.tenant.Mutate(func(t *simulator.Tenant) {
		err = t.SetStock("SPE_E3", used+4+w.IntN(15))
		for _, p := range w.people[2:] {
			if err != nil || !w.seldom() || strings.ContainsAny(p.username, " ") || p.username == "" {
				continue
			}
			surname := p.family
			if w.seldom() || len(surname) > 64 || surname == "" {
				surname = "Stone"
			}
			if _, found := t.AddUser(simulator.UserSeed{"userPrincipalName": p.username + "@contoso.com", "displayName": "Ann " + surname, "mailNickname": p.username,
				"givenName": "Ann", "surname": surname}); found != nil {
				continue // two people of one name
			}
		}
	})
	return err
}

// write replaces the people of the source.
func (w *countedWorld) write(lines []string) error { return lab.WritePeople(w.home, lines) }

// later is the source after some have left, others have come, and values have changed.
func (w *countedWorld) later() []string {
	var lines []string
	for i, p := range w.people {
		switch w.IntN(7) {
		case 0:
			continue
		case 1:
			p.enabled = "false"
		case 2:
			p.family += "-Berg"
		case 3:
			p.username = fmt.Sprintf("w%du%02d", w.n, w.IntN(len(w.people)))
		case 4:
			p.license = ""
		case 5:
			p = w.person(i)
		}
		lines = append(lines, p.line())
	}
	for i := range w.IntN(3) {
		lines = append(lines, w.person(len(w.people)+i).line())
	}
	return lines
}

// planOutput is what `plan -o json` says of a rule, as far as it is compared.
type planOutput struct {
	Rules []struct {
		Actions       map[plan.Action]int
		ManagersLater int
		Outcomes      map[plan.Outcome]int
		Leavers       []struct {
			Action plan.Action
			Held   bool
		}
		Guard plan.Guard
	}
}

// sync plans, syncs, and compares what is said with what was done.
func (w *countedWorld) sync(ctx context.Context, round int, kill bool) error {
	var planned planOutput
	if err := w.starter(ctx, &planned, "plan", "--connection", w.connection.Name, "--rule", lab.RuleName); err != nil {
		return err
	}
	before, stats := w.accounts(), w.tenant.Stats()
	killed := make(chan error, 1)
	ended, cancel := context.WithCancel(ctx)
	defer cancel()
	if kill {
		at := w.writes.Writes() + 1 + w.IntN(8)
		go func() { killed <- w.killAt(ended, at) }()
	} else {
		killed <- nil
	}
	var said struct{ Rules []api.SyncResult }
	if err := w.starter(ctx, &said, "sync", w.connection.Name, lab.RuleName); err != nil {
		return err
	}
	cancel()
	if err := <-killed; err != nil {
		return err
	}
	var result api.SyncResult
	if err := w.client.GetWorkflow(ctx, api.SyncID(w.connection.Name, lab.RuleName), "").Get(ctx, &result); err != nil {
		return err
	}
	w.result.add(result)
	w.compare(round, kill, planned, said.Rules[0], result, before, stats)
	return nil
}

// killAt kills the worker after so many writes, and starts another; a sync that sends fewer ends unharmed.
func (w *countedWorld) killAt(ctx context.Context, writes int) error {
	if !w.writes.Reached(ctx, writes, ctx.Done()) {
		return nil
	}
	if err := w.worker.kill(); err != nil {
		return err
	}
	w.result.Kills++
	// The end of the sync must not end the worker.
	return w.worker.start(context.WithoutCancel(ctx))
}

// accounts are all accounts of the tenant, as JSON by id; those in the recycle bin apart.
func (w *countedWorld) accounts() (all map[string]string) {
	all = map[string]string{}
	for _, u := range w.tenant.State().Tenants[0].Users {
		text, err := json.Marshal(u)
		if err != nil {
			panic(err) // it has been read from JSON
		}
		all[u.ID] = string(text)
	}
	return all
}

// compare finds what contradicts what.
func (w *countedWorld) compare(round int, kill bool, planned planOutput, said, result api.SyncResult, before map[string]string, stats simulator.Stats) {
	if a, b := figures(said), figures(result); a != b {
		w.violate(round, "-o json says %s, the workflow %s", a, b)
	}
	if sum := result.Success + result.Unsynced + result.PartiallySynced + result.Failed; sum != result.Impacted {
		w.violate(round, "impacted is %d, and the outcomes are %d", result.Impacted, sum)
	}
	rule := planned.Rules[0]
	expected, actions := plan.Counters{}, maps.Clone(rule.Actions)
	for outcome, n := range rule.Outcomes {
		expected.Count(outcome, n)
	}
	for _, l := range rule.Leavers {
		if l.Action == plan.Remove && !l.Held {
			expected.Count(plan.Success, 1)
			actions[plan.Remove]++
		}
	}
	delete(actions, plan.None)
	if rule.ManagersLater > 0 {
		actions[plan.Update] += rule.ManagersLater
	}
	if expected != result.Counters {
		w.violate(round, "plan says %+v, the sync %+v (%v)", expected, result.Counters, result.Reasons)
	}
	changed, created, after := 0, 0, w.accounts()
	for id, now := range after {
		was, known := before[id]
		switch {
		case !known:
			created++
		case was != now:
			changed++
		}
	}
	for id := range before {
		if _, there := after[id]; !there {
			changed++
		}
	}
	did := -rule.ManagersLater
	for _, n := range result.Actions {
		did += n
	}
	back := result.Actions[plan.Restore]
	w.result.Uncounted += created + changed - did
	if created != result.Actions[plan.Create]+back {
		w.violate(round, "%d accounts are new, and %d were created and %d restored", created, result.Actions[plan.Create], back)
	}
	if did > created+changed || !kill && did != created+changed {
		w.violate(round, "%d accounts are new and %d changed, and the sync did %v", created, changed, result.Actions)
	}
	if !kill && !maps.Equal(actions, nonzero(result.Actions)) {
		w.violate(round, "plan would do %v, the sync did %v", actions, result.Actions)
	}
	now := w.tenant.Stats()
	if posts := now.Requests["POST /users"] - stats.Requests["POST /users"]; !kill && posts != result.Actions[plan.Create] {
		w.violate(round, "%d creations were sent, and %d accounts created", posts, result.Actions[plan.Create])
	}
	if !kill && now.WastedWrites != stats.WastedWrites {
		w.violate(round, "%d requests changed nothing", now.WastedWrites-stats.WastedWrites)
	}
	if len(now.ProtocolFaults) > 0 {
		w.violate(round, "requests that no correct client sends: %v", now.ProtocolFaults)
	}
	if len(actions) == 0 && now.Committed != stats.Committed {
		w.violate(round, "plan would do nothing, and %d requests changed something: %v", now.Committed-stats.Committed, result.Actions)
	}
}

// nonzero leaves out what was done to nobody.
func nonzero(actions map[plan.Action]int) map[plan.Action]int {
	actions = maps.Clone(actions)
	maps.DeleteFunc(actions, func(_ plan.Action, n int) bool { return n == 0 })
	if actions == nil {
		actions = map[plan.Action]int{}
	}
	return actions
}

// figures are the numbers of a result, for comparing.
func figures(r api.SyncResult) string {
	return fmt.Sprintf("%+v planned %d done %d held %d actions %v reasons %v", r.Counters, r.Planned, r.Done, r.Held, r.Actions, r.Reasons)
}
