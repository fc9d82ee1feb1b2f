package endtoend_test

import (
	"encoding/json"
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

// The list of users ends early without saying so, long after the accounts were made, and the missing people have other
// names by now: their accounts are found by link and no second ones are made.
func TestTenantReadEndsEarlyWithoutSayingSo(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(12)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	k.LoseTemporal() // And with it what it remembers of the creations.
	synced(t, k, k.Config())
	before := k.Havings()
	var list struct {
		Value []json.RawMessage `json:"value"`
	}
	require.NoError(t, json.Unmarshal([]byte(listing(t, k)), &list))
	half, err := json.Marshal(map[string]any{"value": list.Value[:6]})
	require.NoError(t, err)
	answerNext(k, firstPage, string(half))
	k.WritePeople(each(people, func(_ int, f []string) { f[columnUsername] = "n" + f[columnUsername] })...)
	r := outcome{state: workflows.SyncCompleted}.sync(t, k, before)
	require.Equal(t, map[plan.Action]int{plan.Update: 12}, r.Actions)
}
