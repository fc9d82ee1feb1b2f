package ldap

import (
	"context"
	"slices"
	"strconv"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// groupsAtOnce is how many groups are read with one search, and namesAtOnce about how many entries one search asks.
const (
	groupsAtOnce = 20
	namesAtOnce  = 100
)

// node is one group with what stands in it. Only when all groups are read is it known which of the names lead to whom.
type node struct {
	group source.Group
	dn    string
	// people are those of the population by their numbers, and names who or what else is a member.
	people []int32
	names  []dnKey
	// uids are members by uid who are not among the population.
	uids []string
	// sid is the security identifier in Active Directory, by which people name their primary group.
	sid []byte
	// err tells why the members are not all there.
	err error
	// ranges are attributes of which the entry had only a part, with what of them comes next.
	ranges map[string]string
}

// answer is what a name has led to: a group, somebody of the people, something else, or nothing where something must be.
type answer struct {
	group  *node
	person int32
	hidden bool
}

const noPerson = -2

// tree is what one reading of memberships knows.
type tree struct {
	*Source
	*groupReading
	conn   *goldap.Conn
	people *population
	// byID are the groups that were asked for, and byName all that were read.
	byID   map[string]*node
	byName map[dnKey]*node
	// asked are the names that were looked for; unasked those that are to be.
	asked   map[dnKey]answer
	unasked map[dnKey]string
	// byUID and unaskedUIDs are the same for uids.
	byUID       map[string]int32
	unaskedUIDs map[string]bool
	// nameFilter is the attribute by which a search finds entries of certain names; "" where the server has none.
	nameFilter string
	// marks has, for each of the people, the last group that they were found in.
	marks []int32
}

// tree reads the groups with these ids, those within them, and so on. Cycles end by themselves: no group is read twice.
func (s *Source) tree(ctx context.Context, c *goldap.Conn, g *groupReading, ids []string) (*tree, error) {
	t := &tree{Source: s, groupReading: g, conn: c, byID: map[string]*node{}, byName: map[dnKey]*node{}, asked: map[dnKey]answer{},
		unasked: map[dnKey]string{}, byUID: map[string]int32{}, unaskedUIDs: map[string]bool{}}
	var err error
	if t.people, err = s.population(ctx, c, g); err != nil {
		return nil, err
	}
	for chunk := range slices.Chunk(ids, groupsAtOnce) {
		if err := t.readWanted(ctx, chunk); err != nil {
			return nil, err
		}
	}
	if len(t.byID) == 0 && len(ids) > 0 {
		if err := s.groupsReadable(ctx, c, g); err != nil {
			return nil, err
		}
	}
	if err := t.probe(ctx); err != nil {
		return nil, err
	}
	for len(t.unasked) > 0 {
		if err := t.ask(ctx); err != nil {
			return nil, err
		}
	}
	if err := t.askUIDs(ctx); err != nil {
		return nil, err
	}
	t.marks = make([]int32, len(t.people.ids))
	return t, nil
}

// readWanted reads groups by their ids. Where the search for several fails, each is tried alone, so that one does not keep the others
// from being read.
func (t *tree) readWanted(ctx context.Context, ids []string) error {
	var alternatives strings.Builder
	for _, id := range ids {
		if filter, possible := t.id.idFilter(id); possible {
			alternatives.WriteString(filter)
		}
	}
	if alternatives.Len() == 0 {
		return nil
	}
	var nodes []*node
	err := t.stream(ctx, t.conn, t.groupReading.request("(&"+t.filter+"(|"+alternatives.String()+"))", t.ofGroups()...), false, func(e *goldap.Entry) error {
		n, err := t.node(e)
		nodes = append(nodes, n)
		return err
	})
	switch {
	case err != nil && (lost(ctx, err) || len(ids) == 1):
		if lost(ctx, err) {
			return err
		}
		t.byID[ids[0]] = &node{group: source.Group{ID: ids[0]}, err: err}
		return nil
	case err != nil:
		for _, id := range ids {
			if err := t.readWanted(ctx, []string{id}); err != nil {
				return err
			}
		}
		return nil
	}
	for _, n := range nodes {
		if !slices.Contains(ids, n.group.ID) {
			continue // Servers compare without case and blanks.
		}
		if err := t.take(ctx, n); err != nil {
			return err
		}
		t.byID[n.group.ID] = n
	}
	return nil
}

// ofGroups are the attributes of groups that are read.
func (g *groupReading) ofGroups() []string {
	names := append([]string{g.id.id, "cn", "description", "objectClass"}, g.members()...)
	if g.activeDirectory {
		names = append(names, "objectSid")
	}
	return names
}

// node reads the entry of a group. It asks for nothing more.
func (t *tree) node(e *goldap.Entry) (*node, error) {
	group, err := t.group(e)
	if err != nil {
		return nil, err
	}
	n := &node{group: group, dn: e.DN, ranges: map[string]string{}}
	members := 0
	for _, a := range e.Attributes {
		name, next := a.Name, ""
		if m := ranged.FindStringSubmatch(a.Name); m != nil {
			name, next = m[1], m[3]
		}
		if !slices.ContainsFunc(t.members(), func(known string) bool { return strings.EqualFold(known, name) }) {
			continue
		}
		members += len(a.Values)
		t.add(n, name, a.Values)
		if next != "" && next != "*" {
			n.ranges[name] = next
		}
	}
	if t.activeDirectory {
		n.sid = e.GetEqualFoldRawAttributeValue("objectSid")
	}
	if members == 0 && slices.ContainsFunc(e.GetEqualFoldAttributeValues("objectClass"), needsMembers) {
		n.err = t.hidden("a group must have members and shows none; let the account read the members of groups")
	}
	return n, nil
}

// needsMembers recognises the classes that are never without a member (RFC 4519).
func needsMembers(class string) bool {
	return strings.EqualFold(class, "groupOfNames") || strings.EqualFold(class, "groupOfUniqueNames")
}

// add takes members of a group up: people by their numbers, whatever else by name, to be asked for later.
func (t *tree) add(n *node, attribute string, values []string) {
	if strings.EqualFold(attribute, memberUIDAttribute) {
		for _, uid := range values {
			switch number, known := t.people.byUID[uid]; {
			case !known:
				n.uids = append(n.uids, uid)
				t.unaskedUIDs[uid] = true
			case number == twice:
				n.err = perhaps(n.err, fault.New(op, fault.Invalid, fault.SourceIDDuplicate, "uid"))
			default:
				n.people = append(n.people, number)
			}
		}
		return
	}
	for _, name := range values {
		key, dn := keyOf(name)
		if number, known := t.people.byName[key]; known {
			n.people = append(n.people, number)
			continue
		}
		if dn == nil || !t.reachable(dn) {
			continue
		}
		n.names = append(n.names, key)
		if _, again := t.asked[key]; !again && t.byName[key] == nil {
			t.unasked[key] = name
		}
	}
}

// reachable reports that a name is of one of the trees that are read. In Active Directory one domain's name can stand below another's.
func (t *tree) reachable(dn *goldap.DN) bool {
	return slices.ContainsFunc(t.roots, func(r root) bool {
		return within(dn, r.dn) && (!t.activeDirectory || r.dn.EqualFold(domainOf(dn)))
	})
}

// rootOf is the tree that a reachable name is in.
func (t *tree) rootOf(dn *goldap.DN) string {
	for _, r := range t.roots {
		if within(dn, r.dn) {
			return r.name
		}
	}
	return t.roots[0].name
}

// take takes a group up that was read, with the rest of its members.
func (t *tree) take(ctx context.Context, n *node) error {
	key, _ := keyOf(n.dn)
	t.byName[key] = n
	delete(t.unasked, key)
	for name, last := range n.ranges {
		part := &goldap.EntryAttribute{Name: name}
		for read := 0; last != "*"; read++ {
			at, err := strconv.Atoi(last)
			if err != nil || read == maxRanges {
				n.err = perhaps(n.err, fault.New(op, fault.Invalid, fault.SourceIncomplete, name))
				break
			}
			m, err := t.nextRange(ctx, t.conn, n.dn, part, at+1)
			if err != nil && lost(ctx, err) {
				return err
			}
			if err != nil {
				n.err = perhaps(n.err, err)
				break
			}
			last = m[3]
			t.add(n, name, part.Values)
			part.Values, part.ByteValues = nil, nil
		}
	}
	n.ranges = nil
	return nil
}

// membership is who is in a group that was asked for: mark is another number for each.
func (t *tree) membership(id string, mark int32) source.Membership {
	n := t.byID[id]
	if n == nil {
		return source.Membership{Group: source.Group{ID: id}, Err: fault.New(op, fault.NotFound, fault.GroupNotFound, id)}
	}
	m := source.Membership{Group: n.group}
	add := func(person int32) {
		if t.marks[person] != mark {
			t.marks[person] = mark
			m.People = append(m.People, t.people.ids[person])
		}
	}
	seen := map[*node]bool{n: true}
	for open := []*node{n}; len(open) > 0; {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		m.Err = perhaps(m.Err, at.err)
		for _, person := range at.people {
			add(person)
		}
		for _, uid := range at.uids {
			switch person := t.byUID[uid]; person {
			case twice:
				m.Err = perhaps(m.Err, fault.New(op, fault.Invalid, fault.SourceIDDuplicate, "uid"))
			case noPerson:
			default:
				add(person)
			}
		}
		if len(at.sid) > 0 {
			byPrimary := t.people.primary[string(at.sid)]
			for _, person := range byPrimary {
				add(person)
			}
			if t.people.primaryHidden && (len(byPrimary) > 0 || isDomainUsers(at.sid)) {
				m.Err = perhaps(m.Err, t.hidden("the primary group of somebody cannot be read; let the account read primaryGroupID of all people"))
			}
		}
		for _, name := range at.names {
			found, asked := t.asked[name]
			if group := t.byName[name]; group != nil || !asked {
				found = answer{group: group, person: noPerson}
			}
			switch {
			case found.hidden:
				m.Err = perhaps(m.Err, t.hidden("a member of a group cannot be read, so that nobody knows whether it is a group; let the account read it"))
			case found.group != nil && !seen[found.group]:
				seen[found.group] = true
				open = append(open, found.group)
			case found.group == nil && found.person >= 0:
				add(found.person)
			}
		}
	}
	return m
}
