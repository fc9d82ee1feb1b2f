package simulator

import "sync"

// flights are the objects that a write is under way for. A second write that overlaps it is refused as the directory
// refuses it, whichever of the two was first at the store.
type flights struct {
	mu   sync.Mutex
	busy map[string]bool // :: tenant/object
}

func newFlights() *flights { return &flights{busy: map[string]bool{}} }

// begin marks the object; ok is false when somebody else is writing to it.
func (f *flights) begin(key string) (ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy[key] {
		return false
	}
	f.busy[key] = true
	return true
}

func (f *flights) end(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.busy, key)
}

func overlap() *refusal {
	return &refusal{status: 409, code: codeConcurrency,
		message: "Error due to concurrent requests being made to the tenant. Please wait briefly and retry."}
}
