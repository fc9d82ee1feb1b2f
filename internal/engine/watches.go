package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/source"
)

// watchEvery is how often a worker looks for sources that nobody watches yet.
const watchEvery = 20 * time.Second

// maxPlanning is how many connections wait to be looked at because a sync of theirs has begun; more wait for the next look.
const maxPlanning = 100

// notePlanning has a connection's sources watched from now on, so that what changes after a first sync has read them is heard of.
func (e *Engine) notePlanning(connection string) {
	select {
	case e.planning <- connection:
	default:
	}
}

// keepWatches starts, as long as the worker runs, a watch for each rule that runs and whose source tells of changes: when a sync of the rule
// begins, and every watchEvery for what that has missed. Workflow ids see to it that there is one, however many workers there are.
func (e *Engine) keepWatches(ctx context.Context) {
	tick := time.NewTicker(time.Duration(float64(watchEvery) * e.parts.Environment.Pace))
	defer tick.Stop()
	look := e.startWatches
	for {
		if err := look(ctx); err != nil && ctx.Err() == nil {
			e.parts.Log.Warn("sources cannot be watched; changes wait for the next sync", "error", err)
		}
		select {
		case <-tick.C:
			look = e.startWatches
		case connection := <-e.planning:
			look = func(ctx context.Context) error { return e.watchConnection(ctx, connection) }
		case <-ctx.Done():
			return
		}
	}
}

// startWatches looks at every connection once.
func (e *Engine) startWatches(ctx context.Context) error {
	list := &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", api.ConnectionType)}
	for {
		page, err := e.parts.Client.ListWorkflow(ctx, list)
		if err != nil {
			return fmt.Errorf("list connections: %w", err)
		}
		for _, w := range page.GetExecutions() {
			if err := e.watchConnection(ctx, strings.TrimPrefix(w.GetExecution().GetWorkflowId(), api.ConnectionID(""))); err != nil {
				return err
			}
		}
		if list.NextPageToken = page.GetNextPageToken(); len(list.NextPageToken) == 0 {
			return nil
		}
	}
}

// watchConnection starts the watches of one connection. Rules that read the same source have one between them, that of the first.
func (e *Engine) watchConnection(ctx context.Context, connection string) error {
	s, err := e.describe(ctx, connection)
	if err != nil || s.Usable() != nil {
		return nil // It says so itself, and is looked at again soon.
	}
	for _, rule := range s.EnabledRules() {
		if s.Readers(rule.Source.Key())[0] != rule.Name {
			continue
		}
		opened, err := e.sources(rule.Source)
		if err != nil {
			continue // The rule's sync says why.
		}
		if _, ok := opened.(source.Watcher); !ok {
			continue
		}
		_, err = e.parts.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: api.WatchID(connection, rule.Name), TaskQueue: api.TaskQueue, StaticSummary: "Changes of the source of rule " + rule.Name,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			TypedSearchAttributes:    temporal.NewSearchAttributes(wire.AttributeConnection.ValueSet(connection), wire.AttributeRule.ValueSet(rule.Name)),
			Priority:                 wire.Priority(connection),
		}, api.WatchSourceType, api.WatchInput{Connection: connection, Rule: rule.Name})
		if err != nil {
			return fmt.Errorf("start the watch of rule %s: %w", rule.Name, err)
		}
	}
	return nil
}
