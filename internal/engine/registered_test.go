package engine_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/engine"
)

// Every activity that a workflow names is registered with the worker: one that is not would be retried for hours. Nothing else is: whoever
// reaches Temporal can call whatever is registered.
func TestEveryActivityOfTheWorkflowsIsRegistered(t *testing.T) {
	t.Parallel()
	e, err := engine.New(engine.Parts{Environment: engine.Environment{WriteShare: 1, Activities: 1, Pace: 1}})
	require.NoError(t, err)
	files, err := filepath.Glob("../../workflows/*.go")
	require.NoError(t, err)
	named := regexp.MustCompile(`\bacts\.([A-Z]\w*)`)
	var used []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range named.FindAllStringSubmatch(string(text), -1) {
			used = append(used, found[1])
		}
	}
	require.NotEmpty(t, used)
	slices.Sort(used)
	require.ElementsMatch(t, slices.Compact(used), e.ActivityNames())
}
