package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// acts names activities; it is never called.
var acts *activities.Activities

// ProvisionUser brings one person's account up to date and ends: all that is to be done about the person now, and the
// answer to why. The runs under one id are the person's history; Temporal runs one of them at a time.
//
// A run under another id than UserID starts the canonical one, or asks the running one to look again, and returns its
// result.
func ProvisionUser(ctx workflow.Context, in api.UserInput) (api.UserResult, error) {
	u := &userRun{in: in, account: in.AccountID, again: workflow.GetSignalChannel(ctx, api.SignalAgain)}
	return u.run(ctx)
}

// DeprovisionUser takes one person's access away, as removeAction says, because the person left the source or the filter.
// It refuses for somebody in scope, and looks for itself whether the person really left.
//
// It shares ids and form with ProvisionUser, so that nothing is provisioned and deprovisioned at a time.
func DeprovisionUser(ctx workflow.Context, in api.UserInput) (api.UserResult, error) {
	u := &userRun{in: in, leaving: true, again: workflow.GetSignalChannel(ctx, api.SignalAgain)}
	return u.run(ctx)
}

// userRun is the state of one run.
type userRun struct {
	in api.UserInput
	// leaving: the person is deprovisioned and not provisioned.
	leaving bool
	again   workflow.ReceiveChannel
	result  api.UserResult
	// account is what an earlier pass of this run created or changed.
	account string
	// hold is why nothing is taken away in passes without the plan that a sync started this run with.
	hold fault.Reason
	// asked: somebody asked to look again, which passes with a hold may not have served.
	asked bool
	// given are the SKU ids that this run has asked Graph to assign.
	given []string
}

// maxPasses bounds how often one run starts over because settings or plan changed under it.
const maxPasses = 5

func (u *userRun) run(ctx workflow.Context) (api.UserResult, error) {
	if err := validUser(u.in); err != nil {
		return api.UserResult{}, wire.Reported(err)
	}
	if id := api.UserID(u.in.Connection, u.in.User); workflow.GetInfo(ctx).WorkflowExecution.ID != id {
		var result api.UserResult
		err := delegate(ctx, id, u.workflowType(), u.in, userSearchAttributes(u.in), &result)
		return result, err
	}
	for pass := 1; ; pass++ {
		u.drainSignals()
		u.show(ctx, "Comparing the person with the account.")
		err := u.pass(ctx)
		stale := err != nil && fault.Of(err).Kind == fault.Stale
		if u.leaving && stale {
			// What takes something away is never planned again in passing: the next sync does that, guard and all.
			return u.end(ctx, err)
		}
		u.asked = u.asked || u.again.Len() > 0
		if !u.leaving && (stale || u.again.Len() > 0) && pass < maxPasses {
			// Somebody changed the settings or asked to look again: the plan no longer counts, reading does. What the plan
			// was not allowed to take away is not taken now, either, and the guard has seen no other plan.
			if u.in.Planned != nil {
				u.hold = fault.Reason(orString(string(u.in.Planned.Hold), string(fault.PlanChanged)))
			}
			u.in.Planned, u.in.Revision = nil, 0
			if stale {
				u.in.Rule = ""
			}
			continue
		}
		if u.changeWaits(stale, err) {
			// What it takes away, the guard for changes decides.
			return u.result, workflow.NewContinueAsNewError(ctx, api.ProvisionUserType, api.UserInput{Connection: u.in.Connection, User: u.in.User, Event: true})
		}
		return u.end(ctx, err)
	}
}

// changeWaits reports that a change was told of which this run has not served: the last one of somebody who changes as often as that; one
// that takes something away, in the run of a sync whose plan did not; or one, such as a return, while the person was deprovisioned.
func (u *userRun) changeWaits(stale bool, err error) bool {
	r := u.result
	switch {
	case u.leaving:
		return err == nil && u.again.Len() > 0 && !u.in.RuleDeletion
	case u.again.Len() > 0:
		return stale || err == nil
	case err != nil || !u.asked || u.hold != fault.PlanChanged:
		return false
	}
	return r.Reason == fault.PlanChanged || r.Outcome == plan.Unsynced && (r.Reason == fault.PersonNotFound || r.Reason == fault.PersonOutOfScope)
}

// pass does everything once.
func (u *userRun) pass(ctx workflow.Context) error {
	done, err := u.provision(ctx)
	if err != nil {
		return err
	}
	leaving := u.leaving
	if gone := done.Reason == fault.PersonNotFound || done.Reason == fault.PersonOutOfScope; u.in.Event && !u.leaving && done.Outcome == plan.Unsynced && gone {
		// A change at the source made the person leave. Whether that may be acted on now, the activity asks.
		leaving = true
		if done, err = u.remove(ctx); err != nil {
			return err
		}
	}
	u.keep(done)
	if done.Revoke {
		if err := u.revoke(ctx, done); err != nil {
			return err
		}
	}
	if len(done.AddLicenses)+len(done.RemoveLicenses) > 0 {
		if err := u.license(ctx, done); err != nil {
			return err
		}
	}
	if done.Manager != "" || done.ClearManager {
		if err := u.manager(ctx, done); err != nil {
			return err
		}
	}
	if done.Groups && (!leaving || done.Action == plan.Remove) {
		// Somebody who left and keeps the account, for now or for good, is in no group of the rule, and keeps the memberships, too.
		return u.groups(ctx, done)
	}
	return nil
}

func (u *userRun) workflowType() string {
	if u.leaving {
		return api.DeprovisionUserType
	}
	return api.ProvisionUserType
}

// remove deprovisions.
func (u *userRun) remove(ctx workflow.Context) (done api.ProvisionResult, err error) {
	ctx = workflow.WithActivityOptions(ctx, accountOptions("Deprovision "+person(u.in.User)+", after looking whether the person really left"))
	err = execute(ctx, acts.RemoveAccount, api.RemoveInput{
		Connection: u.in.Connection, User: u.in.User, Rule: u.in.Rule, Revision: u.in.Revision, Planned: u.in.Planned,
		RuleDeletion: u.in.RuleDeletion, Event: u.in.Event,
	}, &done)
	return done, err
}

func (u *userRun) provision(ctx workflow.Context) (done api.ProvisionResult, err error) {
	if u.leaving {
		return u.remove(ctx)
	}
	ctx = workflow.WithActivityOptions(ctx, accountOptions(u.provisionSummary()))
	err = execute(ctx, acts.ProvisionAccount, api.ProvisionInput{
		Connection: u.in.Connection, User: u.in.User, Rule: u.in.Rule, Revision: u.in.Revision,
		Planned: u.in.Planned, AccountID: u.account, SamePerson: u.in.SamePerson, Hold: u.hold, Given: u.given, Event: u.in.Event,
	}, &done)
	return done, err
}

func (u *userRun) revoke(ctx workflow.Context, done api.ProvisionResult) error {
	ctx = workflow.WithActivityOptions(ctx, accountOptions("Revoke the sessions of the disabled account"))
	return execute(ctx, acts.RevokeSessions, api.RevokeInput{
		Connection: u.in.Connection, User: u.in.User, AccountID: done.AccountID,
	}, nil)
}

// mayHaveWrittenLocation reports that this run wrote the usage location: in this attempt, or in one before whose answer was lost, of which
// only the plan tells what it meant to write.
func (u *userRun) mayHaveWrittenLocation(done api.ProvisionResult) bool {
	return done.RecentlyWritten || done.Given || slices.Contains(u.result.Attributes, directory.UsageLocation) ||
		u.in.Planned != nil && slices.Contains(u.in.Planned.Attributes, directory.UsageLocation)
}

// license assigns and removes. What Graph refuses about licenses leaves the person partly synced: the account is there.
func (u *userRun) license(ctx workflow.Context, done api.ProvisionResult) error {
	ctx = workflow.WithActivityOptions(ctx, accountOptions(licenseSummary(done)))
	for _, l := range done.AddLicenses {
		u.given = append(u.given, l.SKU)
	}
	var written api.LicenseResult
	err := execute(ctx, acts.AssignLicenses, api.LicenseInput{
		Connection: u.in.Connection, Rule: done.Rule, Revision: done.Revision, User: u.in.User, AccountID: done.AccountID,
		Add: done.AddLicenses, Remove: done.RemoveLicenses, FinalMark: done.FinalMark, RecentlyWritten: done.RecentlyWritten,
		LocationWritten: u.mayHaveWrittenLocation(done),
	}, &written)
	if err != nil {
		f, refused := partRefused(err)
		if refused {
			u.partlySynced(f)
			return nil
		}
		return err
	}
	u.result.LicensesAdded, u.result.LicensesRemoved = written.Added, written.Removed
	return nil
}

// manager sets the manager or takes the manager away. What Graph refuses about that leaves the person partly synced.
func (u *userRun) manager(ctx workflow.Context, done api.ProvisionResult) error {
	summary := "Set the manager"
	if done.ClearManager {
		summary = "Take the manager away"
	}
	ctx = workflow.WithActivityOptions(ctx, accountOptions(summary))
	err := execute(ctx, acts.SetManager, api.ManagerInput{
		Connection: u.in.Connection, Revision: done.Revision, User: u.in.User, AccountID: done.AccountID,
		ManagerID: done.Manager, RecentlyWritten: done.RecentlyWritten,
	}, nil)
	if err == nil {
		u.result.Attributes = append(u.result.Attributes, directory.Manager)
		return nil
	}
	f, refused := partRefused(err)
	if !refused {
		return err
	}
	if u.result.Outcome == plan.Success {
		u.partlySynced(f)
	}
	if r := u.result; r.Action == plan.Update && len(r.Attributes)+len(r.LicensesAdded)+len(r.LicensesRemoved) == 0 {
		u.result.Action = plan.None
	}
	return nil
}

// execute runs an activity and gives its error as a fault.
func execute(ctx workflow.Context, activity, in, result any) error {
	return wire.Received(workflow.ExecuteActivity(ctx, activity, in).Get(ctx, result))
}

// partRefused reports that an error is about one part of what the person gets, and not about the run, the plan or the
// connection. An answer that nobody knows is one, too: the account is there, and its request id is told.
func partRefused(err error) (*fault.Error, bool) {
	f := fault.Of(err)
	switch {
	case temporal.IsCanceledError(err), f.Kind == fault.Stale, f.Reason.WithdrawsConnection():
		return f, false
	}
	return f, f.Kind != fault.Internal || f.Reason == fault.UnexpectedAnswer
}

func (u *userRun) partlySynced(f *fault.Error) {
	r := &u.result
	r.Outcome, r.Reason, r.Subject, r.RequestID = plan.PartiallySynced, f.Reason, f.Subject, f.RequestID
}

// keep takes over what a pass did. A later pass of the same run adds to it.
func (u *userRun) keep(done api.ProvisionResult) {
	action, attributes := done.Action, done.Attributes
	if u.result.Action != "" && u.result.Action != plan.None {
		action = u.result.Action
		attributes = append(u.result.Attributes, attributes...)
	}
	u.result = api.UserResult{
		Connection: u.in.Connection, Rule: done.Rule, User: u.in.User, Action: action, Outcome: done.Outcome,
		Reason: done.Reason, Subject: done.Subject, AccountID: done.AccountID, Attributes: attributes, Deleted: done.Deleted,
		LicensesAdded: u.result.LicensesAdded, LicensesRemoved: u.result.LicensesRemoved,
		GroupsJoined: u.result.GroupsJoined, GroupsLeft: u.result.GroupsLeft,
	}
	if done.Action != plan.None {
		u.account = done.AccountID
	}
}

// end says in search attributes, details and result what became of the person.
func (u *userRun) end(ctx workflow.Context, err error) (api.UserResult, error) {
	r := &u.result
	f := &fault.Error{Kind: fault.Refused}
	if err != nil {
		if temporal.IsCanceledError(err) {
			return *r, err
		}
		f = fault.Of(err)
		*r = api.UserResult{
			Connection: u.in.Connection, Rule: orString(r.Rule, u.in.Rule), User: u.in.User, Action: r.Action,
			Outcome: plan.Failed, Reason: f.Reason, Subject: f.Subject, RequestID: f.RequestID, AccountID: r.AccountID, Attributes: r.Attributes,
		}
	}
	if r.Action == "" {
		r.Action = plan.None
	}
	r.Message = userMessage(*r)
	shown := *r
	shown.Subject = code(r.Subject)
	u.show(ctx, userMessage(shown))
	if err := workflow.UpsertTypedSearchAttributes(ctx,
		wire.AttributeAction.ValueSet(string(r.Action)), wire.AttributeOutcome.ValueSet(string(r.Outcome))); err != nil {
		return *r, err
	}
	if r.Outcome != plan.Failed {
		return *r, nil
	}
	details := wire.ErrorDetails{Kind: f.Kind, Reason: r.Reason, Subject: r.Subject, RequestID: r.RequestID}
	return *r, temporal.NewApplicationErrorWithOptions(r.Message, string(r.Reason),
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{details, *r}})
}

func (u *userRun) drainSignals() {
	for u.again.ReceiveAsync(nil) {
	}
}

// show sets what the Web UI displays of the run.
func (u *userRun) show(ctx workflow.Context, text string) {
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("%s of connection %s\n\n%s", code(u.in.User), code(u.in.Connection), text))
}

// accountOptions are those of activities that read or write one account. Graph may be down for long; each attempt is
// short, and NextRetryDelay carries what Graph asks for.
func accountOptions(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout:    2 * time.Minute,
		ScheduleToCloseTimeout: 4 * time.Hour,
		// What a killed worker had under way starts over after this.
		HeartbeatTimeout: 4 * activities.HeartbeatEvery,
		// A run that is cancelled ends when its request has: the next run must not write at the same time.
		WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 2 * time.Minute,
		},
		Summary: clip(summary),
	}
}

// validUser checks an input that may have been typed by hand.
func validUser(in api.UserInput) error {
	switch {
	case in.Connection == "":
		return fault.New("", fault.Invalid, fault.SettingsInvalid, "connection is missing from the input")
	case in.User == "":
		return fault.New("", fault.Invalid, fault.SettingsInvalid, "user (the source id) is missing from the input")
	}
	return nil
}

func userSearchAttributes(in api.UserInput) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(wire.AttributeConnection.ValueSet(in.Connection))
}

// maxJoins bounds the attempts at starting a run, or at joining one that ends just now.
const maxJoins = 10
