package ldap

import (
	"context"
	"fmt"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// MembershipsOf goes up from a person to the groups that name them, to the groups that name those, and so on.
//
// Active Directory could do this with one request (LDAP_MATCHING_RULE_IN_CHAIN). That is slow in large domains, knows no primary group, and
// does not tell of a group on the way that the account may not read, so that whoever is in it would look as if they were not.
//
// Requests: three, and one for each level of nesting and 100 groups of it.
//
// Errors: those of a single read; in Active Directory SourceAccessDenied (Denied) where a group that the person is in is hidden.
func (s *Source) MembershipsOf(ctx context.Context, person string, ids []string) ([]string, error) {
	g, err := s.groupReading(ctx)
	if err != nil {
		return nil, err
	}
	ids = distinct(ids)
	byID, possible := g.people.idFilter(person)
	switch {
	case ctx.Err() != nil:
		return nil, interrupted(ctx)
	case !possible || len(ids) == 0:
		return nil, nil
	}
	var in []string
	err = s.with(ctx, func(c *goldap.Conn) error {
		in = nil
		u := &upward{Source: s, groupReading: g, conn: c, seen: map[dnKey]bool{}, above: map[dnKey]bool{}, wanted: map[string]bool{}, found: map[string]bool{}}
		there, err := u.person(ctx, person, byID)
		if err != nil || !there {
			return err
		}
		if err := u.known(ctx, ids); err != nil {
			return err
		}
		for len(u.open) > 0 && len(u.wanted) > 0 {
			if err := u.climb(ctx); err != nil {
				return err
			}
		}
		if err := u.whole(); err != nil {
			return err
		}
		in = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !u.found[id] })
		return nil
	})
	return in, err
}

// upward is one way up from a person.
type upward struct {
	*Source
	*groupReading
	conn *goldap.Conn
	// open are conditions on groups that name somebody who was found and whose groups are not known yet.
	open []string
	// seen are the groups that were found. above are, in Active Directory, those that the entries found say they are in.
	seen, above map[dnKey]bool
	// wanted are the groups that were asked for and are not known to have the person; found are the others.
	wanted, found map[string]bool
}

// person finds the person; there is false where they are not among the people of the store.
func (u *upward) person(ctx context.Context, id, byID string) (there bool, err error) {
	request := u.Source.request("(&" + u.people.filter + byID + ")")
	request.Attributes = append(u.ofPeople(), u.backLink()...)
	var found *goldap.Entry
	err = u.stream(ctx, u.conn, request, false, func(e *goldap.Entry) error {
		switch own, err := u.people.idOf(attributeOf(e, u.people.id)); {
		case err != nil:
			return err
		case own != id:
			// Servers compare without case and blanks.
		case found != nil:
			return fault.New(op, fault.Invalid, fault.SourceIDDuplicate, u.people.id)
		default:
			found = e
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	if found == nil {
		return false, u.readable(ctx, u.conn)
	}
	u.naming(found.DN)
	if u.uids {
		for _, uid := range found.GetEqualFoldAttributeValues("uid") {
			u.open = append(u.open, "("+memberUIDAttribute+"="+goldap.EscapeFilter(uid)+")")
		}
	}
	if u.activeDirectory {
		sid := found.GetEqualFoldRawAttributeValue("objectSid")
		group, ok := primaryGroup(sid, found.GetEqualFoldAttributeValue("primaryGroupID"))
		switch {
		case ok:
			u.open = append(u.open, "(objectSid="+octets([]byte(group))+")")
		case len(sid) > 0:
			return false, u.hidden("the primary group of somebody cannot be read; let the account read primaryGroupID of all people")
		}
	}
	return true, u.note(ctx, found)
}

func octets(b []byte) string {
	var out strings.Builder
	for _, c := range b {
		fmt.Fprintf(&out, `\%02x`, c)
	}
	return out.String()
}

// backLink is the attribute that names the groups an entry is in, where the server keeps it for certain.
func (g *groupReading) backLink() []string {
	if g.activeDirectory {
		return []string{"memberOf"}
	}
	return nil
}

// naming has the groups looked for that name an entry.
func (u *upward) naming(dn string) {
	var alternatives strings.Builder
	for _, attribute := range u.byName {
		alternatives.WriteString("(" + attribute + "=" + goldap.EscapeFilter(dn) + ")")
	}
	u.open = append(u.open, alternatives.String())
}

// note keeps which groups an entry says it is in.
func (u *upward) note(ctx context.Context, e *goldap.Entry) error {
	if !u.activeDirectory {
		return nil
	}
	if err := u.complete(ctx, u.conn, e); err != nil {
		return err
	}
	for _, name := range e.GetEqualFoldAttributeValues("memberOf") {
		key, dn := keyOf(name)
		if dn != nil && u.roots[0].dn.EqualFold(domainOf(dn)) {
			u.above[key] = true
		}
	}
	return nil
}

// known finds those of the groups that are there: nobody is in the others.
func (u *upward) known(ctx context.Context, ids []string) error {
	for chunk := range slices.Chunk(ids, namesAtOnce) {
		var alternatives strings.Builder
		missing := map[string]bool{}
		for _, id := range chunk {
			filter, possible := u.id.idFilter(id)
			if possible {
				alternatives.WriteString(filter)
				missing[id] = true
			}
		}
		if len(missing) == 0 {
			continue
		}
		err := u.stream(ctx, u.conn, u.groupReading.request("(&"+u.filter+"(|"+alternatives.String()+"))", u.id.id), false, func(e *goldap.Entry) error {
			id, err := u.id.idOf(attributeOf(e, u.id.id))
			if missing[id] {
				u.wanted[id] = true
				delete(missing, id)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if len(u.wanted) == 0 {
		return u.groupsReadable(ctx, u.conn, u.groupReading)
	}
	return nil
}

// climb finds the groups that name those who were found last.
func (u *upward) climb(ctx context.Context) error {
	open := u.open
	u.open = nil
	var found []*goldap.Entry
	for chunk := range slices.Chunk(open, namesAtOnce) {
		filter := "(|" + strings.Join(chunk, "") + ")"
		for _, r := range u.roots {
			request := goldap.NewSearchRequest(r.name, goldap.ScopeWholeSubtree, goldap.NeverDerefAliases, 0, 0, false, filter, append(u.backLink(), u.id.id), nil)
			err := u.stream(ctx, u.conn, request, true, func(e *goldap.Entry) error {
				key, _ := keyOf(e.DN)
				if u.seen[key] {
					return nil
				}
				u.seen[key] = true
				found = append(found, e)
				id, err := u.id.idOf(attributeOf(e, u.id.id))
				if u.wanted[id] {
					u.found[id] = true
					delete(u.wanted, id)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	for _, e := range found {
		u.naming(e.DN)
		if err := u.note(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// whole makes sure, where somebody is not in all the groups, that no group on the way is hidden.
func (u *upward) whole() error {
	if len(u.wanted) == 0 {
		return nil
	}
	for key := range u.above {
		if !u.seen[key] {
			return u.hidden("a group that somebody is in cannot be read, so that nobody knows where it leads; let the account read it")
		}
	}
	return nil
}

var _ source.GroupReader = (*Source)(nil)
