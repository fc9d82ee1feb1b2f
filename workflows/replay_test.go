package workflows_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"

	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/workflows"
)

// Every golden history replays: what runs in production now can be taken over by this code. docs/versioning.md says what
// to do when one does not, and how new ones are made.
func TestGoldenHistoriesReplay(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "histories", "*.json"))
	require.NoError(t, err)
	types := map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		workflowType, _, _ := strings.Cut(name, "-")
		types[workflowType] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replayer := worker.NewWorkflowReplayer()
			engine.Register(replayer)
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(nil, file))
		})
	}
	for _, workflowType := range []string{
		workflows.ConnectionType, workflows.SyncRuleType, workflows.ProvisionUserType, workflows.DeprovisionUserType, workflows.DeleteRuleType,
	} {
		require.True(t, types[workflowType], "no golden history of %s", workflowType)
	}
}
