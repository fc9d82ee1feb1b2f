package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
)

// SyncRule brings everybody of one rule up to date: it reads source and tenant completely, plans, lets the guard judge the
// removals, and starts one ProvisionUser for each person for whom there is something to write. Unchanged people start
// nothing.
//
// A run under another id than SyncID (from the Web UI, from the rule's schedule) starts the canonical one, or asks the
// running one to plan once more, and returns its result. Cancelling a sync lets the people under way finish and starts no
// others.
func SyncRule(ctx workflow.Context, in api.SyncInput) (api.SyncResult, error) {
	s := newSyncRun(ctx, in)
	return s.run(ctx)
}

// window is how many people are under way at a time.
const window = 50

// maxProblems bounds the people a result names; the counters count all.
const maxProblems = 100

// syncRun is the state of one run of a sync.
type syncRun struct {
	api.SyncInput
	api.SyncResume
	again   workflow.ReceiveChannel
	running int
	// withdrawn is a person's failure that concerns the whole connection: nobody else is started.
	withdrawn *fault.Error
}

func newSyncRun(ctx workflow.Context, in api.SyncInput) *syncRun {
	s := &syncRun{SyncInput: in, again: workflow.GetSignalChannel(ctx, api.SignalAgain)}
	if in.Resume != nil {
		s.SyncResume = *in.Resume
		s.Resume = nil
		return s
	}
	s.Result = api.SyncResult{StartedAt: workflow.Now(ctx)}
	return s
}

func (s *syncRun) run(ctx workflow.Context) (api.SyncResult, error) {
	if s.Connection == "" || s.Rule == "" {
		return api.SyncResult{}, wire.Reported(
			fault.New("", fault.Invalid, fault.SettingsInvalid, "connection and rule are needed in the input"))
	}
	if id := api.SyncID(s.Connection, s.Rule); workflow.GetInfo(ctx).WorkflowExecution.ID != id {
		if scheduled(ctx) {
			return s.runScheduled(ctx, id)
		}
		var result api.SyncResult
		err := delegate(ctx, id, api.SyncRuleType, api.SyncInput{Connection: s.Connection, Rule: s.Rule}, s.searchAttributes(), &result)
		return result, err
	}
	s.Result.Connection, s.Result.Rule, s.Result.State = s.Connection, s.Rule, api.SyncRunning
	if err := workflow.SetQueryHandlerWithOptions(ctx, api.QueryProgress, func() (api.SyncResult, error) { return s.Result, nil },
		workflow.QueryHandlerOptions{Description: "How far the sync is: counters, phase, guard, problems."}); err != nil {
		return api.SyncResult{}, err
	}
	err := s.carryOut(ctx)
	if next := new(workflow.ContinueAsNewError); errors.As(err, &next) {
		return api.SyncResult{}, err
	}
	result, err := s.end(ctx, err)
	if s.again.Len() == 0 {
		return result, err
	}
	// Somebody asked while the sync was ending, failing or being cancelled, and counts on being served. A new run is not
	// cancelled; where the rule may not run, it says so.
	for s.again.ReceiveAsync(nil) {
	}
	return api.SyncResult{}, workflow.NewContinueAsNewError(ctx, api.SyncRuleType, api.SyncInput{Connection: s.Connection, Rule: s.Rule})
}

// scheduled reports that a schedule started this run.
func scheduled(ctx workflow.Context) bool {
	by, ok := workflow.GetTypedSearchAttributes(ctx).GetKeyword(temporal.NewSearchAttributeKeyKeyword("TemporalScheduledById"))
	return ok && by != ""
}

// runScheduled starts the canonical run, or skips: a sync that was started by hand counts like one of the schedule's own.
func (s *syncRun) runScheduled(ctx workflow.Context, id string) (api.SyncResult, error) {
	var result api.SyncResult
	err := canonical(ctx, id, api.SyncRuleType, api.SyncInput{Connection: s.Connection, Rule: s.Rule}, s.searchAttributes(), &result)
	if alreadyStarted(err) {
		return api.SyncResult{
			Connection: s.Connection, Rule: s.Rule, State: api.SyncSkipped, StartedAt: s.Result.StartedAt,
			Message: "Skipped: a sync of this rule is running.",
		}, nil
	}
	return result, childError(err)
}

// maxReplans bounds how often a sync plans anew because settings change under it; the next sync takes over then.
const maxReplans = 10

// carryOut plans and works until a plan has been carried out whole and nobody has asked to look again.
func (s *syncRun) carryOut(ctx workflow.Context) error {
	for {
		err := s.onePlan(ctx)
		stale := err != nil && wire.FaultOf(err).Kind == fault.Stale
		again := err == nil && s.again.Len() > 0
		switch {
		case err == nil && s.managersDue():
			s.ManagersPlanned = true
		case (stale || again) && s.Replans < maxReplans:
			if err := s.drain(ctx); err != nil {
				return err
			}
			s.Replans++
			s.ManagersPlanned = false
		default:
			return err
		}
		s.PlanID, s.After, s.Removals = "", "", false
	}
}

// managersDue reports that the plan has brought managers into being whom only another plan finds. That one is made before
// anything is taken away, and only once: who is not found by then is left to the next sync.
func (s *syncRun) managersDue() bool {
	return !s.Removals && !s.ManagersPlanned && s.ManagersPending > 0 && s.Appeared > 0
}

// onePlan works through the pages of one plan: first what takes nothing away, then, if the guard let it pass, the rest. It
// ends after the first pass where managersDue.
func (s *syncRun) onePlan(ctx workflow.Context) error {
	page, err := s.firstPage(ctx)
	for {
		if err != nil {
			return err
		}
		if err := s.work(ctx, page); err != nil {
			return err
		}
		s.After = page.After
		if page.Last {
			if s.Removals || s.Result.Guard.Held || s.Result.Guard.Removals == 0 {
				return s.drain(ctx)
			}
			// What takes something away waits until everything else is done.
			if err := s.drain(ctx); err != nil {
				return err
			}
			if s.managersDue() {
				return nil
			}
			s.Removals, s.After = true, ""
		}
		if err := s.continueAsNew(ctx); err != nil {
			return err
		}
		page, err = s.nextPage(ctx)
	}
}

// firstPage makes the plan, or goes on with the one of the run before.
func (s *syncRun) firstPage(ctx workflow.Context) (api.PlanResult, error) {
	if s.PlanID != "" {
		return s.nextPage(ctx)
	}
	for s.again.ReceiveAsync(nil) {
		// Whoever asked before the reading begins is served by it.
	}
	s.phase(ctx, "Reading the source and the tenant, and planning.")
	ctx = workflow.WithActivityOptions(ctx, planOptions("Read source and tenant completely, and plan"))
	var page api.PlanResult
	err := workflow.ExecuteActivity(ctx, acts.PlanRule, api.PlanInput{
		Connection: s.Connection, Rule: s.Rule, Removed: s.Removed,
	}).Get(ctx, &page)
	if err != nil {
		return page, err
	}
	s.PlanID, s.Permitted = page.PlanID, page.Permitted
	s.ManagersPending, s.Appeared = 0, 0
	before := s.Result.Done
	s.Result = api.SyncResult{
		Connection: s.Connection, Rule: s.Rule, State: api.SyncRunning, Revision: page.Revision, StartedAt: s.Result.StartedAt,
		Actions: s.Result.Actions, Planned: page.Whole.Planned,
	}
	if s.ManagersPlanned {
		// Most whom this plan changes have been counted under the plan before.
		s.Result.Planned = max(before, page.Whole.Planned)
		s.Result.Done = s.Result.Planned - page.Whole.Planned
	}
	s.whole(page.Whole)
	return page, nil
}

func (s *syncRun) nextPage(ctx workflow.Context) (api.PlanResult, error) {
	summary := "Next page of the plan"
	if s.Removals {
		summary = "Next page of the plan: what takes something away"
	}
	ctx = workflow.WithActivityOptions(ctx, planOptions(summary))
	var page api.PlanResult
	err := workflow.ExecuteActivity(ctx, acts.PlanPage, api.PlanInput{
		Connection: s.Connection, Rule: s.Rule, PlanID: s.PlanID, Revision: s.Result.Revision, After: s.After,
		Removals: s.Removals, Removed: s.Removed, Permitted: s.Permitted,
	}).Get(ctx, &page)
	if err == nil {
		s.whole(page.Whole)
	}
	return page, err
}

// whole keeps what the latest page says of the whole plan. What was held once is reported, even if a plan made anew after
// a restart has nothing left of it.
func (s *syncRun) whole(w api.PlanSummary) {
	s.ConnectionLinked = w.ConnectionLinked
	// A plan made anew after a restart finds some of them, too late for those whose page is done.
	s.ManagersPending = max(s.ManagersPending, w.ManagersPending)
	s.Result.Guard, s.Result.Held = w.Guard, w.Held
	s.Result.ToDeprovision, s.Result.DeprovisionList = w.ToDeprovision, w.DeprovisionList
	s.Result.HeldList = w.HeldList
	s.Result.Doubtful = w.Doubtful
}

// work counts the settled people of a page and starts a workflow for each of the others.
func (s *syncRun) work(ctx workflow.Context, page api.PlanResult) error {
	s.Result.Counters.Add(page.Settled)
	for _, reason := range workflow.DeterministicKeys(page.Reasons) {
		s.reason(reason, page.Reasons[reason])
	}
	for _, note := range page.Troubled {
		s.problem(note)
	}
	s.phase(ctx, "Carrying out the plan.")
	for _, item := range page.Items {
		if err := workflow.Await(ctx, func() bool { return s.running < window || s.withdrawn != nil }); err != nil {
			return err
		}
		if s.withdrawn != nil {
			return wire.Reported(s.withdrawn)
		}
		s.start(ctx, item)
	}
	return nil
}

// drain waits for the people under way.
func (s *syncRun) drain(ctx workflow.Context) error {
	if err := workflow.Await(ctx, func() bool { return s.running == 0 }); err != nil {
		return err
	}
	if s.withdrawn != nil {
		return wire.Reported(s.withdrawn)
	}
	return nil
}

// continueAsNew hands over to a new run before the history grows too long.
func (s *syncRun) continueAsNew(ctx workflow.Context) error {
	if !workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
		return nil
	}
	if err := s.drain(ctx); err != nil {
		return err
	}
	// Nobody who asked to look again is forgotten: the next run plans once more.
	if s.again.Len() > 0 {
		for s.again.ReceiveAsync(nil) {
		}
		return workflow.NewContinueAsNewError(ctx, api.SyncRuleType, api.SyncInput{Connection: s.Connection, Rule: s.Rule,
			Resume: &api.SyncResume{
				Result:  api.SyncResult{StartedAt: s.Result.StartedAt, Actions: s.Result.Actions},
				Removed: s.Removed, Replans: s.Replans,
			}})
	}
	resume := s.SyncResume
	return workflow.NewContinueAsNewError(ctx, api.SyncRuleType, api.SyncInput{Connection: s.Connection, Rule: s.Rule, Resume: &resume})
}

func (s *syncRun) searchAttributes() temporal.SearchAttributes {
	return temporal.NewSearchAttributes(wire.AttributeConnection.ValueSet(s.Connection), wire.AttributeRule.ValueSet(s.Rule))
}

// planOptions are those of the activities that read everything.
func planOptions(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout:    2 * time.Hour,
		HeartbeatTimeout:       30 * time.Second,
		ScheduleToCloseTimeout: 6 * time.Hour,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 2 * time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute,
		},
		Summary: summary,
	}
}
