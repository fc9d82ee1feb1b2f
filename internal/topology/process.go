//go:build linux

package topology

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// command is what is run.
type command struct {
	path string
	args []string
	dir  string
	// env is added to PATH, HOME and the certificate settings of this process; nothing else is handed on, so that no setting
	// of the person who runs the tests gets in.
	env []string
	// user runs it as somebody else; nil as the caller.
	user *syscall.Credential
}

func (c command) exec(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.path, c.args...)
	cmd.Dir = c.dir
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Env = append(cmd.Env, c.env...)
	// A test that is itself killed must leave nothing behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: c.user}
	return cmd
}

// Process is a running program, with its output in a file.
type Process struct {
	t       *testing.T
	name    string
	log     string
	process *os.Process
	ended   chan struct{}
	shown   bool // the end of its output has been shown
}

// start starts a program; the test's end kills it if it still runs, and shows the end of its output if the test failed.
func start(t *testing.T, name string, c command) *Process {
	t.Helper()
	p := &Process{t: t, name: name, ended: make(chan struct{})}
	log, err := os.CreateTemp(t.TempDir(), "log-*")
	require.NoError(t, err)
	p.log = log.Name()
	cmd := c.exec(context.Background())
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start(), name)
	require.NoError(t, log.Close())
	p.process = cmd.Process
	go func() {
		// How it ended is of no interest: whoever needs it running notices, and the log says why.
		_ = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() && !p.shown {
			t.Logf("the end of what %s said:\n%s", name, p.Tail(15))
		}
	})
	return p
}

// Running reports whether the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Kill sends SIGKILL, as a machine that loses power would, and waits for the end. A process that has ended is left alone.
func (p *Process) Kill() { p.signal(syscall.SIGKILL, 10*time.Second) }

// Stop sends SIGTERM, as a restart does, and waits for the end.
func (p *Process) Stop() { p.signal(syscall.SIGTERM, time.Minute) }

func (p *Process) signal(s syscall.Signal, patience time.Duration) {
	p.t.Helper()
	if !p.Running() {
		return
	}
	// The group, because a script may have started the program that matters.
	if err := syscall.Kill(-p.process.Pid, s); err != nil && err != syscall.ESRCH {
		p.t.Errorf("%s cannot be sent %s: %v", p.name, s, err)
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Errorf("%s did not end within %s of %s", p.name, patience, s)
	}
}

// Await asks every fifth of a second until there is no error; it ends the test when the process ends or patience does.
func (p *Process) Await(patience time.Duration, ready func(context.Context) error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	pause := time.NewTicker(200 * time.Millisecond)
	defer pause.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return
		}
		select {
		case <-p.ended:
			p.shown = true
			require.FailNow(p.t, p.name+" ended instead of getting ready", p.Tail(15))
		case <-ctx.Done():
			p.shown = true
			require.FailNow(p.t, fmt.Sprintf("%s was not ready within %s: %v", p.name, patience, err), p.Tail(15))
		case <-pause.C:
		}
	}
}

// lineLength is how much of a line is shown: Temporal's errors come with the whole stack in one.
const lineLength = 400

// Tail is the end of what the process has said, in lines.
func (p *Process) Tail(lines int) string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return fmt.Sprintf("(%s: %v)", filepath.Base(p.log), err)
	}
	all := strings.Split(strings.TrimSpace(string(b)), "\n")
	all = all[max(0, len(all)-lines):]
	for i, line := range all {
		all[i] = line[:min(len(line), lineLength)]
	}
	return strings.Join(all, "\n")
}
