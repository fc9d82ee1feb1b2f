package wire

import "go.temporal.io/sdk/temporal"

// Priority is that of all workflows of a connection, and of their activities, which inherit it. Where the server regards
// fairness, each connection gets its share of the workers, however much another has to do. Other servers ignore it.
func Priority(connection string) temporal.Priority {
	return temporal.Priority{FairnessKey: connection}
}
