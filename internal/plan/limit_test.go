package plan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// swapped: ann has license A, given by us, and her mapping wants B.
func swapped(s *situation) {
	mark := directory.Mark{Origin: directory.Created}.WithLicenses([]string{skuA})
	s.linked[0] = licensed(s.linked[0], skuA)
	s.linked[0].Mark = mark.String()
	s.person.Desired.SKUMapped, s.person.Desired.SKUs = true, []string{skuB}
}

// Each policy is a filter over what would be done: what it withholds stays in the plan, with its reason.
func TestPoliciesWithhold(t *testing.T) {
	t.Parallel()
	moved := own(func(a *directory.Account) { a.Values = []string{"Lab", "Ann Example", "ann", "US"} })
	for name, c := range map[string]struct {
		prepare []func(*situation)
		whole   plan.Action
		// What is done under each policy, and how the person is counted.
		upsert, create, observe decision
	}{
		"new": {[]func(*situation){nobody}, plan.Create,
			decision{action: plan.Create, outcome: plan.Success},
			decision{action: plan.Create, outcome: plan.Success},
			decision{action: plan.None, outcome: plan.Unsynced, reason: fault.WithheldByPolicy}},
		"moved": {[]func(*situation){moved}, plan.Update,
			decision{action: plan.Update, outcome: plan.Success},
			decision{action: plan.None, outcome: plan.PartiallySynced, reason: fault.WithheldByPolicy},
			decision{action: plan.None, outcome: plan.PartiallySynced, reason: fault.WithheldByPolicy}},
		"disabled and moved": {[]func(*situation){moved, disabled}, plan.Disable,
			decision{action: plan.Update, outcome: plan.PartiallySynced, reason: fault.WithheldByPolicy},
			decision{action: plan.None, outcome: plan.PartiallySynced, reason: fault.WithheldByPolicy},
			decision{action: plan.None, outcome: plan.PartiallySynced, reason: fault.WithheldByPolicy}},
		"existing": {[]func(*situation){stranger()}, plan.Adopt,
			decision{action: plan.Adopt, outcome: plan.Success},
			decision{action: plan.None, outcome: plan.Unsynced, reason: fault.WithheldByPolicy},
			decision{action: plan.None, outcome: plan.Unsynced, reason: fault.WithheldByPolicy}},
		"in the bin": {[]func(*situation){deleted}, plan.Restore,
			decision{action: plan.Restore, outcome: plan.Success},
			decision{action: plan.None, outcome: plan.Unsynced, reason: fault.WithheldByPolicy},
			decision{action: plan.None, outcome: plan.Unsynced, reason: fault.WithheldByPolicy}},
		"another license": {[]func(*situation){swapped}, plan.License,
			decision{action: plan.License, outcome: plan.PartiallySynced, reason: fault.WithheldByPolicy},
			decision{action: plan.None, outcome: plan.PartiallySynced, reason: fault.WithheldByPolicy},
			decision{action: plan.None, outcome: plan.PartiallySynced, reason: fault.WithheldByPolicy}},
		"right": {nil, plan.None,
			decision{action: plan.None, outcome: plan.Success},
			decision{action: plan.None, outcome: plan.Success},
			decision{action: plan.None, outcome: plan.Success}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			decide := func(limit config.Policy) plan.Change {
				s := situation{settings: settings(), person: ann(), linked: []directory.Account{account()}}
				for _, f := range c.prepare {
					f(&s)
				}
				s.settings.Limit = limit
				return s.decide()
			}
			whole := decide("")
			require.Equal(t, whole, decide(config.PolicySync))
			require.Equal(t, c.whole, whole.Action)
			for limit, want := range map[config.Policy]decision{
				config.PolicyUpsertOnly: c.upsert, config.PolicyCreateOnly: c.create, config.PolicyObserve: c.observe,
			} {
				got := decide(limit)
				require.Equal(t, want.action, got.Action, limit)
				require.Equal(t, want.outcome, got.Outcome, limit)
				require.Equal(t, want.reason, got.Reason, limit)
				require.False(t, got.Removes(), limit)
				require.Empty(t, got.RemoveLicenses, limit)
				if want.reason == "" {
					require.Nil(t, got.Withheld, limit)
					continue
				}
				require.Equal(t, whole, *got.Withheld, "%s: the plan says what is withheld", limit)
			}
		})
	}
}

func TestLeaversStayUnderEveryPolicyButSync(t *testing.T) {
	t.Parallel()
	a := account()
	for _, limit := range []config.Policy{config.PolicyUpsertOnly, config.PolicyCreateOnly, config.PolicyObserve} {
		s := settings()
		whole := plan.DecideLeaving(s, "1", &a, fault.PersonNotFound)
		require.Equal(t, plan.Remove, whole.Action)
		s.Limit = limit
		got := plan.DecideLeaving(s, "1", &a, fault.PersonNotFound)
		require.Equal(t, plan.None, got.Action)
		require.Equal(t, plan.PartiallySynced, got.Outcome)
		require.Equal(t, fault.WithheldByPolicy, got.Reason)
		require.Equal(t, whole, *got.Withheld)
	}
}
