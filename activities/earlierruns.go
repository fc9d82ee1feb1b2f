package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/provision"
)

// earlierRuns reads in Temporal what runs did for people a short time ago, by whichever worker.
type earlierRuns struct {
	temporal client.Client
	// converter decodes what the histories hold. It is the client's own: with another, a codec would hide what was created.
	converter converter.DataConverter
	now       func() time.Time
}

// Of reads the histories of a person's runs: one that failed, or was cancelled or terminated by hand, may have given the
// person an account before.
//
// Errors: Transient (TemporalUnavailable) when Temporal does not answer.
func (r *earlierRuns) Of(ctx context.Context, connection, user string, since time.Time) (provision.Earlier, error) {
	id := strings.ReplaceAll(api.UserID(connection, user), "'", `\'`)
	var earlier provision.Earlier
	err := r.list(ctx, fmt.Sprintf("WorkflowId = '%s' AND ", id), since, func(run *workflowpb.WorkflowExecutionInfo) (bool, error) {
		account, cutOff, err := r.givenBy(ctx, run)
		if cutOff.After(earlier.CutOff) {
			earlier.CutOff = cutOff
		}
		earlier.Account = account
		return account == "", err
	})
	return earlier, err
}

// list gives the runs of ProvisionUser and MoveLink that ended after since, or run still: the list learns late of an end. each returns
// whether it wants more.
func (r *earlierRuns) list(ctx context.Context, which string, since time.Time, each func(*workflowpb.WorkflowExecutionInfo) (bool, error)) error {
	request := &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: 1000,
		Query: fmt.Sprintf("%sWorkflowType IN ('%s', '%s') AND (ExecutionStatus = 'Running' OR CloseTime > '%s')",
			which, api.ProvisionUserType, api.MoveLinkType, since.UTC().Format(time.RFC3339)),
	}
	for {
		list, err := r.temporal.ListWorkflow(ctx, request)
		if err != nil {
			return fault.Wrap("look for earlier runs", fault.Transient, fault.TemporalUnavailable, "", err)
		}
		for _, run := range list.GetExecutions() {
			if more, err := each(run); err != nil || !more {
				return err
			}
		}
		if request.NextPageToken = list.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return nil
		}
	}
}

// givenBy is the account that a run created, restored or adopted, as its activities told. cutOff is when one of
// them ended without anybody learning whether it had, zero where none did. What cannot be decoded may have been anything.
func (r *earlierRuns) givenBy(ctx context.Context, run *workflowpb.WorkflowExecutionInfo) (account string, cutOff time.Time, err error) {
	open := map[int64]time.Time{} // :: scheduled event -> end, zero while there is none
	moves := map[int64]bool{}     // :: scheduled event -> it is of MoveLinkActivity
	execution := run.GetExecution()
	events := r.temporal.GetWorkflowHistory(ctx, execution.GetWorkflowId(), execution.GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return "", cutOff, fault.Wrap("look into an earlier run", fault.Transient, fault.TemporalUnavailable, "", err)
		}
		scheduled := event.GetActivityTaskScheduledEventAttributes()
		if name := scheduled.GetActivityType().GetName(); name == api.ProvisionAccountActivity || name == api.MoveLinkActivity {
			moves[event.GetEventId()] = name == api.MoveLinkActivity
			if !isThis(ctx, execution.GetRunId(), scheduled.GetActivityId()) {
				open[event.GetEventId()] = time.Time{}
			}
		}
		if failed := event.GetActivityTaskFailedEventAttributes(); failed != nil {
			var d wire.ErrorDetails
			err := r.converter.FromPayloads(failed.GetFailure().GetApplicationFailureInfo().GetDetails(), &d)
			end(open, failed.GetScheduledEventId(), err == nil && !d.Open, event.GetEventTime().AsTime())
		}
		if completed := event.GetActivityTaskCompletedEventAttributes(); completed != nil {
			var done api.ProvisionResult
			err := r.converter.FromPayloads(completed.GetResult(), &done)
			_, known := open[completed.GetScheduledEventId()]
			if known && err == nil && (done.Given || moves[completed.GetScheduledEventId()]) {
				return done.AccountID, time.Time{}, nil
			}
			end(open, completed.GetScheduledEventId(), err == nil && !done.Open, event.GetEventTime().AsTime())
		}
	}
	for _, at := range open {
		if at.IsZero() {
			at = r.now()
			if run.GetCloseTime() != nil {
				at = run.GetCloseTime().AsTime()
			}
		}
		if at.After(cutOff) {
			cutOff = at
		}
	}
	return "", cutOff, nil
}

// end notes that an activity ended; nothing more is to be said of one that tells what it did.
func end(open map[int64]time.Time, scheduled int64, told bool, at time.Time) {
	if _, ok := open[scheduled]; !ok {
		return
	}
	if told {
		delete(open, scheduled)
		return
	}
	open[scheduled] = at
}

// isThis reports that an activity is the one that asks.
func isThis(ctx context.Context, run, id string) bool {
	if !activity.IsActivity(ctx) {
		return false
	}
	info := activity.GetInfo(ctx)
	return info.WorkflowExecution.RunID == run && info.ActivityID == id
}

// recentPeople are those whose workflow ran within the settling time.
type recentPeople struct {
	connection string
	everybody  bool
	runs       map[string]bool // :: workflow id
}

func (r recentPeople) has(user string) bool {
	return r.everybody || r.runs[api.UserID(r.connection, user)]
}

// maxRecent bounds the list; beyond it everybody counts as recent, and is asked for one by one.
const maxRecent = 20_000

// people lists whose accounts may have been created since, by whichever worker. Those whose runs a person started are among
// them, which have no search attributes.
//
// Errors: Transient (TemporalUnavailable) when Temporal does not answer.
func (r *earlierRuns) people(ctx context.Context, connection string, since time.Time) (recentPeople, error) {
	recent := recentPeople{connection: connection, runs: map[string]bool{}}
	err := r.list(ctx, "", since, func(run *workflowpb.WorkflowExecutionInfo) (bool, error) {
		if id := run.GetExecution().GetWorkflowId(); strings.HasPrefix(id, api.UserIDPrefix(connection)) {
			recent.runs[id] = true
		}
		recent.everybody = len(recent.runs) > maxRecent
		return !recent.everybody, nil
	})
	return recent, err
}
