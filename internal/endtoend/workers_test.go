package endtoend_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
)

// twoWorkers starts a kit with the workers "one" and "two" and small pages, and gives what stops each.
func twoWorkers(t *testing.T) (*testkit.Kit, map[string]func()) {
	k := testkit.Start(t, testkit.Options{PageSize: 3})
	k.StopWorker()
	return k, map[string]func(){"one": k.AnotherWorker("one"), "two": k.AnotherWorker("two")}
}

// pages counts the activities of a type that a workflow has scheduled, by their task queues.
func pages(t *testing.T, k *testkit.Kit, id, activity string) map[string]int {
	t.Helper()
	ctx, cancel := k.Context()
	defer cancel()
	queues := map[string]int{}
	events := k.Client.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		if a := event.GetActivityTaskScheduledEventAttributes(); a.GetActivityType().GetName() == activity {
			require.Less(t, proto.Size(a.GetInput()), 500, "a page is asked for in few words, however many removals passed the guard")
			queues[a.GetTaskQueue().GetName()]++
		}
	}
	return queues
}

// Two workers serve the pages of one plan and of one deletion, and the tenant is read once for each.
func TestPagesComeFromTheWorkerThatHasReadTheTenant(t *testing.T) {
	t.Parallel()
	k, _ := twoWorkers(t)
	var reads atomic.Int32
	k.Simulator.OnRequest(func(r *http.Request) {
		if firstPage(r) {
			reads.Add(1)
		}
	})
	k.WritePeople(staff(30)...)
	synced(t, k, deprovisioning(k))
	require.EqualValues(t, 1, reads.Swap(0), "a first sync of ten pages")
	queues := pages(t, k, api.SyncID("contoso", "staff"), "PlanPage")
	require.Len(t, queues, 1, "all pages come from one worker: %v", queues)
	require.NotContains(t, queues, api.TaskQueue)

	ctx, cancel := k.Context()
	defer cancel()
	started, err := k.Client.GetWorkflowHistory(ctx, api.UserID("contoso", "e07"), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
	require.NoError(t, err)
	require.Equal(t, "contoso", started.GetWorkflowExecutionStartedEventAttributes().GetPriority().GetFairnessKey(),
		"a connection's people share the workers with those of others")

	require.NoError(t, k.Update(api.UpdateDeleteRule, nil, api.RuleInput{Rule: "staff", Confirm: "staff"}))
	var deleted api.DeleteRuleResult
	require.NoError(t, k.Client.GetWorkflow(ctx, api.DeleteRuleID("contoso", "staff"), "").Get(ctx, &deleted))
	require.Equal(t, 30, deleted.Deprovisioned, "%+v", deleted)
	require.EqualValues(t, 1, reads.Load(), "a deletion of ten pages")
	queues = pages(t, k, api.DeleteRuleID("contoso", "staff"), "ListedPage")
	require.Len(t, queues, 1, "%v", queues)
}

// stopKeeper stops the worker that keeps what an activity of a workflow has paged, at the first write, and lets no write go on
// before. More people than a sync has under way at a time leave some pages for afterwards.
func stopKeeper(t *testing.T, k *testkit.Kit, stop map[string]func(), id, activity string, meanwhile func()) (reads *atomic.Int32) {
	reads = &atomic.Int32{}
	var once sync.Once
	k.Simulator.OnRequest(func(r *http.Request) {
		if firstPage(r) {
			reads.Add(1)
		}
		if r.Method == http.MethodPatch {
			once.Do(func() {
				keepers := map[string]int{}
				for len(keepers) == 0 {
					keepers = pages(t, k, id, activity)
				}
				meanwhile()
				for queue := range keepers {
					stop[strings.TrimPrefix(queue, api.WorkerQueue(""))]()
				}
			})
		}
	})
	return reads
}

// The worker that keeps a plan dies between two pages of removals that an administrator approved. Another one makes the plan
// again and goes on with what is left of it, although that is far more than the guard allows, and, since one who had left is
// back, no longer what was approved.
func TestAPlanOutlivesItsWorker(t *testing.T) {
	t.Parallel()
	k, stop := twoWorkers(t)
	people := staff(90)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	k.WritePeople(people[:11]...) // eighty left
	held := k.MustSync("staff")
	require.Equal(t, api.SyncHeld, held.State, "%s", held.Message)
	k.AwaitSynced()
	id := api.SyncID("contoso", "staff")
	reads := stopKeeper(t, k, stop, id, "PlanPage", func() { k.WritePeople(append(people[:11:11], people[90])...) })
	require.NoError(t, k.Update(api.UpdateApproveRemovals, nil, api.ApproveInput{Rule: "staff", Hash: held.Guard.Hash}))
	r, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, api.SyncCompleted, r.State, "%s", r.Message)
	require.Equal(t, 79, r.Actions[plan.Remove], "%+v", r)
	require.EqualValues(t, 2, reads.Load(), "the tenant is read again once")
	u, ok := k.User("u89")
	require.True(t, ok)
	require.True(t, u.AccountEnabled, "who is back is left alone")
	require.Len(t, pages(t, k, id, "PlanPage"), 2, "the rest of the pages come from the other worker")
}

// The worker that keeps the list of a deletion dies between two pages.
func TestADeletionOutlivesItsWorker(t *testing.T) {
	t.Parallel()
	k, stop := twoWorkers(t)
	k.WritePeople(staff(80)...)
	synced(t, k, deprovisioning(k))
	reads := stopKeeper(t, k, stop, api.DeleteRuleID("contoso", "staff"), "ListedPage", func() {})
	require.NoError(t, k.Update(api.UpdateDeleteRule, nil, api.RuleInput{Rule: "staff", Confirm: "staff"}))
	ctx, cancel := k.Context()
	defer cancel()
	var deleted api.DeleteRuleResult
	require.NoError(t, k.Client.GetWorkflow(ctx, api.DeleteRuleID("contoso", "staff"), "").Get(ctx, &deleted))
	require.Equal(t, 80, deleted.Deprovisioned, "%+v", deleted)
	require.EqualValues(t, 2, reads.Load(), "the tenant is read again once")
}
