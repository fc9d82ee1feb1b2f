package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/internal/fault"
)

// AwaitRun waits for a workflow that runs already and returns its result as JSON, after having asked it, by a signal, to
// look again. Temporal has no way for a workflow to await another that it did not start.
//
// Errors: that of the awaited workflow; fault.Stopped when it was cancelled or terminated; fault.RunMissed (Stale) when it
// ended before it could be asked, or was of another type: whoever waits may start their own now.
func (a *Activities) AwaitRun(ctx context.Context, in AwaitInput) (json.RawMessage, error) {
	p := &pulse{}
	// A worker that dies in between leads to one signal too many, which costs a look; one too few would lose a wake-up.
	asked := activity.HasHeartbeatDetails(ctx)
	if asked {
		p.details = in.Signal
	}
	defer p.start(ctx)()
	missed := fault.New("await run", fault.Stale, fault.RunMissed, "")
	run := a.options.Temporal.GetWorkflow(ctx, in.WorkflowID, "")
	wanted, err := a.isOfType(ctx, in)
	if err != nil {
		return nil, err
	}
	if wanted && in.Signal != "" && !asked {
		err := a.options.Temporal.SignalWorkflow(ctx, in.WorkflowID, "", in.Signal, nil)
		if isGone(err) {
			return nil, missed
		}
		if err != nil {
			return nil, fault.Wrap("signal running workflow", fault.Transient, fault.InternalError, in.WorkflowID, err)
		}
		p.keep(ctx, in.Signal)
	}
	var result json.RawMessage
	err = run.Get(ctx, &result)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !wanted || isGone(err):
		return nil, missed
	case err != nil:
		return nil, err
	}
	return result, nil
}

// isOfType asks whether the run to wait for is of the wanted type.
func (a *Activities) isOfType(ctx context.Context, in AwaitInput) (bool, error) {
	if in.Type == "" {
		return true, nil
	}
	d, err := a.options.Temporal.DescribeWorkflowExecution(ctx, in.WorkflowID, "")
	switch {
	case isGone(err):
		return false, nil
	case err != nil:
		return false, fault.Wrap("describe running workflow", fault.Transient, fault.InternalError, in.WorkflowID, err)
	}
	return d.GetWorkflowExecutionInfo().GetType().GetName() == in.Type, nil
}

// HeartbeatEvery is how often an activity tells the server that its worker lives. A killed worker's activities are taken
// up again after the heartbeat timeout and not after the time that they may take.
const HeartbeatEvery = 5 * time.Second

// heartbeat keeps an activity alive until stop is called.
func heartbeat(ctx context.Context) (stop func()) { return new(pulse).start(ctx) }

// pulse is the heartbeat of one activity. Each beat replaces the details of the one before, so it repeats them.
type pulse struct {
	mu      sync.Mutex
	details any
	// begun: a beat was sent, and the SDK may keep the next one for a while before it sends it.
	begun bool
}

func (p *pulse) beat(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = true
	if p.details == nil {
		activity.RecordHeartbeat(ctx)
		return
	}
	activity.RecordHeartbeat(ctx, p.details)
}

// keep repeats details with each beat from now on.
func (p *pulse) keep(ctx context.Context, details any) {
	p.mu.Lock()
	p.details = details
	p.mu.Unlock()
	p.beat(ctx)
}

// note records details that the next attempt must find even if this worker dies right after.
//
// Errors: Transient (InternalError) when the server did not take them, which is also what a superseded attempt is told.
func (p *pulse) note(ctx context.Context, temporal client.Client, details any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.details = details
	activity.RecordHeartbeat(ctx, details)
	if !p.begun || temporal == nil {
		p.begun = true
		return nil
	}
	if err := temporal.RecordActivityHeartbeat(ctx, activity.GetInfo(ctx).TaskToken, details); err != nil {
		return fault.Wrap("record heartbeat", fault.Transient, fault.InternalError, "", err)
	}
	return nil
}

// start beats until stop is called.
func (p *pulse) start(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	var once sync.Once
	go func() {
		tick := time.NewTicker(HeartbeatEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.beat(ctx)
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { once.Do(func() { close(done) }) }
}

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

// recentAccount is the account created for a person within the settling time, by whichever worker; "" when there is none.
func (a *Activities) recentAccount(ctx context.Context, connection, user, workflowID string) (string, error) {
	if account := a.recent.recall(connection + "/" + user); account != "" {
		return account, nil
	}
	if a.options.Temporal == nil {
		return "", nil
	}
	since := a.options.Now().Add(-a.options.Settle).UTC().Format(time.RFC3339)
	list, err := a.options.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: 5,
		Query: fmt.Sprintf("WorkflowId = '%s' AND ExecutionStatus = 'Completed' AND EntraflowAction = 'create' AND CloseTime > '%s'",
			strings.ReplaceAll(workflowID, "'", `\'`), since),
	})
	if err != nil {
		return "", fault.Wrap("look for earlier runs", fault.Transient, fault.InternalError, "", err)
	}
	for _, run := range list.GetExecutions() {
		var result struct {
			AccountID string `json:"accountId"`
		}
		e := run.GetExecution()
		if err := a.options.Temporal.GetWorkflow(ctx, e.GetWorkflowId(), e.GetRunId()).Get(ctx, &result); err == nil && result.AccountID != "" {
			return result.AccountID, nil
		}
	}
	return "", nil
}

// recentPeople are those whose workflow ran within the settling time.
type recentPeople struct {
	everybody bool
	people    map[string]bool // :: source id
}

func (r recentPeople) has(user string) bool { return r.everybody || r.people[user] }

// maxRecent bounds the list; beyond it everybody counts as recent, and is asked for one by one.
const maxRecent = 20_000

// recentRuns lists whose accounts may have been created within the settling time, by whichever worker. Running workflows
// count: the list learns late of their end. So do those that a person started, which have no search attributes.
//
// Errors: Transient (InternalError) when Temporal does not answer.
func (a *Activities) recentRuns(ctx context.Context, connection string) (recentPeople, error) {
	recent := recentPeople{people: map[string]bool{}}
	if a.options.Temporal == nil {
		return recent, nil
	}
	since := a.options.Now().Add(-a.options.Settle).UTC().Format(time.RFC3339)
	request := &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: 1000,
		Query:    fmt.Sprintf("WorkflowType = 'ProvisionUser' AND (ExecutionStatus = 'Running' OR CloseTime > '%s')", since),
	}
	for {
		list, err := a.options.Temporal.ListWorkflow(ctx, request)
		if err != nil {
			return recent, fault.Wrap("look for earlier runs", fault.Transient, fault.InternalError, "", err)
		}
		for _, run := range list.GetExecutions() {
			escaped, ours := strings.CutPrefix(run.GetExecution().GetWorkflowId(), "user/"+connection+"/")
			user, err := url.PathUnescape(escaped)
			if ours && err == nil {
				recent.people[user] = true
			}
		}
		if len(recent.people) > maxRecent {
			return recentPeople{everybody: true}, nil
		}
		if request.NextPageToken = list.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return recent, nil
		}
	}
}
