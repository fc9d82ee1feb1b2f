package plan_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// decision is what a case expects.
type decision struct {
	action     plan.Action
	outcome    plan.Outcome
	reason     fault.Reason
	subject    string
	attributes []string
	disable    bool
	enable     bool
	mark       string // of the change; "" is not looked at
}

// situation is one person and what is found of them.
type situation struct {
	settings plan.Policy
	person   plan.Person
	linked   []directory.Account
	sameName *directory.Account
	deleted  *directory.Account
}

func (s situation) decide() plan.Change {
	m := plan.Match{SameName: s.sameName, Deleted: s.deleted}
	for i := range s.linked {
		m.Linked = append(m.Linked, &s.linked[i])
	}
	return plan.Decide(s.settings, s.person, m)
}

var created = []string{"accountEnabled", "department", "displayName", "link", "mailNickname", "mark", "usageLocation", "userPrincipalName"}

// stranger is an account with ann's name that nobody linked.
func stranger(change ...func(*directory.Account)) func(*situation) {
	return func(s *situation) {
		a := account()
		a.ID, a.Link, a.Mark = "id-old", "", ""
		for _, f := range change {
			f(&a)
		}
		s.linked, s.sameName = nil, &a
	}
}

// knows: the account that has ann's name has one value of an attribute, and her mapping wants another.
func knows(name, have, want string) func(*situation) {
	return func(s *situation) {
		s.person.Desired.Attributes = maps.Clone(s.person.Desired.Attributes)
		s.person.Desired.Attributes[name] = want
		i := slices.Index(s.settings.Selection.Attributes, name)
		if i < 0 {
			i = len(s.settings.Selection.Attributes)
			s.settings.Selection.Attributes = append(slices.Clone(s.settings.Selection.Attributes), name)
			s.sameName.Values = append(s.sameName.Values, "")
		}
		s.sameName.Values[i] = have
	}
}

// own changes ann's linked account.
func own(change func(*directory.Account)) func(*situation) {
	return func(s *situation) { change(&s.linked[0]) }
}

// deleted: ann's account lies in the recycle bin.
func deleted(s *situation) {
	a := account()
	a.Enabled, a.Mark = false, "1;created;disabled=deprovisioned"
	s.linked, s.deleted = nil, &a
}

func nobody(s *situation)   { s.linked = nil }
func disabled(s *situation) { s.person.Enabled = false }

// wrong: something about the person is not known, their names are.
func wrong(s *situation) {
	s.person.Err = fault.New("read subscriptions", fault.Transient, fault.GraphUnavailable, "")
}

func TestDecide(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		when []func(*situation)
		want decision
	}{
		{"a person without an account gets one, with link and mark",
			[]func(*situation){nobody},
			decision{action: plan.Create, outcome: plan.Success, attributes: created, mark: "1;created"}},
		{"a person disabled at the source is created disabled, and we may enable them later",
			[]func(*situation){nobody, disabled},
			decision{action: plan.Create, outcome: plan.Success, attributes: created, mark: "1;created;disabled=source"}},
		{"a person whom the mapping disables is created disabled",
			[]func(*situation){nobody, func(s *situation) { s.person.Desired.AccountEnabled = false }},
			decision{action: plan.Create, outcome: plan.Success, attributes: created, mark: "1;created;disabled=source"}},
		{"an empty attribute is not written at creation",
			[]func(*situation){nobody, func(s *situation) { s.person.Desired.Attributes["department"] = "" }},
			decision{action: plan.Create, outcome: plan.Success, mark: "1;created",
				attributes: []string{"accountEnabled", "displayName", "link", "mailNickname", "mark", "usageLocation", "userPrincipalName"}}},
		{"without allowCreate nobody is created",
			[]func(*situation){nobody, func(s *situation) { s.settings.Preferences.AllowCreate = false }},
			decision{action: plan.None, outcome: plan.Unsynced, reason: fault.CreateNotAllowed}},
		{"allowUpdate, allowDisable and allowDeprovision do not keep anybody from being created",
			[]func(*situation){nobody, disabled, func(s *situation) {
				s.settings.Preferences.AllowUpdate, s.settings.Preferences.AllowDisable, s.settings.Preferences.AllowDeprovision = false, false, false
			}},
			decision{action: plan.Create, outcome: plan.Success, attributes: created, mark: "1;created;disabled=source"}},

		{"a person about whom something is wrong is disabled all the same",
			[]func(*situation){disabled, wrong},
			decision{action: plan.Disable, outcome: plan.PartiallySynced, reason: fault.GraphUnavailable, disable: true,
				attributes: []string{"accountEnabled", "mark"}}},
		{"a person about whom something is wrong closes nothing of somebody else's whose id they got",
			[]func(*situation){disabled, wrong, own(func(a *directory.Account) { a.UserPrincipalName, a.Values[1] = "joe@contoso.com", "Joe Doe" })},
			decision{action: plan.None, outcome: plan.Failed, reason: fault.PersonReplaced, subject: directory.UserPrincipalName}},

		{"an account in the recycle bin is restored before anybody is created",
			[]func(*situation){deleted},
			decision{action: plan.Restore, outcome: plan.Success, mark: "1;created;disabled=deprovisioned"}},
		{"without allowCreate nothing is restored",
			[]func(*situation){deleted, func(s *situation) { s.settings.Preferences.AllowCreate = false }},
			decision{action: plan.None, outcome: plan.Unsynced, reason: fault.CreateNotAllowed}},
		{"an account that lives goes before one in the bin",
			[]func(*situation){deleted, stranger()},
			decision{action: plan.Adopt, outcome: plan.Success, attributes: []string{"link", "mark"}, mark: "1;adopted"}},

		{"an account with the name and no link is adopted",
			[]func(*situation){stranger()},
			decision{action: plan.Adopt, outcome: plan.Success, attributes: []string{"link", "mark"}, mark: "1;adopted"}},
		{"adopting brings the account up to date",
			[]func(*situation){stranger(func(a *directory.Account) { a.Values[0] = "Old" })},
			decision{action: plan.Adopt, outcome: plan.Success, attributes: []string{"department", "link", "mark"}, mark: "1;adopted"}},
		{"an adopted account whose person is disabled is disabled",
			[]func(*situation){stranger(), disabled},
			decision{action: plan.Adopt, outcome: plan.Success, disable: true, attributes: []string{"accountEnabled", "link", "mark"}, mark: "1;adopted;disabled=source"}},
		{"an adopted account that somebody disabled stays so, and that is reported",
			[]func(*situation){stranger(func(a *directory.Account) { a.Enabled = false })},
			decision{action: plan.Adopt, outcome: plan.PartiallySynced, reason: fault.DisabledByOther, attributes: []string{"link", "mark"}, mark: "1;adopted"}},
		{"an account that somebody disabled, and that shows nothing of the person but the sign-in name, is that of somebody who left",
			[]func(*situation){stranger(func(a *directory.Account) { a.Enabled, a.Values[1] = false, "Ann Roe" })},
			decision{action: plan.None, outcome: plan.Failed, reason: fault.AccountOfAnother, subject: directory.AccountEnabled}},
		{"with the person's employee id it is the person's",
			[]func(*situation){stranger(func(a *directory.Account) { a.Enabled, a.Values[1] = false, "Ann Roe" }), knows("employeeId", "E1", "E1")},
			decision{action: plan.Adopt, outcome: plan.PartiallySynced, reason: fault.DisabledByOther, attributes: []string{"displayName", "link", "mark"}, mark: "1;adopted"}},
		{"somebody may vouch for it",
			[]func(*situation){stranger(func(a *directory.Account) { a.Enabled, a.Values[1] = false, "Ann Roe" }), func(s *situation) { s.settings.SamePerson = true }},
			decision{action: plan.Adopt, outcome: plan.PartiallySynced, reason: fault.DisabledByOther, attributes: []string{"displayName", "link", "mark"}, mark: "1;adopted"}},
		{"what we did to an account is still ours after somebody has taken its link away",
			[]func(*situation){stranger(func(a *directory.Account) { a.Mark, a.Enabled = "1;created;disabled=source", false })},
			decision{action: plan.Adopt, outcome: plan.Success, enable: true, attributes: []string{"accountEnabled", "link", "mark"}, mark: "1;created"}},
		{"an account with the name and another employee id is somebody else's",
			[]func(*situation){stranger(), knows("employeeId", "E2", "E1")},
			decision{action: plan.None, outcome: plan.Failed, reason: fault.AccountOfAnother, subject: "employeeId"}},
		{"an account with the name and another immutable id is somebody else's",
			[]func(*situation){stranger(), knows(directory.ImmutableID, "QQ==", "Qg==")},
			decision{action: plan.None, outcome: plan.Failed, reason: fault.AccountOfAnother, subject: directory.ImmutableID}},
		{"an account with the name and nothing else of the person's name is somebody else's",
			[]func(*situation){stranger(), knows(directory.DisplayName, "Jenny Smithers", "Ann Lee")},
			decision{action: plan.None, outcome: plan.Failed, reason: fault.AccountOfAnother, subject: directory.DisplayName}},
		{"an administrator vouches that it is the same person",
			[]func(*situation){stranger(), knows("employeeId", "E2", "E1"), func(s *situation) { s.settings.SamePerson = true }},
			decision{action: plan.Adopt, outcome: plan.Success, attributes: []string{"employeeId", "link", "mark"}, mark: "1;adopted"}},
		{"an employee id that the account lacks contradicts nothing",
			[]func(*situation){stranger(), knows("employeeId", "", "E1")},
			decision{action: plan.Adopt, outcome: plan.Success, attributes: []string{"employeeId", "link", "mark"}, mark: "1;adopted"}},
		{"existingUsers leave leaves it",
			[]func(*situation){stranger(), func(s *situation) { s.settings.Preferences.ExistingUsers = config.ExistingLeave }},
			decision{action: plan.None, outcome: plan.Unsynced, reason: fault.AccountLeft}},
		{"without allowUpdate nothing is adopted",
			[]func(*situation){stranger(), func(s *situation) { s.settings.Preferences.AllowUpdate = false }},
			decision{action: plan.None, outcome: plan.Unsynced, reason: fault.UpdateNotAllowed}},
		{"without allowCreate an account is adopted all the same",
			[]func(*situation){stranger(), func(s *situation) { s.settings.Preferences.AllowCreate = false }},
			decision{action: plan.Adopt, outcome: plan.Success, attributes: []string{"link", "mark"}, mark: "1;adopted"}},
		{"an account synced from on-premises is never adopted",
			[]func(*situation){stranger(func(a *directory.Account) { a.OnPremises = true })},
			decision{action: plan.None, outcome: plan.Failed, reason: fault.AccountSynced}},
		{"a guest is never adopted",
			[]func(*situation){stranger(func(a *directory.Account) { a.Guest = true })},
			decision{action: plan.None, outcome: plan.Failed, reason: fault.AccountGuest}},
		{"an account of another connection is never adopted",
			[]func(*situation){stranger(func(a *directory.Account) { a.Link = "fabrikam/staff/1" })},
			decision{action: plan.None, outcome: plan.Failed, reason: fault.AccountLinkedElsewhere, subject: "userPrincipalName"}},
		{"an account whose link is not ours to read is never adopted",
			[]func(*situation){stranger(func(a *directory.Account) { a.Link = "something else" })},
			decision{action: plan.None, outcome: plan.Failed, reason: fault.AccountLinkedElsewhere, subject: "userPrincipalName"}},
		{"an account of another person of this connection is never adopted",
			[]func(*situation){stranger(func(a *directory.Account) { a.Link = "contoso/staff/2" })},
			decision{action: plan.None, outcome: plan.Failed, reason: fault.UPNTaken, subject: "userPrincipalName"}},

		{"an account that is as it should be is left alone",
			nil,
			decision{action: plan.None, outcome: plan.Success}},
		{"two accounts with one link are reported, and neither is touched",
			[]func(*situation){func(s *situation) {
				second := account()
				second.ID = "id-second"
				s.linked = append(s.linked, second)
			}},
			decision{action: plan.None, outcome: plan.Failed, reason: fault.LinkDuplicate}},
		{"a linked account that is now synced from on-premises is left alone",
			[]func(*situation){own(func(a *directory.Account) { a.OnPremises, a.Values[0] = true, "Old" })},
			decision{action: plan.None, outcome: plan.Failed, reason: fault.AccountSynced}},
		{"a linked account that is now a guest is left alone",
			[]func(*situation){own(func(a *directory.Account) { a.Guest, a.Values[0] = true, "Old" })},
			decision{action: plan.None, outcome: plan.Failed, reason: fault.AccountGuest}},
		{"what differs is written, nothing else",
			[]func(*situation){own(func(a *directory.Account) { a.Values[0] = "Old" })},
			decision{action: plan.Update, outcome: plan.Success, attributes: []string{"department"}}},
		{"an attribute that is not mapped is not touched",
			[]func(*situation){own(func(a *directory.Account) { a.Values[0] = "Old" }), func(s *situation) { delete(s.person.Desired.Attributes, "department") }},
			decision{action: plan.None, outcome: plan.Success}},
		{"an attribute that became empty is cleared",
			[]func(*situation){func(s *situation) { s.person.Desired.Attributes["department"] = "" }},
			decision{action: plan.Update, outcome: plan.Success, attributes: []string{"department"}}},
		{"what Graph refuses to clear is kept",
			[]func(*situation){func(s *situation) {
				s.person.Desired.Attributes[directory.DisplayName], s.person.Desired.Attributes[directory.UsageLocation] = "", ""
			}},
			decision{action: plan.None, outcome: plan.Success}},
		{"a sign-in name in other case is no difference",
			[]func(*situation){own(func(a *directory.Account) { a.UserPrincipalName = "Ann@Contoso.com" })},
			decision{action: plan.None, outcome: plan.Success}},
		{"a usage location in other case is no difference",
			[]func(*situation){own(func(a *directory.Account) { a.Values[3] = "us" })},
			decision{action: plan.None, outcome: plan.Success}},
		{"a name in other case is a difference",
			[]func(*situation){own(func(a *directory.Account) { a.Values[1] = "ann example" })},
			decision{action: plan.Update, outcome: plan.Success, attributes: []string{"displayName"}}},
		{"a person who got another name is renamed where it is free",
			[]func(*situation){own(func(a *directory.Account) { a.UserPrincipalName = "ann.old@contoso.com" })},
			decision{action: plan.Update, outcome: plan.Success, attributes: []string{"userPrincipalName"}}},
		{"where the new name is taken, the rest is written",
			[]func(*situation){
				own(func(a *directory.Account) { a.UserPrincipalName, a.Values[0] = "ann.old@contoso.com", "Old" }),
				func(s *situation) {
					s.sameName = &directory.Account{ID: "id-other", UserPrincipalName: "ann@contoso.com"}
				},
			},
			decision{action: plan.Update, outcome: plan.PartiallySynced, reason: fault.UPNTaken, subject: "userPrincipalName", attributes: []string{"department"}}},
		{"the alias waits for the name that it changes with",
			[]func(*situation){
				own(func(a *directory.Account) {
					a.UserPrincipalName, a.Values[0], a.Values[2] = "ann.old@contoso.com", "Old", "ann.old"
				}),
				func(s *situation) {
					s.sameName = &directory.Account{ID: "id-other", UserPrincipalName: "ann@contoso.com"}
				},
			},
			decision{action: plan.Update, outcome: plan.PartiallySynced, reason: fault.UPNTaken, subject: "userPrincipalName", attributes: []string{"department"}}},
		{"where only the name differs and it is taken, nothing is written",
			[]func(*situation){
				own(func(a *directory.Account) { a.UserPrincipalName = "ann.old@contoso.com" }),
				func(s *situation) {
					s.sameName = &directory.Account{ID: "id-other", UserPrincipalName: "ann@contoso.com"}
				},
			},
			decision{action: plan.None, outcome: plan.PartiallySynced, reason: fault.UPNTaken, subject: "userPrincipalName"}},
		{"another rule that takes over rewrites the link",
			[]func(*situation){own(func(a *directory.Account) { a.Link = "contoso/contractors/1" })},
			decision{action: plan.Update, outcome: plan.Success, attributes: []string{"link"}}},
		{"an unreadable mark is written anew as that of an adopted account",
			[]func(*situation){own(func(a *directory.Account) { a.Mark = "scribble" })},
			decision{action: plan.Update, outcome: plan.Success, attributes: []string{"mark"}, mark: "1;adopted"}},

		{"a person disabled at the source is disabled",
			[]func(*situation){disabled},
			decision{action: plan.Disable, outcome: plan.Success, disable: true, attributes: []string{"accountEnabled", "mark"}, mark: "1;created;disabled=source"}},
		{"a person whom the mapping disables is disabled",
			[]func(*situation){func(s *situation) { s.person.Desired.AccountEnabled = false }},
			decision{action: plan.Disable, outcome: plan.Success, disable: true, attributes: []string{"accountEnabled", "mark"}, mark: "1;created;disabled=source"}},
		{"a person who is disabled already is left alone",
			[]func(*situation){disabled, own(func(a *directory.Account) { a.Enabled, a.Mark = false, "1;created;disabled=source" })},
			decision{action: plan.None, outcome: plan.Success}},
		{"a person whom somebody else had disabled before the source did is left alone, and not marked as ours",
			[]func(*situation){disabled, own(func(a *directory.Account) { a.Enabled = false })},
			decision{action: plan.None, outcome: plan.Success}},
		{"without allowDisable nobody is disabled, and the rest is written",
			[]func(*situation){disabled, own(func(a *directory.Account) { a.Values[0] = "Old" }),
				func(s *situation) { s.settings.Preferences.AllowDisable = false }},
			decision{action: plan.Update, outcome: plan.PartiallySynced, reason: fault.DisableNotAllowed, attributes: []string{"department"}}},
		{"while removals are held nobody is disabled, and the rest is written",
			[]func(*situation){disabled, own(func(a *directory.Account) { a.Values[0] = "Old" }),
				func(s *situation) { s.settings.Hold = fault.RemovalsHeld }},
			decision{action: plan.Update, outcome: plan.PartiallySynced, reason: fault.RemovalsHeld, attributes: []string{"department"}}},
		{"whom we disabled we enable again",
			[]func(*situation){own(func(a *directory.Account) { a.Enabled, a.Mark = false, "1;created;disabled=source" })},
			decision{action: plan.Enable, outcome: plan.Success, enable: true, attributes: []string{"accountEnabled", "mark"}, mark: "1;created"}},
		{"whom we deprovisioned we enable when they come back",
			[]func(*situation){own(func(a *directory.Account) { a.Enabled, a.Mark = false, "1;adopted;disabled=deprovisioned" })},
			decision{action: plan.Enable, outcome: plan.Success, enable: true, attributes: []string{"accountEnabled", "mark"}, mark: "1;adopted"}},
		{"who comes back disabled can leave once more: the mark no longer says deprovisioned",
			[]func(*situation){disabled, own(func(a *directory.Account) { a.Enabled, a.Mark = false, "1;adopted;disabled=deprovisioned" })},
			decision{action: plan.Update, outcome: plan.Success, attributes: []string{"mark"}, mark: "1;adopted;disabled=source"}},
		{"whom somebody else disabled stays disabled, and that is reported",
			[]func(*situation){own(func(a *directory.Account) { a.Enabled = false })},
			decision{action: plan.None, outcome: plan.PartiallySynced, reason: fault.DisabledByOther}},
		{"enabling needs both the source and the mapping",
			[]func(*situation){func(s *situation) { s.person.Desired.AccountEnabled = false },
				own(func(a *directory.Account) { a.Enabled, a.Mark = false, "1;created;disabled=source" })},
			decision{action: plan.None, outcome: plan.Success}},
		{"a mark that says disabled by us is cleared when somebody else enabled the account",
			[]func(*situation){own(func(a *directory.Account) { a.Mark = "1;created;disabled=source" })},
			decision{action: plan.Update, outcome: plan.Success, attributes: []string{"mark"}, mark: "1;created"}},

		{"without allowUpdate a difference is reported and not written",
			[]func(*situation){own(func(a *directory.Account) { a.Values[0] = "Old" }), func(s *situation) { s.settings.Preferences.AllowUpdate = false }},
			decision{action: plan.None, outcome: plan.PartiallySynced, reason: fault.UpdateNotAllowed}},
		{"without allowUpdate an account that is right is Success",
			[]func(*situation){func(s *situation) { s.settings.Preferences.AllowUpdate = false }},
			decision{action: plan.None, outcome: plan.Success}},
		{"without allowUpdate a person disabled at the source is disabled all the same",
			[]func(*situation){disabled, func(s *situation) { s.settings.Preferences.AllowUpdate = false }},
			decision{action: plan.Disable, outcome: plan.Success, disable: true, attributes: []string{"accountEnabled", "mark"}, mark: "1;created;disabled=source"}},
		{"without allowUpdate a person disabled at the source is disabled and nothing else written",
			[]func(*situation){disabled, own(func(a *directory.Account) { a.Values[0] = "Old" }), func(s *situation) { s.settings.Preferences.AllowUpdate = false }},
			decision{action: plan.Disable, outcome: plan.PartiallySynced, reason: fault.UpdateNotAllowed, disable: true,
				attributes: []string{"accountEnabled", "mark"}, mark: "1;created;disabled=source"}},
		{"without allowUpdate nobody is enabled again",
			[]func(*situation){own(func(a *directory.Account) { a.Enabled, a.Mark = false, "1;created;disabled=source" }),
				func(s *situation) { s.settings.Preferences.AllowUpdate = false }},
			decision{action: plan.None, outcome: plan.PartiallySynced, reason: fault.UpdateNotAllowed}},
		{"without allowUpdate the disabling does not hide that a license cannot be had",
			[]func(*situation){disabled, func(s *situation) {
				s.settings.Preferences.AllowUpdate = false
				s.settings.SKUs = skus(0)
				s.person.Desired.SKUMapped, s.person.Desired.SKUs = true, []string{"SUITE_A"}
			}},
			decision{action: plan.Disable, outcome: plan.PartiallySynced, reason: fault.LicensesExhausted, subject: "skuId", disable: true,
				attributes: []string{"accountEnabled", "mark"}, mark: "1;created;disabled=source"}},
		{"without allowUpdate and allowDisable nothing is written",
			[]func(*situation){disabled, own(func(a *directory.Account) { a.Values[0] = "Old" }), func(s *situation) {
				s.settings.Preferences.AllowUpdate, s.settings.Preferences.AllowDisable = false, false
			}},
			decision{action: plan.None, outcome: plan.PartiallySynced, reason: fault.DisableNotAllowed}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := situation{settings: settings(), person: ann(), linked: []directory.Account{account()}}
			for _, f := range c.when {
				f(&s)
			}
			got := s.decide()
			require.Equal(t, c.want.action, got.Action)
			require.Equal(t, c.want.outcome, got.Outcome)
			require.Equal(t, c.want.reason, got.Reason)
			require.Equal(t, c.want.subject, got.Subject)
			require.Equal(t, c.want.attributes, append([]string(nil), got.Attributes...))
			require.Equal(t, c.want.disable, got.Disable)
			require.Equal(t, c.want.enable, got.Enable)
			require.Equal(t, c.want.disable, got.Removes())
			if c.want.mark != "" {
				require.Equal(t, c.want.mark, got.Mark.String())
			}
			if got.Reason != "" {
				require.True(t, got.Reason.Known())
			}
			require.Equal(t, "1", got.SourceID)
			require.Equal(t, "staff", got.Rule)
		})
	}
}

// Lists are compared as sets: the tenant's order is not ours.
func TestDecideComparesListsWithoutOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want, have string
		differs    bool
	}{
		{"a\x1fb", "b\x1fa", false},
		{"a\x1fb", "a", true},
		{"a", "", true},
		{"", "a", true},
		{"", "", false},
		{"a\x1fa\x1fb", "a\x1fb\x1fb", true},
	} {
		s, p, a := settings(), ann(), account()
		s.Selection.Attributes = append([]string{directory.OtherMails}, s.Selection.Attributes...)
		a.Values = append([]string{c.have}, a.Values...)
		p.Desired.Attributes[directory.OtherMails] = c.want
		got := plan.Decide(s, p, plan.Match{Linked: []*directory.Account{&a}})
		require.Equal(t, c.differs, got.Writes(), "%q against %q", c.want, c.have)
	}
}

// What is written once is part of a creation, and never compared afterwards.
func TestDecideLeavesAloneWhatIsWrittenOnce(t *testing.T) {
	t.Parallel()
	s, p, a := settings(), ann(), account()
	s.Selection.Attributes = append([]string{directory.OtherMails}, s.Selection.Attributes...)
	a.Values = append([]string{"other@x.test"}, a.Values...)
	p.Desired.Attributes[directory.OtherMails] = "ann@x.test"
	differs := plan.Decide(s, p, plan.Match{Linked: []*directory.Account{&a}})
	require.True(t, differs.Writes())
	p.Desired.Once = []string{directory.OtherMails}
	kept := plan.Decide(s, p, plan.Match{Linked: []*directory.Account{&a}})
	require.False(t, kept.Writes())
	require.Contains(t, plan.Decide(s, p, plan.Match{}).Attributes, directory.OtherMails)
}
