package endtoend_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
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

// The id of somebody whose account lies in the recycle bin is given to somebody else: the account stays there, or whoever
// left could sign in again. The same person under another surname gets it back.
func TestIDReusedWhileTheAccountIsInTheBin(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{Pace: 0.002}) // An account made a moment ago and gone is waited for.
	people := staff(4)
	k.WritePeople(people...)
	c := k.Config()
	c.Preferences.RemoveAction = config.RemoveDelete
	synced(t, k, c)
	whole := k.Havings()
	k.WritePeople(people[:4]...)
	outcome{state: workflows.SyncCompleted, lost: []string{"u03"}}.sync(t, k, whole)
	before := k.Havings()

	k.WritePeople(append(people[:4:4], testkit.Person("e03", "xaver", "Xaver", "Yilmaz", "SPE_E3"))...)
	outcome{state: workflows.SyncCompleted, cause: fault.PersonReplaced, people: 1}.sync(t, k, before)
	_, err := k.Provision("e03")
	require.Equal(t, fault.PersonReplaced, refusal(t, err), "by hand as in a sync")
	require.Equal(t, before, k.Havings())

	k.WritePeople(append(people[:4:4], testkit.Person("e03", "wed", "Given03", "Wed", "SPE_E3"))...)
	r := k.MustSync("staff")
	require.Equal(t, map[plan.Action]int{plan.Restore: 1}, r.Actions, "%s", r.Message)
	_, back := k.User("wed")
	require.True(t, back)
	require.Len(t, k.Havings(), len(whole))
}
