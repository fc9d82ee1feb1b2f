package plan

import (
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// DecideLeaving says what is done about the account of a person no enabled rule claims any more. why is
// fault.PersonNotFound or PersonOutOfScope.
//
// The remove action is taken at the transition only: who has been deprovisioned is done with, also when the action changes
// later. An adopted account is disabled and never deleted, unless the preferences say so.
func DecideLeaving(policy Policy, id string, a *directory.Account, why fault.Reason) Change {
	c := policy.decideLeaving(id, a, why)
	if !c.Writes() || !policy.Limit.Withholds(config.PolicySync) {
		return c
	}
	rest := unchanged(id, policy.Rule, a.ID, PartiallySynced, fault.WithheldByPolicy)
	rest.Withheld = &c
	return rest
}

func (policy Policy) decideLeaving(id string, a *directory.Account, why fault.Reason) Change {
	mark, _ := directory.ParseMark(a.Mark)
	switch {
	case a.OnPremises:
		return failed(id, policy.Rule, fault.New("leave", fault.Refused, fault.AccountSynced, ""))
	case a.Guest:
		return failed(id, policy.Rule, fault.New("leave", fault.Refused, fault.AccountGuest, ""))
	case mark.Disabled.Deprovisioned():
		return unchanged(id, policy.Rule, a.ID, Success, "")
	case !policy.Preferences.AllowDeprovision:
		return unchanged(id, policy.Rule, a.ID, PartiallySynced, fault.DeprovisionNotAllowed)
	}
	c := Change{SourceID: id, Rule: policy.Rule, AccountID: a.ID, Action: Remove, Outcome: Success, Reason: why}
	if policy.Preferences.RemoveAction == config.RemoveDelete && (mark.Origin == directory.Created || policy.Preferences.RemoveAdopted) {
		c.Delete = true
		return c
	}
	switch {
	case a.Enabled:
		c.Disable = true
		c.Attributes = []string{directory.AccountEnabled, AttributeMark}
		mark.Disabled = directory.DisabledDeprovisioned
	case mark.Disabled.ByUs():
		c.Attributes = []string{AttributeMark}
		mark.Disabled = directory.DisabledDeprovisioned
	default:
		c.Attributes = []string{AttributeMark}
		mark.Disabled = directory.DisabledElsewhere
	}
	c.Mark, c.FinalMark = mark, mark
	return c
}
