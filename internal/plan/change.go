// Package plan decides. It compares what should be (people, filters, mappings, preferences) with what is (accounts,
// links, licenses) and says for every person what is to be done and why. It knows no Temporal, no HTTP, no clock and no
// password, so preview, single runs and full syncs decide alike.
package plan

import (
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// Action is what is done about one person. The values are wire format.
type Action string

const (
	// None: nothing is to be done, or nothing may be done; Outcome and Reason tell which.
	None Action = "none"
	// Create makes the account, with link, mark and all attributes in one request.
	Create Action = "create"
	// Restore takes the account out of the recycle bin.
	Restore Action = "restore"
	// Adopt links an existing account to the person and brings it up to date.
	Adopt Action = "adopt"
	// Update writes those attributes that differ.
	Update Action = "update"
	// Disable signs the account out and disables it, because the person is disabled at the source.
	Disable Action = "disable"
	// Enable enables an account that entraflow disabled.
	Enable Action = "enable"
	// License changes licenses only.
	License Action = "license"
	// Remove deprovisions: the person left the source or the filter.
	Remove Action = "remove"
)

// Outcome is how it stands with one person after a run; each person of a sync is counted in exactly one. Wire format.
type Outcome string

const (
	// Success: the account is as it should be, changed or already right.
	Success Outcome = "Success"
	// Unsynced: there is no account and none was made, because a setting says so.
	Unsynced Outcome = "Unsynced"
	// PartiallySynced: the account exists but is not in every respect as it should be; the reason says why.
	PartiallySynced Outcome = "PartiallySynced"
	// Failed: an error kept the person from being provisioned.
	Failed Outcome = "Failed"
)

// Names in Change.Attributes beside those of Graph.
const (
	// AttributeLink stands for the link property.
	AttributeLink = "link"
	// AttributeMark stands for the mark property.
	AttributeMark = "mark"
)

// Change is the decision about one person. It names attributes but holds no values, so it may be stored anywhere.
type Change struct {
	// SourceID is the person.
	SourceID string `json:"user"`
	// Rule is the rule that acts.
	Rule string `json:"rule,omitempty"`
	// Action is the main thing that happens; a change can update, disable and license in one.
	Action Action `json:"action"`
	// AccountID is the account acted on; "" for Create and where there is none.
	AccountID string `json:"accountId,omitempty"`
	// Attributes names what is written to the account with one request, sorted. "manager" stands among them, too, although
	// Graph has a request of its own for it.
	Attributes []string `json:"attributes,omitempty"`
	// Disable: the account is disabled in the same request and its sessions are revoked. A removal.
	Disable bool `json:"disable,omitempty"`
	// Delete: the account goes to the recycle bin. A removal.
	Delete bool `json:"delete,omitempty"`
	// Enable: the account is enabled in the same request.
	Enable bool `json:"enable,omitempty"`
	// AddLicenses are assigned, with their full set of disabled plans.
	AddLicenses []directory.License `json:"addLicenses,omitempty"`
	// RemoveLicenses are SKU ids taken away in the same request.
	RemoveLicenses []string `json:"removeLicenses,omitempty"`
	// Manager is the object id of the manager to be set; "" leaves the manager as it is.
	Manager string `json:"managerId,omitempty"`
	// ClearManager: the manager is taken away. No removal.
	ClearManager bool `json:"clearManager,omitempty"`
	// Candidate is which of several sign-in names somebody new gets, counted from 1; 0 where the mapping gives one.
	Candidate int `json:"candidate,omitempty"`
	// Overwrites names, of an account that is adopted, the attributes that have a value already and get another, sorted.
	Overwrites []string `json:"-"`
	// FoundManager is what Match.Manager said, also where nothing is to be written.
	FoundManager string `json:"-"`
	// Mark is what the mark property holds once the account's request is done.
	Mark directory.Mark `json:"-"`
	// FinalMark is what it holds once the licenses are done, too; it differs where a license is taken away.
	FinalMark directory.Mark `json:"-"`
	// Withheld is what would be done if the rule's policy allowed it; nil where nothing is withheld.
	Withheld *Change `json:"-"`
	// Exhausted are SKU ids that the person should get and the tenant has no unit left of.
	Exhausted []string `json:"exhausted,omitempty"`
	// units are the SKUs of which the change needs a unit: what the person has not got yet.
	units []string
	// Outcome is what the person is counted as when all of this has worked.
	Outcome Outcome `json:"outcome"`
	// Reason says why the outcome is not Success, or why a removal happens.
	Reason fault.Reason `json:"reason,omitempty"`
	// Subject names the attribute concerned, where the reason is about one.
	Subject string `json:"subject,omitempty"`
}

// Writes reports whether anything is to be written.
func (c *Change) Writes() bool {
	return c.Action != None
}

// Licenses reports whether licenses are to be written.
func (c *Change) Licenses() bool { return len(c.AddLicenses)+len(c.RemoveLicenses) > 0 }

// Account reports whether the account itself is to be written, apart from licenses and manager.
func (c *Change) Account() bool {
	return c.Action == Create || c.Action == Restore || !only(c.Attributes, directory.Manager)
}

// SetsManager reports whether the manager is to be set or taken away.
func (c *Change) SetsManager() bool { return c.Manager != "" || c.ClearManager }

// Removes reports whether the change takes something away: a disable, a removal, or more licenses than it gives. Other
// plans of a license that the person has already are no gain. Ask the Change that Decide returned, not one read from JSON.
func (c *Change) Removes() bool {
	return c.Disable || c.Action == Remove || len(c.RemoveLicenses) > len(c.units)
}

// mainAction names the action by the weightiest thing that a change to an existing account does.
func (c *Change) mainAction() Action {
	switch {
	case c.Action == Create, c.Action == Restore, c.Action == Adopt:
		return c.Action
	case c.Disable:
		return Disable
	case c.Enable:
		return Enable
	case c.Licenses() && onlyMark(c.Attributes):
		return License
	case len(c.Attributes) > 0:
		return Update
	}
	return None
}

// onlyMark reports whether nothing but the mark is written to the account.
func onlyMark(attributes []string) bool {
	return len(attributes) == 0 || len(attributes) == 1 && attributes[0] == AttributeMark
}

// failed is the decision that nothing is done because of an error.
func failed(id, rule string, err error) Change {
	f := fault.Of(err)
	return Change{SourceID: id, Rule: rule, Action: None, Outcome: Failed, Reason: f.Reason, Subject: f.Subject}
}

// unchanged is the decision that nothing is done.
func unchanged(id, rule, account string, o Outcome, r fault.Reason) Change {
	return Change{SourceID: id, Rule: rule, AccountID: account, Action: None, Outcome: o, Reason: r}
}
