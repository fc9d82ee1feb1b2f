package session

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/devserver"
	"github.com/entraflow/entraflow/internal/temporalclient"
)

// Link is a connection to Temporal.
type Link struct {
	client.Client
	address string
	// Namespace is the one that the client works in.
	Namespace string
	converter converter.DataConverter
	// UI is the address of the Web UI; "" where it is not known.
	UI string
	// State is the directory of the development server; "" where the server is somebody else's.
	State string
}

// dialTimeout is how long Temporal may take to answer at first.
const dialTimeout = 10 * time.Second

// ClientOptions are those of TEMPORAL_ADDRESS and its kin, or of a profile in temporal.toml. named is false where neither
// names a server.
func (a *Session) ClientOptions() (o client.Options, named bool, err error) {
	if o, err = temporalclient.Options(a, slog.New(slog.DiscardHandler)); err != nil {
		return o, false, &Failure{
			Status: StatusWrongUse, What: "the settings of the Temporal client cannot be used", Why: err,
			Next: "check TEMPORAL_ADDRESS and its kin, and the profile in temporal.toml",
		}
	}
	return o, o.HostPort != "", nil
}

// Dial connects to the server that the settings name, else to the one that `up` runs in this directory, else to the
// usual address on this machine.
func (a *Session) Dial(ctx context.Context) (*Link, error) {
	o, named, err := a.ClientOptions()
	if err != nil {
		return nil, err
	}
	if named {
		return a.DialTo(ctx, o, "")
	}
	if r, ok := devserver.Find(filepath.Join(a.Dir, StateDir)); ok {
		o.HostPort, o.Namespace = r.Address, r.Namespace
		t, err := a.DialTo(ctx, o, r.UI)
		if err != nil {
			return nil, DiskFull(filepath.Join(a.Dir, StateDir), err)
		}
		t.State = filepath.Join(a.Dir, StateDir)
		return t, nil
	}
	o.HostPort = client.DefaultHostPort
	return a.DialTo(ctx, o, "")
}

// DialTo connects to the server that the options name. ui is the address of its Web UI, where that is known.
func (a *Session) DialTo(ctx context.Context, o client.Options, ui string) (*Link, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	t := &Link{converter: o.DataConverter, address: o.HostPort, Namespace: o.Namespace, UI: ui}
	c, err := client.DialContext(ctx, o)
	if err != nil {
		return nil, &Failure{
			Status: StatusIncomplete, What: fmt.Sprintf("Temporal cannot be reached at %s", o.HostPort), Why: err,
			Next: "start it, or correct TEMPORAL_ADDRESS (or the profile in temporal.toml); without either, `starter up` runs one on this machine",
		}
	}
	t.Client, t.converter = c, o.DataConverter
	if _, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: t.Namespace}); err != nil {
		c.Close()
		return nil, t.Unanswered(err, "")
	}
	return t, nil
}

// WorkflowURL is the address of a workflow's page in the Web UI; "" where the Web UI is not known.
func (t *Link) WorkflowURL(id string) string {
	if t.UI == "" {
		return ""
	}
	return t.UI + "/namespaces/" + url.PathEscape(t.Namespace) + "/workflows/" + url.PathEscape(id)
}

// workerPatience is how long a worker that was started just now may take to ask for work.
const workerPatience = 3 * time.Second

// requireWorker fails soon where no worker has asked for work lately, instead of letting every question time out.
func (t *Link) requireWorker(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, workerPatience)
	defer cancel()
	for {
		q, err := t.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
			Namespace:     t.Namespace,
			TaskQueue:     &taskqueuepb.TaskQueue{Name: api.TaskQueue},
			TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW,
		})
		if err != nil {
			return t.Unanswered(err, "")
		}
		if len(q.GetPollers()) > 0 {
			return nil
		}
		select {
		case <-waiting.Done():
			return DiskFull(t.State, noWorker())
		case <-time.After(RetryPause):
		}
	}
}

// WithTemporal runs a command that needs Temporal and a worker.
func (a *Session) WithTemporal(ctx context.Context, f func(ctx context.Context, t *Link) error) error {
	t, err := a.Dial(ctx)
	if err != nil {
		return err
	}
	defer t.Close()
	if err := t.requireWorker(ctx); err != nil {
		return err
	}
	return f(ctx, t)
}

// queryTimeout is how long a query may wait for a worker.
const queryTimeout = 15 * time.Second

// Describe asks a connection for its settings and state.
func (t *Link) Describe(ctx context.Context, connection string) (api.Description, error) {
	var d api.Description
	query, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	value, err := t.QueryWorkflow(query, api.ConnectionID(connection), "", api.QueryDescribe)
	if err != nil {
		if ctx.Err() != nil {
			return d, ctx.Err()
		}
		return d, t.Unanswered(err, connection)
	}
	if err := value.Get(&d); err != nil {
		return d, err
	}
	if d.State == api.StateDeleted {
		// Its workflow has ended, and answers as long as its history is kept.
		return d, t.Unanswered(serviceerror.NewNotFound("deleted"), connection)
	}
	return d, nil
}

// Connections lists the names of all connections.
func (t *Link) Connections(ctx context.Context) ([]string, error) {
	var names []string
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: t.Namespace,
		Query:     fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", api.ConnectionType),
	}
	for {
		page, err := t.ListWorkflow(ctx, request)
		if err != nil {
			return nil, t.Unanswered(err, "")
		}
		for _, e := range page.Executions {
			if name, ok := connectionName(e.Execution.WorkflowId); ok {
				names = append(names, name)
			}
		}
		if len(page.NextPageToken) == 0 {
			return names, nil
		}
		request.NextPageToken = page.NextPageToken
	}
}

// connectionName is the inverse of workflows.ConnectionID. Runs that were started under another id are no connections.
func connectionName(id string) (name string, ok bool) {
	prefix := api.ConnectionID("")
	if len(id) <= len(prefix) || id[:len(prefix)] != prefix {
		return "", false
	}
	return id[len(prefix):], true
}

// Only gives the name that was given or, without one, the one connection there is.
func (t *Link) Only(ctx context.Context, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	names, err := t.Connections(ctx)
	if err != nil {
		return "", err
	}
	switch len(names) {
	case 1:
		return names[0], nil
	case 0:
		return "", WrongUse("apply a configuration file first: starter apply -f FILE", "there is no connection yet")
	}
	return "", WrongUse("name one of them", "there is more than one connection: %s", Listed(names))
}
