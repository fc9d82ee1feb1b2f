package activities

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// recentCreations remembers which accounts were created so lately that lists and filters may not show them yet: a miss
// alone is no proof of absence, and a person whose name changed meanwhile must not get a second account.
//
// The worker's own memory answers at once; what other workers did, or this one before it was killed, stands in Temporal's
// list of runs.
type recentCreations struct {
	now  func() time.Time
	span time.Duration

	mu      sync.Mutex
	entries map[string]creation // :: connection/source id -> account
}

type creation struct {
	account string
	at      time.Time
}

func newRecentCreations(now func() time.Time, span time.Duration) *recentCreations {
	return &recentCreations{now: now, span: span, entries: map[string]creation{}}
}

func (r *recentCreations) remember(person, account string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if len(r.entries) >= 10_000 {
		for k, c := range r.entries {
			if now.Sub(c.at) > r.span {
				delete(r.entries, k)
			}
		}
	}
	r.entries[person] = creation{account: account, at: now}
}

func (r *recentCreations) recall(person string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.entries[person]
	if !ok || r.now().Sub(c.at) > r.span {
		return ""
	}
	return c.account
}

// earlier is what a person's runs within the settling time tell.
type earlier struct {
	// account was created by one of them; "" when none was.
	account string
	// cutOff is when one of them was ended in the middle of something that may have been a creation; zero when none was.
	cutOff time.Time
}

// recentAccount tells of accounts created for a person within the settling time, by whichever worker and however that run
// ended.
//
// Errors: Transient (TemporalUnavailable) when Temporal does not answer.
func (a *Activities) recentAccount(ctx context.Context, connection, user string) (earlier, error) {
	if account := a.recent.recall(connection + "/" + user); account != "" {
		return earlier{account: account}, nil
	}
	if a.options.Temporal == nil {
		return earlier{}, nil
	}
	since := a.options.Now().Add(-a.options.Settle).UTC().Format(time.RFC3339)
	list, err := a.options.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: 20,
		Query: fmt.Sprintf("WorkflowId = '%s' AND WorkflowType = '%s' AND (ExecutionStatus = 'Running' OR CloseTime > '%s')",
			strings.ReplaceAll(api.UserID(connection, user), "'", `\'`), api.ProvisionUserType, since),
	})
	if err != nil {
		return earlier{}, fault.Wrap("look for earlier runs", fault.Transient, fault.TemporalUnavailable, "", err)
	}
	var found earlier
	for _, run := range list.GetExecutions() {
		if activity.IsActivity(ctx) && run.GetExecution().GetRunId() == activity.GetInfo(ctx).WorkflowExecution.RunID {
			continue
		}
		account, cut, err := a.createdBy(ctx, run.GetExecution())
		if account != "" || err != nil {
			return earlier{account: account}, err
		}
		closed := a.options.Now() // The list learns late of an end.
		if run.GetCloseTime() != nil {
			closed = run.GetCloseTime().AsTime()
		}
		if cut && closed.After(found.cutOff) {
			found.cutOff = closed
		}
	}
	return found, nil
}

// createdBy is the account that a run created or took out of the recycle bin, as its activities told: a run that failed, or
// was cancelled or terminated by hand, may have done so before. cut is true when an activity ended without anybody learning
// whether it had.
func (a *Activities) createdBy(ctx context.Context, run *commonpb.WorkflowExecution) (account string, cut bool, err error) {
	events := a.options.Temporal.GetWorkflowHistory(ctx, run.GetWorkflowId(), run.GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	under := map[int64]bool{} // :: scheduled event -> under way
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return "", false, fault.Wrap("look into an earlier run", fault.Transient, fault.TemporalUnavailable, "", err)
		}
		if event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() == api.ProvisionAccountActivity {
			under[event.GetEventId()] = true
		}
		if failed := event.GetActivityTaskFailedEventAttributes(); failed != nil {
			var d wire.ErrorDetails
			details := failed.GetFailure().GetApplicationFailureInfo().GetDetails()
			if converter.GetDefaultDataConverter().FromPayloads(details, &d) == nil && !d.Open {
				delete(under, failed.GetScheduledEventId())
			}
		}
		completed := event.GetActivityTaskCompletedEventAttributes()
		if !under[completed.GetScheduledEventId()] {
			continue
		}
		delete(under, completed.GetScheduledEventId())
		var done api.ProvisionResult
		if converter.GetDefaultDataConverter().FromPayloads(completed.GetResult(), &done) == nil &&
			(done.Action == plan.Create || done.Action == plan.Restore) {
			return done.AccountID, false, nil
		}
	}
	return "", len(under) > 0, nil
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

// recentRuns lists whose accounts may have been created within the settling time, by whichever worker. Running workflows
// count: the list learns late of their end. So do those that a person started, which have no search attributes.
//
// Errors: Transient (TemporalUnavailable) when Temporal does not answer.
func (a *Activities) recentRuns(ctx context.Context, connection string) (recentPeople, error) {
	recent := recentPeople{connection: connection, runs: map[string]bool{}}
	if a.options.Temporal == nil {
		return recent, nil
	}
	since := a.options.Now().Add(-a.options.Settle).UTC().Format(time.RFC3339)
	request := &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: 1000,
		Query:    fmt.Sprintf("WorkflowType = '%s' AND (ExecutionStatus = 'Running' OR CloseTime > '%s')", api.ProvisionUserType, since),
	}
	for {
		list, err := a.options.Temporal.ListWorkflow(ctx, request)
		if err != nil {
			return recent, fault.Wrap("look for earlier runs", fault.Transient, fault.TemporalUnavailable, "", err)
		}
		for _, run := range list.GetExecutions() {
			if id := run.GetExecution().GetWorkflowId(); strings.HasPrefix(id, api.UserIDPrefix(connection)) {
				recent.runs[id] = true
			}
		}
		if len(recent.runs) > maxRecent {
			return recentPeople{everybody: true}, nil
		}
		if request.NextPageToken = list.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return recent, nil
		}
	}
}
