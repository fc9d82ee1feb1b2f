package plan

import (
	"slices"
	"sort"
	"strings"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/source"
)

// Policy is what decisions about all people of a rule have in common.
type Policy struct {
	Connection  string
	Rule        string
	Preferences config.Preferences
	// Selection says what Account.Values hold.
	Selection directory.Selection
	// SourceTag is the tag of the rule's source (directory.SourceTag); "" leaves sources out of the decision.
	SourceTag string
	// NoEnabled: neither a column of the source nor a mapping says who is enabled, so that everybody is. Nobody
	// is enabled who was disabled by such a column.
	NoEnabled bool
	// SamePerson: an administrator vouches that the id still means the same person.
	SamePerson bool
	// FederatedDomains are those of the tenant's domains in which Entra makes no account without an immutable id.
	FederatedDomains []string
	// SKUs are the tenant's subscriptions.
	SKUs []directory.SKU
	// Left is how many units of each SKU are left to hand out; nil takes what SKUs say.
	Left map[string]int
	// Given are SKU ids that this very run has asked Graph to assign already. Whether it was done, a read need not show yet;
	// the mark keeps them, so that what was given in vain is found and taken back later.
	Given []string
	// Limit is how far the plan is carried out; "" is config.PolicySync.
	Limit config.Policy
	// Hold, when set, is why nothing may be taken away in this run: the decision is then what remains without removals.
	Hold fault.Reason
}

// Person is somebody in scope of the rule, with all mappings evaluated.
type Person struct {
	ID string
	// Enabled is what the source says.
	Enabled bool
	// Desired is what the mappings say.
	Desired mapping.Desired
	// Doubt: it is not sure that all of the record was read.
	Doubt bool
	// Err is why nothing can be done for the person but to disable the account; nil when all is well.
	Err error
}

// Judge says who somebody in scope is now. Where a mapping fails, or the source's enabled value cannot be read, Person.Err
// tells; that somebody is disabled is known all the same where source or mapping say so. endsOpen: the source is known to be written
// without an end, so that its last record is not in doubt.
func Judge(program *mapping.Program, r source.Record, endsOpen bool) Person {
	desired, err := program.Evaluate(r)
	p := Person{ID: r.ID, Enabled: r.Enabled, Desired: desired, Err: err}
	if err != nil {
		enabled, unknown := program.AccountEnabled(r)
		p.Desired = mapping.Desired{AccountEnabled: enabled || unknown != nil}
	}
	p.Doubt = r.Doubt && !endsOpen
	if r.EnabledErr != nil {
		p = Person{ID: r.ID, Enabled: true, Desired: mapping.Desired{AccountEnabled: true}, Err: r.EnabledErr}
	}
	return p
}

// Match is what was found of a person in the tenant.
type Match struct {
	// Linked are the accounts that carry this person's link, under whichever rule of the connection.
	Linked []*directory.Account
	// SameName is the account that has the desired user principal name; it may be the linked one.
	SameName *directory.Account
	// Deleted is the account in the recycle bin that carries this person's link; nil when there is none.
	Deleted *directory.Account
	// Manager is the object id of the account that the mapping of the manager means; "" when there is none, or more than one.
	Manager string
}

// Decide says what is done about one person in scope. In doubt whether all of the record was read, an account that there is
// stays as it is.
func Decide(policy Policy, p Person, m Match) Change {
	c := policy.upserts().decide(p, m)
	c = policy.withhold(c, func() Change { return policy.unlimited().decide(p, m) })
	if c.Action == Create || c.Action == Adopt {
		c.Candidate = p.candidate()
	}
	if p.Doubt && c.Writes() && (len(m.Linked) > 0 || m.SameName != nil) {
		return failed(p.ID, policy.Rule, fault.New("match", fault.Refused, fault.SourceEndUnknown, ""))
	}
	return c
}

func (policy Policy) decide(p Person, m Match) Change {
	switch {
	case len(m.Linked) > 1:
		return failed(p.ID, policy.Rule, fault.New("match", fault.Refused, fault.LinkDuplicate, ""))
	case p.Err != nil && len(m.Linked) == 1:
		return policy.decideClosing(p, m.Linked[0])
	case p.Err != nil:
		return failed(p.ID, policy.Rule, p.Err)
	case len(m.Linked) == 1:
		return policy.decideLinked(p, m.Linked[0], m)
	case m.SameName != nil:
		return policy.decideExisting(p, m.SameName, m.Manager)
	case m.Deleted != nil:
		return policy.decideDeleted(p, m.Deleted, m.Manager)
	default:
		return policy.decideNew(p, m.Manager)
	}
}

// decideDeleted: the account lies in the recycle bin. It is restored, with its mailbox, licenses and memberships; what
// differs then is written once it can be read again. An account that may be somebody else's stays where it is: whoever left
// could sign in again.
func (policy Policy) decideDeleted(p Person, a *directory.Account, manager string) Change {
	if !policy.Preferences.AllowCreate {
		return unchanged(p.ID, policy.Rule, "", Unsynced, fault.CreateNotAllowed)
	}
	if !p.wantsEnabled() {
		// Restoring opens the account, if only for a moment, and for longer where what follows is refused.
		return unchanged(p.ID, policy.Rule, "", Unsynced, fault.DeletedAndDisabled)
	}
	c := Change{SourceID: p.ID, Rule: policy.Rule, Action: Restore, AccountID: a.ID, Outcome: Success, FoundManager: manager}
	c.Mark, _ = directory.ParseMark(a.Mark)
	if err := policy.samePerson(p, a, c.Mark); err != nil {
		return failed(p.ID, policy.Rule, err)
	}
	c.FinalMark = c.Mark
	return c
}

// decideClosing: something about the person is wrong (Person.Err), but to disable an account needs nothing but its link and
// that the person is disabled. A bad value must not keep the account of somebody open who left.
func (policy Policy) decideClosing(p Person, a *directory.Account) Change {
	c := Change{SourceID: p.ID, Rule: policy.Rule, AccountID: a.ID, Outcome: Success}
	c.Mark, _ = directory.ParseMark(a.Mark)
	if p.wantsEnabled() || a.OnPremises || a.Guest || c.Mark.OtherSource(policy.SourceTag) {
		return failed(p.ID, policy.Rule, p.Err)
	}
	if err := policy.samePerson(p, a, c.Mark); err != nil {
		// The names can be known although something else is wrong, and tell that the id has been given to somebody else.
		return failed(p.ID, policy.Rule, err)
	}
	policy.enablement(&c, p, a)
	if !c.Disable {
		return failed(p.ID, policy.Rule, p.Err)
	}
	f := fault.Of(p.Err)
	c.partial(f.Reason, f.Subject)
	c.FinalMark = c.Mark
	policy.finish(&c, a)
	return c
}

// decideNew: there is no account.
func (policy Policy) decideNew(p Person, manager string) Change {
	if !policy.Preferences.AllowCreate {
		return unchanged(p.ID, policy.Rule, "", Unsynced, fault.CreateNotAllowed)
	}
	if policy.lacksImmutableID(p) {
		return failed(p.ID, policy.Rule, fault.New("map attribute", fault.Invalid, fault.AttributeRequired, directory.ImmutableID))
	}
	c := Change{SourceID: p.ID, Rule: policy.Rule, Action: Create, Outcome: Success}
	c.Mark.Origin = directory.Created
	policy.tag(&c)
	if !p.wantsEnabled() {
		// Nobody but us made it disabled, so we may enable it later.
		c.Mark.Disabled = directory.DisabledAtSource
	}
	for name, value := range p.Desired.Attributes {
		if value != "" {
			c.Attributes = append(c.Attributes, name)
		}
	}
	c.Attributes = append(c.Attributes, directory.UserPrincipalName, directory.AccountEnabled, AttributeLink, AttributeMark)
	policy.license(&c, p, nil)
	policy.decideManager(&c, p, manager, nil)
	sort.Strings(c.Attributes)
	return c
}

// lacksImmutableID reports that Entra would refuse to create the account: the sign-in service of a federated domain knows people by their
// immutable id.
func (policy Policy) lacksImmutableID(p Person) bool {
	_, domain, _ := strings.Cut(p.Desired.UserPrincipalName, "@")
	return p.Desired.Attributes[directory.ImmutableID] == "" &&
		slices.ContainsFunc(policy.FederatedDomains, func(d string) bool { return strings.EqualFold(d, domain) })
}

// decideLinked: the account is ours.
func (policy Policy) decideLinked(p Person, a *directory.Account, m Match) Change {
	switch {
	case a.OnPremises:
		return failed(p.ID, policy.Rule, fault.New("match", fault.Refused, fault.AccountSynced, ""))
	case a.Guest:
		return failed(p.ID, policy.Rule, fault.New("match", fault.Refused, fault.AccountGuest, ""))
	}
	c := Change{SourceID: p.ID, Rule: policy.Rule, AccountID: a.ID, Outcome: Success}
	c.Mark, _ = directory.ParseMark(a.Mark)
	if err := policy.samePerson(p, a, c.Mark); err != nil {
		return failed(p.ID, policy.Rule, err)
	}
	policy.tag(&c)
	c.Attributes = policy.differences(p, a)
	if m.SameName != nil && m.SameName.ID != a.ID {
		// Name and alias change together: an alias ahead of its name may be what the name's present holder is waiting for.
		c.drop(directory.UserPrincipalName)
		c.drop(directory.MailNickname)
		c.partial(fault.UPNTaken, directory.UserPrincipalName)
	}
	if want := directory.NewLink(policy.Connection, policy.Rule, p.ID).String(); a.Link != want {
		c.Attributes = append(c.Attributes, AttributeLink)
	}
	policy.enablement(&c, p, a)
	policy.license(&c, p, a)
	policy.decideManager(&c, p, m.Manager, a)
	policy.finish(&c, a)
	if !policy.Preferences.AllowUpdate && c.Writes() {
		return policy.disableOnly(p, a, c)
	}
	return c
}

// tag notes in the mark which source the person comes from.
func (policy Policy) tag(c *Change) {
	if policy.SourceTag != "" {
		c.Mark.Source = policy.SourceTag
	}
}

// disableOnly is what remains of a change to a linked account when allowUpdate is off.
func (policy Policy) disableOnly(p Person, a *directory.Account, full Change) Change {
	c := Change{SourceID: p.ID, Rule: policy.Rule, AccountID: a.ID, Outcome: Success}
	c.Mark, _ = directory.ParseMark(a.Mark)
	policy.enablement(&c, p, a)
	if c.Enable {
		c.Enable, c.Attributes = false, nil
		c.Mark, _ = directory.ParseMark(a.Mark)
	}
	c.FinalMark = c.Mark
	if full.Enable || full.Licenses() || !only(full.Attributes, directory.AccountEnabled, AttributeMark) {
		c.partial(fault.UpdateNotAllowed, "")
	}
	// What the whole change could not have mended either (no license left, a name that is taken) is still true.
	if full.Outcome == PartiallySynced {
		c.partial(full.Reason, full.Subject)
	}
	if c.Disable {
		policy.finish(&c, a)
	} else {
		c.Attributes, c.Action = nil, None
	}
	return c
}

// only reports whether all names are among those allowed.
func only(names []string, allowed ...string) bool {
	for _, n := range names {
		if !slices.Contains(allowed, n) {
			return false
		}
	}
	return true
}

// wantsEnabled: both the source and the mapping must want it.
func (p Person) wantsEnabled() bool { return p.Enabled && p.Desired.AccountEnabled }

// enablement decides between disabling, enabling and leaving alone. Only what we disabled is enabled again.
func (policy Policy) enablement(c *Change, p Person, a *directory.Account) {
	switch want := p.wantsEnabled(); {
	case !want && a.Enabled && !policy.Preferences.AllowDisable:
		c.partial(fault.DisableNotAllowed, "")
	case !want && a.Enabled && policy.Hold != "":
		c.partial(policy.Hold, "")
	case !want && a.Enabled:
		c.Disable = true
		c.Attributes = append(c.Attributes, directory.AccountEnabled)
		c.Mark.Disabled = directory.DisabledAtSource
	case want && !a.Enabled && !c.Mark.Disabled.ByUs():
		c.partial(fault.DisabledByOther, "")
		c.Mark.Disabled = ""
	case want && !a.Enabled && policy.NoEnabled && c.Mark.Disabled == directory.DisabledAtSource:
		c.partial(fault.EnabledColumnGone, directory.AccountEnabled)
	case want && !a.Enabled:
		c.Enable = true
		c.Attributes = append(c.Attributes, directory.AccountEnabled)
		c.Mark.Disabled = ""
	case !want && c.Mark.Disabled == directory.DisabledDeprovisioned:
		// The person is back, though disabled. Should they leave once more, that is a new transition.
		c.Mark.Disabled = directory.DisabledAtSource
	case !want && c.Mark.Disabled == directory.DisabledElsewhere:
		c.Mark.Disabled = ""
	case want && a.Enabled:
		// Somebody enabled it in the meantime. The mark forgets our disabling, or a later disabling by that somebody would
		// be undone by us.
		c.Mark.Disabled = ""
	}
}

// finish adds the mark where it differs, sorts the names and names the action.
func (policy Policy) finish(c *Change, a *directory.Account) {
	if c.Mark.String() != a.Mark {
		c.Attributes = append(c.Attributes, AttributeMark)
	}
	sort.Strings(c.Attributes)
	c.Action = c.mainAction()
}

// partial lowers the outcome; the first reason stands.
func (c *Change) partial(r fault.Reason, subject string) {
	if c.Outcome == Success {
		c.Outcome, c.Reason, c.Subject = PartiallySynced, r, subject
	}
}

// drop takes a name off the list of attributes to write.
func (c *Change) drop(name string) {
	kept := c.Attributes[:0]
	for _, n := range c.Attributes {
		if n != name {
			kept = append(kept, n)
		}
	}
	c.Attributes = kept
}

// differences names the mapped attributes whose value at the account is not the desired one.
func (policy Policy) differences(p Person, a *directory.Account) []string {
	var names []string
	// Sign-in names are compared without case by Entra, too: another case alone is not worth a write.
	if !strings.EqualFold(p.Desired.UserPrincipalName, a.UserPrincipalName) {
		names = append(names, directory.UserPrincipalName)
	}
	for i, name := range policy.Selection.Attributes {
		want, mapped := p.Desired.Attributes[name]
		if !mapped || i >= len(a.Values) || slices.Contains(p.Desired.Once, name) || same(name, want, a.Values[i]) {
			continue
		}
		names = append(names, name)
	}
	return names
}
