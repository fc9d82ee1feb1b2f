package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/plan"
)

// validateEventRemoval refuses what is about no rule of the connection.
func (c *connection) validateEventRemoval(in api.EventRemovalInput) error {
	if err := c.accept(); err != nil {
		return err
	}
	return c.checkRule(in.Rule)
}

// eventRemoval decides whether somebody may lose something because of a change at the source. The last sync's guard says to how many
// people that may happen within a day; before a first sync, after one that held removals, and while the rule does not run, to nobody.
func (c *connection) eventRemoval(ctx workflow.Context, in api.EventRemovalInput) (api.EventRemovalResult, error) {
	c.events++
	i := c.rule(in.Rule)
	if i < 0 {
		return api.EventRemovalResult{}, nil
	}
	rule, last := c.state.Settings.Rules[i], c.state.Syncs[in.Rule]
	if !c.effective(rule) || !rule.Synced || last.State != api.SyncCompleted {
		return api.EventRemovalResult{}, nil
	}
	bound := plan.EventBound(last.Guard, c.state.Settings.Config.Preferences.RemovalGuard, c.eventRemovalsOfOthers(in.Rule, workflow.Now(ctx)))
	kept, allowed := plan.AllowByEvent(c.state.EventRemovals[in.Rule], bound, in.User, workflow.Now(ctx))
	if c.state.EventRemovals == nil {
		c.state.EventRemovals = map[string][]plan.EventRemoval{}
	}
	c.state.EventRemovals[in.Rule] = kept
	return api.EventRemovalResult{Allowed: allowed}, nil
}

// eventRemovalsOfOthers is how many people of the other rules lost something within the window; what no longer counts is forgotten.
func (c *connection) eventRemovalsOfOthers(rule string, now time.Time) (n int) {
	for _, other := range c.state.Settings.Rules {
		window, ok := c.state.EventRemovals[other.Name]
		if other.Name == rule || !ok {
			continue
		}
		window = plan.CountingRemovals(window, now)
		c.state.EventRemovals[other.Name] = window
		n += len(window)
	}
	return n
}
