package plan

import (
	"sort"
	"strings"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// decideExisting: an account without our link has the name.
func (policy Policy) decideExisting(p Person, a *directory.Account, manager string) Change {
	switch {
	case a.Link != "":
		reason := fault.AccountLinkedElsewhere
		if l, ok := directory.ParseLink(a.Link); ok && l.Connection == policy.Connection {
			reason = fault.UPNTaken
		}
		return failed(p.ID, policy.Rule, fault.New("match", fault.Refused, reason, directory.UserPrincipalName))
	case a.OnPremises:
		return failed(p.ID, policy.Rule, fault.New("match", fault.Refused, fault.AccountSynced, ""))
	case a.Guest:
		return failed(p.ID, policy.Rule, fault.New("match", fault.Refused, fault.AccountGuest, ""))
	case policy.Preferences.ExistingUsers == config.ExistingLeave:
		return unchanged(p.ID, policy.Rule, a.ID, Unsynced, fault.AccountLeft)
	case !policy.Preferences.AllowUpdate:
		return unchanged(p.ID, policy.Rule, a.ID, Unsynced, fault.UpdateNotAllowed)
	}
	if subject := policy.contradiction(p, a); subject != "" {
		return failed(p.ID, policy.Rule, fault.New("match", fault.Refused, fault.AccountOfAnother, subject))
	}
	c := Change{SourceID: p.ID, Rule: policy.Rule, Action: Adopt, AccountID: a.ID, Outcome: Success}
	// The mark outlives a link that somebody took away by hand: what we disabled and assigned before is still ours.
	c.Mark, _ = directory.ParseMark(a.Mark)
	policy.tag(&c)
	c.Attributes = policy.differences(p, a)
	c.Overwrites = policy.filled(c.Attributes, a)
	c.Attributes = append(c.Attributes, AttributeLink)
	policy.enablement(&c, p, a)
	policy.license(&c, p, a)
	policy.decideManager(&c, p, manager, a)
	policy.finish(&c, a)
	return c
}

// filled are those of the attributes that have a value at the account, sorted.
func (policy Policy) filled(attributes []string, a *directory.Account) []string {
	var names []string
	for _, name := range attributes {
		if value, _ := a.Value(policy.Selection, name); value != "" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// contradiction names an attribute by which the account is somebody else's; "" when nothing contradicts. A sign-in name alone is no proof:
// two people are called jsmith, and whoever adopts the wrong account hands over a mailbox. What both sides know must not differ: the
// employee id, the immutable id, or every part of the name. An account that somebody has disabled is probably that of somebody who left:
// there, something must agree.
func (policy Policy) contradiction(p Person, a *directory.Account) string {
	if policy.SamePerson {
		return ""
	}
	for _, id := range []string{employeeID, directory.ImmutableID} {
		want, have := p.Desired.Attributes[id], ""
		if value, read := a.Value(policy.Selection, id); read {
			have = value
		}
		if want != "" && have != "" && !same(id, want, have) && (id == directory.ImmutableID || !strings.EqualFold(want, have)) {
			return id
		}
	}
	if policy.anotherName(p, a) {
		return directory.DisplayName
	}
	if mark, _ := directory.ParseMark(a.Mark); !a.Enabled && !mark.Disabled.ByUs() && !policy.agrees(p, a) {
		return directory.AccountEnabled
	}
	return ""
}

// agrees reports that an account shows by more than its sign-in name that it is the person's: by a number, or by the whole name.
func (policy Policy) agrees(p Person, a *directory.Account) bool {
	equal := func(name string) bool {
		value, _ := a.Value(policy.Selection, name)
		want := p.Desired.Attributes[name]
		return want != "" && value != "" && (same(name, want, value) || name != directory.ImmutableID && strings.EqualFold(want, value))
	}
	return equal(employeeID) || equal(directory.ImmutableID) || equal("givenName") && equal("surname") || equal(directory.DisplayName)
}

// employeeID is the person's number, which an organisation gives to nobody else.
const employeeID = "employeeId"
