package endtoend_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source/sourcetest"
	"github.com/entraflow/entraflow/internal/source/sourcetest/toy"
	"github.com/entraflow/entraflow/internal/source/stores"
)

// watched starts everything with a live directory of n people that tells of its changes, synced twice so that removals may happen.
func watched(t *testing.T, n int) (*testkit.Kit, *sourcetest.Directory) {
	t.Helper()
	address := fmt.Sprintf("toy://events%d.example", n)
	t.Cleanup(stores.Register(toy.Store))
	people := sourcetest.NewDirectory(sourcetest.People(n))
	toy.Serve(address, people)
	k := testkit.Start(t, testkit.Options{Watch: true})
	c := k.Config()
	c.Rules[0].Source = config.Source{Settings: &toy.Settings{Toy: toy.Server{Address: address}}}
	c.Rules[0].Mappings = map[string]config.Mapping{
		directory.UserPrincipalName: {Expression: `user.givenName.lowerAscii() + "@contoso.com"`},
		directory.DisplayName:       {Expression: `user.givenName + " " + user.surname`},
		directory.MailNickname:      {Expression: `user.givenName`},
		"department":                {Expression: `user.department`},
		directory.Password:          {Expression: `randomPassword(24)`},
	}
	synced(t, k, c)
	k.MustSync("staff")
	k.AwaitSynced()
	awaitWatch(t, k)
	return k, people
}

// awaitWatch waits until the source is listened to: what happens before that is left to the next sync.
func awaitWatch(t *testing.T, k *testkit.Kit) {
	t.Helper()
	require.Eventually(t, func() bool {
		ctx, cancel := k.Context()
		defer cancel()
		d, err := k.Client.DescribeWorkflow(ctx, api.WatchID("contoso", "staff"), "")
		return err == nil && len(d.RawResponse.GetPendingActivities()) == 1 && d.RawResponse.GetPendingActivities()[0].GetHeartbeatDetails() != nil
	}, 30*time.Second, 20*time.Millisecond)
}

// lastRun waits for a person's run that the change at the source has started.
func lastRun(t *testing.T, k *testkit.Kit, id string) (r api.UserResult) {
	t.Helper()
	require.Eventually(t, func() bool {
		ctx, cancel := k.Context()
		defer cancel()
		r = api.UserResult{}
		err := k.Client.GetWorkflow(ctx, api.UserID("contoso", id), "").Get(ctx, &r)
		return err == nil && r.Reason != "" || r.Action != "" && r.Action != plan.Create
	}, 20*time.Second, 20*time.Millisecond)
	return r
}

// A change at the source is at the tenant a moment later, without a sync; somebody disabled is disabled; who left is deprovisioned.
// Within a day that happens to no more people than the guard allows a sync. The rest waits, and the next sync's guard holds it, too.
func TestChangesAtTheSource(t *testing.T) {
	k, people := watched(t, 30)
	all := sourcetest.People(30)
	change := func(id string, f func(*sourcetest.Person)) {
		for i := range all {
			if all[i].ID == id {
				f(&all[i])
			}
		}
		people.Set(all)
		people.Tell(id)
	}
	enabled := func(n int) bool {
		u, ok := k.User(fmt.Sprintf("given%d", n))
		require.True(t, ok)
		return u.AccountEnabled
	}

	change("E00001", func(p *sourcetest.Person) { p.Fields["department"] = "Moved" })
	r := lastRun(t, k, "E00001")
	require.Equal(t, plan.Update, r.Action)
	require.Equal(t, []string{"department"}, r.Attributes)

	// The guard allows five of thirty: two are disabled, three leave, and a sixth and seventh wait.
	for _, id := range []string{"E00002", "E00003"} {
		change(id, func(p *sourcetest.Person) { p.Enabled = sourcetest.Disabled })
		require.Equal(t, plan.Disable, lastRun(t, k, id).Action)
	}
	require.False(t, enabled(2))
	for i := 30; i > 27; i-- {
		all = all[:i-1]
		people.Set(all)
		id := fmt.Sprintf("E%05d", i)
		people.Tell(id)
		require.Equal(t, plan.Remove, lastRun(t, k, id).Action, id)
		require.False(t, enabled(i))
	}
	change("E00004", func(p *sourcetest.Person) { p.Enabled = sourcetest.Disabled })
	r = lastRun(t, k, "E00004")
	require.Equal(t, fault.EventRemovalsHeld, r.Reason, "%+v", r)
	require.Equal(t, plan.PartiallySynced, r.Outcome)
	require.True(t, enabled(4))
	all = all[:len(all)-1]
	people.Set(all)
	people.Tell("E00027")
	require.Equal(t, fault.EventRemovalsHeld, lastRun(t, k, "E00027").Reason)
	require.True(t, enabled(27))

	// Somebody in scope wants the name of who left: it may be the same person under another id.
	kept := all[25]
	all[25].ID = "E99999"
	people.Set(all)
	people.Tell(kept.ID)
	require.Equal(t, fault.SourceIDChanged, lastRun(t, k, kept.ID).Reason)
	require.True(t, enabled(26))
	all[25] = kept
	people.Set(all)

	// Everybody may have changed: a sync, which has a guard of its own.
	people.Tell()
	require.Eventually(t, func() bool { return !enabled(4) && !enabled(27) }, 30*time.Second, 50*time.Millisecond)
	k.AwaitSynced()
	k.ReplayAll()
}

// Many changes at once are one sync and no runs.
func TestABurstOfChangesIsOneSync(t *testing.T) {
	k, people := watched(t, 250)
	all := sourcetest.People(250)
	var ids []string
	for i := range all {
		all[i].Fields["department"] = "Moved"
		ids = append(ids, all[i].ID)
	}
	people.Set(all)
	people.Tell(ids...)
	require.Eventually(t, func() bool {
		u, _ := k.User("given250")
		return u.Properties["department"] == "Moved"
	}, 30*time.Second, 50*time.Millisecond)
	k.AwaitSynced()
	require.Equal(t, 250, k.Describe().Syncs["staff"].Impacted)
}

// A file that changes on disk leads to a sync of every rule that reads it when it has been quiet; one watch serves them all.
func TestAFileThatChangesIsSynced(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{Watch: true})
	lines := staff(6)
	k.WritePeople(lines[:3]...)
	c := k.Config()
	c.Rules[0].Filter = `user.department == "Sales"`
	others := c.Rules[0]
	others.Name, others.Filter = "others", `user.department != "Sales"`
	c.Rules = append(c.Rules, others)
	synced(t, k, c)
	_, err := k.Await("others")
	require.NoError(t, err)
	k.AwaitSynced()
	awaitWatch(t, k)
	lines[6] = strings.Replace(lines[6], ",Sales", ",Support", 1)
	k.WritePeople(lines...)
	require.Eventually(t, func() bool { return len(k.Havings()) == 6 }, 30*time.Second, 50*time.Millisecond)
	ctx, cancel := k.Context()
	defer cancel()
	_, err = k.Client.DescribeWorkflow(ctx, api.WatchID("contoso", "others"), "")
	require.Error(t, err, "there is one watch for the file")
}
