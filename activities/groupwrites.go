package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/grouping"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
)

// SettleGroup finds or makes one group of a plan that this worker keeps, and writes what differs of it, as grouping.Settle tells.
//
// Errors: those of grouping.Settle; fault.RevisionChanged (Stale) and the others of GroupPage.
func (a *Activities) SettleGroup(ctx context.Context, in api.SettleGroupInput) (api.SettleGroupResult, error) {
	defer heartbeat(ctx)()
	s, d, client, err := a.plannedGroup(ctx, in.Connection, in.Rule, in.Revision, in.PlanID, in.Group)
	if err != nil || d == nil {
		return api.SettleGroupResult{Gone: err == nil}, err
	}
	sel := linkOnly(s)
	done, err := grouping.Settle(ctx, client, grouping.SettleInput{Connection: in.Connection, Rule: in.Rule, Decision: *d, Selection: sel, FirstMembers: true})
	if err != nil {
		return api.SettleGroupResult{}, err
	}
	return api.SettleGroupResult{Target: done.Target, Action: done.Action, Attributes: done.Attributes, Created: done.Created, Members: done.Members}, nil
}

// plannedGroup finds the decision about a group in a plan that this worker keeps; nil where it keeps it no longer.
func (a *Activities) plannedGroup(ctx context.Context, connection, rule string, revision int, planID, group string) (s api.Settings, d *membership.Decision, client *graph.Client, err error) {
	made, ok := a.groups.get(planID)
	if !ok {
		return s, nil, nil, nil
	}
	if s, err = a.groupSettings(ctx, connection, rule, revision, made.deletion); err != nil {
		return s, nil, nil, err
	}
	if d = made.Find(group); d == nil {
		return s, nil, nil, fault.New("find group in plan", fault.Internal, fault.InternalError, group)
	}
	client, err = a.client(s, nth(ctx))
	return s, d, client, err
}

// maxMembers is how many memberships one run of WriteMembers writes: some minutes at the pace that Graph allows, so that a change of settings
// is noticed.
const maxMembers = 2000

// WriteMembers writes the next memberships of one group of a plan that this worker keeps: all who come before all who go. How far it is
// stands in its heartbeat, so that the next attempt goes on from there.
//
// Errors: those of grouping.WriteMembers and of SettleGroup.
func (a *Activities) WriteMembers(ctx context.Context, in api.WriteMembersInput) (api.WriteMembersResult, error) {
	h := &heartbeater{}
	defer h.start(ctx)()
	_, d, client, err := a.plannedGroup(ctx, in.Connection, in.Rule, in.Revision, in.PlanID, in.Group)
	if err != nil || d == nil {
		return api.WriteMembersResult{Gone: err == nil}, err
	}
	var r memberProgress
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &r); err != nil {
			return api.WriteMembersResult{}, fault.Wrap("read heartbeat", fault.Transient, fault.InternalError, "", err)
		}
	}
	from := in.From + r.Done
	page := d.Members(from, maxMembers-r.Done)
	before := r
	written, err := grouping.WriteMembers(ctx, client, grouping.MembersInput{
		Group: in.Target, Created: in.Created, Adds: page.Adds, Removes: page.Removes, Wait: sleep,
	}, func(w grouping.Written, done int) {
		r = before.and(w, done)
		h.keep(ctx, r)
	})
	if err != nil {
		return api.WriteMembersResult{}, err
	}
	r = before.and(written, page.Next-from)
	result := api.WriteMembersResult{Next: page.Next, Last: page.Last, Added: r.Added, Removed: r.Removed, Refused: len(r.Refused), Reasons: map[fault.Reason]int{}}
	persons := personsOf(d)
	for _, refused := range r.Refused {
		result.Reasons[refused.Reason]++
		if len(result.Problems) < listed {
			result.Problems = append(result.Problems, api.PersonNote{
				User: persons[refused.Account], Outcome: plan.PartiallySynced, Reason: refused.Reason, Subject: refused.Account, RequestID: refused.RequestID,
			})
		}
	}
	return result, nil
}

// sleep waits, unless the activity is cancelled.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// memberProgress is what the attempts at one page have done.
type memberProgress struct {
	Done    int                `json:"done"`
	Added   int                `json:"added"`
	Removed int                `json:"removed"`
	Refused []grouping.Refusal `json:"refused,omitempty"`
}

// and adds what one more attempt did; done is how many memberships it has dealt with.
func (p memberProgress) and(w grouping.Written, done int) memberProgress {
	return memberProgress{
		Done: p.Done + done, Added: p.Added + w.Added, Removed: p.Removed + w.Removed, Refused: append(p.Refused[:len(p.Refused):len(p.Refused)], w.Refused...),
	}
}

// personsOf finds people by their accounts.
func personsOf(d *membership.Decision) map[string]string {
	out := make(map[string]string, len(d.Adds)+len(d.Removes))
	for _, list := range [][]membership.Member{d.Adds, d.Removes} {
		for _, m := range list {
			out[m.Account] = m.Person
		}
	}
	return out
}
