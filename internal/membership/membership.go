// Package membership decides about groups. It compares the groups of a store, with their members, to those of a tenant and says for every
// group what is to be done, who becomes a member, who stops being one, and why. Like internal/plan it knows no Temporal, no HTTP and no
// clock, so that preview, single runs and full syncs decide alike.
//
// A sync calls Select with the groups of the store, Needs with all that is known so far, then Build. A group of the tenant is ours by its
// link, and a member is ours if the account carries a link of the connection. In doubt nobody loses a membership.
package membership

import (
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// Action is what is done about one group. The values are wire format.
type Action string

const (
	// None: the group itself stays as it is and so do its members; Outcome and Reason tell why, if it is not as it should be.
	None Action = "none"
	// Create makes the group, with link and mark in the same request.
	Create Action = "create"
	// Restore takes the group out of the recycle bin. Who is in it is known only then: those who do not belong there leave it by the next sync.
	Restore Action = "restore"
	// Adopt links an existing group.
	Adopt Action = "adopt"
	// Update writes what differs of the group itself, and changes members where there is something to change.
	Update Action = "update"
	// Members changes members only.
	Members Action = "members"
	// Empty takes our members out of a group that left the rule or the store.
	Empty Action = "empty"
	// Delete moves such a group into the recycle bin.
	Delete Action = "delete"
)

// Names in Decision.Attributes beside those of Graph.
const (
	// AttributeLink stands for the link property.
	AttributeLink = plan.AttributeLink
	// AttributeMark stands for the mark property.
	AttributeMark = plan.AttributeMark
	// AttributeDescription is the description; the display name is directory.DisplayName.
	AttributeDescription = "description"
)

// Member is one account that becomes a member of a group or stops being one.
type Member struct {
	// Person is the source id; "" for an account that carries no link of the connection.
	Person string
	// Account is the object id, in lower case.
	Account string
}

// Decision is what is done about one group.
type Decision struct {
	// Group is the group's id at the store. Of a group that left and whose link holds only a hash it is a directory.HashedID.
	Group string
	// Wanted is what the rule wants; nil for a group that left the rule or the store.
	Wanted *Wanted
	// Target is the object id of the group at the target; "" for Create and where there is none.
	Target string
	Action Action
	// Attributes names what is written to the group itself with one request, sorted: displayName, description, link, mark. Empty for
	// Create, which writes all.
	Attributes []string
	// Mark is what the mark property holds once the group is written.
	Mark directory.GroupMark
	// Adds become members, sorted by account; nobody does while HeldWhole is set.
	Adds []Member
	// Removes stop being members, sorted by account; nobody does while Held is set. Of a group that is deleted they are all that it has.
	Removes []Member
	// Waiting is how many people belong into the group and have no account yet.
	Waiting int
	// Present is how many members the group has that the mode looks at: ours, or everybody with existing: overwrite.
	Present int
	// Withheld is what would be done if the policy allowed it; "" where nothing is withheld.
	Withheld Action
	// Held: nobody loses a membership of this group now, HoldReason says why.
	Held       bool
	HoldReason fault.Reason
	// HeldWhole: nobody becomes a member either. So it is with a group that would lose too large a share: it may be the wrong one, and those who
	// joined would make the share smaller, so that the next sync let everybody go.
	HeldWhole bool
	// Outcome is how the group stands once all of this has worked: Success, Unsynced (a setting keeps the group as it is), PartiallySynced
	// (some of it may not be done now) or Failed.
	Outcome plan.Outcome
	// Reason says why the outcome is not Success, or why something is taken away.
	Reason fault.Reason
	// Subject names what the reason is about, by object ids or the name of a setting; never the group's name.
	Subject string
}

// Writes reports whether anything is to be written now.
func (d *Decision) Writes() bool {
	switch d.Action {
	case None:
		return false
	case Members:
		return len(d.Joining()) > 0 || len(d.Losing()) > 0
	case Empty, Delete:
		return !d.Held
	case Create, Restore, Adopt, Update:
	}
	return true
}

// Joining are those who become members now.
func (d *Decision) Joining() []Member {
	if d.HeldWhole {
		return nil
	}
	return d.Adds
}

// Losing are those who stop being members now: nobody while removals are held.
func (d *Decision) Losing() []Member {
	if d.Held {
		return nil
	}
	return d.Removes
}

// Plan is what a sync of one rule would do about its groups.
type Plan struct {
	Rule string
	// Decisions are all groups that the rule wants, and those of its groups that left, sorted by Group.
	Decisions []Decision
	// Problems are entries of the rule that select nothing, or nothing that can be told.
	Problems []Problem
	// Guard says whether memberships may be taken away.
	Guard Guard
	// losses are the memberships that the guard counts, sorted.
	losses []plan.Loss
}
