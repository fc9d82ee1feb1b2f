package session_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/terminal"
)

// Names and messages that a command prints come from outside, and steer no terminal.
func TestWhatIsPrintedCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := &session.Session{Stdout: &out, Notes: &terminal.Terminal{W: io.Discard}}
	require.NoError(t, a.Print(nil, "E1\x1b[2J\u009b2J\tZoë\u00a0\n"))
	require.Equal(t, "E1\uFFFD[2J\uFFFD2J\tZoë\u00a0\n", out.String())
}
