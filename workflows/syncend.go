package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
)

// end decides how the sync ended, tells the connection, and shows it.
func (s *syncRun) end(ctx workflow.Context, err error) (api.SyncResult, error) {
	r := &s.Result
	r.Phase = ""
	// The last steps are taken even when the sync was cancelled; those under way are counted before a word is said of them.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	s.waitForPeople(ctx)
	switch {
	case temporal.IsCanceledError(err):
		r.State, r.Reason = api.SyncStopped, fault.Stopped
	case err != nil:
		f := fault.Of(err)
		r.State, r.Reason, r.Message = api.SyncFailed, f.Reason, f.Message()
		if f.Reason == fault.RuleDisabled || f.Reason == fault.ConnectionDisabled {
			r.State = api.SyncStopped
		}
	case r.Guard.Held && r.Guard.Reason != fault.FirstSyncHeld:
		r.State, r.Reason = api.SyncHeld, r.Guard.Reason
	case api.HoldsMemberships(r.GroupGuard):
		r.State, r.Reason = api.SyncHeld, fault.GroupRemovalsHeld
		if r.GroupGuard.Reason != "" {
			r.Reason = r.GroupGuard.Reason
		}
	default:
		r.State = api.SyncCompleted
	}
	if r.Message == "" {
		r.Message = syncMessage(*r)
	}
	workflow.SetCurrentDetails(ctx, SyncReport(*r))
	s.tell(ctx)
	if err := workflow.UpsertTypedSearchAttributes(ctx, wire.AttributeOutcome.ValueSet(string(r.State))); err != nil {
		return *r, err
	}
	if r.State == api.SyncFailed {
		f := fault.Of(err)
		return *r, temporal.NewApplicationErrorWithOptions(r.Message, string(r.Reason), temporal.ApplicationErrorOptions{
			NonRetryable: true,
			Details:      []any{wire.ErrorDetails{Kind: f.Kind, Reason: f.Reason, Subject: f.Subject, RequestID: f.RequestID}, *r},
		})
	}
	return *r, nil
}

// waitForPeople lets those under way, groups among them, finish, so that the counters are whole. The context is one that nobody cancels.
func (s *syncRun) waitForPeople(ctx workflow.Context) {
	_ = workflow.Await(ctx, func() bool { return s.running == 0 && s.groupsRunning == 0 })
}

// tell signals the connection. One that is gone need not be told.
func (s *syncRun) tell(ctx workflow.Context) {
	info := workflow.GetInfo(ctx).WorkflowExecution
	r := s.Result
	summary := api.SyncSummary{
		Rule: s.Rule, State: r.State, Reason: r.Reason, Message: r.Message, Revision: r.Revision,
		StartedAt: r.StartedAt, EndedAt: workflow.Now(ctx), Counters: r.Counters, Held: r.Held,
		ToDeprovision: r.ToDeprovision, Guard: r.Guard, ConnectionLinked: s.ConnectionLinked, Removed: s.Removed,
		EndsOpen: s.Open && r.State == api.SyncCompleted && r.Reasons[fault.SourceEndUnknown] == 0,
		Groups:   r.Groups, GroupGuard: r.GroupGuard, WorkflowID: info.ID, RunID: info.RunID,
	}
	err := workflow.SignalExternalWorkflow(ctx, api.ConnectionID(s.Connection), "", api.SignalSyncFinished, summary).Get(ctx, nil)
	if err != nil {
		s.Result.Message += " The connection's workflow could not be told, because it no longer runs."
	}
}

// phase shows how far the sync is.
func (s *syncRun) phase(ctx workflow.Context, text string) {
	s.Result.Phase = text
	workflow.SetCurrentDetails(ctx, SyncReport(s.Result))
}

// SyncReport is what the Web UI shows of a sync, in Temporal's markdown.
func SyncReport(r api.SyncResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Rule %s of connection %s: %s\n\n", r.Rule, r.Connection, r.State)
	if text := orString(r.Phase, r.Message); text != "" {
		fmt.Fprintf(&b, "%s\n\n", text)
	}
	b.WriteString("| impacted | success | unsynced | partially synced | failed | held | to be deprovisioned |\n|---|---|---|---|---|---|---|\n")
	fmt.Fprintf(&b, "| %d | %d | %d | %d | %d | %d | %d |\n", r.Impacted, r.Success, r.Unsynced, r.PartiallySynced, r.Failed, r.Held, r.ToDeprovision)
	if len(r.Actions) > 0 {
		b.WriteString("\n| done | people |\n|---|---|\n")
		for _, a := range workflow.DeterministicKeys(r.Actions) {
			fmt.Fprintf(&b, "| %s | %d |\n", a, r.Actions[a])
		}
	}
	if len(r.Reasons) > 0 {
		b.WriteString("\n| why not | people | what to do |\n|---|---|---|\n")
		for _, reason := range workflow.DeterministicKeys(r.Reasons) {
			fmt.Fprintf(&b, "| %s | %d | %s |\n", reason, r.Reasons[reason], reason.Sentence())
		}
	}
	writeGroups(&b, r)
	writeList(&b, "Held", r.HeldList)
	writeList(&b, "Left, but in doubt; nothing was done", r.Doubtful)
	writeList(&b, "People to look at", r.Problems)
	if len(r.DeprovisionList) > 0 {
		fmt.Fprintf(&b, "\nTo be deprovisioned: %s\n", codes(first(r.DeprovisionList, 20)))
	}
	return b.String()
}

// writeGroups shows how it stands with the groups, where the rule has any.
func writeGroups(b *strings.Builder, r api.SyncResult) {
	g := r.Groups
	if g.Impacted == 0 && r.GroupGuard == nil {
		return
	}
	fmt.Fprintf(b, "\n| groups | success | failed | members added | members removed |\n|---|---|---|---|---|\n| %d | %d | %d | %d | %d |\n",
		g.Impacted, g.Success, g.Failed, g.MembersAdded, g.MembersRemoved)
	if r.GroupGuard != nil && r.GroupGuard.HeldGroups > 0 {
		fmt.Fprintf(b, "\n%s\n", groupGuardText(r))
	}
	if len(r.GroupReasons) > 0 {
		b.WriteString("\n| why not | groups | what to do |\n|---|---|---|\n")
		for _, reason := range workflow.DeterministicKeys(r.GroupReasons) {
			fmt.Fprintf(b, "| %s | %d | %s |\n", reason, r.GroupReasons[reason], reason.Sentence())
		}
	}
	for i, n := range first(r.GroupProblems, 20) {
		if i == 0 {
			b.WriteString("\nGroups to look at:\n\n")
		}
		fmt.Fprintf(b, "- %s: %s, %s", orString(code(n.Group), "all of them"), n.Outcome, n.Reason)
		if n.Subject != "" {
			fmt.Fprintf(b, " (%s)", code(n.Subject))
		}
		b.WriteString("\n")
	}
}

// writeList names the first twenty people of a list.
func writeList(b *strings.Builder, title string, list []api.PersonNote) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n\n", title)
	for _, n := range first(list, 20) {
		fmt.Fprintf(b, "- %s: %s", code(n.User), orString(string(n.Outcome), string(n.Action)))
		if n.Reason != "" {
			fmt.Fprintf(b, ", %s", n.Reason)
		}
		if n.Subject != "" {
			fmt.Fprintf(b, " (%s)", code(n.Subject))
		}
		b.WriteString("\n")
	}
	if len(list) > 20 {
		fmt.Fprintf(b, "- and %d more\n", len(list)-20)
	}
}

func first[T any](list []T, n int) []T {
	if len(list) > n {
		return list[:n]
	}
	return list
}
