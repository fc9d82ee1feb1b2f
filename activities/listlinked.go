package activities

import (
	"context"
	"sort"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// suspicion is how many times a tenant without any of the known links is read again. Deleting a rule deletes accounts, so
// that in the end there may really be none.
const suspicion = 3

// ListLinked returns a page of the accounts that carry a link of a rule, deprovisioned ones left out, after a complete
// read of the tenant. The list stays in this worker's memory for the pages that follow; where it is gone, the tenant is
// read anew. Each page says what the preferences are by then.
//
// An account whose link another one carries, too, is listed with a doubt. One that an earlier rule of the same name
// provisioned from another source, and left, is only counted.
//
// Errors: those of Graph, and for the first attempts TenantReadSuspicious (Transient) where links are known and none is
// found; none of them leaves a page.
func (a *Activities) ListLinked(ctx context.Context, in api.ListLinkedInput) (api.ListLinkedResult, error) {
	stop := heartbeat(ctx)
	defer stop()
	s, err := a.settings.fresh(ctx, in.Connection)
	if err != nil {
		return api.ListLinkedResult{}, err
	}
	if err := s.Usable(); err != nil {
		return api.ListLinkedResult{}, err
	}
	list, ok := a.linked.get(in.ListID, a.options.Now())
	if !ok {
		in.ListID = activity.GetInfo(ctx).WorkflowExecution.RunID + "/" + activity.GetInfo(ctx).ActivityID
		if list, err = a.readLinked(ctx, s, in); err != nil {
			return api.ListLinkedResult{}, err
		}
		a.linked.put(in.ListID, list, a.options.Now())
	}
	result := list.counts
	result.ListID, result.Terms = in.ListID, terms(s)
	cutPage(&result, list.accounts, in)
	return result, nil
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
			case mark.Source != "" && mark.Source != rule.Source.Tag():
				result.OtherSource++
				continue
			}
			id := l.SourceID
			if l.Hashed {
				id = directory.HashedID(l.SourceID)
			}
			found = append(found, api.LinkedAccount{User: strings.Clone(id), AccountID: strings.Clone(page[i].ID)})
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
		key := directory.NewLink(in.Connection, "", account.User).PersonKey()
		if hash, hashed := strings.CutPrefix(account.User, directory.HashedID("")); hashed {
			key = directory.Link{Connection: in.Connection, SourceID: hash, Hashed: true}.PersonKey()
		}
		if carriers[key] > 1 {
			// Nobody knows which of them is the person's: the link may have been copied.
			found[i].Doubt = fault.LinkDuplicate
		}
	}
	sortLinked(found)
	return linkedList{accounts: found, counts: result}, nil
}

// linkedList is what one complete read of the tenant found of a rule.
type linkedList struct {
	// accounts in the order of the pages.
	accounts []api.LinkedAccount
	// counts are those of the whole list.
	counts api.ListLinkedResult
}

// linkedLists keeps the lists of running deletions, so that a deletion of many people does not read the tenant for every
// page of them.
type linkedLists struct {
	mu      sync.Mutex
	entries map[string]keptList // :: list id -> list
}

type keptList struct {
	list linkedList
	used time.Time
}

func (l *linkedLists) put(id string, list linkedList, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries == nil {
		l.entries = map[string]keptList{}
	}
	for k, e := range l.entries {
		if now.Sub(e.used) > planAge {
			delete(l.entries, k)
		}
	}
	l.entries[id] = keptList{list, now}
}

func (l *linkedLists) get(id string, now time.Time) (linkedList, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[id]
	if ok {
		e.used = now
		l.entries[id] = e
	}
	return e.list, ok
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

// cutPage takes the page after the last one out of all accounts, which are sorted.
func cutPage(r *api.ListLinkedResult, found []api.LinkedAccount, in api.ListLinkedInput) {
	limit := in.Limit
	if limit <= 0 {
		limit = pageSize
	}
	for _, a := range found {
		if in.After != "" && a.User <= in.After {
			continue
		}
		r.Remaining++
		if len(r.Accounts) < limit {
			r.Accounts = append(r.Accounts, a)
		}
	}
	r.Last = r.Remaining == len(r.Accounts)
}
