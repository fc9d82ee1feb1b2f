package directory

import (
	"sort"
	"strings"
)

// Origin says how an account came to be ours.
type Origin string

const (
	// Created: entraflow made the account.
	Created Origin = "created"
	// Adopted: the account existed and was taken over.
	Adopted Origin = "adopted"
)

// DisabledBy says why entraflow disabled an account; "" when it did not.
type DisabledBy string

const (
	// DisabledAtSource: the person is disabled at the source, or the mapping says so.
	DisabledAtSource DisabledBy = "source"
	// DisabledDeprovisioned: the person left the source or the filter.
	DisabledDeprovisioned DisabledBy = "deprovisioned"
	// DisabledElsewhere: the person left, too, but somebody else had disabled the account before; it is not ours to enable.
	DisabledElsewhere DisabledBy = "elsewhere"
)

// Deprovisioned reports that the person's leaving has been acted on; it is not acted on again.
func (d DisabledBy) Deprovisioned() bool { return d == DisabledDeprovisioned || d == DisabledElsewhere }

// ByUs reports that entraflow disabled the account, and so may enable it again.
func (d DisabledBy) ByUs() bool { return d == DisabledAtSource || d == DisabledDeprovisioned }

// Mark is the second property beside the link: what entraflow did to the account and must remember to undo.
type Mark struct {
	Origin Origin
	// Disabled: entraflow disabled the account, and so may enable it again.
	Disabled DisabledBy
	// Source is the tag of the source that the person was provisioned from; "" in a mark without one. A link
	// says which id, and only together with the source that is a person: another source may use the same ids for others.
	Source string
	// Licenses are the first eight digits of the SKU ids that entraflow assigned, sorted. Eight digits tell the SKUs of
	// one tenant apart and let 20 of them fit the property.
	Licenses []string
}

// MaxMarkedLicenses is how many licenses a mark can hold within the property's 256 characters.
const MaxMarkedLicenses = 20

// ShortSKU is the form in which a mark holds a SKU id.
func ShortSKU(id string) string {
	id = strings.ToLower(id)
	if len(id) > 8 {
		return id[:8]
	}
	return id
}

// Owns reports whether entraflow assigned the SKU.
func (m Mark) Owns(sku string) bool {
	short := ShortSKU(sku)
	for _, l := range m.Licenses {
		if l == short {
			return true
		}
	}
	return false
}

// WithLicenses returns the mark with exactly these SKU ids, shortened, sorted and without doubles.
func (m Mark) WithLicenses(skus []string) Mark {
	seen := map[string]bool{}
	m.Licenses = nil
	for _, s := range skus {
		if short := ShortSKU(s); !seen[short] {
			seen[short] = true
			m.Licenses = append(m.Licenses, short)
		}
	}
	sort.Strings(m.Licenses)
	return m
}

// String gives the stored value, for example "1;created;disabled=source;lic=06ebc4ee,c7df2760". "1" is its version.
func (m Mark) String() string {
	s := "1;" + string(m.Origin)
	if m.Disabled != "" {
		s += ";disabled=" + string(m.Disabled)
	}
	if m.Source != "" {
		s += ";src=" + m.Source
	}
	if len(m.Licenses) > 0 {
		s += ";lic=" + strings.Join(m.Licenses, ",")
	}
	return s
}

// ParseMark reads a stored mark. An unreadable one is treated as that of an adopted account with nothing of ours on it,
// which is the reading that removes least; ok is then false.
func ParseMark(s string) (m Mark, ok bool) {
	parts := strings.Split(s, ";")
	if len(parts) < 2 || parts[0] != "1" {
		return Mark{Origin: Adopted}, false
	}
	switch Origin(parts[1]) {
	case Created, Adopted:
		m.Origin = Origin(parts[1])
	default:
		return Mark{Origin: Adopted}, false
	}
	for _, p := range parts[2:] {
		key, value, _ := strings.Cut(p, "=")
		switch key {
		case "src":
			m.Source = value
		case "disabled":
			m.Disabled = DisabledBy(value)
		case "lic":
			// Whatever a hand has written there: shortened, sorted and without doubles, as we write it.
			m = m.WithLicenses(strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }))
		}
	}
	return m, true
}

// OtherSource reports that an account was provisioned from another source than the one with this tag. Its person never was
// in that one, so nothing follows from not being there.
func (m Mark) OtherSource(tag string) bool { return tag != "" && m.Source != "" && m.Source != tag }
