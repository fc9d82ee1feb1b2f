//go:build linux

package topology

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Cluster is a PostgreSQL cluster of the test's own, in a folder that is removed with it.
type Cluster struct {
	*Process
	// Host and Port are where it listens.
	Host string
	Port int

	t        *testing.T
	bin      string
	data     string
	password string // a file
	user     *syscall.Credential
}

// User is the cluster's superuser, whom Temporal connects as.
const User = "temporal"

// newCluster makes a cluster; the password is read from a file.
func newCluster(t *testing.T, password string) *Cluster {
	t.Helper()
	c := &Cluster{t: t, password: password, Host: "127.0.0.1", Port: freePorts(t, 1)[0], bin: postgresPrograms(t), user: postgresUser(t)}
	// Not the test's folder, whose parents only its owner may pass.
	dir, err := os.MkdirTemp("", "entraflow-postgres-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	given := filepath.Join(dir, "password")
	secret, err := os.ReadFile(password)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(given, secret, 0o600))
	if c.user != nil {
		for _, path := range []string{dir, given} {
			require.NoError(t, os.Chown(path, int(c.user.Uid), int(c.user.Gid)))
		}
	}
	c.data = filepath.Join(dir, "data")
	cmd := c.command("initdb", "-D", c.data, "-U", User, "--pwfile="+given, "--auth=scram-sha-256", "--data-checksums",
		"--encoding=UTF8", "--locale=C.UTF-8").exec(context.Background())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return c
}

func (c *Cluster) command(program string, args ...string) command {
	return command{path: filepath.Join(c.bin, program), args: args, dir: filepath.Dir(c.data), user: c.user}
}

// Start starts the server and waits until it answers.
func (c *Cluster) Start() {
	c.t.Helper()
	c.Process = start(c.t, "PostgreSQL", c.command("postgres", "-D", c.data, "-h", c.Host, "-p", strconv.Itoa(c.Port), "-k", ""))
	ready := c.command("pg_isready", "-q", "-h", c.Host, "-p", strconv.Itoa(c.Port), "-U", User)
	c.Await(time.Minute, func(ctx context.Context) error { return ready.exec(ctx).Run() })
}

// Stop ends the server as its administrator would for a restart: connections are cut off, data are written.
func (c *Cluster) Stop() {
	c.t.Helper()
	// SIGTERM would wait for Temporal to let go of its connections, which it never does.
	c.signal(syscall.SIGINT, time.Minute)
}

// Crash ends the server without letting it write anything: the next start recovers from its log.
func (c *Cluster) Crash() {
	c.t.Helper()
	c.signal(syscall.SIGQUIT, time.Minute)
}

// Dump gives everything in a database as SQL. What Temporal stores as bytes stands there in hexadecimal digits.
func (c *Cluster) Dump(database string) []byte {
	c.t.Helper()
	secret, err := os.ReadFile(c.password)
	require.NoError(c.t, err)
	dump := c.command("pg_dump", "-h", c.Host, "-p", strconv.Itoa(c.Port), "-U", User, "--data-only", "--inserts", database)
	dump.env = []string{"PGPASSWORD=" + strings.TrimSpace(string(secret))}
	var out, problems bytes.Buffer
	cmd := dump.exec(context.Background())
	cmd.Stdout, cmd.Stderr = &out, &problems
	require.NoError(c.t, cmd.Run(), "%s", lastLines(problems.Bytes(), 10))
	return out.Bytes()
}

// postgresPrograms finds the folder of PostgreSQL's programs. Where there is none the test fails and is not skipped: who
// asks for this test wants it run.
func postgresPrograms(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path)
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	require.NoError(t, err)
	require.NotEmpty(t, found, "PostgreSQL is not installed; on Debian: apt-get install postgresql")
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return major(a) - major(b) }))
}

func major(path string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0
	}
	return n
}

// postgresUser is whom PostgreSQL runs as: it refuses root.
func postgresUser(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	require.NoError(t, err, "root may not run PostgreSQL, and there is no user postgres; the package postgresql makes one")
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	require.NoError(t, err)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
