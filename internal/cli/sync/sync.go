// Package sync starts syncs, approves removals that were held, and follows what runs.
package sync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/cli/report"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// Command is `starter sync`.
func Command(a *session.Session) *cobra.Command {
	var connection, rule, approved string
	var noWait, follow bool
	c := &cobra.Command{
		Use:   "sync [CONNECTION [RULE]]",
		Short: "Sync a rule, or all enabled rules of a connection, now",
		Long: `sync reads source and tenant, plans, and writes what differs. A sync of the rule that runs already is asked to plan once
more. Exit status 1 if a sync failed, was stopped, or held removals back. With --follow nothing is started and nobody plans
again: it shows how far the syncs are that run, and how they end.

A sync that held removals names them, and a hash of exactly these. With --approve-removals HASH they are carried out once,
by a sync that starts now; if by then they would be others, none of them is, and that sync holds again.`,
		Example: `  go run ./starter sync
  go run ./starter sync contoso staff
  go run ./starter sync --follow
  go run ./starter sync --connection contoso --rule staff --no-wait
  go run ./starter sync --connection contoso --rule staff --approve-removals 5f0c2a41d9e0`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("approve-removals") && approved == "" {
				return session.WrongUse("take the hash from the held sync or from `starter plan`", "--approve-removals needs a hash")
			}
			if follow && (noWait || approved != "") {
				return session.WrongUse("give --follow alone", "--follow starts nothing, so it fits neither --no-wait nor --approve-removals")
			}
			for i, flag := range []*string{&connection, &rule} {
				if i < len(args) && *flag != "" {
					return session.WrongUse("give each name once", "%s and %s are two names for one thing", args[i], *flag)
				}
				if i < len(args) {
					*flag = args[i]
				}
			}
			return a.WithTemporal(cmd.Context(), func(ctx context.Context, t *session.Link) error {
				switch {
				case follow:
					return followRunning(ctx, a, t, connection, rule)
				case approved != "":
					return approve(ctx, a, t, connection, rule, approved, noWait)
				}
				return syncRules(ctx, a, t, connection, rule, noWait)
			})
		},
	}
	c.Flags().StringVar(&connection, "connection", "", "connection; may be left out where there is only one")
	c.Flags().StringVar(&rule, "rule", "", "rule; without it, all enabled rules")
	c.Flags().BoolVar(&noWait, "no-wait", false, "start only, do not wait for the end")
	c.Flags().BoolVar(&follow, "follow", false, "start nothing, show how far the running syncs are")
	c.Flags().StringVar(&approved, "approve-removals", "", "carry out the held removals with this hash, once")
	return c
}

func syncRules(ctx context.Context, a *session.Session, t *session.Link, connection, rule string, noWait bool) error {
	connection, err := t.Only(ctx, connection)
	if err != nil {
		return err
	}
	d, err := t.Describe(ctx, connection)
	if unknown := new(session.Failure); errors.As(err, &unknown) && unknown.Reason == fault.ConnectionUnknown && rule == "" {
		unknown.Next += "; where " + connection + " is a rule: starter sync --rule " + connection
	}
	if err != nil {
		return err
	}
	rules, err := rulesToSync(d, rule)
	if err != nil {
		return err
	}
	var runs []Run
	for _, r := range rules {
		run, err := Start(ctx, t, connection, r)
		if err != nil {
			return err
		}
		runs = append(runs, run)
	}
	if noWait {
		return printStarted(a, t, connection, runs)
	}
	outcomes, err := Follow(ctx, a, t, connection, runs)
	if err != nil {
		return err
	}
	return report.PrintOutcomes(a, connection, outcomes)
}

// followRunning shows how far running syncs are, without asking them to plan once more.
func followRunning(ctx context.Context, a *session.Session, t *session.Link, connection, rule string) error {
	connection, err := t.Only(ctx, connection)
	if err != nil {
		return err
	}
	d, err := t.Describe(ctx, connection)
	if err != nil {
		return err
	}
	if _, ok := d.Rule(rule); rule != "" && !ok {
		return fault.New("", fault.Refused, fault.RuleUnknown, "connection "+connection+", rule "+rule)
	}
	var runs []Run
	for _, r := range d.Rules {
		if rule != "" && r.Name != rule {
			continue
		}
		run, running, err := latestSync(ctx, t, connection, r.Name)
		if err != nil {
			return err
		}
		if running {
			runs = append(runs, run)
		}
	}
	if len(runs) == 0 {
		return a.Print(report.Outcomes{Connection: connection, Rules: []report.Outcome{}},
			"no sync of connection "+connection+" is running; starter rule list shows how the last ones ended\n")
	}
	ended, err := Follow(ctx, a, t, connection, runs)
	if err != nil {
		return err
	}
	return report.PrintOutcomes(a, connection, ended)
}

// rulesToSync are the rule that was named, if it may run, or all enabled ones.
func rulesToSync(d api.Description, rule string) ([]string, error) {
	if err := d.Usable(); err != nil {
		return nil, err
	}
	if rule != "" {
		state, ok := d.Rule(rule)
		switch {
		case !ok:
			return nil, fault.New("", fault.Refused, fault.RuleUnknown, "connection "+d.Config.Name+", rule "+rule)
		case !state.Enabled:
			return nil, fault.New("", fault.Refused, fault.RuleDisabled, "connection "+d.Config.Name+", rule "+rule)
		}
		return []string{rule}, nil
	}
	var rules []string
	for _, r := range d.EnabledRules() {
		rules = append(rules, r.Name)
	}
	if len(rules) == 0 {
		return nil, session.WrongUse("enable one: starter rule enable RULE", "connection %s has no enabled rule", d.Config.Name)
	}
	return rules, nil
}

// Run is a sync that was started or found running.
type Run struct {
	rule string
	id   string
	run  string
	// joined: it was running already and was asked to plan once more.
	joined bool
}

// Start starts the sync of a rule, or asks the running one to plan once more. It can end between the two questions,
// so they are asked in turn until one is answered.
func Start(ctx context.Context, t *session.Link, connection, rule string) (Run, error) {
	s := Run{rule: rule, id: api.SyncID(connection, rule)}
	for {
		run, err := t.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: s.id, TaskQueue: api.TaskQueue, WorkflowExecutionErrorWhenAlreadyStarted: true,
			StaticSummary: "Sync of rule " + rule + ", asked for at the command line",
			TypedSearchAttributes: temporal.NewSearchAttributes(
				wire.AttributeConnection.ValueSet(connection), wire.AttributeRule.ValueSet(rule)),
			Priority: wire.Priority(connection),
		}, api.SyncRuleType, api.SyncInput{Connection: connection, Rule: rule})
		var running *serviceerror.WorkflowExecutionAlreadyStarted
		switch {
		case err == nil:
			s.run = run.GetRunID()
			return s, nil
		case !errors.As(err, &running):
			return s, t.Unanswered(err, connection)
		}
		err = t.SignalWorkflow(ctx, s.id, running.RunId, api.SignalAgain, nil)
		var gone *serviceerror.NotFound
		switch {
		case err == nil:
			s.run, s.joined = running.RunId, true
			return s, nil
		case !errors.As(err, &gone):
			return s, t.Unanswered(err, connection)
		}
	}
}

// Follow shows how far syncs are and returns how they ended, in the order given.
func Follow(ctx context.Context, a *session.Session, t *session.Link, connection string, runs []Run) ([]report.Outcome, error) {
	outcomes := make([]report.Outcome, len(runs))
	ended := make([]chan struct{}, len(runs))
	var wait sync.WaitGroup
	for i, r := range runs {
		ended[i] = make(chan struct{})
		wait.Add(1)
		go func() {
			defer wait.Done()
			defer close(ended[i])
			outcomes[i] = await(ctx, t, r)
		}()
	}
	done := make(chan struct{})
	go func() { wait.Wait(); close(done) }()
	meters := make([]meter, len(runs))
	halts := make([]stalled, len(runs))
	tick := time.NewTicker(a.Poll)
	defer tick.Stop()
	for {
		select {
		case <-done:
			a.Notes.Clear()
			if ctx.Err() != nil {
				if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
					return nil, cause
				}
				return nil, &session.Failure{Status: session.StatusIncomplete, Why: ctx.Err(), What: "stopped waiting; what was started goes on as long as a worker runs",
					Next: "starter sync --follow --connection " + connection + " shows how far it is"}
			}
			return outcomes, nil
		case <-tick.C:
		}
		var parts []string
		for i, r := range runs {
			select {
			case <-ended[i]:
				parts = append(parts, r.rule+": "+string(outcomes[i].State))
			default:
				p := progress(ctx, t, r.id)
				parts = append(parts, r.rule+": "+meters[i].read(a.Now(), p))
				if halts[i].due(a.Now(), p.Done, stalledPolls*a.Poll) {
					tellObstacle(ctx, a, t, r, connection, &halts[i])
				}
			}
		}
		a.Notes.Progress(strings.Join(parts, " · "))
	}
}

// await waits for the end of a sync, over all its runs.
func await(ctx context.Context, t *session.Link, r Run) report.Outcome {
	o := report.Outcome{WorkflowID: r.id, RunID: r.run, URL: t.WorkflowURL(r.id)}
	err := t.GetWorkflow(ctx, r.id, r.run).Get(ctx, &o.SyncResult)
	if err != nil {
		o.SyncResult = failedSync(err)
	}
	o.Rule = r.rule
	return o
}

// failedSync is the result inside the error of a sync that failed.
func failedSync(err error) api.SyncResult {
	r := api.SyncResult{State: api.SyncFailed}
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) {
		var details wire.ErrorDetails
		if failed.HasDetails() && failed.Details(&details, &r) == nil && r.State == api.SyncFailed && r.Reason != "" {
			return r
		}
		f := wire.FaultOf(err)
		r.Reason, r.Message = f.Reason, failed.Message()
		return r
	}
	var terminated *temporal.TerminatedError
	if errors.As(err, &terminated) || temporal.IsCanceledError(err) {
		r.State, r.Reason, r.Message = api.SyncStopped, fault.Stopped, fault.Stopped.Sentence()
		return r
	}
	r.Reason, r.Message = fault.TemporalUnavailable, err.Error()
	return r
}

// progress asks a running sync how far it is; the zero value says that it could not be learned, which is no trouble: the
// result comes by another way.
func progress(ctx context.Context, t *session.Link, id string) api.SyncResult {
	var r api.SyncResult
	query, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	value, err := t.QueryWorkflow(query, id, "", api.QueryProgress)
	if err != nil || value.Get(&r) != nil {
		return api.SyncResult{}
	}
	return r
}

// meter turns two readings into a rate.
type meter struct {
	first      time.Time
	base, last int
}

// read words a reading: the phase, and people done with the rate since the first of them.
func (m *meter) read(now time.Time, r api.SyncResult) string {
	if r.Planned == 0 {
		return strings.ToLower(strings.TrimSuffix(cmp.Or(r.Phase, "Starting."), "."))
	}
	text := fmt.Sprintf("%d of %s", r.Done, plan.People(r.Planned))
	// A second plan, of managers or after a change of the settings, counts anew.
	if m.first.IsZero() || r.Done < m.last {
		m.first, m.base, m.last = now, r.Done, r.Done
		return text
	}
	m.last = r.Done
	if seconds := now.Sub(m.first).Seconds(); seconds >= 1 && r.Done > m.base {
		text += fmt.Sprintf(", %.1f/s", float64(r.Done-m.base)/seconds)
	}
	return text
}
