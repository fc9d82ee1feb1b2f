package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/terminal"
)

// outcome is how one sync ended. Its JSON is fixed in its counters; more fields may come.
type outcome struct {
	api.SyncResult
	WorkflowID string `json:"workflowId,omitempty"`
	RunID      string `json:"runId,omitempty"`
	// URL is the sync's page in the Web UI.
	URL string `json:"url,omitempty"`
}

// outcomes is the JSON of sync and up.
type outcomes struct {
	Connection string    `json:"connection"`
	Rules      []outcome `json:"rules"`
}

// started is the JSON of a sync that is not waited for.
type started struct {
	Connection string       `json:"connection"`
	Rules      []startedRun `json:"rules"`
}

type startedRun struct {
	Rule       string `json:"rule"`
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	// Joined: it was running already and plans once more.
	Joined bool   `json:"joined,omitempty"`
	URL    string `json:"url,omitempty"`
}

func (a *app) printStarted(t *link, connection string, runs []syncRun) error {
	result := started{Connection: connection}
	var b strings.Builder
	for _, r := range runs {
		url := t.workflowURL(r.id)
		result.Rules = append(result.Rules, startedRun{Rule: r.rule, WorkflowID: r.id, RunID: r.run, Joined: r.joined, URL: url})
		verb := "started"
		if r.joined {
			verb = "was running and plans once more"
		}
		fmt.Fprintf(&b, "rule %s: %s %s %s\n", r.rule, r.id, verb, url)
	}
	return a.print(result, b.String())
}

// printOutcomes prints how syncs ended. The error names those that did not complete.
func (a *app) printOutcomes(connection string, list []outcome) error {
	var b strings.Builder
	b.WriteString(countersText(list))
	for _, o := range list {
		b.WriteString(outcomeText(o))
	}
	if err := a.print(outcomes{Connection: connection, Rules: list}, b.String()); err != nil {
		return err
	}
	return unfinished(list)
}

// unfinished names the syncs that did not do all they planned. People who failed are in the counters and no reason.
func unfinished(list []outcome) error {
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
			next = "look at the people listed as held; if all of them are right: " + approveCommand(o.Connection, o.Rule, o.Guard)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return incomplete(next, "not every sync completed: %s", listed(names))
}

// countersText is the table of all rules.
func countersText(list []outcome) string {
	table := terminal.Table{
		Header: []string{"RULE", "SYNC", "IMPACTED", "SUCCESS", "UNSYNCED", "PARTIAL", "FAILED", "HELD", "LEFT", "WRITTEN"},
		Right:  []int{2, 3, 4, 5, 6, 7, 8, 9},
	}
	for _, o := range list {
		table.Row(o.Rule, string(o.State), number(o.Impacted), number(o.Success), number(o.Unsynced),
			number(o.PartiallySynced), number(o.Failed), number(o.Held), number(o.ToDeprovision), number(o.Done))
	}
	return table.String()
}

// maxNamed is how many people each list of a summary names.
const maxNamed = 15

// outcomeText says of one sync what was done, and why what was not.
func outcomeText(o outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nrule %s: %s\n", o.Rule, or(o.Message, string(o.State)))
	if len(o.Actions) > 0 {
		var parts []string
		for _, action := range slices.Sorted(maps.Keys(o.Actions)) {
			parts = append(parts, fmt.Sprintf("%s %d", action, o.Actions[action]))
		}
		fmt.Fprintf(&b, "  done: %s\n", strings.Join(parts, ", "))
	}
	if o.Held > 0 {
		fmt.Fprintf(&b, "  held: %d people would lose something (%d linked, %d allowed at a time): %s\n",
			o.Held, o.Guard.Linked, o.Guard.Allowed, or(o.Guard.Reason.Sentence(), "held"))
		b.WriteString(notesText(o.HeldList, o.Held))
	}
	b.WriteString(reasonsText(o.Reasons))
	if len(o.Problems) > 0 {
		b.WriteString("  people to look at:\n")
		b.WriteString(notesText(o.Problems, o.Failed+o.PartiallySynced))
	}
	if o.ToDeprovision > 0 {
		fmt.Fprintf(&b, "  left the source or the filter: %s\n", named(o.DeprovisionList, o.ToDeprovision))
	}
	if len(o.Doubtful) > 0 {
		b.WriteString("  in doubt, so nothing was done about them:\n")
		b.WriteString(notesText(o.Doubtful, len(o.Doubtful)))
	}
	if o.URL != "" {
		fmt.Fprintf(&b, "  %s\n", o.URL)
	}
	return b.String()
}

// reasonsText explains each reason, the most frequent first.
func reasonsText(reasons map[fault.Reason]int) string {
	if len(reasons) == 0 {
		return ""
	}
	keys := slices.Sorted(maps.Keys(reasons))
	slices.SortStableFunc(keys, func(x, y fault.Reason) int { return reasons[y] - reasons[x] })
	table := terminal.Table{Indent: "    ", Right: []int{0}}
	for _, r := range keys {
		table.Row(number(reasons[r]), string(r), r.Sentence())
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

// notesText names the first people of a list.
func notesText(list []api.PersonNote, total int) string {
	table := terminal.Table{Indent: "    "}
	for _, n := range list[:min(len(list), maxNamed)] {
		table.Row(n.User, or(string(n.Outcome), string(n.Action)), string(n.Reason), aboutText(n))
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

func number(n int) string { return strconv.Itoa(n) }
