package sourcetest

import (
	"cmp"
	"context"
	"slices"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

var _ source.GroupReader = (*Directory)(nil)

// SetGroups replaces all groups. The id of a group without one is "id-of-" and its name.
func (d *Directory) SetGroups(groups []Group) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.groups = slices.Clone(groups)
	for i, g := range d.groups {
		d.groups[i].ID = cmp.Or(g.ID, "id-of-"+g.Name)
		if g.Strangers {
			d.groups[i].People = append(slices.Clone(g.People), "somebody else")
		}
	}
}

// CutGroups makes the members of the groups with these names, and of all groups that they are within, unreadable; none mends that.
func (d *Directory) CutGroups(names ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = names
}

// BreakGroups makes the list of groups fail; nil mends that.
func (d *Directory) BreakGroups(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.groupsBroken = err
}

// Groups asks for all groups, by one request.
func (d *Directory) Groups(ctx context.Context) ([]source.Group, error) {
	d.requests.Add(1)
	if err := ended(ctx); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.groupsBroken != nil {
		return nil, d.groupsBroken
	}
	groups := make([]source.Group, len(d.groups))
	for i, g := range d.groups {
		groups[i] = g.group()
	}
	return groups, nil
}

func (g Group) group() source.Group {
	return source.Group{ID: g.ID, Name: source.Clean(g.Name), Description: source.Clean(g.Description)}
}

// Memberships asks for the members of each group, by a request for every group that is gone through.
func (d *Directory) Memberships(ctx context.Context, ids []string, yield func(source.Membership) error) error {
	for _, id := range ids {
		if err := ended(ctx); err != nil {
			return err
		}
		if err := yield(d.membership(id)); err != nil {
			return err
		}
	}
	return ended(ctx)
}

// membership goes through a group and all groups within it.
func (d *Directory) membership(id string) source.Membership {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := slices.IndexFunc(d.groups, func(g Group) bool { return g.ID == id })
	if at < 0 {
		return source.Membership{Group: source.Group{ID: id}, Err: fault.New("read source", fault.NotFound, fault.GroupNotFound, id)}
	}
	m := source.Membership{Group: d.groups[at].group()}
	in, been := map[string]bool{}, map[int]bool{}
	for next := []int{at}; len(next) > 0; {
		i := next[0]
		next = next[1:]
		if been[i] {
			continue
		}
		been[i] = true
		d.requests.Add(1)
		g := d.groups[i]
		if slices.Contains(d.cut, g.Name) {
			m.Err = fault.New("read source", fault.Transient, fault.SourceIncomplete, "directory")
			g.People = g.People[:len(g.People)/2]
		}
		for _, person := range g.People {
			if _, known := d.byID[person]; known && !in[person] {
				in[person] = true
				m.People = append(m.People, person)
			}
		}
		for _, name := range g.Groups {
			if j := slices.IndexFunc(d.groups, func(g Group) bool { return g.Name == name }); j >= 0 {
				next = append(next, j)
			}
		}
	}
	return m
}

// MembershipsOf asks for the groups of one person.
//
// Errors: that of a group whose members cannot be read.
func (d *Directory) MembershipsOf(ctx context.Context, person string, ids []string) ([]string, error) {
	d.requests.Add(1)
	if err := ended(ctx); err != nil {
		return nil, err
	}
	var in []string
	for _, id := range ids {
		m := d.membership(id)
		if m.Err != nil && !fault.Is(m.Err, fault.GroupNotFound) {
			return nil, m.Err
		}
		if slices.Contains(m.People, person) {
			in = append(in, id)
		}
	}
	return in, nil
}
