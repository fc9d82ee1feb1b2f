package simulator

import "time"

// members are ids of members or owners in the order they came. Places never move, so that paging stays right. What replicas may
// not know yet is kept beside them.
type members struct {
	order  []string
	place  map[string]int
	joined map[string]time.Time // when, of those that some replica may not know yet
	left   map[string]time.Time // when the last time
	ghosts map[int]string       // :: place -> who was there
}

func (m *members) has(id string) bool { _, ok := m.place[id]; return ok }

// add puts one in that every replica knows at once.
func (m *members) add(id string) {
	if m.place == nil {
		m.place = map[string]int{}
	}
	m.place[id] = len(m.order)
	m.order = append(m.order, id)
}

// remove takes one out at every replica at once.
func (m *members) remove(id string) {
	if i, ok := m.place[id]; ok {
		m.order[i] = ""
		delete(m.place, id)
		delete(m.joined, id)
	}
}

// join is add, which replicas hear of later where there is a lag.
func (m *members) join(id string, now time.Time, lag time.Duration) {
	m.add(id)
	if lag > 0 {
		if m.joined == nil {
			m.joined = map[string]time.Time{}
		}
		m.joined[id] = now
	}
}

// quit is remove, which replicas hear of later where there is a lag.
func (m *members) quit(id string, now time.Time, lag time.Duration) {
	i, ok := m.place[id]
	if !ok {
		return
	}
	m.remove(id)
	if m.left == nil {
		m.left, m.ghosts = map[string]time.Time{}, map[int]string{}
	}
	if m.left[id] = now; lag > 0 {
		m.ghosts[i] = id
	}
}

// at is who stands at a place, as a replica knows it; "" is nobody.
func (m *members) at(i int, asOf time.Time) string {
	if id := m.order[i]; id != "" {
		if m.joined[id].After(asOf) {
			return ""
		}
		return id
	}
	if id := m.ghosts[i]; id != "" && m.left[id].After(asOf) && !m.has(id) {
		return id
	}
	return ""
}

// known reports whether a replica has one among the members.
func (m *members) known(id string, asOf time.Time) bool {
	if m.has(id) {
		return !m.joined[id].After(asOf)
	}
	return m.left[id].After(asOf)
}
