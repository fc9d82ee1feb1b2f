//go:build linux

package topology_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// ledger compares the tenant with the model after each round.
type ledger struct {
	staff *workforce
	// known are the accounts at the end of the round before, by person.
	known map[string]account
	// others are the accounts that must never change, by object id.
	others map[string]simulator.UserState
	// parts are part numbers by SKU id.
	parts      map[string]string
	violations []string
	// counts for the report.
	removed, returned, restored int
}

func newLedger(w *workforce, s simulator.State) *ledger {
	l := &ledger{staff: w, known: map[string]account{}, others: map[string]simulator.UserState{}, parts: map[string]string{}}
	theirs := map[string]bool{}
	for _, e := range w.people {
		theirs[e.upn()] = e.adopted
	}
	for _, u := range s.Tenant("").Users {
		if !theirs[u.UserPrincipalName] {
			l.others[u.ID] = u
		}
	}
	for _, k := range s.Tenant("").SKUs {
		l.parts[strings.ToLower(k.SkuID)] = k.SkuPartNumber
	}
	return l
}

func (l *ledger) violate(format string, args ...any) {
	l.violations = append(l.violations, fmt.Sprintf(format, args...))
}

// account is what is known of a person.
func (l *ledger) account(id string) account {
	if a, ok := l.known[id]; ok {
		return a
	}
	return account{place: nowhere}
}

// round is what happened in one: the file's versions, in what circumstances, and what was asked of the tenant.
type round struct {
	name     string
	versions []version
	circumstances
	// changed is when the last of the versions was saved, if there is more than one.
	changed time.Time
	losses  []loss
	touched []string
}

// glance is how old, at most, the look at the file may be with which somebody takes something away.
const glance = 10 * time.Second

// linesFor are those lines that can be the reason of a loss: once the file has changed, only the new one.
func (r *round) linesFor(x loss, id string) []*row {
	lines := r.lines(id)
	if len(lines) > 1 && x.at.After(r.changed.Add(glance)) {
		return lines[len(lines)-1:]
	}
	return lines
}

func (r *round) lines(id string) (out []*row) {
	for _, v := range r.versions {
		out = append(out, v[id])
	}
	return out
}

// settled: the file said the same of the person all through the round.
func (r *round) settled(id string) bool {
	lines := r.lines(id)
	for _, line := range lines[1:] {
		if (line == nil) != (lines[0] == nil) || line != nil && *line != *lines[0] {
			return false
		}
	}
	return true
}

// check judges a round and takes over what there is now.
func (l *ledger) check(r round, s simulator.State) {
	t := s.Tenant("")
	found := map[string][]*simulator.UserState{} // :: person -> accounts, the bin's too
	owner := map[string]string{}                 // :: object id -> person
	for _, list := range [][]simulator.UserState{t.Users, t.DeletedUsers} {
		for i := range list {
			text, _ := list[i].Properties[linkProperty].(string)
			if link, ok := directory.ParseLink(text); ok && link.Connection == chaosConnection && link.Rule == chaosRule {
				found[link.SourceID] = append(found[link.SourceID], &list[i])
				owner[list[i].ID] = link.SourceID
			}
		}
	}
	l.checkLosses(r, owner)
	for _, e := range l.staff.people {
		l.checkPerson(r, e, found[e.id])
		delete(found, e.id)
	}
	for id := range found {
		l.violate("%s: an account is linked to %s, who never was", r.name, id)
	}
	l.checkOthers(r, t, owner)
}

// checkPerson: exactly one account, and that as the model says.
func (l *ledger) checkPerson(r round, e *employee, found []*simulator.UserState) {
	before, now := l.account(e.id), account{place: nowhere}
	if len(found) > 1 {
		l.violate("%s: %s has %d accounts", r.name, e.id, len(found))
		return
	}
	if len(found) == 1 {
		now = seen(found[0])
		if e.adopted && found[0].Properties["jobTitle"] != "Before" {
			l.violate("%s: %s: an attribute that no mapping names was changed", r.name, e.id)
		}
	}
	if before.id != "" && before.id != now.id {
		l.violate("%s: %s had the account %s and has now %q", r.name, e.id, before.id, now.id)
	}
	lines := r.lines(e.id)
	if r.settled(e.id) {
		want := fate(before, e, lines[0], r.circumstances)
		want.id = now.id
		if want != now {
			l.violate("%s: %s is %+v, not %+v; was %+v", r.name, e.id, now, want, before)
		}
	} else {
		l.checkChanging(r, e, before, now)
	}
	l.count(before, now)
	l.known[e.id] = now
}

// checkChanging judges somebody whose line changed during the round: each part of the account is as one of the lines wants
// it, or as it was; whether there is an account, and where, is as one of the lines wants it. The licenses of two lines may be
// there together, until the next sync.
func (l *ledger) checkChanging(r round, e *employee, before, now account) {
	var possible []account
	after := before
	for _, line := range r.lines(e.id) {
		possible = append(possible, fate(before, e, line, r.circumstances))
		after = fate(after, e, line, r.circumstances)
		possible = append(possible, after)
	}
	if !slices.ContainsFunc(possible, func(p account) bool { return p.place == now.place }) {
		l.violate("%s: %s, who changed meanwhile, is %s", r.name, e.id, now.place)
	}
	possible = append(possible, before)
	some := func(ok func(p account) bool) bool { return slices.ContainsFunc(possible, ok) }
	licenses := strings.Fields(now.license)
	switch {
	case now.place == nowhere:
	case !some(func(p account) bool {
		return p.upn == now.upn && p.nick == now.nick && p.family == now.family && p.display == now.display
	}),
		!some(func(p account) bool { return p.given == now.given }),
		!some(func(p account) bool { return p.dept == now.dept }),
		!some(func(p account) bool { return p.enabled == now.enabled }),
		!some(func(p account) bool { return p.deprovisioned == now.deprovisioned }),
		len(licenses) == 0 && !some(func(p account) bool { return p.license == "" }),
		slices.ContainsFunc(licenses, func(x string) bool { return !some(func(p account) bool { return p.license == x }) }):
		l.violate("%s: %s, who changed meanwhile, is %+v; possible are parts of %+v", r.name, e.id, now, possible)
	}
}

func (l *ledger) count(before, now account) {
	switch {
	case before.place == inTenant && !before.deprovisioned && (now.place == inBin || now.deprovisioned):
		l.removed++
	case before.place == inBin && now.place == inTenant:
		l.restored++
	case before.deprovisioned && !now.deprovisioned:
		l.returned++
	}
}

// checkLosses: whatever was to be taken away, carried out or not, was somebody's whom the model lets lose it.
func (l *ledger) checkLosses(r round, owner map[string]string) {
	people := map[string]*employee{}
	for _, e := range l.staff.people {
		people[e.id] = e
	}
	for _, x := range r.losses {
		e := people[owner[x.account]]
		if e == nil {
			l.violate("%s: %s of an account that is nobody's of ours: %s", r.name, x.what, x.account)
			continue
		}
		m := mayLose(l.account(e.id), e, r.lines(e.id), r.linesFor(x, e.id), r.circumstances)
		ok := false
		switch x.what {
		case "delete":
			ok = m.remove
		case "disable":
			ok = m.disable
		case "license":
			ok = m.take(l.parts[x.sku])
		}
		if !ok {
			l.violate("%s: %s %s of %s, who must not lose it: was %+v", r.name, x.what, l.parts[x.sku], e.id, l.account(e.id))
		}
	}
}

// checkOthers: nobody else's account was written to, none came into being without an owner, and none went.
func (l *ledger) checkOthers(r round, t *simulator.TenantState, owner map[string]string) {
	for _, id := range r.touched {
		if _, other := l.others[id]; other {
			l.violate("%s: a write to somebody else's account %s", r.name, id)
		}
	}
	same := 0
	for _, u := range t.Users {
		before, other := l.others[u.ID]
		switch {
		case other && !reflect.DeepEqual(before, u):
			l.violate("%s: an account of somebody else was changed: %s", r.name, u.UserPrincipalName)
		case other:
			same++
		case owner[u.ID] == "" && !l.toAdopt(u.UserPrincipalName):
			l.violate("%s: an account belongs to nobody: %s", r.name, u.UserPrincipalName)
		}
	}
	if same < len(l.others) {
		l.violate("%s: only %d of %d accounts of others are as they were", r.name, same, len(l.others))
	}
	for _, u := range t.DeletedUsers {
		if owner[u.ID] == "" {
			l.violate("%s: an account in the bin belongs to nobody: %s", r.name, u.ID)
		}
	}
}

// toAdopt reports that the name is that of somebody whose account is still to be adopted.
func (l *ledger) toAdopt(upn string) bool {
	return slices.ContainsFunc(l.staff.people, func(e *employee) bool {
		return e.adopted && e.upn() == upn && l.account(e.id).place == nowhere
	})
}

// checkResult: the sync ended as it should, and nobody failed but those who must and those who changed meanwhile.
func (l *ledger) checkResult(r round, want api.SyncState, got api.SyncResult) {
	if got.State != want {
		l.violate("%s: the sync ended as %s, not %s: %s %s; guard %+v", r.name, got.State, want, got.Reason, got.Message, got.Guard)
	}
	refused := 0
	for _, p := range got.Problems {
		switch {
		case p.Outcome != plan.Failed:
		case p.Reason == fault.AccountSynced || p.Reason == fault.AccountGuest:
			refused++
		case r.settled(p.User):
			l.violate("%s: %s failed: %s %s", r.name, p.User, p.Action, p.Reason)
		}
	}
	if refused != 2 {
		l.violate("%s: %d people were refused, not 2", r.name, refused)
	}
}

// counted is a map in a fixed order.
func counted[K ~string](m map[K]int) (out []string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s:%d", k, m[k]))
	}
	return out
}
