package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

const (
	// burst is how many people's changes at once become one sync instead of runs, and perMinute how many within a minute.
	burst     = 200
	perMinute = 1000
)

// pace remembers, for each rule, the moments of the last minute in which runs were started.
type pace struct {
	mu      sync.Mutex
	started map[string][]time.Time
}

// spend takes n runs of a rule out of this minute's; ok is false where there are not as many left.
func (p *pace) spend(rule string, n int, now time.Time) (ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	recent := p.started[rule]
	for len(recent) > 0 && now.Sub(recent[0]) > time.Minute {
		recent = recent[1:]
	}
	if ok = len(recent)+n <= perMinute; ok {
		for range n {
			recent = append(recent, now)
		}
	}
	if p.started == nil {
		p.started = map[string][]time.Time{}
	}
	p.started[rule] = recent
	return ok
}

// TakeChanges starts what changes of a rule's source call for: a run of each person, or, where it is about everybody or too many, one sync of
// each rule that reads the source. When it returns without an error, Temporal has all of it. Nothing is started while the rule does not
// run: the sync that it begins with finds everything.
//
// Errors: fault.ConnectionUnknown (Refused), TemporalUnavailable (Transient).
func TakeChanges(ctx context.Context, a *Activities, connection, rule string, c source.Changes) (runs, syncs int, err error) {
	if !c.Everybody && len(c.IDs) == 0 {
		return 0, 0, nil
	}
	s, err := a.settings.AtLeast(ctx, connection, 0)
	if err != nil || syncable(s, rule) != nil {
		return 0, 0, err
	}
	if c.Everybody || len(c.IDs) > burst || !a.pace.spend(connection+"/"+rule, len(c.IDs), a.options.Now()) {
		read, _ := s.Config.Rule(rule)
		for _, reader := range s.Readers(read.Source.Key()) {
			err := a.signal(ctx, api.SyncID(connection, reader), connection, api.SyncRuleType, api.SyncInput{Connection: connection, Rule: reader},
				wire.AttributeConnection.ValueSet(connection), wire.AttributeRule.ValueSet(reader))
			if err != nil {
				return 0, syncs, err
			}
			syncs++
		}
		return 0, syncs, nil
	}
	for i, id := range c.IDs {
		err := a.signal(ctx, api.UserID(connection, id), connection, api.ProvisionUserType, api.UserInput{Connection: connection, User: id, Event: true},
			wire.AttributeConnection.ValueSet(connection))
		if err != nil {
			return i, 0, err
		}
	}
	return len(c.IDs), 0, nil
}

// signal starts a workflow, or asks the running one to look again.
func (a *Activities) signal(ctx context.Context, id, connection, workflowType string, in any, attributes ...temporal.SearchAttributeUpdate) error {
	_, err := a.options.Temporal.SignalWithStartWorkflow(ctx, id, api.SignalAgain, nil, client.StartWorkflowOptions{
		TaskQueue: api.TaskQueue, StaticSummary: "A change at the source", TypedSearchAttributes: temporal.NewSearchAttributes(attributes...),
		Priority: wire.Priority(connection),
	}, workflowType, in)
	if err != nil {
		return fault.Wrap("start run", fault.Transient, fault.TemporalUnavailable, "", err)
	}
	return nil
}

// eventRemoval asks the connection whether somebody may lose something between two syncs. A run that asks again gets the same answer.
func (a *Activities) eventRemoval(ctx context.Context, connection, rule, user string) (bool, error) {
	run := ""
	if activity.IsActivity(ctx) {
		run = activity.GetInfo(ctx).WorkflowExecution.RunID
	}
	handle, err := a.options.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		UpdateID: "event-removal/" + run + "/" + rule, WorkflowID: api.ConnectionID(connection), UpdateName: api.UpdateEventRemoval,
		Args: []any{api.EventRemovalInput{Rule: rule, User: user}}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	var answer api.EventRemovalResult
	if err == nil {
		err = handle.Get(ctx, &answer)
	}
	if err != nil {
		return false, fault.Wrap("ask for a removal", fault.Transient, fault.TemporalUnavailable, rule, err)
	}
	return answer.Allowed, nil
}
