package plan_test

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// The SKUs of the tenant in these tests.
const (
	skuA = "aaaaaaaa-0000-4000-8000-000000000001"
	skuB = "bbbbbbbb-0000-4000-8000-000000000002"
	skuC = "cccccccc-0000-4000-8000-000000000003"

	mailPlan = "11111111-0000-4000-8000-000000000001"
	chatPlan = "22222222-0000-4000-8000-000000000002"
)

// skus are the tenant's subscriptions with so many units left of each.
func skus(left int) []directory.SKU {
	plans := []directory.ServicePlan{{ID: mailPlan, Name: "MAIL"}, {ID: chatPlan, Name: "CHAT"}}
	return []directory.SKU{
		{ID: skuA, PartNumber: "SUITE_A", Enabled: left, Status: "Enabled", Plans: plans},
		{ID: skuB, PartNumber: "SUITE_B", Enabled: left, Status: "Enabled", Plans: plans},
		{ID: skuC, PartNumber: "SUITE_C", Enabled: left, Status: "Enabled", Plans: plans},
	}
}

// selected are the attributes that are read back.
var selected = []string{"department", directory.DisplayName, directory.MailNickname, directory.UsageLocation}

// settings are those of rule staff of connection contoso, with all defaults and plenty of licenses.
func settings() plan.Policy {
	return plan.Policy{
		Connection: "contoso", Rule: "staff", Preferences: config.DefaultPreferences(),
		Selection: directory.Selection{Attributes: selected, LinkProperty: "extension_x_entraflowLink", MarkProperty: "extension_x_entraflowMark"},
		SKUs:      skus(100),
	}
}

// ann is an enabled person called ann, without a mapping for licenses.
func ann() plan.Person {
	return plan.Person{ID: "1", Enabled: true, Desired: mapping.Desired{
		UserPrincipalName: "ann@contoso.com", AccountEnabled: true, ResetPassword: true,
		Attributes: map[string]string{
			directory.DisplayName: "Ann Example", directory.MailNickname: "ann", "department": "Sales", directory.UsageLocation: "US",
		},
	}}
}

// account is ann's as it should be, linked and marked as created.
func account() directory.Account {
	return directory.Account{
		ID: "id-ann", UserPrincipalName: "ann@contoso.com", Enabled: true,
		Link: "contoso/staff/1", Mark: "1;created", Values: []string{"Sales", "Ann Example", "ann", "US"},
	}
}

// licensed adds a direct license.
func licensed(a directory.Account, sku string, disabledPlans ...string) directory.Account {
	a.Licenses = append(a.Licenses, directory.AssignedLicense{SKU: sku, DisabledPlans: disabledPlans, State: "Active"})
	return a
}

// carryOut does to an account what a change says, as Graph would: the account's own request first, then the licenses, then
// the mark that is left. licenses false stops after the first request, as a crash there would. before is nil for a
// creation.
func carryOut(t testing.TB, s plan.Policy, p plan.Person, c plan.Change, before *directory.Account, licenses bool) directory.Account {
	t.Helper()
	var a directory.Account
	if before != nil {
		a = *before
		a.Values = append([]string(nil), before.Values...)
		a.Licenses = append([]directory.AssignedLicense(nil), before.Licenses...)
	} else {
		require.Equal(t, plan.Create, c.Action)
		a = directory.Account{ID: "id-" + p.ID, Enabled: c.Mark.Disabled == "", Values: make([]string, len(s.Selection.Attributes))}
	}
	require.True(t, sort.StringsAreSorted(c.Attributes), "%v", c.Attributes)
	for i, name := range c.Attributes {
		require.False(t, i > 0 && name == c.Attributes[i-1], "%s is named twice", name)
		switch name {
		case directory.UserPrincipalName:
			a.UserPrincipalName = p.Desired.UserPrincipalName
		case directory.AccountEnabled:
			if before != nil {
				require.NotEqual(t, c.Enable, c.Disable)
				a.Enabled = c.Enable
			}
		case plan.AttributeLink:
			a.Link = directory.NewLink(s.Connection, s.Rule, p.ID).String()
		case plan.AttributeMark:
			a.Mark = c.Mark.String()
			require.LessOrEqual(t, len(a.Mark), 256)
		default:
			for j, selected := range s.Selection.Attributes {
				if selected == name {
					a.Values[j] = p.Desired.Attributes[name]
				}
			}
		}
	}
	if licenses && c.SetsManager() {
		require.NotEqual(t, c.Manager, a.Manager, "writes the manager that is there")
		a.Manager = c.Manager
	}
	if !licenses || !c.Licenses() {
		return a
	}
	for _, l := range c.AddLicenses {
		set := false
		for i := range a.Licenses {
			if a.Licenses[i].Direct() && a.Licenses[i].SKU == l.SKU {
				a.Licenses[i].DisabledPlans, set = l.DisabledPlans, true
			}
		}
		if !set {
			a = licensed(a, l.SKU, l.DisabledPlans...)
		}
	}
	for _, sku := range c.RemoveLicenses {
		kept := a.Licenses[:0]
		for _, l := range a.Licenses {
			if !l.Direct() || l.SKU != sku {
				kept = append(kept, l)
			}
		}
		require.Len(t, kept, len(a.Licenses)-1, "only a direct license can be removed")
		a.Licenses = kept
	}
	a.Mark = c.FinalMark.String()
	return a
}

// direct are the SKUs that an account has of its own, sorted.
func direct(a *directory.Account) []string {
	var out []string
	for _, l := range a.Licenses {
		if l.Direct() {
			out = append(out, l.SKU)
		}
	}
	sort.Strings(out)
	return out
}

// roster is a source in memory.
type roster struct {
	key     string
	version string
	people  []source.Record
	err     error
	reads   int
}

func (r *roster) List(_ context.Context, yield func(source.Record) error) (source.Snapshot, error) {
	r.reads++
	for _, p := range r.people {
		if err := yield(p); err != nil {
			return source.Snapshot{}, err
		}
	}
	if r.err != nil {
		return source.Snapshot{}, r.err
	}
	return source.Snapshot{ID: r.key + r.version, Count: len(r.people)}, nil
}

// columns of every roster. n is a number where it is one: a filter on int(user.n) fails for the others.
var columns = source.Columns{Names: []string{"id", "enabled", "name", "dept", "lic", "n", "country", "boss"}, Typed: true, HasEnabled: true}

// who is a person at the source, enabled and in department Sales, licenses separated by commas.
func who(id, name, lic string) source.Record {
	return source.Record{ID: id, Enabled: true, Fields: map[string]any{
		"id": id, "name": name, "dept": "Sales", "lic": lic, "n": "1", "country": "US", "boss": "",
	}}
}

// with changes a field.
func with(r source.Record, field, value string) source.Record {
	fields := map[string]any{}
	for k, v := range r.Fields {
		fields[k] = v
	}
	fields[field] = value
	r.Fields = fields
	return r
}

// rule is a rule on a roster with a filter and mappings for all columns; name is empty where a mapping should fail.
func rule(t testing.TB, name, filter string, people *roster) plan.RulePeople {
	t.Helper()
	program, problems := mapping.Compile(mapping.Rule{Filter: filter, Mappings: map[string]config.Mapping{
		directory.UserPrincipalName: {Expression: `user.name + "@contoso.com"`},
		directory.DisplayName:       {Expression: `user.name`},
		directory.MailNickname:      {Expression: `user.name`},
		"department":                {Expression: `user.dept`},
		directory.UsageLocation:     {Expression: `user.country`},
		directory.Manager:           {Expression: `user.boss`},
		directory.SkuID:             {Expression: `user.lic == "" ? [] : user.lic.split(",")`},
	}}, columns)
	require.Empty(t, problems)
	return plan.RulePeople{Name: name, SourceKey: people.key, Program: program, People: people}
}

// staff is a roster.
func staff(people ...source.Record) *roster {
	return &roster{key: "staff", version: "1", people: people}
}

// owned is the account of a roster's person as a rule would have made it.
func owned(rule string, r source.Record) directory.Account {
	name := r.Fields["name"].(string)
	a := directory.Account{
		ID: "id-" + r.ID, UserPrincipalName: name + "@contoso.com", Enabled: r.Enabled,
		Link:   directory.NewLink("contoso", rule, r.ID).String(),
		Values: []string{r.Fields["dept"].(string), name, name, r.Fields["country"].(string)},
	}
	mark := directory.Mark{Origin: directory.Created}
	if !r.Enabled {
		mark.Disabled = directory.DisabledAtSource
	}
	if lic := r.Fields["lic"].(string); lic != "" {
		for _, sku := range strings.Split(lic, ",") {
			found, _ := directory.FindSKU(skus(1), sku)
			a = licensed(a, found.ID)
		}
		mark = mark.WithLicenses(direct(&a))
	}
	a.Mark = mark.String()
	return a
}

// input is a plan's input for the first of the rules.
func input(accounts []directory.Account, rules ...plan.RulePeople) plan.Input {
	s := settings()
	s.Rule = rules[0].Name
	return plan.Input{Policy: s, Rules: rules, Accounts: accounts}
}

// forRule is the same input for another rule.
func forRule(in plan.Input, name string) plan.Input {
	in.Rule = name
	return in
}

// build plans and expects no error.
func build(t testing.TB, in plan.Input) *plan.Plan {
	t.Helper()
	p, err := plan.Build(context.Background(), in)
	require.NoError(t, err)
	return p
}

// about gives the entry of a person; ok is false when the plan says nothing about them.
func about(p *plan.Plan, id string) (e plan.Entry, ok bool) {
	for _, e := range p.Entries {
		if e.SourceID == id {
			return e, true
		}
	}
	return plan.Entry{}, false
}

// said is an entry in words, for comparing: action, outcome and reason.
func said(p *plan.Plan, id string) string {
	e, ok := about(p, id)
	if !ok {
		return "not here"
	}
	return saying(e)
}

func saying(e plan.Entry) string {
	action := plan.None
	if e.Change != nil {
		action = e.Change.Action
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", action, e.Outcome, e.Reason))
}
