package api

import (
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
)

// HoldsMemberships reports that memberships wait for somebody's word. What a first sync puts off, or what is held with the people's
// removals, comes by itself or with those.
func HoldsMemberships(g *membership.Guard) bool {
	return g != nil && g.HeldGroups > 0 && g.Hash != "" && !g.Approved
}

// GroupNote is one line about one group.
type GroupNote struct {
	// Group is its id at the store, Target the object id in the tenant; "" where it has none.
	Group   string            `json:"group"`
	Target  string            `json:"target,omitempty"`
	Action  membership.Action `json:"action,omitempty"`
	Outcome plan.Outcome      `json:"outcome,omitempty"`
	Reason  fault.Reason      `json:"reason,omitempty"`
	Subject string            `json:"subject,omitempty"`
	// RequestID is Microsoft's id of the request that was refused, for a support case.
	RequestID string `json:"requestId,omitempty"`
}

// GroupInput starts SyncGroup. A person types connection, rule and group only; the rest comes from a sync or from a person's run.
type GroupInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	// Group is its id at the store; in a file, which has no ids of groups, its name.
	Group string `json:"group"`
	// User, when set, is the one person whose membership in the group is put right, and nothing else.
	User string `json:"user,omitempty"`
	// Membership is what a person's run has found out about the membership of User, whose account AccountID is.
	Membership *PersonGroup `json:"membership,omitempty"`
	AccountID  string       `json:"accountId,omitempty"`
	// Revision of the settings that the plan was made with.
	Revision int `json:"revision,omitempty"`
	// Planned is what a sync's plan says of the group.
	Planned *PlannedGroup `json:"planned,omitempty"`
	// Resume is the state handed to the next run by continue-as-new.
	Resume *GroupResume `json:"resume,omitempty"`
}

// GroupResume is what a run hands to its next.
type GroupResume struct {
	Result GroupResult `json:"result"`
	// Written is how many of the memberships of the plan are done.
	Written int `json:"written"`
}

// PlannedGroup is one group of a plan, of which a worker keeps the rest.
type PlannedGroup struct {
	membership.Change
	// PlanID names the plan, Queue the task queue of the worker that keeps it.
	PlanID string `json:"planId"`
	Queue  string `json:"queue"`
}

// GroupsInput is the argument of PlanGroups.
type GroupsInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	// Group, when set, is the only group to plan.
	Group string `json:"group,omitempty"`
	// PlanID names the plan of the rule's people that the worker may keep; "" where there is none. Revision are the settings it was made
	// with.
	PlanID   string `json:"planId,omitempty"`
	Revision int    `json:"revision,omitempty"`
	// NewAccounts: since that plan was made, people have been given accounts, or lost something: the accounts are to be read again.
	NewAccounts bool `json:"newAccounts,omitempty"`
	// Removed is how many people this sync has taken something from already, memberships included; the guard counts them.
	Removed int `json:"removed,omitempty"`
}

// GroupPageInput is the argument of GroupPage.
type GroupPageInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	PlanID     string `json:"planId"`
	Revision   int    `json:"revision"`
	// After is the last group of the page before.
	After string `json:"after,omitempty"`
}

// GroupsResult is one page of a plan of groups and what is known of the whole.
type GroupsResult struct {
	// PlanID names the plan for the next page, Queue the task queue of the worker that keeps it.
	PlanID string `json:"planId,omitempty"`
	Queue  string `json:"queue,omitempty"`
	// Gone: the worker no longer keeps the plan, and there is no page.
	Gone bool `json:"gone,omitempty"`
	// Revision of the settings it was made with.
	Revision int `json:"revision"`
	// Groups are those to start a workflow for.
	Groups []PlannedGroup `json:"groups,omitempty"`
	// Unchanged counts the groups of the page about which there is nothing to do, Reasons why some of them are not as they should be, and
	// Troubled names those.
	Unchanged membership.Counters  `json:"unchanged"`
	Reasons   map[fault.Reason]int `json:"reasons,omitempty"`
	Troubled  []GroupNote          `json:"troubled,omitempty"`
	// After and Last continue the paging.
	After string `json:"after,omitempty"`
	Last  bool   `json:"last"`
	// Guard is the decision about memberships that would be taken away.
	Guard membership.Guard `json:"guard"`
}

// SettleGroupInput is the argument of SettleGroup.
type SettleGroupInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	Group      string `json:"group"`
	Revision   int    `json:"revision"`
	PlanID     string `json:"planId"`
}

// SettleGroupResult says what became of the group itself.
type SettleGroupResult struct {
	// Gone: the worker no longer keeps the plan, and nothing was done.
	Gone bool `json:"gone,omitempty"`
	// Target is the group's object id.
	Target     string            `json:"target"`
	Action     membership.Action `json:"action"`
	Attributes []string          `json:"attributes,omitempty"`
	// Created: the group was made just now, and reads may not see it yet.
	Created bool `json:"created,omitempty"`
	// Members is how many of those who are to be added, from the first, the creation has added.
	Members int `json:"members,omitempty"`
}

// WriteMembersInput is the argument of WriteMembers.
type WriteMembersInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	Group      string `json:"group"`
	Revision   int    `json:"revision"`
	PlanID     string `json:"planId"`
	Target     string `json:"target"`
	Created    bool   `json:"created,omitempty"`
	// From is how many of the memberships of the plan are done: all who come before all who go.
	From int `json:"from,omitempty"`
}

// WriteMembersResult says what was written and where to go on.
type WriteMembersResult struct {
	// Gone: the worker no longer keeps the plan, and nothing was done.
	Gone    bool `json:"gone,omitempty"`
	Next    int  `json:"next"`
	Last    bool `json:"last"`
	Added   int  `json:"added,omitempty"`
	Removed int  `json:"removed,omitempty"`
	// Refused is how many memberships Graph refused, Reasons why, and Problems the first of the people.
	Refused  int                  `json:"refused,omitempty"`
	Reasons  map[fault.Reason]int `json:"reasons,omitempty"`
	Problems []PersonNote         `json:"problems,omitempty"`
}

// GroupResult is the result of SyncGroup. A group that failed ends the workflow as Failed, with the reason as the error's type and
// this as its details.
type GroupResult struct {
	Connection string            `json:"connection"`
	Rule       string            `json:"rule"`
	Group      string            `json:"group"`
	User       string            `json:"user,omitempty"`
	Target     string            `json:"target,omitempty"`
	Action     membership.Action `json:"action"`
	Outcome    plan.Outcome      `json:"outcome"`
	Reason     fault.Reason      `json:"reason,omitempty"`
	Subject    string            `json:"subject,omitempty"`
	RequestID  string            `json:"requestId,omitempty"`
	// Message says in words what happened and, where something is amiss, what to do.
	Message    string   `json:"message"`
	Attributes []string `json:"attributes,omitempty"`
	// MembersAdded and MembersRemoved are how many memberships were written, Refused how many Graph refused.
	MembersAdded   int `json:"membersAdded"`
	MembersRemoved int `json:"membersRemoved"`
	Refused        int `json:"refused,omitempty"`
	// Held is how many people would lose the membership and did not.
	Held int `json:"held,omitempty"`
	// Reasons counts why memberships were refused, Problems names the first hundred of the people.
	Reasons  map[fault.Reason]int `json:"reasons,omitempty"`
	Problems []PersonNote         `json:"problems,omitempty"`
	// PlanGone: the worker that kept the plan is gone, and what is left is for another plan.
	PlanGone bool `json:"planGone,omitempty"`
}
