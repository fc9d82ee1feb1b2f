package ldap

import (
	"context"
	"encoding/binary"
	"strconv"

	goldap "github.com/go-ldap/ldap/v3"
)

// population is who the people of a directory are, by what groups call them. Somebody is a number: their place in ids.
type population struct {
	ids    []string
	byName map[dnKey]int32
	// byUID has the people of each uid, in which upper and lower case differ; twice where several people have it.
	byUID map[string]int32
	// primary has, for the security identifier of a group of Active Directory, those of whom it is the primary group.
	primary map[string][]int32
	// primaryHidden: of some people the primary group cannot be read.
	primaryHidden bool
}

// twice is the number of somebody who is not known for certain.
const twice = -1

// population lists the people with nothing but their ids and what groups call them.
func (s *Source) population(ctx context.Context, c *goldap.Conn, g *groupReading) (*population, error) {
	p := &population{byName: map[dnKey]int32{}, byUID: map[string]int32{}, primary: map[string][]int32{}}
	request := s.request(g.people.filter)
	request.Attributes = g.ofPeople()
	err := s.stream(ctx, c, request, false, func(e *goldap.Entry) error {
		_, err := p.add(g, e)
		return err
	})
	if err == nil && len(p.ids) == 0 {
		err = s.readable(ctx, c)
	}
	return p, err
}

// ofPeople are the attributes by which people are recognised.
func (g *groupReading) ofPeople() []string {
	names := []string{g.people.id}
	if g.uids {
		names = append(names, "uid")
	}
	if g.activeDirectory {
		names = append(names, "objectSid", "primaryGroupID")
	}
	return names
}

// add takes a person up.
func (p *population) add(g *groupReading, e *goldap.Entry) (int32, error) {
	id, err := g.people.idOf(attributeOf(e, g.people.id))
	if err != nil {
		return 0, err
	}
	number := int32(len(p.ids)) //nolint:gosec // A directory of two thousand million people is none that we read.
	key, _ := keyOf(e.DN)
	if known, again := p.byName[key]; again {
		return known, nil
	}
	p.ids = append(p.ids, id)
	p.byName[key] = number
	if g.uids {
		for _, uid := range e.GetEqualFoldAttributeValues("uid") {
			if _, again := p.byUID[uid]; again {
				p.byUID[uid] = twice
			} else {
				p.byUID[uid] = number
			}
		}
	}
	if sid := e.GetEqualFoldRawAttributeValue("objectSid"); g.activeDirectory && len(sid) > 0 {
		group, ok := primaryGroup(sid, e.GetEqualFoldAttributeValue("primaryGroupID"))
		if !ok {
			p.primaryHidden = true
		} else {
			p.primary[group] = append(p.primary[group], number)
		}
	}
	return number, nil
}

// primaryGroup is the security identifier of somebody's primary group: their own domain's, with the number of the group at its end.
// https://learn.microsoft.com/windows/win32/adschema/a-primarygroupid
func primaryGroup(sid []byte, number string) (string, bool) {
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || len(sid) < 12 {
		return "", false
	}
	return string(binary.LittleEndian.AppendUint32(append([]byte{}, sid[:len(sid)-4]...), uint32(n))), true
}

// isDomainUsers recognises the group that everybody is in who has no other primary group.
func isDomainUsers(sid []byte) bool {
	return len(sid) >= 12 && binary.LittleEndian.Uint32(sid[len(sid)-4:]) == 513
}
