// Command worker runs entraflow's workflows and activities against the Temporal server of the environment.
//
// The Temporal client takes TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_PROFILE and the other settings of Temporal's
// own configuration; entraflow's settings are the ENTRAFLOW_ variables of docs/operations.md.
package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/temporalclient"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func run() error {
	environment, err := engine.LoadEnvironment()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(environment.LogLevel)); err != nil {
		fmt.Fprintln(os.Stderr, "ENTRAFLOW_LOG_LEVEL: give debug, info, warn or error")
		os.Exit(2)
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	options, err := temporalclient.Options(nil, logger)
	if err != nil {
		return fmt.Errorf("the configuration of the Temporal client cannot be read; check TEMPORAL_CONFIG_FILE and TEMPORAL_PROFILE: %w", err)
	}
	c, err := client.Dial(options)
	if err != nil {
		return fmt.Errorf("no Temporal server answers at %s; start a server or set TEMPORAL_ADDRESS: %w", cmp.Or(options.HostPort, client.DefaultHostPort), err)
	}
	defer c.Close()
	e, err := engine.New(engine.Parts{Client: c, Converter: options.DataConverter, Environment: environment, Log: logger})
	if err != nil {
		return err
	}
	return e.Worker().Run(worker.InterruptCh())
}
