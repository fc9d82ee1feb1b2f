package membership

import (
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// Input is everything that a plan of a rule's groups depends on. Object ids are compared without case.
type Input struct {
	Connection string
	// Rule is the rule planned for.
	Rule        string
	Preferences config.Preferences
	// GroupMembers says what happens to memberships of people who leave.
	GroupMembers config.GroupMembers
	// Selection is what Select found.
	Selection Selection
	// Others are the other enabled rules of the connection that have groups.
	Others []Other
	// NamesOnly: the store knows groups only by the people who name them (a file), so that one that nobody names need not be gone.
	NamesOnly bool
	// ListIncomplete: groups may be missing in the list that Select was given. Nobody loses a membership then.
	ListIncomplete bool
	// Memberships of the wanted groups, by the group's id at the store. One that is missing counts as unread.
	Memberships map[string]source.Membership
	// People says for each person by source id where they stand. Whoever is not in it is in doubt.
	People map[string]plan.Standing
	// Accounts are all accounts of the tenant, from a complete read. Make them with Accounts.
	Accounts []Account
	// Recent gives the account that was made for a person so lately that Accounts may not show it; "" when there is none. May be nil.
	Recent func(sourceID string) string
	// Groups are all groups of the tenant, from a complete read.
	Groups []directory.Group
	// Members are the members of the groups that Needs named, by the group's object id.
	Members map[string]Read
	// Bin are the deleted groups of the tenant; needed where Needs says so.
	Bin []directory.Group
	// Linked is how many linked accounts of the rule have not been deprovisioned (plan.Plan.Active): what the guard reckons from.
	Linked int
	// Removed is how many people this sync has taken something from already, without those whom an approval let pass. They use up what the
	// guard allows.
	Removed int
	// Lost are the source ids of people who lose something by the plan of the people in this sync, and have been counted there.
	Lost map[string]bool
	// PeopleHeld is why the plan of the people holds its removals; "" when it does not. Memberships are held with them.
	PeopleHeld fault.Reason
	// FirstSync: nothing may be taken away yet.
	FirstSync bool
	// Limit is how far the plan is carried out (config.Connection.GroupsPolicy).
	Limit config.Policy
	// Permit says which losses passed the guard before, or were approved.
	Permit plan.Permit
}

// Other is another enabled rule of the connection that has groups.
type Other struct {
	Rule string
	// Wanted are its groups; what they are called at the target does not matter.
	Wanted []Wanted
	// Unread: what it wants is not known. Any group may be among it.
	Unread bool
}

// Account is what a plan needs of an account of the tenant.
type Account struct {
	// ID is the object id.
	ID string
	// Person is the source id in the account's link (directory.Link.PersonID), Rule the link's rule; both are "" for accounts without a
	// link of the connection.
	Person, Rule string
	// Deprovisioned: the person's leaving has been acted on earlier, and counted then.
	Deprovisioned bool
}

// Accounts takes what a plan needs out of the accounts of the tenant.
func Accounts(connection string, accounts []directory.Account) []Account {
	out := make([]Account, len(accounts))
	for i := range accounts {
		a := &accounts[i]
		out[i].ID = a.ID
		if l, ok := directory.ParseLink(a.Link); ok && l.Connection == connection {
			mark, _ := directory.ParseMark(a.Mark)
			out[i].Person, out[i].Rule, out[i].Deprovisioned = l.PersonID(), l.Rule, mark.Disabled.Deprovisioned()
		}
	}
	return out
}

// Read is one reading of a group's members at the target.
type Read struct {
	// Accounts are object ids of members; what is no user account among them stays as it is.
	Accounts []string
	// Err tells why the members could not be read to their end. Nothing is written to the group then.
	Err error
}

// Needed is what a plan needs to know of the tenant beside its groups and accounts.
type Needed struct {
	// Members are the object ids of the groups whose members are needed, sorted.
	Members []string
	// Bin: the deleted groups are needed.
	Bin bool
}
