package activities_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// Somebody was created a moment ago, no read shows it yet, the worker that did it is gone, and the person has another name
// by now: the next sync must find the account and not make a second one.
func TestPlannedCreationFindsAnAccountThatNoReadShowsYet(t *testing.T) {
	t.Parallel()
	for _, by := range []struct {
		name   string
		create func(t *testing.T, k *testkit.Kit)
	}{
		{"created by a sync", func(t *testing.T, k *testkit.Kit) { k.MustSync("staff") }},
		{"created on demand", func(t *testing.T, k *testkit.Kit) {
			_, err := k.Provision("p1")
			require.NoError(t, err)
		}},
	} {
		t.Run(by.name, func(t *testing.T) {
			t.Parallel()
			k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{RandomSeed: 2, ReplicaLag: 15 * time.Second}})
			k.WritePeople(testkit.Header)
			require.Equal(t, api.Valid, k.MustApply(k.Config()).Validity)

			k.WritePeople(testkit.Header, testkit.Person("p1", "before", "Ann", "Lee", ""))
			by.create(t, k)
			k.StopWorker()
			k.StartWorker()
			k.WritePeople(testkit.Header, testkit.Person("p1", "after", "Ann", "Lee", ""))
			result := k.MustSync("staff")

			require.Equal(t, plan.Counters{Impacted: 1, Success: 1}, result.Counters, "%+v", result)
			oneAccount(t, k, "after@contoso.com")
		})
	}
}

// Somebody terminates a person's run while the request that creates the account is on its way, and the person gets another
// name: until reads are sure to show what came of it, no second account is made.
func TestARunThatWasTerminatedInTheMiddleOfACreationLeavesOneAccount(t *testing.T) {
	t.Parallel()
	k := losing(t, func(k *testkit.Kit) {
		ctx, cancel := k.Context()
		defer cancel()
		_ = k.Client.TerminateWorkflow(ctx, api.UserID("contoso", "p1"), "", "by hand")
	})
	cut, err := k.Sync("staff")
	require.NoError(t, err)
	require.Equal(t, map[fault.Reason]int{fault.Stopped: 1}, cut.Reasons)
	k.StopWorker()
	k.StartWorker()
	k.WritePeople(testkit.Header, testkit.Person("p1", "after", "Ann", "Lee", ""))
	result := k.MustSync("staff")

	require.Equal(t, plan.Counters{Impacted: 1, Success: 1}, result.Counters, "%+v", result)
	oneAccount(t, k, "after@contoso.com")
}

// A run that created the account and was cancelled before it could say so at its end is found as well.
func TestAnAccountOfARunThatEndedBadlyIsFound(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{RandomSeed: 2, ReplicaLag: 15 * time.Second}})
	k.WritePeople(testkit.Header)
	require.Equal(t, api.Valid, k.MustApply(k.Config()).Validity)
	k.WritePeople(testkit.Header, testkit.Person("p1", "before", "Ann", "Lee", "SPE_E3"))
	k.Simulator.OnRequest(func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/assignLicense") {
			ctx, cancel := k.Context()
			defer cancel()
			_ = k.Client.TerminateWorkflow(ctx, api.UserID("contoso", "p1"), "", "by hand")
		}
	})
	_, err := k.Sync("staff")
	require.NoError(t, err)
	k.Simulator.OnRequest(nil)
	k.StopWorker()
	k.StartWorker()
	k.WritePeople(testkit.Header, testkit.Person("p1", "after", "Ann", "Lee", "SPE_E3"))
	result := k.MustSync("staff")

	require.Equal(t, 1, result.Success, "%+v", result)
	users := k.Simulator.State().Tenants[0].Users
	require.Len(t, users, 1, "one person, one account")
	require.Len(t, users[0].Licenses, 1)
}

// losing is a tenant that carries the next creation out and loses the answer, once, and calls back before.
func losing(t *testing.T, before func(k *testkit.Kit)) *testkit.Kit {
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{RandomSeed: 2, ReplicaLag: 15 * time.Second}})
	k.WritePeople(testkit.Header)
	require.Equal(t, api.Valid, k.MustApply(k.Config()).Validity)
	k.WritePeople(testkit.Header, testkit.Person("p1", "before", "Ann", "Lee", ""))
	creation := func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Path == "/v1.0/users" }
	k.Simulator.FailNext(creation, simulator.Fault{Commit: true, Reset: true})
	var once sync.Once
	k.Simulator.OnRequest(func(r *http.Request) {
		if creation(r) {
			once.Do(func() { before(k) })
		}
	})
	return k
}

// The answer to a creation is lost, and then the person cannot be judged any more: that the run failed does not mean that it
// created nothing.
func TestARunThatFailedAfterALostAnswerLeavesOneAccount(t *testing.T) {
	t.Parallel()
	k := losing(t, func(k *testkit.Kit) { k.WritePeople(testkit.Header, "p1,before,Ann,Lee,US,,perhaps,Sales") })
	cut, err := k.Sync("staff")
	require.NoError(t, err)
	require.Equal(t, map[fault.Reason]int{fault.EnabledUnreadable: 1}, cut.Reasons)
	k.StopWorker()
	k.StartWorker()
	k.WritePeople(testkit.Header, testkit.Person("p1", "after", "Ann", "Lee", ""))
	result := k.MustSync("staff")
	require.Equal(t, plan.Counters{Impacted: 1, Success: 1}, result.Counters, "%+v", result)
	oneAccount(t, k, "after@contoso.com")
}

// The answer to a creation is lost while somebody gives everybody other names: what the attempt knows is not forgotten with
// the plan.
func TestSettingsThatChangeAfterALostAnswerLeaveOneAccount(t *testing.T) {
	t.Parallel()
	k := losing(t, func(k *testkit.Kit) {
		c := k.Config()
		c.Rules[0].Mappings["userPrincipalName"] = config.Mapping{Expression: `"x." + user.username + "@contoso.com"`}
		_, _ = k.Apply(c)
	})
	result := k.MustSync("staff")
	require.Equal(t, 1, result.Success, "%+v", result)
	k.MustSync("staff")
	oneAccount(t, k, "x.before@contoso.com")
}

// oneAccount demands that the tenant has one account, under this name.
func oneAccount(t *testing.T, k *testkit.Kit, upn string) {
	t.Helper()
	users := k.Simulator.State().Tenants[0].Users
	require.Len(t, users, 1, "one person, one account")
	require.Equal(t, upn, users[0].UserPrincipalName)
}
