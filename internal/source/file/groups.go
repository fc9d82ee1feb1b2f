package file

import (
	"context"
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/source"
)

// DefaultMemberOfColumn is the column with the names of a person's groups where Settings name none.
const DefaultMemberOfColumn = "memberOf"

var _ source.GroupReader = (*store)(nil)

// Groups gives the groups that anybody is in, sorted by name: the id of a group is its name, compared exactly. A group is there while
// somebody names it.
//
// Errors: those of List; fault.SourceColumnMissing (Invalid) where there is no column of groups, SourceMalformed (Invalid) where it holds
// what is neither a text nor a list of texts.
func (s *store) Groups(ctx context.Context) ([]source.Group, error) {
	names := map[string]bool{}
	_, err := s.eachMember(ctx, func(_ string, in memberOf) {
		in.each(func(name string, certain bool) {
			if certain && !names[name] {
				names[strings.Clone(name)] = true
			}
		})
	})
	if err != nil {
		return nil, err
	}
	groups := make([]source.Group, 0, len(names))
	for name := range names {
		groups = append(groups, source.Group{ID: name, Name: name})
	}
	slices.SortFunc(groups, func(a, b source.Group) int { return strings.Compare(a.Name, b.Name) })
	return groups, nil
}

// Memberships reads the file once, whatever the number of groups. It keeps one id for each member and a reference for each membership.
//
// A file whose last line has no end may have been cut: each membership then has an Err with fault.SourceEndUnknown (Refused), and People are
// all that were read. Whoever accepts that the file ends so may take them for complete.
//
// Errors: those of Groups.
func (s *store) Memberships(ctx context.Context, ids []string, yield func(source.Membership) error) error {
	if len(ids) == 0 {
		return nil
	}
	type group struct {
		people []string
		seen   bool
	}
	groups := make(map[string]*group, len(ids))
	for _, id := range ids {
		groups[id] = &group{}
	}
	snapshot, err := s.eachMember(ctx, func(person string, in memberOf) {
		kept := ""
		in.each(func(name string, certain bool) {
			g := groups[name]
			if g == nil {
				return
			}
			g.seen = g.seen || certain
			if kept == "" {
				// A cell's text is part of its record's, all of which would stay in memory.
				kept = strings.Clone(person)
			}
			if n := len(g.people); n == 0 || g.people[n-1] != kept {
				g.people = append(g.people, kept)
			}
		})
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		g := groups[id]
		if g == nil {
			continue // It was asked for twice.
		}
		delete(groups, id)
		if ctx.Err() != nil {
			return s.cancelled(ctx)
		}
		m := source.Membership{Group: source.Group{ID: id, Name: id}, People: g.people}
		switch {
		case !g.seen:
			m = source.Membership{Group: source.Group{ID: id}, Err: fault.New(op, fault.NotFound, fault.GroupNotFound, s.place.name)}
		case snapshot.Open:
			m.Err = s.endUnknown()
		}
		if err := yield(m); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return s.cancelled(ctx)
	}
	return nil
}

// MembershipsOf reads the one person through the file's index.
//
// Errors: those of Get, but for a person who is not there; those of Groups; fault.SourceEndUnknown (Refused) where the person's groups are
// the end of a file whose last line has no end.
func (s *store) MembershipsOf(ctx context.Context, person string, ids []string) ([]string, error) {
	r, _, err := s.Get(ctx, person)
	if fault.Is(err, fault.PersonNotFound) || err == nil && len(ids) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l, _, err := s.layout(ctx)
	if err != nil {
		return nil, err
	}
	in, has, ok := s.memberOf(r, l)
	if !ok {
		return nil, s.noGroups(ctx, []string{person})
	}
	first, _, nested := strings.Cut(s.settings.memberOfColumn(), ".")
	if !has && !(nested && slices.Contains(l.names, first)) {
		return nil, l.missing(s.settings.memberOfColumn(), s)
	}
	var found []string
	doubtful := false
	in.each(func(name string, certain bool) {
		doubtful = doubtful || !certain
		if slices.Contains(ids, name) && !slices.Contains(found, name) {
			found = append(found, name)
		}
	})
	if doubtful {
		return nil, s.endUnknown()
	}
	return found, nil
}

func (s *store) endUnknown() error {
	return fault.New(op, fault.Refused, fault.SourceEndUnknown, s.place.name)
}

// eachMember reads the file to its end and gives each person with what their record says of groups, which holds only during the call.
func (s *store) eachMember(ctx context.Context, each func(person string, in memberOf)) (source.Snapshot, error) {
	l, _, err := s.layout(ctx)
	if err != nil {
		return source.Snapshot{}, err
	}
	column := s.settings.memberOfColumn()
	if s.tabular() && !slices.Contains(l.names, column) {
		return source.Snapshot{}, l.missing(column, s)
	}
	anybody := false
	var wrong []string
	snapshot, err := s.List(ctx, func(r source.Record) error {
		in, has, ok := s.memberOf(r, l)
		if !ok && len(wrong) <= maxLines {
			wrong = append(wrong, r.ID)
		}
		anybody = anybody || has
		each(r.ID, in)
		return nil
	})
	if err != nil {
		return source.Snapshot{}, err
	}
	if len(wrong) > 0 {
		return source.Snapshot{}, s.noGroups(ctx, wrong)
	}
	if !anybody && snapshot.Count > 0 {
		return source.Snapshot{}, l.missing(column, s)
	}
	return snapshot, nil
}

// memberOf is what a record says of a person's groups.
type memberOf struct {
	// text has names with semicolons between; list has one name each.
	text string
	list []string
	// cut: the text is the end of a file that may have been cut there.
	cut bool
}

// memberOf takes the groups out of a record. has is false for one without such a column, ok for one in which it holds something else.
func (s *store) memberOf(r source.Record, l layout) (in memberOf, has, ok bool) {
	value, has := lookup(r.Fields, s.settings.memberOfColumn())
	switch v := value.(type) {
	case nil:
		return memberOf{}, has, true
	case string:
		return memberOf{text: v, cut: r.Doubt && l.last(s.settings.memberOfColumn())}, has, true
	case []any:
		list, err := expression.Texts(v)
		return memberOf{list: list}, has, err == nil && !slices.ContainsFunc(v, isFlag)
	}
	list, err := expression.Texts([]any{value})
	return memberOf{list: list}, has, err == nil && !isFlag(value)
}

// isFlag recognises true and false, which are the name of no group.
func isFlag(value any) bool {
	_, flag := value.(bool)
	return flag
}

// noGroups is the error of records whose column of groups holds something else; it names their lines.
func (s *store) noGroups(ctx context.Context, people []string) error {
	note := "column " + s.settings.memberOfColumn() + " must have the names of groups: a list of texts, or a text with semicolons between"
	index, err := s.current(ctx)
	if err != nil {
		return err
	}
	found := problems{file: s.place.name}
	for _, person := range people {
		found.add(fault.SourceMalformed, note, int(index.entries[keyOf(person)].line))
	}
	return found.err()
}

// each gives the names. A name that is not certain is the last one of a file that may have been cut within it.
func (m memberOf) each(yield func(name string, certain bool)) {
	for _, name := range m.list {
		if name != "" {
			yield(name, true)
		}
	}
	for rest, more := m.text, m.text != ""; more; {
		var name string
		name, rest, more = strings.Cut(rest, ";")
		if name = source.Clean(name); name != "" {
			yield(name, more || !m.cut)
		}
	}
}

// last reports whether a column of a table is the last one.
func (l layout) last(column string) bool {
	i := slices.Index(l.names, column)
	return i >= 0 && l.cells != nil && l.cells[i] == slices.Max(l.cells)
}
