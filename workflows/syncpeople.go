package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// start runs one person's workflow and counts its result when it ends.
func (s *syncRun) start(ctx workflow.Context, person api.PlannedPerson) {
	s.running++
	began := workflow.Now(ctx)
	s.since = append(s.since, began)
	removal := s.Stage == plan.StageRemovals
	workflow.Go(ctx, func(ctx workflow.Context) {
		result, err := s.person(ctx, person)
		s.running--
		i := slices.IndexFunc(s.since, began.Equal)
		s.since = slices.Delete(s.since, i, i+1)
		s.Result.Done++
		if removal {
			s.Removed++
		}
		s.count(person, result, err)
		if s.Result.Done%window == 0 {
			s.phase(ctx, fmt.Sprintf("Carrying out the plan: %d of %d people done.", s.Result.Done, s.Result.Planned))
		}
	})
}

// person runs the canonical workflow of one person, or, where it is running already, asks it to look again and waits.
func (s *syncRun) person(ctx workflow.Context, person api.PlannedPerson) (result api.UserResult, err error) {
	// A cancelled sync starts nobody else, but lets those under way finish and counts them.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	id := api.UserID(s.Connection, person.User)
	planned := person.Planned
	workflowType := api.ProvisionUserType
	if planned.Action == plan.Remove {
		workflowType = api.DeprovisionUserType
	}
	options := childOptions(id, planSummary(person.User, planned), temporal.NewSearchAttributes(
		wire.AttributeConnection.ValueSet(s.Connection), wire.AttributeRule.ValueSet(s.Rule), wire.AttributeAction.ValueSet(string(planned.Action))))
	err = startOrJoin(ctx, id, workflowType, &result, func() error {
		return workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), workflowType, api.UserInput{
			Connection: s.Connection, User: person.User, Rule: s.Rule, Revision: s.Result.Revision, Planned: &planned,
		}).Get(ctx, &result)
	})
	if err != nil {
		// A person's run that somebody cancelled was stopped; the sync was not.
		return result, wire.FaultOf(err)
	}
	return result, nil
}

// count adds one person to the counters.
func (s *syncRun) count(person api.PlannedPerson, r api.UserResult, err error) {
	if err != nil {
		f := fault.Of(err)
		r = api.UserResult{Action: person.Action, Outcome: plan.Failed, Reason: f.Reason, Subject: f.Subject, RequestID: f.RequestID}
		if f.Reason.WithdrawsConnection() && s.withdrawn == nil {
			s.withdrawn = f
		}
	} else if r.Action != plan.None {
		if s.Result.Actions == nil {
			s.Result.Actions = map[plan.Action]int{}
		}
		s.Result.Actions[r.Action]++
	}
	if r.Action == plan.Remove && r.Outcome == plan.Success {
		s.Deprovisioned++
	}
	if appeared(r) {
		s.Appeared++
		s.NewAccounts = true
	}
	s.Result.Counters.Count(r.Outcome, 1)
	if r.Outcome == plan.Success {
		return
	}
	s.reason(r.Reason, 1)
	s.problem(api.PersonNote{User: person.User, Action: r.Action, Outcome: r.Outcome, Reason: r.Reason, Subject: r.Subject, RequestID: r.RequestID})
}

// appeared: the person has an account, a link or a name that a plan made now finds and the one before could not.
func appeared(r api.UserResult) bool {
	switch r.Action {
	case plan.Create, plan.Restore, plan.Adopt:
		return true
	}
	return slices.Contains(r.Attributes, directory.UserPrincipalName)
}

func (s *syncRun) reason(r fault.Reason, n int) {
	if s.Result.Reasons == nil {
		s.Result.Reasons = map[fault.Reason]int{}
	}
	s.Result.Reasons[r] += n
}

func (s *syncRun) problem(n api.PersonNote) {
	switch {
	case len(s.Result.Problems) < maxProblems:
		s.Result.Problems = append(s.Result.Problems, n)
	case n.Outcome == plan.Failed:
		// Who failed is named before who is only partly synced.
		if i := slices.IndexFunc(s.Result.Problems, func(p api.PersonNote) bool { return p.Outcome != plan.Failed }); i >= 0 {
			s.Result.Problems[i] = n
		}
	}
}
