package plan_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// Two rules on one source can claim one person.
func TestRulesThatClaimOnePerson(t *testing.T) {
	t.Parallel()
	p := who("1", "ann", "")
	both := func(t *testing.T, firstFilter, secondFilter, link string) (first, second *plan.Plan) {
		people := staff(p)
		var accounts []directory.Account
		if link != "" {
			accounts = []directory.Account{owned(link, p)}
		}
		in := input(accounts, rule(t, "first", firstFilter, people), rule(t, "second", secondFilter, people))
		return build(t, in), build(t, forRule(in, "second"))
	}
	t.Run("the rule in the link wins while it claims the person", func(t *testing.T) {
		t.Parallel()
		first, second := both(t, "", "", "second")
		require.Equal(t, "not here", said(first, "1"))
		require.Equal(t, "none Success", said(second, "1"))
		require.Empty(t, first.Leavers)
		require.Empty(t, second.Leavers)
	})
	t.Run("else the first in the file provisions", func(t *testing.T) {
		t.Parallel()
		first, second := both(t, "", "", "")
		require.Equal(t, "create Success", said(first, "1"))
		require.Equal(t, "not here", said(second, "1"))
	})
	t.Run("when the rule in the link lets go, the first that claims takes over and rewrites the link", func(t *testing.T) {
		t.Parallel()
		first, second := both(t, "", `user.dept == "Other"`, "second")
		require.Equal(t, "update Success", said(first, "1"))
		e, _ := about(first, "1")
		require.Equal(t, []string{plan.AttributeLink}, e.Change.Attributes)
		require.Equal(t, "not here", said(second, "1"))
		require.Empty(t, second.Leavers, "somebody whom another rule claims did not leave")
	})
	t.Run("a rule that is no longer enabled has no say", func(t *testing.T) {
		t.Parallel()
		first, _ := both(t, "", "", "gone")
		e, _ := about(first, "1")
		require.Equal(t, []string{plan.AttributeLink}, e.Change.Attributes)
	})
	t.Run("a filter that fails is neither in nor out: no other rule takes over, nobody leaves", func(t *testing.T) {
		t.Parallel()
		people := staff(with(p, "n", "many"))
		in := input([]directory.Account{owned("second", p)}, rule(t, "first", "", people), rule(t, "second", "int(user.n) > 0", people))
		first, second := build(t, in), build(t, forRule(in, "second"))
		require.Equal(t, "not here", said(first, "1"))
		require.Equal(t, "none Failed filter_failed", said(second, "1"))
		require.Empty(t, first.Leavers)
		require.Empty(t, second.Leavers)
	})
	t.Run("more rules than fit a word of bits", func(t *testing.T) {
		t.Parallel()
		people := staff(p)
		var rules []plan.RulePeople
		for i := range 200 {
			rules = append(rules, rule(t, fmt.Sprint("r", i), fmt.Sprintf("%d == 199", i), people))
		}
		in := input(nil, rules...)
		require.Equal(t, "create Success", said(build(t, forRule(in, "r199")), "1"))
		require.Equal(t, "not here", said(build(t, forRule(in, "r3")), "1"))
	})
}

// One id in two sources: nobody can tell whose account it is.
func TestOneIDInTwoSources(t *testing.T) {
	t.Parallel()
	a, b := who("1", "ann", ""), who("1", "bob", "")
	plans := func(t *testing.T, secondFilter string, accounts ...directory.Account) (first, second *plan.Plan) {
		others := &roster{key: "others", version: "1", people: []source.Record{b}}
		in := input(accounts, rule(t, "first", "", staff(a, who("2", "eve", ""))), rule(t, "second", secondFilter, others))
		return build(t, in), build(t, forRule(in, "second"))
	}
	t.Run("both fail and nothing is written", func(t *testing.T) {
		t.Parallel()
		first, second := plans(t, "", owned("second", b))
		require.Equal(t, "none Failed source_id_in_two_sources", said(first, "1"))
		require.Equal(t, "none Failed source_id_in_two_sources", said(second, "1"))
		require.Equal(t, "create Success", said(first, "2"), "everybody else goes on")
		require.Empty(t, second.Leavers)
	})
	t.Run("also where only one of them is in scope, lest one person get the other's account", func(t *testing.T) {
		t.Parallel()
		first, second := plans(t, `user.name != "bob"`, owned("second", b))
		require.Equal(t, "none Failed source_id_in_two_sources", said(first, "1"))
		require.Equal(t, "not here", said(second, "1"))
		for _, e := range second.Leavers {
			require.Nil(t, e.Change, "in doubt nobody is removed")
		}
	})
}

func TestPeopleWhoCannotBeDecided(t *testing.T) {
	t.Parallel()
	unreadable := who("3", "cat", "")
	unreadable.EnabledErr = fault.New("read", fault.Invalid, fault.EnabledUnreadable, "enabled")
	people := staff(
		with(who("1", "ann", ""), "n", "many"),
		with(who("2", "bob", ""), "country", "Utopia"),
		unreadable,
		with(who("4", "dan", ""), "dept", "Other"),
		who("5", "", ""),
		who("6", "fay", ""),
	)
	var accounts []directory.Account
	for _, p := range people.people {
		accounts = append(accounts, owned("staff", p))
	}
	made := build(t, input(accounts, rule(t, "staff", `int(user.n) > 0 && user.dept == "Sales"`, people)))
	require.Equal(t, "none Failed filter_failed", said(made, "1"))
	require.Equal(t, "none Failed usage_location_invalid", said(made, "2"))
	require.Equal(t, "none Failed enabled_unreadable", said(made, "3"))
	require.Equal(t, "not here", said(made, "4"))
	require.Contains(t, said(made, "5"), "none Failed")
	require.Equal(t, "none Success", said(made, "6"))
	require.Len(t, made.Leavers, 1, "who fails did not leave")
	require.Equal(t, "4", made.Leavers[0].SourceID)
	require.Equal(t, fault.PersonOutOfScope, made.Leavers[0].Reason)
}

func TestTwoPeopleWithOneName(t *testing.T) {
	t.Parallel()
	named := func(id string) source.Record { return who(id, "ann", "") }
	t.Run("both fail when nobody has the name", func(t *testing.T) {
		t.Parallel()
		made := build(t, input(nil, rule(t, "staff", "", staff(named("1"), named("2"), who("3", "eve", "")))))
		require.Equal(t, "none Failed user_principal_name_conflict", said(made, "1"))
		require.Equal(t, "none Failed user_principal_name_conflict", said(made, "2"))
		require.Equal(t, "create Success", said(made, "3"))
	})
	t.Run("also in other case", func(t *testing.T) {
		t.Parallel()
		made := build(t, input(nil, rule(t, "staff", "", staff(named("1"), who("2", "ANN", "")))))
		require.Equal(t, "none Failed user_principal_name_conflict", said(made, "2"))
	})
	t.Run("also when an account that nobody linked has it: it is not adopted by chance", func(t *testing.T) {
		t.Parallel()
		stray := owned("staff", named("9"))
		stray.Link, stray.Mark = "", ""
		made := build(t, input([]directory.Account{stray}, rule(t, "staff", "", staff(named("1"), named("2")))))
		require.Equal(t, "none Failed user_principal_name_conflict", said(made, "1"))
		require.Equal(t, "none Failed user_principal_name_conflict", said(made, "2"))
	})
	t.Run("the linked holder keeps it, and a new person fails", func(t *testing.T) {
		t.Parallel()
		made := build(t, input([]directory.Account{owned("staff", named("2"))}, rule(t, "staff", "", staff(named("1"), named("2")))))
		require.Equal(t, "none Failed user_principal_name_taken", said(made, "1"))
		require.Equal(t, "none Success", said(made, "2"))
	})
	t.Run("a person with an account who wants the holder's name keeps the old one, its alias with it, and the rest is written", func(t *testing.T) {
		t.Parallel()
		old := owned("staff", who("1", "anna", ""))
		made := build(t, input([]directory.Account{old, owned("staff", named("2"))},
			rule(t, "staff", "", staff(with(named("1"), "dept", "Board"), named("2")))))
		require.Equal(t, "update PartiallySynced user_principal_name_taken", said(made, "1"))
		e, _ := about(made, "1")
		require.Equal(t, []string{"department", "displayName"}, e.Change.Attributes)
		require.Equal(t, "none Success", said(made, "2"))
	})
	t.Run("both fail across rules, in the plan of each", func(t *testing.T) {
		t.Parallel()
		people := staff(named("1"), with(named("2"), "dept", "Other"))
		in := input(nil, rule(t, "first", `user.dept == "Sales"`, people), rule(t, "second", `user.dept == "Other"`, people))
		require.Equal(t, "none Failed user_principal_name_conflict", said(build(t, in), "1"))
		require.Equal(t, "none Failed user_principal_name_conflict", said(build(t, forRule(in, "second")), "2"))
	})
	t.Run("the holder of another rule keeps it", func(t *testing.T) {
		t.Parallel()
		people := staff(named("1"), with(named("2"), "dept", "Other"))
		in := input([]directory.Account{owned("second", with(named("2"), "dept", "Other"))},
			rule(t, "first", `user.dept == "Sales"`, people), rule(t, "second", `user.dept == "Other"`, people))
		require.Equal(t, "none Failed user_principal_name_taken", said(build(t, in), "1"))
		require.Equal(t, "none Success", said(build(t, forRule(in, "second")), "2"))
	})
	t.Run("a person who fails for another reason claims the name as well, whichever rule plans", func(t *testing.T) {
		t.Parallel()
		broken := with(named("2"), "country", "Utopia")
		made := build(t, input(nil, rule(t, "staff", "", staff(named("1"), broken))))
		require.Equal(t, "none Failed user_principal_name_conflict", said(made, "1"))
		require.Equal(t, "none Failed usage_location_invalid", said(made, "2"))
		people := staff(named("1"), with(broken, "dept", "Other"))
		in := input(nil, rule(t, "first", `user.dept == "Sales"`, people), rule(t, "second", `user.dept == "Other"`, people))
		require.Equal(t, "none Failed user_principal_name_conflict", said(build(t, in), "1"))
	})
	t.Run("two accounts with one link stay the reason", func(t *testing.T) {
		t.Parallel()
		one, two := owned("staff", named("1")), owned("staff", who("1", "anna", ""))
		two.ID = "id-second"
		made := build(t, input([]directory.Account{one, two}, rule(t, "staff", "", staff(named("1")))))
		require.Equal(t, "none Failed "+string(fault.LinkDuplicate), said(made, "1"))
	})
}

func TestLeavers(t *testing.T) {
	t.Parallel()
	mark := func(a directory.Account, mark string) directory.Account {
		a.Mark = mark
		return a
	}
	here, moved := who("here", "ann", ""), with(who("moved", "bob", ""), "dept", "Other")
	long := strings.Repeat("long/", 60)
	people := staff(here, moved)
	accounts := []directory.Account{
		owned("staff", here),
		owned("staff", moved),
		owned("staff", who("gone", "cat", "")),
		mark(owned("staff", who("done", "dan", "")), "1;created;disabled=deprovisioned"),
		mark(owned("staff", who("off", "eve", "")), "1;created;disabled=source"),
		owned("other", who("theirs", "fay", "")),
		owned("staff", who(long, "gus", "")),
		{ID: "id-foreign", UserPrincipalName: "hal@contoso.com", Link: "fabrikam/staff/gone2"},
		{ID: "id-unlinked", UserPrincipalName: "ida@contoso.com"},
	}
	made := build(t, input(accounts, rule(t, "staff", `user.dept == "Sales"`, people)))
	got := map[string]string{}
	for _, e := range made.Leavers {
		require.NotNil(t, e.Change)
		require.Equal(t, plan.Remove, e.Change.Action)
		require.NotEmpty(t, e.Change.AccountID)
		require.Equal(t, "staff", e.Change.Rule)
		got[e.Change.AccountID] = string(e.Reason)
	}
	require.Equal(t, map[string]string{
		"id-moved":   "person_out_of_scope",
		"id-gone":    "person_not_found",
		"id-off":     "person_not_found",
		"id-" + long: "person_not_found",
	}, got, "neither those who are here, nor those who left before, nor those of another rule or connection")
	for i := 1; i < len(made.Leavers); i++ {
		require.Less(t, made.Leavers[i-1].SourceID, made.Leavers[i].SourceID)
	}
	require.Equal(t, 6, made.Linked)
	require.Equal(t, 7, made.ConnectionLinked)
}

// A person whose id is so long that the link holds its hash did not leave while a rule claims it.
func TestLongIDsDoNotLeave(t *testing.T) {
	t.Parallel()
	p := who(strings.Repeat("x/", 150), "ann", "")
	people := staff(p)
	in := input([]directory.Account{owned("staff", p)}, rule(t, "staff", `user.dept == "Other"`, people), rule(t, "other", "", people))
	require.Empty(t, build(t, in).Leavers)
	require.Equal(t, "update Success", said(build(t, forRule(in, "other")), p.ID))
	in.Rules = in.Rules[:1]
	require.Len(t, build(t, in).Leavers, 1)
}

// In doubt, and to accounts that are not ours to change, nothing is done when somebody left; it is reported.
func TestLeaversInDoubt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(in *plan.Input)
		want   fault.Reason
	}{
		{"two accounts carry the link", func(in *plan.Input) {
			second := in.Accounts[1]
			second.ID, second.UserPrincipalName = "id-second", "bob2@contoso.com"
			in.Accounts = append(in.Accounts, second)
		}, fault.LinkDuplicate},
		{"the account is synced from on-premises by now", func(in *plan.Input) { in.Accounts[1].OnPremises = true }, fault.AccountSynced},
		{"the account is a guest by now", func(in *plan.Input) { in.Accounts[1].Guest = true }, fault.AccountGuest},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			here := who("1", "ann", "")
			in := input([]directory.Account{owned("staff", here), owned("staff", who("2", "bob", ""))}, rule(t, "staff", "", staff(here)))
			c.change(&in)
			made := build(t, in)
			require.NotEmpty(t, made.Leavers)
			for _, e := range made.Leavers {
				require.Equal(t, "2", e.SourceID)
				require.Nil(t, e.Change)
				require.Equal(t, plan.Failed, e.Outcome)
				require.Equal(t, c.want, e.Reason)
			}
			require.Zero(t, made.Guard.Removals)
		})
	}
}

func TestNoPlanWithoutCompleteReads(t *testing.T) {
	t.Parallel()
	p := who("1", "ann", "")
	broken := fault.New("read source", fault.Transient, fault.SourceIncomplete, "")
	plans := func(t *testing.T, in plan.Input) error {
		made, err := plan.Build(context.Background(), in)
		require.Nil(t, made)
		return err
	}
	t.Run("an error of the rule's own source", func(t *testing.T) {
		t.Parallel()
		people := staff(p)
		people.err = broken
		require.ErrorIs(t, plans(t, input(nil, rule(t, "staff", "", people))), broken)
	})
	t.Run("an error of another rule's source", func(t *testing.T) {
		t.Parallel()
		others := &roster{key: "others", err: broken}
		require.ErrorIs(t, plans(t, input(nil, rule(t, "staff", "", staff(p)), rule(t, "others", "", others))), broken)
	})
	t.Run("a tenant in which every known link is missing", func(t *testing.T) {
		t.Parallel()
		in := input([]directory.Account{{ID: "x", UserPrincipalName: "x@contoso.com", Link: "fabrikam/staff/1"}}, rule(t, "staff", "", staff(p)))
		require.NotNil(t, build(t, in), "at first no link is known")
		in.KnownLinks = 1
		require.True(t, fault.Is(plans(t, in), fault.TenantReadSuspicious))
		in.Accounts = []directory.Account{owned("other", who("9", "zoe", ""))}
		require.NotNil(t, build(t, in), "one link, of whichever rule, shows that the read is sound")
	})
	t.Run("a rule that is not there", func(t *testing.T) {
		t.Parallel()
		in := input(nil, rule(t, "staff", "", staff(p)))
		require.True(t, fault.Is(plans(t, forRule(in, "nope")), fault.RuleUnknown))
	})
}

// The people of a plan share the tenant's stock: who comes first at the source gets the last unit.
func TestPeopleShareTheStock(t *testing.T) {
	t.Parallel()
	in := input(nil, rule(t, "staff", "", staff(who("2", "bob", "SUITE_A"), who("1", "ann", "SUITE_A"), who("3", "cat", "SUITE_B"))))
	in.SKUs = skus(1)
	made := build(t, in)
	require.Equal(t, "create Success", said(made, "2"))
	require.Equal(t, "create PartiallySynced not_enough_licenses", said(made, "1"))
	require.Equal(t, "create Success", said(made, "3"))
	e, _ := about(made, "1")
	require.Equal(t, []string{skuA}, e.Change.Exhausted)
	require.Empty(t, e.Change.AddLicenses)
}

// Subscriptions that cannot be read keep nobody's access open: who left and who is disabled wait for nothing about licenses.
func TestAPlanWithoutSubscriptionsEndsAccess(t *testing.T) {
	t.Parallel()
	closed := who("2", "bob", "SUITE_A")
	var accounts []directory.Account
	for _, p := range []source.Record{who("1", "ann", "SUITE_A"), closed, who("3", "cat", ""), who("4", "dan", "SUITE_A")} {
		accounts = append(accounts, owned("staff", p))
	}
	closed.Enabled = false
	in := input(accounts, rule(t, "staff", "", staff(with(who("1", "ann", "SUITE_A"), "dept", "Moved"), closed, with(who("3", "cat", ""), "dept", "Moved"), who("5", "eve", "SUITE_A"))))
	in.SKUs, in.SKUsErr = nil, fault.New("read subscriptions", fault.Transient, fault.GraphUnavailable, "")
	made := build(t, in)
	require.Equal(t, "none Failed graph_unavailable", said(made, "1"))
	require.Equal(t, "disable PartiallySynced graph_unavailable", said(made, "2"))
	require.Equal(t, "update Success", said(made, "3"), "nobody asks for licenses of theirs")
	require.Equal(t, "none Failed graph_unavailable", said(made, "5"), "an account without its license is no use")
	require.Len(t, made.Leavers, 1)
	require.Equal(t, 2, made.Guard.Removals)
	require.False(t, made.Guard.Held)
	e, _ := about(made, "1")
	require.Nil(t, e.Change, "no license is taken away")
}

// A live directory cannot be read twice in one state, so that each source is read once, whatever rules it has.
func TestEachSourceIsReadOnce(t *testing.T) {
	t.Parallel()
	people, others := staff(who("1", "ann", ""), who("2", "bob", "")), &roster{key: "others", version: "1", people: []source.Record{who("3", "cat", "")}}
	in := input(nil, rule(t, "first", `user.name == "ann"`, people), rule(t, "others", "", others), rule(t, "second", "", people))
	made := build(t, in)
	require.Equal(t, 1, people.reads)
	require.Equal(t, 1, others.reads)
	require.Equal(t, "staff1", made.Snapshot.ID, "the snapshot is that of the planned rule's source")
	require.Equal(t, "create Success", said(made, "1"))
	require.Equal(t, "not here", said(made, "2"), "the other rule claims him")
}

// Names of people of other sources count, unless nobody can tell whose ids they are.
func TestNamesOfOtherSources(t *testing.T) {
	t.Parallel()
	for _, planned := range []string{"first", "second", "third"} {
		third := &roster{key: "third", version: "1", people: []source.Record{who("5", "dan", "")}}
		second := &roster{key: "second", version: "1", people: []source.Record{who("3", "ann", ""), who("4", "bob", ""), who("5", "eve", "")}}
		in := input(nil, rule(t, "first", "", staff(who("1", "ann", ""), who("2", "eve", ""))), rule(t, "second", "", second), rule(t, "third", "", third))
		made := build(t, forRule(in, planned))
		switch planned {
		case "first":
			require.Equal(t, "none Failed user_principal_name_conflict", said(made, "1"))
			require.Equal(t, "create Success", said(made, "2"), "the id of the other eve is in two sources")
		case "second":
			require.Equal(t, "none Failed user_principal_name_conflict", said(made, "3"))
			require.Equal(t, "create Success", said(made, "4"))
			require.Equal(t, "none Failed source_id_in_two_sources", said(made, "5"))
		case "third":
			require.Equal(t, "none Failed source_id_in_two_sources", said(made, "5"))
		}
	}
}
