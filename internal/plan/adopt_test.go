package plan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/plan"
)

// An adoption names what it overwrites, and not what it only fills in.
func TestAnAdoptionNamesWhatItOverwrites(t *testing.T) {
	t.Parallel()
	s := situation{settings: settings(), person: ann()}
	stranger(func(a *directory.Account) { a.Values[0], a.Values[1], a.Values[3] = "Old", "Ann Roe", "" })(&s)
	c := s.decide()
	require.Equal(t, plan.Adopt, c.Action)
	require.Equal(t, []string{"department", "displayName", "link", "mark", "usageLocation"}, c.Attributes)
	require.Equal(t, []string{"department", "displayName"}, c.Overwrites)
}
