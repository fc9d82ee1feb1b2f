package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/devserver"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/simulator"
)

// bed is what a measurement stands on: a directory and a Temporal server with its data in it, as `starter up` starts it.
type bed struct {
	dir    string
	server *devserver.Server
	client client.Client
}

// makeBed starts the server and connects to it. close must be called.
func makeBed(ctx context.Context) (*bed, error) {
	dir, err := os.MkdirTemp("", "entraflow-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	b := &bed{dir: dir}
	if b.server, err = startServer(ctx, dir); err != nil {
		return nil, errors.Join(err, b.close())
	}
	b.client, err = client.Dial(client.Options{HostPort: b.server.Address, Logger: sdklog.NewStructuredLogger(quiet())})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to Temporal: %w", err), b.close())
	}
	return b, nil
}

func startServer(ctx context.Context, dir string) (*devserver.Server, error) {
	data := filepath.Join(dir, "temporal")
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, err
	}
	return devserver.Start(ctx, devserver.Options{
		Dir: data, Binary: devserver.Locator{Getenv: os.Getenv}.Locate, SearchAttributes: wire.SearchAttributes(),
	})
}

// stopServer stops the server alone, so that its files can be read.
func (b *bed) stopServer() error {
	if b.client != nil {
		b.client.Close()
		b.client = nil
	}
	if b.server == nil {
		return nil
	}
	err := b.server.Stop()
	b.server = nil
	return err
}

func (b *bed) close() error { return errors.Join(b.stopServer(), os.RemoveAll(b.dir)) }

// quiet drops what clients and workers log; failures show in results.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// tenant is a simulator with what a client of it must know.
type tenant struct {
	*simulator.Server
	endpoint engine.SimulatorEndpoint
}

// startTenant starts a simulator and leaves certificate, secret and address in dir.
func startTenant(dir string, o simulator.Options) (*tenant, error) {
	s, err := simulator.Start(o)
	if err != nil {
		return nil, err
	}
	t := &tenant{Server: s, endpoint: engine.SimulatorEndpoint{URL: s.URL(), CAFile: filepath.Join(dir, "ca.pem")}}
	err = errors.Join(
		os.MkdirAll(dir, 0o700),
		os.WriteFile(t.endpoint.CAFile, s.CAPEM(), 0o600),
		os.WriteFile(filepath.Join(dir, "secret.txt"), []byte(simulator.DefaultClientSecret), 0o600),
		engine.SaveSimulatorEndpoint(dir, t.endpoint),
	)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return t, nil
}

// startSync starts the sync of the rule of a connection.
func (b *bed) startSync(ctx context.Context, name string) (client.WorkflowRun, error) {
	run, err := b.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: api.SyncID(name, lab.RuleName), TaskQueue: api.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
	}, api.SyncRuleType, api.SyncInput{Connection: name, Rule: lab.RuleName})
	if err != nil {
		return nil, fmt.Errorf("start the sync: %w", err)
	}
	return run, nil
}

// progressTo tells a person what is going on; a machine reads the result alone.
func progressTo(out io.Writer, silent bool) func(format string, args ...any) {
	return func(format string, args ...any) {
		if !silent {
			fmt.Fprintf(out, format+"\n", args...)
		}
	}
}
