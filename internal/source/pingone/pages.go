package pingone

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/entraflow/entraflow/internal/source"
)

// each hands on everything of a list, page by page: list is its name in the answers, and address where it is.
//
// It ends without an error only if every page came with its list, each next link led on to the same address, the last page has none, and as many
// came as the first page promised.
//
// Errors: SourceIncomplete (Transient); those of get; that of take as it is.
func (s *Source) each(ctx context.Context, list, filter, address string, take func(json.RawMessage) error) error {
	at := address + "?limit=" + strconv.Itoa(pageSize)
	if filter != "" {
		at += "&filter=" + url.QueryEscape(filter)
	}
	came, promised, empty := 0, -1, 0
	seen := map[string]bool{}
	for first := true; ; first = false {
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		var p struct {
			page
			Embedded map[string]json.RawMessage `json:"_embedded"`
		}
		if err := s.get(ctx, at, &p); err != nil {
			return s.incomplete(err)
		}
		var items []json.RawMessage
		text, has := p.Embedded[list]
		if !has || json.Unmarshal(text, &items) != nil || items == nil {
			return s.doubt(source.Hint("a page has no list of " + list))
		}
		if p.Size != nil && *p.Size != len(items) {
			return s.doubt(source.Hint("a page has not as many " + list + " as it says"))
		}
		if first && p.Count != nil {
			promised = *p.Count
		}
		for _, item := range items {
			if err := take(item); err != nil {
				return err
			}
		}
		came += len(items)
		if p.Links.Next == nil || p.Links.Next.Href == "" {
			if promised < 0 && len(items) >= pageSize {
				return s.doubt(source.Hint("a full page leads to no other, and none says how many " + list + " there are"))
			}
			break
		}
		if empty++; len(items) > 0 {
			empty = 0
		}
		next, err := url.Parse(p.Links.Next.Href)
		if err != nil || next.User != nil || next.Scheme+"://"+next.Host+next.EscapedPath() != address {
			return s.doubt("the link to the next page leads elsewhere")
		}
		if at = p.Links.Next.Href; seen[at] || empty > maxEmpty {
			return s.doubt("the pages do not come to an end")
		}
		seen[at] = true
	}
	if came < promised {
		return s.doubt(source.Hint("fewer " + list + " came than the first page promised"))
	}
	return nil
}
