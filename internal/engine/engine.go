package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/provision"
	"github.com/entraflow/entraflow/internal/secret"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/stores"
	"github.com/entraflow/entraflow/workflows"
)

// Parts are what an engine is made of.
type Parts struct {
	// Client is the connection to Temporal; nil for an engine that only plans and tests.
	Client client.Client
	// Converter is that of the client: earlier runs are read from their histories. Default the SDK's own.
	Converter   converter.DataConverter
	Environment Environment
	// WorkerID tells the worker from all others, those that ran before in its place included. Default: a random one.
	WorkerID string
	// PageSize is how many people a page of a plan names at most; 0 takes the default. For tests.
	PageSize int
	// Simulator is where this process runs one; nil to look for another process's.
	Simulator *SimulatorEndpoint
	// Log takes the worker's log. Default slog.Default().
	Log *slog.Logger
	// Trace, if set, is told of each request to Graph, which the log has at level debug.
	Trace func(graph.Call)
}

// Engine is everything but the process around it.
type Engine struct {
	parts      Parts
	waits      backoff.Policy
	activities *activities.Activities
	sources    func(config.Source) (source.Source, error)
	secrets    secret.Store
	// planning has connections whose sources are about to be read by a sync.
	planning chan string
	// closers are what the stores share among their sources and is closed with the worker.
	closers []source.Closer
}

// closeSources gives back the connections that sources keep for their next request.
func (e *Engine) closeSources() {
	for _, c := range e.closers {
		if err := c.Close(); err != nil {
			e.parts.Log.Warn("connections to a source could not be closed", "reason", fault.Of(err).Reason)
		}
	}
}

// New puts an engine together.
func New(p Parts) (*Engine, error) {
	if err := p.Environment.Validate(); err != nil {
		return nil, err
	}
	if p.Log == nil {
		p.Log = slog.Default()
	}
	if p.WorkerID == "" {
		p.WorkerID = uuid.NewString()
	}
	e := &Engine{parts: p, waits: backoff.Default().Scaled(p.Environment.Pace), planning: make(chan string, maxPlanning)}
	secrets := secret.Store{Root: p.Environment.SecretRoot, Variables: p.Environment.SecretEnv}
	open := stores.Open(source.Environment{
		Root: p.Environment.SourceRoot, Secrets: secrets, Quiet: time.Duration(float64(source.DefaultQuiet) * p.Environment.Pace),
		Pause: time.Duration(float64(source.DefaultPause) * p.Environment.Pace),
		AtEnd: func(c source.Closer) { e.closers = append(e.closers, c) },
	})
	e.secrets = secrets
	e.sources = func(s config.Source) (source.Source, error) { return open(s.Settings, s.Use) }
	e.activities = activities.New(activities.Options{
		Graph: graph.NewPool(graph.Options{
			Budget: &graph.Budgets{Share: p.Environment.WriteShare}, Waits: &e.waits, Trace: tracer(p.Log, p.Trace),
		}),
		Endpoints: e.endpoints,
		Sources:   e.sources,
		Settings:  e.describe,
		Planning:  e.notePlanning,
		Secrets:   secrets,
		Tenants:   p.Environment.Tenants,
		Temporal:  p.Client, Converter: p.Converter,
		Queue:    e.queue(),
		PageSize: p.PageSize,
		Waits:    &e.waits,
	})
	return e, nil
}

// describe asks a connection's workflow for its settings. One that was terminated or has ended answers no more: its people
// are nobody's to change.
func (e *Engine) describe(ctx context.Context, connection string) (api.Settings, error) {
	answer, err := e.parts.Client.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{
		WorkflowID: api.ConnectionID(connection), QueryType: api.QueryDescribe,
		QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_OPEN,
	})
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return api.Settings{}, fault.Wrap("read settings", fault.Refused, fault.ConnectionUnknown, connection, err)
	}
	if err != nil {
		return api.Settings{}, fault.Wrap("read settings", fault.Transient, fault.TemporalUnavailable, connection, err)
	}
	if answer.QueryRejected != nil {
		return api.Settings{}, fault.New("read settings", fault.Refused, fault.ConnectionUnknown, connection)
	}
	var d api.Description
	if err := answer.QueryResult.Get(&d); err != nil {
		return api.Settings{}, fault.Wrap("read settings", fault.Internal, fault.InternalError, connection, err)
	}
	if d.Revision == 0 {
		return api.Settings{}, fault.New("read settings", fault.Refused, fault.ConnectionUnknown, connection)
	}
	return d.Settings, nil
}

// Registry is where workflows are registered: a worker or a replayer.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}

// Register registers all workflows under their wire names.
func Register(r Registry) {
	r.RegisterWorkflowWithOptions(workflows.Connection, workflow.RegisterOptions{Name: api.ConnectionType})
	r.RegisterWorkflowWithOptions(workflows.SyncRule, workflow.RegisterOptions{Name: api.SyncRuleType})
	r.RegisterWorkflowWithOptions(workflows.ProvisionUser, workflow.RegisterOptions{Name: api.ProvisionUserType})
	r.RegisterWorkflowWithOptions(workflows.DeprovisionUser, workflow.RegisterOptions{Name: api.DeprovisionUserType})
	r.RegisterWorkflowWithOptions(workflows.WatchSource, workflow.RegisterOptions{Name: api.WatchSourceType})
	r.RegisterWorkflowWithOptions(workflows.MoveLink, workflow.RegisterOptions{Name: api.MoveLinkType})
	r.RegisterWorkflowWithOptions(workflows.SyncGroup, workflow.RegisterOptions{Name: api.SyncGroupType})
	r.RegisterWorkflowWithOptions(workflows.DeleteRule, workflow.RegisterOptions{Name: api.DeleteRuleType})
}

// Plan computes what a sync of a rule would do, in this process: nothing of it enters a history.
func (e *Engine) Plan(ctx context.Context, s api.Settings, rule string, progress func(string)) (*plan.Plan, error) {
	return activities.Preview(ctx, e.activities, s, rule, progress)
}

// PlanWithGroups is Plan with the plan of the rule's groups; nil where it has none.
func (e *Engine) PlanWithGroups(ctx context.Context, s api.Settings, rule string, progress func(string)) (*plan.Plan, *membership.Plan, error) {
	people, err := activities.PreviewPeople(ctx, e.activities, s, rule, progress)
	if err != nil || people.Groups == 0 {
		return people.Plan, nil, err
	}
	groups, err := activities.PreviewGroups(ctx, e.activities, s, rule, people, progress)
	return people.Plan, groups, err
}

// Groups reads the groups of a rule in this process, with their members, and plans them. Its answer names groups and is for the eyes of whoever asked.
func (e *Engine) Groups(ctx context.Context, s api.Settings, rule string, progress func(string)) (in membership.Input, made *membership.Plan, err error) {
	people, err := activities.PreviewPeople(ctx, e.activities, s, rule, progress)
	if err != nil {
		return in, nil, err
	}
	if in, err = activities.ReadGroups(ctx, e.activities, s, rule, people, progress); err != nil {
		return in, nil, err
	}
	return in, membership.Build(in), nil
}

// PersonGroups says which groups a run would have one person join or leave.
func (e *Engine) PersonGroups(ctx context.Context, in api.PersonGroupsInput) (api.PersonGroupsResult, error) {
	return e.activities.PersonGroups(ctx, in)
}

// Check tests a connection in this process, saved or not.
func (e *Engine) Check(ctx context.Context, c config.Connection, pinned api.Pinned, progress func(string)) api.TestReport {
	return activities.Check(ctx, e.activities, api.TestInput{Config: c, Pinned: pinned}, progress)
}

// LicenseNames gives the part numbers of the tenant's SKUs by id, to show licenses by name.
func (e *Engine) LicenseNames(ctx context.Context, c config.Connection) (map[string]string, error) {
	return e.activities.Provisioner.LicenseNames(ctx, c)
}

// Inspect looks at one person in this process: what source and tenant have, and what a run would do. Its answer holds
// values of the person and is for the eyes of whoever asked.
func (e *Engine) Inspect(ctx context.Context, in provision.InspectInput) (provision.Inspection, error) {
	return e.activities.Provisioner.Inspect(ctx, in)
}
