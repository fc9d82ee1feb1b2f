// Package workflows holds entraflow's durable executions: one resident workflow for each connection, one for each running
// sync of a rule, and one short workflow for each person and change.
//
// Types, ids, message names and JSON fields are wire format; docs/versioning.md says how they change.
package workflows

import (
	"go.temporal.io/sdk/temporal"
)

// TaskQueue is the one task queue of workflows and activities.
const TaskQueue = "entraflow"

// Workflow types as registered.
const (
	ConnectionType      = "Connection"
	SyncRuleType        = "SyncRule"
	ProvisionUserType   = "ProvisionUser"
	DeprovisionUserType = "DeprovisionUser"
	DeleteRuleType      = "DeleteRule"
)

// Messages of the Connection workflow.
const (
	UpdateApply       = "apply"
	UpdateTest        = "test"
	UpdateEnable      = "enable"
	UpdateDisable     = "disable"
	UpdateEnableRule  = "enableRule"
	UpdateDisableRule = "disableRule"
	UpdateDeleteRule  = "deleteRule"
	UpdateDelete      = "delete"
	// UpdateApproveRemovals lets one set of held removals be carried out once.
	UpdateApproveRemovals = "approveRemovals"
	QueryDescribe         = "describe"
	// SignalSyncFinished tells the connection how a sync of one of its rules ended.
	SignalSyncFinished = "syncFinished"
	// SignalRuleDeleted tells the connection that the last of a rule's people is settled.
	SignalRuleDeleted = "ruleDeleted"
)

// Messages of the other workflows.
const (
	// QueryProgress of SyncRule and DeleteRule.
	QueryProgress = "progress"
	// SignalAgain asks a running SyncRule or ProvisionUser to look again before it ends, and a DeleteRule to retry now.
	SignalAgain = "again"
)

// Search attributes, all of type Keyword.
var (
	AttributeConnection = temporal.NewSearchAttributeKeyKeyword("EntraflowConnection")
	AttributeRule       = temporal.NewSearchAttributeKeyKeyword("EntraflowRule")
	AttributeAction     = temporal.NewSearchAttributeKeyKeyword("EntraflowAction")
	AttributeOutcome    = temporal.NewSearchAttributeKeyKeyword("EntraflowOutcome")
)

// SearchAttributes are the names to register, each as Keyword, before the first workflow starts.
func SearchAttributes() []string {
	return []string{AttributeConnection.GetName(), AttributeRule.GetName(), AttributeAction.GetName(), AttributeOutcome.GetName()}
}

// ConnectionID is the id of a connection's workflow.
func ConnectionID(connection string) string { return "connection/" + connection }

// SyncID is the id of the sync of a rule; its schedule has the same.
func SyncID(connection, rule string) string { return "sync/" + connection + "/" + rule }

// DeleteRuleID is the id of a rule's deletion.
func DeleteRuleID(connection, rule string) string { return "delete-rule/" + connection + "/" + rule }
