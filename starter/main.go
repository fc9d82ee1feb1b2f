// Command starter is entraflow's command line: it runs everything on one machine (up), and operates connections, rules,
// syncs and single people. Exit status 0: done; 1: something could not complete or is held; 2: wrong use, nothing done.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/entraflow/entraflow/internal/cli"
	"github.com/entraflow/entraflow/internal/cli/session"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal stops cleanly; a second one, sent by somebody who will not wait, ends the process at once.
	context.AfterFunc(ctx, stop)
	m := cli.Main{Program: session.Program(os.Args[0])}
	os.Exit(m.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}
