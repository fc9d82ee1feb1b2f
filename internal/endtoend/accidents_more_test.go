package endtoend_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/testkit"
	"github.com/entraflow/entraflow/workflows"
)

// Somebody terminates the connection's workflow, and applies the file anew, with other contents, while the worker goes on.
func TestConnectionTerminatedAndAppliedAnew(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(12)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	before, revision := k.Havings(), k.Describe().Revision
	ctx, cancel := k.Context()
	defer cancel()
	require.NoError(t, k.Client.TerminateWorkflow(ctx, workflows.ConnectionID("contoso"), "", "by an administrator"))

	k.WritePeople(people[:12]...)
	narrow := k.Config()
	narrow.Rules[0].Filter = `user.id < "e06"`
	a := k.MustApply(narrow)
	require.True(t, a.Created)
	require.Equal(t, revision, a.Revision, "the new connection counts like the old one, and must not be taken for it")
	r, err := k.Await("staff")
	k.AwaitSynced()
	outcome{state: workflows.SyncCompleted, cause: fault.FirstSyncHeld}.check(t, k, before, r, err)
	require.Equal(t, 6, r.Held, "%s", r.Message)
	require.Equal(t, 6, r.Success)
	r = outcome{state: workflows.SyncHeld, cause: fault.RemovalsHeld}.sync(t, k, before)
	require.Zero(t, r.Actions[plan.Remove])
}
