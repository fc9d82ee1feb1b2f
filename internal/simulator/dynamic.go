package simulator

import (
	"regexp"
	"strings"
)

// rule is a membership rule, as far as the simulator has them: comparisons of properties of users with constants, joined by -and or
// by -or (https://learn.microsoft.com/entra/identity/users/groups-dynamic-membership).
type rule struct {
	terms  []comparison
	either bool
}

// comparison is one term of a rule.
type comparison struct {
	property, value string
	not             bool
}

var (
	ruleTerm = regexp.MustCompile(`(?i)^\(?\s*user\.(\w+)\s+-(eq|ne)\s+(?:"([^"]*)"|(true|false))\s*\)?$`)
	ruleAnd  = regexp.MustCompile(`(?i)\s+-and\s+`)
	ruleOr   = regexp.MustCompile(`(?i)\s+-or\s+`)
)

// parseRule reads a rule; ok is false where it has more than the simulator knows. The group then keeps the members it has.
func parseRule(text string) (r rule, ok bool) {
	parts := ruleAnd.Split(strings.TrimSpace(text), -1)
	if len(parts) == 1 {
		parts, r.either = ruleOr.Split(parts[0], -1), true
	}
	for _, part := range parts {
		m := ruleTerm.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil || userProperties.byName[m[1]] == nil {
			return rule{}, false
		}
		r.terms = append(r.terms, comparison{property: m[1], value: m[3] + m[4], not: strings.EqualFold(m[2], "ne")})
	}
	return r, true
}

// takes reports whether a user is a member by the rule.
func (r rule) takes(rec *record) bool {
	for _, c := range r.terms {
		have := rec.text(c.property)
		if b, ok := rec.props[c.property].(bool); ok {
			have = map[bool]string{true: "true", false: "false"}[b]
		}
		if (strings.EqualFold(have, c.value) != c.not) == r.either {
			return r.either
		}
	}
	return !r.either
}

// sortIn puts a user into the dynamic groups whose rules take them, and out of the others.
func (t *Tenant) sortIn(e *entry) {
	if e.cur == nil {
		return
	}
	for _, g := range t.groups.order {
		if g == nil || !g.types("DynamicMembership") || strings.EqualFold(g.text("membershipRuleProcessingState"), "Paused") {
			continue
		}
		r, ok := parseRule(g.text("membershipRule"))
		if !ok {
			continue
		}
		switch takes := r.takes(e.cur); {
		case takes && !g.members.has(e.id):
			g.members.join(e.id, t.now(), t.users.lag)
		case !takes && g.members.has(e.id):
			g.members.quit(e.id, t.now(), t.users.lag)
		}
	}
}

// sortAll looks at everybody for a dynamic group that is new or has a new rule.
func (t *Tenant) sortAll(g *group) {
	if !g.types("DynamicMembership") {
		return
	}
	t.hasDynamic = true
	for _, e := range t.users.order {
		if e != nil && e.cur != nil {
			t.follow(e)
		}
	}
}
