package simulator

import "time"

// licenseLag is how long the licensing service does not know a user's new usageLocation: some refused assignments, or until
// a time.
type licenseLag struct {
	tries int
	until time.Time
}

func invalidLocation() *refusal {
	return badRequest("License assignment cannot be done for user with invalid usage location.")
}

// located decides, after a write of a user's usageLocation, whether the licensing service learns of it late.
func (c *call) located(id string, ch *userChange) {
	if ch.set["usageLocation"] == nil || !c.s.draw(func(f *Faults) float64 { return f.LicenseLag }) {
		return
	}
	f := c.s.currentFaults()
	lag := &licenseLag{tries: f.LicenseLagTries}
	if f.LicenseLagSeconds > 0 {
		lag = &licenseLag{until: c.now.Add(time.Duration(f.LicenseLagSeconds * float64(time.Second)))}
	} else if lag.tries == 0 {
		lag.tries = 2
	}
	c.t.unlocated[id] = lag
}

// unlocated reports whether an assignment comes too early for the licensing service.
func (c *call) unlocated(id string) bool {
	lag := c.t.unlocated[id]
	if lag == nil {
		return false
	}
	if lag.tries == 0 && !c.now.Before(lag.until) {
		delete(c.t.unlocated, id)
		return false
	}
	if lag.tries > 0 {
		if lag.tries--; lag.tries == 0 {
			delete(c.t.unlocated, id)
		}
	}
	c.s.stats.fault("license lag")
	return true
}

func (s *Server) currentFaults() Faults {
	s.chance.Lock()
	defer s.chance.Unlock()
	return s.chance.faults
}
