package api

import (
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/plan"
)

// ConnectionInput starts Connection. A person types the name only.
type ConnectionInput struct {
	Name string `json:"name"`
	// State is handed over by continue-as-new.
	State *ConnectionState `json:"state,omitempty"`
}

// ConnectionState is all that a connection remembers.
type ConnectionState struct {
	// Applied: a configuration file has been applied.
	Applied bool `json:"applied"`
	// Settings are what activities work with.
	Settings Settings `json:"settings"`
	// Validity and the report of the last test.
	Validity Validity    `json:"validity"`
	Test     *TestReport `json:"test,omitempty"`
	// Syncs are the last syncs by rule.
	Syncs map[string]SyncSummary `json:"syncs,omitempty"`
	// SchedulesDue: the rules' schedules are not yet what the state says.
	SchedulesDue bool `json:"schedulesDue,omitempty"`
	// OrphanSchedules are deleted rules whose schedules Temporal did not let go of yet.
	OrphanSchedules []string `json:"orphanSchedules,omitempty"`
	// EventRemovals are the people of each rule who lost something between two syncs within plan.EventWindow.
	EventRemovals map[string][]plan.EventRemoval `json:"eventRemovals,omitempty"`
	// FormerSources are the sources of deleted rules by the rules' names.
	FormerSources map[string]config.Source `json:"formerSources,omitempty"`
}

// Connection states, for people; see docs/states.md.
const (
	StateNew      = "new"
	StateUntested = "untested"
	StateInvalid  = "invalid"
	StateDisabled = "disabled"
	StateActive   = "active"
	StateDeleted  = "deleted"
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
	Test *TestReport `json:"test,omitempty"`
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
	Settings
	// Description from the file.
	Text string `json:"description,omitempty"`
	// State in one word: see docs/states.md.
	State string `json:"state"`
	// Validity and the report it comes from.
	Validity Validity    `json:"validity"`
	Test     *TestReport `json:"test,omitempty"`
	// Testing: a test is under way.
	Testing bool `json:"testing,omitempty"`
	// Syncs are the last syncs by rule.
	Syncs map[string]SyncSummary `json:"syncs,omitempty"`
}
