package up

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli/report"
	"github.com/entraflow/entraflow/internal/cli/session"
)

// notifications are the news of a connection that `up` has printed, so that each is printed once.
type notifications struct {
	syncs    map[string]string // :: rule -> the run that was told of
	rules    map[string]bool   // :: rule -> it is being deleted
	validity api.Validity
}

// begin takes everything as told that is so now.
func (s *notifications) begin(d api.Description) {
	s.syncs, s.rules, s.validity = map[string]string{}, map[string]bool{}, d.Validity
	for rule, sync := range d.Syncs {
		s.syncs[rule] = sync.RunID
	}
	for _, r := range d.Rules {
		s.rules[r.Name] = r.Deleting
	}
}

// news are lines about what is new since the last look.
func (s *notifications) news(t *session.Link, d api.Description) []string {
	if s.syncs == nil {
		s.begin(d)
	}
	var lines []string
	name := d.Config.Name
	for _, r := range d.Rules {
		if sync, ok := d.Syncs[r.Name]; ok && sync.RunID != s.syncs[r.Name] {
			s.syncs[r.Name] = sync.RunID
			lines = append(lines, syncNews(name, sync))
		}
		if r.Deleting && !s.rules[r.Name] {
			lines = append(lines, deletingText(t, name, r.Name))
		}
		s.rules[r.Name] = r.Deleting
	}
	for _, rule := range slices.Sorted(maps.Keys(s.rules)) {
		if _, ok := d.Rule(rule); !ok {
			delete(s.rules, rule)
			lines = append(lines, "rule "+rule+": deleted")
		}
	}
	if d.Validity != s.validity {
		s.validity = d.Validity
		lines = append(lines, validityNews(name, d)...)
	}
	return lines
}

// syncNews tells how a sync ended. A held one says in its message how it is approved.
func syncNews(connection string, s api.SyncSummary) string {
	line := fmt.Sprintf("%s rule %s: %s (impacted %d, success %d, unsynced %d, partial %d, failed %d, held %d)",
		s.EndedAt.Local().Format(time.TimeOnly), s.Rule, strings.TrimSpace(cmp.Or(s.Message, string(s.State))),
		s.Impacted, s.Success, s.Unsynced, s.PartiallySynced, s.Failed, s.Held)
	if approve := report.ApproveHash(connection, s.Rule, report.HeldHash(s)); s.State == api.SyncHeld && !strings.Contains(line, approve) {
		line += "\n  next: look at the people listed as held; if all of them are right: " + approve
	}
	return line
}

// validityNews tells that a connection can no longer be used, why and what to do; or that it can again.
func validityNews(name string, d api.Description) []string {
	switch d.Validity {
	case api.Valid:
		return []string{"connection " + name + " is valid again; its syncs go on"}
	case api.InvalidConnection:
		f := session.FailureOf(report.Invalid(name, d.Test))
		return []string{f.Error(), "  nothing is provisioned until a test passes",
			"  next: " + f.Next, "  then: starter connection test " + name}
	}
	return nil
}

// deletingText says that a rule is being deleted, and where to see how far that is.
func deletingText(t *session.Link, connection, rule string) string {
	text := fmt.Sprintf("rule %s: being deleted; starter rule delete %s %s --confirm %s shows how far it is", rule, connection, rule, rule)
	if url := t.WorkflowURL(api.DeleteRuleID(connection, rule)); url != "" {
		text += "\n  " + url
	}
	return text
}
