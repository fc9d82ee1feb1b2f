package plan_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// names has the people of a stage in their order, with a blank line between ranks.
func order(p *plan.Plan, stage plan.Stage) (ranks [][]string) {
	for after, last := "", false; !last; {
		page := p.Page(stage, after, 100)
		var ids []string
		for _, c := range page.Changes {
			ids = append(ids, c.SourceID)
		}
		if len(ids) > 0 {
			ranks = append(ranks, ids)
		}
		after, last = page.After, page.Last
	}
	return ranks
}

// Eight people take one another's names: the last of them takes one that is free, and each waits for the one before.
func TestAChainOfNamesIsServedInOrder(t *testing.T) {
	t.Parallel()
	var people []source.Record
	var accounts []directory.Account
	for i := range 8 {
		id := fmt.Sprint(i)
		accounts = append(accounts, owned("staff", who(id, fmt.Sprint("name", i), "")))
		people = append(people, who(id, fmt.Sprint("name", i+1), ""))
	}
	// A joiner takes the first name, and somebody else needs something that has nothing to do with names.
	people = append(people, who("8", "name0", ""), with(who("9", "other", ""), "dept", "Moved"))
	accounts = append(accounts, owned("staff", who("9", "other", "")))
	p := build(t, input(accounts, rule(t, "staff", "", staff(people...))))
	require.Equal(t, [][]string{{"7", "9"}}, order(p, plan.StagePeople))
	require.Equal(t, [][]string{{"6"}, {"5"}, {"4"}, {"3"}, {"2"}, {"1"}, {"0"}, {"8"}}, order(p, plan.StageNames))
	for _, e := range p.Entries {
		outcome, reason, _ := p.Forecast(&e)
		require.Equal(t, plan.Success, outcome, "%s: %s", e.SourceID, reason)
	}
	require.Equal(t, 10, p.Planned())
}

// Nobody of a circle can begin. Everything else about them is written.
func TestACircleOfNamesIsReported(t *testing.T) {
	t.Parallel()
	accounts := []directory.Account{
		owned("staff", who("1", "ann", "")), owned("staff", who("2", "bob", "")), owned("staff", who("3", "cat", "")),
	}
	p := build(t, input(accounts, rule(t, "staff", "", staff(
		who("1", "bob", ""), with(who("2", "cat", ""), "dept", "Moved"), who("3", "ann", ""),
	))))
	for _, id := range []string{"1", "2", "3"} {
		e, _ := about(p, id)
		require.Equal(t, plan.PartiallySynced, e.Outcome, id)
		require.Equal(t, fault.NamesInCircle, e.Reason, id)
	}
	e, _ := about(p, "2")
	require.Equal(t, fault.NamesInCircle, e.Change.Reason)
	require.NotContains(t, e.Change.Attributes, directory.UserPrincipalName)
	require.NotContains(t, e.Change.Attributes, directory.MailNickname, "name and alias change together")
	require.Contains(t, e.Change.Attributes, "department")
	require.Zero(t, p.Later(plan.StageNames))
}

// A colleague who is only to be disabled, or whom another rule provisions, does not give up a name in this plan.
func TestOnlyWhoIsRenamedGivesUpAName(t *testing.T) {
	t.Parallel()
	leaving := with(who("2", "new", ""), "dept", "Sales")
	leaving.Enabled = false
	enabled := owned("staff", who("2", "bob", ""))
	p := build(t, input([]directory.Account{owned("staff", who("1", "ann", "")), enabled}, rule(t, "staff", "", staff(who("1", "bob", ""), leaving))))
	e, _ := about(p, "1")
	require.Equal(t, fault.UPNTaken, e.Reason)
}

// namedRule maps the display name to a column of its own, so that names tell people apart.
func namedRule(t *testing.T, people *roster) plan.RulePeople {
	t.Helper()
	cols := columns
	cols.Names = append([]string{"full"}, columns.Names...)
	program, problems := mapping.Compile(mapping.Rule{Mappings: map[string]config.Mapping{
		directory.UserPrincipalName: {Expression: `user.name + "@contoso.com"`},
		directory.DisplayName:       {Expression: `user.full`},
		directory.MailNickname:      {Expression: `user.name`},
		directory.UsageLocation:     {Expression: `user.country`},
		directory.SkuID:             {Expression: `user.lic == "" ? [] : user.lic.split(",")`},
	}}, cols)
	require.Empty(t, problems)
	return plan.RulePeople{Name: "staff", SourceKey: people.key, Program: program, People: people}
}

// John leaves and Jenny joins with his name on the same day: he is another person, and leaves. His name becomes free where accounts
// are deleted. The same person under another id is held back as before.
func TestANameHandedOnTheSameDay(t *testing.T) {
	t.Parallel()
	named := func(id, name, full, lic string) source.Record { return with(who(id, name, lic), "full", full) }
	account := func(r source.Record) directory.Account {
		a := owned("staff", r)
		a.Values[1] = r.Fields["full"].(string)
		return a
	}
	john := account(named("1", "jsmith", "John Smith", skuA))
	colleagues := []source.Record{named("2", "bob", "Bob Lee", ""), named("3", "cat", "Cat Lee", "")}
	accounts := []directory.Account{john, account(colleagues[0]), account(colleagues[1])}
	try := func(action string, joiner source.Record) *plan.Plan {
		in := input(accounts, namedRule(t, staff(append(colleagues, joiner)...)))
		in.Preferences.RemoveAction = action
		in.SKUs = skus(0)
		return build(t, in)
	}

	p := try(config.RemoveDelete, named("7", "jsmith", "Jenny Smithers", skuA))
	require.Len(t, p.Leavers, 1)
	require.NotNil(t, p.Leavers[0].Change, "he leaves: %s", p.Leavers[0].Reason)
	require.True(t, p.Leavers[0].Change.Delete)
	require.Equal(t, [][]string{{"7"}}, order(p, plan.StageFreed))
	e, _ := about(p, "7")
	require.Equal(t, plan.Create, e.Change.Action)
	require.Equal(t, plan.Success, e.Outcome)
	require.Len(t, e.Change.AddLicenses, 1, "the license that he had is hers")

	p = try(config.RemoveDisable, named("7", "jsmith", "Jenny Smithers", skuA))
	require.NotNil(t, p.Leavers[0].Change)
	e, _ = about(p, "7")
	require.Equal(t, plan.Failed, e.Outcome)
	require.Equal(t, fault.UPNTaken, e.Reason)
	require.Zero(t, p.Later(plan.StageFreed))

	for _, same := range []string{"John Smith", "John Miller", "Smith, Anna"} {
		p = try(config.RemoveDelete, named("7", "jsmith", same, skuA))
		require.Nil(t, p.Leavers[0].Change, same)
		require.Equal(t, fault.SourceIDChanged, p.Leavers[0].Reason, same)
	}
}

// A license that the removals of a plan take away is given to whoever waits for one, as long as the guard lets them pass.
func TestFreedLicensesAreGivenInTheSameSync(t *testing.T) {
	t.Parallel()
	gives := owned("staff", who("1", "ann", skuA))
	in := input([]directory.Account{gives, owned("staff", who("2", "bob", "")), owned("staff", who("3", "cat", "")), owned("staff", who("4", "dan", ""))},
		rule(t, "staff", "", staff(who("1", "ann", ""), who("2", "bob", skuA), who("3", "cat", skuA), with(who("4", "dan", ""), "dept", "Moved"))))
	in.SKUs = skus(0)
	p := build(t, in)
	require.Equal(t, 1, p.Guard.Removals)
	require.Equal(t, [][]string{{"4"}}, order(p, plan.StagePeople))
	require.Equal(t, [][]string{{"2"}}, order(p, plan.StageFreed), "there is one")
	e, _ := about(p, "3")
	require.Equal(t, fault.LicensesExhausted, e.Reason)

	in.Preferences.RemovalGuard = config.RemovalGuard{}
	p = build(t, in)
	require.True(t, p.Guard.Held)
	require.Zero(t, p.Later(plan.StageFreed))
	e, _ = about(p, "2")
	require.Equal(t, fault.LicensesExhausted, e.Reason)

	in.Preferences.RemovalGuard = config.DefaultPreferences().RemovalGuard
	in.Resumed = true
	require.Zero(t, build(t, in).Later(plan.StageFreed), "a plan made again puts nobody off")
}
