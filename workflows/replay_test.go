package workflows_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/engine"
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
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			history := &historypb.History{}
			require.NoError(t, protojson.Unmarshal(b, history))
			// Workflows compare their own id with the canonical one, so it must be the one they ran under.
			started := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
			replayer := worker.NewWorkflowReplayer()
			engine.Register(replayer)
			require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(nil, history, worker.ReplayWorkflowHistoryOptions{
				OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId()},
			}))
		})
	}
	for _, workflowType := range []string{
		api.ConnectionType, api.SyncRuleType, api.ProvisionUserType, api.DeprovisionUserType, api.DeleteRuleType,
		api.WatchSourceType, api.MoveLinkType, api.SyncGroupType,
	} {
		require.True(t, types[workflowType], "no golden history of %s", workflowType)
	}
}
