package ldapserver

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// process is a server that runs in the foreground. It ends with this program, however that ends: what keeps it is a pipe
// that nobody but this program can write to.
type process struct {
	cmd   *exec.Cmd
	alive io.Closer
	log   string
	// ended is closed when it has ended.
	ended chan struct{}
}

// keeper runs a command until its own standard input ends.
const keeper = `exec 3<&0
"$@" </dev/null 3<&- & server=$!
{ cat <&3 >/dev/null; kill $server 2>/dev/null; } &
wait $server`

func start(log string, command []string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command("sh", append([]string{"-c", keeper, "keeper"}, command...)...)
	cmd.Stdout, cmd.Stderr = out, out
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, alive: alive, log: log, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // The exit status of a server that was stopped says nothing.
	}()
	return p, nil
}

func (p *process) stop() error {
	_ = p.alive.Close() // Closed already if the server has ended by itself.
	select {
	case <-p.ended:
		return nil
	case <-time.After(patience):
		return p.cmd.Process.Kill()
	}
}

// output is the end of what the server has written.
func (p *process) output() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// tool runs a command to its end and returns what it has written.
func tool(ctx context.Context, input string, command ...string) (string, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out[max(0, len(out)-4000):]), err
}
