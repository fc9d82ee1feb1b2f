package simulator

import (
	"maps"
	"sync"
)

// Stats count what clients did, and above all what they should not have done.
type Stats struct {
	// Requests by method and route pattern, for example "PATCH /users/{id}"; answered or not.
	Requests map[string]int `json:"requests"`
	// Statuses by HTTP status of Graph's answers; "0" is a broken connection.
	Statuses map[string]int `json:"statuses"`
	// Tokens are the token requests; SignInErrors the refused ones by AADSTS number.
	Tokens       int            `json:"tokens"`
	SignInErrors map[string]int `json:"signInErrors"`
	// Writes are the requests that cost write quota, carried out or not; Committed those that were carried out.
	Writes    int `json:"writes"`
	Committed int `json:"committed"`
	// Reads are reads of single objects, ListPages pages of collections.
	Reads     int `json:"reads"`
	ListPages int `json:"listPages"`
	// WastedWrites changed nothing: a PATCH with the values that were there, an assignLicense that altered no license.
	WastedWrites int `json:"wastedWrites"`
	// MembersAdded and MembersRemoved are memberships of groups that came and went by requests.
	MembersAdded   int `json:"membersAdded"`
	MembersRemoved int `json:"membersRemoved"`
	// UnwritableGroupWrites are attempts to change the members of a group that cannot be changed so: dynamic, role-assignable,
	// mail-enabled, or with its master on premises.
	UnwritableGroupWrites int `json:"unwritableGroupWrites"`
	// OverlappingWrites met another write to the same object under way and got 409.
	OverlappingWrites int `json:"overlappingWrites"`
	// Throttled are the 429 answers, by quota or by fault.
	Throttled int `json:"throttled"`
	// EarlyRetries came before the Retry-After of an earlier 429 of the same application and tenant, or of an earlier 503 to the
	// same request, had passed. Token requests are counted too.
	EarlyRetries int `json:"earlyRetries"`
	// EarlyRetriesByScope are the same by "app/tenant".
	EarlyRetriesByScope map[string]int `json:"earlyRetriesByScope"`
	// ResourceUnits are the sum of what requests cost.
	ResourceUnits int `json:"resourceUnits"`
	// Faults are the accidents that happened, by name; "planned" are those of FailNext.
	Faults map[string]int `json:"faults"`
	// ProtocolFaults are requests that no correct client sends, by what is wrong with them.
	ProtocolFaults map[string]int `json:"protocolFaults"`
	// MaxInFlight is the largest number of Graph requests that were under way at once.
	MaxInFlight int `json:"maxInFlight"`
}

type counters struct {
	mu     sync.Mutex
	st     Stats
	flying int
}

func newCounters() *counters { return &counters{st: emptyStats()} }

func emptyStats() Stats {
	return Stats{Requests: map[string]int{}, Statuses: map[string]int{}, SignInErrors: map[string]int{},
		EarlyRetriesByScope: map[string]int{}, Faults: map[string]int{}, ProtocolFaults: map[string]int{}}
}

func (c *counters) add(f func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.st)
}

func (c *counters) route(label string)   { c.add(func(st *Stats) { st.Requests[label]++ }) }
func (c *counters) protocol(what string) { c.add(func(st *Stats) { st.ProtocolFaults[what]++ }) }
func (c *counters) fault(name string)    { c.add(func(st *Stats) { st.Faults[name]++ }) }
func (c *counters) wasted()              { c.add(func(st *Stats) { st.WastedWrites++ }) }

func (c *counters) joined(n int) { c.add(func(st *Stats) { st.MembersAdded += n }) }

func (c *counters) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flying++
	c.st.MaxInFlight = max(c.st.MaxInFlight, c.flying)
}

func (c *counters) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flying--
}

// Stats gives a copy of the counters.
func (s *Server) Stats() Stats {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	st := s.stats.st
	st.Requests, st.Statuses, st.SignInErrors = maps.Clone(st.Requests), maps.Clone(st.Statuses), maps.Clone(st.SignInErrors)
	st.EarlyRetriesByScope, st.Faults, st.ProtocolFaults = maps.Clone(st.EarlyRetriesByScope), maps.Clone(st.Faults), maps.Clone(st.ProtocolFaults)
	return st
}

// ResetStats begins counting anew.
func (s *Server) ResetStats() {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	s.stats.st = emptyStats()
}
