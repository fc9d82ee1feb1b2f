package endtoend_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/simulator"
)

// Permissions withdrawn in the middle: the sync stops instead of failing everybody, the connection becomes invalid, and a
// successful test resumes.
func TestWithdrawnPermissionsStopTheSyncAndATestResumesIt(t *testing.T) {
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{Latency: 20 * time.Millisecond}})
	k.WritePeople(staff(1)...)
	c := k.Config()
	synced(t, k, c)
	lines := []string{testkit.Header}
	for i := range 200 {
		lines = append(lines, testkit.Person(fmt.Sprintf("e%02d", i), fmt.Sprintf("u%02d", i), fmt.Sprintf("Given%02d", i), fmt.Sprintf("Family%02d", i), ""))
	}
	k.WritePeople(lines...)
	k.Simulator.Mutate(func(tenant *simulator.Tenant) {
		tenant.SetRoles(simulator.DefaultClientID, "Organization.Read.All", "Group.ReadWrite.All", "User.Read.All")
	})
	// A worker that starts now gets a token without the permission.
	k.StopWorker()
	k.StartWorker()
	broken, err := k.Sync("staff")
	require.Error(t, err, "%+v", broken)
	require.Equal(t, fault.PermissionDenied, refusal(t, err))
	require.Less(t, k.Simulator.Stats().Requests["POST /users"], 200, "nobody else was started")
	require.Eventually(t, func() bool { return k.Describe().State == api.StateInvalid }, 10*time.Second, 10*time.Millisecond)
	_, err = k.Sync("staff")
	require.Error(t, err)
	require.Equal(t, fault.ConnectionInvalid, refusal(t, err), "a sync that begins just now says why it does nothing")

	k.Simulator.Mutate(func(tenant *simulator.Tenant) {
		tenant.SetRoles(simulator.DefaultClientID, "Application.ReadWrite.All", "Organization.Read.All", "Group.ReadWrite.All", "User.ReadWrite.All")
	})
	k.StopWorker()
	k.StartWorker()
	require.NoError(t, k.Update(api.UpdateTest, nil))
	r, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, 200, r.Success)
}
