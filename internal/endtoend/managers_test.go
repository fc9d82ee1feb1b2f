package endtoend_test

import (
	"net/http"
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
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/source/file"
)

const (
	managerHeader = testkit.Header + ",manager"
	putManager    = "PUT /users/{id}/manager/$ref"
	deleteManager = "DELETE /users/{id}/manager/$ref"
)

// managed is a connection whose rule maps the column manager.
func managed(k *testkit.Kit) config.Connection {
	c := k.Config()
	c.Rules[0].Mappings[directory.Manager] = config.Mapping{Expression: "user.manager"}
	return c
}

// reports is a line of people.csv.
func reports(id, manager string) string {
	return testkit.Person(id, id, id, "Lee", "SPE_E3") + "," + manager
}

// managerOf is the user name of a person's manager, "" when there is none.
func managerOf(t *testing.T, k *testkit.Kit, name string) string {
	t.Helper()
	u, ok := k.User(name)
	require.True(t, ok, name)
	if u.Manager == "" {
		return ""
	}
	for _, m := range k.Simulator.State().Tenants[0].Users {
		if m.ID == u.Manager {
			manager, _, _ := strings.Cut(m.UserPrincipalName, "@")
			return manager
		}
	}
	return "gone"
}

// A company in one file: managers who are created by the same sync are set by its second plan, whatever the order. A sync
// after that writes nothing.
func TestManagersOfOneFile(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(managerHeader, reports("ann", "cat"), reports("bob", "ann"), reports("cat", ""), reports("dan", "CAT@contoso.com"), reports("eve", "nobody"), reports("fay", "fay"))
	k.MustApply(managed(k))
	r, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, plan.Counters{Impacted: 6, Success: 4, PartiallySynced: 2}, r.Counters)
	require.Equal(t, map[plan.Action]int{plan.Create: 6, plan.Update: 3}, r.Actions)
	require.Equal(t, map[fault.Reason]int{fault.ManagerNotFound: 1, fault.ManagerIsSelf: 1}, r.Reasons)
	require.Equal(t, 6, r.Planned)
	require.Equal(t, 6, r.Done)
	stats := k.Simulator.Stats()
	require.Equal(t, 6, stats.Requests["POST /users"])
	require.Equal(t, 3, stats.Requests[putManager])
	require.Zero(t, stats.WastedWrites)
	require.Zero(t, stats.Requests["PATCH /users/{id}"], "a manager is no reason to write to the account")
	require.Empty(t, stats.ProtocolFaults)
	for name, manager := range map[string]string{"ann": "cat", "bob": "ann", "cat": "", "dan": "cat", "eve": "", "fay": ""} {
		require.Equal(t, manager, managerOf(t, k, name), name)
	}

	k.AwaitSynced()
	k.Simulator.ResetStats()
	again := k.MustSync("staff")
	require.Zero(t, again.Planned)
	require.Equal(t, plan.Counters{Impacted: 6, Success: 4, PartiallySynced: 2}, again.Counters)
	require.Zero(t, k.Simulator.Stats().Writes)

	// Changed, cleared, and somebody who appears at last; nobody else is written to.
	k.WritePeople(managerHeader, reports("ann", ""), reports("bob", "cat"), reports("cat", ""), reports("dan", "cat@contoso.com"), reports("eve", "nobody"), reports("fay", "gus"), reports("gus", "cat"), reports("nobody", ""))
	k.Simulator.ResetStats()
	r = k.MustSync("staff")
	require.Equal(t, plan.Counters{Impacted: 8, Success: 8}, r.Counters, "%+v", r.Problems)
	require.Equal(t, map[plan.Action]int{plan.Create: 2, plan.Update: 4}, r.Actions)
	require.Equal(t, 4, k.Simulator.Stats().Requests[putManager], "bob, gus, and in the second pass eve and fay")
	require.Equal(t, 1, k.Simulator.Stats().Requests[deleteManager])
	require.Zero(t, k.Simulator.Stats().WastedWrites)
	for name, manager := range map[string]string{"ann": "", "bob": "cat", "eve": "nobody", "fay": "gus", "gus": "cat"} {
		require.Equal(t, manager, managerOf(t, k, name), name)
	}
	gus := k.History(api.UserID("contoso", "gus"), "")
	require.NotContains(t, gus, "contoso.com", "a history names nobody")

	// What the mapping does not say is left alone.
	k.AwaitSynced()
	k.Simulator.ResetStats()
	k.MustApply(k.Config())
	r, err = k.Await("staff")
	require.NoError(t, err)
	require.Zero(t, r.Planned)
	require.Zero(t, k.Simulator.Stats().Writes)
	require.Equal(t, "cat", managerOf(t, k, "bob"))
}

// A manager who leaves stays the manager while the account is there, though disabled. In the recycle bin nobody is a
// manager, and comes back as one.
func TestManagerLeaves(t *testing.T) {
	for _, action := range []string{config.RemoveDisable, config.RemoveDelete} {
		t.Run(action, func(t *testing.T) {
			k := testkit.Start(t, testkit.Options{})
			c := managed(k)
			c.Preferences.RemoveAction = action
			everybody := []string{managerHeader, reports("ann", "cat"), reports("bob", "cat"), reports("cat", "")}
			k.WritePeople(everybody...)
			synced(t, k, c)
			k.WritePeople(everybody[:3]...)
			k.Simulator.ResetStats()
			r := k.MustSync("staff")
			require.Equal(t, map[plan.Action]int{plan.Remove: 1}, r.Actions, "%+v", r.Problems)
			require.Zero(t, k.Simulator.Stats().Requests[putManager]+k.Simulator.Stats().Requests[deleteManager])
			k.AwaitSynced()
			k.Simulator.ResetStats()
			r = k.MustSync("staff")
			require.Zero(t, k.Simulator.Stats().Writes, "%+v", r)
			if action == config.RemoveDelete {
				require.Equal(t, 2, r.Reasons[fault.ManagerNotFound])
			} else {
				require.Equal(t, 2, r.Success)
				require.Equal(t, "cat", managerOf(t, k, "ann"))
			}

			k.AwaitSynced()
			k.WritePeople(everybody...)
			r = k.MustSync("staff")
			require.Equal(t, plan.Counters{Impacted: 3, Success: 3}, r.Counters, "%+v", r.Problems)
			require.Equal(t, "cat", managerOf(t, k, "ann"))
			require.Equal(t, "cat", managerOf(t, k, "bob"))
			require.Zero(t, k.Simulator.Stats().WastedWrites)
			k.AwaitSynced()
			require.Zero(t, k.MustSync("staff").Planned)
		})
	}
}

// One person by hand gets the manager, too: found by link under any rule, by name, or because the account was made a
// moment ago; and without allowUpdate not.
func TestManagerOnDemand(t *testing.T) {
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{ReplicaLag: 200 * time.Millisecond}})
	c := managed(k)
	bosses := c.Rules[0]
	bosses.Name, bosses.Source.Settings = "bosses", file.At(k.WriteSource("bosses.csv", managerHeader, reports("cat", "")))
	c.Rules = append(c.Rules, bosses)
	k.WritePeople(managerHeader, reports("ann", ""))
	k.MustApply(c)

	provision := func(id, manager string) api.UserResult {
		t.Helper()
		k.WritePeople(managerHeader, reports(id, manager))
		k.Simulator.ResetStats()
		r, err := k.Provision(id)
		require.NoError(t, err)
		return r
	}
	r := provision("ann", "cat")
	require.Equal(t, plan.Update, r.Action, r.Message)
	require.Equal(t, []string{directory.Manager}, r.Attributes)
	require.Equal(t, plan.Success, r.Outcome)
	require.Equal(t, 1, k.Simulator.Stats().Writes)
	require.Equal(t, "cat", managerOf(t, k, "ann"))
	require.Eventually(t, func() bool { return provision("ann", "cat").Action == plan.None }, 10*time.Second, 50*time.Millisecond)
	require.Zero(t, k.Simulator.Stats().Writes)

	r = provision("bob", "")
	require.Equal(t, plan.Create, r.Action)
	r = provision("ann", "bob")
	require.Equal(t, plan.Success, r.Outcome, r.Message)
	require.Equal(t, "bob", managerOf(t, k, "ann"))
	r = provision("dan", "Cat@contoso.com")
	require.Equal(t, plan.Create, r.Action)
	require.Equal(t, plan.Success, r.Outcome, r.Message)
	require.Equal(t, "cat", managerOf(t, k, "dan"))
	r = provision("ann", "")
	require.Equal(t, []string{directory.Manager}, r.Attributes, r.Message)
	require.Empty(t, managerOf(t, k, "ann"))
	for manager, reason := range map[string]fault.Reason{"nobody": fault.ManagerNotFound, "nobody@contoso.com": fault.ManagerNotFound, "not a name@": fault.ManagerNotFound, "ann": fault.ManagerIsSelf} {
		r = provision("ann", manager)
		require.Equal(t, plan.None, r.Action, manager)
		require.Equal(t, plan.PartiallySynced, r.Outcome, manager)
		require.Equal(t, reason, r.Reason, manager)
		require.Zero(t, k.Simulator.Stats().Writes)
	}

	c.Preferences.AllowUpdate = false
	k.MustApply(c)
	r = provision("ann", "cat")
	require.Equal(t, plan.None, r.Action)
	require.Equal(t, fault.UpdateNotAllowed, r.Reason)
	require.Empty(t, managerOf(t, k, "ann"))
}

// Answers about the manager that are lost, and servers that do not know the manager yet: it is set once. One who is gone
// for good leaves the person partly synced, and the rest done.
func TestManagerAccidents(t *testing.T) {
	setting := func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/manager/$ref")
	}
	unknown := simulator.Fault{Status: 404, Body: `{"error":{"code":"Request_ResourceNotFound","message":"Resource 'x' does not exist or one of its queried reference-property objects are not present."}}`}
	reference := simulator.Fault{Status: 400, Body: `{"error":{"code":"Request_BadRequest","message":"The source resource object or one of the objects being referenced don't exist."}}`}
	for name, tt := range map[string]struct {
		fault  simulator.Fault
		times  int
		wanted plan.Outcome
		reason fault.Reason
	}{
		"lost after the commit":    {simulator.Fault{Commit: true, Reset: true}, 1, plan.Success, ""},
		"504 after the commit":     {simulator.Fault{Status: 504, Commit: true}, 1, plan.Success, ""},
		"lost before the commit":   {simulator.Fault{Reset: true}, 2, plan.Success, ""},
		"not known yet":            {unknown, 3, plan.Success, ""},
		"reference not known yet":  {reference, 3, plan.Success, ""},
		"never known":              {unknown, 100, plan.PartiallySynced, fault.ManagerNotFound},
		"reference never known":    {reference, 100, plan.PartiallySynced, fault.ManagerNotFound},
		"refused for this account": {simulator.Fault{Status: 403, Body: `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation."}}`}, 1, plan.PartiallySynced, fault.AccountProtected},
	} {
		t.Run(name, func(t *testing.T) {
			k := testkit.Start(t, testkit.Options{Pace: 0.002})
			k.WritePeople(managerHeader, reports("ann", "cat"), reports("cat", ""))
			for range tt.times {
				k.Simulator.FailNext(setting, tt.fault)
			}
			k.MustApply(managed(k))
			r, err := k.Await("staff")
			require.NoError(t, err)
			require.Equal(t, 2, r.Impacted)
			require.Zero(t, r.Failed)
			require.Equal(t, tt.reason == "", r.PartiallySynced == 0, "%+v", r.Problems)
			if tt.reason != "" {
				require.Equal(t, map[fault.Reason]int{tt.reason: 1}, r.Reasons)
				require.Equal(t, map[plan.Action]int{plan.Create: 2}, r.Actions, "nothing was updated")
				return
			}
			require.Equal(t, "cat", managerOf(t, k, "ann"))
			require.Zero(t, k.Simulator.Stats().WastedWrites)
			require.Len(t, licenses(k, "ann"), 1)
		})
	}
}

// Lists that lag behind by more than a sync takes: managers created by the sync are set by it or by the next.
func TestManagersUnderLag(t *testing.T) {
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{ReplicaLag: 700 * time.Millisecond}})
	k.WritePeople(managerHeader, reports("ann", "cat"), reports("bob", "ann"), reports("cat", ""))
	synced(t, k, managed(k))
	require.Eventually(t, func() bool {
		r := k.MustSync("staff")
		k.AwaitSynced()
		return r.Planned == 0 && r.Success == 3
	}, 30*time.Second, 100*time.Millisecond)
	require.Equal(t, "cat", managerOf(t, k, "ann"))
	require.Equal(t, "ann", managerOf(t, k, "bob"))
	require.Len(t, k.Simulator.State().Tenants[0].Users, 3)
}
