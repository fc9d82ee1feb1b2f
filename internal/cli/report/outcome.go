// Package report says how syncs ended, in a table and words for people and as JSON for machines.
package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/terminal"
)

// Outcome is how one sync ended. Its JSON is fixed in its counters; more fields may come.
type Outcome struct {
	api.SyncResult
	WorkflowID string `json:"workflowId,omitempty"`
	RunID      string `json:"runId,omitempty"`
	// URL is the sync's page in the Web UI.
	URL string `json:"url,omitempty"`
}

// Outcomes is the JSON of sync and up.
type Outcomes struct {
	Connection string    `json:"connection"`
	Rules      []Outcome `json:"rules"`
}

// PrintOutcomes prints how syncs ended. The error names those that did not complete.
func PrintOutcomes(a *session.Session, connection string, list []Outcome) error {
	var b strings.Builder
	b.WriteString(countersText(list))
	for _, o := range list {
		b.WriteString(outcomeText(o))
	}
	if err := a.Print(Outcomes{Connection: connection, Rules: list}, b.String()); err != nil {
		return err
	}
	return unfinished(list)
}

// unfinished names the syncs that did not do all they planned. People who failed are in the counters and no reason.
func unfinished(list []Outcome) error {
	var names []string
	next := "mend the cause, then: starter sync"
	for _, o := range list {
		if o.State == api.SyncCompleted {
			continue
		}
		name := o.Rule + " " + string(o.State)
		if o.Reason != "" {
			name += " (" + string(o.Reason) + ")"
		}
		names = append(names, name)
		if o.State == api.SyncHeld {
			next = "look at the people listed as held; if all of them are right: " + ApproveHash(o.Connection, o.Rule, HeldHash(api.SyncSummary{Guard: o.Guard, GroupGuard: o.GroupGuard}))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return session.Incomplete(next, "not every sync completed: %s", session.Listed(names))
}

// countersText is the table of all rules.
func countersText(list []Outcome) string {
	table := terminal.Table{
		Header: []string{"RULE", "SYNC", "IMPACTED", "SUCCESS", "UNSYNCED", "PARTIAL", "FAILED", "HELD", "LEFT", "WRITTEN"},
		Right:  []int{2, 3, 4, 5, 6, 7, 8, 9},
	}
	for _, o := range list {
		table.Row(o.Rule, string(o.State), strconv.Itoa(o.Impacted), strconv.Itoa(o.Success), strconv.Itoa(o.Unsynced),
			strconv.Itoa(o.PartiallySynced), strconv.Itoa(o.Failed), strconv.Itoa(o.Held), strconv.Itoa(o.ToDeprovision), strconv.Itoa(o.Done))
	}
	return table.String()
}

// maxNamed is how many people each list of a summary names.
const maxNamed = 15

// outcomeText says of one sync what was done, and why what was not.
func outcomeText(o Outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nrule %s: %s\n", o.Rule, cmp.Or(o.Message, string(o.State)))
	if len(o.Actions) > 0 {
		var parts []string
		for _, action := range slices.Sorted(maps.Keys(o.Actions)) {
			parts = append(parts, fmt.Sprintf("%s %d", action, o.Actions[action]))
		}
		fmt.Fprintf(&b, "  done: %s\n", strings.Join(parts, ", "))
	}
	if o.Held > 0 {
		fmt.Fprintf(&b, "  held: %s would lose something (%d linked, %d allowed at a time): %s\n",
			plan.People(o.Held), o.Guard.Linked, o.Guard.Allowed, cmp.Or(o.Guard.Reason.Sentence(), "held"))
		b.WriteString(NotesText(o.HeldList, o.Held))
	}
	b.WriteString(ReasonsText(o.Reasons))
	if len(o.Problems) > 0 {
		b.WriteString("  people to look at:\n")
		b.WriteString(NotesText(o.Problems, o.Failed+o.PartiallySynced))
	}
	if o.ToDeprovision > 0 {
		fmt.Fprintf(&b, "  left the source or the filter: %s\n", named(o.DeprovisionList, o.ToDeprovision))
	}
	if len(o.Doubtful) > 0 {
		b.WriteString("  in doubt, so nothing was done about them:\n")
		b.WriteString(NotesText(o.Doubtful, len(o.Doubtful)))
	}
	b.WriteString(groupsText(o))
	if o.URL != "" {
		fmt.Fprintf(&b, "  %s\n", o.URL)
	}
	return b.String()
}

// ReasonsText explains each reason, the most frequent first.
func ReasonsText(reasons map[fault.Reason]int) string {
	if len(reasons) == 0 {
		return ""
	}
	keys := slices.Sorted(maps.Keys(reasons))
	slices.SortStableFunc(keys, func(x, y fault.Reason) int { return reasons[y] - reasons[x] })
	table := terminal.Table{Indent: "    ", Right: []int{0}}
	for _, r := range keys {
		table.Row(strconv.Itoa(reasons[r]), string(r), r.Sentence())
	}
	return "  why not success:\n" + table.String()
}

// aboutText is what a note is about, with the request that Microsoft's support asks for where nobody knows the answer.
func aboutText(n api.PersonNote) string {
	if n.Reason != fault.UnexpectedAnswer || n.RequestID == "" {
		return n.Subject
	}
	return strings.TrimSpace(n.Subject + " request id " + n.RequestID)
}

// NotesText names the first people of a list.
func NotesText(list []api.PersonNote, total int) string {
	table := terminal.Table{Indent: "    "}
	for _, n := range list[:min(len(list), maxNamed)] {
		table.Row(n.User, cmp.Or(string(n.Outcome), string(n.Action)), string(n.Reason), aboutText(n))
	}
	text := table.String()
	if more := total - len(table.Rows); more > 0 {
		text += fmt.Sprintf("    and %d more\n", more)
	}
	return text
}

// named lists the first people by id.
func named(ids []string, total int) string {
	shown := ids[:min(len(ids), maxNamed)]
	text := strings.Join(shown, ", ")
	if more := total - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Counted lists counts by name, the largest first.
func Counted[K ~string](m map[K]int) string {
	keys := slices.Sorted(maps.Keys(m))
	slices.SortStableFunc(keys, func(x, y K) int { return m[y] - m[x] })
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = fmt.Sprintf("%s %d", k, m[k])
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
