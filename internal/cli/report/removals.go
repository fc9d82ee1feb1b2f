package report

import (
	"fmt"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// ApproveCommand is the command line that lets exactly these removals be carried out once.
func ApproveCommand(connection, rule string, g plan.Guard) string {
	return ApproveHash(connection, rule, g.Hash)
}

// ApproveHash is the command line that lets exactly the set with this hash be carried out once, be it removals or memberships.
func ApproveHash(connection, rule, hash string) string {
	return fmt.Sprintf("starter sync --connection %s --rule %s --approve-removals %s", connection, rule, hash)
}

// IsHeld tells removals that wait for somebody's word from those that a rule's first sync only puts off.
func IsHeld(g plan.Guard) bool { return g.Held && g.Reason != fault.FirstSyncHeld }
