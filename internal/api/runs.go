package api

// ScheduleInput is the argument of SetSchedule.
type ScheduleInput struct {
	Connection string `json:"connection"`
	// Rule and its interval as Go writes durations; "" removes the schedule.
	Rule  string `json:"rule"`
	Every string `json:"every,omitempty"`
	// Paused: the rule, its connection, or the connection's validity does not allow syncs at present.
	Paused bool `json:"paused,omitempty"`
}

// AwaitInput is the argument of AwaitRun.
type AwaitInput struct {
	// WorkflowID of the run to wait for.
	WorkflowID string `json:"workflowId"`
	// Signal, when set, is sent before waiting.
	Signal string `json:"signal,omitempty"`
	// Type, when set, is the workflow type whose result is wanted; a run of another type is only waited for.
	Type string `json:"type,omitempty"`
}
