package api

import (
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

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
