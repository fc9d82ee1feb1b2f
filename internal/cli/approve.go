package cli

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// approveCommand is the command line that lets exactly these removals be carried out once.
func approveCommand(connection, rule string, g plan.Guard) string {
	return fmt.Sprintf("starter sync --connection %s --rule %s --approve-removals %s", connection, rule, g.Hash)
}

// isHeld tells removals that wait for somebody's word from those that a rule's first sync only puts off.
func isHeld(g plan.Guard) bool { return g.Held && g.Reason != fault.FirstSyncHeld }

// approve lets a rule carry out the removals that its last sync held, and follows the sync that does so.
func (a *app) approve(ctx context.Context, t *link, connection, rule, hash string, noWait bool) error {
	connection, err := t.only(ctx, connection)
	if err != nil {
		return err
	}
	d, err := t.describe(ctx, connection)
	if err != nil {
		return err
	}
	if rule == "" {
		if rule, err = ruleHolding(d, hash); err != nil {
			return err
		}
	}
	var r api.StateResult
	if err := a.update(ctx, t, connection, api.UpdateApproveRemovals, &r, api.ApproveInput{Rule: rule, Hash: hash}); err != nil {
		return err
	}
	a.notes.Sayf("%s", r.Message)
	run, _, err := t.latestSync(ctx, connection, rule)
	if err != nil {
		return err
	}
	if noWait {
		return a.printStarted(t, connection, []syncRun{run})
	}
	outcomes, err := a.watch(ctx, t, connection, []syncRun{run})
	if err != nil {
		return err
	}
	return a.printOutcomes(connection, outcomes)
}

// ruleHolding finds the rule whose last sync held the removals with this hash.
func ruleHolding(d api.Description, hash string) (string, error) {
	for _, r := range d.Rules {
		if s, ok := d.Syncs[r.Name]; ok && s.State == api.SyncHeld && s.Guard.Hash == hash {
			return r.Name, nil
		}
	}
	return "", fault.New("", fault.Refused, fault.ApprovalUnknown, "connection "+d.Config.Name)
}

// latestSync is the sync of a rule that was started last, and whether it runs. After an approval the connection starts one, or asks the
// running one to plan once more, before it answers.
func (t *link) latestSync(ctx context.Context, connection, rule string) (s syncRun, running bool, err error) {
	s = syncRun{rule: rule, id: api.SyncID(connection, rule)}
	found, err := t.DescribeWorkflowExecution(ctx, s.id, "")
	var never *serviceerror.NotFound
	if errors.As(err, &never) {
		return s, false, nil
	}
	if err != nil {
		return s, false, t.unanswered(err, connection)
	}
	info := found.GetWorkflowExecutionInfo()
	s.run = info.GetExecution().GetRunId()
	return s, info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}
