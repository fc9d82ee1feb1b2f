package simulator

import "strings"

// maxOr is how many values one query may ask for at once.
const maxOr = 15

// checkFilter refuses what the directory refuses, makes property names exact, and demands the header where it is needed
// (https://learn.microsoft.com/graph/aad-advanced-queries).
func (c *call) checkFilter(e *expr, sch *schema, resource string) *refusal {
	if n := alternatives(e); n > maxOr {
		return unsupported("Too many child clauses specified in search filter expression containing 'OR' operators: %d. Max allowed: %d.", n, maxOr)
	}
	return c.checkClause(e, sch, resource)
}

func (c *call) checkClause(e *expr, sch *schema, resource string) *refusal {
	switch e.op {
	case "and", "or":
		for _, a := range e.args {
			if fail := c.checkClause(a, sch, resource); fail != nil {
				return fail
			}
		}
		return nil
	case "not":
		if fail := c.checkClause(e.args[0], sch, resource); fail != nil {
			return fail
		}
		return c.needAdvanced("not")
	}
	if isExtension(e.name) {
		return c.checkExtensionClause(e, resource)
	}
	name, member, inside := strings.Cut(e.name, "/")
	p := sch.folded[strings.ToLower(name)]
	if p == nil {
		return c.unknown(sch, name, badOData("Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, strings.ToLower(resource)))
	}
	if inside {
		if p.name != "onPremisesExtensionAttributes" {
			return unsupportedClause(p.name, resource)
		}
		e.member = member
	}
	e.name = p.name
	switch {
	case p.filter == filterNever:
		return unsupportedClause(p.name, resource)
	case p.filter == filterAdvanced && !c.advanced:
		c.missingHeader()
		return unsupportedClause(p.name, resource)
	}
	return c.checkOperator(e, p, resource)
}

func (c *call) checkOperator(e *expr, p *property, resource string) *refusal {
	collection := p.kind == listKind || p.name == "assignedLicenses"
	switch e.op {
	case "any":
		if !collection {
			return unsupportedClause(p.name, resource)
		}
		return nil
	case "eq", "in":
		if collection {
			return unsupportedClause(p.name, resource)
		}
		for _, v := range e.values {
			if v == nil {
				return c.needAdvanced("eq null")
			}
			if _, flag := v.(bool); flag != (p.kind == flagKind) {
				return errFilter
			}
		}
		return nil
	case "ne":
		return c.needNotEquals()
	case "startswith":
		if p.kind != textKind {
			return unsupportedClause(p.name, resource)
		}
		return nil
	case "endswith":
		switch p.name {
		case "mail", "userPrincipalName", "onPremisesSamAccountName":
			return c.needAdvanced("endsWith")
		}
		return unsupportedClause(p.name, resource)
	case "ge", "le":
		if p.kind == dateKind {
			return nil
		}
		return c.needAdvanced(e.op)
	}
	return unsupportedClause(p.name, resource)
}

// checkExtensionClause: eq and in plainly, ne, null and startsWith with the header, nothing else.
func (c *call) checkExtensionClause(e *expr, resource string) *refusal {
	d := c.registered(e.name, resource)
	if d == nil || c.s.flap() {
		return unsupported("Property '%s' does not exist as a declared property or extension property.", e.name)
	}
	switch e.op {
	case "startswith":
		return c.needAdvanced("startsWith")
	case "eq", "in":
		for _, v := range e.values {
			if v == nil {
				return c.needAdvanced("eq null")
			}
		}
		return nil
	case "ne":
		return c.needNotEquals()
	}
	return unsupportedClause(d.fullName, resource)
}

func unsupportedClause(name, resource string) *refusal {
	return unsupported("Unsupported or invalid query filter clause specified for property '%s' of resource '%s'.", name, resource)
}

func (c *call) missingHeader() { c.s.stats.protocol("advanced query without ConsistencyLevel") }

func (c *call) needAdvanced(operator string) *refusal {
	if c.advanced {
		return nil
	}
	c.missingHeader()
	return unsupported("Operator '%s' is not supported because the required parameters might be missing. Try adding $count=true query parameter "+
		"and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more information", operator)
}

// needNotEquals is needAdvanced in the words that ne gets.
func (c *call) needNotEquals() *refusal {
	if c.advanced {
		return nil
	}
	c.missingHeader()
	return unsupported("Filter operator 'NotEqualsMatch' is not supported.")
}

// alternatives counts the values that an or-chain or an in-list asks for.
func alternatives(e *expr) int {
	most := 0
	switch e.op {
	case "or":
		sum := 0
		for _, a := range e.args {
			sum += max(alternatives(a), 1)
		}
		return sum
	case "in":
		return len(e.values)
	}
	for _, a := range e.args {
		most = max(most, alternatives(a))
	}
	return most
}

// candidates narrows a filter down to the places in people.order where a match can be, as far as an index can tell. What it
// gives is in ascending order and may contain places that do not match.
func (p *people) candidates(e *expr) ([]int, bool) {
	set := map[int]bool{}
	if !p.collect(e, set) {
		return nil, false
	}
	for _, c := range p.recent { // replicas may still hold an older value
		set[c.e.pos] = true
	}
	places := make([]int, 0, len(set))
	for pos := range set {
		places = append(places, pos)
	}
	sortInts(places)
	return places, true
}

func (p *people) collect(e *expr, set map[int]bool) bool {
	switch e.op {
	case "and":
		for _, a := range e.args {
			if p.collect(a, set) {
				return true
			}
		}
		return false
	case "or":
		for _, a := range e.args {
			if !p.collect(a, set) {
				return false
			}
		}
		return true
	case "eq", "in":
		for _, v := range e.values {
			s, ok := v.(string)
			if !ok {
				return false
			}
			switch key := strings.ToLower(s); {
			case e.name == "id":
				if h := p.byID[key]; h != nil {
					set[h.pos] = true
				}
			case e.name == "userPrincipalName":
				if h := p.byUPN[key]; h != nil {
					set[h.pos] = true
				}
			case indexed(e.name):
				for _, h := range p.values[e.name][key] {
					set[h.pos] = true
				}
			default:
				return false
			}
		}
		return true
	case "any":
		if e.name != "proxyAddresses" {
			return false
		}
		if s, ok := e.values[0].(string); ok {
			for _, h := range p.values[e.name][strings.ToLower(s)] {
				set[h.pos] = true
			}
			return true
		}
	}
	return false
}
