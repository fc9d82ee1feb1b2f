//go:build linux

package topology

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Server is Temporal's server with its four services in one process, as production runs it on one machine.
type Server struct {
	*Process
	// Address is host:port of its frontend; it stays the same over restarts.
	Address string

	t   *testing.T
	bin binaries
	env []string
}

// prepareTimeout bounds each of the two preparations.
const prepareTimeout = 3 * time.Minute

func newServer(t *testing.T, bin binaries, c *Cluster, password string) *Server {
	t.Helper()
	ports := freePorts(t, 8)
	s := &Server{t: t, bin: bin, Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))}
	s.env = []string{
		"SQL_HOST=" + c.Host, fmt.Sprintf("SQL_PORT=%d", c.Port), "SQL_USER=" + User, "SQL_PASSWORD_FILE=" + password,
		"TEMPORAL_SQL_TOOL=" + bin.sqlTool, "TEMPORAL_SERVER=" + bin.server, "TEMPORAL_CLI=" + bin.temporal,
		"TEMPORAL_ADDRESS=" + s.Address, "TEMPORAL_NAMESPACE=" + Namespace,
		"TEMPORAL_BIND_IP=127.0.0.1", "TEMPORAL_BROADCAST_ADDRESS=127.0.0.1", "TEMPORAL_LOG_LEVEL=warn",
	}
	for i, service := range []string{"FRONTEND", "HISTORY", "MATCHING", "WORKER"} {
		s.env = append(s.env, fmt.Sprintf("TEMPORAL_%s_PORT=%d", service, ports[2*i]),
			fmt.Sprintf("TEMPORAL_%s_MEMBERSHIP_PORT=%d", service, ports[2*i+1]))
	}
	return s
}

// script is one of deploy/temporal.
func (s *Server) script(name string) command {
	return command{path: "/bin/sh", args: []string{filepath.Join(s.bin.root, "deploy", "temporal", name)}, dir: s.t.TempDir(), env: s.env}
}

// PrepareSchemas makes the databases, or brings their schemas up to date.
func (s *Server) PrepareSchemas() { s.run("schema.sh") }

// PrepareNamespace makes the namespace with its retention and search attributes, or brings it to that.
func (s *Server) PrepareNamespace() { s.run("namespace.sh") }

func (s *Server) run(script string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), prepareTimeout)
	defer cancel()
	out, err := s.script(script).exec(ctx).CombinedOutput()
	require.NoError(s.t, err, "%s:\n%s", script, lastLines(out, 20))
}

// Temporal runs the temporal command against the server and returns what it printed.
func (s *Server) Temporal(args ...string) []byte {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), prepareTimeout)
	defer cancel()
	out, err := command{path: s.bin.temporal, args: args, dir: s.t.TempDir(), env: s.env}.exec(ctx).Output()
	require.NoError(s.t, err, "temporal %v:\n%s", args, out)
	return out
}

// Start starts the server and waits until its frontend serves.
func (s *Server) Start() {
	s.t.Helper()
	s.Process = start(s.t, "Temporal", s.script("server.sh"))
	health := command{path: s.bin.temporal, args: []string{"operator", "cluster", "health"}, dir: s.t.TempDir(), env: s.env}
	s.Await(2*time.Minute, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return health.exec(ctx).Run()
	})
}

func lastLines(b []byte, n int) []byte {
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-n):], []byte("\n"))
}
