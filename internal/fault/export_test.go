package fault

// SectionOf is the heading that a reason has in docs/reasons.md.
func SectionOf(r Reason) string {
	for _, s := range catalogue {
		for _, row := range s.rows {
			if row.Code == r {
				return s.title
			}
		}
	}
	return ""
}
