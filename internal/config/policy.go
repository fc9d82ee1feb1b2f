package config

import (
	"encoding/json"
	"slices"
)

// Policy says how far a plan is carried out. Each word allows less than the one before; what it withholds stays in the plan, with the
// reason withheld_by_policy.
type Policy string

const (
	// PolicySync carries out everything (default).
	PolicySync Policy = "sync"
	// PolicyUpsertOnly takes nothing away: nobody is disabled or deprovisioned, no license and no membership is removed.
	PolicyUpsertOnly Policy = "upsertOnly"
	// PolicyCreateOnly makes new accounts and changes none that exist.
	PolicyCreateOnly Policy = "createOnly"
	// PolicyObserve writes nothing.
	PolicyObserve Policy = "observe"
)

// policies in the order of what they allow.
var policies = []Policy{PolicySync, PolicyUpsertOnly, PolicyCreateOnly, PolicyObserve}

// RulePolicy is a rule's policy for its people and for its groups. A text in its place means both.
type RulePolicy struct {
	People Policy `json:"people,omitempty"`
	Groups Policy `json:"groups,omitempty"`
}

// UnmarshalJSON takes a text for both.
func (p *RulePolicy) UnmarshalJSON(b []byte) error {
	var both Policy
	if json.Unmarshal(b, &both) == nil {
		*p = RulePolicy{People: both, Groups: both}
		return nil
	}
	type plain RulePolicy
	return json.Unmarshal(b, (*plain)(p))
}

// Withholds reports that the policy does not allow what the other one allows. "" is PolicySync.
func (p Policy) Withholds(allowed Policy) bool { return p.rank() > allowed.rank() }

// Observes reports that nothing is written.
func (p Policy) Observes() bool { return p == PolicyObserve }

func (p Policy) rank() int { return max(slices.Index(policies, p), 0) }

// stricter is the one of two policies that allows less.
func stricter(a, b Policy) Policy {
	if b.Withholds(a) {
		return b
	}
	return a
}

// PeoplePolicy is the policy for people of a rule: the connection's or the rule's, whichever allows less.
func (c *Connection) PeoplePolicy(rule string) Policy {
	r, _ := c.Rule(rule)
	return stricter(c.Preferences.Policy, r.Policy.People)
}

// GroupsPolicy is the same for the groups of a rule.
func (c *Connection) GroupsPolicy(rule string) Policy {
	r, _ := c.Rule(rule)
	return stricter(c.Preferences.Policy, r.Policy.Groups)
}

// policy checks a policy; "" is the default.
func (k *checker) policy(path string, p Policy) {
	if p != "" {
		words := make([]string, len(policies))
		for i, w := range policies {
			words[i] = string(w)
		}
		k.word(path, string(p), words...)
	}
}
