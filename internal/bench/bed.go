package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/devserver"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/source/file"
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

// The columns of people.csv.
const header = "id,username,given,family,country,license,enabled,department"

// ruleName is the one rule of the connections here.
const ruleName = "staff"

// connection is a connection to the simulator of dir, with one rule on dir/people.csv.
func connection(name, dir string) config.Connection {
	c := config.Connection{
		Name: name, TenantID: simulator.DefaultTenantID, ClientID: simulator.DefaultClientID,
		ClientSecret: "file:" + filepath.Join(dir, "secret.txt"), Cloud: config.CloudSimulator,
		Preferences: config.DefaultPreferences(),
	}
	c.Rules = []config.Rule{{
		Name: ruleName, Enabled: true, Source: config.Source{Settings: file.At(filepath.Join(dir, "people.csv"))},
		Mappings: map[string]config.Mapping{
			directory.UserPrincipalName: {Expression: `user.username + "@contoso.com"`},
			directory.DisplayName:       {Expression: `user.given + " " + user.family`},
			directory.MailNickname:      {Expression: `user.username`},
			"givenName":                 {Expression: `user.given`},
			"surname":                   {Expression: `user.family`},
			"department":                {Expression: `user.department`},
			directory.UsageLocation:     {Expression: `user.country`},
			directory.Password:          {Expression: `randomPassword(24)`},
			directory.SkuID:             {Expression: `user.license`},
		},
	}}
	return c
}

// writePeople replaces dir/people.csv at once, as the documentation asks of whoever exports people.
func writePeople(dir string, lines []string) error {
	path := filepath.Join(dir, "people.csv")
	if err := os.WriteFile(path+".new", []byte(header+"\n"+strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// apply sends a configuration to the connection's workflow, which it starts, and starts no syncs.
func (b *bed) apply(ctx context.Context, c config.Connection) (r api.ApplyResult, err error) {
	start := b.client.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID: api.ConnectionID(c.Name), TaskQueue: api.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, api.ConnectionType, api.ConnectionInput{Name: c.Name})
	handle, err := b.client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateName: api.UpdateApply, Args: []any{api.ApplyInput{Config: c, KeepSyncs: true}},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err != nil {
		return r, fmt.Errorf("apply: %w", err)
	}
	if err := handle.Get(ctx, &r); err != nil {
		return r, fmt.Errorf("apply: %w", err)
	}
	return r, nil
}

// startSync starts the sync of the rule of a connection.
func (b *bed) startSync(ctx context.Context, name string) (client.WorkflowRun, error) {
	run, err := b.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: api.SyncID(name, ruleName), TaskQueue: api.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
	}, api.SyncRuleType, api.SyncInput{Connection: name, Rule: ruleName})
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
