package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/terminal"
)

// groupsText says how it stands with the groups after a sync; "" for a rule without groups.
func groupsText(o Outcome) string {
	g := o.Groups
	if g.Impacted == 0 && o.GroupGuard == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  groups: %d impacted, %d success, %d failed; members added %d, removed %d\n", g.Impacted, g.Success, g.Failed, g.MembersAdded, g.MembersRemoved)
	if guard := o.GroupGuard; guard != nil && guard.HeldGroups > 0 {
		fmt.Fprintf(&b, "  held: %d people would lose a membership, in %d groups: %s\n", guard.Held, guard.HeldGroups,
			cmp.Or(guard.Reason, fault.GroupRemovalsHeld).Sentence())
	}
	if len(o.GroupReasons) > 0 {
		b.WriteString(strings.Replace(ReasonsText(o.GroupReasons), "why not success", "groups, why not success", 1))
	}
	if len(o.GroupProblems) > 0 {
		b.WriteString("  groups to look at:\n")
		table := terminal.Table{Indent: "    "}
		for _, n := range o.GroupProblems[:min(len(o.GroupProblems), maxNamed)] {
			table.Row(cmp.Or(n.Group, n.Subject, "all"), string(n.Outcome), string(n.Reason), n.Subject)
		}
		b.WriteString(table.String())
		if more := len(o.GroupProblems) - len(table.Rows); more > 0 {
			fmt.Fprintf(&b, "    and %d more\n", more)
		}
	}
	return b.String()
}

// HeldHash is the hash that lets go what a sync held: that of the people's removals, else that of memberships.
func HeldHash(s api.SyncSummary) string {
	if !IsHeld(s.Guard) && api.HoldsMemberships(s.GroupGuard) {
		return s.GroupGuard.Hash
	}
	return s.Guard.Hash
}
