package api_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
)

// Ids are wire format: escaped, one for each person, and never longer than Temporal takes.
func TestUserID(t *testing.T) {
	t.Parallel()
	require.Equal(t, "user/contoso/E1", api.UserID("contoso", "E1"))
	require.Equal(t, "user/contoso/a%2Fb%20%C3%BC", api.UserID("contoso", "a/b ü"))
	long, other := strings.Repeat("ü", 400), strings.Repeat("ü", 401)
	require.Less(t, len(api.UserID("contoso", long)), 1000)
	require.NotEqual(t, api.UserID("contoso", long), api.UserID("contoso", other))
	require.Equal(t, api.UserID("contoso", long), api.UserID("contoso", long))
}
