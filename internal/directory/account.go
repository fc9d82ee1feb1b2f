// Package directory is the vocabulary of the target: the attributes of an Entra account, its link, its mark and its
// licenses, as plain values without any way of reading or writing them.
package directory

import "strings"

// ListSeparator joins the values of an attribute that has several (businessPhones, otherMails) into one string.
const ListSeparator = "\x1f"

// Selection says what is read of each account.
type Selection struct {
	// Attributes are Graph names; Account.Values is parallel to it. Without userPrincipalName and accountEnabled, which
	// are always read.
	Attributes []string
	// LinkProperty and MarkProperty are the full names of the directory extension properties,
	// extension_<app id without dashes>_entraflowLink and …_entraflowMark.
	LinkProperty, MarkProperty string
	// Manager: each account's manager is read, too. It is a relationship and no property, and makes a read cost one
	// resource unit more.
	Manager bool
}

// Account is what is known of one Entra account after reading it.
type Account struct {
	// ID is the object id.
	ID string
	// UserPrincipalName is the sign-in name as the tenant writes it.
	UserPrincipalName string
	// Enabled is accountEnabled.
	Enabled bool
	// Guest is userType "Guest"; guests are never adopted.
	Guest bool
	// OnPremises is onPremisesSyncEnabled; such accounts are never changed.
	OnPremises bool
	// Link is the raw value of the link property, "" when absent. Parse it with ParseLink.
	Link string
	// Mark is the raw value of the mark property, "" when absent. Parse it with ParseMark.
	Mark string
	// Values are the selected attributes in the selection's order; "" is empty or null, lists are joined by ListSeparator.
	Values []string
	// Manager is the object id of the manager; "" when there is none, or none was asked for.
	Manager string
	// Licenses are the license states, direct and inherited; the same SKU can stand here several times.
	Licenses []AssignedLicense
	// Unexplained are SKUs that the account has but whose origin (direct or group) was not told. Never removed.
	Unexplained []string
}

// AssignedLicense is one entry of licenseAssignmentStates.
type AssignedLicense struct {
	// SKU is the license's id, lower case.
	SKU string
	// DisabledPlans are the ids of the service plans switched off, lower case, sorted.
	DisabledPlans []string
	// Group is the id of the group that gives the license; "" when it is assigned directly.
	Group string
	// State is Active, ActiveWithError, Disabled or Error.
	State string
	// Error says why it is not Active: CountViolation, MutuallyExclusiveViolation, DependencyViolation,
	// ProhibitedInUsageLocationViolation, UniquenessViolation or Other; "" when nothing is wrong. Only what a group gives can have one.
	Error string
}

// Direct reports whether the license is assigned to the account itself.
func (l AssignedLicense) Direct() bool { return l.Group == "" }

// Value gives the value of an attribute as the selection read it; ok is false when it was not selected.
func (a *Account) Value(sel Selection, attribute string) (value string, ok bool) {
	for i, name := range sel.Attributes {
		if name == attribute && i < len(a.Values) {
			return a.Values[i], true
		}
	}
	return "", false
}

// License is a license to assign: always with the full set of plans to switch off, since assigning replaces them.
type License struct {
	SKU           string   `json:"skuId"`
	DisabledPlans []string `json:"disabledPlans,omitempty"`
}

// SKU is one subscription of the tenant.
type SKU struct {
	ID         string        `json:"skuId"`
	PartNumber string        `json:"skuPartNumber"`
	Enabled    int           `json:"enabled"`
	Warning    int           `json:"warning"`
	Consumed   int           `json:"consumed"`
	Status     string        `json:"capabilityStatus"`
	AppliesTo  string        `json:"appliesTo"`
	Plans      []ServicePlan `json:"servicePlans"`
}

// Available is how many more users can get the license.
func (s SKU) Available() int { return s.Enabled + s.Warning - s.Consumed }

// ServicePlan is one service within a SKU.
type ServicePlan struct {
	ID   string `json:"servicePlanId"`
	Name string `json:"servicePlanName"`
}

// FindSKU finds a subscription by id or part number, in any case.
func FindSKU(skus []SKU, idOrPartNumber string) (SKU, bool) {
	for _, s := range skus {
		if strings.EqualFold(s.ID, idOrPartNumber) || strings.EqualFold(s.PartNumber, idOrPartNumber) {
			return s, true
		}
	}
	return SKU{}, false
}

// Organization is what a connection test learns about the tenant.
type Organization struct {
	ID          string   `json:"id"`
	DisplayName string   `json:"displayName"`
	Domains     []Domain `json:"verifiedDomains"`
}

// Domain is a verified domain. Federated ones need onPremisesImmutableId at creation.
type Domain struct {
	Name      string `json:"name"`
	Federated bool   `json:"federated"`
	Default   bool   `json:"default"`
}
