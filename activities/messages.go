package activities

import (
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// TestInput is the argument of TestConnection.
type TestInput struct {
	// Config to test; its rules do not matter.
	Config config.Connection `json:"config"`
	// Pinned are the facts found by an earlier test; another tenant than that is a failure.
	Pinned Pinned `json:"pinned"`
}

// PlanInput is the argument of PlanRule and PlanPage.
type PlanInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	// PlanID names the plan to go on with; "" makes a new one.
	PlanID string `json:"planId,omitempty"`
	// Revision of the settings the plan was made with; 0 for a new plan.
	Revision int `json:"revision,omitempty"`
	// After is the last source id of the page before.
	After string `json:"after,omitempty"`
	// Removals selects the second pass, which takes things away.
	Removals bool `json:"removals,omitempty"`
	// Removed is how many people the sync has taken something from already; the guard counts them.
	Removed int `json:"removed,omitempty"`
	// Permitted are the removals that passed the guard when the plan was first made (plan.Permit).
	Permitted []byte `json:"permitted,omitempty"`
	// Limit is how many changes a page has at most; 0 takes 500.
	Limit int `json:"limit,omitempty"`
}

// PlanResult is one page of a plan and what is known of the whole.
type PlanResult struct {
	// PlanID names the plan for the next page.
	PlanID string `json:"planId"`
	// Revision of the settings it was made with.
	Revision int `json:"revision"`
	// Items are the people to start a workflow for.
	Items []PlannedPerson `json:"items,omitempty"`
	// Settled counts the people of the page for whom there is nothing to do, Reasons why, Troubled some who failed.
	Settled  plan.Counters        `json:"settled"`
	Reasons  map[fault.Reason]int `json:"reasons,omitempty"`
	Troubled []PersonNote         `json:"troubled,omitempty"`
	// After and Last continue the paging.
	After string `json:"after,omitempty"`
	Last  bool   `json:"last"`
	// Whole is told with every page.
	Whole PlanSummary `json:"whole"`
	// Permitted are the plan's removals, where they passed the guard; with the first page only.
	Permitted []byte `json:"permitted,omitempty"`
}

// PlanSummary is what a sync shows of a whole plan.
type PlanSummary struct {
	// People in scope, linked accounts of the rule and of the connection.
	People           int `json:"people"`
	Linked           int `json:"linked"`
	ConnectionLinked int `json:"connectionLinked"`
	// Planned is how many people's workflows the plan starts.
	Planned int `json:"planned"`
	// Guard is the decision about removals.
	Guard plan.Guard `json:"guard"`
	// Held is how many people something would be taken away from, and HeldList the first of them.
	Held     int          `json:"held"`
	HeldList []PersonNote `json:"heldList,omitempty"`
	// ToDeprovision are people who left, and DeprovisionList the first of them.
	ToDeprovision   int      `json:"toDeprovision"`
	DeprovisionList []string `json:"deprovisionList,omitempty"`
	// Doubtful are people who left about whom nothing is done, and why; the first of them.
	Doubtful []PersonNote `json:"doubtful,omitempty"`
	// ManagersPending is how many people's managers get an account only by this plan (plan.Plan.ManagersPending).
	ManagersPending int `json:"managersPending,omitempty"`
	// Snapshot of the source that was planned from.
	Snapshot source.Snapshot `json:"snapshot"`
}

// PersonNote is one line about one person.
type PersonNote struct {
	User    string       `json:"user"`
	Action  plan.Action  `json:"action,omitempty"`
	Outcome plan.Outcome `json:"outcome,omitempty"`
	Reason  fault.Reason `json:"reason,omitempty"`
	Subject string       `json:"subject,omitempty"`
}

// PlannedPerson is one item of a page.
type PlannedPerson struct {
	User string `json:"user"`
	Planned
}

// Planned is what a sync's plan says of one person. It saves the person's workflow reads; what it says is checked
// against source and tenant again before anything is written.
type Planned struct {
	// Action is planned.
	Action plan.Action `json:"action"`
	// AccountID is the account found; "" where none was.
	AccountID string `json:"accountId,omitempty"`
	// Attributes names what differs.
	Attributes []string `json:"attributes,omitempty"`
	// Hold, when set, is why this run takes nothing away.
	Hold fault.Reason `json:"hold,omitempty"`
	// Disable and RemoveLicenses are what the guard let this run take away; whatever else would be taken waits for a plan.
	Disable        bool     `json:"disable,omitempty"`
	RemoveLicenses []string `json:"removeLicenses,omitempty"`
	// Manager is the account that the plan found for the person's manager; "" where there is none yet.
	Manager string `json:"managerId,omitempty"`
	// Exhausted are SKUs of which the plan found no unit left.
	Exhausted []string `json:"exhausted,omitempty"`
	// Snapshot is the version of the source that was planned from.
	Snapshot int64 `json:"snapshot,omitempty"`
	// Recent: somebody ran the person's workflow so lately that the plan's read of the tenant may have missed an account
	// made by it.
	Recent bool `json:"recent,omitempty"`
	// Missed: the plan's read of the tenant showed fewer links than were known, so it proves nobody's account missing.
	Missed bool `json:"missed,omitempty"`
}

// ProvisionInput is the argument of ProvisionAccount.
type ProvisionInput struct {
	Connection string `json:"connection"`
	User       string `json:"user"`
	Rule       string `json:"rule,omitempty"`
	Revision   int    `json:"revision,omitempty"`
	// Planned is the plan's finding; nil in a run on demand.
	Planned *Planned `json:"planned,omitempty"`
	// AccountID is an account that an earlier pass of the same workflow created or changed.
	AccountID string `json:"accountId,omitempty"`
	// SamePerson: an administrator vouches that the id still means the person of the account.
	SamePerson bool `json:"samePerson,omitempty"`
	// Hold, when set, is why this run takes nothing away: a sync started it, and its plan no longer counts.
	Hold fault.Reason `json:"hold,omitempty"`
	// Given are the SKU ids that earlier passes of the same workflow asked Graph to assign.
	Given []string `json:"given,omitempty"`
}

// ProvisionResult says what ProvisionAccount did and what is still to be done by other activities.
type ProvisionResult struct {
	// Rule that acted.
	Rule string `json:"rule,omitempty"`
	// Revision of the settings it acted under.
	Revision   int          `json:"revision"`
	Action     plan.Action  `json:"action"`
	AccountID  string       `json:"accountId,omitempty"`
	Attributes []string     `json:"attributes,omitempty"`
	Outcome    plan.Outcome `json:"outcome"`
	Reason     fault.Reason `json:"reason,omitempty"`
	Subject    string       `json:"subject,omitempty"`
	// Deleted: the account was put into the recycle bin.
	Deleted bool `json:"deleted,omitempty"`
	// Revoke: the account was disabled; its sessions are to be revoked.
	Revoke bool `json:"revoke,omitempty"`
	// AddLicenses and RemoveLicenses are still to be written, FinalMark thereafter ("" when it need not be).
	AddLicenses    []directory.License `json:"addLicenses,omitempty"`
	RemoveLicenses []string            `json:"removeLicenses,omitempty"`
	FinalMark      string              `json:"finalMark,omitempty"`
	// Manager is the account of the manager still to be set; ClearManager tells that there is one still to be taken away.
	Manager      string `json:"managerId,omitempty"`
	ClearManager bool   `json:"clearManager,omitempty"`
	// Young: the account was created just now, and reads may not see it yet.
	Young bool `json:"young,omitempty"`
}

// ManagerInput is the argument of SetManager.
type ManagerInput struct {
	Connection string `json:"connection"`
	Revision   int    `json:"revision"`
	User       string `json:"user"`
	AccountID  string `json:"accountId"`
	// ManagerID is the manager's account; "" takes the manager away.
	ManagerID string `json:"managerId,omitempty"`
	// Young: the person's own account was created just now.
	Young bool `json:"young,omitempty"`
}

// LicenseInput is the argument of AssignLicenses.
type LicenseInput struct {
	Connection string              `json:"connection"`
	Rule       string              `json:"rule"`
	Revision   int                 `json:"revision"`
	User       string              `json:"user"`
	AccountID  string              `json:"accountId"`
	Add        []directory.License `json:"add,omitempty"`
	Remove     []string            `json:"remove,omitempty"`
	FinalMark  string              `json:"finalMark,omitempty"`
	Young      bool                `json:"young,omitempty"`
}

// LicenseResult says which SKUs were assigned and taken away.
type LicenseResult struct {
	Added   []string `json:"added,omitempty"`
	Removed []string `json:"removed,omitempty"`
}

// RevokeInput is the argument of RevokeSessions.
type RevokeInput struct {
	Connection string `json:"connection"`
	User       string `json:"user"`
	AccountID  string `json:"accountId"`
}

// ScheduleInput is the argument of SetSchedule.
type ScheduleInput struct {
	Connection string `json:"connection"`
	// Rule and its interval as Go writes durations; "" removes the schedule.
	Rule  string `json:"rule"`
	Every string `json:"every,omitempty"`
	// Paused: the rule, its connection, or the connection's validity does not allow syncs at present.
	Paused bool `json:"paused,omitempty"`
}

// AwaitInput is the argument of AwaitRun.
type AwaitInput struct {
	// WorkflowID of the run to wait for.
	WorkflowID string `json:"workflowId"`
	// Signal, when set, is sent before waiting.
	Signal string `json:"signal,omitempty"`
	// Type, when set, is the workflow type whose result is wanted; a run of another type is only waited for.
	Type string `json:"type,omitempty"`
}

// RemoveInput is the argument of RemoveAccount.
type RemoveInput struct {
	Connection string `json:"connection"`
	User       string `json:"user"`
	// Rule, Revision and Planned come from a sync or a rule deletion; all are empty in a run on demand.
	Rule     string   `json:"rule,omitempty"`
	Revision int      `json:"revision,omitempty"`
	Planned  *Planned `json:"planned,omitempty"`
	// RuleDeletion: the rule is being deleted, with its people.
	RuleDeletion bool `json:"ruleDeletion,omitempty"`
}

// ListLinkedInput is the argument of ListLinked.
type ListLinkedInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	// ListID names the list to go on with; "" reads the tenant anew.
	ListID string `json:"listId,omitempty"`
	// After is the last source id of the page before.
	After string `json:"after,omitempty"`
	// Limit is how many accounts a page has at most; 0 takes 500.
	Limit int `json:"limit,omitempty"`
}

// ListLinkedResult is one page of a rule's accounts.
type ListLinkedResult struct {
	// ListID names the list for the next page.
	ListID string `json:"listId"`
	// Terms are the preferences at the time of this page.
	Terms    DeletionTerms   `json:"terms"`
	Accounts []LinkedAccount `json:"accounts,omitempty"`
	// Linked are all accounts of the rule, Deprovisioned those of them that are done with.
	Linked        int `json:"linked"`
	Deprovisioned int `json:"deprovisioned"`
	// OtherSource are accounts that an earlier rule of the same name provisioned from another source, and left.
	OtherSource int  `json:"otherSource,omitempty"`
	Remaining   int  `json:"remaining"`
	Last        bool `json:"last"`
}

// LinkedAccount is one account of a rule.
type LinkedAccount struct {
	User      string `json:"user"`
	AccountID string `json:"accountId"`
	// Doubt, when set, is why nothing may be done about the account.
	Doubt fault.Reason `json:"doubt,omitempty"`
}
