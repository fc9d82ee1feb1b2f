//go:build linux

package topology_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

// What is struck.
const (
	changeFile    = "the file changes"
	killWorkers   = "all workers are killed"
	killWorker    = "worker %"
	killTemporal  = "Temporal is killed"
	stopDatabase  = "PostgreSQL stops"
	crashDatabase = "PostgreSQL crashes"
)

// strike is what happens during a sync, and when, as a part of the writes that it needs.
type strike struct {
	at   float64
	what string
}

// plot spreads the strikes over the rounds. There is one list more, for what comes too late.
func (c *chaosRun) plot() [][]strike {
	out := make([][]strike, c.size.rounds+1)
	add := func(round int, what string, from, to float64) {
		out[round] = append(out[round], strike{at: from + c.rng.Float64()*(to-from), what: what})
	}
	for round := range c.size.rounds {
		add(round, changeFile, 0.1, 0.6)
	}
	for i := 0; i < c.size.kills; {
		round := i % c.size.rounds
		if i+c.size.workers <= c.size.kills && c.rng.IntN(5) == 0 {
			add(round, killWorkers, 0, 0.8)
			i += c.size.workers
			continue
		}
		add(round, strings.Replace(killWorker, "%", string(rune('0'+c.rng.IntN(c.size.workers))), 1), 0, 0.8)
		i++
	}
	for i := range c.size.servers {
		add(c.rng.IntN(c.size.rounds), killTemporal, 0, 0.7)
		add(c.rng.IntN(c.size.rounds), []string{stopDatabase, crashDatabase}[i%2], 0, 0.7)
	}
	for _, list := range out {
		slices.SortFunc(list, func(a, b strike) int {
			if a.at < b.at {
				return -1
			}
			return 1
		})
	}
	return out
}

// strike carries one out and brings back what it took down. r is the running round; nil after the last.
func (c *chaosRun) strike(s strike, r *round) {
	began, at := time.Now(), c.watch.count()
	switch s.what {
	case changeFile:
		c.changeDuring(r)
	case killWorkers:
		for _, w := range c.Workers {
			w.Kill()
		}
		for i := range c.Workers {
			c.StartWorker(i)
		}
		c.kills += len(c.Workers)
	case killTemporal:
		c.Server.Kill()
		c.Server.Start()
	case stopDatabase:
		c.Cluster.Stop()
		// It stays down until that is felt.
		require.Eventually(c.t, func() bool { return !c.answers() }, time.Minute, 200*time.Millisecond)
		c.Cluster.Start()
		require.Eventually(c.t, c.answers, time.Minute, 200*time.Millisecond)
	case crashDatabase:
		c.Cluster.Crash()
		c.Cluster.Start()
		require.Eventually(c.t, c.answers, time.Minute, 200*time.Millisecond)
	default:
		i := int(s.what[len(s.what)-1] - '0')
		c.Workers[i].Kill()
		c.StartWorker(i)
		c.kills++
	}
	c.t.Logf("  after %d writes: %s (%.1f s)", at, s.what, time.Since(began).Seconds())
}

// changeDuring changes the file while a sync runs, right after answers were lost: people who change now may have an account
// that nobody knows of, under a name that is theirs no longer.
func (c *chaosRun) changeDuring(r *round) {
	n := int(r.name[len(r.name)-1] - '0')
	o := c.turn(n, true)
	o.certain = c.loseAnswers()
	c.staff.change(o)
	r.versions = append(r.versions, c.staff.version())
	require.NoError(c.t, c.staff.save(c.dir))
	r.changed = time.Now()
}

// loseAnswers lets the next few writes of each kind be carried out and their answers be lost, and gives the names of the
// accounts that were created so.
func (c *chaosRun) loseAnswers() map[string]bool {
	const few = 5
	names := make(chan string, few)
	lost := simulator.Fault{Commit: true, Reset: true}
	for range few {
		c.sim.FailNext(func(r *http.Request) bool {
			if !creation(r) {
				return false
			}
			raw, err := io.ReadAll(r.Body)
			var body struct{ UserPrincipalName string }
			if err == nil && json.Unmarshal(raw, &body) == nil {
				names <- body.UserPrincipalName
			}
			return true
		}, lost)
	}
	for _, what := range []string{"DELETE ", "POST restore", "POST assignLicense", "PATCH "} {
		method, end, _ := strings.Cut(what, " ")
		for range 2 {
			c.sim.FailNext(func(r *http.Request) bool {
				return r.Method == method && strings.HasSuffix(r.URL.Path, end) && strings.HasPrefix(r.URL.Path, "/v1.0/")
			}, lost)
		}
	}
	out := map[string]bool{}
	enough := time.After(3 * time.Second)
	for len(out) < few {
		select {
		case name := <-names:
			if len(out) == 0 {
				enough = time.After(300 * time.Millisecond)
			}
			out[name] = true
		case <-enough:
			return out
		}
	}
	return out
}
