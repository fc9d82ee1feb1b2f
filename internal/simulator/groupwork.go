package simulator

import "time"

// What follows from a change of groups or of people (licenses that groups give, members of dynamic groups) the real service works off in
// the background. With Options.GroupDelay it does so here, too: a queue that is looked at with each request.

// followUp is one user whose groups are to be looked at.
type followUp struct {
	at time.Time
	e  *entry
}

// follow lets the consequences of a change happen for a user, now or after the delay.
func (t *Tenant) follow(e *entry) {
	switch {
	case e == nil:
	case t.groupDelay <= 0:
		t.consequences(e)
	default:
		t.due = append(t.due, followUp{t.now().Add(t.groupDelay), e})
	}
}

func (t *Tenant) consequences(e *entry) {
	if t.hasDynamic {
		t.sortIn(e)
	}
	t.inherit(e)
}

// workDue reports whether something of the queue is due.
func (t *Tenant) workDue(now time.Time) bool { return len(t.due) > 0 && !t.due[0].at.After(now) }

// workOff works off what is due.
func (t *Tenant) workOff(now time.Time) {
	for t.workDue(now) {
		e := t.due[0].e
		t.due = t.due[1:]
		t.consequences(e)
	}
}

// queued reports whether licenses of some members of a group are still to be given or taken.
func (t *Tenant) queued(g *group) bool {
	for _, f := range t.due {
		if g.members.has(f.e.id) || g.members.left[f.e.id].Add(t.groupDelay).After(t.now()) {
			return true
		}
	}
	return false
}

// settleGroups works off what is due in all tenants.
func (s *Server) settleGroups() {
	now, due := s.o.Now(), false
	s.mu.RLock()
	for _, t := range s.tenants {
		due = due || t.workDue(now)
	}
	s.mu.RUnlock()
	if !due {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tenants {
		t.workOff(now)
	}
}
