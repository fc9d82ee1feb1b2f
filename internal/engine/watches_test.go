package engine

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// described is a Temporal without workflows that tells which connections it was asked about.
type described struct {
	client.Client
	asked chan string
}

func (d described) ListWorkflow(context.Context, *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	return &workflowservice.ListWorkflowExecutionsResponse{}, nil
}

func (d described) QueryWorkflowWithOptions(_ context.Context, r *client.QueryWorkflowWithOptionsRequest) (*client.QueryWorkflowWithOptionsResponse, error) {
	d.asked <- r.WorkflowID
	return nil, serviceerror.NewNotFound("")
}

// A sync that begins has its connection's sources watched at once, and not when the worker looks the next time: what changes after a first
// sync has read them would be missed.
func TestASyncThatBeginsIsWatched(t *testing.T) {
	t.Parallel()
	temporal := described{asked: make(chan string, 1)}
	e, err := New(Parts{Client: temporal, Environment: Environment{WriteShare: 1, Activities: 1, Pace: 1000}})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.keepWatches(ctx)
	}()
	e.notePlanning("contoso")
	select {
	case id := <-temporal.asked:
		require.Equal(t, "connection/contoso", id)
	case <-time.After(20 * time.Second):
		t.Fatal("nobody looked at the connection")
	}
	stop()
	<-ended
	for range 2 * maxPlanning {
		e.notePlanning("contoso") // A worker that has ended, or many syncs at once, make nobody wait.
	}
}
