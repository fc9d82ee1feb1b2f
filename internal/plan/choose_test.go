package plan_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// choosing is a rule that gives somebody new name@, else name2@, else id@. The column boss holds the display name.
func choosing(t testing.TB, name string, people *roster) plan.RulePeople {
	t.Helper()
	program, problems := mapping.Compile(mapping.Rule{Mappings: map[string]config.Mapping{
		directory.UserPrincipalName: {FirstFree: []string{`user.name + "@contoso.com"`, `user.name == "" ? "" : user.name + "2@contoso.com"`, `user.id + "@contoso.com"`}},
		directory.DisplayName:       {Expression: `user.boss`},
		directory.MailNickname:      {Expression: `user.id`},
		"department":                {Expression: `user.dept`},
		directory.UsageLocation:     {Expression: `user.country`},
	}}, columns)
	require.Empty(t, problems)
	return plan.RulePeople{Name: name, SourceKey: people.key, Program: program, People: people}
}

// smith is somebody who would like to be jsmith.
func smith(id, display string) source.Record { return with(who(id, "jsmith", ""), "boss", display) }

// has is an account with a name and a display name.
func has(id, upn, display, link string) directory.Account {
	return directory.Account{ID: id, UserPrincipalName: upn + "@contoso.com", Enabled: true, Link: link, Mark: "1;created", Values: []string{"Sales", display, id, "US"}}
}

// Each new person gets the first name that nobody has or wants, and in doubt about an account nobody gets anything.
func TestNewPeopleGetTheFirstFreeName(t *testing.T) {
	t.Parallel()
	const john = "John Smith"
	for name, test := range map[string]struct {
		people   []source.Record
		others   []source.Record // of a rule with one name for each
		accounts []directory.Account
		want     map[string]string
		names    map[string]int
	}{
		"free": {people: []source.Record{smith("1", john)}, want: map[string]string{"1": "create Success"}, names: map[string]int{"1": 1}},
		"two of one name, in the order of their ids": {people: []source.Record{smith("2", john), smith("1", john), smith("3", john)},
			want:  map[string]string{"1": "create Success", "2": "create Success", "3": "create Success"},
			names: map[string]int{"1": 1, "2": 2, "3": 3}},
		"a colleague has it": {people: []source.Record{smith("1", john), smith("2", john)}, accounts: []directory.Account{has("1", "jsmith", john, "contoso/staff/1")},
			want: map[string]string{"1": "none Success", "2": "create Success"}, names: map[string]int{"2": 2}},
		"another connection has it": {people: []source.Record{smith("1", john)}, accounts: []directory.Account{has("a", "JSmith", john, "fabrikam/staff/9")},
			want: map[string]string{"1": "create Success"}, names: map[string]int{"1": 2}},
		"somebody of another rule wants it": {people: []source.Record{smith("1", john)}, others: []source.Record{who("9", "jsmith", "")},
			want: map[string]string{"1": "create Success"}, names: map[string]int{"1": 2}},
		"an account of another name": {people: []source.Record{smith("1", john)}, accounts: []directory.Account{has("a", "jsmith", "Jane Smith", "")},
			want: map[string]string{"1": "create Success"}, names: map[string]int{"1": 2}},
		"the person's own account": {people: []source.Record{smith("1", john)}, accounts: []directory.Account{has("a", "jsmith", "Smith, John", ""), has("b", "jsmith2", "Eve", "")},
			want: map[string]string{"1": "none Failed account_of_another_person"}},
		"the person's own account, by display name": {people: []source.Record{smith("1", john)}, accounts: []directory.Account{has("a", "jsmith", john, "")},
			want: map[string]string{"1": "adopt Success"}, names: map[string]int{"1": 1}},
		"the person's own account under the second name": {people: []source.Record{smith("1", john)},
			accounts: []directory.Account{has("a", "jsmith", "Jane Smith", ""), has("b", "jsmith2", john, "")},
			want:     map[string]string{"1": "adopt Success"}, names: map[string]int{"1": 2}},
		"two who may both be the owner": {people: []source.Record{smith("1", john), smith("2", john)}, accounts: []directory.Account{has("a", "jsmith", john, "")},
			want: map[string]string{"1": "adopt Success", "2": "create Success"}, names: map[string]int{"1": 1, "2": 2}},
		"an account that says nothing": {people: []source.Record{smith("1", john)}, accounts: []directory.Account{has("a", "jsmith", "", "")},
			want: map[string]string{"1": "none Failed account_of_another_person"}},
		"an account that may be the person's": {people: []source.Record{smith("1", john)}, accounts: []directory.Account{has("a", "jsmith", "John A. Smith", "")},
			want: map[string]string{"1": "none Failed account_of_another_person"}},
		"somebody left who may be the person": {people: []source.Record{smith("7", john)}, accounts: []directory.Account{has("a", "jsmith", john, "contoso/staff/1")},
			want: map[string]string{"7": "none Failed user_principal_name_taken", "1": "none Failed source_id_changed"}},
		"somebody left who is another": {people: []source.Record{smith("7", john)}, accounts: []directory.Account{has("a", "jsmith", "Jane Doe", "contoso/staff/1")},
			want: map[string]string{"7": "create Success", "1": "remove Success person_not_found"}, names: map[string]int{"7": 2}},
		"somebody left who may be the person, and an earlier name has become free": {people: []source.Record{smith("7", john)},
			accounts: []directory.Account{has("a", "jsmith2", john, "contoso/staff/1")},
			want:     map[string]string{"7": "none Failed user_principal_name_taken", "1": "none Failed source_id_changed"}},
		"somebody left who may be either of two": {people: []source.Record{smith("7", john), smith("8", john)},
			accounts: []directory.Account{has("a", "jsmith", john, "contoso/staff/1")},
			want: map[string]string{"7": "none Failed user_principal_name_taken", "8": "none Failed user_principal_name_taken",
				"1": "none Failed source_id_changed"}},
		"the person's own account, and an earlier name has become free": {people: []source.Record{smith("1", john)},
			accounts: []directory.Account{has("a", "jsmith2", john, "")},
			want:     map[string]string{"1": "adopt Success"}, names: map[string]int{"1": 2}},
		"none is left": {people: []source.Record{smith("1", john)},
			accounts: []directory.Account{has("a", "jsmith", "A B", ""), has("b", "jsmith2", "C D", ""), has("c", "1", "E F", "")},
			want:     map[string]string{"1": "none Failed user_principal_name_taken"}},
		"a blank name is passed over": {people: []source.Record{with(with(who("1", "", ""), "boss", john), "id", "1")}, want: map[string]string{"1": "none Failed user_principal_name_invalid"}},
		"what is given is kept": {people: []source.Record{smith("1", "John Miller")}, accounts: []directory.Account{has("a", "jmiller", "John Smith", "contoso/staff/1")},
			want: map[string]string{"1": "update Success"}},
		"an id that is used again": {people: []source.Record{smith("1", "Eve Doe")}, accounts: []directory.Account{has("a", "jmiller", "John Miller", "contoso/staff/1")},
			want: map[string]string{"1": "none Failed source_id_reused"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules := []plan.RulePeople{choosing(t, "staff", staff(test.people...))}
			if test.others != nil {
				rules = append(rules, rule(t, "interns", "", &roster{key: "interns", people: test.others}))
			}
			p := build(t, input(test.accounts, rules...))
			for id, want := range test.want {
				got := said(p, id)
				if got == "not here" {
					require.Len(t, p.Leavers, 1)
					got = saying(p.Leavers[0])
				}
				require.Equal(t, want, got, "person %s", id)
			}
			for _, e := range p.Entries {
				candidate := 0
				if e.Change != nil {
					candidate = e.Change.Candidate
				}
				require.Equal(t, test.names[e.SourceID], candidate, "person %s", e.SourceID)
			}
		})
	}
}

// Whoever is in the bin comes back with the name that they had, and takes none from others.
func TestWhoIsInTheBinChoosesNoName(t *testing.T) {
	t.Parallel()
	in := input(nil, choosing(t, "staff", staff(smith("1", "John Smith"), smith("2", "John Smith"))))
	in.Bin = func(context.Context) ([]directory.Account, error) {
		return []directory.Account{has("a", "jsmith2", "John Smith", "contoso/staff/1")}, nil
	}
	p := build(t, in)
	require.Equal(t, "restore Success", said(p, "1"))
	require.Equal(t, "create Success", said(p, "2"))
	e, _ := about(p, "2")
	require.Equal(t, 1, e.Change.Candidate)
}

// Whoever vouches that it is the person gets the account adopted.
func TestSomebodyVouchesForAnAccountThatSaysNothing(t *testing.T) {
	t.Parallel()
	a := has("a", "jsmith", "", "")
	policy := settings()
	p := ann()
	p.Desired.Candidates = []string{"jsmith@contoso.com"}
	require.Equal(t, plan.HolderUnclear, policy.Holder(p, &a))
	policy.SamePerson = true
	require.Equal(t, plan.HolderSelf, policy.Holder(p, &a))
	a.Mark, a.Link = directory.Mark{Origin: directory.Created, Disabled: directory.DisabledDeprovisioned}.String(), "contoso/staff/9"
	require.Equal(t, plan.HolderAnother, policy.Holder(p, &a), "whoever was deprovisioned long ago is done with")
}

// Whoever left keeps the account while somebody is there to whom the mapping may give its name and about whom nothing is decided: it may be
// the person, under another id.
func TestALeaverIsHeldForWhoeverMayGetTheName(t *testing.T) {
	t.Parallel()
	const john = "John Smith"
	left := has("a", "jsmith2", john, "contoso/staff/1")
	known := has("b", "9", john, "contoso/staff/7")
	failing := with(smith("7", john), "country", "Nowhere")
	for name, test := range map[string]struct {
		rules    func() []plan.RulePeople
		accounts []directory.Account
		want     string
	}{
		"a mapping fails": {func() []plan.RulePeople { return []plan.RulePeople{choosing(t, "staff", staff(failing))} },
			[]directory.Account{left}, "none Failed source_id_changed"},
		"a mapping fails of somebody with an account": {func() []plan.RulePeople { return []plan.RulePeople{choosing(t, "staff", staff(failing))} },
			[]directory.Account{left, known}, "remove Success person_not_found"},
		"another rule of the same source": {func() []plan.RulePeople {
			people := staff(smith("7", john))
			return []plan.RulePeople{rule(t, "staff", `user.id == "none"`, people), choosing(t, "interns", people)}
		}, []directory.Account{left}, "none Failed source_id_changed"},
		"another source": {func() []plan.RulePeople {
			return []plan.RulePeople{rule(t, "staff", "", staff()), choosing(t, "interns", &roster{key: "interns", people: []source.Record{smith("7", john)}})}
		}, []directory.Account{left}, "none Failed source_id_changed"},
		"another source, somebody with an account": {func() []plan.RulePeople {
			return []plan.RulePeople{rule(t, "staff", "", staff()), choosing(t, "interns", &roster{key: "interns", people: []source.Record{smith("7", john)}})}
		}, []directory.Account{left, known}, "remove Success person_not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := build(t, input(test.accounts, test.rules()...))
			require.Len(t, p.Leavers, 1)
			require.Equal(t, test.want, saying(p.Leavers[0]))
		})
	}
}
