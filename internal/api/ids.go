// Package api is entraflow's contract with Temporal: workflow types and ids, the names of updates, queries and signals, and every
// input and result of a workflow or an activity. Package wire below it holds the parts that need Temporal's SDK.
//
// All of it is wire format: it stands in histories and in what administrators type. docs/versioning.md says how it changes. It holds
// no personal data but source ids.
package api

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
)

// TaskQueue is the task queue of workflows and activities that all workers share.
const TaskQueue = "entraflow"

// WorkerQueue is the task queue of one worker alone, for what only that worker keeps in its memory.
func WorkerQueue(worker string) string { return TaskQueue + "-" + worker }

// Workflow types as registered.
const (
	ConnectionType      = "Connection"
	SyncRuleType        = "SyncRule"
	ProvisionUserType   = "ProvisionUser"
	DeprovisionUserType = "DeprovisionUser"
	DeleteRuleType      = "DeleteRule"
	MoveLinkType        = "MoveLink"
	WatchSourceType     = "WatchSource"
	SyncGroupType       = "SyncGroup"
)

// ProvisionAccountActivity is the type of the activity whose results tell which accounts a person's run created.
const ProvisionAccountActivity = "ProvisionAccount"

// MoveLinkActivity is the type of the activity that gives a person the account of another source id.
const MoveLinkActivity = "MoveLink"

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
	// UpdateMoveLink gives the account of one source id to another.
	UpdateMoveLink = "moveLink"
	// UpdateEventRemoval asks whether somebody may lose something between two syncs. It is for entraflow's own use.
	UpdateEventRemoval = "eventRemoval"
	QueryDescribe      = "describe"
	// SignalSyncFinished tells the connection how a sync of one of its rules ended.
	SignalSyncFinished = "syncFinished"
	// SignalRuleDeleted tells the connection that nothing is left to do about a rule's people.
	SignalRuleDeleted = "ruleDeleted"
	// SignalLinkMoves tells the connection that a link is about to move, which makes plans of before out of date.
	SignalLinkMoves = "linkMoves"
)

// Messages of the other workflows.
const (
	// QueryProgress of SyncRule and DeleteRule.
	QueryProgress = "progress"
	// QueryPermit of SyncRule gives the removals that passed the guard (plan.Permit). It is for entraflow's own use.
	QueryPermit = "permit"
	// SignalAgain asks a running SyncRule or ProvisionUser to look again before it ends, and a DeleteRule to retry now.
	SignalAgain = "again"
)

// RollingOver is the type of the error that turns an update away for the moment of continue-as-new.
const RollingOver = "RollingOver"

// ConnectionID is the id of a connection's workflow.
func ConnectionID(connection string) string { return "connection/" + connection }

// SyncID is the id of the sync of a rule; its schedule has the same.
func SyncID(connection, rule string) string { return "sync/" + connection + "/" + rule }

// DeleteRuleID is the id of a rule's deletion.
func DeleteRuleID(connection, rule string) string { return "delete-rule/" + connection + "/" + rule }

// MoveLinkID is the id of the request to give the account of a source id to another.
func MoveLinkID(connection, sourceID string) string {
	return "move-link/" + connection + "/" + strings.TrimPrefix(UserID(connection, sourceID), UserIDPrefix(connection))
}

// WatchID is the id of what watches the source of a rule.
func WatchID(connection, rule string) string { return "watch/" + connection + "/" + rule }

// UserID is the id of everything done about one person. The source id is path-escaped; one that is too long for a workflow id is
// replaced by its hash.
func UserID(connection, sourceID string) string {
	return UserIDPrefix(connection) + escapedID(sourceID)
}

// GroupID is the id of everything done about one group, by its id at the store, which is escaped and shortened like a person's.
func GroupID(connection, group string) string { return "group/" + connection + "/" + escapedID(group) }

// escapedID is an id of the store as it stands in a workflow id.
func escapedID(id string) string {
	escaped := url.PathEscape(id)
	if len(escaped) > maxEscapedID {
		sum := sha256.Sum256([]byte(id))
		escaped = url.PathEscape(directory.HashedID(hex.EncodeToString(sum[:])))
	}
	return escaped
}

// UserIDPrefix is how the ids of all people of a connection begin.
func UserIDPrefix(connection string) string { return "user/" + connection + "/" }

// maxEscapedID is how long an escaped source id may be in a workflow id, which Temporal bounds at 1,000 characters.
const maxEscapedID = 900
