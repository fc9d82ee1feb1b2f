package api

import "github.com/entraflow/entraflow/internal/fault"

// PersonGroupsInput is the argument of PersonGroups.
type PersonGroupsInput struct {
	Connection string `json:"connection"`
	// Rule is the rule that provisions the person, or did.
	Rule string `json:"rule"`
	User string `json:"user"`
	// AccountID is the person's account; "" looks for it by its link.
	AccountID string `json:"accountId,omitempty"`
	// Group, when set, is the only group to look at, by its id at the store.
	Group string `json:"group,omitempty"`
	// Left: the person was deprovisioned.
	Left bool `json:"left,omitempty"`
	// Event: a change at the source started the run. Nothing is taken away then but what the connection allows.
	Event bool `json:"event,omitempty"`
	// Recent: the account was made or restored just now, and reads may not see it yet.
	Recent bool `json:"recent,omitempty"`
}

// PersonGroupsResult says which groups the person is to join or to leave.
type PersonGroupsResult struct {
	AccountID string        `json:"accountId,omitempty"`
	Groups    []PersonGroup `json:"groups,omitempty"`
	// Waiting is how many groups have to be made by a sync first, Held how many the person stays in for now, because only a sync may take
	// memberships away; Reason says why.
	Waiting int          `json:"waiting,omitempty"`
	Held    int          `json:"held,omitempty"`
	Reason  fault.Reason `json:"reason,omitempty"`
}

// PersonGroup is one group that a person is to join or to leave.
type PersonGroup struct {
	// Group is its id at the store, Target its object id.
	Group  string `json:"group"`
	Target string `json:"target"`
	// Leave: the person leaves the group; else they join it.
	Leave bool `json:"leave,omitempty"`
}

// WriteMembershipInput is the argument of WriteMembership.
type WriteMembershipInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	User       string `json:"user"`
	AccountID  string `json:"accountId"`
	PersonGroup
}
