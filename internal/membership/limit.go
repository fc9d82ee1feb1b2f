package membership

import (
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// limit leaves of the decisions what the policy allows. That nobody loses a membership under any policy but sync is the guard's part.
func (b *builder) limit() {
	if !b.in.Limit.Withholds(config.PolicyUpsertOnly) {
		return
	}
	for i := range b.plan.Decisions {
		d := &b.plan.Decisions[i]
		if !d.Writes() || d.Action == Create && b.in.Limit == config.PolicyCreateOnly {
			continue
		}
		outcome := plan.PartiallySynced
		switch d.Action {
		case Create, Restore, Adopt:
			outcome = plan.Unsynced
		default:
		}
		d.Withheld = d.Action
		d.Action, d.Attributes, d.Adds = None, nil, nil
		d.Outcome, d.Reason, d.Subject = outcome, fault.WithheldByPolicy, ""
	}
}
