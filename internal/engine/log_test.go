package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/simulator"
)

const name = "secret.person@contoso.com"

// logged runs an activity in a worker of ours and gives its error and the lines of the log.
func logged(t *testing.T, do func(context.Context, slog.Handler) error) (lines []map[string]any, text string, err error) {
	var out bytes.Buffer
	handler := slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{engine.NewInterceptor(slog.New(handler), backoff.Default())}})
	env.RegisterActivityWithOptions(func(ctx context.Context) error { return do(ctx, handler) }, activity.RegisterOptions{Name: "Provision"})
	_, err = env.ExecuteActivity("Provision")
	text = out.String()
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if line == "" {
			continue
		}
		entry := map[string]any{}
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		lines = append(lines, entry)
	}
	return lines, text, err
}

// tenantClient is one of a simulated tenant, or of an address that nobody listens on.
func tenantClient(t *testing.T, log slog.Handler, prepare func(*simulator.Server), endpoint string) *graph.Client {
	server, err := simulator.Start(simulator.Options{Seed: simulator.DefaultSeed()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	if prepare != nil {
		prepare(server)
	}
	endpoints, _ := graph.CloudEndpoints("simulator")
	endpoints.Graph, endpoints.Login, endpoints.CAPEM = server.URL(), server.URL(), server.CAPEM()
	if endpoint != "" {
		endpoints.Graph = endpoint
	}
	c, err := graph.NewPool(graph.Options{Trace: engine.Tracer(slog.New(log), nil)}).Client(graph.ClientConfig{
		Connection: "contoso", TenantID: simulator.DefaultTenantID, ClientID: simulator.DefaultClientID, Endpoints: endpoints,
		Secret: func(context.Context) (string, error) { return simulator.DefaultClientSecret, nil },
	})
	require.NoError(t, err)
	return c
}

// Whoever looks for the cause of an error finds it in the worker's log: once, and without a word that names anybody.
func TestTheLogHasTheCauseOfAnError(t *testing.T) {
	t.Parallel()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody.Close()
	read := func(c *graph.Client) error {
		_, err := c.UserByUPN(context.Background(), name, directory.Selection{})
		return err
	}
	for _, test := range []struct {
		name      string
		do        func(context.Context, slog.Handler) error
		level     string
		reason    fault.Reason
		kind      fault.Kind
		operation string
		causes    []any
		requestID bool
	}{
		{"an answer of Graph",
			func(_ context.Context, log slog.Handler) error {
				return read(tenantClient(t, log, func(s *simulator.Server) {
					s.FailNext(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/users") }, simulator.GraphFault(400, "Request_BadRequest", name+" is nonsense"))
				}, ""))
			},
			"ERROR", fault.UnexpectedAnswer, fault.Internal, "read user by name", []any{`HTTP 400 Request_BadRequest, row "anything else"`}, true},
		{"nobody listens",
			func(_ context.Context, log slog.Handler) error {
				return read(tenantClient(t, log, nil, "https://"+nobody.Addr().String()))
			},
			"WARN", fault.SimulatorNotRunning, fault.Transient, "read user by name",
			[]any{"*net.OpError", "*os.SyscallError", "syscall.Errno: connection refused"}, false},
		{"a foreign error", func(context.Context, slog.Handler) error { return fmt.Errorf("%s: %w", name, errors.New(name)) },
			"ERROR", fault.InternalError, fault.Internal, "", []any{"*fmt.wrapError", "*errors.errorString"}, false},
		{"a panic", func(context.Context, slog.Handler) error { panic(name) },
			"ERROR", fault.InternalError, fault.Internal, "", nil, false},
		{"a refusal", func(context.Context, slog.Handler) error {
			return fault.New("match", fault.Refused, fault.LinkDuplicate, "")
		}, "INFO", fault.LinkDuplicate, fault.Refused, "match", nil, false},
		{"the activity's time was over", func(context.Context, slog.Handler) error { return context.DeadlineExceeded },
			"WARN", fault.Interrupted, fault.Transient, "", []any{"context.deadlineExceededError"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			lines, text, err := logged(t, test.do)
			require.Error(t, err)
			require.NotContains(t, text, "secret.person")
			require.NotContains(t, err.Error(), "secret.person")
			require.NotEmpty(t, lines)
			var found []map[string]any
			for _, line := range lines {
				if line["msg"] == "an activity failed" {
					found = append(found, line)
				}
			}
			require.Len(t, found, 1, text)
			line := found[0]
			require.Equal(t, test.reason, wire.FaultOf(err).Reason)
			require.Equal(t, string(test.reason), line["reason"])
			require.Equal(t, string(test.kind), line["kind"])
			require.Equal(t, test.level, line["level"])
			require.Equal(t, test.operation, line["operation"])
			require.Equal(t, "Provision", line["activity"])
			require.Equal(t, test.requestID, line["requestId"] != "", text)
			causes, _ := line["causes"].([]any)
			if test.name == "a panic" {
				require.Contains(t, causes[0], "panic with string at github.com/entraflow/entraflow/internal/engine_test.")
				return
			}
			require.Equal(t, test.causes, causes)
		})
	}
}

// At level debug each request to Graph is in the log, with its route instead of ids and names.
func TestTheLogHasEachRequestToGraph(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := tenantClient(t, slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}), nil, "")
	_, err := c.UserByUPN(context.Background(), name, directory.Selection{})
	require.Error(t, err)
	require.NotContains(t, out.String(), "secret.person")
	line := map[string]any{}
	require.NoError(t, json.Unmarshal(out.Bytes(), &line), out.String())
	require.Positive(t, line["duration"])
	require.NotEmpty(t, line["requestId"])
	delete(line, "duration")
	delete(line, "requestId")
	delete(line, "time")
	require.Equal(t, map[string]any{
		"level": "DEBUG", "msg": "a request to Microsoft Graph", "connection": "contoso", "operation": "read user by name", "method": "GET",
		"route": "/users/{name}", "status": 404., "reason": "account_not_found", "causes": []any{`HTTP 404 Request_ResourceNotFound, row "account not found"`},
	}, line)

	out.Reset()
	quiet := tenantClient(t, slog.NewJSONHandler(&out, nil), nil, "")
	_, err = quiet.Organization(context.Background())
	require.NoError(t, err)
	require.Empty(t, out.String(), "a worker of level info tells nothing of what went well")
}
