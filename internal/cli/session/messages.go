package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
)

// ChangeState sends one of the updates that answer with a StateResult.
func (a *Session) ChangeState(ctx context.Context, t *Link, connection, update string, args ...any) error {
	connection, err := t.Only(ctx, connection)
	if err != nil {
		return err
	}
	var r api.StateResult
	if err := a.Update(ctx, t, connection, update, &r, args...); err != nil {
		return err
	}
	return a.Print(r, r.Message+"\n")
}

// patience is how long a connection may take to answer an update; a test waits for new extension properties, which can
// take Entra some minutes.
const patience = 30 * time.Minute

// Update sends a message to a connection and waits for its answer. While the connection rolls over to a new run it turns
// messages away; the same message, with the same id, is then sent again, and is not carried out twice.
func (a *Session) Update(ctx context.Context, t *Link, connection, name string, result any, args ...any) error {
	return a.send(ctx, t, connection, result, func(ctx context.Context, id string) (client.WorkflowUpdateHandle, error) {
		return t.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			UpdateID: id, WorkflowID: api.ConnectionID(connection), UpdateName: name, Args: args,
			WaitForStage: client.WorkflowUpdateStageCompleted,
		})
	})
}

// ApplyTo sends a configuration to its connection, which is started where it does not run yet.
func (a *Session) ApplyTo(ctx context.Context, t *Link, in api.ApplyInput) (result api.ApplyResult, err error) {
	connection := in.Config.Name
	err = a.send(ctx, t, connection, &result, func(ctx context.Context, id string) (client.WorkflowUpdateHandle, error) {
		// An operation serves one attempt only.
		start := t.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
			ID:                       api.ConnectionID(connection),
			TaskQueue:                api.TaskQueue,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			StaticSummary:            "Connection " + connection,
			Priority:                 wire.Priority(connection),
		}, api.ConnectionType, api.ConnectionInput{Name: connection})
		return t.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: start,
			UpdateOptions: client.UpdateWorkflowOptions{
				UpdateID: id, UpdateName: api.UpdateApply, Args: []any{in},
				WaitForStage: client.WorkflowUpdateStageCompleted,
			},
		})
	})
	return result, err
}

// RetryPause is the wait before a message is sent again.
const RetryPause = 200 * time.Millisecond

// send sends a message until it is taken, and tells that it waits for the answer.
func (a *Session) send(ctx context.Context, t *Link, connection string, result any,
	once func(context.Context, string) (client.WorkflowUpdateHandle, error)) error {
	stop := a.Waiting("waiting for connection " + connection + " and its worker")
	defer stop()
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for id := uuid.NewString(); ; {
		handle, err := once(waiting, id)
		if err == nil {
			err = handle.Get(waiting, result)
		}
		if !worthRepeating(err) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return t.Unanswered(err, connection)
		}
		select {
		case <-waiting.Done():
			return t.Unanswered(waiting.Err(), connection)
		case <-time.After(RetryPause):
		}
	}
}

// worthRepeating reports that a message was not taken but would be a moment later.
func worthRepeating(err error) bool {
	var notReady *serviceerror.WorkflowNotReady
	var refused *temporal.ApplicationError
	return errors.As(err, &notReady) || errors.As(err, &refused) && refused.Type() == api.RollingOver
}

// Waiting shows how long something takes until stop is called; it says nothing about what is done at once.
func (a *Session) Waiting(what string) (stop func()) {
	began := a.Now()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				a.Notes.Progress(fmt.Sprintf("%s (%s)", what, a.Now().Sub(began).Round(time.Second)))
			}
		}
	}()
	return func() {
		close(done)
		<-ended
		a.Notes.Clear()
	}
}
