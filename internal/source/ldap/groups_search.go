package ldap

import (
	"context"
	"crypto/sha256"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// stream searches page by page and hands each entry on as it comes, so that a group of 100,000 members is never held beside another.
// What each does must not use the connection: nothing else is read from it meanwhile.
//
// It ends without an error only if every page came with result code 0 and the paging control, the last with an empty cookie, on a
// connection and in a context that lived to the end. A reference to another server is an error, unless elsewhere allows for it.
func (s *server) stream(ctx context.Context, c *goldap.Conn, request *goldap.SearchRequest, elsewhere bool, each func(*goldap.Entry) error) error {
	var cookie []byte
	for {
		paging := goldap.NewControlPaging(pageSize)
		paging.SetCookie(cookie)
		page := *request
		page.Controls = append([]goldap.Control{paging}, request.Controls...)
		answer, err := s.streamPage(ctx, c, &page, elsewhere, each)
		if err != nil {
			return err
		}
		if cookie = answer.Cookie; len(cookie) == 0 {
			return nil
		}
	}
}

func (s *server) streamPage(ctx context.Context, c *goldap.Conn, request *goldap.SearchRequest, elsewhere bool, each func(*goldap.Entry) error) (*goldap.ControlPaging, error) {
	s.mu.Lock()
	s.requests++
	s.mu.Unlock()
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	var controls []goldap.Control
	response := c.SearchAsync(asking, request, 0)
	for response.Next() {
		switch {
		case response.Referral() != "" && elsewhere:
		case response.Referral() != "":
			return nil, fault.Wrap(op, fault.Invalid, fault.SourceIncomplete, s.place(),
				source.Hint("the server refers to other servers for a part of the groups or people; use their addresses, or a base DN that this server has whole"))
		case response.Entry() != nil:
			if err := each(response.Entry()); err != nil {
				return nil, err
			}
		default:
			controls = append(controls, response.Controls()...)
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, interrupted(ctx)
	case response.Err() != nil:
		return nil, s.failed(s.place(), response.Err())
	case c.GetLastError() != nil || c.IsClosing():
		return nil, fault.Wrap(op, fault.Transient, fault.SourceUnavailable, s.place(), c.GetLastError())
	}
	answer, ok := goldap.FindControl(controls, goldap.ControlTypePaging).(*goldap.ControlPaging)
	if !ok {
		return nil, fault.Wrap(op, fault.Invalid, fault.SourceIncomplete, s.place(), source.Hint(errNoPaging))
	}
	return answer, nil
}

// lost reports an error after which nothing more can be read on the connection, or at all: of one group it says nothing.
func lost(ctx context.Context, err error) bool {
	return ctx.Err() != nil || fault.Is(err, fault.SourceUnavailable) || fault.Is(err, fault.SourceLoginRefused)
}

// dnKey stands for a distinguished name, however it is written.
type dnKey [16]byte

// keyOf gives the key of a name, and the name taken apart. Two ways to write one name that only the server's schema knows to be equal
// have two keys: what is not found by its key is asked for by its name.
func keyOf(dn string) (dnKey, *goldap.DN) {
	text := strings.ToLower(dn)
	parsed, err := goldap.ParseDN(dn)
	if err == nil {
		text = strings.ToLower(parsed.String())
	}
	if strings.Contains(text, "  ") {
		text = strings.Join(strings.Fields(text), " ")
	}
	sum := sha256.Sum256([]byte(text))
	return dnKey(sum[:16]), parsed
}

// within reports that a name is a root or below it.
func within(dn, root *goldap.DN) bool {
	return dn != nil && root != nil && (root.EqualFold(dn) || root.AncestorOfFold(dn))
}

// domainOf is the part of a name in Active Directory that names its domain: DC=corp,DC=example.
func domainOf(dn *goldap.DN) *goldap.DN {
	at := len(dn.RDNs)
	for at > 0 && len(dn.RDNs[at-1].Attributes) == 1 && strings.EqualFold(dn.RDNs[at-1].Attributes[0].Type, "DC") {
		at--
	}
	return &goldap.DN{RDNs: dn.RDNs[at:]}
}
