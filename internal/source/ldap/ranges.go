package ldap

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
)

// ranged recognises a part of an attribute's values: member;range=0-1499, or member;range=1500-* for the last part.
// https://learn.microsoft.com/windows/win32/adsi/attribute-range-retrieval
var ranged = regexp.MustCompile(`(?i)^(.*);range=(\d+)-(\d+|\*)$`)

// maxRanges bounds how many parts are asked for: 15 million values.
const maxRanges = 10_000

// complete reads the rest of attributes of which a server gave only a part.
func (s *server) complete(ctx context.Context, c *goldap.Conn, e *goldap.Entry) error {
	for _, a := range e.Attributes {
		m := ranged.FindStringSubmatch(a.Name)
		if m == nil {
			continue
		}
		a.Name = m[1]
		for n := 0; m[3] != "*"; n++ {
			last, err := strconv.Atoi(m[3])
			if err != nil || n == maxRanges {
				return fault.New(op, fault.Invalid, fault.SourceIncomplete, a.Name)
			}
			if m, err = s.nextRange(ctx, c, e.DN, a, last+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// nextRange adds the values from one on, and tells the range that came.
func (s *server) nextRange(ctx context.Context, c *goldap.Conn, dn string, a *goldap.EntryAttribute, from int) ([]string, error) {
	result, err := s.search(ctx, c, goldap.NewSearchRequest(dn, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", []string{fmt.Sprintf("%s;range=%d-*", a.Name, from)}, nil))
	if fault.Is(err, fault.SourcePlaceUnknown) {
		// Deleted or moved since its page was read: the listing is of no one state.
		return nil, fault.New(op, fault.Transient, fault.SourceIncomplete, a.Name)
	}
	if err != nil {
		return nil, err
	}
	for _, e := range result.Entries {
		for _, part := range e.Attributes {
			if m := ranged.FindStringSubmatch(part.Name); m != nil && m[2] == strconv.Itoa(from) {
				a.Values = append(a.Values, part.Values...)
				a.ByteValues = append(a.ByteValues, part.ByteValues...)
				return m, nil
			}
		}
	}
	return nil, fault.New(op, fault.Transient, fault.SourceIncomplete, a.Name)
}
