package plan

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// license decides about licenses and the marks that remember them. a is nil for an account still to be created.
//
// Which licenses are wanted:
//
//	skuId mapped, value         these
//	skuId mapped, empty         none: licenses in scope are taken away
//	not mapped                  removeLicensesWhenSkuIdEmpty false: nothing is changed; true: as if empty
//
// In scope are, with licenseScope ours, those that the mark records (assigned by us, or named by the mapping for this
// person), with all every direct license. Licenses from groups, and those whose origin is unknown, are never touched.
func (policy Policy) license(c *Change, p Person, a *directory.Account) {
	held := holdings(a)
	wanted, complete, plansKnown := policy.resolve(c, p)
	keepAll := !p.Desired.SKUMapped && !policy.Preferences.RemoveLicensesWhenSkuIDEmpty

	before := c.Mark.Licenses
	if len(policy.Given) > 0 {
		c.Mark = c.Mark.WithLicenses(append(slices.Clone(before), policy.Given...))
	}
	add, working := additions(c, wanted, held, p.Desired.DisabledPlansMapped && plansKnown)
	if len(add) > 0 && !policy.hasUsageLocation(p, a) {
		c.partial(fault.UsageLocationMissing, directory.UsageLocation)
		add, complete = nil, false
	}
	add, enough := policy.available(c, add, held)
	var remove []string
	if !keepAll && complete && enough && working {
		remove = policy.removals(c, wanted, held)
	}
	// A swap is no loss, and is carried out though removals are held. A rule that only adds takes nothing away for it either.
	if len(remove) > 0 && (policy.Limit.Withholds(config.PolicySync) || len(remove) > len(c.units) && policy.Hold != "") {
		c.partial(cmp.Or(policy.Hold, fault.WithheldByPolicy), "")
		remove = nil
	}
	c.AddLicenses, c.RemoveLicenses = add, remove
	policy.markLicenses(c, before, wanted, held)
	if len(c.Mark.Licenses) > directory.MaxMarkedLicenses {
		c.partial(fault.TooManyLicenses, directory.SkuID)
		c.AddLicenses, c.RemoveLicenses, c.units = nil, nil, nil
		c.Mark.Licenses = before
		c.FinalMark = c.Mark
	}
}

// holding is what an account has of one SKU.
type holding struct {
	direct *directory.AssignedLicense
	// inherited: a group gives it, and it works. group is that license, where Graph told of it.
	inherited bool
	group     *directory.AssignedLicense
	// unexplained: Graph did not tell whether it is direct or from a group.
	unexplained bool
}

// holdings sums up an account's licenses by SKU.
func holdings(a *directory.Account) map[string]holding {
	if a == nil {
		return nil
	}
	out := make(map[string]holding, len(a.Licenses))
	for i, l := range a.Licenses {
		h := out[l.SKU]
		if l.Direct() {
			h.direct = &a.Licenses[i]
		} else if active(l) {
			h.inherited, h.group = true, &a.Licenses[i]
		}
		out[l.SKU] = h
	}
	for _, sku := range a.Unexplained {
		h := out[sku]
		h.inherited, h.unexplained = true, true
		out[sku] = h
	}
	return out
}

// active reports that a license works. A group's license in another state may not have been assigned at all.
func active(l directory.AssignedLicense) bool { return l.State == "Active" || l.State == "" }

// resolve turns the mapping's ids and part numbers into licenses. complete is false when one is unknown: then nothing is
// taken away, since the unknown one may be a slip in writing for what the person has. plansKnown is false when a service
// plan is unknown: then none is switched on again, for the same reason.
func (policy Policy) resolve(c *Change, p Person) (wanted []directory.License, complete, plansKnown bool) {
	complete, plansKnown = true, true
	for _, name := range p.Desired.SKUs {
		sku, ok := directory.FindSKU(policy.SKUs, name)
		if !ok {
			c.partial(fault.LicenseUnknown, directory.SkuID)
			complete = false
			continue
		}
		wanted = append(wanted, directory.License{SKU: strings.ToLower(sku.ID)})
	}
	for _, plan := range p.Desired.DisabledPlans {
		if !policy.disablePlan(wanted, plan) && len(wanted) > 0 {
			c.partial(fault.ServicePlanUnknown, directory.DisabledPlans)
			plansKnown = false
		}
	}
	for i := range wanted {
		sort.Strings(wanted[i].DisabledPlans)
		wanted[i].DisabledPlans = slices.Compact(wanted[i].DisabledPlans)
	}
	slices.SortFunc(wanted, func(a, b directory.License) int { return strings.Compare(a.SKU, b.SKU) })
	wanted = slices.CompactFunc(wanted, func(a, b directory.License) bool { return a.SKU == b.SKU })
	return wanted, complete, plansKnown
}

// disablePlan switches a service plan off in each wanted license that has it.
func (policy Policy) disablePlan(wanted []directory.License, plan string) (found bool) {
	for i := range wanted {
		sku, _ := directory.FindSKU(policy.SKUs, wanted[i].SKU)
		for _, sp := range sku.Plans {
			if strings.EqualFold(sp.ID, plan) || strings.EqualFold(sp.Name, plan) {
				wanted[i].DisabledPlans = append(wanted[i].DisabledPlans, strings.ToLower(sp.ID))
				found = true
			}
		}
	}
	return found
}

// additions are the wanted licenses that the account lacks, or has with other plans switched off. A license that a group
// gives is there already. The plans of an assigned license are left alone unless told to be changed: without a disabledPlans
// mapping nobody means them.
//
// working is false when one is assigned to the account and does not work: to assign it again would change nothing, and nothing
// is taken away in its place.
func additions(c *Change, wanted []directory.License, held map[string]holding, changePlans bool) (add []directory.License, working bool) {
	working = true
	for _, w := range wanted {
		h := held[w.SKU]
		switch {
		case h.direct == nil && !h.inherited:
			add = append(add, w)
		case h.direct != nil && changePlans && !slices.Equal(h.direct.DisabledPlans, w.DisabledPlans):
			add = append(add, w)
		}
		if h.direct != nil && !active(*h.direct) && !h.inherited {
			c.partial(fault.LicenseNotActive, directory.SkuID)
			working = false
		}
		if changePlans && h.group != nil && switchedOn(w, *h.group) {
			c.partial(fault.LicenseInherited, directory.DisabledPlans)
		}
	}
	return add, working
}

// switchedOn reports that a group's license has a service plan on that is to be off: the person then has it.
func switchedOn(wanted directory.License, group directory.AssignedLicense) bool {
	return slices.ContainsFunc(wanted.DisabledPlans, func(plan string) bool { return !slices.Contains(group.DisabledPlans, plan) })
}

// available keeps those additions that the tenant has units for, so that nobody is told "not enough" by a request bound
// to fail. enough is false when one is missing: then nothing is taken away either, so that a swap does not become a loss.
func (policy Policy) available(c *Change, add []directory.License, held map[string]holding) (kept []directory.License, enough bool) {
	enough = true
	for _, l := range add {
		if held[l.SKU].direct != nil {
			kept = append(kept, l) // Other plans of a license that is there already: no unit is needed.
			continue
		}
		if policy.unitsLeft(l.SKU) <= 0 {
			c.partial(fault.LicensesExhausted, directory.SkuID)
			c.Exhausted = append(c.Exhausted, l.SKU)
			enough = false
			continue
		}
		c.units = append(c.units, l.SKU)
		kept = append(kept, l)
	}
	return kept, enough
}

// unitsLeft is how many units of a SKU can still be given.
func (policy Policy) unitsLeft(sku string) int {
	if policy.Left != nil {
		return policy.Left[sku]
	}
	found, _ := directory.FindSKU(policy.SKUs, sku)
	return found.Available()
}

// removals are the direct licenses in scope that are not wanted.
func (policy Policy) removals(c *Change, wanted []directory.License, held map[string]holding) []string {
	var remove []string
	for sku, h := range held {
		if h.direct == nil || wants(wanted, sku) {
			continue
		}
		if policy.Preferences.LicenseScope == config.ScopeAll || c.Mark.Owns(sku) {
			remove = append(remove, sku)
		}
	}
	sort.Strings(remove)
	return remove
}

func wants(wanted []directory.License, sku string) bool {
	return slices.ContainsFunc(wanted, func(l directory.License) bool { return l.SKU == sku })
}

// hasUsageLocation: without a location Entra assigns no license.
func (policy Policy) hasUsageLocation(p Person, a *directory.Account) bool {
	if p.Desired.Attributes[directory.UsageLocation] != "" {
		return true
	}
	if a == nil {
		return false
	}
	location, _ := a.Value(policy.Selection, directory.UsageLocation)
	return location != ""
}

// markLicenses sets the mark's licenses. Mark, written before the licenses, has the old and the new ones, so that a
// crash in between leaves nothing of ours unrecorded; FinalMark has those that remain. A wanted license stays recorded
// while it cannot be had, which saves writing the mark back and forth; so does one of ours whose origin an answer left out.
func (policy Policy) markLicenses(c *Change, before []string, wanted []directory.License, held map[string]holding) {
	added := func(sku string) bool {
		return slices.ContainsFunc(c.AddLicenses, func(l directory.License) bool { return l.SKU == sku })
	}
	var pre, final []string
	for sku, h := range held {
		if h.direct == nil {
			if h.unexplained && c.Mark.Owns(sku) {
				pre, final = append(pre, sku), append(final, sku)
			}
			continue
		}
		if c.Mark.Owns(sku) || wants(wanted, sku) {
			pre = append(pre, sku)
			if !slices.Contains(c.RemoveLicenses, sku) {
				final = append(final, sku)
			}
		}
	}
	for _, w := range wanted {
		if added(w.SKU) || slices.Contains(before, directory.ShortSKU(w.SKU)) {
			pre = append(pre, w.SKU)
			final = append(final, w.SKU)
		}
	}
	for _, sku := range policy.Given {
		if held[sku].direct == nil {
			pre, final = append(pre, sku), append(final, sku)
		}
	}
	c.FinalMark = c.Mark.WithLicenses(final)
	c.Mark = c.Mark.WithLicenses(pre)
}
