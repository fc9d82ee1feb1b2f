package plan

import (
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
)

// upserts is the policy under which nothing is taken away, where the limit wants that.
func (policy Policy) upserts() Policy {
	if policy.Limit.Withholds(config.PolicySync) && policy.Hold == "" {
		policy.Hold = fault.WithheldByPolicy
	}
	return policy
}

// unlimited is the policy without its limit. A reason to take nothing away that is none of the limit's stays.
func (policy Policy) unlimited() Policy {
	policy.Limit = ""
	return policy
}

// withhold leaves of a change what the limit allows. whole gives what would be done without a limit.
func (policy Policy) withhold(c Change, whole func() Change) Change {
	if !policy.Limit.Withholds(config.PolicySync) {
		return c
	}
	all := whole()
	switch {
	case policy.Limit == config.PolicyUpsertOnly, policy.Limit == config.PolicyCreateOnly && c.Action == Create:
		// A swap of licenses is no removal, and is withheld all the same.
		if all.Removes() || len(all.RemoveLicenses) > len(c.RemoveLicenses) {
			c.Withheld = &all
		}
		return c
	case !all.Writes():
		return c
	}
	outcome, account := PartiallySynced, all.AccountID
	if all.appears() {
		// The person has no account yet, or none that is theirs.
		outcome = Unsynced
	}
	rest := unchanged(c.SourceID, c.Rule, account, outcome, fault.WithheldByPolicy)
	rest.Withheld = &all
	return rest
}
