package terminal_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/terminal"
)

func TestProgressStaysOnOneLineOfATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	term := &terminal.Terminal{W: &out, Live: true, Columns: 10}
	term.Progress("planning")
	term.Progress("creating 120 of 230")
	term.Sayf("staff: %s", "completed")
	term.Clear()
	require.Equal(t, "planning\r\x1b[Kcreating …\r\x1b[Kstaff: completed\n", out.String())
}

func TestProgressElsewhereIsALineNowAndThen(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	term := &terminal.Terminal{W: &out, Now: func() time.Time { return now }}
	term.Progress("one")
	now = now.Add(4 * time.Second)
	term.Progress("too soon")
	now = now.Add(time.Second)
	term.Progress("two")
	term.Print("table\n")
	require.Equal(t, "one\ntwo\ntable\n", out.String())
}

func TestWhatComesFromOutsideCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	require.Equal(t, "E1\uFFFD[2J", terminal.Printable("E1\x1b[2J"))
	require.Equal(t, "Zoë\tÅ", terminal.Printable("Zoë\tÅ"))
}

func TestAFileIsNoTerminal(t *testing.T) {
	t.Parallel()
	f, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer f.Close()
	require.False(t, terminal.IsLive(f))
	require.False(t, terminal.IsLive(&bytes.Buffer{}))
}

func TestTablesAreAligned(t *testing.T) {
	t.Parallel()
	table := terminal.Table{Header: []string{"RULE", "FAILED", "WHY"}, Right: []int{1}, Indent: "  "}
	table.Row("staff", "5", "")
	table.Row("Zoë", "1234567", "two\nlines")
	table.Row("short")
	require.Equal(t, ""+
		"  RULE    FAILED  WHY\n"+
		"  staff        5\n"+
		"  Zoë    1234567  two lines\n"+
		"  short\n", table.String())
}
