package value_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping/value"
)

func TestPassword(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"abcDEF12", "abcdef1!", "ABCDEF1!", "abcd EFGH", strings.Repeat("aB3", 85)} {
		require.NoError(t, value.Password(good))
	}
	for _, bad := range []string{"", "aB3!", "abcdefgh", "abcdefg1", "ABCDEFG!", strings.Repeat("aB3", 86)} {
		requireFault(t, value.Password(bad), fault.PasswordRejected, "password")
	}
}
