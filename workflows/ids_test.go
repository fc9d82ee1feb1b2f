package workflows_test

import (
	"strings"
	"testing"

	"github.com/entraflow/entraflow/activities"
	"github.com/stretchr/testify/require"
)

// Ids are wire format: escaped, one for each person, and never longer than Temporal takes.
func TestUserID(t *testing.T) {
	t.Parallel()
	require.Equal(t, "user/contoso/E1", activities.UserWorkflowID("contoso", "E1"))
	require.Equal(t, "user/contoso/a%2Fb%20%C3%BC", activities.UserWorkflowID("contoso", "a/b ü"))
	long, other := strings.Repeat("ü", 400), strings.Repeat("ü", 401)
	require.Less(t, len(activities.UserWorkflowID("contoso", long)), 1000)
	require.NotEqual(t, activities.UserWorkflowID("contoso", long), activities.UserWorkflowID("contoso", other))
	require.Equal(t, activities.UserWorkflowID("contoso", long), activities.UserWorkflowID("contoso", long))
}
