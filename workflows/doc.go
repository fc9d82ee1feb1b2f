// Package workflows holds entraflow's durable executions: one resident workflow for each connection, one for each running
// sync of a rule, and one short workflow for each person and change.
//
// Types, ids, message names and JSON fields are wire format; docs/versioning.md says how they change.
package workflows
