package source

import "context"

// Group is one group of a store.
type Group struct {
	// ID is the group's id at the store: opaque and never reused. In a file, which has no ids of groups, it is the name.
	ID string
	// Name is what people call it. It need not be unique where the store has ids.
	Name string
	// Description may be empty.
	Description string
}

// Membership is who is in one group.
type Membership struct {
	Group Group
	// People are the source ids of its members, each once, in no certain order: people of the store only, those of nested groups
	// included.
	People []string
	// Err tells why the members could not be read to their end. Nothing follows then from who is not among People. Other groups go on.
	Err error
}

// GroupReader is a source that has groups. It is optional: a store without it cannot be used by a rule with `groups:`.
//
// Errors are those of a Lister; none of them says anything about a group or a member that was not seen.
type GroupReader interface {
	// Groups lists all groups of the store. It returns them only after it has seen the explicit end.
	Groups(ctx context.Context) ([]Group, error)
	// Memberships reads the members of the groups with these ids, nested groups flattened; cycles among them are no problem. It
	// calls yield once for each id, in any order; a group that is gone has an Err with fault.GroupNotFound. An error from yield ends the
	// read and is returned as it is.
	Memberships(ctx context.Context, ids []string, yield func(Membership) error) error
	// MembershipsOf tells which of the groups with these ids a person is in, directly or through nested groups. A person who is
	// not at the store is in none.
	MembershipsOf(ctx context.Context, person string, ids []string) ([]string, error)
}
