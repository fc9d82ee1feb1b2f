package endtoend_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

func creates(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/users")
}

func assigns(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/assignLicense") }

// Answers that leave open whether the account was created: exactly one account comes of each.
func TestLostAnswersMakeNoSecondAccount(t *testing.T) {
	for name, fault := range map[string]simulator.Fault{
		"504 after the commit":           {Status: 504, Commit: true},
		"503 page after the commit":      {Status: 503, Commit: true, Body: "<html>", ContentType: "text/html"},
		"502 before the commit":          {Status: 502},
		"connection reset after commit":  {Commit: true, Reset: true},
		"connection reset before commit": {Reset: true},
	} {
		t.Run(name, func(t *testing.T) {
			k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{ReplicaLag: 300 * time.Millisecond}})
			k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Ann", "Lee", "SPE_E3"))
			k.Simulator.FailNext(creates, fault)
			k.Simulator.FailNext(assigns, fault)
			k.MustApply(k.Config())
			r, err := k.Await("staff")
			require.NoError(t, err)
			require.Equal(t, plan.Counters{Impacted: 1, Success: 1}, r.Counters, "%+v", r.Problems)
			require.Equal(t, map[plan.Action]int{plan.Create: 1}, r.Actions)
			require.Len(t, k.Simulator.State().Tenants[0].Users, 1)
			require.Equal(t, []string{simulator.SKUM365E3}, licenses(k, "ann"))
			require.Zero(t, k.Simulator.Stats().EarlyRetries)
			require.Zero(t, k.Simulator.Stats().OverlappingWrites)
			require.Empty(t, k.Simulator.Stats().ProtocolFaults)
		})
	}
}

// The person's name changes while it is open whether the account was created: still one account, with the new name.
func TestNameChangesBetweenAttempts(t *testing.T) {
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{ReplicaLag: time.Second}})
	k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Ann", "Lee", "SPE_E3"))
	var renamed atomic.Bool
	k.Simulator.OnRequest(func(r *http.Request) {
		if creates(r) && renamed.CompareAndSwap(false, true) {
			k.WritePeople(testkit.Header, testkit.Person("e1", "ann.new", "Ann", "Lee", "SPE_E3"))
		}
	})
	k.Simulator.FailNext(creates, simulator.Fault{Commit: true, Reset: true})
	k.MustApply(k.Config())
	r, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, plan.Counters{Impacted: 1, Success: 1}, r.Counters, "%+v", r.Problems)
	require.Len(t, k.Simulator.State().Tenants[0].Users, 1)
	u, ok := k.User("ann.new")
	require.True(t, ok)
	require.Len(t, u.Licenses, 1)
}

// A second sync, so soon that lists do not show the new account yet, with a changed name: still one account.
func TestSyncSoonAfterCreation(t *testing.T) {
	k := testkit.Start(t, testkit.Options{Pace: 0.1, Simulator: simulator.Options{ReplicaLag: 5 * time.Second}})
	k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Ann", "Lee", ""))
	k.MustApply(k.Config())
	_, err := k.Await("staff")
	require.NoError(t, err)
	// Another worker takes over: what the first remembered must be found in Temporal.
	k.StopWorker()
	k.StartWorker()
	k.WritePeople(testkit.Header, testkit.Person("e1", "ann.new", "Ann", "Lee", ""))
	r := k.MustSync("staff")
	require.Equal(t, plan.Counters{Impacted: 1, Success: 1}, r.Counters, "%+v", r.Problems)
	require.Len(t, k.Simulator.State().Tenants[0].Users, 1)
	_, ok := k.User("ann.new")
	require.True(t, ok)
}

// 429 stops everybody until Retry-After has passed, and nobody is lost.
func TestThrottled(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	lines := []string{testkit.Header}
	for _, id := range strings.Fields("e1 e2 e3 e4 e5 e6 e7 e8") {
		lines = append(lines, testkit.Person(id, id, "A", "B", "SPE_E3"))
	}
	k.WritePeople(lines...)
	for range 3 {
		k.Simulator.FailNext(creates, simulator.Fault{Status: 429, Headers: map[string]string{"Retry-After": "1"},
			Body: `{"error":{"code":"TooManyRequests","message":"Please retry again later.","innerError":{"code":"429"}}}`})
	}
	k.Simulator.FailNext(assigns, simulator.Fault{Status: 429, Body: `{"error":{"code":"UnknownError","message":"This request is throttled."}}`})
	k.MustApply(k.Config())
	r, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, plan.Counters{Impacted: 8, Success: 8}, r.Counters, "%+v", r.Problems)
	require.Len(t, k.Simulator.State().Tenants[0].Users, 8)
	require.Zero(t, k.Simulator.Stats().EarlyRetries)
}
