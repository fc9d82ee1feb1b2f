package endtoend_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/simulator"
)

// A license is swapped, and the answer to the last of the three writes, that of the mark, is lost: the next attempt reads
// once and has nothing to write.
func TestLostAnswerToTheFinalMark(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(testkit.Header, testkit.Person("1", "ann", "Ann", "Lee", "SPE_E3"))
	synced(t, k, k.Config())

	k.Simulator.ResetStats()
	var patches atomic.Int32
	k.Simulator.FailNext(func(r *http.Request) bool { return r.Method == http.MethodPatch && patches.Add(1) == 2 },
		simulator.Fault{Status: 504, Commit: true})
	k.WritePeople(testkit.Header, testkit.Person("1", "ann", "Ann", "Lee", "SPE_E5"))
	require.Equal(t, 1, k.MustSync("staff").Counters.Success)
	require.Equal(t, []string{simulator.SKUM365E5}, licenses(k, "ann"))
	stats := k.Simulator.Stats()
	require.Zero(t, stats.WastedWrites)
	require.Equal(t, 2, stats.Requests["PATCH /users/{id}"], "the mark of both licenses, and that of the new one")
	require.Equal(t, 1, stats.Requests["POST /users/{id}/assignLicense"])
	require.Equal(t, 3, stats.Requests["GET /users/{id}"], "one for each of the three attempts")
}
