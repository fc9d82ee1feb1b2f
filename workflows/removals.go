package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
)

// validateApprove: only a set that the last sync of the rule held can be approved.
func (c *connection) validateApprove(in api.ApproveInput) error {
	if err := c.accept(); err != nil {
		return err
	}
	return c.checkApproval(in)
}

// checkApproval is asked again when the handler's turn has come.
func (c *connection) checkApproval(in api.ApproveInput) error {
	if err := c.checkRule(in.Rule); err != nil {
		return err
	}
	last := c.state.Syncs[in.Rule]
	if in.Hash == "" || last.State != api.SyncHeld || last.Guard.Hash != in.Hash && !holdsMemberships(last, in.Hash) {
		return wire.Reported(fault.New("", fault.Refused, fault.ApprovalUnknown, "rule "+in.Rule))
	}
	if rule := c.state.Settings.Rules[c.rule(in.Rule)]; !c.effective(rule) {
		return wire.Reported(fault.New("", fault.Refused, fault.RuleDisabled, in.Rule))
	}
	return nil
}

// holdsMemberships reports that a sync held the set of memberships with this hash.
func holdsMemberships(last api.SyncSummary, hash string) bool {
	return api.HoldsMemberships(last.GroupGuard) && last.GroupGuard.Hash == hash
}

// approveRemovals lets the rule's next sync carry out exactly the held set. If it has become another by then, nothing of
// it is carried out and the approval is void.
func (c *connection) approveRemovals(ctx workflow.Context, in api.ApproveInput) (r api.StateResult, err error) {
	err = c.exclusively(ctx, func() error {
		if err := c.checkApproval(in); err != nil {
			return err
		}
		rule := &c.state.Settings.Rules[c.rule(in.Rule)]
		rule.Since = c.state.Settings.Revision + 1
		if holdsMemberships(c.state.Syncs[in.Rule], in.Hash) {
			rule.ApprovedGroups = in.Hash
		} else {
			rule.Approved = in.Hash
		}
		r = c.changed(fmt.Sprintf("the removals %s of rule %s are approved for its next sync, which starts now", in.Hash, in.Rule))
		return c.startSyncs(ctx, []string{in.Rule})
	})
	return r, err
}

func (c *connection) validateDeleteRule(in api.RuleInput) error {
	if err := c.accept(); err != nil {
		return err
	}
	return c.checkDeletion(in)
}

func (c *connection) checkDeletion(in api.RuleInput) error {
	if err := c.checkRule(in.Rule); err != nil {
		return err
	}
	if in.Confirm != in.Rule {
		return wire.Reported(fault.New("", fault.Refused, fault.ConfirmationMissing, "rule "+in.Rule))
	}
	return nil
}

// deleteRule disables the rule for good and starts its deletion, which deals with the rule's people according to
// deprovisionOnRuleDeletion and then lets the rule go. Asked again, it starts the deletion only if it no longer runs.
func (c *connection) deleteRule(ctx workflow.Context, in api.RuleInput) (r api.StateResult, err error) {
	err = c.exclusively(ctx, func() error {
		if err := c.checkDeletion(in); err != nil {
			return err
		}
		rule := &c.state.Settings.Rules[c.rule(in.Rule)]
		if rule.Deleting {
			r = c.unchanged("the rule is being deleted already: " + api.DeleteRuleID(c.name, in.Rule))
		} else {
			rule.Enabled, rule.Deleting, rule.Approved, rule.ApprovedGroups = false, true, "", ""
			r = c.changed("the rule is being deleted: " + api.DeleteRuleID(c.name, in.Rule))
			c.stopSyncs(ctx, []string{in.Rule})
			c.schedulesChange()
		}
		options := childOptions(api.DeleteRuleID(c.name, in.Rule), "Delete rule "+in.Rule,
			temporal.NewSearchAttributes(wire.AttributeConnection.ValueSet(c.name), wire.AttributeRule.ValueSet(in.Rule)))
		child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), api.DeleteRuleType, api.DeleteRuleInput{Connection: c.name, Rule: in.Rule, Confirm: in.Confirm})
		if err := child.GetChildWorkflowExecution().Get(ctx, nil); err != nil && !alreadyStarted(err) {
			return err
		}
		return nil
	})
	return r, err
}

// ruleDeleted takes a rule out of the settings once nothing is left to do about its people.
func (c *connection) ruleDeleted(name string) {
	c.events++
	i := c.rule(name)
	if i < 0 || !c.state.Settings.Rules[i].Deleting {
		return
	}
	s := &c.state.Settings
	s.Rules = append(s.Rules[:i], s.Rules[i+1:]...)
	for j, r := range s.Config.Rules {
		if r.Name == name {
			if c.state.FormerSources == nil {
				c.state.FormerSources = map[string]config.Source{}
			}
			c.state.FormerSources[name] = r.Source
			s.Config.Rules = append(s.Config.Rules[:j], s.Config.Rules[j+1:]...)
			break
		}
	}
	delete(c.state.Syncs, name)
	delete(c.state.EventRemovals, name)
	if c.state.SchedulesDue {
		c.state.OrphanSchedules = append(c.state.OrphanSchedules, name)
	}
	if !slices.Contains(s.FormerRules, name) {
		s.FormerRules = append(s.FormerRules, name)
	}
	s.KnownLinks = 0
	s.Revision++
}
