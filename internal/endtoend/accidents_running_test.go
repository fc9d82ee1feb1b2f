package endtoend_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// once runs f at the first request that matches, before it is answered.
func once(k *testkit.Kit, match func(*http.Request) bool, f func()) {
	var do sync.Once
	k.Simulator.OnRequest(func(r *http.Request) {
		if match(r) {
			do.Do(f)
		}
	})
}

// The world changes between a plan and its removals. A joiner in the same plan gives the moment: what takes something away
// waits for everything else.
func TestAccidentsWhileASyncRuns(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(12)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	before := k.Havings()
	// What is remembered of a creation would be in the way of another of the same person.
	joiners := 0
	join := func() (leaving []string, joiner string) {
		joiners++
		id := fmt.Sprintf("e5%d", joiners)
		joiner = testkit.Person(id, id, "Jo", "Iner", "")
		leaving = append(people[:12:12], joiner)
		return leaving, joiner // u11 left
	}
	path := filepath.Join(k.Dir, "people.csv")
	const completed = api.SyncCompleted

	t.Run("the person is back", func(t *testing.T) {
		leaving, joiner := join()
		k.WritePeople(leaving...)
		once(k, creates, func() { k.WritePeople(append(people[:13:13], joiner)...) })
		r := outcome{state: completed, cause: fault.PersonReturned, people: 1, created: 1}.sync(t, k, before)
		require.Equal(t, map[plan.Action]int{plan.Create: 1}, r.Actions)
		restored(t, k, before, people)
	})
	t.Run("the file has lost its columns", func(t *testing.T) {
		leaving, _ := join()
		k.WritePeople(leaving...)
		once(k, creates, func() { k.WriteRaw("people.csv", "id,username\n") })
		r, err := k.Sync("staff")
		require.NoError(t, err)
		k.AwaitSynced()
		require.Equal(t, 1, r.Reasons[fault.SourceColumnMissing], "%s %+v", r.Message, r)
		require.Empty(t, lost(before, k.Havings()))
		restored(t, k, before, people)
	})
	t.Run("the settings changed", func(t *testing.T) {
		leaving, _ := join()
		k.WritePeople(leaving...)
		kept := k.Config()
		kept.Preferences.AllowDeprovision = false
		once(k, creates, func() {
			_, err := k.Apply(kept)
			require.NoError(t, err)
		})
		outcome{state: completed, cause: fault.DeprovisionNotAllowed, people: 1, created: 1}.sync(t, k, before)
		joined := k.Havings()
		r := outcome{state: completed}.sync(t, k, joined)
		require.Zero(t, r.Actions[plan.Remove])
		k.MustApply(k.Config())
		restored(t, k, before, people)
	})
	t.Run("the link moved", func(t *testing.T) {
		leaving, _ := join()
		k.WritePeople(leaving...)
		link := property("entraflowLink")
		once(k, creates, func() {
			go k.Simulator.Mutate(func(tenant *simulator.Tenant) {
				_ = tenant.SetUser("u11@contoso.com", map[string]any{link: "contoso/staff/somebody"})
			})
		})
		k.Simulator.SetLatency(100 * time.Millisecond)
		outcome{state: completed, cause: fault.LinkChanged, people: 1, created: 1}.sync(t, k, before)
		k.Simulator.SetLatency(0)
		mutate(t, k, func(tenant *simulator.Tenant) error {
			return tenant.SetUser("u11@contoso.com", map[string]any{link: "contoso/staff/e11"})
		})
		restored(t, k, before, people)
	})
	t.Run("the rule is disabled", func(t *testing.T) {
		leaving, _ := join()
		k.WritePeople(leaving...)
		once(k, creates, func() {
			require.NoError(t, k.Update(api.UpdateDisableRule, nil, api.RuleInput{Rule: "staff"}))
		})
		r, err := k.Sync("staff")
		require.NoError(t, err)
		require.Equal(t, api.SyncStopped, r.State)
		require.Empty(t, lost(before, k.Havings()))
		k.WritePeople(people...)
		require.NoError(t, k.Update(api.UpdateEnableRule, nil, api.RuleInput{Rule: "staff"}))
		_, err = k.Await("staff")
		require.NoError(t, err)
		k.AwaitSynced()
		restored(t, k, before, people)
	})
	t.Run("another sync is started", func(t *testing.T) {
		changed := each(people, func(_ int, f []string) { f[columnDepartment] = "Support" })
		k.WritePeople(changed[:12]...)
		reading, release := make(chan struct{}), make(chan struct{})
		once(k, firstPage, func() {
			close(reading)
			<-release
		})
		results := make(chan api.SyncResult, 1)
		go func() { results <- k.MustSync("staff") }()
		<-reading
		ctx, cancel := k.Context()
		defer cancel()
		_, err := k.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: api.SyncID("contoso", "staff"), TaskQueue: api.TaskQueue, WorkflowExecutionErrorWhenAlreadyStarted: true,
		}, api.SyncRuleType, api.SyncInput{Connection: "contoso", Rule: "staff"})
		var running *serviceerror.WorkflowExecutionAlreadyStarted
		require.ErrorAs(t, err, &running)
		other, err := k.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "sync-by-hand", TaskQueue: api.TaskQueue},
			api.SyncRuleType, api.SyncInput{Connection: "contoso", Rule: "staff"})
		require.NoError(t, err)
		k.AwaitEvent(api.SyncID("contoso", "staff"), "WORKFLOW_EXECUTION_SIGNALED")
		close(release)
		first := <-results
		var second api.SyncResult
		require.NoError(t, other.Get(ctx, &second))
		require.Equal(t, first.Actions, second.Actions, "one and the same")
		require.Equal(t, []string{"u11"}, lost(before, k.Havings()))
		require.Equal(t, 1, first.Actions[plan.Remove])
		require.Zero(t, k.Simulator.Stats().OverlappingWrites)
		k.AwaitSynced()
		restored(t, k, before, people)
	})
	t.Run("the worker's file is older than the plan", func(t *testing.T) {
		leaving, _ := join()
		k.WritePeople(leaving...)
		once(k, creates, func() {
			k.WritePeople(people[:7]...)
			require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)))
		})
		outcome{state: completed, cause: fault.SourceOlder, people: 1, created: 1}.sync(t, k, before)
		restored(t, k, before, people)
	})
}

// Temporal is empty again: with the same file, the first sync writes nothing and removes nobody, the second works as before.
func TestTemporalsDataIsLost(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(12)
	k.WritePeople(people...)
	c := k.Config()
	c.Preferences.RemoveAction = config.RemoveDelete
	synced(t, k, c)
	before := k.Havings()
	k.WritePeople(people[:12]...)
	k.LoseTemporal()
	k.Simulator.ResetStats()
	a := k.MustApply(c)
	require.True(t, a.Created)
	r, err := k.Await("staff")
	k.AwaitSynced()
	outcome{state: api.SyncCompleted, cause: fault.FirstSyncHeld}.check(t, k, before, r, err)
	require.Equal(t, 1, r.Held)
	require.Equal(t, 11, r.Success)
	require.Zero(t, k.Simulator.Stats().Writes)
	require.Equal(t, before, k.Havings())
	second := outcome{state: api.SyncCompleted, lost: []string{"u11"}}.sync(t, k, before)
	require.Equal(t, map[plan.Action]int{plan.Remove: 1}, second.Actions)
}
