package api

import (
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// PlanInput is the argument of PlanRule.
type PlanInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	// Removed is how many people the sync has taken something from already; the guard counts them.
	Removed int `json:"removed,omitempty"`
	// Lost is the plan to make again, because the worker that kept it is gone; nil makes a new one.
	Lost *LostPlan `json:"lost,omitempty"`
}

// LostPlan is a plan that a sync has begun to carry out.
type LostPlan struct {
	PageInput
	// PermitRun is the run of the sync that knows which removals passed the guard (QueryPermit); "" when none did.
	PermitRun string `json:"permitRun,omitempty"`
}

// PageInput is the argument of PlanPage.
type PageInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	// PlanID names the plan.
	PlanID string `json:"planId"`
	// Revision of the settings the plan was made with.
	Revision int `json:"revision"`
	// Stage selects what of the plan is cut into pages.
	Stage plan.Stage `json:"stage"`
	// After is the last source id of the page before.
	After string `json:"after,omitempty"`
}

// PlanResult is one page of a plan and what is known of the whole.
type PlanResult struct {
	// PlanID names the plan for the next page.
	PlanID string `json:"planId"`
	// Queue is the task queue of the worker that keeps the plan.
	Queue string `json:"queue,omitempty"`
	// Gone: the worker no longer keeps the plan, and there is no page.
	Gone bool `json:"gone,omitempty"`
	// Revision of the settings it was made with.
	Revision int `json:"revision"`
	// People are those to start a workflow for.
	People []PlannedPerson `json:"people,omitempty"`
	// Unchanged counts the people of the page who need nothing, Reasons why, Troubled some who failed.
	Unchanged plan.Counters        `json:"unchanged"`
	Reasons   map[fault.Reason]int `json:"reasons,omitempty"`
	Troubled  []PersonNote         `json:"troubled,omitempty"`
	// After and Last continue the paging.
	After string `json:"after,omitempty"`
	Last  bool   `json:"last"`
	// Whole is told with every page.
	Whole PlanSummary `json:"whole"`
	// Permitted are the plan's removals, where they passed the guard (plan.Permit); when a plan is first made only.
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
	// Doubtful are people who left and to whose accounts nothing is done, and why; the first of them.
	Doubtful []PersonNote `json:"doubtful,omitempty"`
	// ManagersPending is how many people's managers get an account only by this plan (plan.Plan.ManagersPending).
	ManagersPending int `json:"managersPending,omitempty"`
	// Renames and Freed are how many people the plan's stages of these names have (plan.StageNames, StageFreed).
	Renames int `json:"renames,omitempty"`
	Freed   int `json:"freed,omitempty"`
	// Groups is how many entries the rule's groups have; 0 where it has none, and the sync no stage for them.
	Groups int `json:"groups,omitempty"`
	// Snapshot of the source that was planned from.
	Snapshot source.Snapshot `json:"snapshot"`
}

// PlannedPerson is one person of a page.
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
	// Candidate is which of several sign-in names the plan gave somebody new, counted from 1; 0 where the mapping gives one.
	Candidate int `json:"candidate,omitempty"`
	// Snapshot is the version of the source that was planned from.
	Snapshot int64 `json:"snapshot,omitempty"`
	// Recent: somebody ran the person's workflow so lately that the plan's read of the tenant may have missed an account
	// made by it.
	Recent bool `json:"recent,omitempty"`
	// Missed: the plan's read of the tenant showed fewer links than were known, so it proves nobody's account missing.
	Missed bool `json:"missed,omitempty"`
}
