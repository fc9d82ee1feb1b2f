package ldap

import (
	"errors"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"
)

// rawEntry is one entry of a directory as it came. Its parts lie in the answer that it was read from: whoever keeps a value copies it.
type rawEntry struct {
	dn         []byte
	attributes []rawAttribute
}

type rawAttribute struct {
	name   string
	values [][]byte
}

// entryOf takes an entry of the library.
func entryOf(e *goldap.Entry) *rawEntry {
	out := &rawEntry{dn: []byte(e.DN)}
	for _, a := range e.Attributes {
		out.attributes = append(out.attributes, rawAttribute{a.Name, a.ByteValues})
	}
	return out
}

// hasParts reports that an attribute came with an option, as one does of which this is only a part of the values.
func (e *rawEntry) hasParts() bool {
	for i := range e.attributes {
		if strings.IndexByte(e.attributes[i].name, ';') >= 0 {
			return true
		}
	}
	return false
}

// library is the entry as the library has it.
func (e *rawEntry) library() *goldap.Entry {
	out := &goldap.Entry{DN: string(e.dn)}
	for _, a := range e.attributes {
		one := &goldap.EntryAttribute{Name: a.name}
		for _, v := range a.values {
			one.Values, one.ByteValues = append(one.Values, string(v)), append(one.ByteValues, slices.Clone(v))
		}
		out.Attributes = append(out.Attributes, one)
	}
	return out
}

// rawEntries reads the entries that a tap has kept, one after the other.
type rawEntries struct {
	rest []byte
	// names are those that were met, so that each is one text.
	names map[string]string
	// entry and values are used again for each entry.
	entry  rawEntry
	values [][]byte
}

var errMalformed = errors.New("an entry is not as LDAP writes it")

const (
	tagOctets = 0x04
	tagSet    = 0x31
	// tagControls marks what may follow an entry.
	tagControls = 0xa0
)

// next gives the next entry, which is good until next is called again; nil at the end.
//
// Errors: errMalformed.
func (s *rawEntries) next() (*rawEntry, error) {
	if len(s.rest) == 0 {
		return nil, nil
	}
	message, rest, ok := element(s.rest, tagSequence)
	if !ok {
		return nil, errMalformed
	}
	s.rest = rest
	_, message, ok = element(message, tagInteger)
	if !ok {
		return nil, errMalformed
	}
	found, controls, ok := element(message, tagEntry)
	if !ok {
		return nil, errMalformed
	}
	if _, more, ok := element(controls, tagControls); len(controls) > 0 && (!ok || len(more) > 0) {
		return nil, errMalformed
	}
	dn, found, ok := element(found, tagOctets)
	if !ok {
		return nil, errMalformed
	}
	list, more, ok := element(found, tagSequence)
	if !ok || len(more) > 0 {
		return nil, errMalformed
	}
	s.entry = rawEntry{dn: dn, attributes: s.entry.attributes[:0]}
	s.values = s.values[:0]
	for len(list) > 0 {
		var one []byte
		if one, list, ok = element(list, tagSequence); !ok || !s.attribute(one) {
			return nil, errMalformed
		}
	}
	return &s.entry, nil
}

// attribute reads one attribute of the present entry.
func (s *rawEntries) attribute(text []byte) bool {
	name, text, ok := element(text, tagOctets)
	if !ok {
		return false
	}
	set, more, ok := element(text, tagSet)
	if !ok || len(more) > 0 {
		return false
	}
	first := len(s.values)
	for len(set) > 0 {
		var value []byte
		if value, set, ok = element(set, tagOctets); !ok {
			return false
		}
		s.values = append(s.values, value)
	}
	known, ok := s.names[string(name)]
	if !ok {
		if s.names == nil {
			s.names = map[string]string{}
		}
		known = string(name)
		s.names[known] = known
	}
	s.entry.attributes = append(s.entry.attributes, rawAttribute{known, s.values[first:len(s.values):len(s.values)]})
	return true
}

// element takes the first element of a text, which must have a tag and lie in it whole.
func element(text []byte, tag byte) (content, rest []byte, ok bool) {
	if len(text) < 2 || text[0] != tag {
		return nil, nil, false
	}
	length, at := int(text[1]), 2
	if length&0x80 != 0 {
		n := length & 0x7f
		if n < 1 || n > 4 || len(text) < 2+n {
			return nil, nil, false
		}
		length = 0
		for _, b := range text[2 : 2+n] {
			length = length<<8 | int(b)
		}
		at += n
	}
	if length > len(text)-at {
		return nil, nil, false
	}
	return text[at : at+length], text[at+length:], true
}
