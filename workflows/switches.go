package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

func (c *connection) validateSwitch() error { return c.acceptApplied() }

func (c *connection) validateTest() error { return c.acceptApplied() }

func (c *connection) validateRule(in api.RuleInput) error {
	if err := c.accept(); err != nil {
		return err
	}
	return c.checkRule(in.Rule)
}

// checkRule and the other checks are asked by the validators, and again by the handlers when their turn has come: those
// before them may have changed the state, and a rule may be gone.
func (c *connection) checkRule(name string) error {
	if err := c.checkApplied(); err != nil {
		return err
	}
	if c.rule(name) < 0 {
		return wire.Reported(fault.New("", fault.Refused, fault.RuleUnknown, name))
	}
	return nil
}

// validateEnableRule: a rule cannot be enabled without a password mapping, a valid and an enabled connection.
func (c *connection) validateEnableRule(in api.RuleInput) error {
	if err := c.accept(); err != nil {
		return err
	}
	return c.checkEnableRule(in)
}

func (c *connection) checkEnableRule(in api.RuleInput) error {
	if err := c.checkRule(in.Rule); err != nil {
		return err
	}
	if c.state.Settings.Rules[c.rule(in.Rule)].Deleting {
		return wire.Reported(fault.New("", fault.Refused, fault.RuleDeleting, in.Rule))
	}
	if _, mapped := c.ruleConfig(in.Rule).Mappings[directory.Password]; !mapped {
		return wire.Reported(fault.New("", fault.Refused, fault.SettingsInvalid,
			fmt.Sprintf("rule %s has no mapping for password", in.Rule)))
	}
	if err := c.state.Settings.Usable(); err != nil {
		return wire.Reported(err)
	}
	return nil
}

func (c *connection) validateDelete() error {
	if err := c.accept(); err != nil {
		return err
	}
	return c.checkDelete()
}

func (c *connection) checkDelete() error {
	if err := c.checkApplied(); err != nil {
		return err
	}
	if n := len(c.state.Settings.Rules); n > 0 {
		return wire.Reported(fault.New("", fault.Refused, fault.RulesExist, fmt.Sprintf("%s (%d rules)", c.name, n)))
	}
	return nil
}

// delete ends the connection. Nothing in the tenant is touched.
func (c *connection) delete(ctx workflow.Context) (r api.StateResult, err error) {
	err = c.exclusively(ctx, func() error {
		if err := c.checkDelete(); err != nil {
			return err
		}
		c.state.Settings.Revision++
		c.deleted = true
		r = api.StateResult{Revision: c.state.Settings.Revision, Changed: true, Message: "the connection is deleted; the tenant was not touched"}
		return nil
	})
	return r, err
}

// enable lets the connection's rules run again and syncs them.
func (c *connection) enable(ctx workflow.Context) (r api.StateResult, err error) {
	err = c.exclusively(ctx, func() error {
		if c.state.Settings.Enabled {
			r = c.unchanged("the connection is enabled already")
			return nil
		}
		c.state.Settings.Enabled = true
		r = c.changed("the connection is enabled")
		c.schedulesChange()
		return c.startSyncs(ctx, c.effectiveRules())
	})
	return r, err
}

// disable stops running syncs and removes nobody.
func (c *connection) disable(ctx workflow.Context) (r api.StateResult, err error) {
	err = c.exclusively(ctx, func() error {
		if !c.state.Settings.Enabled {
			r = c.unchanged("the connection is disabled already")
			return nil
		}
		running := c.effectiveRules()
		c.state.Settings.Enabled = false
		r = c.changed("the connection is disabled; nobody is removed, running syncs stop")
		c.stopSyncs(ctx, running)
		c.schedulesChange()
		return nil
	})
	return r, err
}

// enableRule lets a rule run and syncs it. As after its creation, its next sync removes nothing: nobody knows what
// happened in the meantime.
func (c *connection) enableRule(ctx workflow.Context, in api.RuleInput) (r api.StateResult, err error) {
	err = c.exclusively(ctx, func() error {
		if err := c.checkEnableRule(in); err != nil {
			return err
		}
		rule := &c.state.Settings.Rules[c.rule(in.Rule)]
		if rule.Enabled {
			r = c.unchanged("the rule is enabled already")
			return nil
		}
		rule.Enabled, rule.Synced, rule.Since = true, false, c.state.Settings.Revision+1
		c.state.Settings.KnownLinks = 0
		r = c.changed("the rule is enabled; its first sync removes nothing")
		c.schedulesChange()
		if c.effective(*rule) {
			return c.startSyncs(ctx, []string{in.Rule})
		}
		return nil
	})
	return r, err
}

// disableRule stops the rule's running sync and removes nobody.
func (c *connection) disableRule(ctx workflow.Context, in api.RuleInput) (r api.StateResult, err error) {
	err = c.exclusively(ctx, func() error {
		if err := c.checkRule(in.Rule); err != nil {
			return err
		}
		rule := &c.state.Settings.Rules[c.rule(in.Rule)]
		if !rule.Enabled {
			r = c.unchanged("the rule is disabled already")
			return nil
		}
		rule.Enabled = false
		r = c.changed("the rule is disabled; nobody is removed, its running sync stops")
		c.stopSyncs(ctx, []string{in.Rule})
		c.schedulesChange()
		return nil
	})
	return r, err
}

// test runs the connection test. A connection that becomes valid by it goes on where it stood still.
func (c *connection) test(ctx workflow.Context) (report api.TestReport, err error) {
	err = c.exclusively(ctx, func() error {
		wasValid := c.state.Settings.Valid
		report = c.runTest(ctx)
		if wasValid == c.state.Settings.Valid {
			return nil
		}
		c.schedulesChange()
		if !c.state.Settings.Valid {
			c.stopSyncs(ctx, c.enabledRules())
			return nil
		}
		return c.startSyncs(ctx, c.effectiveRules())
	})
	return report, err
}

// enabledRuleSettings are the settings of the rules whose sources a test looks at.
func (c *connection) enabledRuleSettings() (rules []config.Rule) {
	for _, r := range c.state.Settings.Config.Rules {
		if state, ok := c.state.Settings.Rule(r.Name); ok && state.Enabled {
			r.Enabled = true
			rules = append(rules, r)
		}
	}
	return rules
}

// runTest tests and keeps the result. Facts that links depend on are pinned by the first test that passes.
func (c *connection) runTest(ctx workflow.Context) api.TestReport {
	c.testing = true
	defer func() { c.testing = false }()
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 20 * time.Minute, HeartbeatTimeout: 30 * time.Second, ScheduleToCloseTimeout: 25 * time.Minute,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 10 * time.Second},
		Summary:     "Test the connection",
	})
	header := c.state.Settings.Config
	header.Rules = c.enabledRuleSettings()
	var report api.TestReport
	if err := execute(ctx, acts.TestConnection, api.TestInput{Config: header, Pinned: c.state.Settings.Pinned}, &report); err != nil {
		f := fault.Of(err)
		report = api.TestReport{At: workflow.Now(ctx), Checks: []api.TestCheck{{
			Name: "test", Status: api.TestFailed, Reason: f.Reason, Message: f.Message(), Fix: "Look at the worker's log and test again.",
		}}}
	}
	c.state.Test = &report
	c.state.Settings.Revision++
	if !report.OK {
		c.state.Validity, c.state.Settings.Valid = api.InvalidConnection, false
		return report
	}
	c.state.Validity, c.state.Settings.Valid = api.Valid, true
	c.state.Settings.FederatedDomains = report.FederatedDomains
	if c.state.Settings.Pinned.TenantID == "" || c.state.Settings.Pinned.LinkProperty == "" {
		c.state.Settings.Pinned = api.Pinned{
			TenantID: report.TenantID, LinkProperty: report.LinkProperty, MarkProperty: report.MarkProperty,
		}
	}
	return report
}

func (c *connection) changed(message string) api.StateResult {
	c.state.Settings.Revision++
	return api.StateResult{Revision: c.state.Settings.Revision, Changed: true, Message: message}
}

func (c *connection) unchanged(message string) api.StateResult {
	return api.StateResult{Revision: c.state.Settings.Revision, Message: message}
}

// effectiveRules are the rules that run at present.
func (c *connection) effectiveRules() []string {
	var out []string
	for _, r := range c.state.Settings.Rules {
		if c.effective(r) {
			out = append(out, r.Name)
		}
	}
	return out
}

// enabledRules are the rules that would run if the connection could.
func (c *connection) enabledRules() []string {
	var out []string
	for _, r := range c.state.Settings.Rules {
		if r.Enabled {
			out = append(out, r.Name)
		}
	}
	return out
}

// schedulesChange notes that what decides about schedules has changed; exclusively keeps them at its end.
func (c *connection) schedulesChange() { c.state.SchedulesDue = true }

// keepSchedules makes every rule's schedule what the state says.
func (c *connection) keepSchedules(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Second, ScheduleToCloseTimeout: 10 * time.Minute, Summary: "Keep the rule's schedule",
	})
	c.state.SchedulesDue = false
	var wanted []api.ScheduleInput
	for _, r := range c.state.Settings.Rules {
		in := api.ScheduleInput{
			Connection: c.name, Rule: r.Name, Every: c.ruleConfig(r.Name).SyncEvery, Paused: !c.effective(r),
		}
		if r.Deleting {
			// A rule that never runs again leaves no schedule behind.
			in.Every, in.Paused = "", false
		}
		wanted = append(wanted, in)
	}
	for _, name := range c.state.OrphanSchedules {
		if c.rule(name) < 0 {
			wanted = append(wanted, api.ScheduleInput{Connection: c.name, Rule: name})
		}
	}
	for _, in := range wanted {
		if err := workflow.ExecuteActivity(ctx, acts.SetSchedule, in).Get(ctx, nil); err != nil {
			c.state.SchedulesDue = true
			if temporal.IsCanceledError(err) {
				return err
			}
			return wire.Reported(fault.New("", fault.Transient, fault.ScheduleNotKept, "rule "+in.Rule))
		}
	}
	c.state.OrphanSchedules = nil
	return nil
}

// startSyncs starts the sync of each rule, or asks the running one to plan once more.
func (c *connection) startSyncs(ctx workflow.Context, rules []string) error {
	for _, rule := range rules {
		if err := c.startSync(ctx, rule); err != nil {
			return err
		}
	}
	return nil
}

// maxSyncStarts bounds the attempts at meeting a sync that ends just now.
const maxSyncStarts = 10

// startSync alternates between starting and signalling until one of them succeeds: a running sync can end in between.
func (c *connection) startSync(ctx workflow.Context, rule string) (err error) {
	for range maxSyncStarts {
		options := childOptions(api.SyncID(c.name, rule), "Sync of rule "+rule+" after a change of settings",
			temporal.NewSearchAttributes(wire.AttributeConnection.ValueSet(c.name), wire.AttributeRule.ValueSet(rule)))
		child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), api.SyncRuleType, api.SyncInput{Connection: c.name, Rule: rule})
		if err = child.GetChildWorkflowExecution().Get(ctx, nil); err == nil {
			return nil
		}
		if err = workflow.SignalExternalWorkflow(ctx, api.SyncID(c.name, rule), "", api.SignalAgain, nil).Get(ctx, nil); err == nil {
			return nil
		}
	}
	return err
}

// stopSyncs cancels the running syncs of rules. A rule without a running sync has nothing to stop.
func (c *connection) stopSyncs(ctx workflow.Context, rules []string) {
	for _, rule := range rules {
		_ = workflow.RequestCancelExternalWorkflow(ctx, api.SyncID(c.name, rule), "").Get(ctx, nil)
	}
}
