package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
)

// Connection is the one resident workflow of a connection. It keeps settings, rules, validity and enablement in one place
// and lets nothing contradict anything: each update is checked by a validator before it is accepted. It never reads or
// writes the tenant itself.
//
// It rolls over by continue-as-new without losing a message: updates that arrive then are turned away with the error type
// RollingOver, which callers retry with the same update id.
func Connection(ctx workflow.Context, in api.ConnectionInput) error {
	c := newConnection(ctx, in)
	if err := c.setup(ctx); err != nil {
		return err
	}
	return c.run(ctx)
}

// connection is the state of one run.
type connection struct {
	name  string
	state api.ConnectionState
	// closing: the roll-over has begun.
	closing bool
	// deleted: the connection ends.
	deleted bool
	testing bool
	// withdrawn is the rule whose sync found that credentials or permissions no longer work, as long as schedules and the
	// other rules' syncs are still to be stopped.
	withdrawn string
	// changes serialises handlers that wait for activities, so that each finds the state its predecessor left.
	changes  workflow.Mutex
	selector workflow.Selector
	// events counts what this run has handled.
	events int
}

func newConnection(ctx workflow.Context, in api.ConnectionInput) *connection {
	c := &connection{name: in.Name, changes: workflow.NewMutex(ctx)}
	if in.State != nil {
		c.state = *in.State
	} else {
		c.state = api.ConnectionState{Validity: api.Untested}
		c.state.Settings.Enabled = true
		// A connection made again under its name must not count through the revisions of the one before: plans and caches of
		// those may still be about.
		c.state.Settings.Revision = int(workflow.Now(ctx).Unix())
	}
	if c.state.Syncs == nil {
		c.state.Syncs = map[string]api.SyncSummary{}
	}
	return c
}

// setup registers messages before anything else, so that none of those already waiting is missed.
func (c *connection) setup(ctx workflow.Context) error {
	if c.name == "" || workflow.GetInfo(ctx).WorkflowExecution.ID != api.ConnectionID(c.name) {
		return wire.Reported(fault.New("", fault.Invalid, fault.SettingsInvalid,
			"a connection's workflow id is connection/<name>, with the name of its input"))
	}
	if err := workflow.SetQueryHandlerWithOptions(ctx, api.QueryDescribe, c.describe,
		workflow.QueryHandlerOptions{Description: "Settings, rules, validity and the last syncs."}); err != nil {
		return err
	}
	finished := workflow.GetSignalChannelWithOptions(ctx, api.SignalSyncFinished,
		workflow.SignalChannelOptions{Description: "A sync of a rule tells how it ended."})
	deleted := workflow.GetSignalChannelWithOptions(ctx, api.SignalRuleDeleted,
		workflow.SignalChannelOptions{Description: "The deletion of a rule tells that it is done."})
	moves := workflow.GetSignalChannelWithOptions(ctx, api.SignalLinkMoves,
		workflow.SignalChannelOptions{Description: "A link is about to move: plans made before are out of date."})
	c.selector = workflow.NewSelector(ctx).AddReceive(finished, func(ch workflow.ReceiveChannel, _ bool) {
		var s api.SyncSummary
		ch.Receive(ctx, &s)
		c.syncFinished(s)
	}).AddReceive(deleted, func(ch workflow.ReceiveChannel, _ bool) {
		var in api.RuleInput
		ch.Receive(ctx, &in)
		c.ruleDeleted(in.Rule)
	}).AddReceive(moves, func(ch workflow.ReceiveChannel, _ bool) {
		ch.Receive(ctx, nil)
		c.linkMoves()
	})
	if err := c.setupUpdates(ctx); err != nil {
		return err
	}
	return workflow.UpsertTypedSearchAttributes(ctx, wire.AttributeConnection.ValueSet(c.name))
}

// setupUpdates registers the updates, each with its validator.
func (c *connection) setupUpdates(ctx workflow.Context) error {
	updates := []struct {
		name, description  string
		handler, validator any
	}{
		{api.UpdateApply, "Create the connection or change its settings and rules: {\"config\": …}.", c.apply, c.validateApply},
		{api.UpdateTest, "Test credentials, permissions, tenant, licenses and extension properties.", c.test, c.validateTest},
		{api.UpdateEnable, "Enable the connection.", c.enable, c.validateSwitch},
		{api.UpdateDisable, "Disable the connection: nobody is removed, running syncs stop.", c.disable, c.validateSwitch},
		{api.UpdateEnableRule, "Enable a rule: {\"rule\": …}.", c.enableRule, c.validateEnableRule},
		{api.UpdateDisableRule, "Disable a rule: {\"rule\": …}; nobody is removed, its running sync stops.", c.disableRule, c.validateRule},
		{api.UpdateDeleteRule, "Delete a rule: {\"rule\": …, \"confirm\": …}.", c.deleteRule, c.validateDeleteRule},
		{api.UpdateApproveRemovals, "Carry out exactly the held removals with this hash, once: {\"rule\": …, \"hash\": …}.", c.approveRemovals, c.validateApprove},
		{api.UpdateMoveLink, "Give the account of a source id to another id of the same person: {\"user\": …, \"to\": …}.", c.moveLink, c.validateMoveLink},
		{api.UpdateEventRemoval, "Ask whether somebody may lose something between two syncs; for entraflow's own use.", c.eventRemoval, c.validateEventRemoval},
		{api.UpdateDelete, "Delete the connection; it must have no rules.", c.delete, c.validateDelete},
	}
	for _, u := range updates {
		options := workflow.UpdateHandlerOptions{Validator: u.validator, Description: u.description}
		if err := workflow.SetUpdateHandlerWithOptions(ctx, u.name, u.handler, options); err != nil {
			return err
		}
	}
	return nil
}

// run waits for work until the connection is deleted or rolls over.
func (c *connection) run(ctx workflow.Context) error {
	c.show(ctx)
	for {
		err := workflow.Await(ctx, func() bool { return c.deleted || c.selector.HasPending() || c.rollOverDue(ctx) })
		if err != nil {
			return err
		}
		for c.selector.HasPending() {
			c.selector.Select(ctx)
			c.show(ctx)
		}
		if err := c.stopWithdrawn(ctx); err != nil {
			return err
		}
		if c.deleted || c.rollOverDue(ctx) {
			return c.close(ctx)
		}
	}
}

// maxEvents bounds the messages of one run, far below Temporal's 2,000 updates.
const maxEvents = 500

func (c *connection) rollOverDue(ctx workflow.Context) bool {
	return c.events >= maxEvents || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
}

// close ends this run: updates are turned away, running handlers finish, waiting signals are read. Then the connection
// is gone, or its state goes to the next run.
func (c *connection) close(ctx workflow.Context) error {
	c.closing = true
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	for c.selector.HasPending() {
		c.selector.Select(ctx)
		if c.deleted {
			continue
		}
		if err := c.stopWithdrawn(ctx); err != nil {
			return err
		}
	}
	if c.deleted {
		return nil
	}
	return workflow.NewContinueAsNewError(ctx, api.ConnectionType, api.ConnectionInput{Name: c.name, State: &c.state})
}

// accept is the first thing each validator asks.
func (c *connection) accept() error {
	if c.closing || c.deleted {
		return temporal.NewApplicationError("the connection is rolling over to a new run; try again", api.RollingOver)
	}
	return nil
}

// acceptApplied also demands that there is something to act on.
func (c *connection) acceptApplied() error {
	if err := c.accept(); err != nil {
		return err
	}
	return c.checkApplied()
}

func (c *connection) checkApplied() error {
	if !c.state.Applied {
		return wire.Reported(fault.New("", fault.Refused, fault.ConnectionUnknown, c.name))
	}
	return nil
}

// exclusively runs a handler when all handlers before it are done, and then makes the schedules what the state says. Where
// that fails, the change has happened, and whatever is asked of the connection next tries it again.
func (c *connection) exclusively(ctx workflow.Context, f func() error) error {
	if err := c.changes.Lock(ctx); err != nil {
		return err
	}
	defer c.changes.Unlock()
	c.events++
	err := f()
	if c.state.SchedulesDue {
		c.show(ctx)
		if failed := c.keepSchedules(ctx); err == nil {
			err = failed
		}
	}
	c.show(ctx)
	return err
}

// syncFinished notes how a sync ended. Its first complete one is what removals wait for.
func (c *connection) syncFinished(s api.SyncSummary) {
	c.events++
	for i, r := range c.state.Settings.Rules {
		if r.Name != s.Rule {
			continue
		}
		c.state.Syncs[s.Rule] = s
		if s.State == api.SyncFailed && s.Reason.WithdrawsConnection() {
			c.withdraw(s)
		}
		if (s.State == api.SyncCompleted || s.State == api.SyncHeld) && s.Revision >= r.Since {
			c.state.Settings.Rules[i].Synced = true
			if s.GroupGuard != nil {
				c.state.Settings.Rules[i].GroupsSynced = true
			}
			if s.State == api.SyncCompleted {
				c.state.Settings.Rules[i].EndsOpen = s.EndsOpen
			}
			// Links that this sync made are not counted before a read has shown them: lists lag behind. Accounts that it deleted
			// are no longer missed.
			c.state.Settings.KnownLinks = max(0, s.ConnectionLinked-s.Removed)
		}
		// An approval is for one set and one sync: carried out, overtaken by another plan, or with nothing left to be
		// approved, it is gone.
		if s.Revision >= r.Since {
			c.state.Settings.Rules[i].Approved, c.state.Settings.Rules[i].ApprovedGroups = "", ""
		}
	}
}

// withdraw makes the connection invalid because a sync found out that nobody can be provisioned with it.
func (c *connection) withdraw(s api.SyncSummary) {
	if !c.state.Settings.Valid {
		return
	}
	if test := c.state.Test; test != nil && test.OK && test.At.After(s.StartedAt) {
		// It may have met the credentials of before that test. If not, the next sync finds out.
		return
	}
	c.state.Settings.Valid, c.state.Validity = false, api.InvalidConnection
	c.state.Settings.Revision++
	cause, fix, _ := strings.Cut(s.Reason.Sentence(), "; ")
	c.state.Test = &api.TestReport{At: s.EndedAt, Checks: []api.TestCheck{{
		Name: "sync of rule " + s.Rule, Status: api.TestFailed, Reason: s.Reason, Message: cause,
		Fix: orString(fix, "Mend the cause") + "; then test the connection, which resumes its syncs",
	}}}
	c.withdrawn = s.Rule
}

// stopWithdrawn stops what a withdrawn connection should no longer do. The rule whose sync told of it has none to stop: if
// another began meanwhile, it finds out for itself and says why, which a cancelled one could not.
func (c *connection) stopWithdrawn(ctx workflow.Context) error {
	told := c.withdrawn
	if told == "" {
		return nil
	}
	c.withdrawn = ""
	err := c.exclusively(ctx, func() error {
		if c.state.Settings.Valid {
			return nil
		}
		c.stopSyncs(ctx, slices.DeleteFunc(c.enabledRules(), func(rule string) bool { return rule == told }))
		c.schedulesChange()
		return nil
	})
	if temporal.IsCanceledError(err) {
		return err
	}
	// Schedules that could not be kept are due and kept with the next change; a connection outlives that.
	return nil
}

// describe answers the query.
func (c *connection) describe() (api.Description, error) {
	return api.Description{
		Settings: c.state.Settings, Text: c.state.Settings.Config.Description, State: c.stateName(),
		Validity: c.state.Validity, Test: c.state.Test, Testing: c.testing, Syncs: c.state.Syncs,
	}, nil
}

// stateName is the state in one word.
func (c *connection) stateName() string {
	switch {
	case c.deleted:
		return api.StateDeleted
	case !c.state.Applied:
		return api.StateNew
	case !c.state.Settings.Enabled:
		return api.StateDisabled
	case c.state.Validity == api.InvalidConnection:
		return api.StateInvalid
	case c.state.Validity != api.Valid:
		return api.StateUntested
	}
	return api.StateActive
}

// show sets what the Web UI displays.
func (c *connection) show(ctx workflow.Context) {
	text := fmt.Sprintf("### Connection %s: %s\n\n", c.name, c.stateName())
	if c.state.Test != nil {
		if failure, failed := c.state.Test.Failure(); failed {
			text += fmt.Sprintf("Test failed at **%s**: %s %s\n\n", failure.Name, failure.Message, failure.Fix)
		}
	}
	text += "| rule | enabled | last sync | impacted | success | unsynced | partial | failed | held |\n|---|---|---|---|---|---|---|---|---|\n"
	for _, r := range c.state.Settings.Rules {
		s := c.state.Syncs[r.Name]
		text += fmt.Sprintf("| %s | %t | %s | %d | %d | %d | %d | %d | %d |\n",
			r.Name, r.Enabled, orString(string(s.State), "none"), s.Impacted, s.Success, s.Unsynced, s.PartiallySynced, s.Failed, s.Held)
	}
	workflow.SetCurrentDetails(ctx, text)
}

// rule finds the place of a rule's state; -1 when there is none.
func (c *connection) rule(name string) int {
	for i, r := range c.state.Settings.Rules {
		if r.Name == name {
			return i
		}
	}
	return -1
}

// effective reports whether a rule runs: it, its connection and the connection's validity must allow it.
func (c *connection) effective(r api.RuleSettings) bool {
	return r.Enabled && c.state.Settings.Enabled && c.state.Settings.Valid
}

// ruleConfig finds a rule's configuration.
func (c *connection) ruleConfig(name string) config.Rule {
	r, _ := c.state.Settings.Config.Rule(name)
	return r
}
