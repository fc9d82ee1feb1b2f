package graph

import (
	"context"
	"encoding/json"
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

// listing is how one kind of list is read.
type listing[T any] struct {
	op operation
	// build makes the request of each page, decode an object of a row. id tells objects apart.
	build  request
	decode func(row) (T, error)
	id     func(T) string
	// end, if not nil, looks at the objects of the last page before the list counts as complete.
	end func(ctx context.Context, last []T) error
	// progress, if not nil, is told after each page.
	progress func(pages, objects int)
}

// list reads users.
func (c *Client) list(ctx context.Context, op operation, sel directory.Selection, yield func([]directory.Account) error, progress func(pages, users int), build request) error {
	return follow(ctx, c, listing[directory.Account]{
		op: op, build: build, decode: newDecoder(sel).account, progress: progress,
		id:  func(a directory.Account) string { return a.ID },
		end: func(ctx context.Context, last []directory.Account) error { return c.linkReadable(ctx, op, sel, last) },
	}, yield)
}

// follow follows a list to its explicit end, a page without a link to the next. Where links are read, the end counts only if
// the tenant still knows the property: see linkReadable.
func follow[T any](ctx context.Context, c *Client, l listing[T], yield func([]T) error) error {
	seen := map[string]struct{}{}
	var trail trail
	next, pages := "", 0
	for {
		objects, following, err := pageAgain(ctx, c, l, next)
		if err != nil {
			return err
		}
		// Objects move between pages while the list is read.
		fresh := objects[:0]
		for _, o := range objects {
			if _, ok := seen[l.id(o)]; !ok {
				seen[l.id(o)] = struct{}{}
				fresh = append(fresh, o)
			}
		}
		if err := yield(fresh); err != nil {
			return err
		}
		pages++
		if l.progress != nil {
			l.progress(pages, len(seen))
		}
		if following == "" {
			if l.end == nil {
				return nil
			}
			return l.end(ctx, objects)
		}
		if err := c.follow(l.op, &trail, following, len(fresh) > 0); err != nil {
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
	return c.readable(op, c.ProbeExtension(ctx, sel))
}

// readable is what the end of a list makes of a probe's answer.
func (c *Client) readable(op operation, err error) error {
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
func pageAgain[T any](ctx context.Context, c *Client, l listing[T], next string) ([]T, string, error) {
	for attempt := 1; ; attempt++ {
		objects, following, err := onePage(ctx, c, l, next)
		if err == nil || next == "" || attempt == pageAttempts || ctx.Err() != nil {
			return objects, following, err
		}
		f := fault.Of(err)
		wait := max(f.RetryAfter, c.options.Waits.Page.After(attempt))
		if f.Kind != fault.Transient && f.Kind != fault.Throttled || wait > pageMaxWait || sleep(ctx, wait) != nil {
			return nil, "", err
		}
	}
}

// onePage reads and decodes one page.
func onePage[T any](ctx context.Context, c *Client, l listing[T], next string) (objects []T, following string, err error) {
	info, err := l.build(ctx, next)
	if err != nil {
		return nil, "", fault.Wrap(l.op.name, fault.Internal, fault.InternalError, "", err)
	}
	err = c.call(ctx, l.op, func(ctx context.Context) error {
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
			return errNoValue
		}
		objects, following = make([]T, len(p.Value)), p.Next
		for i, r := range p.Value {
			if objects[i], err = l.decode(r); err != nil {
				return err
			}
		}
		return nil
	})
	return objects, following, err
}
