package ldap

import (
	"cmp"
	"context"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// The attributes that have the members of groups: by name, or by uid.
const (
	memberAttribute       = "member"
	uniqueMemberAttribute = "uniqueMember"
	memberUIDAttribute    = "memberUid"
)

// groupFilters find the groups of a kind of directory. A groupOfURLs is none: who its members are only its server works out.
var groupFilters = map[string]string{
	kindActiveDirectory: "(objectClass=group)",
	kindOpenLDAP:        "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=groupOfMembers)(objectClass=posixGroup))",
	kindGeneric:         "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=groupOfMembers)(objectClass=posixGroup)(objectClass=group))",
}

// ownIDs are attributes that a server itself gives every entry, people and groups, and never changes.
var ownIDs = []string{"entryUUID", "objectGUID", "nsUniqueId", "ibm-entryUUID"}

// groupReading is how entries of one directory become groups.
type groupReading struct {
	// people is how entries become people.
	people *reading
	// id is how an entry's id is read.
	id     *reading
	base   string
	filter string
	// byName are the attributes with members by name; uids: there is one with members by uid, too.
	byName []string
	uids   bool
	// activeDirectory: there are primary groups, and no name of a member leads nowhere.
	activeDirectory bool
	// roots are the trees in which people and groups are.
	roots []root
}

// root is a tree of entries.
type root struct {
	name string
	dn   *goldap.DN
}

func (s *Source) groupReading(ctx context.Context) (*groupReading, error) {
	people, err := s.reading(ctx)
	if err != nil {
		return nil, err
	}
	f := people.facts
	g := &groupReading{people: people, base: cmp.Or(s.Directory.Groups.BaseDN, s.BaseDN), filter: cmp.Or(s.Directory.Groups.Filter, groupFilters[f.kind]),
		activeDirectory: f.kind == kindActiveDirectory}
	id := "entryUUID"
	switch {
	case slices.ContainsFunc(ownIDs, func(name string) bool { return strings.EqualFold(name, people.id) }):
		id = people.id
	case g.activeDirectory:
		id = "objectGUID"
	case !f.has(id) && f.has("nsUniqueId"):
		id = "nsUniqueId"
	}
	g.id = &reading{facts: f, id: id, guid: strings.EqualFold(id, "objectGUID")}
	for _, name := range []string{memberAttribute, uniqueMemberAttribute} {
		if f.has(name) && !(g.activeDirectory && name == uniqueMemberAttribute) {
			g.byName = append(g.byName, name)
		}
	}
	g.uids = !g.activeDirectory && f.has(memberUIDAttribute)
	for _, base := range []string{g.base, s.BaseDN} {
		if r := f.rootOf(base); !slices.ContainsFunc(g.roots, func(other root) bool { return other.dn.EqualFold(r.dn) }) {
			g.roots = append(g.roots, r)
		}
	}
	return g, nil
}

// rootOf is the tree that a base DN is in; the base DN itself where the server names no trees.
func (f *facts) rootOf(base string) root {
	dn, err := goldap.ParseDN(base)
	if err != nil {
		dn = &goldap.DN{}
	}
	var best *root
	for _, name := range f.contexts {
		parsed, err := goldap.ParseDN(name)
		if err == nil && name != "" && within(dn, parsed) && (best == nil || len(parsed.RDNs) > len(best.dn.RDNs)) {
			best = &root{name, parsed}
		}
	}
	if best == nil {
		return root{base, dn}
	}
	return *best
}

// members are the attributes with members.
func (g *groupReading) members() []string {
	names := slices.Clone(g.byName)
	if g.uids {
		names = append(names, memberUIDAttribute)
	}
	return names
}

// Groups lists all groups, page by page.
//
// Errors: those of a listing of people.
func (s *Source) Groups(ctx context.Context) ([]source.Group, error) {
	g, err := s.groupReading(ctx)
	if err != nil {
		return nil, err
	}
	var groups []source.Group
	err = s.with(ctx, func(c *goldap.Conn) error {
		groups = nil
		err := s.stream(ctx, c, g.request(g.filter, g.id.id, "cn", "description"), false, func(e *goldap.Entry) error {
			group, err := g.group(e)
			groups = append(groups, group)
			return err
		})
		if err == nil && len(groups) == 0 {
			err = s.groupsReadable(ctx, c, g)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return groups, nil
}

// request is a search below the base of the groups.
func (g *groupReading) request(filter string, attributes ...string) *goldap.SearchRequest {
	request := goldap.NewSearchRequest(g.base, goldap.ScopeWholeSubtree, goldap.NeverDerefAliases, 0, 0, false, filter, attributes, nil)
	if g.activeDirectory {
		request.Controls = []goldap.Control{goldap.NewControlString(controlDomainScope, false, "")}
	}
	return request
}

// The control that keeps the root of a domain from referring to other parts of the forest.
// https://learn.microsoft.com/openspecs/windows_protocols/ms-adts/83bb0b17-42ba-4dbb-9a40-ea7b5a3ac8ea
const controlDomainScope = "1.2.840.113556.1.4.1339"

// group reads what is known of a group beside its members.
//
// Errors: SourceIDEmpty, SourceMalformed (Invalid).
func (g *groupReading) group(e *goldap.Entry) (source.Group, error) {
	id, err := g.id.idOf(attributeOf(e, g.id.id))
	if err != nil {
		f := fault.Of(err)
		return source.Group{}, fault.Wrap(op, f.Kind, f.Reason, f.Subject, source.Hint("a group lacks "+g.id.id+", or the account may not read it"))
	}
	return source.Group{ID: id, Name: source.Clean(nameOf(e)), Description: source.Clean(e.GetEqualFoldAttributeValue("description"))}, nil
}

// nameOf is the group's common name: of several, the one that is in its distinguished name.
func nameOf(e *goldap.Entry) string {
	names := e.GetEqualFoldAttributeValues("cn")
	if len(names) == 1 {
		return names[0]
	}
	if dn, err := goldap.ParseDN(e.DN); err == nil && len(dn.RDNs) > 0 {
		for _, a := range dn.RDNs[0].Attributes {
			if len(names) == 0 || strings.EqualFold(a.Type, "cn") {
				return a.Value
			}
		}
	}
	return cmp.Or(append(names, "")...)
}

// groupsReadable makes sure that the base of the groups can be read: an account that has lost its rights is shown no groups, without an
// error.
//
// Errors: SourceAccessDenied (Denied), SourcePlaceUnknown (Invalid).
func (s *Source) groupsReadable(ctx context.Context, c *goldap.Conn, g *groupReading) error {
	result, err := s.search(ctx, c, goldap.NewSearchRequest(g.base, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", []string{"1.1"}, nil))
	if err == nil && len(result.Entries) == 0 {
		err = fault.Wrap(op, fault.Denied, fault.SourceAccessDenied, g.base, source.Hint("the base DN of the groups cannot be read"))
	}
	return err
}

// Memberships reads the people of the directory once, and then the members of the groups and of those within them. A member who is not
// among the people, such as somebody outside of the base DN, is none; members in other domains are not followed.
//
// Requests: one for 1,000 people, one for 20 groups, one for each further range of a large group, and one for 100 members who are not
// among the people.
//
// Errors: those of a listing of people. In a Membership: GroupNotFound (NotFound); SourceAccessDenied (Denied) where a group or its
// members are hidden from the account; SourceIncomplete, SourceIDDuplicate.
func (s *Source) Memberships(ctx context.Context, ids []string, yield func(source.Membership) error) error {
	g, err := s.groupReading(ctx)
	if err != nil {
		return err
	}
	ids = distinct(ids)
	var t *tree
	err = s.with(ctx, func(c *goldap.Conn) (err error) {
		t, err = s.tree(ctx, c, g, ids)
		return err
	})
	if err != nil {
		return err
	}
	for i, id := range ids {
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		if err := yield(t.membership(id, int32(i)+1)); err != nil { //nolint:gosec // As many groups nobody asks for.
			return err
		}
	}
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	return nil
}

// distinct gives each of the ids once.
func distinct(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		again := seen[id]
		seen[id] = true
		return again
	})
}

// hidden is the error of a group that is not whole for want of rights.
func (s *Source) hidden(what string) error {
	return fault.Wrap(op, fault.Denied, fault.SourceAccessDenied, s.place(), source.Hint(what))
}

// perhaps joins the error of one group with what is known already.
func perhaps(known, err error) error {
	if known != nil {
		return known
	}
	return err
}
