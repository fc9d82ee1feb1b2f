package grouping

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// MembersInput is who comes to a group and who leaves it.
type MembersInput struct {
	// Group is the object id.
	Group string
	// Created: the group was made or restored just now; that it is not found means not yet.
	Created bool
	// Adds and Removes are object ids of accounts, each once.
	Adds, Removes []string
	// Wait waits for accounts that cannot be seen yet. nil does not wait: they are reported, and the next sync tries them again.
	Wait func(ctx context.Context, d time.Duration) error
}

// Written is what was done.
type Written struct {
	// Added and Removed are how many accounts became members or stopped being some by this.
	Added, Removed int
	// Refused are those of whom it could not be done.
	Refused []Refusal
}

// Refusal is one account that could not be made a member, or could not be removed.
type Refusal struct {
	Account   string       `json:"account"`
	Reason    fault.Reason `json:"reason"`
	RequestID string       `json:"requestId,omitempty"`
}

// waits are how long accounts that cannot be seen yet are waited for.
var waits = []time.Duration{5 * time.Second, 15 * time.Second, 40 * time.Second}

// maxLookedThrough is how many members a group may have for its members to be read where one of twenty is a member already: beyond, twenty single
// requests are the cheaper way to find out.
const maxLookedThrough = 10 * 999

// WriteMembers adds by twenty, then removes one by one. One of twenty who is a member already, is gone or may not join does not keep the
// others out. progress, which may be nil, is told after each request what was done so far and how many of Adds and Removes, in this order,
// are dealt with: whoever repeats the call after an error goes on from there. What was written without an answer is written again, and does
// no harm.
//
// Errors: those about the group (fault.TargetGroupNotFound, GroupUnwritable and the others of its kind) and those of the service, which may be
// retried by kind. What concerns one account alone is in Written.Refused.
func WriteMembers(ctx context.Context, t Tenant, in MembersInput, progress func(w Written, done int)) (Written, error) {
	w := &writing{t: t, in: in, progress: progress}
	err := w.adds(ctx)
	if err == nil {
		err = w.removes(ctx)
	}
	if err == nil {
		err = w.late(ctx)
	}
	return w.written, err
}

type writing struct {
	t        Tenant
	in       MembersInput
	progress func(Written, int)
	written  Written
	done     int
	// unseen are accounts that Graph does not find.
	unseen []string
	// full: the group takes no more members; full is the refusal.
	full *fault.Error
	// there are the members, where they were read; nil before, and where they are too many.
	there map[string]bool
	read  bool
}

func (w *writing) tell(n int) {
	w.done += n
	if w.progress != nil {
		w.progress(w.written, w.done)
	}
}

func (w *writing) options() []graph.Option {
	if w.in.Created {
		return []graph.Option{graph.RecentlyWritten()}
	}
	return nil
}

func (w *writing) adds(ctx context.Context) error {
	for chunk := range slices.Chunk(w.in.Adds, graph.MaxMembers) {
		if err := w.twenty(ctx, chunk); err != nil {
			return err
		}
		w.tell(len(chunk))
	}
	return nil
}

// twenty adds one request's accounts, and where Graph refuses that, those of them that it takes.
func (w *writing) twenty(ctx context.Context, accounts []string) error {
	if w.full != nil {
		for _, id := range accounts {
			w.refuse(id, w.full)
		}
		return nil
	}
	err := w.t.AddMembers(ctx, w.in.Group, accounts, w.options()...)
	for i := 0; i < len(waits) && w.in.Created && w.in.Wait != nil && fault.Is(err, fault.ReplicationPending); i++ {
		if err := w.in.Wait(ctx, waits[i]); err != nil {
			return err
		}
		err = w.t.AddMembers(ctx, w.in.Group, accounts, w.options()...)
	}
	if fault.Is(err, fault.MembershipChanged) {
		var rest []string
		if rest, err = w.without(ctx, accounts); err != nil {
			return err
		}
		if len(rest) == 0 {
			return nil
		}
		accounts, err = rest, w.t.AddMembers(ctx, w.in.Group, rest, w.options()...)
	}
	switch {
	case err == nil:
		w.written.Added += len(accounts)
		return nil
	case !aboutOne(err):
		return err
	}
	for _, id := range accounts {
		if err := w.single(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// without gives those accounts that are no members yet, as far as that can be read at a reasonable price.
func (w *writing) without(ctx context.Context, accounts []string) ([]string, error) {
	if err := w.look(ctx); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(accounts), func(id string) bool { return w.there[strings.ToLower(id)] }), nil
}

var errTooMany = errors.New("more members than are looked through")

// look reads the group's members once.
func (w *writing) look(ctx context.Context) error {
	if w.read {
		return nil
	}
	there := map[string]bool{}
	err := w.t.GroupMembers(ctx, w.in.Group, func(page []string) error {
		for _, id := range page {
			there[strings.ToLower(id)] = true
		}
		if len(there) > maxLookedThrough {
			return errTooMany
		}
		return nil
	}, w.options()...)
	if err != nil && !errors.Is(err, errTooMany) {
		return err
	}
	w.there, w.read = there, true
	return nil
}

// aboutOne reports that a request was refused because of one of its accounts.
func aboutOne(err error) bool {
	switch fault.Of(err).Reason {
	case fault.AlreadyMember, fault.MembershipChanged, fault.GroupMemberNotFound, fault.GuestRefused, fault.GroupMembersQuota, fault.ReplicationPending:
		return true
	}
	return false
}

// single adds one account.
func (w *writing) single(ctx context.Context, id string) error {
	if w.full != nil {
		w.refuse(id, w.full)
		return nil
	}
	err := w.t.AddMember(ctx, w.in.Group, id, w.options()...)
	switch {
	case err == nil:
		w.written.Added++
	case fault.Is(err, fault.AlreadyMember):
	case fault.Is(err, fault.GroupMemberNotFound), fault.Is(err, fault.ReplicationPending):
		w.unseen = append(w.unseen, id)
	case fault.Is(err, fault.GroupMembersQuota):
		w.full = fault.Of(err)
		w.refuse(id, w.full)
	case aboutOne(err):
		w.refuse(id, fault.Of(err))
	default:
		return err
	}
	return nil
}

func (w *writing) refuse(id string, f *fault.Error) {
	w.written.Refused = append(w.written.Refused, Refusal{Account: id, Reason: f.Reason, RequestID: f.RequestID})
}

// removes takes members out, each by a request of its own. Graph answers alike whether the account is no member, is gone, or the group is: what
// it meant is read afterwards.
func (w *writing) removes(ctx context.Context) error {
	var unsure []string
	for _, id := range w.in.Removes {
		err := w.t.RemoveMember(ctx, w.in.Group, id)
		switch {
		case err == nil:
			w.written.Removed++
		case fault.Is(err, fault.NotMember):
			unsure = append(unsure, id)
		default:
			return err
		}
		w.tell(1)
	}
	if len(unsure) == 0 {
		return nil
	}
	if _, err := w.t.GroupByID(ctx, w.in.Group, directory.Selection{}, w.options()...); err != nil {
		return err
	}
	still := map[string]bool{}
	err := w.t.GroupMembers(ctx, w.in.Group, func(page []string) error {
		for _, id := range page {
			still[strings.ToLower(id)] = true
		}
		return nil
	}, w.options()...)
	if err != nil {
		return err
	}
	for _, id := range unsure {
		if !still[strings.ToLower(id)] {
			continue
		}
		switch err := w.t.RemoveMember(ctx, w.in.Group, id); {
		case err == nil:
			w.written.Removed++
		case fault.Is(err, fault.NotMember):
			w.refuse(id, fault.Of(err))
		default:
			return err
		}
	}
	return nil
}

// late tries again those whom Graph did not find: an account that was made a moment ago is not seen everywhere at once. Removals do not wait
// for them.
func (w *writing) late(ctx context.Context) error {
	w.in.Created = false
	for i := 0; len(w.unseen) > 0; i++ {
		if w.in.Wait == nil || i == len(waits) {
			for _, id := range w.unseen {
				w.refuse(id, fault.New("add member", fault.NotReady, fault.GroupMemberNotFound, id))
			}
			break
		}
		if err := w.in.Wait(ctx, waits[i]); err != nil {
			return err
		}
		again := w.unseen
		w.unseen = nil
		for _, id := range again {
			if err := w.single(ctx, id); err != nil {
				return err
			}
		}
	}
	w.tell(0)
	return nil
}
