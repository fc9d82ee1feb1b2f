//go:build linux && !race

package expression_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The hostile expressions are refused in a process that has 2 GB of address space, with little CPU: what the counters of
// TestWorkIsBounded miss would end this process. The race detector needs more address space than that.
func TestHostileExpressionsInASmallProcess(t *testing.T) {
	t.Parallel()
	child := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -v 2097152 && ulimit -t 60 && exec "$0" "$@"`,
		os.Args[0], "-test.run=^TestWorkIsBounded$", "-test.v")
	out, err := child.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: TestWorkIsBounded")
	cpu := child.ProcessState.UserTime() + child.ProcessState.SystemTime()
	t.Log("CPU of the child:", cpu)
	require.Less(t, cpu, 3*time.Second)
}
