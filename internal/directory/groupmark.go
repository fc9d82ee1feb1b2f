package directory

import "strings"

// GroupMark is the second property of a group beside its link: how it came to be ours, and what the rule wants done about it once
// nothing names it any more. The rule's entry is gone by then, so that the group itself must remember.
type GroupMark struct {
	Origin Origin
	// WhenRemoved is removeMembers or delete; "" means that the group stays as it is.
	WhenRemoved string
}

// String gives the stored value, for example "1;created;whenRemoved=delete". "1" is its version.
func (m GroupMark) String() string {
	s := "1;" + string(m.Origin)
	if m.WhenRemoved != "" {
		s += ";whenRemoved=" + m.WhenRemoved
	}
	return s
}

// ParseGroupMark reads a stored mark. An unreadable one is that of an adopted group that stays as it is, which is the reading that
// removes least; ok is then false.
func ParseGroupMark(s string) (m GroupMark, ok bool) {
	parts := strings.Split(s, ";")
	if len(parts) < 2 || parts[0] != "1" || Origin(parts[1]) != Created && Origin(parts[1]) != Adopted {
		return GroupMark{Origin: Adopted}, false
	}
	m.Origin = Origin(parts[1])
	for _, p := range parts[2:] {
		if key, value, _ := strings.Cut(p, "="); key == "whenRemoved" {
			m.WhenRemoved = value
		}
	}
	return m, true
}
