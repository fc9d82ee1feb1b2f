package directory

import "slices"

// Group is a group of the tenant, as far as entraflow reads it.
type Group struct {
	ID          string
	DisplayName string
	Description string
	// MailNickname is unique among Microsoft 365 groups only.
	MailNickname string
	// UniqueName is set once, at creation, and never changes; "" for groups made in other ways.
	UniqueName string
	// Types are Graph's groupTypes: Unified, DynamicMembership.
	Types []string
	// SecurityEnabled and MailEnabled say which kind of group it is, together with Types.
	SecurityEnabled, MailEnabled bool
	// RoleAssignable groups can be given roles of administrators; changing their members needs rights that entraflow does not ask for.
	RoleAssignable bool
	// ManagementRestricted groups are in a restricted management administrative unit.
	ManagementRestricted bool
	// Synced groups are mastered on premises.
	Synced bool
	// AssignedLicenses are the SKU ids that members get.
	AssignedLicenses []string
	// Link and Mark are the values of the two extension properties; "" where there are none.
	Link, Mark string
}

// Dynamic reports that a rule of the tenant decides who is a member.
func (g Group) Dynamic() bool { return slices.Contains(g.Types, "DynamicMembership") }

// Microsoft365 reports that it is a Microsoft 365 group, with a mailbox.
func (g Group) Microsoft365() bool { return slices.Contains(g.Types, "Unified") }
