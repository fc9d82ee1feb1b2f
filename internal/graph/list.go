package graph

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

const (
	// pageAttempts is how often one page after the first is asked for.
	pageAttempts = 5
	// pageMaxWait: a longer wait is the caller's, which then begins the list again.
	pageMaxWait = 30 * time.Second
	// probeAttempts is in how many attempts a definition that seems to be gone may be a server that lags behind: some twelve
	// minutes with the waits of production.
	probeAttempts = 6
)

// page is one page of a list; Value is nil when the answer is not a list at all.
type page struct {
	Value []row  `json:"value"`
	Next  string `json:"@odata.nextLink"`
}

// request builds the request of the first page or, with a link, of the next.
type request func(ctx context.Context, next string) (*abstractions.RequestInformation, error)

// list follows a list of users to its explicit end, a page without a link to the next. Where links are read, the end counts
// only if the tenant still knows the property: see linkReadable.
func (c *Client) list(ctx context.Context, op operation, sel directory.Selection, yield func([]directory.Account) error, progress func(pages, users int), build request) error {
	d := newDecoder(sel)
	seen := map[string]struct{}{}
	var trail trail
	next, pages := "", 0
	for {
		accounts, following, err := c.pageAgain(ctx, op, d, next, build)
		if err != nil {
			return err
		}
		// Accounts move between pages while the list is read.
		fresh := accounts[:0]
		for _, a := range accounts {
			if _, ok := seen[a.ID]; !ok {
				seen[a.ID] = struct{}{}
				fresh = append(fresh, a)
			}
		}
		if err := yield(fresh); err != nil {
			return err
		}
		pages++
		if progress != nil {
			progress(pages, len(seen))
		}
		if following == "" {
			return c.linkReadable(ctx, op, sel, accounts)
		}
		if err := c.follow(op, &trail, following, len(fresh) > 0); err != nil {
			return err
		}
		next = following
	}
}

// linkReadable tells of a list's last page whether it shows links, so that an account without one has none. A selection that
// names a property without a definition is no error to Graph: every account would seem to have no link, and nobody to be
// ours. A filter that names it is refused, so a page without any link or mark is followed by such requests.
func (c *Client) linkReadable(ctx context.Context, op operation, sel directory.Selection, last []directory.Account) error {
	linked := func(a directory.Account) bool { return a.Link != "" && a.Mark != "" }
	if op.name != opListUsers.name || sel.LinkProperty == "" || sel.MarkProperty == "" || slices.ContainsFunc(last, linked) {
		return nil
	}
	err := c.ProbeExtension(ctx, sel)
	unlisted := fault.Is(err, fault.ExtensionMissing) && fault.Of(err).Subject == ""
	if n := c.known.attempt; unlisted && n >= 1 && n <= probeAttempts {
		// Where the definitions cannot be listed, it may be one server that does not know them yet.
		f := fault.Wrap(op.name, fault.NotReady, fault.ExtensionNotReady, "", err)
		f.RetryAfter = c.options.Waits.Replica.After(n)
		return f
	}
	return err
}

// pageAgain reads a page; one after the first several times if need be.
func (c *Client) pageAgain(ctx context.Context, op operation, d *decoder, next string, build request) ([]directory.Account, string, error) {
	for attempt := 1; ; attempt++ {
		accounts, following, err := c.page(ctx, op, d, next, build)
		if err == nil || next == "" || attempt == pageAttempts || ctx.Err() != nil {
			return accounts, following, err
		}
		f := fault.Of(err)
		wait := max(f.RetryAfter, c.options.Waits.Page.After(attempt))
		if f.Kind != fault.Transient && f.Kind != fault.Throttled || wait > pageMaxWait || sleep(ctx, wait) != nil {
			return nil, "", err
		}
	}
}

// page reads and decodes one page.
func (c *Client) page(ctx context.Context, op operation, d *decoder, next string, build request) (accounts []directory.Account, following string, err error) {
	info, err := build(ctx, next)
	if err != nil {
		return nil, "", fault.Wrap(op.name, fault.Internal, fault.InternalError, "", err)
	}
	err = c.call(ctx, op, func(ctx context.Context) error {
		if next != "" {
			asItCame(ctx)
		}
		body, err := c.raw(ctx, info)
		if err != nil {
			return err
		}
		var p page
		if err := json.Unmarshal(body, &p); err != nil {
			return err
		}
		if p.Value == nil {
			return errors.New("the answer has no value array")
		}
		accounts, following = make([]directory.Account, len(p.Value)), p.Next
		for i, r := range p.Value {
			if accounts[i], err = d.account(r); err != nil {
				return err
			}
		}
		return nil
	})
	return accounts, following, err
}
