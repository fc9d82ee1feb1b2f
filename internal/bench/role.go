package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// roleVariable makes the program, when it runs itself, another program: the worker that is killed, a simulator with a
// memory of its own, a process whose peak is measured.
const roleVariable = "BENCH_ROLE"

var roles = map[string]func(context.Context) error{
	roleWorker:    workerRole,
	roleSimulator: simulatorRole,
	rolePlanner:   plannerRole,
	rolePingOne:   pingoneRole,
}

// playRole runs one role to its end and gives the exit status. It ends with its parent, too.
func playRole(role string) int {
	play, ok := roles[role]
	if !ok {
		fmt.Fprintf(os.Stderr, "bench: no role %q\n", role)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	if err := play(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "bench (%s): %v\n", role, err)
		return 1
	}
	return 0
}

// itself is this program in a role, not started yet, with settings in its environment. The end of ctx kills it, and so
// does the end of this process, because a pipe to it closes.
func itself(ctx context.Context, role string, environment ...string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the own program: %w", err)
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(append(os.Environ(), roleVariable+"="+role), environment...)
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return cmd, nil
}
