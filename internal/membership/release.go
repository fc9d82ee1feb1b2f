package membership

import "github.com/entraflow/entraflow/internal/plan"

// Release lets go what the guard holds of a group, where an administrator has confirmed that all of it goes: the deletion of a rule.
func (d *Decision) Release() {
	if d.Reason == d.HoldReason && d.Outcome == plan.PartiallySynced {
		d.Outcome, d.Reason = plan.Success, ""
	}
	d.Held, d.HoldReason = false, ""
}
