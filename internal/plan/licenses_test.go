package plan_test

import (
	"fmt"
	"slices"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// having is how an account has a license.
type having struct {
	name string
	// direct: assigned to the account itself; ours: the mark records it; group: a group gives it; unexplained: it is there
	// and nobody knows from where.
	direct, ours, group, unexplained bool
}

var havings = []having{
	{name: "none"},
	{name: "ours", direct: true, ours: true},
	{name: "foreign direct", direct: true},
	{name: "inherited", group: true},
	{name: "foreign direct and inherited", direct: true, group: true},
	{name: "ours and inherited", direct: true, ours: true, group: true},
	{name: "unexplained", unexplained: true},
}

// give lets an account have a license in that way.
func (h having) give(a *directory.Account, sku string) {
	if h.direct {
		*a = licensed(*a, sku)
	}
	if h.group {
		a.Licenses = append(a.Licenses, directory.AssignedLicense{SKU: sku, Group: "group", State: "Active"})
	}
	if h.unexplained {
		a.Unexplained = append(a.Unexplained, sku)
	}
}

// mapped is what a rule's skuId mapping says of the person.
type mapped struct {
	name    string
	mapped  bool
	value   []string // as the mapping writes it
	known   []string // the SKUs that it means
	unknown bool     // one of them is not among the tenant's
}

var mappings = []mapped{
	{name: "not mapped"},
	{name: "mapped, empty", mapped: true},
	{name: "mapped, one by part number", mapped: true, value: []string{"suite_a"}, known: []string{skuA}},
	{name: "mapped, two", mapped: true, value: []string{skuA, "SUITE_B"}, known: []string{skuA, skuB}},
	{name: "mapped, one twice", mapped: true, value: []string{skuA, "SUITE_A"}, known: []string{skuA}},
	{name: "mapped, one unknown", mapped: true, value: []string{"NOPE"}, unknown: true},
	{name: "mapped, one known and one unknown", mapped: true, value: []string{"SUITE_A", "NOPE"}, known: []string{skuA}, unknown: true},
}

// verdict is what the oracle expects.
type verdict struct {
	add, remove []string
	outcome     plan.Outcome
	reason      fault.Reason
}

// oracle says from the words of the settings what happens to somebody who has SKU A and SKU C in two ways, and nothing of B.
func oracle(removeWhenEmpty bool, scope string, allowUpdate, hold bool, m mapped, a, c having) verdict {
	v := verdict{outcome: plan.Success}
	partly := func(r fault.Reason) {
		if v.outcome == plan.Success {
			v.outcome, v.reason = plan.PartiallySynced, r
		}
	}
	has := map[string]having{skuA: a, skuB: {}, skuC: c}
	if m.unknown {
		partly(fault.LicenseUnknown)
	}
	// A license is given to those who do not have it yet, from wherever.
	for _, sku := range m.known {
		if h := has[sku]; !h.direct && !h.group && !h.unexplained {
			v.add = append(v.add, sku)
		}
	}
	// Without a mapping licenses are kept, unless the switch says that they go; with a mapping they always go. An unknown
	// name might be a slip for what the person has: nothing goes then.
	goes := m.mapped || removeWhenEmpty
	for sku, h := range has {
		inScope := h.ours || scope == config.ScopeAll
		if goes && !m.unknown && h.direct && inScope && !slices.Contains(m.known, sku) {
			v.remove = append(v.remove, sku)
		}
	}
	// A swap is no removal.
	if hold && len(v.remove) > len(v.add) {
		v.remove = nil
		partly(fault.RemovalsHeld)
	}
	if !allowUpdate && len(v.add)+len(v.remove) > 0 {
		return verdict{outcome: plan.PartiallySynced, reason: fault.UpdateNotAllowed}
	}
	sort.Strings(v.add)
	sort.Strings(v.remove)
	return v
}

// The licenses of one person in every combination of settings, mapping and possession, against an oracle; and after each
// decision has been carried out, nothing is left to do.
func TestLicensesInEveryCombination(t *testing.T) {
	t.Parallel()
	n := 0
	each := func(f func(bool)) { f(false); f(true) }
	each(func(removeWhenEmpty bool) {
		each(func(allowUpdate bool) {
			each(func(hold bool) {
				for _, scope := range []string{config.ScopeOurs, config.ScopeAll} {
					for _, m := range mappings {
						for _, a := range havings {
							for _, c := range havings {
								n++
								name := fmt.Sprintf("removeLicensesWhenSkuIdEmpty %t, allowUpdate %t, hold %t, scope %s, %s; A %s, C %s",
									removeWhenEmpty, allowUpdate, hold, scope, m.name, a.name, c.name)
								s := settings()
								s.Preferences.RemoveLicensesWhenSkuIDEmpty, s.Preferences.AllowUpdate = removeWhenEmpty, allowUpdate
								s.Preferences.LicenseScope = scope
								if hold {
									s.Hold = fault.RemovalsHeld
								}
								checkLicenses(t, name, s, m, a, c, oracle(removeWhenEmpty, scope, allowUpdate, hold, m, a, c))
							}
						}
					}
				}
			})
		})
	})
	require.Equal(t, 2*2*2*2*len(mappings)*len(havings)*len(havings), n)
}

func checkLicenses(t *testing.T, name string, s plan.Policy, m mapped, a, c having, want verdict) {
	t.Helper()
	before := account()
	a.give(&before, skuA)
	c.give(&before, skuC)
	var marked []string
	for sku, h := range map[string]having{skuA: a, skuC: c} {
		if h.ours {
			marked = append(marked, sku)
		}
	}
	mark := directory.Mark{Origin: directory.Created}.WithLicenses(marked)
	before.Mark = mark.String()
	p := ann()
	p.Desired.SKUMapped, p.Desired.SKUs = m.mapped, m.value

	got := plan.Decide(s, p, plan.Match{Linked: []*directory.Account{&before}, SameName: &before})
	var added []string
	for _, l := range got.AddLicenses {
		added = append(added, l.SKU)
		require.Empty(t, l.DisabledPlans, name)
	}
	require.Equal(t, want.add, added, name)
	require.Equal(t, want.remove, got.RemoveLicenses, name)
	require.Equal(t, want.outcome, got.Outcome, name)
	require.Equal(t, want.reason, got.Reason, name)
	require.Equal(t, len(want.remove) > len(want.add), got.Removes(), name)

	// Before the licenses are written the mark holds the old and the new ones of ours, afterwards those that are left.
	after := carryOut(t, s, p, got, &before, true)
	between := carryOut(t, s, p, got, &before, false)
	recorded, _ := directory.ParseMark(between.Mark)
	final, _ := directory.ParseMark(after.Mark)
	for _, sku := range []string{skuA, skuB, skuC} {
		ours := mark.Owns(sku) || slices.Contains(want.add, sku)
		require.True(t, !ours || recorded.Owns(sku), "%s: %s is ours and would be forgotten in a crash", name, sku)
		if s.Preferences.AllowUpdate {
			// Named by the mapping for this person is ours, too.
			inScope := ours || slices.Contains(m.known, sku)
			require.Equal(t, inScope && slices.Contains(direct(&after), sku), final.Owns(sku), "%s: %s in the final mark", name, sku)
		}
	}
	for _, now := range []directory.Account{after, carryOut(t, s, p, got, &between, got.Licenses() && s.Preferences.AllowUpdate)} {
		again := plan.Decide(s, p, plan.Match{Linked: []*directory.Account{&now}, SameName: &now})
		require.False(t, again.Writes(), "%s: a second decision wants %+v", name, again)
		require.Equal(t, want.outcome, again.Outcome, name)
	}
	// After a crash between the two requests, the second decision does the rest.
	rest := plan.Decide(s, p, plan.Match{Linked: []*directory.Account{&between}, SameName: &between})
	healed := carryOut(t, s, p, rest, &between, true)
	require.Equal(t, direct(&after), direct(&healed), name)
	require.Equal(t, after.Mark, healed.Mark, name)
}

// wanting is ann with these licenses mapped.
func wanting(names ...string) plan.Person {
	p := ann()
	p.Desired.SKUMapped, p.Desired.SKUs = true, names
	return p
}

// holder is ann's account with licenses that are ours.
func holder(owned ...string) directory.Account {
	a := account()
	for _, sku := range owned {
		a = licensed(a, sku)
	}
	a.Mark = directory.Mark{Origin: directory.Created}.WithLicenses(owned).String()
	return a
}

func license(s plan.Policy, p plan.Person, a directory.Account) plan.Change {
	return plan.Decide(s, p, plan.Match{Linked: []*directory.Account{&a}, SameName: &a})
}

// short lists what is added, with a minus what is removed.
func short(c plan.Change) []string {
	out := []string{}
	for _, l := range c.AddLicenses {
		out = append(out, l.SKU[:1])
	}
	for _, sku := range c.RemoveLicenses {
		out = append(out, "-"+sku[:1])
	}
	return out
}

func TestLicenseStock(t *testing.T) {
	t.Parallel()
	stock := func(a, b, c int) plan.Policy {
		s := settings()
		s.Left = map[string]int{skuA: a, skuB: b, skuC: c}
		return s
	}
	cases := []struct {
		name      string
		settings  plan.Policy
		person    plan.Person
		account   directory.Account
		want      []string
		exhausted []string
		reason    fault.Reason
	}{
		{"only the license that is exhausted is withheld", stock(1, 0, 1), wanting("SUITE_A", "SUITE_B"), holder(), []string{"a"}, []string{skuB}, fault.LicensesExhausted},
		{"a swap is carried out in one request", stock(1, 1, 1), wanting("SUITE_B"), holder(skuA), []string{"b", "-a"}, nil, ""},
		{"a swap for something exhausted does not become a loss", stock(1, 0, 1), wanting("SUITE_B"), holder(skuA), []string{}, []string{skuB}, fault.LicensesExhausted},
		{"what one has needs no unit", stock(0, 0, 0), wanting("SUITE_A"), holder(skuA), []string{}, nil, ""},
		{"removing needs no unit", stock(0, 0, 0), wanting(), holder(skuA), []string{"-a"}, nil, ""},
		{"a tenant that has handed out too many has none left", stock(-3, 0, 0), wanting("SUITE_A"), holder(), []string{}, []string{skuA}, fault.LicensesExhausted},
		{"without a count of units left, the subscriptions count", func() plan.Policy { s := settings(); s.SKUs[0].Consumed = 100; return s }(),
			wanting("SUITE_A", "SUITE_B"), holder(), []string{"b"}, []string{skuA}, fault.LicensesExhausted},
		{"units in their grace period can be handed out", func() plan.Policy { s := settings(); s.SKUs[0].Consumed, s.SKUs[0].Warning = 100, 1; return s }(),
			wanting("SUITE_A"), holder(), []string{"a"}, nil, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := license(c.settings, c.person, c.account)
			require.Equal(t, c.want, short(got))
			require.Equal(t, c.exhausted, got.Exhausted)
			require.Equal(t, c.reason, got.Reason)
			after := carryOut(t, c.settings, c.person, got, &c.account, true)
			again := license(c.settings, c.person, after)
			require.False(t, again.Writes(), "%+v", again)
			require.Equal(t, got.Outcome, again.Outcome)
		})
	}
}

func TestLicenseDisabledPlans(t *testing.T) {
	t.Parallel()
	type plans struct {
		mapped bool
		value  []string
	}
	cases := []struct {
		name   string
		plans  plans
		person plan.Person
		held   []string // plans switched off in the license the account has; nil when it has none
		want   []string // plans switched off by the request; nil when there is none
		reason fault.Reason
	}{
		{"a new license has all plans without a mapping", plans{}, wanting("SUITE_A"), nil, []string{}, ""},
		{"a new license gets the plans switched off that are mapped, by name or id", plans{true, []string{"mail", chatPlan}}, wanting("SUITE_A"), nil, []string{mailPlan, chatPlan}, ""},
		{"a plan named twice is switched off once", plans{true, []string{"mail", mailPlan}}, wanting("SUITE_A"), nil, []string{mailPlan}, ""},
		{"without a mapping the plans of a license stay as they are", plans{}, wanting("SUITE_A"), []string{mailPlan}, nil, ""},
		{"plans that are switched off already need nothing", plans{true, []string{"CHAT", "MAIL"}}, wanting("SUITE_A"), []string{mailPlan, chatPlan}, nil, ""},
		{"other plans are written", plans{true, []string{"CHAT"}}, wanting("SUITE_A"), []string{mailPlan}, []string{chatPlan}, ""},
		{"an empty value switches all plans on", plans{true, nil}, wanting("SUITE_A"), []string{mailPlan}, []string{}, ""},
		{"an unknown plan is reported and the others are switched off", plans{true, []string{"MAIL", "NOPE"}}, wanting("SUITE_A"), nil, []string{mailPlan}, fault.ServicePlanUnknown},
		{"an unknown plan switches none on again", plans{true, []string{"MAIL", "NOPE"}}, wanting("SUITE_A"), []string{chatPlan}, nil, fault.ServicePlanUnknown},
		{"without a license no plan is unknown", plans{true, []string{"NOPE"}}, wanting(), nil, nil, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, a := settings(), holder()
			if c.held != nil {
				a = licensed(a, skuA, c.held...)
				a.Mark = directory.Mark{Origin: directory.Created}.WithLicenses([]string{skuA}).String()
			}
			c.person.Desired.DisabledPlansMapped, c.person.Desired.DisabledPlans = c.plans.mapped, c.plans.value
			got := license(s, c.person, a)
			if c.want == nil {
				require.Empty(t, got.AddLicenses)
			} else {
				require.Len(t, got.AddLicenses, 1)
				require.ElementsMatch(t, c.want, got.AddLicenses[0].DisabledPlans)
			}
			require.Equal(t, c.reason, got.Reason)
			require.False(t, got.Removes())
			after := carryOut(t, s, c.person, got, &a, true)
			require.False(t, func() bool { again := license(s, c.person, after); return again.Writes() }())
		})
	}
}

// Other plans of a license that the person keeps do not make up for one that is taken away.
func TestLicensePlansAreNoSwap(t *testing.T) {
	t.Parallel()
	p := wanting("SUITE_A")
	p.Desired.DisabledPlansMapped, p.Desired.DisabledPlans = true, []string{"MAIL"}
	a := holder(skuA, skuB)
	got := license(settings(), p, a)
	require.Equal(t, []string{"a", "-b"}, short(got))
	require.True(t, got.Removes())
	held := settings()
	held.Hold = fault.RemovalsHeld
	got = license(held, p, a)
	require.Equal(t, []string{"a"}, short(got))
	require.Equal(t, fault.RemovalsHeld, got.Reason)
}

func TestLicenseUsageLocation(t *testing.T) {
	t.Parallel()
	nowhere := func(p plan.Person) plan.Person {
		delete(p.Desired.Attributes, directory.UsageLocation)
		return p
	}
	unplaced := func(a directory.Account) directory.Account {
		a.Values = []string{"Sales", "Ann Example", "ann", ""}
		return a
	}
	t.Run("a location that is mapped is enough, it is written first", func(t *testing.T) {
		t.Parallel()
		got := license(settings(), wanting("SUITE_A"), unplaced(holder()))
		require.Equal(t, []string{"a"}, short(got))
		require.Contains(t, got.Attributes, directory.UsageLocation)
	})
	t.Run("a location that the account has is enough", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, []string{"a"}, short(license(settings(), nowhere(wanting("SUITE_A")), holder())))
	})
	t.Run("without any, nothing is added and nothing lost", func(t *testing.T) {
		t.Parallel()
		got := license(settings(), nowhere(wanting("SUITE_A")), unplaced(holder(skuB)))
		require.Empty(t, short(got))
		require.Equal(t, plan.None, got.Action)
		require.Equal(t, fault.UsageLocationMissing, got.Reason)
		require.Equal(t, directory.UsageLocation, got.Subject)
	})
	t.Run("without any, licenses can still be taken away", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, []string{"-b"}, short(license(settings(), nowhere(wanting()), unplaced(holder(skuB)))))
	})
	t.Run("a new account without one is created, without the license", func(t *testing.T) {
		t.Parallel()
		got := plan.Decide(settings(), nowhere(wanting("SUITE_A")), plan.Match{})
		require.Equal(t, plan.Create, got.Action)
		require.Empty(t, short(got))
		require.Equal(t, fault.UsageLocationMissing, got.Reason)
		require.Equal(t, plan.PartiallySynced, got.Outcome)
		require.Equal(t, "1;created", got.Mark.String())
	})
}

// More licenses than the mark can record are not touched at all, rather than forgotten.
func TestLicenseTooMany(t *testing.T) {
	t.Parallel()
	s := settings()
	var names []string
	for i := range directory.MaxMarkedLicenses + 1 {
		id := fmt.Sprintf("%08x-0000-4000-8000-000000000000", i)
		s.SKUs = append(s.SKUs, directory.SKU{ID: id, PartNumber: fmt.Sprint("P", i), Enabled: 5})
		names = append(names, id)
	}
	got := license(s, wanting(names...), holder(skuA))
	require.Equal(t, plan.None, got.Action)
	require.Equal(t, fault.TooManyLicenses, got.Reason)
	require.Equal(t, plan.PartiallySynced, got.Outcome)
	got = license(s, wanting(names[1:]...), holder())
	require.Len(t, got.AddLicenses, directory.MaxMarkedLicenses)
	require.LessOrEqual(t, len(got.Mark.String()), 256)
}

// An account is created with the licenses recorded, so that a crash before they are assigned forgets nothing.
func TestLicenseAtCreation(t *testing.T) {
	t.Parallel()
	got := plan.Decide(settings(), wanting("SUITE_B", "SUITE_A"), plan.Match{})
	require.Equal(t, plan.Create, got.Action)
	require.Equal(t, []string{"a", "b"}, short(got))
	require.Equal(t, "1;created;lic=aaaaaaaa,bbbbbbbb", got.Mark.String())
	require.Equal(t, got.Mark.String(), got.FinalMark.String())
}

// What this run has given already stays in the mark, whatever a lagging read shows, and the next run takes it back.
func TestLicenseGivenInVain(t *testing.T) {
	t.Parallel()
	s, p := settings(), wanting("SUITE_C")
	// B was to replace A, and was assigned; this read shows neither.
	lagging := holder(skuA)
	s.Given = []string{skuB}
	c := license(s, p, lagging)
	require.Equal(t, []string{"c", "-a"}, short(c))
	require.True(t, c.Mark.Owns(skuA) && c.Mark.Owns(skuB) && c.Mark.Owns(skuC))
	require.False(t, c.FinalMark.Owns(skuA))
	require.True(t, c.FinalMark.Owns(skuB) && c.FinalMark.Owns(skuC))

	next := holder(skuB, skuC)
	next.Mark = c.FinalMark.String()
	s.Given = nil
	require.Equal(t, []string{"-b"}, short(license(s, p, next)))
	// It was not assigned after all.
	next = holder(skuC)
	next.Mark = c.FinalMark.String()
	c = license(s, p, next)
	require.Empty(t, short(c))
	require.False(t, c.Mark.Owns(skuB))

	// A read that shows it needs nothing special.
	s.Given = []string{skuB}
	c = license(s, p, holder(skuB))
	require.Equal(t, []string{"c", "-b"}, short(c))
	require.False(t, c.FinalMark.Owns(skuB))
}
