package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// SyncRule brings everybody of one rule up to date: it reads source and tenant completely, plans, lets the guard judge the
// removals, and starts one ProvisionUser for each person who needs a write. Unchanged people start
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
	// permit are the removals that passed the guard, for QueryPermit. The runs after this one name it in PermitRun.
	permit []byte
	// groupsRunning are how many groups' workflows are under way.
	groupsRunning int
	// late are how many of those under way the later stages no longer wait for.
	late int
	// since says of each person under way since when, the first in front. watched: stalled is kept up to date.
	since            []time.Time
	watched, stalled bool
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
	s.Stage, s.Result = plan.StagePeople, api.SyncResult{StartedAt: workflow.Now(ctx)}
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
	if err := workflow.SetQueryHandlerWithOptions(ctx, api.QueryPermit, func() ([]byte, error) { return s.permit, nil },
		workflow.QueryHandlerOptions{Description: "The removals that passed the guard, hashed; for entraflow's own use."}); err != nil {
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

// maxReplans bounds how often a sync plans again because settings change under it; the next sync takes over then.
const maxReplans = 10

// carryOut goes from stage to stage, until a plan has been carried out whole and nobody has asked to look again.
func (s *syncRun) carryOut(ctx workflow.Context) error {
	for {
		err := s.carryOutStage(ctx)
		stale := err != nil && fault.Of(err).Kind == fault.Stale
		switch next, more := s.next(); {
		case err == nil && more:
			s.enter(next)
		case (stale || err == nil && (s.again.Len() > 0 || s.Skipped)) && s.Replans < maxReplans:
			if err := s.drain(ctx); err != nil {
				return err
			}
			s.Replans++
			s.enter(plan.StagePeople)
		case err == nil && s.Skipped:
			// People were never started, and no plan of this sync comes to them any more: it is not complete.
			return fault.New("", fault.Stale, fault.PlanChanged, "")
		default:
			return err
		}
		if err := s.continueAsNew(ctx); err != nil {
			return err
		}
	}
}

// next is the stage after the present one. The groups come when all people are done, and not before somebody who asked to look again is served:
// that plans the people once more. The plan for managers is made before anything is taken away, and only once: who
// is not found by then is left to the next sync; so are all of them where somebody is late.
func (s *syncRun) next() (stage plan.Stage, more bool) {
	people := s.Stage == plan.StagePeople || s.Stage == plan.StageManagers
	taken := s.Stage == plan.StageRemovals || s.Stage == plan.StageFreed || s.Stage == plan.StageGroups
	switch {
	case s.Skipped && !taken && s.removes():
		return plan.StageRemovals, true
	case people && s.Renames > 0:
		return plan.StageNames, true
	case !taken && !s.ManagersPlanned && s.late == 0 && s.ManagersPending > 0 && s.Appeared > 0:
		return plan.StageManagers, true
	case !taken && s.removes():
		return plan.StageRemovals, true
	case s.Stage == plan.StageRemovals && s.Freed > 0:
		return plan.StageFreed, true
	case s.Stage != plan.StageGroups && s.Groups > 0 && (s.again.Len() == 0 && !s.Skipped || s.Replans >= maxReplans):
		return plan.StageGroups, true
	}
	return "", false
}

// removes reports that the plan has removals that passed the guard.
func (s *syncRun) removes() bool { return s.Result.Guard.Removals > 0 && !s.Result.Guard.Held }

// enter begins a stage. People and managers have plans of their own; the other stages are those of the plan just carried out.
func (s *syncRun) enter(stage plan.Stage) {
	s.Stage, s.After, s.GroupPlanID = stage, "", ""
	if stage == plan.StagePeople || stage == plan.StageManagers {
		s.late, s.Skipped = 0, false
		s.PlanID, s.ManagersPlanned = "", stage == plan.StageManagers
	}
}

// carryOutStage works through the pages of a stage and waits for everybody it started.
func (s *syncRun) carryOutStage(ctx workflow.Context) error {
	if s.Stage == plan.StageGroups {
		return s.carryOutGroups(ctx)
	}
	page, err := s.firstPage(ctx)
	for {
		if err != nil {
			return err
		}
		if err := s.work(ctx, page); err != nil {
			return err
		}
		if s.skips() {
			return nil
		}
		s.After = page.After
		if page.Last {
			return s.endStage(ctx)
		}
		if s.Stage == plan.StageNames {
			// Whoever comes next waits for the names of these.
			if err := s.drainPatiently(ctx); err != nil {
				return err
			}
		}
		if err := s.continueAsNew(ctx); err != nil || s.skips() {
			return err
		}
		page, err = s.nextPage(ctx)
	}
}

// firstPage makes the plan, or goes on with one.
func (s *syncRun) firstPage(ctx workflow.Context) (api.PlanResult, error) {
	if s.PlanID != "" {
		return s.nextPage(ctx)
	}
	for s.again.ReceiveAsync(nil) {
		// Whoever asked before the reading begins is served by it.
	}
	s.phase(ctx, "Reading the source and the tenant, and planning.")
	page, err := s.planRule(ctx, "Read source and tenant completely, and plan", nil)
	if err != nil {
		return page, err
	}
	s.PlanID = page.PlanID
	s.permit, s.PermitRun = page.Permitted, ""
	if len(page.Permitted) > 0 {
		s.PermitRun = workflow.GetInfo(ctx).WorkflowExecution.RunID
	}
	s.ManagersPending, s.Appeared, s.NewAccounts = 0, 0, false
	s.begin(page)
	return page, nil
}

// begin starts the counts of a plan. What the plans before it did in the same sync stays in them: the people who were
// deprovisioned, whom this plan no longer has, and how many people's workflows were started.
func (s *syncRun) begin(page api.PlanResult) {
	before := s.Result.Done
	s.Result = api.SyncResult{
		Connection: s.Connection, Rule: s.Rule, State: api.SyncRunning, Revision: page.Revision, StartedAt: s.Result.StartedAt,
		Actions: s.Result.Actions, Done: before, Planned: before + page.Whole.Planned,
		Groups: writtenMembers(s.Result.Groups), GroupGuard: s.Result.GroupGuard,
	}
	s.Result.Counters.Count(plan.Success, s.Deprovisioned)
	if s.Stage == plan.StageManagers {
		// Most people of this plan have been counted under the plan before.
		s.Result.Planned = max(before, page.Whole.Planned)
		s.Result.Done = s.Result.Planned - page.Whole.Planned
	}
	s.whole(page.Whole)
}

// planRule reads everything and makes a plan, which the worker keeps that made it.
func (s *syncRun) planRule(ctx workflow.Context, summary string, lost *api.LostPlan) (page api.PlanResult, err error) {
	err = execute(workflow.WithActivityOptions(ctx, planOptions(summary)), acts.PlanRule,
		api.PlanInput{Connection: s.Connection, Rule: s.Rule, Removed: s.Removed, Lost: lost}, &page)
	if err == nil {
		s.Queue = page.Queue
	}
	return page, err
}

// nextPage asks the worker that keeps the plan. Where it is gone, another one makes the plan again and goes on after the
// page before.
func (s *syncRun) nextPage(ctx workflow.Context) (page api.PlanResult, err error) {
	summary := "Next page of the plan"
	if s.Stage == plan.StageRemovals {
		summary = "Next page of the plan: what takes something away"
	}
	in := api.PageInput{Connection: s.Connection, Rule: s.Rule, PlanID: s.PlanID, Revision: s.Result.Revision, Stage: s.Stage, After: s.After}
	err = execute(workflow.WithActivityOptions(ctx, keptOptions(s.Queue, summary)), acts.PlanPage, in, &page)
	if page.Gone || workerGone(err) {
		over := s.Renames+s.Freed > 0
		if over {
			// A plan made again cannot tell who was put off from who is done: it begins with the people, and puts nobody off.
			if err := s.drain(ctx); err != nil {
				return page, err
			}
			s.Stage, s.After = plan.StagePeople, ""
			in.Stage, in.After = s.Stage, s.After
		}
		page, err = s.planRule(ctx, "Plan again: the worker that kept the plan is gone", &api.LostPlan{PageInput: in, PermitRun: s.PermitRun})
		if err == nil && over {
			s.ManagersPending, s.Appeared, s.NewAccounts = 0, 0, false
			s.begin(page)
		}
	}
	if err == nil {
		s.whole(page.Whole)
	}
	return page, err
}

// whole keeps what the latest page says of the whole plan. What was held once is reported, even if a plan made again after
// a restart has nothing left of it.
func (s *syncRun) whole(w api.PlanSummary) {
	s.ConnectionLinked, s.Open = w.ConnectionLinked, w.Snapshot.Open
	// A plan made again after a restart finds some of them, too late for those whose page is done.
	s.ManagersPending = max(s.ManagersPending, w.ManagersPending)
	s.Renames, s.Freed, s.Groups = w.Renames, w.Freed, w.Groups
	s.Result.Guard, s.Result.Held = w.Guard, w.Held
	s.Result.ToDeprovision, s.Result.DeprovisionList = w.ToDeprovision, w.DeprovisionList
	s.Result.HeldList = w.HeldList
	s.Result.Doubtful = w.Doubtful
}

// work counts the people of a page who need nothing, and starts a workflow for each of the others.
func (s *syncRun) work(ctx workflow.Context, page api.PlanResult) error {
	s.Result.Counters.Add(page.Unchanged)
	for _, reason := range workflow.DeterministicKeys(page.Reasons) {
		s.reason(reason, page.Reasons[reason])
	}
	for _, note := range page.Troubled {
		s.problem(note)
	}
	s.phase(ctx, "Carrying out the plan.")
	for _, person := range page.People {
		if err := s.lane(ctx); err != nil {
			return err
		}
		if s.withdrawn != nil {
			return s.withdrawn
		}
		if s.skips() {
			return nil
		}
		s.start(ctx, person)
	}
	return nil
}

// drain waits for the people under way.
func (s *syncRun) drain(ctx workflow.Context) error {
	if err := workflow.Await(ctx, func() bool { return s.running == 0 }); err != nil {
		return err
	}
	if s.withdrawn != nil {
		return s.withdrawn
	}
	return nil
}

// endStage waits for those under way as far as the next stage needs it. Another plan needs all of them, and so does the end.
func (s *syncRun) endStage(ctx workflow.Context) error {
	if s.endsAccess() {
		if err := s.drainPatiently(ctx); err != nil {
			return err
		}
		if next, _ := s.next(); s.late > 0 && (next == plan.StageNames || next == plan.StageRemovals || next == plan.StageGroups) {
			return nil
		}
	}
	return s.drain(ctx)
}

// endsAccess reports that a stage to come takes something away.
func (s *syncRun) endsAccess() bool {
	next, more := s.next()
	return more && (s.removes() || next == plan.StageGroups) && next != plan.StageFreed
}

// continueAsNew hands over to a new run before the history grows too long.
func (s *syncRun) continueAsNew(ctx workflow.Context) error {
	if !workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
		return nil
	}
	if postponed, err := s.postpones(ctx); err != nil || postponed {
		return err
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
				Result: api.SyncResult{
					StartedAt: s.Result.StartedAt, Actions: s.Result.Actions, Done: s.Result.Done,
					Groups: writtenMembers(s.Result.Groups), GroupGuard: s.Result.GroupGuard,
				},
				Stage: plan.StagePeople, Removed: s.Removed, Deprovisioned: s.Deprovisioned, Replans: s.Replans, GroupsRemoved: s.GroupsRemoved,
			}})
	}
	resume := s.SyncResume
	return workflow.NewContinueAsNewError(ctx, api.SyncRuleType, api.SyncInput{Connection: s.Connection, Rule: s.Rule, Resume: &resume})
}

func (s *syncRun) searchAttributes() temporal.SearchAttributes {
	return temporal.NewSearchAttributes(wire.AttributeConnection.ValueSet(s.Connection), wire.AttributeRule.ValueSet(s.Rule))
}
