package membership

import (
	"sort"
	"strings"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// members compares who belongs into a group with who is in it. It returns false where the members at the target are not known, so that
// nothing is written.
func (b *builder) members(d *Decision, w *Wanted, p place) bool {
	m, read := b.in.Memberships[w.Group.ID]
	present := map[string]bool{}
	if p.group != nil {
		there, ok := b.in.Members[p.group.ID]
		if !ok || there.Err != nil {
			reason := fault.InternalError
			if f := fault.Of(there.Err); f != nil {
				reason = f.Reason
			}
			*d = refused(w, reason, p.group.ID)
			return false
		}
		for _, id := range there.Accounts {
			present[strings.ToLower(id)] = true
		}
	}
	c := crowd{w: w, shared: p.group != nil && b.others(w, p.group.ID), inSource: make(map[string]bool, len(m.People)), wanted: map[string]bool{}}
	for _, id := range m.People {
		b.belongs(d, &c, id, present)
	}
	for id := range present {
		b.judge(d, &c, id)
	}
	sortMembers(d.Adds)
	sortMembers(d.Removes)
	if !read || m.Err != nil || b.in.ListIncomplete {
		// Whoever is missing may have been among those who were not read.
		d.Removes = nil
		d.Outcome, d.Reason = plan.PartiallySynced, fault.MembershipUnread
		if f := fault.Of(m.Err); f != nil {
			d.Subject = string(f.Reason)
		}
	}
	return true
}

// crowd is what is known of the people of one group while it is compared.
type crowd struct {
	w *Wanted
	// shared: other rules keep their people in the group, too.
	shared   bool
	inSource map[string]bool // :: person key -> is in the group at the source
	wanted   map[string]bool // :: account that belongs into the group
}

// belongs looks at one person of the group at the source.
func (b *builder) belongs(d *Decision, c *crowd, id string, present map[string]bool) {
	key := b.key(id)
	if c.inSource[key] {
		return
	}
	c.inSource[key] = true
	if b.people[key] != plan.Provisioned {
		return
	}
	accounts := b.byPerson[key]
	account := ""
	switch {
	case len(accounts) > 1:
		return
	case len(accounts) == 1:
		account = accounts[0]
	case b.in.Recent != nil:
		account = strings.ToLower(b.in.Recent(id))
	}
	switch {
	case account == "":
		d.Waiting++
		return
	case !present[account]:
		d.Adds = append(d.Adds, Member{Person: id, Account: account})
	}
	c.wanted[account] = true
}

// judge looks at one member of the group at the target. What is no user account of the tenant stays: other groups, devices, and accounts newer
// than the list of accounts.
func (b *builder) judge(d *Decision, c *crowd, id string) {
	a, known := b.accounts[id]
	switch {
	case !known:
	case c.wanted[id]:
		d.Present++
	case a.key == "":
		if c.w.Existing == config.ExistingOverwrite {
			d.Present++
			d.Removes = append(d.Removes, Member{Account: id})
		}
	default:
		d.Present++
		if b.mayLeave(a, c.inSource[a.key], c.shared) {
			d.Removes = append(d.Removes, Member{Person: a.Person, Account: id})
		}
	}
}

// mayLeave reports that a member of ours who does not belong into the group is to leave it.
func (b *builder) mayLeave(a *account, inSource, shared bool) bool {
	switch b.people[a.key] {
	case plan.Provisioned:
		return !inSource
	case plan.Elsewhere:
		// The other rule decides about its people in a group that it keeps, too.
		return !inSource && !shared
	case plan.Left:
		if b.in.GroupMembers.WhenDeprovisioned == config.MembersLeave {
			return false
		}
		if b.lost[a.key] && !a.Deprovisioned {
			// The removal that was to happen in this sync has not: perhaps the person came back. The next sync sees to it, counted.
			return false
		}
		// Whom the preferences let keep the account keeps what goes with it.
		return a.Rule == b.in.Rule && (a.Deprovisioned || b.in.Preferences.AllowDeprovision)
	case plan.InDoubt:
	}
	return false
}

func sortMembers(m []Member) {
	sort.Slice(m, func(i, j int) bool { return m[i].Account < m[j].Account })
}
