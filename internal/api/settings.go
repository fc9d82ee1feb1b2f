package api

import (
	"slices"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// Settings are a connection's settings at one revision, as its workflow keeps them.
type Settings struct {
	// Revision grows with every change of settings, enablement or validity.
	Revision int `json:"revision"`
	// Config is the applied configuration with all rules the connection has, those missing from the file included.
	Config config.Connection `json:"config"`
	// Enabled: the connection is enabled.
	Enabled bool `json:"enabled"`
	// Valid: its last test passed.
	Valid bool `json:"valid"`
	// Tenant and the full names of the extension properties, pinned when the first test passed.
	Pinned Pinned `json:"pinned"`
	// Rules is the state of each rule.
	Rules []RuleSettings `json:"ruleStates"`
	// FormerRules are the names of deleted rules, whose links accounts may still carry.
	FormerRules []string `json:"formerRules,omitempty"`
	// FederatedDomains are those that the last test that passed found.
	FederatedDomains []string `json:"federatedDomains,omitempty"`
	// KnownLinks is how many linked accounts the last complete sync saw in the tenant.
	KnownLinks int `json:"knownLinks"`
}

// Pinned are facts that links depend on.
type Pinned struct {
	// TenantID is the tenant's id, even where the configuration names a domain.
	TenantID string `json:"tenantId,omitempty"`
	// LinkProperty and MarkProperty are full property names.
	LinkProperty string `json:"linkProperty,omitempty"`
	MarkProperty string `json:"markProperty,omitempty"`
}

// RuleSettings is the state of one rule.
type RuleSettings struct {
	Name string `json:"name"`
	// Enabled: the rule is to run while its connection is enabled and valid.
	Enabled bool `json:"enabled"`
	// EndsOpen: the source had no end that shows it to be whole (source.Snapshot.Open) when a sync last completed, so that this is how
	// it is written, and no sign that it was cut.
	EndsOpen bool `json:"endsOpen,omitempty"`
	// Synced: a sync has completed; until then nothing is taken away.
	Synced bool `json:"synced"`
	// InFile: the rule was in the file applied last.
	InFile bool `json:"inFile"`
	// Deleting: the rule is being deleted; it never runs again.
	Deleting bool `json:"deleting,omitempty"`
	// Approved is the hash of the set of removals that its next sync may carry out although the guard would hold them.
	Approved string `json:"approved,omitempty"`
	// GroupsSynced: a sync that planned groups has completed; until then no membership is taken away. ApprovedGroups is Approved for
	// the memberships that a sync held.
	GroupsSynced   bool   `json:"groupsSynced,omitempty"`
	ApprovedGroups string `json:"approvedGroups,omitempty"`
	// Since is the revision from which on a sync counts for Synced and Approved: those planned before know nothing of them.
	Since int `json:"since,omitempty"`
}

// Rule finds the state of a rule.
func (s Settings) Rule(name string) (RuleSettings, bool) {
	for _, r := range s.Rules {
		if r.Name == name {
			return r, true
		}
	}
	return RuleSettings{}, false
}

// LinkRules are the names of all rules whose links accounts of the connection may carry.
func (s Settings) LinkRules() []string {
	var names []string
	for _, r := range s.Config.Rules {
		names = append(names, r.Name)
	}
	for _, former := range s.FormerRules {
		if !slices.Contains(names, former) {
			names = append(names, former)
		}
	}
	return names
}

// Runs reports why nobody may be removed for a rule: nobody is removed for a rule that does not run, since its source was not even read.
func (s Settings) Runs(rule string) error {
	state, ok := s.Rule(rule)
	switch {
	case !ok:
		return fault.New("remove", fault.Refused, fault.RuleUnknown, rule)
	case !state.Enabled:
		return fault.New("remove", fault.Refused, fault.RuleDisabled, rule)
	}
	return nil
}

// EnabledRules are the rules that may claim people, in the order of the file.
func (s Settings) EnabledRules() []config.Rule {
	var out []config.Rule
	for _, r := range s.Config.Rules {
		if state, ok := s.Rule(r.Name); ok && state.Enabled {
			out = append(out, r)
		}
	}
	return out
}

// Readers are the enabled rules that read the source with a key (source.Settings.Key), in the order of the file. The first of them is the one
// under which the source is watched.
func (s Settings) Readers(key string) []string {
	var names []string
	for _, r := range s.EnabledRules() {
		if r.Source.Key() == key {
			names = append(names, r.Name)
		}
	}
	return names
}

// Usable reports why nothing may be provisioned: fault.ConnectionDisabled or ConnectionInvalid; nil when all is well.
func (s Settings) Usable() error {
	switch {
	case !s.Enabled:
		return fault.New("check connection", fault.Refused, fault.ConnectionDisabled, s.Config.Name)
	case !s.Valid:
		return fault.New("check connection", fault.Refused, fault.ConnectionInvalid, s.Config.Name)
	}
	return nil
}

// Selection says what is read of each account for these rules. All enabled rules count: a person can pass from one to
// another.
func (s Settings) Selection() directory.Selection {
	var names []string
	manager := false
	for _, r := range s.Config.Rules {
		for name := range r.Mappings {
			names = append(names, name)
			a, _ := directory.FindAttribute(name)
			manager = manager || a.Name == directory.Manager
		}
	}
	return directory.Selection{
		Attributes:   directory.Readable(names),
		LinkProperty: s.Pinned.LinkProperty,
		MarkProperty: s.Pinned.MarkProperty,
		Manager:      manager,
	}
}
