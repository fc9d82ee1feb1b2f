package api

// WatchInput starts WatchSource, and is the argument of the activity of that name.
type WatchInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	// Position is where to go on in the source's feed of changes (source.Position).
	Position []byte `json:"position,omitempty"`
}

// WatchResult says how far a watch has come.
type WatchResult struct {
	Position []byte `json:"position,omitempty"`
	// Over: the rule no longer runs, or its source is not one that tells of changes.
	Over bool `json:"over,omitempty"`
	// Runs is how many people's runs were started, Syncs how many syncs.
	Runs  int `json:"runs,omitempty"`
	Syncs int `json:"syncs,omitempty"`
}

// EventRemovalInput is the argument of the update eventRemoval.
type EventRemovalInput struct {
	Rule string `json:"rule"`
	User string `json:"user"`
}

// EventRemovalResult is its answer.
type EventRemovalResult struct {
	Allowed bool `json:"allowed"`
}
