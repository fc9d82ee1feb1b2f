package report

import (
	"fmt"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// ApproveCommand is the command line that lets exactly these removals be carried out once.
func ApproveCommand(connection, rule string, g plan.Guard) string {
	return fmt.Sprintf("starter sync --connection %s --rule %s --approve-removals %s", connection, rule, g.Hash)
}

// IsHeld tells removals that wait for somebody's word from those that a rule's first sync only puts off.
func IsHeld(g plan.Guard) bool { return g.Held && g.Reason != fault.FirstSyncHeld }
