package report

import (
	"cmp"
	"strconv"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/terminal"
)

// RulesText is the table of a connection's rules and their last syncs.
func RulesText(d api.Description) string {
	if len(d.Rules) == 0 {
		return "no rules\n"
	}
	table := terminal.Table{
		Header: []string{"RULE", "ENABLED", "SCHEDULE", "LAST SYNC", "ENDED", "IMPACTED", "SUCCESS", "UNSYNCED", "PARTIAL", "FAILED", "HELD", "LEFT"},
		Right:  []int{5, 6, 7, 8, 9, 10, 11},
	}
	for _, r := range d.Rules {
		enabled := "no"
		if r.Enabled {
			enabled = "yes"
		}
		if !r.InFile {
			enabled += ", not in the file"
		}
		if r.Deleting {
			enabled = "being deleted"
		}
		rule, _ := d.Config.Rule(r.Name)
		s, ok := d.Syncs[r.Name]
		if !ok {
			table.Row(r.Name, enabled, cmp.Or(rule.SyncEvery, "none"), "none")
			continue
		}
		table.Row(r.Name, enabled, cmp.Or(rule.SyncEvery, "none"), string(s.State), s.EndedAt.UTC().Format(time.DateTime), strconv.Itoa(s.Impacted),
			strconv.Itoa(s.Success), strconv.Itoa(s.Unsynced), strconv.Itoa(s.PartiallySynced), strconv.Itoa(s.Failed), strconv.Itoa(s.Held), strconv.Itoa(s.ToDeprovision))
	}
	return table.String()
}
