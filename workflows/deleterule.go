package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// DeleteRuleInput starts DeleteRule.
type DeleteRuleInput struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	// Confirm repeats the rule's name.
	Confirm string `json:"confirm"`
	// Resume is the state handed to the next run by continue-as-new.
	Resume *DeleteRuleResume `json:"resume,omitempty"`
}

// DeleteRuleResume is what a deletion hands to its next run.
type DeleteRuleResume struct {
	Result DeleteRuleResult `json:"result"`
	After  string           `json:"after"`
	Pass   int              `json:"pass"`
}

// DeleteRuleResult is the result of DeleteRule and, while it runs, the answer to the query progress.
type DeleteRuleResult struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	// Phase says in words what is being done.
	Phase string `json:"phase,omitempty"`
	// Deprovision tells which of the two a deletion is: its people are deprovisioned, or left as they are.
	Deprovision bool `json:"deprovision"`
	// Linked is how many accounts the rule had.
	Linked int `json:"linked"`
	// Deprovisioned, Kept (another rule provisions them) and Left (deprovisionOnRuleDeletion is off, or an earlier rule of the
	// same name provisioned them from another source) are settled.
	Deprovisioned int `json:"deprovisioned"`
	Kept          int `json:"kept"`
	Left          int `json:"left"`
	// Failed are the people of the last pass who could not be settled, and Problems the first hundred of them. The rule
	// stays until there are none.
	Failed   int          `json:"failed"`
	Problems []PersonNote `json:"problems,omitempty"`
	Message  string       `json:"message,omitempty"`
}

// DeleteRule deletes a rule: it ends the rule's sync, lists the accounts that carry the rule's link, deprovisions each of
// them as one durable step if deprovisionOnRuleDeletion says so, or leaves them and says how many, and only then lets the
// rule go. Who fails is listed and tried again, sooner when signalled "again".
func DeleteRule(ctx workflow.Context, in DeleteRuleInput) (DeleteRuleResult, error) {
	d := &ruleDeletion{DeleteRuleInput: in, again: workflow.GetSignalChannel(ctx, SignalAgain)}
	if in.Resume != nil {
		d.DeleteRuleResume = *in.Resume
		d.Resume = nil
	}
	return d.run(ctx)
}

// ruleDeletion is the state of one run.
type ruleDeletion struct {
	DeleteRuleInput
	DeleteRuleResume
	again   workflow.ReceiveChannel
	running int
}

func (d *ruleDeletion) run(ctx workflow.Context) (DeleteRuleResult, error) {
	if d.Connection == "" || d.Rule == "" || d.Confirm != d.Rule {
		return d.Result, activities.Reported(fault.New("", fault.Invalid, fault.ConfirmationMissing,
			fmt.Sprintf(`input {"connection": …, "rule": %q, "confirm": …}`, d.Rule)))
	}
	if id := DeleteRuleID(d.Connection, d.Rule); workflow.GetInfo(ctx).WorkflowExecution.ID != id {
		var result DeleteRuleResult
		err := delegate(ctx, id, DeleteRuleType, DeleteRuleInput{Connection: d.Connection, Rule: d.Rule, Confirm: d.Confirm},
			temporal.NewSearchAttributes(AttributeConnection.ValueSet(d.Connection), AttributeRule.ValueSet(d.Rule)), &result)
		return result, err
	}
	d.Result.Connection, d.Result.Rule = d.Connection, d.Rule
	if err := workflow.SetQueryHandlerWithOptions(ctx, QueryProgress, func() (DeleteRuleResult, error) { return d.Result, nil },
		workflow.QueryHandlerOptions{Description: "How far the deletion is."}); err != nil {
		return d.Result, err
	}
	if err := d.carryOut(ctx); err != nil {
		return d.Result, err
	}
	return d.Result, d.finish(ctx)
}

// carryOut settles everybody.
func (d *ruleDeletion) carryOut(ctx workflow.Context) error {
	if d.Pass == 0 {
		if err := d.begin(ctx); err != nil {
			return err
		}
		d.Pass = 1
	}
	if !d.Result.Deprovision {
		return d.leave(ctx)
	}
	for {
		if err := d.onePass(ctx); err != nil {
			return err
		}
		if d.Result.Failed == 0 {
			return nil
		}
		if err := d.pause(ctx); err != nil {
			return err
		}
		d.Pass++
		d.After, d.Result.Failed, d.Result.Problems = "", 0, nil
	}
}

// begin disables the rule for good and waits until its sync has ended.
func (d *ruleDeletion) begin(ctx workflow.Context) error {
	d.show(ctx, "Disabling the rule and ending its sync.")
	ctx = workflow.WithActivityOptions(ctx, planOptions("Disable the rule for good and await the end of its sync"))
	var begun activities.BeginDeletionResult
	err := workflow.ExecuteActivity(ctx, acts.BeginRuleDeletion, activities.BeginDeletionInput{
		Connection: d.Connection, Rule: d.Rule,
		ConnectionWorkflow: ConnectionID(d.Connection), SyncWorkflow: SyncID(d.Connection, d.Rule),
	}).Get(ctx, &begun)
	d.Result.Deprovision = begun.Deprovision
	return err
}

// leave counts the accounts that stay as they are.
func (d *ruleDeletion) leave(ctx workflow.Context) error {
	page, err := d.list(ctx)
	if err != nil {
		return err
	}
	d.Result.Linked, d.Result.Left = page.Linked, page.Linked-page.Deprovisioned
	return nil
}

func (d *ruleDeletion) list(ctx workflow.Context) (page activities.ListLinkedResult, err error) {
	ctx = workflow.WithActivityOptions(ctx, planOptions("List the accounts that carry the rule's link"))
	err = workflow.ExecuteActivity(ctx, acts.ListLinked, activities.ListLinkedInput{
		Connection: d.Connection, Rule: d.Rule, After: d.After,
	}).Get(ctx, &page)
	return page, err
}

// onePass goes once over everybody who is not settled.
func (d *ruleDeletion) onePass(ctx workflow.Context) error {
	for {
		page, err := d.list(ctx)
		if err != nil {
			return err
		}
		d.Result.Linked, d.Result.Left = max(d.Result.Linked, page.Linked), page.OtherSource
		for _, account := range page.Accounts {
			if err := workflow.Await(ctx, func() bool { return d.running < window }); err != nil {
				return err
			}
			d.start(ctx, account)
			d.After = account.User
		}
		if err := workflow.Await(ctx, func() bool { return d.running == 0 }); err != nil {
			return err
		}
		if page.Last {
			return nil
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return d.rollOver(ctx)
		}
	}
}

func (d *ruleDeletion) rollOver(ctx workflow.Context) error {
	resume := d.DeleteRuleResume
	return workflow.NewContinueAsNewError(ctx, DeleteRuleType,
		DeleteRuleInput{Connection: d.Connection, Rule: d.Rule, Confirm: d.Confirm, Resume: &resume})
}

// start deprovisions one person.
func (d *ruleDeletion) start(ctx workflow.Context, account activities.LinkedAccount) {
	if account.Doubt != "" {
		d.count(account, UserResult{Outcome: plan.Failed, Reason: account.Doubt}, nil)
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

func (d *ruleDeletion) person(ctx workflow.Context, account activities.LinkedAccount) (result UserResult, err error) {
	id := UserID(d.Connection, account.User)
	err = workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: id, ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary: clip("Deprovision " + account.User + ": rule " + d.Rule + " is being deleted"),
		TypedSearchAttributes: temporal.NewSearchAttributes(AttributeConnection.ValueSet(d.Connection),
			AttributeRule.ValueSet(d.Rule), AttributeAction.ValueSet(string(plan.Remove))),
	}), DeprovisionUserType, UserInput{
		Connection: d.Connection, User: account.User, Rule: d.Rule, RuleDeletion: true,
		Planned: &activities.Planned{Action: plan.Remove, AccountID: account.AccountID},
	}).Get(ctx, &result)
	if alreadyStarted(err) {
		// Somebody provisions the person by hand at this moment. The next pass comes back to it.
		return UserResult{}, activities.Reported(fault.New("", fault.Refused, fault.ConcurrentChange, ""))
	}
	return result, childError(err)
}

func (d *ruleDeletion) count(account activities.LinkedAccount, r UserResult, err error) {
	switch {
	case err == nil && r.Outcome == plan.Success && r.Reason == fault.PersonClaimedByOther:
		d.Result.Kept++
	case err == nil && r.Outcome == plan.Success:
		d.Result.Deprovisioned++
	default:
		note := PersonNote{User: account.User, Action: plan.Remove, Outcome: r.Outcome, Reason: r.Reason, Subject: r.Subject}
		if err != nil {
			f := activities.FaultOf(err)
			note.Outcome, note.Reason, note.Subject = plan.Failed, f.Reason, f.Subject
		}
		d.Result.Failed++
		if len(d.Result.Problems) < maxProblems {
			d.Result.Problems = append(d.Result.Problems, note)
		}
	}
}

// pause waits before the next pass: a minute at first, an hour at most, or until somebody signals.
func (d *ruleDeletion) pause(ctx workflow.Context) error {
	wait := min(time.Minute<<min(d.Pass-1, 6), time.Hour)
	d.show(ctx, fmt.Sprintf("%d people could not be deprovisioned; they are tried again in %s, or at once when the signal %q is sent.",
		d.Result.Failed, wait, SignalAgain))
	_, err := workflow.AwaitWithTimeout(ctx, wait, func() bool { return d.again.Len() > 0 })
	for d.again.ReceiveAsync(nil) {
	}
	return err
}

// finish tells the connection, which lets the rule go.
func (d *ruleDeletion) finish(ctx workflow.Context) error {
	r := &d.Result
	r.Phase = ""
	r.Message = fmt.Sprintf("The rule is deleted. %d of its %d people were deprovisioned, %d are provisioned by another rule.",
		r.Deprovisioned, r.Linked, r.Kept)
	if r.Left > 0 {
		r.Message += fmt.Sprintf(" %d accounts that an earlier rule of this name provisioned from another source were left as they are.", r.Left)
	}
	if !r.Deprovision {
		r.Message = fmt.Sprintf("The rule is deleted. Its %d accounts were left as they are, with their link; "+
			"deprovisionOnRuleDeletion is off.", r.Left)
	}
	err := workflow.SignalExternalWorkflow(ctx, ConnectionID(d.Connection), "", SignalRuleDeleted, RuleInput{Rule: d.Rule}).Get(ctx, nil)
	if err != nil {
		return err
	}
	d.show(ctx, r.Message)
	return workflow.UpsertTypedSearchAttributes(ctx, AttributeOutcome.ValueSet("deleted"))
}

// show sets what the Web UI displays.
func (d *ruleDeletion) show(ctx workflow.Context, phase string) {
	d.Result.Phase = phase
	r := d.Result
	text := fmt.Sprintf("### Deleting rule %s of connection %s\n\n%s\n\n| accounts | deprovisioned | kept by another rule | left | failed |\n|---|---|---|---|---|\n| %d | %d | %d | %d | %d |\n",
		d.Rule, d.Connection, phase, r.Linked, r.Deprovisioned, r.Kept, r.Left, r.Failed)
	for _, n := range first(r.Problems, 20) {
		text += fmt.Sprintf("- %s: %s %s\n", n.User, n.Reason, n.Subject)
	}
	workflow.SetCurrentDetails(ctx, text)
}

// alreadyStarted reports that a workflow of this id is running.
func alreadyStarted(err error) bool {
	var e *temporal.ChildWorkflowExecutionAlreadyStartedError
	return errors.As(err, &e)
}
