package main

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/simulator"
)

var markProperty = graph.ExtensionName(simulator.DefaultClientID, graph.MarkProperty)

// check compares tenant, connection and histories with what the deletion promised.
func (d *deletionRun) check(ctx context.Context) error {
	stats := d.tenant.Stats()
	d.phase.Reads, d.phase.ListPages = stats.Reads, stats.ListPages
	d.checkTenant()
	if err := d.checkWrites(ctx, stats); err != nil {
		return err
	}
	d.checkResult()
	if err := d.checkRuns(ctx); err != nil {
		return err
	}
	if err := d.checkGone(ctx); err != nil {
		return err
	}
	id := api.DeleteRuleID(d.name, lab.RuleName)
	var err error
	d.phase.Events, d.phase.Runs, err = d.events(ctx, id, d.firstRun(ctx, id))
	return err
}

// checkTenant demands that each account is as it was, but for what deprovisioning changes in the rule's own.
func (d *deletionRun) checkTenant() {
	now := d.tenant.State()
	after, bin := map[string]simulator.UserState{}, map[string]simulator.UserState{}
	for _, u := range now.Tenant("").Users {
		after[u.ID] = u
	}
	for _, u := range now.Tenant("").DeletedUsers {
		bin[u.ID] = u
	}
	members := map[string]member{}
	for _, m := range d.population.members {
		members[m.link] = m
	}
	before := d.before.Tenant("")
	binned := 0
	for _, u := range before.Users {
		link, _ := u.Properties[linkProperty].(string)
		m, known := members[link]
		a, there := after[u.ID]
		if known && m.leaving() && m.deletedWith(d.o.Action) {
			binned++
			if deleted, in := bin[u.ID]; there || !in || deleted.Properties[linkProperty] != link {
				d.violate("%s is not deleted", m.id)
			}
			continue
		}
		switch {
		case !there:
			d.violate("the account %s is gone", u.UserPrincipalName)
		case known && m.leaving():
			d.checkDisabled(m, u, a)
		case !reflect.DeepEqual(u, a):
			d.violate("%s is not the rule's to remove, and was changed", u.UserPrincipalName)
		}
		delete(members, link)
	}
	if n := len(now.Tenant("").Users) + binned - len(before.Users); n != 0 {
		d.violate("there are %d accounts more than before", n)
	}
	for link, m := range members {
		if !m.deletedWith(d.o.Action) || !m.leaving() {
			d.violate("nobody carries the link %s", link)
		}
	}
}

// checkDisabled demands that the account is disabled, marked, signed out, and else as it was.
func (d *deletionRun) checkDisabled(m member, before, after simulator.UserState) {
	const sessions = "signInSessionsValidFromDateTime"
	if after.AccountEnabled {
		d.violate("%s is not disabled", m.id)
	}
	if mark, ok := directory.ParseMark(fmt.Sprint(after.Properties[markProperty])); !ok || mark.Disabled != directory.DisabledDeprovisioned {
		d.violate("%s: the mark is %v", m.id, after.Properties[markProperty])
	}
	rest := func(u simulator.UserState) simulator.UserState {
		u.AccountEnabled, u.Properties = false, maps.Clone(u.Properties)
		for _, name := range []string{"accountEnabled", markProperty, sessions} {
			delete(u.Properties, name)
		}
		return u
	}
	if !reflect.DeepEqual(rest(before), rest(after)) {
		d.violate("%s: more was changed than to disable takes", m.id)
	}
}

// checkWrites demands one removing write for each person, one that revokes where the account was disabled by it, none to
// anybody else, and repeats only where a kill cut an attempt off.
func (d *deletionRun) checkWrites(ctx context.Context, stats simulator.Stats) error {
	accounts := map[string]string{} // :: link -> account id
	for _, u := range d.before.Tenant("").Users {
		if link, ok := u.Properties[linkProperty].(string); ok {
			accounts[link] = u.ID
		}
	}
	removes, revokes, seen := 0, 0, 0
	for _, m := range d.population.members {
		if !m.leaving() {
			continue // whatever was written to such an account is among the surplus below
		}
		e := d.ledger.of(accounts[m.link])
		wanted := 0
		if m.revoked(d.o.Action) {
			wanted = 1
		}
		removes, revokes = removes+1, revokes+wanted
		seen += len(e.removes) + len(e.revokes)
		d.phase.Removing, d.phase.Revoking = d.phase.Removing+len(e.removes), d.phase.Revoking+len(e.revokes)
		if len(e.removes) < 1 || len(e.revokes) < wanted {
			d.violate("%s: %d removing and %d revoking writes, not 1 and %d", m.id, len(e.removes), len(e.revokes), wanted)
		}
		if more := max(0, len(e.removes)-1) + max(0, len(e.revokes)-wanted); more > 0 {
			if err := d.checkRepeat(ctx, m, e, wanted, more); err != nil {
				return err
			}
		}
	}
	if n := d.ledger.Writes() - seen; n > 0 {
		d.violate("%d writes were not to people of the rule: %s", n, strings.Join(d.ledger.strange, ", "))
	}
	// A repeat finds the account removed: gone, or with the very values that it writes.
	refused := stats.Writes - stats.Committed
	d.phase.Wasted = refused + stats.WastedWrites
	if done := d.phase.Removing - d.phase.Wasted; done != removes {
		d.violate("%d removing writes took effect, not one for each of %d people", done, removes)
	}
	if stats.OverlappingWrites > 0 || stats.EarlyRetries > 0 || stats.Throttled > 0 {
		d.violate("%d writes overlapped, %d came too early, %d were throttled", stats.OverlappingWrites, stats.EarlyRetries, stats.Throttled)
	}
	for what, n := range stats.ProtocolFaults {
		d.violate("protocol fault, %d times: %s", n, what)
	}
	return nil
}

// checkRepeat counts repeated writes, which are allowed only to somebody whose attempt a kill cut off: with a kill between
// the two, and an attempt in the history for each.
func (d *deletionRun) checkRepeat(ctx context.Context, m member, e entries, wanted, more int) error {
	d.phase.Repeated += more
	d.phase.RepeatedPeople++
	for _, times := range [][]time.Time{e.removes, e.revokes} {
		for i := 1; i < len(times); i++ {
			if !d.killedBetween(times[i-1], times[i]) {
				d.violate("%s: a write was repeated, and the worker was not killed meanwhile", m.id)
			}
		}
	}
	removes, revokes, err := d.attempts(ctx, api.UserID(d.name, m.id))
	if err != nil {
		return err
	}
	// Whoever was signed out although the account had been disabled before: a second attempt cannot know that.
	surplus := max(0, removes-1)
	if len(e.removes) > removes || len(e.revokes) > max(revokes, wanted) || len(e.revokes) > wanted && surplus+max(0, revokes-1) == 0 {
		d.violate("%s: %d removing and %d revoking writes in %d and %d attempts", m.id, len(e.removes), len(e.revokes), removes, revokes)
	}
	return nil
}

func (d *deletionRun) killedBetween(from, to time.Time) bool {
	for _, k := range d.killed {
		if !k.Before(from) && !k.After(to) {
			return true
		}
	}
	return false
}

// attempts are those of the two activities that write, in the last run of a person's workflow.
func (d *deletionRun) attempts(ctx context.Context, id string) (removes, revokes int, err error) {
	kinds := map[int64]string{}
	history := d.client.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		e, err := history.Next()
		if err != nil {
			return 0, 0, fmt.Errorf("read the history of %s: %w", id, err)
		}
		if a := e.GetActivityTaskScheduledEventAttributes(); a != nil {
			kinds[e.GetEventId()] = a.GetActivityType().GetName()
		}
		if a := e.GetActivityTaskStartedEventAttributes(); a != nil {
			switch kinds[a.GetScheduledEventId()] {
			case "RemoveAccount":
				removes += int(a.GetAttempt())
			case "RevokeSessions":
				revokes += int(a.GetAttempt())
			}
		}
	}
	return removes, revokes, nil
}

// checkResult demands that the deletion's own counters add up.
func (d *deletionRun) checkResult() {
	r, kept := d.phase.Result, d.population.count(func(m member) bool { return m.department == ofBoth })
	if r.Linked != d.o.People+kept || r.Deprovisioned != d.o.People || r.Kept != kept || r.Left != 0 || r.Failed != 0 || len(r.Problems) > 0 {
		d.violate("the deletion counted %d linked, %d deprovisioned, %d kept, %d left, %d failed; the rule had %d people and %d whom another rule keeps",
			r.Linked, r.Deprovisioned, r.Kept, r.Left, r.Failed, d.o.People, kept)
	}
}

// checkRuns demands that each person's workflow ran once. The list of workflows lags a little behind.
func (d *deletionRun) checkRuns(ctx context.Context) error {
	want := d.population.count(func(m member) bool { return m.department != ofBoard })
	runs := map[string]int{}
	for range 50 {
		clear(runs)
		var token []byte
		for {
			list, err := d.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: 500, NextPageToken: token,
				Query: fmt.Sprintf("WorkflowType = '%s' AND EntraflowConnection = '%s'", api.DeprovisionUserType, d.name)})
			if err != nil {
				return fmt.Errorf("list the workflows: %w", err)
			}
			for _, e := range list.GetExecutions() {
				runs[e.GetExecution().GetWorkflowId()]++
			}
			if token = list.GetNextPageToken(); len(token) == 0 {
				break
			}
		}
		if len(runs) >= want {
			break
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if len(runs) != want {
		d.violate("%d people's workflows ran, not %d", len(runs), want)
	}
	for id, n := range runs {
		if n > 1 {
			d.violate("%s ran %d times", id, n)
		}
	}
	return nil
}

// checkGone demands that the connection has let the rule go, and only this one. It is told by a signal.
func (d *deletionRun) checkGone(ctx context.Context) error {
	var rules []string
	for range 50 {
		state, err := d.describe(ctx)
		if err != nil {
			return err
		}
		rules = nil
		for _, r := range state.Rules {
			rules = append(rules, r.Name)
		}
		if len(rules) == 1 && rules[0] == keeperRule {
			return nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	d.violate("the connection has the rules %s", strings.Join(rules, ", "))
	return nil
}
