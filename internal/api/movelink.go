package api

// MoveLinkInput starts MoveLink, and is the argument of the update moveLink, where connection may be left out.
type MoveLinkInput struct {
	Connection string `json:"connection,omitempty"`
	// User is the source id that the account is linked to.
	User string `json:"user"`
	// To is the source id of the same person from now on.
	To string `json:"to"`
	// Held: the run has the id of To, and one that has the id of User waits for it. For entraflow's own use.
	Held bool `json:"held,omitempty"`
}

// MoveLinkResult is the result of the activity MoveLink.
type MoveLinkResult struct {
	// AccountID is the account that belongs to the new id now.
	AccountID string `json:"accountId"`
	// Rule that provisions the person.
	Rule string `json:"rule"`
}
