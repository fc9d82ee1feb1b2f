package workflows

import (
	"fmt"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/plan"
)

func (u *userRun) provisionSummary() string {
	if u.in.Planned == nil {
		return "Compare " + person(u.in.User) + " with the account and write what differs"
	}
	return planSummary(u.in.User, *u.in.Planned)
}

// planSummary says in words, with source id and attribute names only, what is about to happen to a person.
func planSummary(user string, p api.Planned) string {
	user = person(user)
	switch p.Action {
	case plan.Create:
		return "Create the account of " + user
	case plan.Restore:
		return "Restore the account of " + user
	case plan.Adopt:
		return "Adopt the existing account of " + user
	case plan.Disable:
		return "Disable the account of " + user + ": disabled at the source"
	case plan.Enable:
		return "Enable the account of " + user + " again"
	case plan.License:
		return "Change the licenses of " + user
	case plan.Remove:
		return "Deprovision " + user
	}
	return clip("Update " + user + ": " + strings.Join(p.Attributes, ", "))
}

func licenseSummary(done api.ProvisionResult) string {
	var parts []string
	if n := len(done.AddLicenses); n > 0 {
		parts = append(parts, fmt.Sprintf("assign %d", n))
	}
	if n := len(done.RemoveLicenses); n > 0 {
		parts = append(parts, fmt.Sprintf("take away %d", n))
	}
	return "Licenses: " + strings.Join(parts, ", ")
}

// userMessage says what happened to the person, why, and what to do.
func userMessage(r api.UserResult) string {
	var b strings.Builder
	switch {
	case r.Outcome == plan.Failed && len(r.Attributes) > 0:
		b.WriteString("Failed after writing")
	case r.Outcome == plan.Failed:
		b.WriteString("Failed")
	case r.Action == plan.None && r.Outcome == plan.Success:
		b.WriteString("Already right; nothing was written")
	case r.Action == plan.None:
		b.WriteString("Nothing was written")
	default:
		b.WriteString("Done: " + actionWords[r.Action])
		if r.Deleted {
			b.WriteString(": the account is in the recycle bin for 30 days")
		}
	}
	if len(r.Attributes) > 0 && r.Action != plan.Create {
		b.WriteString(" (" + strings.Join(r.Attributes, ", ") + ")")
	}
	if len(r.LicensesAdded) > 0 {
		b.WriteString("; licenses assigned: " + strings.Join(r.LicensesAdded, ", "))
	}
	if len(r.LicensesRemoved) > 0 {
		b.WriteString("; licenses taken away: " + strings.Join(r.LicensesRemoved, ", "))
	}
	if len(r.GroupsJoined) > 0 {
		b.WriteString("; joined groups: " + strings.Join(r.GroupsJoined, ", "))
	}
	if len(r.GroupsLeft) > 0 {
		b.WriteString("; left groups: " + strings.Join(r.GroupsLeft, ", "))
	}
	if r.Reason == "" {
		return b.String() + "."
	}
	switch r.Outcome {
	case plan.Failed:
		b.WriteString(": ")
	case plan.Success:
		b.WriteString(". Why: ")
	default:
		b.WriteString(". " + string(r.Outcome) + ": ")
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

var actionWords = map[plan.Action]string{
	plan.Create:  "the account was created",
	plan.Restore: "the account was restored from the recycle bin",
	plan.Adopt:   "the existing account was adopted",
	plan.Update:  "the account was updated",
	plan.Disable: "the account was disabled and its sessions revoked, because the person is disabled at the source",
	plan.Enable:  "the account was enabled again",
	plan.License: "licenses were changed",
	plan.Remove:  "the person was deprovisioned",
}

// clip keeps a summary within the 200 bytes that Temporal stores.
func clip(s string) string {
	if len(s) > 200 {
		return strings.ToValidUTF8(s[:197], "") + "..."
	}
	return s
}

func orString(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
