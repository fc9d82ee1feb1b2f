package graph

import (
	"errors"

	"github.com/entraflow/entraflow/internal/fault"
)

const (
	// maxPages bounds one list: with pages of 999, tenants of twenty million accounts.
	maxPages = 20_000
	// maxIdlePages bounds the pages in a row that bring nothing new. Graph sends an empty page now and then.
	maxIdlePages = 100
)

var (
	errLedBack = errors.New("a page leads back to an earlier one")
	errEndless = errors.New("the pages of a list do not end")
)

// trail is the way through the pages of one list.
type trail struct {
	followed map[string]bool
	idle     int
}

// follow decides whether the link of a page is followed; news tells that the page had something that no page before had.
//
// Faults: ForeignNextLink (Refused) where the link leads to another host; UnexpectedAnswer (Internal) where it leads back, or
// the list does not seem to end.
func (c *Client) follow(op operation, t *trail, link string, news bool) error {
	if !c.sameOrigin(link) {
		return fault.New(op.name, fault.Refused, fault.ForeignNextLink, "")
	}
	if t.followed[link] {
		return fault.Wrap(op.name, fault.Internal, fault.UnexpectedAnswer, "", errLedBack)
	}
	if t.followed == nil {
		t.followed = map[string]bool{}
	}
	t.followed[link] = true
	if t.idle++; news {
		t.idle = 0
	}
	if len(t.followed) > maxPages || t.idle >= maxIdlePages {
		return fault.Wrap(op.name, fault.Internal, fault.UnexpectedAnswer, "", errEndless)
	}
	return nil
}
