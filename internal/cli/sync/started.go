package sync

import (
	"fmt"
	"strings"

	"github.com/entraflow/entraflow/internal/cli/session"
)

// started is the JSON of a sync that is not waited for.
type started struct {
	Connection string       `json:"connection"`
	Rules      []startedRun `json:"rules"`
}

// startedRun is one of them.
type startedRun struct {
	Rule       string `json:"rule"`
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	// Joined: it was running already and plans once more.
	Joined bool   `json:"joined,omitempty"`
	URL    string `json:"url,omitempty"`
}

// printStarted prints which syncs were started or joined.
func printStarted(a *session.Session, t *session.Link, connection string, runs []Run) error {
	result := started{Connection: connection}
	var b strings.Builder
	for _, r := range runs {
		url := t.WorkflowURL(r.id)
		result.Rules = append(result.Rules, startedRun{Rule: r.rule, WorkflowID: r.id, RunID: r.run, Joined: r.joined, URL: url})
		verb := "started"
		if r.joined {
			verb = "was running and plans once more"
		}
		fmt.Fprintf(&b, "rule %s: %s %s %s\n", r.rule, r.id, verb, url)
	}
	return a.Print(result, b.String())
}
