package endtoend_test

import (
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source/file"
)

// The connection is terminated and applied anew while a sync runs: the sync's plan is one of settings that are gone.
func TestConnectionMadeAnewWhileASyncRuns(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(12)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	before := k.Havings()
	k.WritePeople(append(people[:12:12], testkit.Person("e50", "e50", "Jo", "Iner", ""))...)
	once(k, creates, func() {
		ctx, cancel := k.Context()
		defer cancel()
		require.NoError(t, k.Client.TerminateWorkflow(ctx, api.ConnectionID("contoso"), "", "by an administrator"))
		_, err := k.Apply(k.Config())
		require.NoError(t, err)
	})
	_, err := k.Sync("staff")
	require.NoError(t, err)
	k.AwaitSynced()
	require.Empty(t, lost(before, k.Havings()), "the first sync of the new connection removes nothing")
}

// A rule made anew with a file of the same name in another folder would take the deleted rule's people for its leavers.
func TestRuleMadeAnewWithAnotherFileOfTheSameName(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(staff(3)...)
	c := k.Config()
	synced(t, k, c)
	before := k.Havings()
	deleted(t, k)
	again := k.Config()
	require.NoError(t, os.Mkdir(filepath.Join(k.Dir, "other"), 0o700))
	again.Rules[0].Source.Settings = file.At(k.WriteSource("other/people.csv", testkit.Header, testkit.Person("x1", "x1", "Xa", "One", "")))
	_, err := k.Apply(again)
	require.Equal(t, fault.SettingImmutable, refusal(t, err))
	require.ErrorContains(t, err, "a file of the same name")

	r, err := k.Apply(c)
	require.NoError(t, err, "with its own source it may come back")
	require.Equal(t, []string{"staff"}, r.Synced)
	_, err = k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, before, k.Havings())
}

// Deprovisioning by hand somebody whom a deleted rule had provisioned is refused, and does not claim that nobody is there.
func TestNobodyIsDeprovisionedForARuleThatIsGone(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(staff(3)...)
	k.WriteSource("other.csv", testkit.Header, testkit.Person("x1", "x1", "Xa", "One", ""))
	c := k.Config()
	other := c.Rules[0]
	other.Name, other.Source.Settings = "other", file.At(filepath.Join(k.Dir, "other.csv"))
	c.Rules = append(c.Rules, other)
	k.MustApply(c)
	for _, rule := range []string{"staff", "other"} {
		_, err := k.Await(rule)
		require.NoError(t, err)
	}
	before := k.Havings()
	deleted(t, k)
	ctx, cancel := k.Context()
	defer cancel()
	run, err := k.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: api.UserID("contoso", "e00"), TaskQueue: api.TaskQueue}, api.DeprovisionUserType,
		api.UserInput{Connection: "contoso", User: "e00"})
	require.NoError(t, err)
	require.Equal(t, fault.RuleUnknown, refusal(t, run.Get(ctx, nil)))
	require.Equal(t, before, k.Havings())
}

// A connection that has never been valid provisioned nobody: its rules can go, and it with them, to be made anew with the
// tenant that was meant.
func TestAConnectionThatWasNeverValidCanGo(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(staff(2)...)
	c := deprovisioning(k)
	c.TenantID = "99999999-2222-4333-8444-555555555555"
	require.Equal(t, api.InvalidConnection, k.MustApply(c).Validity)
	_, err := k.Apply(k.Config())
	require.Equal(t, fault.SettingImmutable, refusal(t, err))
	deleted(t, k)
	require.NoError(t, k.Update(api.UpdateDelete, nil))
	ctx, cancel := k.Context()
	defer cancel()
	require.NoError(t, k.Client.GetWorkflow(ctx, api.ConnectionID("contoso"), "").Get(ctx, nil))
	require.Equal(t, api.Valid, k.MustApply(k.Config()).Validity)
	_, err = k.Await("staff")
	require.NoError(t, err)
}

// deleted deletes the rule staff and waits until it is gone.
func deleted(t *testing.T, k *testkit.Kit) {
	t.Helper()
	require.NoError(t, k.Update(api.UpdateDeleteRule, nil, api.RuleInput{Rule: "staff", Confirm: "staff"}))
	ctx, cancel := k.Context()
	defer cancel()
	require.NoError(t, k.Client.GetWorkflow(ctx, api.DeleteRuleID("contoso", "staff"), "").Get(ctx, nil))
	require.Eventually(t, func() bool { _, there := k.Describe().Rule("staff"); return !there }, 10*time.Second, 10*time.Millisecond)
}

// A cancelled sync counts whom it still lets finish before it says how many that were.
func TestACancelledSyncSaysHowManyWereDone(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(staff(1)...)
	synced(t, k, k.Config())
	k.WritePeople(staff(6)...)
	var stop sync.Once
	k.Simulator.OnRequest(func(r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/v1.0/users" {
			return
		}
		stop.Do(func() {
			ctx, cancel := k.Context()
			defer cancel()
			_ = k.Client.CancelWorkflow(ctx, api.SyncID("contoso", "staff"), "")
		})
	})
	r, err := k.Sync("staff")
	require.NoError(t, err)
	require.Equal(t, api.SyncStopped, r.State)
	require.Equal(t, 5, r.Actions[plan.Create], "%+v", r)
	require.Contains(t, r.Message, "Stopped after 5 of 5 people")
}

// deprovisionOnRuleDeletion is switched off while a page of people is under way: nobody of the rest is touched.
func TestRuleDeletionStopsWhenThePreferenceIsSwitchedOff(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(staff(80)...)
	c := deprovisioning(k)
	synced(t, k, c)
	var once sync.Once
	switched := make(chan struct{})
	k.Simulator.OnRequest(func(r *http.Request) {
		if r.Method != http.MethodPatch {
			return
		}
		once.Do(func() {
			c.Preferences.DeprovisionOnRuleDeletion = false
			_, err := k.Apply(c)
			require.NoError(t, err)
			close(switched)
		})
		<-switched
	})
	deleted(t, k)
	off := 0
	for _, u := range k.Simulator.State().Tenants[0].Users {
		if !u.AccountEnabled {
			off++
		}
	}
	require.Positive(t, off)
	require.LessOrEqual(t, off, 50, "only those who were under way")
}
