// Package up runs everything on one machine.
package up

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	sdklog "go.temporal.io/sdk/log"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/cli/connection"
	"github.com/entraflow/entraflow/internal/cli/report"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/cli/simulation"
	"github.com/entraflow/entraflow/internal/cli/sync"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/devserver"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/filelock"
	"github.com/entraflow/entraflow/internal/simulator"
)

// command is one run of the commands below.
type command struct{ *session.Session }

// Command is `starter up`.
func Command(s *session.Session) *cobra.Command { return command{s}.upCommand() }

func (a command) upCommand() *cobra.Command {
	var path string
	var once bool
	c := &cobra.Command{
		Use:   "up -f FILE",
		Short: "Run everything on this machine: Temporal, worker, simulator; apply FILE and sync",
		Long: `up starts what is missing: Temporal's development server (unless TEMPORAL_ADDRESS names one), a worker, and the simulator
where the file says cloud: simulator. It applies the file, tests the connection, syncs each enabled rule and shows the
result. Then it keeps running until Ctrl-C; with --once it ends. Everything it keeps is in .entraflow/.`,
		Example: `  go run ./starter up -f examples/contoso/contoso.yaml
  go run ./starter up -f examples/contoso/contoso.yaml --once -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !a.JSON() {
				a.NotesTo(a.Stdout)
			}
			return a.up(cmd.Context(), path, once)
		},
	}
	c.Flags().StringVarP(&path, "file", "f", "", "configuration file")
	c.Flags().BoolVar(&once, "once", false, "end after the first sync of each rule")
	return c
}

// up goes from step to step; what it starts is stopped in reverse order, the Temporal server last.
func (a command) up(ctx context.Context, path string, once bool) (err error) {
	cfg, err := a.Load(ctx, path)
	if err != nil {
		return err
	}
	env, err := a.Environment()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	u := &running{command: a, cfg: cfg, env: env, cancel: cancel}
	if u.simulated() {
		if u.seed, err = simulation.SeedFor(ctx, a.Session, path, cfg); err != nil {
			return err
		}
	}
	defer func() {
		// Whatever a step ran into, the death of something it needed is the better explanation.
		var died *session.Failure
		if errors.As(context.Cause(ctx), &died) {
			err = died
		}
		if stopped := u.stop(); stopped != nil && (err == nil || session.IsPrinted(err)) {
			err = stopped
		}
	}()
	for _, start := range []func(context.Context) error{u.lock, u.temporal, u.simulator, u.worker} {
		if err := start(ctx); err != nil {
			return err
		}
	}
	outcomes, err := u.firstSyncs(ctx)
	if err != nil && ctx.Err() != nil {
		return &session.Failure{Status: session.StatusIncomplete, What: "stopped before the first syncs had ended", Next: "run `up` again; it goes on where it was"}
	}
	if err != nil {
		return err
	}
	result := report.PrintOutcomes(a.Session, cfg.Name, outcomes)
	if u.unusable != nil && (result == nil || session.IsPrinted(result)) {
		result = u.unusable
	}
	if once && u.ownServer {
		a.Notes.Sayf("Temporal stops now, and its pages with it; to look at them: starter up -f %s", path)
	}
	// A disabled connection waits to be enabled; one that is invalid needs its file or its tenant mended, and `up` again.
	if once || u.invalid || result != nil && !session.IsPrinted(result) {
		return result
	}
	if err := u.watch(ctx, outcomes); err != nil {
		return err
	}
	return result
}

// running is what `up` has started.
type running struct {
	command
	cfg    *config.Connection
	env    engine.Environment
	seed   *simulator.Seed
	cancel context.CancelCauseFunc

	dir  string
	link *session.Link
	// ownServer: Temporal was started here, and ends with this command.
	ownServer  bool
	log        *slog.Logger
	simulation *engine.SimulatorEndpoint
	// unusable is why the connection may not provision; invalid: because its test failed.
	unusable error
	invalid  bool
	closers  []closer
}

// closer stops one thing.
type closer struct {
	what string
	stop func() error
}

func (u *running) onStop(what string, stop func() error) {
	u.closers = append(u.closers, closer{what, stop})
}

// stop stops everything in the reverse order of its start.
func (u *running) stop() error {
	var errs []error
	for _, c := range slices.Backward(u.closers) {
		if c.what != "" {
			u.Notes.Progress("stopping " + c.what)
		}
		if err := c.stop(); err != nil {
			errs = append(errs, err)
		}
	}
	u.Notes.Clear()
	return errors.Join(errs...)
}

// lock makes this the only `up` of the directory.
func (u *running) lock(context.Context) error {
	u.dir = filepath.Join(u.command.Dir, session.StateDir)
	err := os.MkdirAll(u.dir, 0o700)
	if err == nil {
		// Histories, logs and the simulator's state are below it. One that was made by hand may be open to everybody.
		err = os.Chmod(u.dir, 0o700)
	}
	if err != nil {
		return &session.Failure{Status: session.StatusIncomplete, What: "the directory for everything that is kept cannot be made", Why: err,
			Next: "run in a directory that you may write to"}
	}
	path := filepath.Join(u.dir, "up.lock")
	l, err := filelock.Try(path)
	if errors.Is(err, filelock.ErrHeld) {
		return session.WrongUse("use that one (`starter sync`, `starter apply`), stop it, or work in another directory",
			"another `up` runs in this directory (process %d)", filelock.Holder(path))
	}
	if err != nil {
		return err
	}
	u.onStop("", l.Release)
	logFile, err := os.OpenFile(filepath.Join(u.dir, "worker.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the worker's log: %w", err)
	}
	u.onStop("", logFile.Close)
	var level slog.Level
	if err := level.UnmarshalText([]byte(u.env.LogLevel)); err != nil {
		return session.WrongUse("give debug, info, warn or error", "ENTRAFLOW_LOG_LEVEL is %q", u.env.LogLevel)
	}
	u.log = slog.New(slog.NewTextHandler(logFile, &slog.HandlerOptions{Level: level}))
	return nil
}

// temporal connects to the server that the settings name, or starts one, and prepares its namespace.
func (u *running) temporal(ctx context.Context) error {
	o, named, err := u.ClientOptions()
	if err != nil {
		return err
	}
	o.Logger = sdklog.NewStructuredLogger(u.log)
	ui, state := "", ""
	if named {
		u.Notes.Sayf("Temporal at %s, namespace %s", o.HostPort, o.Namespace)
		ui = localUI(ctx, o.HostPort)
	} else {
		server, err := u.devServer(ctx, o.Namespace)
		if err != nil {
			return err
		}
		o.HostPort, ui, state = server.Address, server.UI, u.dir
	}
	if u.link, err = u.DialTo(ctx, o, ui); err != nil {
		return session.DiskFull(state, err)
	}
	u.link.State = state
	u.onStop("", func() error { u.link.Close(); return nil })
	return u.prepareNamespace(ctx, u.link)
}

// devServer starts Temporal's development server and ends everything should it die.
func (u *running) devServer(ctx context.Context, namespace string) (*devserver.Server, error) {
	u.Notes.Progress("starting Temporal")
	say := func(text string) { u.Notes.Sayf("%s", text) }
	server, err := devserver.Start(ctx, devserver.Options{
		Dir: u.dir, Namespace: namespace, SearchAttributes: wire.SearchAttributes(), Progress: say,
		Binary: devserver.Locator{Getenv: u.Getenv, Dir: u.command.Dir, Progress: say}.Locate,
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, session.DiskFull(u.dir, &session.Failure{Status: session.StatusIncomplete, What: "Temporal cannot be started", Why: err,
			Next: "install the temporal command (https://docs.temporal.io/cli), or name a running server by TEMPORAL_ADDRESS"})
	}
	u.ownServer = true
	stopping := make(chan struct{})
	u.onStop("Temporal", func() error { close(stopping); return server.Stop() })
	go func() {
		select {
		case <-stopping:
		case <-server.Done():
			u.cancel(&session.Failure{Status: session.StatusIncomplete, What: "Temporal died while it was needed", Why: server.Err(), Next: "run `up` again; it goes on where it was"})
		}
	}()
	if server.Earlier {
		u.Notes.Sayf("Temporal at %s still runs from an earlier `up`", server.Address)
	} else {
		u.Notes.Sayf("Temporal started at %s; its data is in %s", server.Address, u.dir)
	}
	u.Notes.Sayf("Web UI: %s", server.UI)
	return server, nil
}

// simulated reports whether the connection's tenant is a simulator of ours.
func (u *running) simulated() bool {
	return u.cfg.Cloud == config.CloudSimulator && u.env.GraphEndpoint == ""
}

// simulator starts the simulator where the file asks for it and neither an endpoint was given nor one runs already.
func (u *running) simulator(ctx context.Context) error {
	if !u.simulated() {
		return nil
	}
	if endpoint, _, ok := simulation.Find(ctx, u.env.SimulatorDir); ok {
		u.Notes.Sayf("simulator: the one that runs already at %s", endpoint.URL)
		u.simulation = &endpoint
		return nil
	}
	s, err := simulation.Start(u.Session, simulator.Options{Seed: u.seed}, u.env.SimulatorDir, simulation.StateFile(u.env, u.cfg))
	if err != nil {
		return err
	}
	u.onStop("the simulator", s.Close)
	u.Notes.Sayf("simulator: %s; its state is kept in %s", s.SimulatorEndpoint.URL, s.State)
	u.simulation = &s.SimulatorEndpoint
	return nil
}

// worker starts a worker in this process.
func (u *running) worker(context.Context) error {
	e, err := u.Engine(u.link, u.simulation, u.log)
	if err != nil {
		return err
	}
	w := e.Worker()
	if err := w.Start(); err != nil {
		return &session.Failure{Status: session.StatusIncomplete, What: "the worker cannot start", Why: err, Next: "check that Temporal runs and its namespace exists"}
	}
	u.onStop("the worker; it finishes what it has begun", func() error { w.Stop(); return nil })
	u.Notes.Sayf("worker started; its log is %s", filepath.Join(u.dir, "worker.log"))
	return nil
}

// firstSyncs applies the file and syncs each enabled rule once.
func (u *running) firstSyncs(ctx context.Context) ([]report.Outcome, error) {
	// Syncs are started here, for every rule: one each is enough.
	applied, err := u.ApplyTo(ctx, u.link, api.ApplyInput{Config: *u.cfg, KeepSyncs: true})
	if err != nil {
		return nil, connection.ExplainImmutable(ctx, u.link, *u.cfg, err)
	}
	u.Notes.Print(connection.ApplyText(u.cfg.Name, applied))
	d, err := u.link.Describe(ctx, u.cfg.Name)
	if err != nil {
		return nil, err
	}
	if err := d.Usable(); err != nil {
		u.unusable = session.Incomplete("starter connection enable "+u.cfg.Name, "%s", fault.Of(err).Message())
		if u.invalid = fault.Is(err, fault.ConnectionInvalid); u.invalid {
			u.unusable = report.Invalid(u.cfg.Name, d.Test)
		}
		return idle(d, fault.Of(err)), nil
	}
	var runs []sync.Run
	for _, r := range d.EnabledRules() {
		run, err := sync.Start(ctx, u.link, u.cfg.Name, r.Name)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return sync.Follow(ctx, u.Session, u.link, u.cfg.Name, runs)
}

// idle says for each enabled rule why it does not run.
func idle(d api.Description, why *fault.Error) []report.Outcome {
	out := []report.Outcome{}
	for _, r := range d.EnabledRules() {
		o := report.Outcome{WorkflowID: api.SyncID(d.Config.Name, r.Name)}
		o.Connection, o.Rule, o.State, o.Reason = d.Config.Name, r.Name, api.SyncStopped, why.Reason
		o.Message = "not synced: " + why.Message()
		out = append(out, o)
	}
	return out
}
