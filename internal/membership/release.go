package membership

import (
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// Release lets go what the guard holds of a group, where an administrator has approved exactly that, or has confirmed that all of it goes: the
// deletion of a rule.
func (d *Decision) Release() {
	if d.Held && d.Reason == d.HoldReason && d.Outcome == plan.PartiallySynced {
		d.Outcome, d.Reason = plan.Success, ""
		if d.Wanted == nil {
			d.Reason = fault.GroupLeft
		}
	}
	d.Held, d.HoldReason, d.HeldWhole = false, "", false
}
