package fault

import "strings"

// Party is who or what a reason speaks of: the side that has to change, or to answer again.
type Party string

const (
	// PartyGraph is the tenant, as Microsoft Graph shows it.
	PartyGraph Party = "graph"
	// PartySignIn is the sign-in of our application, with its credentials.
	PartySignIn Party = "sign-in"
	// PartySource is an identity store and what it says of a person.
	PartySource Party = "source"
	// PartySettings are the connection's settings: preferences, rules, mappings, approvals.
	PartySettings Party = "settings"
	// PartyTemporal is the Temporal server.
	PartyTemporal Party = "temporal"
	// PartyWorker is entraflow itself.
	PartyWorker Party = "worker"
)

// Scope is how much a reason stops.
type Scope string

const (
	// ScopePerson: one person; everybody else is provisioned.
	ScopePerson Scope = "person"
	// ScopeGroup: one group; all people and all other groups are provisioned.
	ScopeGroup Scope = "group"
	// ScopeRule: everybody of one rule.
	ScopeRule Scope = "rule"
	// ScopeConnection: everybody of the connection.
	ScopeConnection Scope = "connection"
)

// Row is all that is known of a reason beforehand.
type Row struct {
	Code Reason
	// Kind is the usual one. An error may have another, where the same thing happens under other circumstances.
	Kind  Kind
	Party Party
	Scope Scope
	// Meaning is what happened, and Fix what a person does about it. Neither ends with a full stop, since both are used within
	// other sentences, and neither names a command: the command line adds its own hints.
	Meaning, Fix string
	// Persists is what to do where entraflow puts it right by itself and it stays all the same; may be empty.
	Persists string
}

// section is a part of the catalogue with its heading in docs/reasons.md.
type section struct {
	title string
	rows  []Row
}

// rows is the catalogue by code.
var rows = func() map[Reason]*Row {
	out := map[Reason]*Row{}
	for _, s := range catalogue {
		for i := range s.rows {
			out[s.rows[i].Code] = &s.rows[i]
		}
	}
	return out
}()

// Rows lists the catalogue, as a copy.
func Rows() []Row {
	var out []Row
	for _, s := range catalogue {
		out = append(out, s.rows...)
	}
	return out
}

// Row is the reason's row of the catalogue; that of InternalError for a code that is not in it.
func (r Reason) Row() Row {
	if row, ok := rows[r]; ok {
		return *row
	}
	return *rows[InternalError]
}

// Known reports whether the code is in the catalogue.
func (r Reason) Known() bool { return rows[r] != nil }

// Sentence says what the reason means and what a person does about it.
func (r Reason) Sentence() string {
	row := r.Row()
	return row.Meaning + "; " + row.Fix
}

// Parts gives the sentence's two halves: what happened, and what a person does about it.
func (r Reason) Parts() (meaning, fix string) {
	row := r.Row()
	return row.Meaning, row.Fix
}

// SelfHealing reports whether entraflow puts it right by itself.
func (r Row) SelfHealing() bool { return strings.HasPrefix(r.Fix, nothing) }

// WithdrawsConnection reports that nobody of the connection can be provisioned before an administrator has changed the
// application's credentials, permissions or hosts. The connection becomes invalid, and its syncs stop until a test passes.
func (r Reason) WithdrawsConnection() bool {
	row := r.Row()
	return row.Kind == Denied && row.Scope == ScopeConnection && (row.Party == PartyGraph || row.Party == PartySignIn)
}
