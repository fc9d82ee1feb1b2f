package activities

import (
	"context"
	"sort"
	"strings"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// suspicion is how many times a tenant without any of the known links is read again. Deleting a rule deletes accounts, so
// that in the end there may really be none.
const suspicion = 3

// ListLinked reads the tenant completely and returns a page of the accounts that carry a link of a rule, deprovisioned ones
// left out: the first, or, of a list made again because its worker is gone, the one to go on with. This worker keeps the list
// in its memory and serves the pages that follow (ListedPage) on its own task queue. Each page says what the preferences are
// by then.
//
// An account whose link another one carries, too, is listed with a doubt. One that an earlier rule of the same name
// provisioned from another source, and left, is only counted.
//
// Errors: those of Graph, and for the first attempts TenantReadSuspicious (Transient) where links are known and none is
// found; none of them leaves a page.
func (a *Activities) ListLinked(ctx context.Context, in api.ListLinkedInput) (api.ListLinkedResult, error) {
	stop := heartbeat(ctx)
	defer stop()
	s, err := a.settings.Fresh(ctx, in.Connection)
	if err != nil {
		return api.ListLinkedResult{}, err
	}
	if err := s.Usable(); err != nil {
		return api.ListLinkedResult{}, err
	}
	list, err := a.readLinked(ctx, s, in)
	if err != nil {
		return api.ListLinkedResult{}, err
	}
	if in.ListID == "" {
		in.ListID = activity.GetInfo(ctx).WorkflowExecution.RunID + "/" + activity.GetInfo(ctx).ActivityID
	}
	list.id = in.ListID
	if !in.CountOnly {
		a.linked.Put(keptFor(in.Connection, in.Rule), list)
	}
	return a.listedPage(s, list, in), nil
}

// ListedPage returns the next page of a list that this worker keeps, or says that it keeps it no longer.
//
// Errors: fault.ConnectionDisabled, ConnectionInvalid; those of reading the settings.
func (a *Activities) ListedPage(ctx context.Context, in api.ListLinkedInput) (api.ListLinkedResult, error) {
	stop := heartbeat(ctx)
	defer stop()
	s, err := a.settings.Fresh(ctx, in.Connection)
	if err != nil {
		return api.ListLinkedResult{}, err
	}
	if err := s.Usable(); err != nil {
		return api.ListLinkedResult{}, err
	}
	list, ok := a.linked.Get(keptFor(in.Connection, in.Rule))
	if !ok || list.id != in.ListID {
		return api.ListLinkedResult{Gone: true}, nil
	}
	return a.listedPage(s, list, in), nil
}

// listedPage cuts a page. A list is dropped with its last page.
func (a *Activities) listedPage(s api.Settings, list linkedList, in api.ListLinkedInput) api.ListLinkedResult {
	page := list.page(in.After, a.options.PageSize)
	page.ListID, page.Queue, page.Terms = in.ListID, a.options.Queue, terms(s, in.Rule)
	if page.Last {
		a.linked.Drop(keptFor(in.Connection, in.Rule))
	}
	return page
}

// readLinked reads the tenant for ListLinked.
func (a *Activities) readLinked(ctx context.Context, s api.Settings, in api.ListLinkedInput) (linkedList, error) {
	client, err := a.client(s, nth(ctx))
	if err != nil {
		return linkedList{}, err
	}
	sel := s.Selection()
	sel.Attributes, sel.Manager = nil, false
	var found []api.LinkedAccount
	var result api.ListLinkedResult
	ofConnection := 0
	carriers := map[string]int{} // :: person key -> accounts with that link
	rule, _ := s.Config.Rule(in.Rule)
	err = client.ListUsers(ctx, sel, func(page []directory.Account) error {
		for i := range page {
			l, ok := directory.ParseLink(page[i].Link)
			if !ok || l.Connection != in.Connection {
				continue
			}
			ofConnection++
			carriers[strings.Clone(l.PersonKey())]++
			if l.Rule != in.Rule {
				continue
			}
			result.Linked++
			switch mark, _ := directory.ParseMark(page[i].Mark); {
			case mark.Disabled.Deprovisioned():
				result.Deprovisioned++
				continue
			case mark.OtherSource(rule.Source.Tag()):
				result.OtherSource++
				continue
			}
			found = append(found, api.LinkedAccount{User: strings.Clone(l.PersonID()), AccountID: strings.Clone(page[i].ID)})
		}
		return nil
	}, nil)
	if err != nil {
		return linkedList{}, err
	}
	if ofConnection == 0 && s.KnownLinks > 0 && activity.GetInfo(ctx).Attempt <= suspicion {
		return linkedList{}, fault.New("list linked accounts", fault.Transient, fault.TenantReadSuspicious, in.Connection)
	}
	for i, account := range found {
		if carriers[directory.PersonKey(in.Connection, account.User)] > 1 {
			// Nobody knows which of them is the person's: the link may have been copied.
			found[i].Doubt = fault.LinkDuplicate
		}
	}
	sortLinked(found)
	return linkedList{accounts: found, counts: result}, nil
}

// linkedList is what one complete read of the tenant found of a rule.
type linkedList struct {
	id string
	// accounts in the order of the pages.
	accounts []api.LinkedAccount
	// counts are those of the whole list.
	counts api.ListLinkedResult
}

// sortLinked brings accounts into the order of the pages.
func sortLinked(found []api.LinkedAccount) {
	sort.Slice(found, func(i, j int) bool {
		if found[i].User != found[j].User {
			return found[i].User < found[j].User
		}
		return found[i].AccountID < found[j].AccountID
	})
}

// page takes the page after a source id. The accounts of one person stay on one page.
func (l linkedList) page(after string, limit int) api.ListLinkedResult {
	r := l.counts
	rest := l.accounts
	if after != "" {
		rest = rest[sort.Search(len(rest), func(i int) bool { return rest[i].User > after }):]
	}
	r.Remaining = len(rest)
	end := min(limit, len(rest))
	for end > 0 && end < len(rest) && rest[end].User == rest[end-1].User {
		end++
	}
	r.Accounts, r.Last = rest[:end], end == len(rest)
	return r
}
