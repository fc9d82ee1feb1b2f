package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/temporalclient"
)

const roleWorker = "worker"

// workerRole is entraflow's worker as a process of its own, with the settings of the environment, until it is killed.
func workerRole(ctx context.Context) error {
	environment, err := engine.LoadEnvironment()
	if err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(environment.LogLevel)); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	options, err := temporalclient.Options(nil, log)
	if err != nil {
		return err
	}
	c, err := client.Dial(options)
	if err != nil {
		return fmt.Errorf("connect to Temporal: %w", err)
	}
	defer c.Close()
	e, err := engine.New(engine.Parts{Client: c, Converter: options.DataConverter, Environment: environment, Log: log})
	if err != nil {
		return err
	}
	w := e.Worker()
	if err := w.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	w.Stop()
	return nil
}
