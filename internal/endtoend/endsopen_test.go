package endtoend_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
)

// Many exports never end their last line. A file that ends so is only a sign of having been cut where the one before did not.
func TestAFileThatNeverEndsItsLastLine(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	open := func(lines []string) { k.WriteRaw("people.csv", strings.Join(lines, "\n")) }
	open(staff(6))
	synced(t, k, k.Config())
	require.True(t, k.Describe().Rules[0].EndsOpen)

	open(staff(5))
	r := k.MustSync("staff")
	require.Equal(t, api.SyncCompleted, r.State, r.Message)
	gone, found := k.User("u05")
	require.True(t, found)
	require.False(t, gone.AccountEnabled, "a leaver of such a file is a leaver")
	k.AwaitSynced()

	// The export now ends its lines; afterwards one that does not is in doubt.
	k.WritePeople(staff(5)...)
	k.MustSync("staff")
	k.AwaitSynced()
	require.False(t, k.Describe().Rules[0].EndsOpen)
	open(staff(4))
	r, err := k.Sync("staff")
	require.NoError(t, err)
	require.Equal(t, api.SyncHeld, r.State)
	require.Equal(t, fault.SourceEndUnknown, r.Guard.Reason)
	kept, _ := k.User("u04")
	require.True(t, kept.AccountEnabled)
	k.AwaitSynced()
	r, err = k.Sync("staff")
	require.NoError(t, err)
	require.Equal(t, api.SyncHeld, r.State, "the same file is no less in doubt the next time")
}
