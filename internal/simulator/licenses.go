package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// sku is a subscription and how many of its units the tenant's users hold.
type sku struct {
	SKUSeed
	used int // beside those of the seed's Consumed
}

func (k *sku) consumed() int { return k.Consumed + k.used }

func (k *sku) available() int {
	switch k.CapabilityStatus {
	case "", "Enabled", "Warning":
		return k.Enabled + k.Warning - k.consumed()
	}
	return 0
}

func (k *sku) plan(id string) *PlanSeed {
	for i := range k.Plans {
		if strings.EqualFold(k.Plans[i].ID, id) {
			return &k.Plans[i]
		}
	}
	return nil
}

// grant is one license of a user: given directly, or by a group.
type grant struct {
	sku      string
	disabled []string
	group    string // "" when direct
	state    string // Active or Error
	err      string
	at       time.Time
}

// assignedLicense is an entry of assignedLicenses.
type assignedLicense struct {
	DisabledPlans []string `json:"disabledPlans"`
	SkuID         string   `json:"skuId"`
}

// licenseState is an entry of licenseAssignmentStates.
type licenseState struct {
	SkuID               string   `json:"skuId"`
	DisabledPlans       []string `json:"disabledPlans"`
	AssignedByGroup     *string  `json:"assignedByGroup"`
	State               string   `json:"state"`
	Error               string   `json:"error"`
	LastUpdatedDateTime string   `json:"lastUpdatedDateTime"`
}

func (r *record) grants() []grant {
	if len(r.inherited) == 0 {
		return r.direct
	}
	return append(slices.Clone(r.direct), r.inherited...)
}

// assigned merges the working licenses by SKU: a plan is off only where every grant has it off.
func (r *record) assigned() []assignedLicense {
	out := []assignedLicense{}
next:
	for _, g := range r.grants() {
		if g.state != "Active" {
			continue
		}
		for i := range out {
			if out[i].SkuID == g.sku {
				out[i].DisabledPlans = slices.DeleteFunc(slices.Clone(out[i].DisabledPlans), func(p string) bool { return !slices.Contains(g.disabled, p) })
				continue next
			}
		}
		out = append(out, assignedLicense{DisabledPlans: orEmpty(g.disabled), SkuID: g.sku})
	}
	return out
}

func (r *record) states() []licenseState {
	out := []licenseState{}
	for _, g := range r.grants() {
		st := licenseState{SkuID: g.sku, DisabledPlans: orEmpty(g.disabled), State: g.state, Error: g.err, LastUpdatedDateTime: stamp(g.at)}
		if g.group != "" {
			group := g.group
			st.AssignedByGroup = &group
		}
		out = append(out, st)
	}
	return out
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func (t *Tenant) assignedPlans(r *record) []any {
	out := []any{}
	for _, l := range r.assigned() {
		k := t.sku(l.SkuID)
		for _, p := range k.Plans {
			if !slices.Contains(l.DisabledPlans, p.ID) {
				out = append(out, map[string]any{"assignedDateTime": stamp(r.grants()[0].at), "capabilityStatus": "Enabled",
					"service": strings.ToLower(p.Name), "servicePlanId": p.ID})
			}
		}
	}
	return out
}

func (t *Tenant) sku(idOrPart string) *sku {
	for _, k := range t.skus {
		if strings.EqualFold(k.SkuID, idOrPart) || strings.EqualFold(k.SkuPartNumber, idOrPart) {
			return k
		}
	}
	return nil
}

// holds reports whether the user uses up a unit of the SKU.
func (r *record) holds(skuID string) bool {
	return r != nil && (slices.ContainsFunc(r.direct, func(g grant) bool { return g.sku == skuID && g.state == "Active" }) ||
		slices.ContainsFunc(r.inherited, func(g grant) bool { return g.sku == skuID && g.state == "Active" }))
}

// restock counts the units that a user took or gave back.
func (t *Tenant) restock(before, after *record) {
	if (before == nil || len(before.direct)+len(before.inherited) == 0) && (after == nil || len(after.direct)+len(after.inherited) == 0) {
		return
	}
	for _, k := range t.skus {
		had, has := before.holds(k.SkuID), after.holds(k.SkuID)
		switch {
		case has && !had:
			k.used++
		case had && !has:
			k.used--
		}
	}
}

// licenseOrder is the body of assignLicense.
type licenseOrder struct {
	add    []grant
	remove []string
}

// readOrder parses and checks what does not depend on the object.
func (c *call) readOrder() (o licenseOrder, fail *refusal) {
	adds, ok1 := c.body["addLicenses"].([]any)
	removes, ok2 := c.body["removeLicenses"].([]any)
	if !ok1 || !ok2 {
		c.s.stats.protocol("assignLicense parameter missing")
		var missing []string
		if !ok1 {
			missing = append(missing, "addLicenses")
		}
		if !ok2 {
			missing = append(missing, "removeLicenses")
		}
		return o, badRequest("One or more parameters of the operation 'assignLicense' are missing from the request payload. The missing parameters are: %s.", strings.Join(missing, ", "))
	}
	if len(adds)+len(removes) == 0 {
		return o, badRequest("No license changes provided. At least one license to add or remove must be specified.")
	}
	seen := map[string]bool{}
	for _, raw := range removes {
		id, _ := raw.(string)
		if !isID(id) {
			return o, badOData("Cannot convert the literal '%v' to the expected type 'Edm.Guid'.", raw)
		}
		if id = strings.ToLower(id); !seen[id] {
			seen[id] = true
			o.remove = append(o.remove, id)
		}
	}
	for _, raw := range adds {
		g, fail := c.readGrant(raw)
		if fail != nil {
			return o, fail
		}
		if seen[g.sku] {
			return o, badRequest("%s", textInvalid) // twice, or added and removed in one call
		}
		seen[g.sku] = true
		o.add = append(o.add, g)
	}
	return o, nil
}

func (c *call) readGrant(raw any) (grant, *refusal) {
	m, ok := raw.(map[string]any)
	if !ok {
		return grant{}, badOData("%s", textUnknown)
	}
	for _, name := range sortedKeys(m) {
		if name != "skuId" && name != "disabledPlans" && !strings.HasPrefix(name, "@") {
			c.s.stats.protocol("unknown property")
			return grant{}, badOData("%s", textUnknown)
		}
	}
	id, _ := m["skuId"].(string)
	if !isID(id) {
		return grant{}, badOData("Cannot convert the literal '%v' to the expected type 'Edm.Guid'.", m["skuId"])
	}
	k := c.t.sku(id)
	if k == nil || k.AppliesTo == "Company" {
		return grant{}, badRequest("License %s does not correspond to a valid company License.", strings.ToLower(id))
	}
	g := grant{sku: k.SkuID, state: "Active", err: "None", at: c.now}
	plans, _ := m["disabledPlans"].([]any)
	for _, p := range plans {
		plan, _ := p.(string)
		if !isID(plan) {
			return grant{}, badOData("Cannot convert the literal '%v' to the expected type 'Edm.Guid'.", p)
		}
		known := k.plan(plan)
		if known == nil {
			return grant{}, invalidValue("disabledPlans", "AssignedLicense")
		}
		if !slices.Contains(g.disabled, known.ID) {
			g.disabled = append(g.disabled, known.ID)
		}
	}
	slices.Sort(g.disabled)
	return g, nil
}

func assignUserLicense(c *call) reply {
	o, fail := c.readOrder()
	if fail != nil {
		return c.refuse(fail)
	}
	e, fail := c.writeUser(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	if len(o.add) > 0 && c.unlocated(e.id) {
		return c.refuse(invalidLocation())
	}
	direct, fail := c.t.order(e.cur, o)
	if fail != nil {
		return c.refuse(fail)
	}
	if sameGrants(e.cur.direct, direct) {
		c.s.stats.wasted()
		return c.written(http.StatusOK, e.cur)
	}
	rec := *e.cur
	rec.direct = direct
	c.t.store(e, &rec)
	return c.written(http.StatusOK, &rec)
}

// order works out the direct licenses that a user would have, or why not. Either all of an order is carried out or nothing.
func (t *Tenant) order(rec *record, o licenseOrder) ([]grant, *refusal) {
	direct := slices.Clone(rec.direct)
	for _, id := range o.remove {
		i := slices.IndexFunc(direct, func(g grant) bool { return g.sku == id })
		if i >= 0 {
			direct = slices.Delete(direct, i, i+1)
			continue
		}
		if slices.ContainsFunc(rec.inherited, func(g grant) bool { return g.sku == id }) {
			return nil, badRequest("User license is inherited from a group membership and it cannot be removed directly from the user.")
		}
		return nil, badRequest("User does not have a corresponding license.")
	}
	if len(o.add) > 0 && !usageLocations[rec.text("usageLocation")] {
		return nil, invalidLocation()
	}
	for _, g := range o.add {
		if !rec.holds(g.sku) && t.sku(g.sku).available() < 1 {
			return nil, badRequest("Subscription with SKU %s does not have any available licenses.", g.sku)
		}
		if i := slices.IndexFunc(direct, func(have grant) bool { return have.sku == g.sku }); i >= 0 {
			if slices.Equal(direct[i].disabled, g.disabled) && direct[i].state == g.state {
				g.at = direct[i].at
			}
			direct[i] = g
		} else {
			direct = append(direct, g)
		}
	}
	after := *rec
	after.direct = direct
	if why := t.contradiction(&after); why != "" {
		return nil, badRequest("License assignment failed because %s", why)
	}
	return direct, nil
}

// contradiction looks for service plans that miss what they depend on, or meet what they exclude.
func (t *Tenant) contradiction(rec *record) string {
	active := map[string]*PlanSeed{}
	var ordered []string
	for _, l := range rec.assigned() {
		k := t.sku(l.SkuID)
		for i := range k.Plans {
			p := &k.Plans[i]
			id := strings.ToLower(p.ID)
			if !slices.Contains(l.DisabledPlans, p.ID) && active[id] == nil {
				active[id] = p
				ordered = append(ordered, id)
			}
		}
	}
	for _, id := range ordered {
		p := active[id]
		for _, x := range p.Excludes {
			if active[strings.ToLower(x)] != nil {
				return fmt.Sprintf("service plans %s, %s are mutually exclusive.", p.ID, x)
			}
		}
		if len(p.DependsOn) > 0 && !slices.ContainsFunc(p.DependsOn, func(d string) bool { return active[strings.ToLower(d)] != nil }) {
			return fmt.Sprintf("service plan %s depends on the service plan(s) %s", p.ID, strings.Join(p.DependsOn, ", "))
		}
	}
	return ""
}

func sameGrants(a, b []grant) bool {
	return slices.EqualFunc(a, b, func(x, y grant) bool {
		return x.sku == y.sku && x.state == y.state && slices.Equal(x.disabled, y.disabled)
	})
}

// reprocessLicenses tries again what a group's license could not give.
func reprocessLicenses(c *call) reply {
	e, fail := c.writeUser(c.args[0])
	if fail != nil {
		return c.refuse(fail)
	}
	c.t.follow(e)
	return c.written(http.StatusOK, e.cur)
}
