// Package simulation runs the simulator of Entra and Graph for the other commands, and alone.
package simulation

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/simulator"
)

// simulation is a simulator that runs in this process and keeps its state in a file.
type simulation struct {
	*simulator.Server
	engine.SimulatorEndpoint
	// dir is where other commands and workers look for the address.
	dir string
	// state is the file that the state is kept in; "" for none.
	State  string
	notes  func(format string, args ...any)
	ended  chan struct{}
	failed error

	mu sync.Mutex
	// news wakes keep and whoever waits for it.
	news *sync.Cond
	// changes counts the writes carried out, saved those that are on disk.
	changes, saved int
	closed         bool
}

// Start starts a simulator and leaves its address in dir. Where there is a state file, it goes on from there.
func Start(a *session.Session, o simulator.Options, dir, state string) (*simulation, error) {
	if state != "" {
		seed, err := simulator.LoadState(state)
		switch {
		case err == nil:
			o.Seed = seed
		case !errors.Is(err, fs.ErrNotExist):
			return nil, &session.Failure{Status: session.StatusWrongUse, What: "the simulator's state cannot be read", Why: err,
				Next: "delete " + state + " to begin again from the seed"}
		}
		if err := os.MkdirAll(filepath.Dir(state), 0o700); err != nil {
			return nil, fmt.Errorf("make the simulator's folder: %w", err)
		}
	}
	if o.RandomSeed == 0 {
		// Ids that an earlier run gave out must not come again.
		o.RandomSeed = rand.Uint64()
	}
	server, err := simulator.Start(o)
	if err != nil {
		return nil, &session.Failure{Status: session.StatusWrongUse, What: "the simulator cannot start", Why: err, Next: "correct its seed or address"}
	}
	s := &simulation{Server: server, dir: dir, State: state, notes: a.Notes.Sayf, ended: make(chan struct{})}
	s.news = sync.NewCond(&s.mu)
	if err := s.publish(); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	if state != "" {
		server.OnCommit(s.saveBeforeAnswer)
	}
	go s.keep()
	return s, nil
}

// publish leaves address and certificate where others look for them.
func (s *simulation) publish() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make the simulator's folder: %w", err)
	}
	ca, err := filepath.Abs(filepath.Join(s.dir, "ca.pem"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(ca, s.CAPEM(), 0o600); err != nil {
		return fmt.Errorf("write the simulator's certificate: %w", err)
	}
	s.SimulatorEndpoint = engine.SimulatorEndpoint{URL: s.Server.URL(), CAFile: ca}
	return engine.SaveSimulatorEndpoint(s.dir, s.SimulatorEndpoint)
}

// saveBeforeAnswer waits until a write is on disk. A process that is killed then forgets nothing that it has answered, as
// the service that it stands for does not.
func (s *simulation) saveBeforeAnswer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	mine := s.changes
	s.news.Broadcast()
	for s.saved < mine && !s.closed {
		s.news.Wait()
	}
}

// keep saves the state as long as it changes. Writes that come while it saves share the next time.
func (s *simulation) keep() {
	defer close(s.ended)
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for s.saved == s.changes && !s.closed {
			s.news.Wait()
		}
		if s.closed {
			break
		}
		changes := s.changes
		s.mu.Unlock()
		err := s.save()
		s.mu.Lock()
		if err != nil && s.failed == nil {
			s.notes("warning: the simulator's state could not be saved: %v", err)
		}
		s.failed = err
		s.saved = changes
		s.news.Broadcast()
	}
	s.failed = s.save()
}

func (s *simulation) save() error {
	if s.State == "" {
		return nil
	}
	return s.Save(s.State)
}

// Close stops the simulator, after which its state is on disk.
func (s *simulation) Close() error {
	err := engine.RemoveSimulatorEndpoint(s.dir)
	err = errors.Join(err, s.Server.Close())
	s.mu.Lock()
	s.closed = true
	s.news.Broadcast()
	s.mu.Unlock()
	<-s.ended
	return errors.Join(err, s.failed)
}

// Find finds a simulator that another process runs for this directory, and that answers.
func Find(ctx context.Context, dir string) (engine.SimulatorEndpoint, *http.Client, bool) {
	endpoint, err := engine.FindSimulator(dir)
	if err != nil {
		return endpoint, nil, false
	}
	pem, err := os.ReadFile(endpoint.CAFile)
	if err != nil {
		return endpoint, nil, false
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c := &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
	}
	_, err = fetch(ctx, c, endpoint.URL+"/simulator/health")
	return endpoint, c, err == nil
}

// fetch reads one JSON document of the simulator's own interface.
func fetch(ctx context.Context, c *http.Client, url string) (json.RawMessage, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := c.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the simulator answered %s", answer.Status)
	}
	var raw json.RawMessage
	return raw, json.NewDecoder(answer.Body).Decode(&raw)
}

// Lend gives the simulator that a command needs which only looks: the running one, or one for this command alone, that
// begins where the last one stopped and of which nothing is kept. nil where the connection's cloud is none of ours.
func Lend(ctx context.Context, a *session.Session, path string, cfg *config.Connection) (*engine.SimulatorEndpoint, func() error, error) {
	nothing := func() error { return nil }
	env, err := a.Environment()
	if err != nil || cfg.Cloud != config.CloudSimulator || env.GraphEndpoint != "" {
		return nil, nothing, err
	}
	if endpoint, _, ok := Find(ctx, env.SimulatorDir); ok {
		return &endpoint, nothing, nil
	}
	seed, err := simulator.LoadState(StateFile(env, cfg))
	if errors.Is(err, fs.ErrNotExist) {
		seed, err = SeedFor(ctx, a, path, cfg)
	}
	if err != nil {
		return nil, nothing, err
	}
	dir, err := os.MkdirTemp("", "entraflow-simulator-")
	if err != nil {
		return nil, nothing, err
	}
	s, err := Start(a, simulator.Options{Seed: seed}, dir, "")
	if err != nil {
		return nil, nothing, errors.Join(err, os.RemoveAll(dir))
	}
	return &s.SimulatorEndpoint, func() error { return errors.Join(s.Close(), os.RemoveAll(dir)) }, nil
}

// StateFile is where the simulator of a connection keeps its state.
func StateFile(env engine.Environment, cfg *config.Connection) string {
	return filepath.Join(env.SimulatorDir, cfg.Name+".json")
}
