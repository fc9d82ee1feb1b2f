package workflows

import (
	"fmt"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
)

// groupSummary says, with the group's id at the store and numbers only, what is about to happen to it.
func groupSummary(g api.PlannedGroup) string {
	var parts []string
	if words := groupActions[g.Action]; g.Action != membership.Members {
		parts = append(parts, words)
	}
	if g.Adds > 0 {
		parts = append(parts, fmt.Sprintf("add %d", g.Adds))
	}
	if g.Removes > 0 {
		parts = append(parts, fmt.Sprintf("remove %d", g.Removes))
	}
	return clip("Group " + person(g.Group) + ": " + strings.Join(parts, ", "))
}

var groupActions = map[membership.Action]string{
	membership.Create: "create it", membership.Adopt: "adopt it", membership.Restore: "restore it", membership.Update: "change it",
	membership.Members: "look at it", membership.Empty: "it left the rule", membership.Delete: "delete it, which left the rule",
}

func settleSummary(g api.PlannedGroup) string {
	if len(g.Attributes) > 0 {
		return clip("The group itself: " + groupActions[g.Action] + " (" + strings.Join(g.Attributes, ", ") + ")")
	}
	return clip("The group itself: " + groupActions[g.Action])
}

// memberSummary says where a page of members begins.
func memberSummary(g api.PlannedGroup, written int) string {
	return fmt.Sprintf("Members: add %d, remove %d; %d of them are done", g.Adds, g.Removes, written)
}

// groupMessage says what happened to the group, why, and what to do.
func groupMessage(r api.GroupResult) string {
	var b strings.Builder
	switch {
	case r.Outcome == plan.Failed && r.MembersAdded+r.MembersRemoved > 0:
		b.WriteString("Failed after writing some members")
	case r.Outcome == plan.Failed:
		b.WriteString("Failed")
	case r.Action == membership.None && r.Outcome == plan.Success:
		b.WriteString("Already right; nothing was written")
	case r.Action == membership.None:
		b.WriteString("Nothing was written")
	default:
		b.WriteString("Done: " + groupDone[r.Action])
	}
	if len(r.Attributes) > 0 && r.Action != membership.Create {
		b.WriteString(" (" + strings.Join(r.Attributes, ", ") + ")")
	}
	if r.MembersAdded > 0 {
		fmt.Fprintf(&b, "; members added: %d", r.MembersAdded)
	}
	if r.MembersRemoved > 0 {
		fmt.Fprintf(&b, "; members removed: %d", r.MembersRemoved)
	}
	if r.Refused > 0 {
		fmt.Fprintf(&b, "; members refused: %d", r.Refused)
	}
	if r.Held > 0 {
		fmt.Fprintf(&b, "; %d people would lose the membership and did not", r.Held)
	}
	if r.Reason == "" {
		return b.String() + "."
	}
	if r.Outcome == plan.Failed {
		b.WriteString(": ")
	} else {
		b.WriteString(". Why: ")
	}
	if r.Subject != "" {
		b.WriteString(r.Subject + ": ")
	}
	b.WriteString(r.Reason.Sentence() + " (" + string(r.Reason) + ")")
	if r.RequestID != "" {
		b.WriteString(", Microsoft's request id " + r.RequestID)
	}
	return b.String() + "."
}

var groupDone = map[membership.Action]string{
	membership.Create:  "the group was created",
	membership.Restore: "the group was restored from the recycle bin",
	membership.Adopt:   "the existing group was adopted",
	membership.Update:  "the group was updated",
	membership.Members: "members were changed",
	membership.Empty:   "the group left the rule, and our members left it",
	membership.Delete:  "the group left the rule and was deleted: it is in the recycle bin for 30 days",
}
