//go:build linux

// Package topology runs for tests what docker-compose.yml runs in containers, as processes of this machine: PostgreSQL,
// Temporal's server with its schema tool, the namespace's preparation, the simulator, and several workers. The scripts and
// the configuration of deploy/temporal are used as they are, so that they are tried with it.
//
// PostgreSQL must be installed (Debian's package postgresql). Everything else is built from this repository and its tools
// module. Nothing outlives the test, and nothing is written outside its folders.
//
// A small topology has Temporal's development server in place of PostgreSQL and the server proper.
package topology

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/devserver"
)

// Options say how a topology is put together.
type Options struct {
	// Seed is the simulator's seed, a file.
	Seed string
	// Simulator is the folder in which a simulator that the test runs itself has left its address; none is started then.
	Simulator string
	// Development takes Temporal's development server, so that nothing need be installed. There is no Cluster then, and the
	// Server is an address alone.
	Development bool
	// Sources is the folder of configuration and source files, the workers' ENTRAFLOW_SOURCE_ROOT.
	Sources string
	// Workers is how many there are; each has its equal part of the write budget. Default 2.
	Workers int
	// Latency is what the simulator adds to each request. Default none.
	Latency time.Duration
	// Activities is how many each worker carries out at a time. Default 50, as in production.
	Activities int
	// Pace multiplies the waits that entraflow chooses itself. Default 1, as in production.
	Pace float64
}

// Topology is everything running. Its methods are for one goroutine.
type Topology struct {
	t       *testing.T
	o       Options
	dir     string
	bin     binaries
	Cluster *Cluster
	Server  *Server
	// Client is connected to the server, and again after its restart.
	Client client.Client
	// Simulator is the process that plays Entra and Graph.
	Simulator *Process
	// Workers are the workers' processes; a killed one stays in its place until StartWorker.
	Workers []*Process
	// all are the workers that ever ran.
	all []*Process
}

// Start builds what is missing, starts everything and waits until it is ready; the test's end stops it. It takes some
// seconds, and minutes where Go's build cache has no Temporal server yet.
func Start(t *testing.T, o Options) *Topology {
	t.Helper()
	if o.Workers == 0 {
		o.Workers = 2
	}
	if o.Activities == 0 {
		o.Activities = 50
	}
	if o.Pace == 0 {
		o.Pace = 1
	}
	tp := &Topology{t: t, o: o, dir: t.TempDir(), Workers: make([]*Process, o.Workers)}
	if o.Development {
		tp.bin = buildWorker(t, tp.dir)
		tp.startDevelopment()
	} else {
		tp.bin = build(t, tp.dir)
		tp.startProper()
	}
	tp.dial()
	if o.Simulator == "" {
		tp.startSimulator()
	}
	for i := range tp.Workers {
		tp.StartWorker(i)
	}
	return tp
}

// startProper starts PostgreSQL and Temporal's server on it, and prepares both.
func (tp *Topology) startProper() {
	t := tp.t
	secret := filepath.Join(tp.dir, "postgres-password")
	require.NoError(t, os.WriteFile(secret, []byte(uuid.NewString()+"\n"), 0o600))
	tp.Cluster = newCluster(t, secret)
	tp.Cluster.Start()
	tp.Server = newServer(t, tp.bin, tp.Cluster, secret)
	tp.Server.PrepareSchemas()
	tp.Server.Start()
	tp.Server.PrepareNamespace()
}

// startDevelopment starts the development server as `starter up` does.
func (tp *Topology) startDevelopment() {
	tp.t.Helper()
	server, err := devserver.Start(tp.t.Context(), devserver.Options{
		Dir: tp.t.TempDir(), Binary: devserver.Locator{}.Locate, SearchAttributes: wire.SearchAttributes(),
	})
	require.NoError(tp.t, err)
	tp.t.Cleanup(func() { assert.NoError(tp.t, server.Stop()) })
	tp.Server = &Server{Address: server.Address}
}

// Namespace is the namespace that workers and commands use.
const Namespace = "default"

func (tp *Topology) dial() {
	var err error
	quiet := log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	tp.Client, err = client.Dial(client.Options{HostPort: tp.Server.Address, Namespace: Namespace, Logger: quiet})
	require.NoError(tp.t, err)
	tp.t.Cleanup(tp.Client.Close)
}

func (tp *Topology) startSimulator() {
	args := []string{"simulator", "--seed", tp.o.Seed, "--latency", tp.o.Latency.String()}
	tp.Simulator = start(tp.t, "simulator", command{path: tp.bin.starter, args: args, dir: tp.dir})
	tp.Simulator.Await(time.Minute, func(context.Context) error {
		_, err := os.Stat(filepath.Join(tp.dir, ".entraflow", "simulator", "endpoint.json"))
		return err
	})
}

// StartWorker starts worker i, which must not be running, and waits until it asks for work.
func (tp *Topology) StartWorker(i int) {
	tp.t.Helper()
	tp.Workers[i] = start(tp.t, fmt.Sprintf("worker %d", i), command{path: tp.bin.worker, dir: tp.dir, env: append(tp.environment(),
		fmt.Sprintf("ENTRAFLOW_WRITE_SHARE=%g", 1/float64(tp.o.Workers)),
		fmt.Sprintf("ENTRAFLOW_ACTIVITIES=%d", tp.o.Activities),
		fmt.Sprintf("ENTRAFLOW_PACE=%g", tp.o.Pace),
		"ENTRAFLOW_WATCH=false", // The test says when a sync begins.
	)})
	tp.all = append(tp.all, tp.Workers[i])
	// The SDK's identity of a worker begins with its process.
	prefix := fmt.Sprintf("%d@", tp.Workers[i].process.Pid)
	tp.Workers[i].Await(time.Minute, func(ctx context.Context) error {
		q, err := tp.Client.DescribeTaskQueue(ctx, api.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
		if err != nil {
			return err
		}
		for _, p := range q.GetPollers() {
			if strings.HasPrefix(p.GetIdentity(), prefix) {
				return nil
			}
		}
		return fmt.Errorf("not among the %d that poll", len(q.GetPollers()))
	})
}

// environment is that of workers and commands.
func (tp *Topology) environment() []string {
	env := []string{
		"TEMPORAL_ADDRESS=" + tp.Server.Address, "TEMPORAL_NAMESPACE=" + Namespace, "ENTRAFLOW_SOURCE_ROOT=" + tp.o.Sources,
		// No TOML file of the person who runs the tests may say where Temporal is.
		"TEMPORAL_CONFIG_FILE=" + filepath.Join(tp.dir, "none.toml"),
	}
	if tp.o.Simulator != "" {
		env = append(env, "ENTRAFLOW_SIMULATOR_DIR="+tp.o.Simulator)
	}
	return env
}

// Logs are what all workers have said, the killed ones too.
func (tp *Topology) Logs() [][]byte {
	tp.t.Helper()
	var out [][]byte
	for _, p := range tp.all {
		text, err := os.ReadFile(p.log)
		require.NoError(tp.t, err)
		out = append(out, text)
	}
	return out
}

// Starter runs a command of the starter to its end and returns what it printed; another exit status than the one that is
// wanted ends the test.
func (tp *Topology) Starter(ctx context.Context, status int, args ...string) []byte {
	tp.t.Helper()
	c := command{path: tp.bin.starter, args: args, dir: tp.dir, env: tp.environment()}.exec(ctx)
	var out, problems bytes.Buffer
	c.Stdout, c.Stderr = &out, &problems
	err := c.Run()
	require.NoError(tp.t, ctx.Err(), "starter %v did not end; it said:\n%s\n%s", args, out.String(), problems.String())
	require.NotNil(tp.t, c.ProcessState, "starter %v: %v", args, err)
	require.Equal(tp.t, status, c.ProcessState.ExitCode(), "starter %v:\n%s\n%s", args, out.String(), problems.String())
	return out.Bytes()
}
