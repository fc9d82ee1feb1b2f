package membership

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping/suggest"
	"github.com/entraflow/entraflow/internal/source"
)

// Wanted is one group of the store that the rule picks, with what it is to be at the target.
type Wanted struct {
	Group source.Group
	// Entry is the index of the rule's entry that picks it.
	Entry int
	// Target is the object id of an existing group whose members only are kept; "" where the group is ours to make.
	Target string
	// Name is the display name, Description may be empty and is not written then.
	Name, Description string
	// Type is config.GroupSecurity or GroupMicrosoft365, MailNickname what a creation takes.
	Type, MailNickname string
	// Existing and WhenRemoved are as in config.Group, with the default filled in.
	Existing, WhenRemoved string
}

// Problem is an entry of a rule that picks no group, or of which it cannot be told what its group is to be. Nobody loses a membership by
// it, and no group counts as gone while there is one.
type Problem struct {
	// Entry is the index of the entry in the rule's groups.
	Entry int
	// Setting is the entry's place in the rule: groups[2].source.
	Setting string
	Reason  fault.Reason
	// Name is what the entry or the store calls the group, and Near are names that the store has. They are for a terminal and
	// stay out of what is stored.
	Name string
	Near []string
	// Detail says what is wrong where the reason alone does not: of an expression, of groups with the same name their ids.
	Detail string
}

// Expressions evaluate what a rule writes in CEL about groups. Errors are for people to read.
type Expressions interface {
	// Matches reports whether an expression is true for a group.
	Matches(expression string, g source.Group) (bool, error)
	// Text evaluates an expression to a text.
	Text(expression string, g source.Group) (string, error)
}

// Selection is which groups of the store a rule picks.
type Selection struct {
	// Wanted are its groups, sorted by the group's id.
	Wanted   []Wanted
	Problems []Problem
	// Listed is how many groups the store has.
	Listed int
	// entries is how many entries the rule has; picks says whether an entry would pick a group, were it there.
	entries int
	picks   func(source.Group) bool
}

// Select finds the groups that a rule's entries name: by id, else by name, else by an expression. An entry that names a group goes before
// an expression that picks it, too.
func Select(entries []config.Group, groups []source.Group, expressions Expressions) Selection {
	s := &selector{entries: entries, expressions: expressions, byID: map[string]int{}, byName: map[string][]int{}, groups: groups, taken: map[string]int{}}
	for i, g := range groups {
		s.byID[g.ID] = i
		s.byName[g.Name] = append(s.byName[g.Name], i)
	}
	for i := range entries {
		if entries[i].Match == "" {
			s.named(i)
		}
	}
	for i := range entries {
		if entries[i].Match != "" {
			s.matching(i)
		}
	}
	s.distinct()
	sort.Slice(s.wanted, func(i, j int) bool { return s.wanted[i].Group.ID < s.wanted[j].Group.ID })
	sort.SliceStable(s.problems, func(i, j int) bool { return s.problems[i].Entry < s.problems[j].Entry })
	return Selection{Wanted: s.wanted, Problems: s.problems, Listed: len(groups), entries: len(entries), picks: s.picks}
}

type selector struct {
	entries     []config.Group
	expressions Expressions
	groups      []source.Group
	byID        map[string]int
	byName      map[string][]int
	taken       map[string]int // :: group id -> entry
	wanted      []Wanted
	problems    []Problem
}

// named finds the group of an entry with source.
func (s *selector) named(entry int) {
	name := s.entries[entry].Source
	i, ok := s.byID[name]
	if same := s.byName[name]; !ok && len(same) > 0 {
		if len(same) > 1 {
			s.problem(Problem{Entry: entry, Reason: fault.GroupAmbiguous, Name: name, Detail: s.ids(same)}, "source")
			return
		}
		i, ok = same[0], true
	}
	if !ok {
		s.problem(Problem{Entry: entry, Reason: fault.GroupNotFound, Name: name, Near: s.near(name)}, "source")
		return
	}
	g := s.groups[i]
	if _, twice := s.taken[g.ID]; twice {
		s.problem(Problem{Entry: entry, Reason: fault.GroupPickedTwice, Name: g.Name}, "source")
		return
	}
	s.take(entry, g)
}

// matching finds the groups of an entry with an expression, without those that another entry names.
func (s *selector) matching(entry int) {
	for _, g := range s.groups {
		match, err := s.expressions.Matches(s.entries[entry].Match, g)
		if err != nil {
			s.problem(Problem{Entry: entry, Reason: fault.GroupExpressionFailed, Name: g.Name, Detail: err.Error()}, "match")
			continue
		}
		if !match {
			continue
		}
		other, taken := s.taken[g.ID]
		switch {
		case !taken:
			s.take(entry, g)
		case s.entries[other].Match != "":
			s.problem(Problem{Entry: entry, Reason: fault.GroupPickedTwice, Name: g.Name}, "match")
		}
	}
}

// picks reports whether an entry would pick a group. An expression that fails may.
func (s *selector) picks(g source.Group) bool {
	return slices.ContainsFunc(s.entries, func(e config.Group) bool {
		if e.Match == "" {
			return e.Source == g.ID || e.Source == g.Name
		}
		match, err := s.expressions.Matches(e.Match, g)
		return match || err != nil
	})
}

// take makes a group wanted.
func (s *selector) take(entry int, g source.Group) {
	s.taken[g.ID] = entry
	e := s.entries[entry]
	w := Wanted{Group: g, Entry: entry, Target: e.Target, Type: e.Type, Existing: e.Existing, WhenRemoved: e.WhenRemoved}
	if w.Type == "" {
		w.Type = config.GroupSecurity
	}
	if w.Existing == "" {
		w.Existing = config.ExistingMerge
	}
	if w.WhenRemoved == "" {
		w.WhenRemoved = config.RemovedLeave
	}
	if w.Target == "" && !s.texts(entry, &w) {
		return
	}
	s.wanted = append(s.wanted, w)
}

// texts fills in what the group is called at the target.
func (s *selector) texts(entry int, w *Wanted) bool {
	e := s.entries[entry]
	for _, t := range []struct {
		key      string
		text     config.GroupText
		standard string
		value    *string
	}{
		{"name", e.Name, w.Group.Name, &w.Name}, {"description", e.Description, w.Group.Description, &w.Description}, {"mailNickname", e.MailNickname, "", &w.MailNickname},
	} {
		*t.value = t.standard
		var err error
		switch {
		case t.text.Expression != "":
			*t.value, err = s.expressions.Text(t.text.Expression, w.Group)
		case t.text.Value != "":
			*t.value = t.text.Value
		}
		*t.value = strings.TrimSpace(*t.value)
		if err != nil {
			s.problem(Problem{Entry: entry, Reason: fault.GroupExpressionFailed, Name: w.Group.Name, Detail: err.Error()}, t.key)
			return false
		}
	}
	if w.MailNickname == "" {
		w.MailNickname = nickname(w.Name, w.Group.ID)
	}
	if key, wrong := unfit(w); wrong != "" {
		s.problem(Problem{Entry: entry, Reason: fault.GroupTextInvalid, Name: w.Group.Name, Detail: wrong}, key)
		return false
	}
	return true
}

// distinct drops groups that would become one at the target: nobody could tell whose members are whose.
func (s *selector) distinct() {
	first := map[string]int{}
	kept := s.wanted[:0]
	for _, w := range s.wanted {
		key, setting := "name "+strings.ToLower(w.Name), "name"
		if w.Target != "" {
			key, setting = "id "+strings.ToLower(w.Target), "target"
		}
		if other, twice := first[key]; twice {
			s.problem(Problem{Entry: w.Entry, Reason: fault.GroupTargetTwice, Name: w.Group.Name, Detail: fmt.Sprintf("groups[%d]", other)}, setting)
			continue
		}
		first[key] = w.Entry
		kept = append(kept, w)
	}
	s.wanted = kept
}

func (s *selector) problem(p Problem, key string) {
	p.Setting = fmt.Sprintf("groups[%d].%s", p.Entry, key)
	s.problems = append(s.problems, p)
}

func (s *selector) ids(indexes []int) string {
	var ids []string
	for _, i := range indexes {
		ids = append(ids, s.groups[i].ID)
	}
	sort.Strings(ids)
	return strings.Join(ids, ", ")
}

// maxNear is how many names a problem offers.
const maxNear = 3

// near are the names of the store that are most like one.
func (s *selector) near(name string) []string {
	var names []string
	for n := range s.byName {
		names = append(names, n)
	}
	sort.Strings(names)
	var out []string
	for len(out) < maxNear {
		n := suggest.Nearest(name, names)
		if n == "" {
			break
		}
		out = append(out, n)
		names = slices.DeleteFunc(names, func(other string) bool { return other == n })
	}
	return out
}
