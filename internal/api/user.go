package api

import (
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

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
	// Event: a change at the source started this run. It takes away only what the connection allows between two syncs.
	Event bool `json:"event,omitempty"`
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
	// AddLicenses and RemoveLicenses are still to be written, FinalMark after them ("" when it need not be).
	AddLicenses    []directory.License `json:"addLicenses,omitempty"`
	RemoveLicenses []string            `json:"removeLicenses,omitempty"`
	FinalMark      string              `json:"finalMark,omitempty"`
	// Manager is the account of the manager still to be set; ClearManager tells that there is one still to be taken away.
	Manager      string `json:"managerId,omitempty"`
	ClearManager bool   `json:"clearManager,omitempty"`
	// RecentlyWritten: the account was created just now, and reads may not see it yet.
	RecentlyWritten bool `json:"recentlyWritten,omitempty"`
	// Given: the person got this account by this run, created, restored or adopted, and reads may not show it yet.
	Given bool `json:"given,omitempty"`
	// Open: nobody has learned whether an earlier attempt created, restored or adopted an account.
	Open bool `json:"open,omitempty"`
	// Groups: the rule has groups, and no sync sees to the person's memberships after this run.
	Groups bool `json:"groups,omitempty"`
}

// ManagerInput is the argument of SetManager.
type ManagerInput struct {
	Connection string `json:"connection"`
	Revision   int    `json:"revision"`
	User       string `json:"user"`
	AccountID  string `json:"accountId"`
	// ManagerID is the manager's account; "" takes the manager away.
	ManagerID string `json:"managerId,omitempty"`
	// RecentlyWritten: the person's own account was created just now.
	RecentlyWritten bool `json:"recentlyWritten,omitempty"`
}

// LicenseInput is the argument of AssignLicenses.
type LicenseInput struct {
	Connection      string              `json:"connection"`
	Rule            string              `json:"rule"`
	Revision        int                 `json:"revision"`
	User            string              `json:"user"`
	AccountID       string              `json:"accountId"`
	Add             []directory.License `json:"add,omitempty"`
	Remove          []string            `json:"remove,omitempty"`
	FinalMark       string              `json:"finalMark,omitempty"`
	RecentlyWritten bool                `json:"recentlyWritten,omitempty"`
	// LocationWritten: this run wrote the usage location, which the service that assigns licenses learns some time later.
	LocationWritten bool `json:"locationWritten,omitempty"`
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
	// Event is that of ProvisionInput.
	Event bool `json:"event,omitempty"`
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
	Planned *Planned `json:"planned,omitempty"`
	// SamePerson vouches, where source_id_reused or linked_from_another_source was reported, that the id still means the
	// person of the account. ProvisionUser only.
	SamePerson bool `json:"samePerson,omitempty"`
	// RuleDeletion: the rule is being deleted, and its people with it. DeprovisionUser only.
	RuleDeletion bool `json:"ruleDeletion,omitempty"`
	// AccountID is the account that MoveLink has just given the person, whose run this one continues. It is believed only if it carries
	// the person's link.
	AccountID string `json:"accountId,omitempty"`
	// Event: a change at the source started this run.
	Event bool `json:"event,omitempty"`
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
	// RequestID is Microsoft's id of the request that was refused, for a support case.
	RequestID string `json:"requestId,omitempty"`
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
	// GroupsJoined and GroupsLeft are groups by their ids at the store, in a run without a sync.
	GroupsJoined []string `json:"groupsJoined,omitempty"`
	GroupsLeft   []string `json:"groupsLeft,omitempty"`
}
