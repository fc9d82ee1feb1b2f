// Command bench measures entraflow on one machine, and tries to break it.
//
//	go run ./internal/bench sync  [-n 1000] [-rounds 3] [-json]
//	go run ./internal/bench plan  [-n 100000] [-json]
//	go run ./internal/bench chaos [-n 300] [-seed S] [-kills 5] [-json]
//	go run ./internal/bench deletion [-n 1000] [-kills 5] [-seed S] [-action disable|delete] [-json]
//	go run ./internal/bench ldap [-n 100000] [-json]
//	go run ./internal/bench groups [-people 10000] [-groups 5] [-size 500] [-changed 100] [-json]
//	go run ./internal/bench pingone [-n 100000] [-json]
//	go run ./internal/bench brokenreads [-n 500] [-seed S] [-samba=false] [-json]
//	go run ./internal/bench counters [-n 200] [-killed 4] [-seed S] [-json]
//
// Everything runs locally: a Temporal development server of its own in a temporary directory, the simulator, and
// entraflow's worker. docs/benchmarks.md says what the figures mean and what was measured.
//
// Exit status: 0 done, 1 the measurement failed, or chaos, deletion, brokenreads or counters found a violation, 2 wrong use.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// command is one subcommand: it reads its flags and runs.
type command func(ctx context.Context, args []string, out io.Writer) error

var commands = map[string]command{
	"sync":        syncCommand,
	"plan":        planCommand,
	"chaos":       chaosCommand,
	"deletion":    deletionCommand,
	"ldap":        ldapCommand,
	"groups":      groupsCommand,
	"brokenreads": brokenReadsCommand,
	"pingone":     pingoneCommand,
	"counters":    countersCommand,
}

const usage = `usage: bench sync|plan|chaos|deletion|ldap|groups|pingone|brokenreads|counters [flags]
  sync      users per second of a sync against a parent of as many children of two empty activities
  plan      time, requests and peak memory of planning many unchanged people
  chaos     a sync under every fault, with a worker that is killed; exit status 1 on any violation
  deletion  people per second of a rule's deletion, alone and with a worker that is killed; exit status 1 on any violation
  ldap      time and memory of a complete listing of an OpenLDAP directory against ldapsearch
  groups    writes and time of a first sync with groups against the fewest that do, of a second one, and of people who move
  pingone   time, requests and memory of a complete listing of a simulated PingOne environment
  brokenreads
            plans after broken reads of every store; exit status 1 if anybody would lose anything
  counters  what plan, sync, its JSON and the tenant say of how many people were done what; exit status 1 where they contradict each other
`

// errUsage is wrong use whose explanation was printed already.
var errUsage = errors.New("wrong use")

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(playRole(role))
	}
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	if len(args) == 0 || commands[args[0]] == nil {
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := commands[args[0]](ctx, args[1:], os.Stdout); {
	case err == nil:
		return 0
	case errors.Is(err, errUsage), errors.Is(err, flag.ErrHelp):
		return 2
	default:
		fmt.Fprintln(os.Stderr, "bench "+args[0]+":", err)
		return 1
	}
}

// parse reads the flags of a subcommand, which takes nothing else.
func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return errUsage // the flag package has explained it
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "bench %s: %q is not understood\n", flags.Name(), flags.Arg(0))
		return errUsage
	}
	return nil
}

// printJSON writes a result for machines.
func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
