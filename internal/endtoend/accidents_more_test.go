package endtoend_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// Somebody terminates the connection's workflow, and applies the file anew, with other contents, while the worker goes on.
func TestConnectionTerminatedAndAppliedAnew(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(12)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	before := k.Havings()
	ctx, cancel := k.Context()
	defer cancel()
	require.NoError(t, k.Client.TerminateWorkflow(ctx, api.ConnectionID("contoso"), "", "by an administrator"))

	k.WritePeople(people[:12]...)
	narrow := k.Config()
	narrow.Rules[0].Filter = `user.id < "e06"`
	a := k.MustApply(narrow)
	require.True(t, a.Created)
	r, err := k.Await("staff")
	k.AwaitSynced()
	outcome{state: api.SyncCompleted, cause: fault.FirstSyncHeld}.check(t, k, before, r, err)
	require.Equal(t, 6, r.Held, "%s", r.Message)
	require.Equal(t, 6, r.Success)
	r = outcome{state: api.SyncHeld, cause: fault.RemovalsHeld}.sync(t, k, before)
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
	r := outcome{state: api.SyncCompleted}.sync(t, k, before)
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
	outcome{state: api.SyncCompleted, lost: []string{"u03"}}.sync(t, k, whole)
	before := k.Havings()

	k.WritePeople(append(people[:4:4], testkit.Person("e03", "xaver", "Xaver", "Yilmaz", "SPE_E3"))...)
	outcome{state: api.SyncCompleted, cause: fault.PersonReplaced, people: 1}.sync(t, k, before)
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

// Names that change, and bounds at their edges.
func TestAccidentsOfNamesAndBounds(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(12)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	k.MustSync("staff")
	k.AwaitSynced()
	before := k.Havings()
	const held, completed = api.SyncHeld, api.SyncCompleted
	guarded := func(count, percent int) config.Connection {
		c := k.Config()
		c.Preferences.RemovalGuard = config.RemovalGuard{Count: count, Percent: percent}
		return c
	}
	for _, c := range []struct {
		name           string
		count, percent int
		outcome
	}{
		{"one more than the guard allows", 1, 0, outcome{state: held, cause: fault.RemovalsHeld}},
		{"a guard that allows nothing", 0, 0, outcome{state: held, cause: fault.RemovalsHeld}},
		{"as many as the guard allows", 2, 0, outcome{state: completed, lost: []string{"u10", "u11"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k.WritePeople(people[:11]...)
			c.applied(t, k, guarded(c.count, c.percent), before)
			k.WritePeople(people...)
			k.MustApply(k.Config())
			k.AwaitSynced()
			restored(t, k, before, people)
		})
	}
	t.Run("a guard that allows everything, and a wrong file", func(t *testing.T) {
		k.WritePeople(people[0], testkit.Person("x1", "x1", "Xa", "Yb", ""))
		outcome{state: held, cause: fault.EverybodyLeft, created: 1}.applied(t, k, guarded(1000, 100), before)
		k.WritePeople(people...)
		k.Forget(before)
		k.MustApply(k.Config())
		k.AwaitSynced()
		restored(t, k, before, people)
	})
	t.Run("the connection renamed", func(t *testing.T) {
		c := k.Config()
		c.Name = "fabrikam"
		k.WritePeople(people[:12]...)
		_, err := k.Apply(c)
		require.NoError(t, err)
		ctx, cancel := k.Context()
		defer cancel()
		var r api.SyncResult
		require.NoError(t, k.Client.GetWorkflow(ctx, api.SyncID("fabrikam", "staff"), "").Get(ctx, &r))
		require.Equal(t, 11, r.Reasons[fault.AccountLinkedElsewhere], "%s", r.Message)
		require.Contains(t, r.Message, string(fault.AccountLinkedElsewhere))
		require.Equal(t, before, k.Havings())
		k.WritePeople(people...)
	})
	t.Run("the rule renamed while somebody leaves, and back", func(t *testing.T) {
		c := k.Config()
		c.Rules[0].Name = "people"
		k.WritePeople(people[:12]...)
		a := k.MustApply(c)
		require.Len(t, a.Warnings, 1)
		require.Contains(t, a.Warnings[0], "rule staff is no longer in the file")
		require.Equal(t, before, k.Havings())
		r := k.MustSync("people")
		require.Equal(t, 11, r.Success, "%s", r.Message)
		require.Equal(t, before, k.Havings(), "the accounts passed to the new rule, and nobody was removed for the old one")
		k.WritePeople(people...)
		k.MustApply(k.Config())
		require.Equal(t, 12, k.MustSync("staff").Success)
		require.Equal(t, before, k.Havings())
	})
}

// Somebody who was deprovisioned is done with, whatever is done about the account or the settings.
func TestAccidentsAfterARemoval(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(6)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	whole := k.Havings()
	k.WritePeople(people[:6]...)
	outcome{state: api.SyncCompleted, lost: []string{"u05"}}.sync(t, k, whole)
	gone, _ := k.User("u05")
	deleting := k.Config()
	deleting.Preferences.RemoveAction = config.RemoveDelete
	require.Empty(t, k.MustApply(deleting).Synced)
	mark := property("entraflowMark")
	for _, c := range []struct {
		name  string
		props map[string]any
	}{
		{"the action changed to delete", map[string]any{}},
		{"enabled by an administrator", map[string]any{"accountEnabled": true}},
		{"the mark cleared", map[string]any{"accountEnabled": false, mark: nil}},
		{"the mark garbled", map[string]any{mark: "1;"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			mutate(t, k, func(tenant *simulator.Tenant) error { return tenant.SetUser(gone.ID, c.props) })
			before := k.Havings()
			outcome{state: api.SyncCompleted}.sync(t, k, before)
			require.Equal(t, before, k.Havings(), "the account stays, disabled or enabled")
		})
	}
}

// Somebody interferes between the first removal of a sync and the last.
func TestAccidentsInTheMiddleOfRemovals(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(8)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	before := k.Havings()
	leavers := []string{"u05", "u06", "u07"}
	ctx, cancel := k.Context()
	defer cancel()
	for _, c := range []struct {
		name   string
		happen func()
	}{
		{"the action changed to delete", func() {
			deleting := k.Config()
			deleting.Preferences.RemoveAction = config.RemoveDelete
			_, err := k.Apply(deleting)
			require.NoError(t, err)
		}},
		{"people's workflows terminated", func() {
			for _, id := range []string{"e05", "e06", "e07"} {
				// One of them may have ended.
				_ = k.Client.TerminateWorkflow(ctx, api.UserID("contoso", id), "", "by an administrator")
			}
		}},
		{"the sync cancelled", func() { require.NoError(t, k.Client.CancelWorkflow(ctx, api.SyncID("contoso", "staff"), "")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			k.WritePeople(people[:6]...)
			once(k, patches, c.happen)
			r := k.MustSync("staff")
			k.AwaitSynced()
			require.Subset(t, leavers, lost(before, k.Havings()), "%s", r.Message)
			require.Len(t, k.Havings(), len(before), "nobody was deleted of whom the plan said disabled")
			k.MustApply(k.Config())
			k.MustSync("staff")
			k.AwaitSynced()
			require.ElementsMatch(t, leavers, lost(before, k.Havings()), "the next sync finishes")
			restored(t, k, before, people)
		})
	}
}
