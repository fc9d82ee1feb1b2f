package workflows

import (
	"time"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/check"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// ApplyInput is the argument of the update apply.
type ApplyInput struct {
	// Config is the whole configuration file, with absolute paths.
	Config config.Connection `json:"config"`
	// KeepSyncs: do not start syncs of the rules that changed.
	KeepSyncs bool `json:"noSync,omitempty"`
}

// ApplyResult says what the update apply did.
type ApplyResult struct {
	// Revision of the settings after it.
	Revision int `json:"revision"`
	// Created: the connection is new.
	Created bool `json:"created,omitempty"`
	// Changes in words, one for each thing that differs from before; empty when nothing did.
	Changes []string `json:"changes,omitempty"`
	// Warnings in words, such as a rule that is no longer in the file and was disabled.
	Warnings []string `json:"warnings,omitempty"`
	// Synced are the rules for which a sync was started.
	Synced []string `json:"synced,omitempty"`
	// Test is the report of the connection test, when one was run.
	Test *check.Report `json:"test,omitempty"`
	// Validity after it.
	Validity Validity `json:"validity"`
}

// RuleInput is the argument of enableRule, disableRule and deleteRule.
type RuleInput struct {
	Rule string `json:"rule"`
	// Confirm repeats the rule's name; deleteRule only.
	Confirm string `json:"confirm,omitempty"`
}

// ApproveInput is the argument of approveRemovals.
type ApproveInput struct {
	Rule string `json:"rule"`
	// Hash is the guard's hash of the set of removals, as a held sync and `starter plan` show it.
	Hash string `json:"hash"`
}

// StateResult is the result of enable, disable, enableRule, disableRule and delete.
type StateResult struct {
	// Revision of the settings after it.
	Revision int `json:"revision"`
	// Changed is false when it was so already.
	Changed bool `json:"changed"`
	// Message says in words what happened.
	Message string `json:"message"`
}

// Validity is whether a connection may provision. Wire format.
type Validity string

const (
	// Untested: no test has ended yet.
	Untested Validity = "untested"
	// Valid: the last test passed.
	Valid Validity = "valid"
	// InvalidConnection: the last test failed; nothing is provisioned until one passes.
	InvalidConnection Validity = "invalid"
)

// Description is the answer to the query describe.
type Description struct {
	// Settings are what activities work with.
	activities.Settings
	// Description from the file.
	Text string `json:"description,omitempty"`
	// State in one word: see docs/states.md.
	State string `json:"state"`
	// Validity and the report it comes from.
	Validity Validity      `json:"validity"`
	Test     *check.Report `json:"test,omitempty"`
	// Testing: a test is under way.
	Testing bool `json:"testing,omitempty"`
	// Syncs are the last syncs by rule.
	Syncs map[string]SyncSummary `json:"syncs,omitempty"`
}

// SyncState is how a sync ended. Wire format.
type SyncState string

const (
	// SyncRunning: it has not ended.
	SyncRunning SyncState = "running"
	// SyncCompleted: everything planned was carried out or counted.
	SyncCompleted SyncState = "completed"
	// SyncHeld: the removal guard kept removals back; everything else was done.
	SyncHeld SyncState = "held"
	// SyncStopped: an administrator stopped it, or the rule or connection was disabled.
	SyncStopped SyncState = "stopped"
	// SyncSkipped: a schedule's run met a running sync and left everything to it.
	SyncSkipped SyncState = "skipped"
	// SyncFailed: no plan could be made, or the tenant could not be reached for too long.
	SyncFailed SyncState = "failed"
)

// SyncSummary is what a connection remembers of a rule's last sync, and what a sync signals to it.
type SyncSummary struct {
	Rule      string       `json:"rule"`
	State     SyncState    `json:"state"`
	Reason    fault.Reason `json:"reason,omitempty"`
	Message   string       `json:"message,omitempty"`
	Revision  int          `json:"revision"`
	StartedAt time.Time    `json:"startedAt"`
	EndedAt   time.Time    `json:"endedAt"`
	plan.Counters
	Held int `json:"held"`
	// ToDeprovision are people who left the source or the filter.
	ToDeprovision int `json:"toDeprovision"`
	// Guard is what the removal guard said.
	Guard plan.Guard `json:"guard"`
	// ConnectionLinked is how many linked accounts the sync saw in the tenant, Removed how many people it took something
	// from.
	ConnectionLinked int `json:"connectionLinked"`
	Removed          int `json:"removed,omitempty"`
	// WorkflowID and RunID of the sync.
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
}

// SyncInput starts SyncRule. A person types connection and rule only.
type SyncInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	// Resume is the state handed to the next run by continue-as-new.
	Resume *SyncResume `json:"resume,omitempty"`
}

// SyncResult is the result of SyncRule and, while it runs, the answer to the query progress.
type SyncResult struct {
	Connection string       `json:"connection"`
	Rule       string       `json:"rule"`
	State      SyncState    `json:"state"`
	Reason     fault.Reason `json:"reason,omitempty"`
	Message    string       `json:"message,omitempty"`
	// Phase says in words what is being done.
	Phase string `json:"phase,omitempty"`
	// Revision of the settings it worked with.
	Revision int `json:"revision"`
	plan.Counters
	// Held is how many people something would have been taken away from.
	Held int `json:"held"`
	// ToDeprovision are people who left the source or the filter, and DeprovisionList the first of them.
	ToDeprovision   int      `json:"toDeprovision"`
	DeprovisionList []string `json:"deprovisionList,omitempty"`
	// Doubtful are people who left about whom nothing is done, and why; the first of them.
	Doubtful []activities.PersonNote `json:"doubtful,omitempty"`
	// HeldList are the first of the people counted in Held, with what was held.
	HeldList []activities.PersonNote `json:"heldList,omitempty"`
	// Guard is what the removal guard said of the plan.
	Guard plan.Guard `json:"guard"`
	// Planned is how many people's workflows the plan starts; Done how many have ended.
	Planned int `json:"planned"`
	Done    int `json:"done"`
	// Actions counts what was carried out.
	Actions map[plan.Action]int `json:"actions,omitempty"`
	// Reasons counts why people are not Success.
	Reasons map[fault.Reason]int `json:"reasons,omitempty"`
	// Problems names people who failed or are only partly synced, the first hundred of them.
	Problems []activities.PersonNote `json:"problems,omitempty"`
	// StartedAt is when the sync began, over all its runs.
	StartedAt time.Time `json:"startedAt"`
}

// UserInput starts ProvisionUser and DeprovisionUser. A person types connection and user only; the rest comes from a sync.
type UserInput struct {
	Connection string `json:"connection"`
	// User is the source id.
	User string `json:"user"`
	// Rule is the rule a sync works for.
	Rule string `json:"rule,omitempty"`
	// Revision of the settings that the plan was made with.
	Revision int `json:"revision,omitempty"`
	// Planned is what the sync's plan says of the person; it saves reads and is checked against the world again.
	Planned *activities.Planned `json:"planned,omitempty"`
	// SamePerson vouches, where source_id_reused or linked_from_another_source was reported, that the id still means the
	// person of the account. ProvisionUser only.
	SamePerson bool `json:"samePerson,omitempty"`
	// RuleDeletion: the rule is being deleted, and its people with it. DeprovisionUser only.
	RuleDeletion bool `json:"ruleDeletion,omitempty"`
}

// UserResult is the result of ProvisionUser. A person who failed ends the workflow as Failed, with the reason as the
// error's type and this as its details.
type UserResult struct {
	Connection string       `json:"connection"`
	Rule       string       `json:"rule,omitempty"`
	User       string       `json:"user"`
	Action     plan.Action  `json:"action"`
	Outcome    plan.Outcome `json:"outcome"`
	Reason     fault.Reason `json:"reason,omitempty"`
	Subject    string       `json:"subject,omitempty"`
	// Message says in words what happened and, where something is amiss, what to do.
	Message string `json:"message"`
	// AccountID is the object id of the account.
	AccountID string `json:"accountId,omitempty"`
	// Attributes names what was written.
	Attributes []string `json:"attributes,omitempty"`
	// Deleted: the account was put into the recycle bin.
	Deleted bool `json:"deleted,omitempty"`
	// LicensesAdded and LicensesRemoved are SKU ids.
	LicensesAdded   []string `json:"licensesAdded,omitempty"`
	LicensesRemoved []string `json:"licensesRemoved,omitempty"`
}
