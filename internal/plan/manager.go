package plan

import (
	"slices"
	"sort"
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// decideManager decides about the manager. a is nil for an account still to be created.
//
// A manager that cannot be found leaves the account's manager as it is: nobody knows that it is wrong. Taking a manager
// away because the mapping is empty takes no access from anybody and is no removal.
func (policy Policy) decideManager(c *Change, p Person, found string, a *directory.Account) {
	if !p.Desired.ManagerMapped {
		return
	}
	c.FoundManager = found
	var id, have string
	if a != nil {
		id, have = a.ID, a.Manager
	}
	switch {
	case p.Desired.Manager == "" && have == "":
		return
	case p.Desired.Manager == "":
		c.ClearManager = true
	case p.ownManager() || id != "" && strings.EqualFold(found, id):
		c.partial(fault.ManagerIsSelf, directory.Manager)
		return
	case found == "":
		c.partial(fault.ManagerNotFound, directory.Manager)
		return
	case strings.EqualFold(found, have):
		return
	case a == nil && !policy.Preferences.AllowUpdate:
		c.partial(fault.UpdateNotAllowed, "")
		return
	default:
		c.Manager = found
	}
	c.Attributes = append(c.Attributes, directory.Manager)
}

// ownManager reports that the mapping names the person as their own manager.
func (p Person) ownManager() bool {
	if IsManagerName(p.Desired.Manager) {
		return strings.EqualFold(p.Desired.Manager, p.Desired.UserPrincipalName)
	}
	return p.Desired.Manager == p.ID
}

// IsManagerName tells a manager given as a user principal name from one given as a source id.
func IsManagerName(manager string) bool { return strings.Contains(manager, "@") }

// manager finds the account of the manager that a person should have: by its link under whichever rule of the connection,
// or by its name. It is "" where there is none, or where two accounts carry the link.
func (b *builder) manager(p Person) string {
	want := p.Desired.Manager
	if want == "" {
		return ""
	}
	found, unseen := "", false
	if IsManagerName(want) {
		if a := b.named(want); a != nil {
			found = a.ID
		}
	} else if accounts := b.accounts(want); len(accounts) == 1 {
		found = b.in.Accounts[accounts[0]].ID
	} else if len(accounts) == 0 && b.in.Recent != nil {
		found = b.in.Recent(want)
		unseen = found != ""
	}
	if (found == "" || unseen) && !p.ownManager() && b.in.Preferences.AllowUpdate {
		b.waiting = append(b.waiting, waiting{p.ID, want, unseen})
	}
	return found
}

// waiting is a person whose manager's account is not among those that were read. unseen: it was made a moment ago.
type waiting struct {
	person, manager string
	unseen          bool
}

// managersPending decides about those whose managers were not among the accounts, and counts the people whose managers this
// very plan gives an account, a link or the name by which they are known: another plan, made once this one has been carried
// out but for its removals, finds them.
func (b *builder) managersPending() {
	names := map[uint64]bool{}
	for i := range b.plan.Entries {
		e := &b.plan.Entries[i]
		if c := b.plan.beforeManagers(e); c != nil && (c.appears() || slices.Contains(c.Attributes, directory.UserPrincipalName)) {
			names[e.name] = true
		}
	}
	for _, w := range b.waiting {
		e, m := b.entryOf(w.person), b.entryOf(w.manager)
		comes, created := false, false
		if m != nil {
			c := b.plan.beforeManagers(m)
			comes, created = c != nil && c.appears(), c != nil && c.Action == Create
		}
		if IsManagerName(w.manager) {
			comes = names[b.names.key(w.manager)]
		}
		if e == nil || e.Outcome == Failed || e.Outcome == Unsynced {
			continue
		}
		if w.unseen && created {
			continue
		}
		if w.unseen {
			// Made a moment ago and deleted since: an account that reads merely do not show yet would be neither in the bin nor out of scope.
			e.withoutManager()
		}
		if comes {
			e.managerLater = true
			b.plan.ManagersPending++
		}
	}
}

// beforeManagers is what is done about a person before the plan for managers is made.
func (p *Plan) beforeManagers(e *Entry) *Change {
	if e.stage == StageNames {
		return e.Change
	}
	c, _ := p.withoutRemoval(e)
	return c
}

// withoutManager takes the manager out of what is to be done about a person.
func (e *Entry) withoutManager() {
	for _, c := range []*Change{e.Change, e.Held} {
		if c == nil {
			continue
		}
		c.FoundManager = ""
		if c.Manager == "" {
			continue
		}
		c.Manager = ""
		c.drop(directory.Manager)
		c.partial(fault.ManagerNotFound, directory.Manager)
		c.Action = c.mainAction()
	}
	if c := e.Change; c != nil {
		kept := entry(*c)
		kept.Held, kept.name, kept.managerLater, kept.stage, kept.rank = e.Held, e.name, e.managerLater, e.stage, e.rank
		*e = kept
	}
}

// appears: the change gives the person an account with a link where there was none.
func (c *Change) appears() bool {
	return c.Action == Create || c.Action == Restore || c.Action == Adopt
}

// entryOf finds the entry of a person in scope; nil when there is none.
func (b *builder) entryOf(id string) *Entry {
	entries := b.plan.Entries
	i := sort.Search(len(entries), func(i int) bool { return entries[i].SourceID >= id })
	if i == len(entries) || entries[i].SourceID != id {
		return nil
	}
	return &entries[i]
}
