package workflows_test

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
)

// docs/states.md is parsed here, so that the page and the workflow cannot part.

// transition is one row of the page, for one state and one message.
type transition struct {
	state, message, next string
	also                 []string
	refused              fault.Reason
}

func TestTheConnectionsTransitionsAreThoseOfThePage(t *testing.T) {
	t.Parallel()
	rows := transitions(t, "## Connection")
	requireEveryMessage(t, rows, []string{"new", "invalid", "disabled", "active"},
		[]string{"apply", api.UpdateTest, api.UpdateEnable, api.UpdateDisable, api.UpdateDelete, api.UpdateMoveLink})
	for _, row := range rows {
		t.Run(row.state+"/"+row.message, func(t *testing.T) {
			t.Parallel()
			d := newDrive(t)
			d.toConnectionState(row.state)
			d.check(row, d.connectionState)
		})
	}
}

func TestTheRulesTransitionsAreThoseOfThePage(t *testing.T) {
	t.Parallel()
	rows := transitions(t, "## Rule")
	requireEveryMessage(t, rows, []string{"enabled", "held", "approved", "disabled", "deleting"},
		[]string{api.UpdateEnableRule, api.UpdateDisableRule, api.UpdateDeleteRule, api.UpdateApproveRemovals})
	for _, row := range rows {
		t.Run(row.state+"/"+row.message, func(t *testing.T) {
			t.Parallel()
			d := newDrive(t)
			d.toRuleState(row.state)
			d.check(row, d.ruleState)
		})
	}
}

// requireEveryMessage demands a row for each message in each state, the plain message or a case of it.
func requireEveryMessage(t *testing.T, rows []transition, states, messages []string) {
	t.Helper()
	for _, state := range states {
		for _, message := range messages {
			require.True(t, slices.ContainsFunc(rows, func(r transition) bool {
				return r.state == state && (r.message == message || strings.HasPrefix(r.message, message+","))
			}), "docs/states.md says nothing of %s in state %s", message, state)
		}
	}
}

// transitions reads the table with the columns of a transition that follows a heading.
func transitions(t *testing.T, heading string) []transition {
	t.Helper()
	page, err := os.ReadFile("../docs/states.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(page), "\n"+heading+"\n")
	require.True(t, found, heading)
	section, _, _ = strings.Cut(section, "\n## ")
	_, table, found := strings.Cut(section, "\n| state | message | new state | also | refused with |\n|---|---|---|---|---|\n")
	require.True(t, found, "the table of %s", heading)
	var rows []transition
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		require.Len(t, cells, 5, line)
		for i := range cells {
			cells[i] = strings.ReplaceAll(strings.TrimSpace(cells[i]), "`", "")
		}
		for _, state := range split(cells[0], ",") {
			for _, message := range split(cells[1], ";") {
				next := cells[2]
				if next == "as before" {
					next = state
				}
				rows = append(rows, transition{state, message, next, split(cells[3], ","), fault.Reason(cells[4])})
			}
		}
	}
	require.NotEmpty(t, rows)
	return rows
}

func split(cell, separator string) []string {
	var parts []string
	for part := range strings.SplitSeq(cell, separator) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// check sends the row's message in the state that was reached, and compares everything with the row.
func (d *drive) check(row transition, state func() string) {
	d.step(func() {
		require.Equal(d.t, row.state, state(), "the state to begin with")
		d.effects = nil
	})
	wait := settled
	if row.message == "apply, while its test runs" {
		row.message, wait = "apply, the test passes", testTakes/2
	}
	message, known := messages[row.message]
	require.True(d.t, known, "docs/states.md has the message %q, which this test cannot send", row.message)
	if message.prepare != nil {
		message.prepare(d)
		d.step(func() { d.effects = nil })
	}
	d.step(func() { message.send(d) })
	d.after(wait, func() {
		require.Equal(d.t, row.next, state(), "the new state")
		want := append([]string{}, row.also...)
		slices.Sort(want)
		got := slices.Compact(slices.Sorted(slices.Values(d.effects)))
		if row.next == "untested" {
			got = append(got, "test") // It is under way and not yet noted.
		}
		require.ElementsMatch(d.t, want, got, "what else happens")
		require.Equal(d.t, row.refused, d.refused(), "the refusal: %v", d.err)
	})
	d.run()
}

// refused is the reason of the last update's error.
func (d *drive) refused() fault.Reason {
	if d.err == nil {
		return ""
	}
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(d.err, &already) {
		// The test environment has an error of its own for a child that runs; a server's is recognised by the workflow.
		return ""
	}
	var e *temporal.ApplicationError
	require.True(d.t, errors.As(d.err, &e), "%v", d.err)
	return fault.Reason(e.Type())
}

// The words of the page's other tables are those of the code.
func TestThePageNamesEveryState(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/states.md")
	require.NoError(t, err)
	for _, word := range []string{
		api.StateNew, api.StateUntested, api.StateInvalid, api.StateDisabled, api.StateActive, api.StateDeleted,
		string(api.SyncRunning), string(api.SyncCompleted), string(api.SyncHeld), string(api.SyncStopped),
		string(api.SyncSkipped), string(api.SyncFailed), "Success", "Unsynced", "PartiallySynced", "Failed",
	} {
		require.Contains(t, string(page), "\n| `"+word+"` |")
	}
	for _, code := range regexp.MustCompile("`([a-z]+(?:_[a-z]+)+)`").FindAllStringSubmatch(string(page), -1) {
		require.True(t, fault.Reason(code[1]).Known(), code[1])
	}
}

const (
	// testTakes is how long a connection test takes, in the workflow's time.
	testTakes = 30 * time.Second
	// settled is when everything that follows from a message has happened.
	settled = 10 * time.Minute
)
