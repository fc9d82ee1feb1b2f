package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// DeleteRule deletes a rule: it ends the rule's sync, lists the accounts that carry the rule's link, deprovisions each of
// them as one durable step if deprovisionOnRuleDeletion says so, or leaves them and says how many, and only then lets the
// rule go. Who fails is listed and tried again, sooner when signalled "again".
//
// The preferences may change meanwhile: each page of people goes by those of its time.
func DeleteRule(ctx workflow.Context, in api.DeleteRuleInput) (api.DeleteRuleResult, error) {
	d := &ruleDeletion{DeleteRuleInput: in, again: workflow.GetSignalChannel(ctx, api.SignalAgain)}
	if in.Resume != nil {
		d.DeleteRuleResume = *in.Resume
		d.Resume = nil
	}
	return d.run(ctx)
}

// ruleDeletion is the state of one run.
type ruleDeletion struct {
	api.DeleteRuleInput
	api.DeleteRuleResume
	again   workflow.ReceiveChannel
	running int
}

func (d *ruleDeletion) run(ctx workflow.Context) (api.DeleteRuleResult, error) {
	if d.Connection == "" || d.Rule == "" || d.Confirm != d.Rule {
		return d.Result, wire.Reported(fault.New("", fault.Invalid, fault.ConfirmationMissing,
			fmt.Sprintf(`input {"connection": …, "rule": %q, "confirm": …}`, d.Rule)))
	}
	if id := api.DeleteRuleID(d.Connection, d.Rule); workflow.GetInfo(ctx).WorkflowExecution.ID != id {
		var result api.DeleteRuleResult
		err := delegate(ctx, id, api.DeleteRuleType, api.DeleteRuleInput{Connection: d.Connection, Rule: d.Rule, Confirm: d.Confirm},
			temporal.NewSearchAttributes(wire.AttributeConnection.ValueSet(d.Connection), wire.AttributeRule.ValueSet(d.Rule)), &result)
		return result, err
	}
	d.Result.Connection, d.Result.Rule = d.Connection, d.Rule
	if err := workflow.SetQueryHandlerWithOptions(ctx, api.QueryProgress, func() (api.DeleteRuleResult, error) { return d.Result, nil },
		workflow.QueryHandlerOptions{Description: "How far the deletion is."}); err != nil {
		return d.Result, err
	}
	if err := d.carryOut(ctx); err != nil {
		if own := new(fault.Error); errors.As(err, &own) {
			err = wire.Reported(err)
		}
		return d.Result, err
	}
	return d.Result, d.finish(ctx)
}

// carryOut deprovisions everybody, or leaves them.
func (d *ruleDeletion) carryOut(ctx workflow.Context) error {
	if d.Result.Pass == 0 {
		if err := d.begin(ctx); err != nil {
			return err
		}
		d.Result.Pass = 1
	}
	if d.Result.Untouched {
		return nil
	}
	for d.Result.Deprovision {
		done, err := d.onePass(ctx)
		if done && err == nil && d.Groups {
			done, err = d.groups(ctx)
		}
		if done || err != nil {
			return err
		}
		if err := d.nextPass(ctx); err != nil {
			return err
		}
	}
	return d.leave(ctx)
}

// begin disables the rule for good and waits until its sync has ended.
func (d *ruleDeletion) begin(ctx workflow.Context) error {
	d.show(ctx, "Disabling the rule and ending its sync.")
	ctx = workflow.WithActivityOptions(ctx, planOptions("Disable the rule for good and await the end of its sync"))
	var begun api.DeletionTerms
	err := execute(ctx, acts.BeginRuleDeletion, api.BeginDeletionInput{Connection: d.Connection, Rule: d.Rule}, &begun)
	d.Result.Deprovision, d.Result.Untouched = begun.Deprovision && !begun.Untouched, begun.Untouched
	d.Groups = begun.Groups
	return err
}

// leave counts the accounts that stay as they are.
func (d *ruleDeletion) leave(ctx workflow.Context) error {
	page, err := d.readList(ctx, "Count the accounts that carry the rule's link",
		api.ListLinkedInput{Connection: d.Connection, Rule: d.Rule, CountOnly: true})
	if err != nil {
		return err
	}
	r := &d.Result
	if r.Deprovisioned == 0 {
		r.Before = page.Deprovisioned
	}
	// Whoever failed or was kept before deprovisionOnRuleDeletion was switched off is left with the others.
	r.Linked, r.Left = max(r.Linked, page.Linked), page.Linked-page.Deprovisioned
	r.Kept, r.Failed, r.Problems = 0, 0, nil
	return nil
}

// list is the next page of the accounts, from the worker that keeps the list. Where that is gone, another one makes the list
// again and goes on after the page before.
func (d *ruleDeletion) list(ctx workflow.Context) (page api.ListLinkedResult, err error) {
	in := api.ListLinkedInput{Connection: d.Connection, Rule: d.Rule, ListID: d.ListID, After: d.After}
	if d.ListID == "" {
		return d.readList(ctx, "List the accounts that carry the rule's link", in)
	}
	kept := workflow.WithActivityOptions(ctx, keptOptions(d.Queue, "Next page of the accounts that carry the rule's link"))
	err = execute(kept, acts.ListedPage, in, &page)
	if page.Gone || workerGone(err) {
		return d.readList(ctx, "List the accounts again: the worker that kept the list is gone", in)
	}
	return page, err
}

// readList lists all accounts, which needs a complete read of the tenant.
func (d *ruleDeletion) readList(ctx workflow.Context, summary string, in api.ListLinkedInput) (page api.ListLinkedResult, err error) {
	err = execute(workflow.WithActivityOptions(ctx, planOptions(summary)), acts.ListLinked, in, &page)
	if err == nil && !in.CountOnly {
		d.ListID, d.Queue = page.ListID, page.Queue
	}
	return page, err
}

// onePass goes once over everybody who is left. done says that nobody is left; otherwise those who failed are left,
// or everybody, since the preferences have changed.
func (d *ruleDeletion) onePass(ctx workflow.Context) (done bool, err error) {
	for {
		page, err := d.list(ctx)
		if err != nil {
			return false, err
		}
		d.note(page)
		if !page.Terms.Deprovision || page.Terms.Forbidden() && len(page.Accounts) > 0 {
			d.Result.Deprovision = page.Terms.Deprovision
			if page.Terms.Forbidden() {
				d.Result.Blocked = fault.DeprovisionNotAllowed
			}
			return false, d.drain(ctx)
		}
		for _, account := range page.Accounts {
			if err := workflow.Await(ctx, func() bool { return d.running < window }); err != nil {
				return false, err
			}
			d.start(ctx, account)
			d.After = account.User
		}
		rollOver := workflow.GetInfo(ctx).GetContinueAsNewSuggested()
		if page.Last || rollOver {
			if err := d.drain(ctx); err != nil {
				return false, err
			}
		}
		if page.Last {
			return d.Result.Failed == 0, nil
		}
		if rollOver {
			return false, d.rollOver(ctx)
		}
	}
}

// note keeps what a page says of the whole list.
func (d *ruleDeletion) note(page api.ListLinkedResult) {
	if d.Result.Pass == 1 && d.After == "" {
		d.Result.Before = page.Deprovisioned
	}
	d.Result.Linked, d.Result.Left = max(d.Result.Linked, page.Linked), page.OtherSource
}

// drain waits for those under way.
func (d *ruleDeletion) drain(ctx workflow.Context) error {
	return workflow.Await(ctx, func() bool { return d.running == 0 })
}

// nextPass waits until it is time to try again, and begins a new count of those who are left. A deletion may have to
// try for months, which must not grow into one history.
func (d *ruleDeletion) nextPass(ctx workflow.Context) error {
	if d.Result.Deprovision {
		d.Result.Waiting = true
		err := d.pause(ctx)
		d.Result.Waiting, d.Result.Blocked = false, ""
		if err != nil {
			return err
		}
		d.Result.Pass++
		// Who is provisioned by another rule is still listed, and counted again.
		d.Result.Kept, d.Result.Failed, d.Result.Problems = 0, 0, nil
	}
	d.After, d.ListID = "", ""
	if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
		return d.rollOver(ctx)
	}
	return nil
}

func (d *ruleDeletion) rollOver(ctx workflow.Context) error {
	resume := d.DeleteRuleResume
	resume.Again = d.Again || d.again.Len() > 0
	d.drainSignals()
	return workflow.NewContinueAsNewError(ctx, api.DeleteRuleType,
		api.DeleteRuleInput{Connection: d.Connection, Rule: d.Rule, Confirm: d.Confirm, Resume: &resume})
}

// start deprovisions one person.
func (d *ruleDeletion) start(ctx workflow.Context, account api.LinkedAccount) {
	if account.Doubt != "" {
		d.count(account, api.UserResult{Outcome: plan.Failed, Reason: account.Doubt}, nil)
		return
	}
	d.running++
	workflow.Go(ctx, func(ctx workflow.Context) {
		result, err := d.person(ctx, account)
		d.running--
		d.count(account, result, err)
		if (d.Result.Deprovisioned+d.Result.Kept+d.Result.Failed)%window == 0 {
			d.show(ctx, "Deprovisioning the rule's people.")
		}
	})
}

func (d *ruleDeletion) person(ctx workflow.Context, account api.LinkedAccount) (result api.UserResult, err error) {
	id := api.UserID(d.Connection, account.User)
	options := childOptions(id, "Deprovision "+person(account.User)+": rule "+d.Rule+" is being deleted", temporal.NewSearchAttributes(
		wire.AttributeConnection.ValueSet(d.Connection), wire.AttributeRule.ValueSet(d.Rule), wire.AttributeAction.ValueSet(string(plan.Remove))))
	err = workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), api.DeprovisionUserType, api.UserInput{
		Connection: d.Connection, User: account.User, Rule: d.Rule, RuleDeletion: true,
		Planned: &api.Planned{Action: plan.Remove, AccountID: account.AccountID},
	}).Get(ctx, &result)
	if alreadyStarted(err) {
		// Somebody provisions the person by hand at this moment. The next pass comes back to it.
		return api.UserResult{}, fault.New("", fault.Refused, fault.ConcurrentChange, "")
	}
	if err != nil {
		return result, wire.FaultOf(err)
	}
	return result, nil
}

func (d *ruleDeletion) count(account api.LinkedAccount, r api.UserResult, err error) {
	switch {
	case err == nil && r.Outcome == plan.Success && r.Reason == fault.PersonClaimedByOther:
		d.Result.Kept++
	case err == nil && r.Outcome == plan.Success && (r.Action == plan.Remove || d.Result.Pass == 1):
		d.Result.Deprovisioned++
	case err == nil && r.Outcome == plan.Success:
		// Counted by an earlier pass; this one's list lagged behind.
	default:
		note := api.PersonNote{User: account.User, Action: plan.Remove, Outcome: r.Outcome, Reason: r.Reason, Subject: r.Subject}
		if err != nil {
			f := fault.Of(err)
			note.Outcome, note.Reason, note.Subject = plan.Failed, f.Reason, f.Subject
		}
		d.Result.Failed++
		if len(d.Result.Problems) < maxProblems {
			d.Result.Problems = append(d.Result.Problems, note)
		}
	}
}

// pause waits before the next pass: a minute at first, an hour at most, or until somebody signals. Where a setting stands in
// the way, it waits until the setting changes.
func (d *ruleDeletion) pause(ctx workflow.Context) error {
	if d.Result.Blocked != "" {
		return d.awaitTerms(ctx)
	}
	wait := min(time.Minute<<min(d.Result.Pass-1, 6), time.Hour)
	d.show(ctx, fmt.Sprintf("%s could not be deprovisioned; they are tried again in %s, or at once when the signal %q is sent.",
		plan.People(d.Result.Failed), wait, api.SignalAgain))
	_, err := workflow.AwaitWithTimeout(ctx, wait, func() bool { return d.Again || d.again.Len() > 0 })
	d.Again = false
	d.drainSignals()
	return err
}

// awaitTerms waits until somebody changes the preferences that contradict each other, an hour at most.
func (d *ruleDeletion) awaitTerms(ctx workflow.Context) error {
	d.show(ctx, "allowDeprovision is off, or the policy of the connection or of the rule takes nothing away, so nobody can be deprovisioned, and the "+
		"rule stays. Switch allowDeprovision on and let the policy be sync; or switch "+
		"deprovisionOnRuleDeletion off, to leave the accounts as they are. The deletion then goes on by itself.")
	waiting, cancel := workflow.WithCancel(ctx)
	defer cancel()
	changed := workflow.ExecuteActivity(workflow.WithActivityOptions(waiting, planOptions("Await that the preferences allow the deletion")),
		acts.AwaitDeletionTerms, api.AwaitTermsInput{Connection: d.Connection, Rule: d.Rule})
	if err := workflow.Await(ctx, func() bool { return changed.IsReady() || d.again.Len() > 0 }); err != nil {
		return err
	}
	// Why the waiting ended does not matter: the next page tells what holds now.
	d.drainSignals()
	return nil
}

func (d *ruleDeletion) drainSignals() {
	for d.again.ReceiveAsync(nil) {
	}
}

// finish tells the connection, which lets the rule go.
func (d *ruleDeletion) finish(ctx workflow.Context) error {
	r := &d.Result
	r.Phase = ""
	r.Message = fmt.Sprintf("The rule is deleted. %d of its %s were deprovisioned, %d are provisioned by another rule.",
		r.Deprovisioned, plan.People(r.Linked), r.Kept)
	if r.Before > 0 {
		r.Message += fmt.Sprintf(" %d had been deprovisioned before.", r.Before)
	}
	if r.Left > 0 {
		r.Message += fmt.Sprintf(" %d accounts that an earlier rule of this name provisioned from another source were left as they are.", r.Left)
	}
	if g := r.Groups; g.Impacted > 0 {
		r.Message += fmt.Sprintf(" %d of its groups were treated as whenRemoved says, %d members removed.", g.Impacted, g.MembersRemoved)
	}
	if !r.Deprovision {
		r.Message = fmt.Sprintf("The rule is deleted. Its %d accounts were left as they are, with their link; "+
			"deprovisionOnRuleDeletion is off.", r.Left)
		if r.Deprovisioned > 0 {
			r.Message += fmt.Sprintf(" Deprovisioned before it was switched off: %s.", plan.People(r.Deprovisioned))
		}
	}
	if r.Untouched {
		r.Message = "The rule is deleted. The connection has not been valid since it was made, so it provisioned nobody; no account was looked at."
	}
	err := workflow.SignalExternalWorkflow(ctx, api.ConnectionID(d.Connection), "", api.SignalRuleDeleted, api.RuleInput{Rule: d.Rule}).Get(ctx, nil)
	if err != nil {
		return err
	}
	d.show(ctx, r.Message)
	return workflow.UpsertTypedSearchAttributes(ctx, wire.AttributeOutcome.ValueSet("deleted"))
}

// show sets what the Web UI displays.
func (d *ruleDeletion) show(ctx workflow.Context, phase string) {
	d.Result.Phase = phase
	r := d.Result
	text := fmt.Sprintf("### Deleting rule %s of connection %s\n\n%s\n\n| accounts | deprovisioned | before that | kept by another rule | left | failed |\n|---|---|---|---|---|---|\n| %d | %d | %d | %d | %d | %d |\n",
		d.Rule, d.Connection, phase, r.Linked, r.Deprovisioned, r.Before, r.Kept, r.Left, r.Failed)
	for _, n := range first(r.Problems, 20) {
		text += fmt.Sprintf("- %s: %s %s\n", code(n.User), n.Reason, code(n.Subject))
	}
	workflow.SetCurrentDetails(ctx, text)
}

// alreadyStarted reports that a workflow of this id is running.
func alreadyStarted(err error) bool {
	var e *temporal.ChildWorkflowExecutionAlreadyStartedError
	return errors.As(err, &e)
}
