package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// syncMessage sums a sync up: what was done, what was not, and the most frequent reason why not with what to do about it.
func syncMessage(r api.SyncResult) string {
	switch r.State {
	case api.SyncHeld:
		if !r.Guard.Held || r.Guard.Reason == fault.FirstSyncHeld {
			return groupGuardText(r) + groupsMessage(r) + troubleMessage(r) + doubtMessage(r)
		}
		return fmt.Sprintf("Held: %s (%s). %s would lose something, %d are allowed; nothing was taken away, everything else was done. "+
			"If all of them are right, approve exactly these with `starter sync --connection %s --rule %s --approve-removals %s`, "+
			"or the update approveRemovals of the connection.", r.Guard.Reason.Sentence(), r.Guard.Reason,
			plan.People(r.Guard.Removals), r.Guard.Allowed, r.Connection, r.Rule, r.Guard.Hash) + groupsMessage(r) + troubleMessage(r) + doubtMessage(r)
	case api.SyncStopped:
		return fmt.Sprintf("Stopped after %d of %s: somebody cancelled the sync, or disabled its rule or connection, or the connection became invalid, "+
			"which `starter connection list` shows. Those under way were finished; the next sync goes on where this one stopped.", r.Done, plan.People(r.Planned))
	}
	// Somebody may have needed one under each of several plans.
	text := fmt.Sprintf("Completed: %d of %s needed a change.", min(r.Planned, r.Impacted), plan.People(r.Impacted))
	if r.Planned == 0 {
		text = fmt.Sprintf("Completed: nothing to write for %s.", plan.People(r.Impacted))
	}
	if r.Guard.Held {
		text += fmt.Sprintf(" %s would lose something and did not: %s (%s).", plan.People(r.Guard.Removals), r.Guard.Reason.Sentence(), r.Guard.Reason)
	}
	return text + groupsMessage(r) + troubleMessage(r) + doubtMessage(r)
}

// groupGuardText says that memberships were held, and how they are approved.
func groupGuardText(r api.SyncResult) string {
	g := r.GroupGuard
	reason := g.Reason
	if reason == "" {
		reason = fault.GroupRemovalsHeld
	}
	text := fmt.Sprintf("Memberships held: %s (%s). %s would lose a membership, %d are allowed; %d groups lost nobody, everything else was done.",
		reason.Sentence(), reason, plan.People(g.Held), g.Allowed, g.HeldGroups)
	if !api.HoldsMemberships(g) {
		return text + " They are carried out by the first sync that may take something away."
	}
	return text + fmt.Sprintf(" If all of them are right, approve exactly these with `starter sync --connection %s --rule %s --approve-removals %s`, "+
		"or the update approveRemovals of the connection.", r.Connection, r.Rule, g.Hash)
}

// groupsMessage says how it stands with the groups.
func groupsMessage(r api.SyncResult) string {
	g := r.Groups
	if g.Impacted == 0 {
		return ""
	}
	text := fmt.Sprintf(" Groups: %d of %d are as they should be, %d members added, %d removed.", g.Success, g.Impacted, g.MembersAdded, g.MembersRemoved)
	if reason, n := mostFrequent(r.GroupReasons, ""); n > 0 {
		text += fmt.Sprintf(" The most frequent reason why not (%d groups): %s (%s).", n, reason.Sentence(), reason)
	}
	return text
}

func are(people int) string {
	if people == 1 {
		return "is"
	}
	return "are"
}

// troubleMessage says how many are not as they should be, and why most of them.
func troubleMessage(r api.SyncResult) string {
	if r.Failed+r.PartiallySynced == 0 {
		return ""
	}
	text := fmt.Sprintf(" %s failed and %d %s only partly synced", plan.People(r.Failed), r.PartiallySynced, are(r.PartiallySynced))
	if reason, n := mostFrequent(r.Reasons, r.Guard.Reason); n > 0 {
		text += fmt.Sprintf("; the most frequent reason (%s): %s (%s)", plan.People(n), reason.Sentence(), reason)
	}
	return text + "."
}

// doubtMessage says how many left without anything being done about it, and why most of them.
func doubtMessage(r api.SyncResult) string {
	if len(r.Doubtful) == 0 {
		return ""
	}
	reasons := map[fault.Reason]int{}
	for _, d := range r.Doubtful {
		reasons[d.Reason]++
	}
	reason, n := mostFrequent(reasons, "")
	if len(r.Doubtful) == 1 {
		return fmt.Sprintf(" One account whose person seems to have left was not touched: %s (%s).", reason.Sentence(), reason)
	}
	return fmt.Sprintf(" %d accounts whose people seem to have left were not touched; %d of them: %s (%s).", len(r.Doubtful), n, reason.Sentence(), reason)
}

// mostFrequent is the most frequent reason, the first by name among equals; said is left out, having been said already.
func mostFrequent(reasons map[fault.Reason]int, said fault.Reason) (reason fault.Reason, n int) {
	for _, r := range workflow.DeterministicKeys(reasons) {
		if reasons[r] > n && r != said {
			reason, n = r, reasons[r]
		}
	}
	return reason, n
}
