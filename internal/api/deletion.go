package api

import (
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/membership"
)

// ListLinkedInput is the argument of ListLinked and ListedPage.
type ListLinkedInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	// ListID names the list to go on with; "" makes a new one.
	ListID string `json:"listId,omitempty"`
	// After is the last source id of the page before.
	After string `json:"after,omitempty"`
	// CountOnly: no page is wanted.
	CountOnly bool `json:"countOnly,omitempty"`
}

// ListLinkedResult is one page of a rule's accounts.
type ListLinkedResult struct {
	// ListID names the list for the next page, Queue is the task queue of the worker that keeps it.
	ListID string `json:"listId"`
	Queue  string `json:"queue,omitempty"`
	// Gone: the worker no longer keeps the list, and there is no page.
	Gone bool `json:"gone,omitempty"`
	// Terms are the preferences at the time of this page.
	Terms    DeletionTerms   `json:"terms"`
	Accounts []LinkedAccount `json:"accounts,omitempty"`
	// Linked are all accounts of the rule, Deprovisioned those of them that are done with.
	Linked        int `json:"linked"`
	Deprovisioned int `json:"deprovisioned"`
	// OtherSource are accounts that an earlier rule of the same name provisioned from another source, and left.
	OtherSource int  `json:"otherSource,omitempty"`
	Remaining   int  `json:"remaining"`
	Last        bool `json:"last"`
}

// LinkedAccount is one account of a rule.
type LinkedAccount struct {
	User      string `json:"user"`
	AccountID string `json:"accountId"`
	// Doubt, when set, is why nothing may be done about the account.
	Doubt fault.Reason `json:"doubt,omitempty"`
}

// BeginDeletionInput is the argument of BeginRuleDeletion.
type BeginDeletionInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
}

// DeletionTerms are the preferences that say what becomes of a deleted rule's people, as they are at one moment.
type DeletionTerms struct {
	// Deprovision is deprovisionOnRuleDeletion.
	Deprovision bool `json:"deprovision"`
	// Allowed is allowDeprovision.
	Allowed bool `json:"allowed"`
	// Untouched: the connection has never been valid, so nobody was provisioned by it.
	Untouched bool `json:"untouched,omitempty"`
	// Groups: the rule has groups, or had some.
	Groups bool `json:"groups,omitempty"`
}

// Forbidden: the people are to be deprovisioned, and may not be.
func (t DeletionTerms) Forbidden() bool { return t.Deprovision && !t.Allowed }

// AwaitTermsInput is the argument of AwaitDeletionTerms.
type AwaitTermsInput struct {
	Connection string `json:"connection"`
	// Rule is the rule that is deleted; "" of deletions begun before rules had policies of their own.
	Rule string `json:"rule,omitempty"`
}

// DeleteRuleInput starts DeleteRule.
type DeleteRuleInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	// Confirm repeats the rule's name.
	Confirm string `json:"confirm"`
	// Resume is the state handed to the next run by continue-as-new.
	Resume *DeleteRuleResume `json:"resume,omitempty"`
}

// DeleteRuleResume is what a deletion hands to its next run.
type DeleteRuleResume struct {
	Result DeleteRuleResult `json:"result"`
	After  string           `json:"after"`
	// ListID names the list of accounts that a worker keeps, Queue is that worker's task queue.
	ListID string `json:"listId,omitempty"`
	Queue  string `json:"queue,omitempty"`
	// Again: somebody asked to retry at once while a pass was under way.
	Again bool `json:"again,omitempty"`
	// Groups: the rule has groups, or had some.
	Groups bool `json:"groups,omitempty"`
}

// DeleteRuleResult is the result of DeleteRule and, while it runs, the answer to the query progress.
type DeleteRuleResult struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	// Phase says in words what is being done.
	Phase string `json:"phase,omitempty"`
	// Pass counts how often it went over those who are left; 0 while it begins.
	Pass int `json:"pass"`
	// Waiting: whatever can be done now is done, and the next pass comes later or when the signal "again" is sent.
	Waiting bool `json:"waiting,omitempty"`
	// Blocked, when set, is the setting that lets nobody be deprovisioned; Phase says what to do.
	Blocked fault.Reason `json:"blocked,omitempty"`
	// Deprovision tells which of the two a deletion is: its people are deprovisioned, or left as they are.
	Deprovision bool `json:"deprovision"`
	// Linked is how many accounts the rule had, Before how many of them had been deprovisioned before the deletion.
	Linked int `json:"linked"`
	Before int `json:"before,omitempty"`
	// Deprovisioned, Kept (another rule provisions them) and Left (deprovisionOnRuleDeletion is off, or an earlier rule of the
	// same name provisioned them from another source) are done with.
	Deprovisioned int `json:"deprovisioned"`
	Kept          int `json:"kept"`
	Left          int `json:"left"`
	// Failed are the people of the last pass who could not be deprovisioned, and Problems the first hundred of them. The rule
	// stays until there are none.
	Failed   int          `json:"failed"`
	Problems []PersonNote `json:"problems,omitempty"`
	Message  string       `json:"message,omitempty"`
	// Untouched: the connection has never been valid, so nobody was provisioned, and no account was looked at.
	Untouched bool `json:"untouched,omitempty"`
	// Groups are the counters of the rule's groups, which are treated as whenRemoved says once its people are.
	Groups membership.Counters `json:"groups,omitzero"`
}
