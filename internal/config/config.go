package config

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/mapping/field"
)

// Connection is one Entra tenant, one app registration, preferences, and the rules that provision into it.
type Connection struct {
	// Name identifies the connection: [a-z0-9][a-z0-9-]{0,39}.
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// TenantID is the tenant's id or one of its verified domains. Never changes after creation.
	TenantID string `json:"tenantId"`
	// ClientID is the app registration's application (client) id. Never changes after creation.
	ClientID string `json:"clientId"`
	// ClientSecret is a reference, env:NAME or file:PATH; the worker resolves it. Never the secret itself. Exactly one of it,
	// ClientCertificate and FederatedTokenFile is set.
	ClientSecret string `json:"clientSecret,omitempty"`
	// ClientCertificate is a reference, env:NAME or file:PATH, to PEM with a certificate, its chain if there is one, and its
	// unencrypted RSA key.
	ClientCertificate string `json:"clientCertificate,omitempty"`
	// FederatedTokenFile is the path of a JWT of another issuer that the app registration trusts, as Kubernetes projects
	// one; it is read anew for each token. Relative to the configuration file, absolute after Load.
	FederatedTokenFile string `json:"federatedTokenFile,omitempty"`
	// Cloud is global (default), usgov, dod, china or simulator.
	Cloud       string      `json:"cloud,omitempty"`
	Preferences Preferences `json:"preferences"`
	// Tables are what the expressions of the rules look values up in: lookup("countries", user.country, "").
	Tables expression.Tables `json:"tables,omitempty"`
	Rules  []Rule            `json:"rules"`

	// unknown is what the JSON has that a connection has not; Validate reports it.
	unknown []finding
}

// Rule finds a rule by name; ok is false when there is none.
func (c *Connection) Rule(name string) (rule Rule, ok bool) {
	for _, r := range c.Rules {
		if r.Name == name {
			return r, true
		}
	}
	return Rule{}, false
}

// Preferences are the switches of a connection. DefaultPreferences has their defaults; a field's json tag is its key in a file, and
// change:"sync" says that a change of it leads to a sync of every rule.
type Preferences struct {
	// RemoveLicensesWhenSkuIDEmpty: a rule without a skuId mapping takes its users' licenses away. Default false.
	RemoveLicensesWhenSkuIDEmpty bool `json:"removeLicensesWhenSkuIdEmpty" change:"sync"`
	// LicenseScope is ours (default: licenses assigned by us or named by the mapping) or all (every direct license).
	LicenseScope string `json:"licenseScope" change:"sync"`
	// AllowCreate lets accounts be created and restored. Default true.
	AllowCreate bool `json:"allowCreate"`
	// AllowUpdate lets accounts be changed, adopted, enabled and licensed. Default true.
	AllowUpdate bool `json:"allowUpdate"`
	// AllowDisable lets accounts be disabled because the person is disabled at the source. Default true.
	AllowDisable bool `json:"allowDisable"`
	// AllowDeprovision lets people be deprovisioned who left the source or the filter. Default true.
	AllowDeprovision bool `json:"allowDeprovision"`
	// RemoveAction is what deprovisioning does: disable (default) or delete.
	RemoveAction string `json:"removeAction"`
	// DeprovisionOnRuleDeletion: deleting a rule deprovisions the people it provisioned. Default false.
	DeprovisionOnRuleDeletion bool `json:"deprovisionOnRuleDeletion"`
	// ExistingUsers is adopt (default) or leave: what happens to accounts that exist already.
	ExistingUsers string `json:"existingUsers" change:"sync"`
	// RemoveAdopted lets removeAction delete also delete adopted accounts. Default false: they are disabled.
	RemoveAdopted bool `json:"removeAdopted"`
	// Policy is how far plans are carried out, for people and groups of all rules. Default PolicySync.
	Policy Policy `json:"policy" change:"sync"`
	// RemovalGuard bounds how many people one sync may take something away from.
	RemovalGuard RemovalGuard `json:"removalGuard" change:"sync"`
}

// RemovalGuard allows at most max(Count, Percent of the rule's linked users) removals in one sync.
type RemovalGuard struct {
	// Count is an absolute number. Default 5.
	Count int `json:"count"`
	// Percent of the rule's linked users, 0 to 100. Default 10.
	Percent int `json:"percent"`
	// GroupPercent is the share of one group's members that one sync may remove, 0 to 100. Default DefaultGroupPercent.
	GroupPercent int `json:"groupPercent"`
}

// Allowed is how many removals a rule with this many linked users may carry out in one sync.
func (g RemovalGuard) Allowed(linked int) int {
	return max(g.Count, linked*g.Percent/100)
}

// Values of the preferences that are words.
const (
	ScopeOurs     = "ours"
	ScopeAll      = "all"
	RemoveDisable = "disable"
	RemoveDelete  = "delete"
	ExistingAdopt = "adopt"
	ExistingLeave = "leave"
)

// Clouds that a connection can point to.
const (
	CloudGlobal    = "global"
	CloudUSGov     = "usgov"
	CloudDoD       = "dod"
	CloudChina     = "china"
	CloudSimulator = "simulator"
)

// DefaultPreferences are the preferences of a connection that sets none.
func DefaultPreferences() Preferences {
	return Preferences{
		LicenseScope:     ScopeOurs,
		AllowCreate:      true,
		AllowUpdate:      true,
		AllowDisable:     true,
		AllowDeprovision: true,
		RemoveAction:     RemoveDisable,
		ExistingUsers:    ExistingAdopt,
		Policy:           PolicySync,
		RemovalGuard:     RemovalGuard{Count: 5, Percent: 10, GroupPercent: DefaultGroupPercent},
	}
}

// UnmarshalJSON fills in the defaults of what the JSON does not mention, so that a connection typed by hand into the
// Temporal UI means the same as the same words in a file.
func (p *Preferences) UnmarshalJSON(b []byte) error {
	type plain Preferences
	v := plain(DefaultPreferences())
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*p = Preferences(v)
	return nil
}

// Rule provisions the people of one source that a filter lets through, with one set of mappings.
type Rule struct {
	// Name: as for a connection, unique within it.
	Name string `json:"name"`
	// Enabled: default true.
	Enabled bool `json:"enabled"`
	// Source never changes after creation.
	Source Source `json:"source"`
	// Filter is a CEL expression over user; "" lets everyone through.
	Filter string `json:"filter,omitempty"`
	// Mappings: target attribute (Graph's name, aliases already resolved) to what is written there.
	Mappings map[string]Mapping `json:"mappings"`
	// SyncEvery is the interval of the schedule, as Go writes durations; "" is no schedule. At least one minute.
	SyncEvery string `json:"syncEvery,omitempty"`
	// Policy is how far plans of this rule are carried out, where the connection's policy allows more.
	Policy RulePolicy `json:"policy,omitzero"`
	// Groups are the groups of the store that are kept at the target, with those members whom the rule provisions.
	Groups []Group `json:"groups,omitempty"`
	// GroupMembers says what happens to memberships of people who leave.
	GroupMembers GroupMembers `json:"groupMembers,omitzero"`
	// LicenseGroups: SKU part number or id to the target group (display name or object id) whose members get that license.
	LicenseGroups map[string]string `json:"licenseGroups,omitempty"`

	// tables are the connection's.
	tables expression.Tables
}

// Interval is SyncEvery as a duration; 0 is no schedule.
func (r *Rule) Interval() time.Duration {
	d, err := time.ParseDuration(r.SyncEvery)
	if err != nil {
		return 0
	}
	return d
}

// UnmarshalJSON makes enabled default to true.
func (r *Rule) UnmarshalJSON(b []byte) error {
	type plain Rule
	v := plain{Enabled: true}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*r = Rule(v)
	r.resolveAliases()
	return nil
}

// Mapping says what is written to one target attribute: an expression, a constant or a secret.
type Mapping = field.Spec

// Expressions are what a rule's program is made of.
func (r *Rule) Expressions() mapping.Rule {
	rule := mapping.Rule{Filter: r.Filter, Mappings: r.Mappings}
	if r.looksUp() {
		rule.Tables = r.tables
	}
	return rule
}

// looksUp reports whether the rule may use a table.
func (r *Rule) looksUp() bool {
	for _, m := range r.Mappings {
		if expression.LooksUp(m.Expression) || slices.ContainsFunc(m.FirstFree, expression.LooksUp) {
			return true
		}
	}
	return expression.LooksUp(r.Filter) || slices.ContainsFunc(r.Groups, Group.looksUp)
}

// GroupTables are the tables that the expressions of Groups look values up in.
func (r *Rule) GroupTables() expression.Tables { return r.tables }

// share gives the rules the connection's tables.
func (c *Connection) share() {
	for i := range c.Rules {
		c.Rules[i].tables = c.Tables
	}
}

// UnmarshalJSON fills in the default preferences where the JSON has none.
func (c *Connection) UnmarshalJSON(b []byte) error {
	type plain Connection
	v := plain{Cloud: CloudGlobal, Preferences: DefaultPreferences()}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*c = Connection(v)
	c.share()
	c.unknown = unknownKeys(b)
	return nil
}
