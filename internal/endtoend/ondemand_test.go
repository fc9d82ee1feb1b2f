package endtoend_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
)

// One person by hand: created with at most one read, unchanged without a write, outside the filter without anything.
func TestOnDemand(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Ann", "Lee", "SPE_E3"), testkit.Person("e/2 ü", "bob", "Bob", "Roe", ""),
		"e3,cora,Cora,C,US,,true,Contractors", "e4,dan,Dan,D,US,,maybe,Sales")
	c := k.Config()
	c.Rules[0].Filter = `user.department != "Contractors"`
	c.Rules[0].Enabled = true
	_, err := k.Apply(c)
	require.NoError(t, err)
	_, err = k.Await("staff")
	require.NoError(t, err)

	k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Ann", "Lee", "SPE_E3"), testkit.Person("e5", "eve", "Eve", "E", "SPE_E3"),
		"e3,cora,Cora,C,US,,true,Contractors", "e4,dan,Dan,D,US,,maybe,Sales")
	k.Simulator.ResetStats()
	r, err := k.Provision("e5")
	require.NoError(t, err)
	require.Equal(t, plan.Create, r.Action)
	require.Equal(t, plan.Success, r.Outcome)
	require.Equal(t, 2, k.Simulator.Stats().Writes)
	require.LessOrEqual(t, k.Simulator.Stats().Reads+k.Simulator.Stats().Requests["GET /users"], 1)
	require.LessOrEqual(t, k.Events(api.UserID("contoso", "e5")), 20)

	k.Simulator.ResetStats()
	r, err = k.Provision("e1")
	require.NoError(t, err)
	require.Equal(t, plan.None, r.Action)
	require.Equal(t, plan.Success, r.Outcome)
	require.Zero(t, k.Simulator.Stats().Writes)

	for id, reason := range map[string]fault.Reason{"e3": fault.PersonOutOfScope, "nobody": fault.PersonNotFound} {
		r, err = k.Provision(id)
		require.NoError(t, err)
		require.Equal(t, plan.Unsynced, r.Outcome)
		require.Equal(t, reason, r.Reason)
	}
	_, err = k.Provision("e4")
	var failed *temporal.ApplicationError
	require.True(t, errors.As(err, &failed))
	require.Equal(t, string(fault.EnabledUnreadable), failed.Type())

	t.Run("a run under another id starts the canonical one", func(t *testing.T) {
		ctx, cancel := k.Context()
		defer cancel()
		run, err := k.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "by-hand", TaskQueue: api.TaskQueue},
			api.ProvisionUserType, map[string]string{"connection": "contoso", "user": "e1"})
		require.NoError(t, err)
		var r api.UserResult
		require.NoError(t, run.Get(ctx, &r))
		require.Equal(t, "e1", r.User)
		sync, err := k.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "sync-by-hand", TaskQueue: api.TaskQueue},
			api.SyncRuleType, map[string]string{"connection": "contoso", "rule": "staff"})
		require.NoError(t, err)
		var s api.SyncResult
		require.NoError(t, sync.Get(ctx, &s))
		require.Equal(t, api.SyncCompleted, s.State)
	})
	t.Run("unknown names are told apart from failures", func(t *testing.T) {
		ctx, cancel := k.Context()
		defer cancel()
		run, err := k.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: api.UserID("nosuch", "e1"), TaskQueue: api.TaskQueue},
			api.ProvisionUserType, map[string]string{"connection": "nosuch", "user": "e1"})
		require.NoError(t, err)
		err = run.Get(ctx, nil)
		require.True(t, errors.As(err, &failed))
		require.Equal(t, string(fault.ConnectionUnknown), failed.Type())
	})
}

// A sync that meets a person's running workflow asks it to look again and waits for it: two writers never meet.
func TestSyncMeetsRunningPerson(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Ann", "Lee", "SPE_E3"))
	k.MustApply(k.Config())
	_, err := k.Await("staff")
	require.NoError(t, err)

	k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Anna", "Lee", "SPE_E3"))
	reading, release := make(chan struct{}), make(chan struct{})
	first := true
	k.Simulator.OnRequest(func(r *http.Request) {
		if r.Method == http.MethodPatch && first {
			first = false
			close(reading)
			<-release
		}
	})
	person := make(chan error, 1)
	go func() {
		_, err := k.Provision("e1")
		person <- err
	}()
	<-reading
	k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Annabel", "Lee", "SPE_E3"))
	sync := make(chan api.SyncResult, 1)
	go func() { sync <- k.MustSync("staff") }()
	k.AwaitEvent(api.UserID("contoso", "e1"), "WORKFLOW_EXECUTION_SIGNALED")
	close(release)
	require.NoError(t, <-person)
	r := <-sync
	require.Equal(t, plan.Counters{Impacted: 1, Success: 1}, r.Counters)
	u, _ := k.User("ann")
	require.Equal(t, "Annabel", u.Properties["givenName"])
	require.Zero(t, k.Simulator.Stats().OverlappingWrites)
}

// A schedule's sync runs under the canonical id, and skips while one that was started by hand is running.
func TestScheduleSkipsWhileASyncRuns(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Ann", "Lee", ""))
	c := k.Config()
	c.Rules[0].SyncEvery = "24h"
	k.MustApply(c)
	k.AwaitSynced()
	k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Anna", "Lee", ""))
	reading, release := make(chan struct{}), make(chan struct{})
	first := true
	k.Simulator.OnRequest(func(r *http.Request) {
		if r.Method == http.MethodPatch && first {
			first = false
			close(reading)
			<-release
		}
	})
	done := make(chan api.SyncResult, 1)
	go func() { done <- k.MustSync("staff") }()
	<-reading
	ctx, cancel := k.Context()
	defer cancel()
	require.NoError(t, k.Client.ScheduleClient().GetHandle(ctx, api.SyncID("contoso", "staff")).Trigger(ctx, client.ScheduleTriggerOptions{}))
	skipped := k.AwaitScheduled("staff")
	require.Equal(t, api.SyncSkipped, skipped.State)
	close(release)
	r := <-done
	require.Equal(t, api.SyncCompleted, r.State)
	require.NoError(t, k.Client.ScheduleClient().GetHandle(ctx, api.SyncID("contoso", "staff")).Trigger(ctx, client.ScheduleTriggerOptions{}))
	require.Equal(t, api.SyncCompleted, k.AwaitScheduled("staff").State)
}

// Two people who want one sign-in name get it neither by a sync nor one by one by hand.
func TestOnDemandGivesNobodyANameThatTwoWant(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Ann", "Lee", ""), testkit.Person("e2", "Ann", "Anna", "Leer", ""))
	k.MustApply(k.Config())
	for _, id := range []string{"e1", "e2"} {
		_, err := k.Provision(id)
		require.Equal(t, fault.UPNConflict, refusal(t, err))
	}
	require.Empty(t, k.Simulator.State().Tenants[0].Users)
	k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Ann", "Lee", ""), testkit.Person("e2", "anna", "Anna", "Leer", ""))
	r, err := k.Provision("e1")
	require.NoError(t, err)
	require.Equal(t, plan.Create, r.Action)
}
