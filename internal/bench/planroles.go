package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/source/file"
)

const (
	roleSimulator = "simulator"
	rolePlanner   = "planner"

	peopleVariable  = "BENCH_PEOPLE"
	dirVariable     = "BENCH_DIR"
	profileVariable = "BENCH_PROFILE"
)

// planConnection is the connection whose people are planned.
const planConnection = "contoso"

// planPerson is the ith person of the file, and planAccount the account as entraflow would have left it.
func planPerson(i int) string {
	return fmt.Sprintf("p%06d,person%06d,Given%06d,Family%06d,US,SPE_E3,true,Department %02d", i, i, i, i, i%40)
}

func planAccount(i int, sourceTag string) simulator.UserSeed {
	mark := directory.Mark{Origin: directory.Created, Source: sourceTag}.WithLicenses([]string{simulator.SKUM365E3})
	return simulator.UserSeed{
		"userPrincipalName": fmt.Sprintf("person%06d@contoso.com", i),
		"displayName":       fmt.Sprintf("Given%06d Family%06d", i, i),
		"givenName":         fmt.Sprintf("Given%06d", i),
		"surname":           fmt.Sprintf("Family%06d", i),
		"mailNickname":      fmt.Sprintf("person%06d", i),
		"department":        fmt.Sprintf("Department %02d", i%40),
		"usageLocation":     "US",
		"accountEnabled":    true,
		"licenses":          []string{simulator.SKUM365E3},
		graph.ExtensionName(simulator.DefaultClientID, graph.LinkProperty): directory.NewLink(planConnection, lab.RuleName, fmt.Sprintf("p%06d", i)).String(),
		graph.ExtensionName(simulator.DefaultClientID, graph.MarkProperty): mark.String(),
	}
}

// simulatorRole runs a simulator with everybody in it until it is killed. It writes a byte when it is ready.
func simulatorRole(ctx context.Context) error {
	n, err := strconv.Atoi(os.Getenv(peopleVariable))
	if err != nil {
		return err
	}
	seed := simulator.DefaultSeed()
	t := &seed.Tenants[0]
	t.Apps[0].ExtensionProperties = []simulator.ExtensionSeed{
		{Name: graph.LinkProperty, TargetObjects: []string{"User", "Group"}}, {Name: graph.MarkProperty, TargetObjects: []string{"User", "Group"}},
	}
	dir := os.Getenv(dirVariable)
	tag := lab.Connection(planConnection, dir).Rules[0].Source.Tag()
	for i := range n {
		t.Users = append(t.Users, planAccount(i, tag))
	}
	s, err := startTenant(dir, simulator.Options{Seed: seed})
	if err != nil {
		return err
	}
	fmt.Print("\n")
	<-ctx.Done()
	return s.Close()
}

// plannerRole plans once in this process and prints what it took.
func plannerRole(ctx context.Context) error {
	n, err := strconv.Atoi(os.Getenv(peopleVariable))
	if err != nil {
		return err
	}
	dir := os.Getenv(dirVariable)
	if err := writePopulation(dir, n); err != nil {
		return err
	}
	r, err := measurePlan(ctx, dir, n, os.Getenv(profileVariable))
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// writePopulation writes people.csv without holding it.
func writePopulation(dir string, n int) error {
	f, err := os.Create(filepath.Join(dir, "people.csv"))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, lab.Header)
	for i := 0; i < n && err == nil; i++ {
		_, err = fmt.Fprintln(f, planPerson(i))
	}
	// An export lies there for a while before it is planned from; a file changed within the last seconds is read more often.
	old := time.Now().Add(-time.Hour)
	return errors.Join(err, f.Close(), os.Chtimes(f.Name(), old, old))
}

func measurePlan(ctx context.Context, dir string, n int, profile string) (r planSize, err error) {
	endpoint, err := engine.FindSimulator(dir)
	if err != nil {
		return r, err
	}
	e, err := engine.New(engine.Parts{
		Environment: engine.Environment{WriteShare: 1, Activities: places, Pace: 1}, Simulator: &endpoint, Log: quiet(),
	})
	if err != nil {
		return r, err
	}
	c := lab.Connection(planConnection, dir)
	settings := api.Settings{
		Revision: 1, Config: c, Enabled: true, Valid: true, KnownLinks: n,
		Rules: []api.RuleSettings{{Name: lab.RuleName, Enabled: true, Synced: true, InFile: true}},
		Pinned: api.Pinned{
			TenantID:     c.TenantID,
			LinkProperty: graph.ExtensionName(c.ClientID, graph.LinkProperty), MarkProperty: graph.ExtensionName(c.ClientID, graph.MarkProperty),
		},
	}
	stop := func() error { return nil }
	if profile != "" {
		if stop, err = startProfile(profile + ".cpu"); err != nil {
			return r, err
		}
	}
	began, before := time.Now(), cpuSeconds(os.Getpid())
	// Progress counts accounts as they come; a phase is what is left without the number.
	made, err := e.Plan(ctx, settings, lab.RuleName, func(text string) {
		name, _, _ := strings.Cut(text, ":")
		if k := len(r.Phases); k == 0 || r.Phases[k-1].Name != name {
			r.Phases = append(r.Phases, planPhase{Name: name, Began: time.Since(began).Seconds()})
		}
	})
	if err != nil {
		return r, err
	}
	r.People, r.Seconds, r.CPU, r.PeakBytes = n, time.Since(began).Seconds(), cpuSeconds(os.Getpid())-before, peakMemory(os.Getpid())
	if err := errors.Join(stop(), heapProfile(profile)); err != nil {
		return r, err
	}
	if made.Planned() != 0 || len(made.Leavers) != 0 || len(made.Entries) != n {
		return r, fmt.Errorf("everybody was to be unchanged, but the plan changes %d of %d, and %d left", made.Planned(), len(made.Entries), len(made.Leavers))
	}
	r.Unchanged = len(made.Entries)
	runtime.KeepAlive(made)
	if err := r.requests(endpoint); err != nil {
		return r, err
	}
	return r, r.reads(ctx, c.Rules[0].Source.Place(), n)
}

func heapProfile(profile string) error {
	if profile == "" {
		return nil
	}
	f, err := os.Create(profile + ".heap")
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}

// requests asks the simulator what it was asked.
func (r *planSize) requests(endpoint engine.SimulatorEndpoint) error {
	pem, err := os.ReadFile(endpoint.CAFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	answer, err := c.Get(endpoint.URL + "/simulator/stats")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var s simulator.Stats
	if err := json.NewDecoder(answer.Body).Decode(&s); err != nil {
		return err
	}
	if len(s.ProtocolFaults) > 0 {
		return fmt.Errorf("the simulator saw protocol faults: %v", s.ProtocolFaults)
	}
	r.Requests, r.ListPages = s.Requests, s.Requests["GET /users"]
	return nil
}

// readsMeasured is how many people are read one by one.
const readsMeasured = 1000

// reads measures single reads by id, as a person's workflow does them, with an index of its own.
func (r *planSize) reads(ctx context.Context, path string, n int) error {
	s, err := file.Open(file.Settings{File: path}, file.Options{})
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	get := func() error {
		_, _, err := s.Get(ctx, fmt.Sprintf("p%06d", rng.IntN(n)))
		return err
	}
	began := time.Now()
	if err := get(); err != nil {
		return err
	}
	r.FirstRead = time.Since(began)
	began = time.Now()
	for range readsMeasured {
		if err := get(); err != nil {
			return err
		}
	}
	r.Read = time.Since(began) / readsMeasured
	return nil
}
