package ldap

import (
	"context"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
)

// The attributes that have an entry's name, for searches: Active Directory's, and that of RFC 5020.
const (
	nameInActiveDirectory = "distinguishedName"
	nameElsewhere         = "entryDN"
)

// probe finds out whether entries can be searched for by name, so that a hundred are read with one request.
func (t *tree) probe(ctx context.Context) error {
	if len(t.unasked) == 0 {
		return nil
	}
	name := nameElsewhere
	if t.activeDirectory {
		name = nameInActiveDirectory
	}
	result, err := t.search(ctx, t.conn, goldap.NewSearchRequest(t.BaseDN, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 0, 0, false,
		"("+name+"="+goldap.EscapeFilter(t.BaseDN)+")", []string{"1.1"}, nil))
	switch {
	case err != nil && lost(ctx, err):
		return err
	case err == nil && len(result.Entries) == 1:
		t.nameFilter = name
	}
	return nil
}

// named is a name that is looked for.
type named struct {
	key  dnKey
	text string
}

// ask looks for the names that are unknown so far. What it finds may have members whose names are unknown in turn.
func (t *tree) ask(ctx context.Context) error {
	names := map[string][]named{}
	for key, text := range t.unasked {
		_, dn := keyOf(text)
		at := t.rootOf(dn)
		names[at] = append(names[at], named{key, text})
	}
	clear(t.unasked)
	atOnce := namesAtOnce
	if t.nameFilter == "" {
		atOnce = 1
	}
	for at, all := range names {
		for chunk := range slices.Chunk(all, atOnce) {
			if err := t.askFor(ctx, at, chunk); err != nil {
				return err
			}
		}
	}
	return nil
}

// askFor looks for some names of one tree.
func (t *tree) askFor(ctx context.Context, at string, names []named) error {
	request := goldap.NewSearchRequest(at, goldap.ScopeWholeSubtree, goldap.NeverDerefAliases, 0, 0, false, t.named(names), nil, nil)
	if len(names) == 1 {
		request.BaseDN, request.Scope, request.Filter = names[0].text, goldap.ScopeBaseObject, "(objectClass=*)"
	}
	request.Attributes = append(t.ofGroups(), t.ofPeople()...)
	found, err := t.look(ctx, request)
	code, _ := answered(err)
	switch {
	case err != nil && lost(ctx, err):
		return err
	case err != nil && len(names) > 1:
		return t.oneByOne(ctx, at, names)
	case fault.Is(err, fault.SourcePlaceUnknown), code == goldap.LDAPResultReferral:
		// It is nowhere, or at another server.
	case err != nil:
		// It may be a group of which nothing is known then.
		t.asked[names[0].key] = answer{hidden: true, person: noPerson}
		return nil
	}
	var missing, outside []named
	for _, n := range names {
		f, ok := found[n.key]
		if len(names) == 1 && len(found) == 1 {
			// The server takes two ways to write a name for the same.
			for _, f = range found {
				ok = true
			}
		}
		switch {
		case !ok:
			missing = append(missing, n)
			continue
		case f.node != nil:
			if err := t.take(ctx, f.node); err != nil {
				return err
			}
		case f.person == noPerson && f.below && !f.hidden:
			outside = append(outside, n)
		}
		t.asked[n.key] = answer{group: f.node, person: f.person, hidden: f.hidden && f.person == noPerson && f.node == nil}
	}
	if err := t.askPeople(ctx, outside); err != nil {
		return err
	}
	if len(names) > 1 && len(found) > len(names)-len(missing) {
		return t.oneByOne(ctx, at, missing)
	}
	for _, n := range missing {
		// Active Directory drops the names of entries that are deleted: an entry that does not show itself is there.
		t.asked[n.key] = answer{hidden: t.activeDirectory && code != goldap.LDAPResultReferral, person: noPerson}
	}
	return nil
}

func (t *tree) oneByOne(ctx context.Context, at string, names []named) error {
	for _, n := range names {
		if err := t.askFor(ctx, at, []named{n}); err != nil {
			return err
		}
	}
	return nil
}

// named is a filter for entries with one of some names.
func (t *tree) named(names []named) string {
	var alternatives strings.Builder
	for _, n := range names {
		alternatives.WriteString("(" + t.nameFilter + "=" + goldap.EscapeFilter(n.text) + ")")
	}
	return "(|" + alternatives.String() + ")"
}

// entry is what a search by name has found.
type entry struct {
	// node is the group that it is; nil for none.
	node *node
	// person is the number of one of the population; noPerson for nobody.
	person int32
	// below: it is where the people are.
	below bool
	// hidden: it does not show what it is.
	hidden bool
}

// look reads entries whatever they are, by their names' keys. References to other servers are none of its concern: what is there is not
// followed.
func (t *tree) look(ctx context.Context, request *goldap.SearchRequest) (map[dnKey]entry, error) {
	base, err := goldap.ParseDN(t.BaseDN)
	if err != nil {
		return nil, fault.New(op, fault.Invalid, fault.SettingsInvalid, "ldap.baseDN")
	}
	found := map[dnKey]entry{}
	err = t.stream(ctx, t.conn, request, true, func(e *goldap.Entry) error {
		key, dn := keyOf(e.DN)
		f := entry{person: noPerson, below: within(dn, base), hidden: len(e.GetEqualFoldAttributeValues("objectClass")) == 0}
		if number, known := t.people.byName[key]; known {
			f.person = number
		} else if t.isGroup(e) {
			if f.node, err = t.node(e); err != nil {
				return err
			}
		}
		found[key] = f
		return nil
	})
	return found, err
}

// isGroup recognises groups among other entries: by their members or, in Active Directory, by their class, since somebody's primary group
// does not name them.
func (t *tree) isGroup(e *goldap.Entry) bool {
	for _, a := range e.Attributes {
		name, _, _ := strings.Cut(a.Name, ";")
		if slices.ContainsFunc(t.members(), func(known string) bool { return strings.EqualFold(known, name) }) {
			return true
		}
	}
	return slices.ContainsFunc(e.GetEqualFoldAttributeValues("objectClass"), func(class string) bool {
		return needsMembers(class) || t.activeDirectory && strings.EqualFold(class, "group")
	})
}

// askPeople asks who of some entries are people who have come, or were renamed, since the people were listed.
func (t *tree) askPeople(ctx context.Context, names []named) error {
	if len(names) == 0 {
		return nil
	}
	request := t.Source.request("(&" + t.groupReading.people.filter + t.named(names) + ")")
	if len(names) == 1 {
		request.BaseDN, request.Scope, request.Filter = names[0].text, goldap.ScopeBaseObject, t.groupReading.people.filter
	}
	request.Attributes = t.ofPeople()
	err := t.stream(ctx, t.conn, request, true, func(e *goldap.Entry) error {
		number, err := t.people.add(t.groupReading, e)
		if err != nil {
			return err
		}
		key, _ := keyOf(e.DN)
		if len(names) == 1 {
			key = names[0].key
		}
		t.asked[key] = answer{person: number}
		return nil
	})
	if fault.Is(err, fault.SourcePlaceUnknown) {
		return nil // Gone meanwhile.
	}
	return err
}

// askUIDs asks who has the uids that nobody had when the people were listed.
func (t *tree) askUIDs(ctx context.Context) error {
	var uids []string
	for uid := range t.unaskedUIDs {
		t.byUID[uid] = noPerson
		uids = append(uids, uid)
	}
	for chunk := range slices.Chunk(uids, namesAtOnce) {
		var alternatives strings.Builder
		for _, uid := range chunk {
			alternatives.WriteString("(uid=" + goldap.EscapeFilter(uid) + ")")
		}
		request := t.Source.request("(&" + t.groupReading.people.filter + "(|" + alternatives.String() + "))")
		request.Attributes = t.ofPeople()
		err := t.stream(ctx, t.conn, request, false, func(e *goldap.Entry) error {
			number, err := t.people.add(t.groupReading, e)
			for _, uid := range e.GetEqualFoldAttributeValues("uid") {
				switch known, wanted := t.byUID[uid]; {
				case !wanted:
				case known == noPerson || known == number:
					t.byUID[uid] = number
				default:
					t.byUID[uid] = twice
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
