package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
)

// A rule's own policy stands in the way of its deletion as the connection's does, and of no other rule's.
func TestTheTermsOfADeletionAreThoseOfTheRule(t *testing.T) {
	t.Parallel()
	var s api.Settings
	s.Config.Preferences = config.DefaultPreferences()
	s.Config.Preferences.DeprovisionOnRuleDeletion = true
	s.Config.Rules = []config.Rule{{Name: "staff"}, {Name: "guests", Policy: config.RulePolicy{People: config.PolicyUpsertOnly}}}
	require.False(t, terms(s, "staff").Forbidden())
	require.True(t, terms(s, "guests").Forbidden())
	require.False(t, terms(s, "").Forbidden())
	s.Config.Preferences.Policy = config.PolicyCreateOnly
	require.True(t, terms(s, "staff").Forbidden())
	require.True(t, terms(s, "").Forbidden())
}
