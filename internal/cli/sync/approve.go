package sync

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli/report"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/fault"
)

// approve lets a rule carry out the removals that its last sync held, and follows the sync that does so.
func approve(ctx context.Context, a *session.Session, t *session.Link, connection, rule, hash string, noWait bool) error {
	connection, err := t.Only(ctx, connection)
	if err != nil {
		return err
	}
	d, err := t.Describe(ctx, connection)
	if err != nil {
		return err
	}
	if rule == "" {
		if rule, err = ruleHolding(d, hash); err != nil {
			return err
		}
	}
	var r api.StateResult
	if err := a.Update(ctx, t, connection, api.UpdateApproveRemovals, &r, api.ApproveInput{Rule: rule, Hash: hash}); err != nil {
		return err
	}
	a.Notes.Sayf("%s", r.Message)
	run, _, err := latestSync(ctx, t, connection, rule)
	if err != nil {
		return err
	}
	if noWait {
		return printStarted(a, t, connection, []Run{run})
	}
	outcomes, err := Follow(ctx, a, t, connection, []Run{run})
	if err != nil {
		return err
	}
	return report.PrintOutcomes(a, connection, outcomes)
}

// ruleHolding finds the rule whose last sync held the removals with this hash.
func ruleHolding(d api.Description, hash string) (string, error) {
	for _, r := range d.Rules {
		if s, ok := d.Syncs[r.Name]; ok && s.State == api.SyncHeld && (s.Guard.Hash == hash || api.HoldsMemberships(s.GroupGuard) && s.GroupGuard.Hash == hash) {
			return r.Name, nil
		}
	}
	return "", fault.New("", fault.Refused, fault.ApprovalUnknown, "connection "+d.Config.Name)
}

// latestSync is the sync of a rule that was started last, and whether it runs. After an approval the connection starts one, or asks the
// running one to plan once more, before it answers.
func latestSync(ctx context.Context, t *session.Link, connection, rule string) (s Run, running bool, err error) {
	s = Run{rule: rule, id: api.SyncID(connection, rule)}
	found, err := t.DescribeWorkflow(ctx, s.id, "")
	var never *serviceerror.NotFound
	if errors.As(err, &never) {
		return s, false, nil
	}
	if err != nil {
		return s, false, t.Unanswered(err, connection)
	}
	info := found.RawResponse.GetWorkflowExecutionInfo()
	s.run = info.GetExecution().GetRunId()
	return s, info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}
