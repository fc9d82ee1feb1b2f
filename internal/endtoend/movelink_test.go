package endtoend_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// moveLink sends the update and waits for what it starts.
func moveLink(t *testing.T, k *testkit.Kit, from, to string) (r api.UserResult, err error) {
	t.Helper()
	if err := k.Update(api.UpdateMoveLink, nil, api.MoveLinkInput{User: from, To: to}); err != nil {
		return r, err
	}
	ctx, cancel := k.Context()
	defer cancel()
	err = k.Client.GetWorkflow(ctx, api.MoveLinkID("contoso", from), "").Get(ctx, &r)
	return r, err
}

// A contractor becomes an employee: another id, another name, another license. The old id has left and was disabled. The account, with
// what we did to it, is the new id's from then on, although reads do not show the new link for a while.
func TestALinkMovesToThePersonsNewID(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{}})
	lines := staff(6)
	k.WritePeople(lines...)
	synced(t, k, k.Config())
	before, _ := k.User("u05")

	k.WritePeople(lines[:6]...)
	require.Equal(t, map[plan.Action]int{plan.Remove: 1}, k.MustSync("staff").Actions)
	k.AwaitSynced()

	_, err := moveLink(t, k, "e05", "e77")
	require.Equal(t, fault.PersonNotFound, refusal(t, err), "the new id is not there")
	_, err = moveLink(t, k, "e05", "e05")
	require.Equal(t, fault.SettingsInvalid, refusal(t, err))
	_, err = moveLink(t, k, "e00", "e01")
	require.Equal(t, fault.PersonInScope, refusal(t, err), "the old id has not left")

	k.WritePeople(append(lines[:6:6], testkit.Person("e77", "employee", "Given05", "Married", "SPE_E5"))...)
	_, err = moveLink(t, k, "e99", "e77")
	require.Equal(t, fault.AccountNotFound, refusal(t, err), "nobody has the old id")

	r, err := moveLink(t, k, "e05", "e77")
	require.NoError(t, err)
	require.Equal(t, plan.Success, r.Outcome, "%+v", r)
	after, ok := k.User("employee")
	require.True(t, ok)
	require.Equal(t, before.ID, after.ID)
	require.True(t, after.AccountEnabled, "we had disabled it")
	require.Equal(t, "contoso/staff/e77", after.Properties[property("entraflowLink")])
	require.Len(t, after.Licenses, 1)
	require.Equal(t, "SPE_E5", after.Licenses[0].SkuPartNumber)

	again := k.MustSync("staff")
	require.Equal(t, plan.Counters{Impacted: 6, Success: 6}, again.Counters)
	require.Empty(t, again.Actions)
	_, err = moveLink(t, k, "e05", "e77")
	require.Equal(t, fault.LinkTargetTaken, refusal(t, err), "it has moved already")
	k.ReplayAll()
}
