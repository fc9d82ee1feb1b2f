package cli

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

// link is a connection to Temporal.
type link struct {
	client.Client
	address, namespace string
	converter          converter.DataConverter
	// ui is the address of the Web UI; "" where it is not known.
	ui string
	// state is the directory of the development server; "" where the server is somebody else's.
	state string
}

// dialTimeout is how long Temporal may take to answer at first.
const dialTimeout = 10 * time.Second

// clientOptions are those of TEMPORAL_ADDRESS and its kin, or of a profile in temporal.toml. named is false where neither
// names a server.
func (a *app) clientOptions() (o client.Options, named bool, err error) {
	if o, err = temporalclient.Options(a, slog.New(slog.DiscardHandler)); err != nil {
		return o, false, &failure{
			status: statusWrongUse, what: "the settings of the Temporal client cannot be used", why: err,
			next: "check TEMPORAL_ADDRESS and its kin, and the profile in temporal.toml",
		}
	}
	return o, o.HostPort != "", nil
}

// dial connects to the server that the settings name, else to the one that `up` runs in this directory, else to the
// usual address on this machine.
func (a *app) dial(ctx context.Context) (*link, error) {
	o, named, err := a.clientOptions()
	if err != nil {
		return nil, err
	}
	if named {
		return a.dialTo(ctx, o, "")
	}
	if r, ok := devserver.Find(filepath.Join(a.dir, stateDir)); ok {
		o.HostPort, o.Namespace = r.Address, r.Namespace
		t, err := a.dialTo(ctx, o, r.UI)
		if err != nil {
			return nil, diskFull(filepath.Join(a.dir, stateDir), err)
		}
		t.state = filepath.Join(a.dir, stateDir)
		return t, nil
	}
	o.HostPort = client.DefaultHostPort
	return a.dialTo(ctx, o, "")
}

func (a *app) dialTo(ctx context.Context, o client.Options, ui string) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	t := &link{converter: o.DataConverter, address: o.HostPort, namespace: o.Namespace, ui: ui}
	c, err := client.DialContext(ctx, o)
	if err != nil {
		return nil, &failure{
			status: statusIncomplete, what: fmt.Sprintf("Temporal cannot be reached at %s", o.HostPort), why: err,
			next: "start it, or correct TEMPORAL_ADDRESS (or the profile in temporal.toml); without either, `starter up` runs one on this machine",
		}
	}
	t.Client, t.converter = c, o.DataConverter
	if _, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: t.namespace}); err != nil {
		c.Close()
		return nil, t.unanswered(err, "")
	}
	return t, nil
}

// workflowURL is the address of a workflow's page in the Web UI; "" where the Web UI is not known.
func (t *link) workflowURL(id string) string {
	if t.ui == "" {
		return ""
	}
	return t.ui + "/namespaces/" + url.PathEscape(t.namespace) + "/workflows/" + url.PathEscape(id)
}

// workerPatience is how long a worker that was started just now may take to ask for work.
const workerPatience = 3 * time.Second

// requireWorker fails soon where no worker has asked for work lately, instead of letting every question time out.
func (t *link) requireWorker(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, workerPatience)
	defer cancel()
	for {
		q, err := t.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
			Namespace:     t.namespace,
			TaskQueue:     &taskqueuepb.TaskQueue{Name: api.TaskQueue},
			TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW,
		})
		if err != nil {
			return t.unanswered(err, "")
		}
		if len(q.GetPollers()) > 0 {
			return nil
		}
		select {
		case <-waiting.Done():
			return diskFull(t.state, noWorker())
		case <-time.After(retryPause):
		}
	}
}

// withTemporal runs a command that needs Temporal and a worker.
func (a *app) withTemporal(ctx context.Context, f func(ctx context.Context, t *link) error) error {
	t, err := a.dial(ctx)
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

// describe asks a connection for its settings and state.
func (t *link) describe(ctx context.Context, connection string) (api.Description, error) {
	var d api.Description
	query, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	value, err := t.QueryWorkflow(query, api.ConnectionID(connection), "", api.QueryDescribe)
	if err != nil {
		if ctx.Err() != nil {
			return d, ctx.Err()
		}
		return d, t.unanswered(err, connection)
	}
	if err := value.Get(&d); err != nil {
		return d, err
	}
	if d.State == api.StateDeleted {
		// Its workflow has ended, and answers as long as its history is kept.
		return d, t.unanswered(serviceerror.NewNotFound("deleted"), connection)
	}
	return d, nil
}

// connections lists the names of all connections.
func (t *link) connections(ctx context.Context) ([]string, error) {
	var names []string
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: t.namespace,
		Query:     fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", api.ConnectionType),
	}
	for {
		page, err := t.ListWorkflow(ctx, request)
		if err != nil {
			return nil, t.unanswered(err, "")
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

// only gives the name that was given or, without one, the one connection there is.
func (t *link) only(ctx context.Context, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	names, err := t.connections(ctx)
	if err != nil {
		return "", err
	}
	switch len(names) {
	case 1:
		return names[0], nil
	case 0:
		return "", wrongUse("apply a configuration file first: starter apply -f FILE", "there is no connection yet")
	}
	return "", wrongUse("name one of them", "there is more than one connection: %s", listed(names))
}
