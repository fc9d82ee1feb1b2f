package membership_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// world is a store and a tenant with a few groups. People are called a, b, c, …, their accounts id-a, id-b, id-c, …; accounts of nobody
// x1, x2, …
type world struct {
	rule    config.Rule
	prefs   config.Preferences
	store   []source.Group
	members map[string]source.Membership
	in      membership.Input
	there   map[string][]string // :: target group -> members
}

const (
	connection = "contoso"
	rule       = "staff"
)

func newWorld(people string, entries ...config.Group) *world {
	w := &world{rule: config.Rule{Groups: entries}, prefs: config.DefaultPreferences(), members: map[string]source.Membership{}, there: map[string][]string{}}
	w.in.People = map[string]plan.Standing{}
	for _, p := range strings.Fields(people) {
		w.in.People[p] = plan.Provisioned
		w.account(p)
	}
	return w
}

// account gives a person an account.
func (w *world) account(person string) *world {
	w.in.Accounts = append(w.in.Accounts, membership.Account{ID: "id-" + person, Person: person, Rule: rule})
	return w
}

// foreign are accounts of nobody.
func (w *world) foreign(ids ...string) *world {
	for _, id := range ids {
		w.in.Accounts = append(w.in.Accounts, membership.Account{ID: id})
	}
	return w
}

// accountOf is a person's account.
func (w *world) accountOf(person string) *membership.Account {
	return &w.in.Accounts[slices.IndexFunc(w.in.Accounts, func(a membership.Account) bool { return a.Person == person })]
}

// group puts a group with these people into the store.
func (w *world) group(id, name, people string) *world {
	g := source.Group{ID: id, Name: name}
	w.store = append(w.store, g)
	w.members[id] = source.Membership{Group: g, People: strings.Fields(people)}
	return w
}

// target puts a group with these accounts into the tenant.
func (w *world) target(g directory.Group, accounts string) *world {
	g.SecurityEnabled = true
	w.in.Groups = append(w.in.Groups, g)
	w.there[g.ID] = strings.Fields(accounts)
	return w
}

// ours is a group of the tenant that was made for one of the store.
func ours(target, group, name string) directory.Group {
	return directory.Group{ID: target, DisplayName: name, Link: membership.Link(connection, rule, group), Mark: "1;created", UniqueName: membership.UniqueName(connection, group)}
}

func (w *world) input() membership.Input {
	in := w.in
	in.Connection, in.Rule, in.Preferences = connection, rule, w.prefs
	in.Selection = membership.Select(w.rule.Groups, w.store, words{})
	in.Memberships = w.members
	if in.Linked == 0 {
		in.Linked = len(w.in.Accounts)
	}
	in.GroupMembers = w.rule.GroupMembers
	in.Members = map[string]membership.Read{}
	for _, id := range membership.Needs(in).Members {
		in.Members[id] = membership.Read{Accounts: w.there[id]}
	}
	return in
}

func (w *world) plan() *membership.Plan { return membership.Build(w.input()) }

// one is the decision about the only group.
func (w *world) one(t *testing.T) membership.Decision {
	t.Helper()
	p := w.plan()
	require.Len(t, p.Decisions, 1)
	return p.Decisions[0]
}

// words are expressions of three kinds: prefix:x, upper, and fail.
type words struct{}

func (words) Matches(expression string, g source.Group) (bool, error) {
	if expression == "fail" {
		return false, errors.New("it fails")
	}
	return strings.HasPrefix(g.Name, strings.TrimPrefix(expression, "prefix:")), nil
}

func (words) Text(expression string, g source.Group) (string, error) {
	if expression == "fail" {
		return "", errors.New("it fails")
	}
	return strings.ToUpper(g.Name), nil
}

// ids are the accounts of members.
func ids(members []membership.Member) string {
	var out []string
	for _, m := range members {
		out = append(out, m.Account)
	}
	return strings.Join(out, " ")
}

// told is a decision in one line: action, attributes, +adds, -removes, what is held, outcome and reason.
func told(d membership.Decision) string {
	s := string(d.Action)
	if len(d.Attributes) > 0 {
		s += " [" + strings.Join(d.Attributes, " ") + "]"
	}
	if len(d.Joining()) > 0 {
		s += " +" + ids(d.Joining())
	}
	if len(d.Removes) > 0 && d.Held {
		s += " held:" + string(d.HoldReason) + "(" + ids(d.Removes) + ")"
	} else if len(d.Removes) > 0 {
		s += " -" + ids(d.Removes)
	}
	if d.Waiting > 0 {
		s += fmt.Sprint(" waiting:", d.Waiting)
	}
	if d.Outcome != plan.Success || d.Reason != "" {
		s += " " + string(d.Outcome) + ":" + string(d.Reason)
	}
	return s
}

var errCut = fault.New("read members", fault.Transient, fault.SourceIncomplete, "")
