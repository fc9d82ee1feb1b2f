package provision_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The story of one person's account knows neither Temporal nor where people are stored.
func TestImports(t *testing.T) {
	t.Parallel()
	list := func(args ...string) []string {
		out, err := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...).Output()
		require.NoError(t, err)
		return strings.Fields(string(out))
	}
	for _, dependency := range list("-deps", ".") {
		require.False(t, strings.HasPrefix(dependency, "go.temporal.io/"), dependency)
	}
	for _, own := range list("-f", `{{join .Imports "\n"}}`, ".") {
		require.NotContains(t, own, "/internal/source/")
	}
}
