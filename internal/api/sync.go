package api

import (
	"time"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
)

// PersonNote is one line about one person.
type PersonNote struct {
	User    string       `json:"user"`
	Action  plan.Action  `json:"action,omitempty"`
	Outcome plan.Outcome `json:"outcome,omitempty"`
	Reason  fault.Reason `json:"reason,omitempty"`
	Subject string       `json:"subject,omitempty"`
	// RequestID is Microsoft's id of the request that was refused, for a support case.
	RequestID string `json:"requestId,omitempty"`
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
	// EndsOpen: the source was read whole although nothing shows its end; see RuleSettings.
	EndsOpen bool `json:"endsOpen,omitempty"`
	// Groups are the counters of the rule's groups, GroupGuard what the guard said of their memberships; nil where no plan of groups was
	// made.
	Groups     membership.Counters `json:"groups"`
	GroupGuard *membership.Guard   `json:"groupGuard,omitempty"`
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
	// Doubtful are people who left and to whose accounts nothing is done, and why; the first of them.
	Doubtful []PersonNote `json:"doubtful,omitempty"`
	// HeldList are the first of the people counted in Held, with what was held.
	HeldList []PersonNote `json:"heldList,omitempty"`
	// Guard is what the removal guard said of the plan.
	Guard plan.Guard `json:"guard"`
	// Groups are the counters of the rule's groups, GroupGuard what the guard said of their memberships; nil where no plan of groups was
	// made.
	Groups     membership.Counters `json:"groups"`
	GroupGuard *membership.Guard   `json:"groupGuard,omitempty"`
	// GroupReasons counts why groups are not as they should be, and GroupProblems names the first hundred of them.
	GroupReasons  map[fault.Reason]int `json:"groupReasons,omitempty"`
	GroupProblems []GroupNote          `json:"groupProblems,omitempty"`
	// Planned is how many people's workflows the sync starts, by all plans that it makes; Done how many have ended.
	Planned int `json:"planned"`
	Done    int `json:"done"`
	// Actions counts what was carried out.
	Actions map[plan.Action]int `json:"actions,omitempty"`
	// Reasons counts why people are not Success.
	Reasons map[fault.Reason]int `json:"reasons,omitempty"`
	// Problems names people who failed or are only partly synced, the first hundred of them.
	Problems []PersonNote `json:"problems,omitempty"`
	// StartedAt is when the sync began, over all its runs.
	StartedAt time.Time `json:"startedAt"`
}

// SyncResume is what a sync hands to its next run.
type SyncResume struct {
	Result SyncResult `json:"result"`
	// Stage, PlanID and After say where in which plan to go on, Queue which worker keeps it.
	Stage  plan.Stage `json:"stage"`
	PlanID string     `json:"planId"`
	Queue  string     `json:"queue,omitempty"`
	After  string     `json:"after"`
	// PermitRun is the run that knows which removals passed the guard; a plan made again may carry out what is left of them.
	PermitRun string `json:"permitRun,omitempty"`
	// Removed is how many people something was taken away from, Deprovisioned those of them who were deprovisioned.
	Removed       int `json:"removed"`
	Deprovisioned int `json:"deprovisioned,omitempty"`
	// Open: the source that was planned from has no end that shows it to be whole.
	Open bool `json:"open,omitempty"`
	// ConnectionLinked is what the plan saw in the tenant.
	ConnectionLinked int `json:"connectionLinked"`
	// Replans is how often the sync has planned again because settings changed or somebody asked to look again.
	Replans int `json:"replans"`
	// Skipped: people of the plan were left so that its removals need not wait for whoever is stuck; another plan serves them.
	Skipped bool `json:"skipped,omitempty"`
	// ManagersPending is for how many people another plan would find a manager to whom the present one gives an account,
	// Appeared how many people it has given one.
	ManagersPending int `json:"managersPending,omitempty"`
	Appeared        int `json:"appeared,omitempty"`
	// ManagersPlanned: the plan for managers has been made; there is one in a sync.
	ManagersPlanned bool `json:"managersPlanned,omitempty"`
	// Renames and Freed are how many people of the plan wait for a name or license of others in it (PlanSummary).
	Renames int `json:"renames,omitempty"`
	Freed   int `json:"freed,omitempty"`
	// Groups is how many entries of groups the rule has (PlanSummary), GroupPlanID and GroupQueue name the plan that was made of them and
	// the worker that keeps it.
	Groups      int    `json:"groupEntries,omitempty"`
	GroupPlanID string `json:"groupPlanId,omitempty"`
	GroupQueue  string `json:"groupQueue,omitempty"`
	// GroupPlans is how often groups have been planned in this sync, and GroupsRemoved how many people lost a membership by it.
	GroupPlans    int `json:"groupPlans,omitempty"`
	GroupsRemoved int `json:"groupsRemoved,omitempty"`
	// NewAccounts: since the plan was made, this sync has given people accounts.
	NewAccounts bool `json:"newAccounts,omitempty"`
}
