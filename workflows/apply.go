package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
)

// validateApply turns a configuration away that has not the right shape or contradicts what never changes. Nothing of it is
// then stored. What else is wrong with it the handler finds.
func (c *connection) validateApply(in api.ApplyInput) error {
	if err := c.accept(); err != nil {
		return err
	}
	if in.Config.Name != c.name {
		return wire.Reported(fault.New("", fault.Invalid, fault.SettingsInvalid,
			fmt.Sprintf("the configuration is named %q and this is connection %q", in.Config.Name, c.name)))
	}
	if problems := in.Config.ValidateShape(); len(problems) > 0 {
		return wire.Reported(fault.New("", fault.Invalid, fault.SettingsInvalid, problems.Error()))
	}
	return c.checkImmutable(in)
}

// checkImmutable refuses to change what never changes after creation: links depend on it.
func (c *connection) checkImmutable(in api.ApplyInput) error {
	if !c.state.Applied {
		return nil
	}
	if err := c.checkFormer(in.Config); err != nil {
		return err
	}
	if forbidden := config.ChangeOf(c.state.Settings.Config, c.merge(in.Config)).Forbidden; len(forbidden) > 0 {
		return wire.Reported(fault.New("", fault.Refused, fault.SettingImmutable, strings.Join(forbidden, ", ")))
	}
	return nil
}

// checkFormer refuses a rule made again with another source that the accounts of the deleted one cannot be told from: the
// mark on them holds the file's name and not its folder, which may change with the machine. They would be taken for people
// who left.
func (c *connection) checkFormer(in config.Connection) error {
	for _, r := range in.Rules {
		former, ok := c.state.FormerSources[r.Name]
		if ok && c.rule(r.Name) < 0 && former.Identity() != r.Source.Identity() && former.Tag() == r.Source.Tag() {
			return wire.Reported(fault.New("", fault.Refused, fault.SettingImmutable, fmt.Sprintf(
				"source of rule %s (a deleted rule of this name read %s, a file of the same name; name the rule or the file otherwise)", r.Name, former.Place())))
		}
	}
	return nil
}

// merge is the new configuration with, at its end, the rules that the file no longer has: apply never deletes.
func (c *connection) merge(in config.Connection) config.Connection {
	merged := in
	merged.Rules = slices.Clone(in.Rules)
	for _, old := range c.state.Settings.Config.Rules {
		if _, still := in.Rule(old.Name); !still {
			old.Enabled = false
			merged.Rules = append(merged.Rules, old)
		}
	}
	return merged
}

// apply creates the connection or changes it, tests it where that is called for, and starts the syncs that follow. A
// configuration in which something is wrong is refused with all that is wrong, and changes nothing.
func (c *connection) apply(ctx workflow.Context, in api.ApplyInput) (result api.ApplyResult, err error) {
	err = c.exclusively(ctx, func() error {
		if err := checkSettings(ctx, in); err != nil {
			return err
		}
		// Handlers before this one may have changed the state since the validator looked. What it said of the shape still
		// holds, and is not asked again: a later version may be stricter, and replay must not notice.
		if err := c.checkImmutable(in); err != nil {
			return err
		}
		result, err = c.applyChecked(ctx, in)
		return err
	})
	return result, err
}

// checkSettings has the expressions compiled by an activity.
func checkSettings(ctx workflow.Context, in api.ApplyInput) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute, ScheduleToCloseTimeout: 10 * time.Minute, Summary: "Check the settings",
	})
	return childError(workflow.ExecuteActivity(ctx, acts.CheckSettings, in).Get(ctx, nil))
}

func (c *connection) applyChecked(ctx workflow.Context, in api.ApplyInput) (api.ApplyResult, error) {
	result := api.ApplyResult{Created: !c.state.Applied}
	merged := c.merge(in.Config)
	change := config.ChangeOf(c.state.Settings.Config, merged)
	if result.Created {
		change = creation(merged)
	}
	running := c.effectiveRules()
	c.take(in.Config, merged, change, &result)
	stopped := slices.DeleteFunc(running, func(r string) bool { return c.effective(c.state.Settings.Rules[c.rule(r)]) })
	c.stopSyncs(ctx, stopped)

	syncs := change.Syncs(merged)
	if result.Created || change.Credentials || !c.state.Settings.Valid || c.unregistered() {
		wasValid := c.state.Settings.Valid
		report := c.runTest(ctx)
		result.Test = &report
		if !wasValid && c.state.Settings.Valid {
			syncs = c.effectiveRules()
		}
		if wasValid && !c.state.Settings.Valid {
			c.stopSyncs(ctx, c.enabledRules())
		}
	}
	result.Revision, result.Validity = c.state.Settings.Revision, c.state.Validity
	c.warnIdle(&result)
	if !change.None() || result.Test != nil {
		c.schedulesChange()
	}
	if in.KeepSyncs {
		return result, nil
	}
	for _, rule := range syncs {
		if c.effective(c.state.Settings.Rules[c.rule(rule)]) {
			result.Synced = append(result.Synced, rule)
		}
	}
	return result, c.startSyncs(ctx, result.Synced)
}

// unregistered: a test under the policy observe has registered nothing, and the policy is another one now.
func (c *connection) unregistered() bool {
	s := c.state.Settings
	return s.Pinned.TenantID != "" && s.Pinned.LinkProperty == "" && !s.Config.Preferences.Policy.Observes()
}

// creation is the change of everything.
func creation(merged config.Connection) config.Change {
	change := config.Change{Credentials: true, Preferences: true, Description: true}
	for _, r := range merged.Rules {
		change.Rules = append(change.Rules, config.RuleChange{Name: r.Name, Added: true})
	}
	return change
}

// take makes the new configuration the connection's own.
func (c *connection) take(file, merged config.Connection, change config.Change, result *api.ApplyResult) {
	s := &c.state.Settings
	states := make([]api.RuleSettings, 0, len(merged.Rules))
	for _, r := range merged.Rules {
		_, inFile := file.Rule(r.Name)
		state := c.ruleState(r, inFile, change, result)
		if s.Config.PeoplePolicy(r.Name).Observes() && !merged.PeoplePolicy(r.Name).Observes() {
			// A sync that wrote nothing is not the one that removals wait for.
			state.Synced, state.Since = false, s.Revision+1
		}
		states = append(states, state)
	}
	if !change.None() {
		s.Revision++
		result.Changes = words(change, merged, result.Created)
	}
	s.Config, s.Rules = merged, states
	c.state.Applied = true
}

// ruleState carries a rule's state over. A rule disabled by command stays so until somebody enables it or its enabled in
// the file changes; one that was missing from the file starts over.
func (c *connection) ruleState(r config.Rule, inFile bool, change config.Change, result *api.ApplyResult) api.RuleSettings {
	i := c.rule(r.Name)
	if i < 0 {
		return api.RuleSettings{Name: r.Name, Enabled: r.Enabled, InFile: true}
	}
	state := c.state.Settings.Rules[i]
	toggled := slices.ContainsFunc(change.Rules, func(rc config.RuleChange) bool { return rc.Name == r.Name && rc.Enabled })
	if toggled {
		if r.Enabled && !state.Enabled {
			state.Synced, state.Since = false, c.state.Settings.Revision+1
			c.state.Settings.KnownLinks = 0
		}
		state.Enabled = r.Enabled && !state.Deleting
	}
	if state.InFile && !inFile {
		result.Warnings = append(result.Warnings, fmt.Sprintf(
			"rule %s is no longer in the file: it is disabled, and nobody is removed; delete it with `starter rule delete`", r.Name))
	}
	if inFile && state.Deleting {
		result.Warnings = append(result.Warnings, fmt.Sprintf("rule %s is being deleted; apply the file again when that is done to create it again", r.Name))
	} else if inFile && r.Enabled && !state.Enabled {
		result.Warnings = append(result.Warnings, fmt.Sprintf(
			"rule %s stays disabled, as a command left it; enable it with `starter rule enable %s`", r.Name, r.Name))
	}
	state.InFile = inFile
	return state
}

// warnIdle says why enabled rules do not run.
func (c *connection) warnIdle(result *api.ApplyResult) {
	if err := c.state.Settings.Usable(); err != nil && len(c.enabledRules()) > 0 {
		result.Warnings = append(result.Warnings, fmt.Sprintf("rules %s do not run: %s",
			strings.Join(c.enabledRules(), ", "), fault.Of(err).Reason.Sentence()))
	}
}

// words says what a change is, one line each.
func words(change config.Change, merged config.Connection, created bool) []string {
	if created {
		out := []string{"the connection is created"}
		for _, r := range change.Rules {
			out = append(out, "rule "+r.Name+" is created")
		}
		return out
	}
	var out []string
	for _, part := range []struct {
		differs bool
		text    string
	}{
		{change.Credentials, "the credential, or the reference to it, changed"},
		{change.Preferences, "preferences changed"},
		{change.Actions, "allow switches or the remove action changed; they act from the next change of each person on"},
		{change.Description, "the description changed"},
		{change.Order, "the order of the rules changed"},
	} {
		if part.differs {
			out = append(out, part.text)
		}
	}
	for _, r := range change.Rules {
		rule, _ := merged.Rule(r.Name)
		out = append(out, "rule "+r.Name+": "+ruleWords(r, rule))
	}
	return out
}

func ruleWords(r config.RuleChange, now config.Rule) string {
	if r.Added {
		return "created"
	}
	var parts []string
	switch {
	case r.Enabled && now.Enabled:
		parts = append(parts, "enabled")
	case r.Enabled:
		parts = append(parts, "disabled")
	}
	if r.Reading {
		parts = append(parts, "source is read in another way")
	}
	if r.Filter {
		parts = append(parts, "filter changed")
	}
	if len(r.Mappings) > 0 {
		parts = append(parts, "mappings changed: "+strings.Join(r.Mappings, ", "))
	}
	if r.Tables {
		parts = append(parts, "tables changed")
	}
	if r.Groups {
		parts = append(parts, "groups changed")
	}
	if r.Leaving {
		parts = append(parts, "what happens to groups and members that leave changed")
	}
	if r.Policy {
		parts = append(parts, "policy changed")
	}
	if r.Schedule {
		parts = append(parts, "schedule changed")
	}
	return strings.Join(parts, "; ")
}
