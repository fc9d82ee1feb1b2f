package provision_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// modelTenant is a tenant in which every read lags, each by a time of its own, and every call may fail or be the last thing
// that a worker does. Writes are ordered and consistent: a name is never given twice.
type modelTenant struct {
	*model
	objects map[string]*object
	// hidden are names that something has which no read shows.
	hidden map[string]bool
	// checked is called after each write.
	checked func()
	// refuse, if set, is why a change is refused; nil where it is not.
	refuse func(graph.Patch) error
	// refuseNew is the same for a creation.
	refuseNew func(graph.NewUser) error
	// down is why subscriptions and names cannot be read; nil where they can. hangs: subscriptions are never told.
	down  error
	hangs bool
	// others counts requests about sessions, licenses and managers.
	others int
}

// object is an account with all that it was.
type object struct {
	id     string
	states []state
}

// state is what an account was from a moment on.
type state struct {
	from    time.Time
	account directory.Account
	// bin and gone tell where it was; else it was alive.
	bin, gone bool
}

func (s state) alive() bool { return !s.bin && !s.gone }

// at is the state at a moment; gone before the first.
func (o *object) at(moment time.Time) state {
	for _, s := range slices.Backward(o.states) {
		if !s.from.After(moment) {
			return s
		}
	}
	return state{gone: true}
}

func (o *object) now() state { return o.states[len(o.states)-1] }

// write changes an account as of the moment that a request was sent.
func (t *modelTenant) write(id string, sent time.Time, change func(*state)) {
	o := t.objects[id]
	if o == nil {
		o = &object{id: id, states: []state{{gone: true}}}
		t.objects[id] = o
	}
	s := o.now()
	s.account.Values = slices.Clone(s.account.Values)
	s.from = sent
	change(&s)
	o.states = append(o.states, s)
	t.checked()
}

// holder is the living account that has a name.
func (t *modelTenant) holder(upn string) string {
	for id, o := range t.objects {
		if s := o.now(); s.alive() && strings.EqualFold(s.account.UserPrincipalName, upn) {
			return id
		}
	}
	return ""
}

// seen are the accounts as one read shows them.
func (t *modelTenant) seen() []state {
	moment := t.clock.Add(-t.lag())
	var out []state
	for _, id := range slices.Sorted(maps.Keys(t.objects)) {
		if s := t.objects[id].at(moment); !s.gone {
			out = append(out, s)
		}
	}
	return out
}

// reading is a read: it may fail, or be the last that the worker does.
func (t *modelTenant) reading(what string) error {
	t.pass(time.Second)
	t.mayDie("before " + what)
	if t.once(t.trouble) {
		return fault.New(what, pick(t.model, fault.Transient, fault.Throttled), fault.GraphUnavailable, "")
	}
	return nil
}

// writing is a request that changes something. It may be refused, lost on its way or on the way back, or be the last that
// the worker does, before or after.
func (t *modelTenant) writing(what string, carryOut func(sent time.Time) error) error {
	t.pass(time.Second)
	t.mayDie("before " + what)
	if t.once(t.trouble) {
		return fault.New(what, pick(t.model, fault.Transient, fault.Throttled), fault.GraphUnavailable, "")
	}
	if t.once(t.trouble) {
		return fault.New(what, fault.Uncertain, fault.WriteUncertain, "")
	}
	sent := t.clock
	t.pass(5 * time.Second)
	err := carryOut(sent)
	t.note("%s: %v", what, err)
	t.mayDie("after " + what)
	if err == nil && t.once(t.trouble) {
		return fault.New(what, fault.Uncertain, fault.WriteUncertain, "")
	}
	return err
}

func (t *modelTenant) UserByID(_ context.Context, id string, _ directory.Selection, _ ...graph.Option) (*directory.Account, error) {
	return t.one("read by id", func(s state) bool { return s.account.ID == id })
}

func (t *modelTenant) UserByUPN(_ context.Context, upn string, _ directory.Selection, _ ...graph.Option) (*directory.Account, error) {
	if t.down != nil {
		return nil, t.down
	}
	return t.one("read by name", func(s state) bool { return strings.EqualFold(s.account.UserPrincipalName, upn) })
}

func (t *modelTenant) one(what string, is func(state) bool) (*directory.Account, error) {
	if err := t.reading(what); err != nil {
		return nil, err
	}
	for _, s := range t.seen() {
		if s.alive() && is(s) {
			return &s.account, nil
		}
	}
	return nil, fault.New(what, fault.NotFound, fault.AccountNotFound, "")
}

func (t *modelTenant) UsersByLink(_ context.Context, link string, _ directory.Selection) ([]directory.Account, error) {
	all, err := t.list("read by link", func(s state) bool { return s.alive() && s.account.Link == link })
	return all, err
}

func (t *modelTenant) DeletedUsers(_ context.Context, _ directory.Selection, yield func([]directory.Account) error) error {
	all, err := t.list("read the bin", func(s state) bool { return s.bin })
	if err != nil {
		return err
	}
	return yield(all)
}

func (t *modelTenant) list(what string, is func(state) bool) ([]directory.Account, error) {
	if err := t.reading(what); err != nil {
		return nil, err
	}
	var out []directory.Account
	for _, s := range t.seen() {
		if is(s) {
			out = append(out, s.account)
		}
	}
	return out, nil
}

func (t *modelTenant) CreateUser(_ context.Context, u graph.NewUser, sel directory.Selection, _ ...graph.Option) (id string, err error) {
	return id, t.writing("create "+u.UserPrincipalName, func(sent time.Time) error {
		if t.holder(u.UserPrincipalName) != "" || t.hidden[u.UserPrincipalName] {
			return fault.New("create", fault.Rematch, fault.AccountExists, directory.UserPrincipalName)
		}
		if t.refuseNew != nil {
			if err := t.refuseNew(u); err != nil {
				return err
			}
		}
		id = fmt.Sprint("account-", len(t.objects)+1)
		t.write(id, sent, func(s *state) {
			s.gone = false
			s.account = directory.Account{ID: id, UserPrincipalName: u.UserPrincipalName, Enabled: u.Enabled, Link: u.Link, Mark: u.Mark}
			for _, name := range sel.Attributes {
				s.account.Values = append(s.account.Values, u.Attributes[name])
			}
		})
		return nil
	})
}

func (t *modelTenant) UpdateUser(_ context.Context, id string, p graph.Patch, sel directory.Selection, _ ...graph.Option) error {
	return t.writing("update "+id, func(sent time.Time) error {
		o := t.objects[id]
		if o == nil || !o.now().alive() || !o.at(sent.Add(-t.lag())).alive() {
			return fault.New("update", fault.NotReady, fault.ReplicationPending, "")
		}
		if p.UserPrincipalName != nil {
			if other := t.holder(*p.UserPrincipalName); other != "" && other != id || t.hidden[*p.UserPrincipalName] {
				return fault.New("update", fault.Rematch, fault.AccountExists, directory.UserPrincipalName)
			}
		}
		if t.refuse != nil {
			if err := t.refuse(p); err != nil {
				return err
			}
		}
		t.write(id, sent, func(s *state) {
			a := &s.account
			set(&a.UserPrincipalName, p.UserPrincipalName)
			set(&a.Enabled, p.Enabled)
			set(&a.Link, p.Link)
			set(&a.Mark, p.Mark)
			for i, name := range sel.Attributes {
				if value, ok := p.Attributes[name]; ok {
					a.Values[i] = value
				}
			}
		})
		return nil
	})
}

func set[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}

func (t *modelTenant) RestoreUser(_ context.Context, id string, _ ...graph.Option) error {
	return t.writing("restore "+id, func(sent time.Time) error {
		switch o := t.objects[id]; {
		case o == nil || !o.now().bin:
			return fault.New("restore", fault.NotFound, fault.AccountNotFound, "")
		case t.holder(o.now().account.UserPrincipalName) != "":
			return fault.New("restore", fault.Rematch, fault.AccountExists, "")
		}
		t.write(id, sent, func(s *state) { s.bin = false })
		return nil
	})
}

func (t *modelTenant) RestoreUserAs(_ context.Context, id, upn string, _ ...graph.Option) error {
	return t.writing("restore "+id+" as "+upn, func(sent time.Time) error {
		switch o := t.objects[id]; {
		case o == nil || !o.now().bin:
			return fault.New("restore", fault.NotFound, fault.AccountNotFound, "")
		case t.holder(upn) != "":
			return fault.New("restore", fault.Rematch, fault.AccountExists, "")
		}
		t.write(id, sent, func(s *state) { s.bin, s.account.UserPrincipalName = false, upn })
		return nil
	})
}

func (t *modelTenant) DeleteUser(_ context.Context, id string, _ ...graph.Option) error {
	return t.writing("delete "+id, func(sent time.Time) error {
		if o := t.objects[id]; o == nil || !o.now().alive() {
			return fault.New("delete", fault.NotFound, fault.AccountNotFound, "")
		}
		t.write(id, sent, func(s *state) { s.bin = true })
		return nil
	})
}

func (t *modelTenant) RevokeSessions(context.Context, string, ...graph.Option) error {
	t.others++
	return nil
}

func (t *modelTenant) AssignLicenses(context.Context, string, []directory.License, []string, ...graph.Option) error {
	t.others++
	return nil
}

func (t *modelTenant) SubscribedSKUs(ctx context.Context) ([]directory.SKU, error) {
	if t.hangs {
		<-ctx.Done()
		return nil, fault.Wrap("read subscriptions", fault.Transient, fault.GraphTimeout, "", ctx.Err())
	}
	return nil, t.down
}

func (t *modelTenant) SetManager(context.Context, string, string, ...graph.Option) error {
	t.others++
	return nil
}

func (t *modelTenant) ClearManager(context.Context, string, ...graph.Option) error {
	t.others++
	return nil
}
