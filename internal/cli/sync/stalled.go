package sync

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/cli/session"
)

// stalledPolls is how many times a sync is asked how far it is, without an answer that differs, before it is asked why.
const stalledPolls = 20

// stalled tells what a sync waits for when nothing moves: each cause once.
type stalled struct {
	done  int
	since time.Time
	asked time.Time
	said  string
}

// due reports that nothing has moved for a while, and that nobody has asked why lately.
func (s *stalled) due(now time.Time, done int, patience time.Duration) bool {
	if s.since.IsZero() || done != s.done {
		s.done, s.since, s.asked = done, now, now
		return false
	}
	if now.Sub(s.asked) < patience {
		return false
	}
	s.asked = now
	return true
}

// tellObstacle says what keeps a sync from going on, unless it was said before.
func tellObstacle(ctx context.Context, a *session.Session, t *session.Link, r Run, connection string, halt *stalled) {
	workflow, why := obstacle(ctx, t, connection, r)
	// The id of the last request differs each time, and stands in the Web UI.
	why = requestID.ReplaceAllString(why, "")
	if why == "" || why == halt.said {
		return
	}
	halt.said = why
	a.Notes.Sayf("rule %s: nothing has moved for %s. %s waits and is tried again by itself: %s %s",
		r.rule, a.Now().Sub(halt.since).Round(time.Second), workflow, why, t.WorkflowURL(workflow))
}

// requestID is how a message names the request that it is about.
var requestID = regexp.MustCompile(` \(request id [^)]*\)`)

// obstacle finds an activity of the sync, or else of somebody whom it provisions, that fails and is tried again: the
// workflow and what was said last; "" where there is none, or it cannot be learned.
func obstacle(ctx context.Context, t *session.Link, connection string, r Run) (workflow, why string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if why = lastFailure(ctx, t, &commonpb.WorkflowExecution{WorkflowId: r.id}); why != "" {
		return r.id, why
	}
	list, err := t.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: t.Namespace, PageSize: 20,
		Query: fmt.Sprintf("WorkflowType IN ('%s', '%s') AND ExecutionStatus = 'Running' AND %s = '%s' AND %s = '%s'",
			api.ProvisionUserType, api.DeprovisionUserType,
			wire.AttributeConnection.GetName(), connection, wire.AttributeRule.GetName(), r.rule),
	})
	if err != nil {
		return "", ""
	}
	for _, e := range list.GetExecutions() {
		if why = lastFailure(ctx, t, e.GetExecution()); why != "" {
			return e.GetExecution().GetWorkflowId(), why
		}
	}
	return "", ""
}

// lastFailure is what an activity that is tried again said last.
func lastFailure(ctx context.Context, t *session.Link, e *commonpb.WorkflowExecution) string {
	d, err := t.DescribeWorkflow(ctx, e.GetWorkflowId(), e.GetRunId())
	if err != nil {
		return ""
	}
	for _, activity := range d.RawResponse.GetPendingActivities() {
		if f := activity.GetLastFailure(); f != nil {
			return fmt.Sprintf("%s (%s)", f.GetMessage(), cmp.Or(f.GetApplicationFailureInfo().GetType(), "not told"))
		}
	}
	return ""
}
