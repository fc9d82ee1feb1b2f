package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/plan"
)

// may asks, as a step, whether somebody may lose something.
func (d *drive) may(user string, want bool, why string) {
	answered := false
	d.step(func() {
		d.env.UpdateWorkflow(api.UpdateEventRemoval, "", &testsuite.TestUpdateCallback{
			OnReject: func(err error) { require.NoError(d.t, err) }, OnAccept: func() {},
			OnComplete: func(result any, err error) {
				require.NoError(d.t, err)
				answered = true
				require.Equal(d.t, want, result.(api.EventRemovalResult).Allowed, why)
			},
		}, api.EventRemovalInput{Rule: "staff", User: user})
	})
	d.step(func() { require.True(d.t, answered, why) })
}

// Between two syncs as many people may lose something as the last sync's guard allows, and none before it or after one that was held. A
// guard that is tightened counts at once.
func TestRemovalsBetweenSyncs(t *testing.T) {
	t.Parallel()
	d := newDrive(t)
	synced := func(state api.SyncState) {
		d.finished(api.SyncSummary{State: state, Revision: d.describe().Revision, Guard: plan.Guard{Allowed: 4, Linked: 40}})
	}
	d.step(func() { d.update(api.UpdateApply, file()) })
	d.may("a", false, "before the first sync")
	d.step(func() { synced(api.SyncHeld) })
	d.may("a", false, "after one that was held")
	d.step(func() { synced(api.SyncCompleted) })
	d.may("a", true, "")
	d.may("b", true, "")
	d.may("a", true, "counted once")
	d.step(func() {
		in := file()
		in.Config.Preferences.RemovalGuard = config.RemovalGuard{Count: 3}
		d.update(api.UpdateApply, in)
	})
	d.may("c", true, "")
	d.may("d", false, "the guard was tightened")
	d.after(plan.EventWindow, func() {})
	d.may("d", true, "a day later")
	d.step(func() { d.update(api.UpdateDisableRule, api.RuleInput{Rule: "staff"}) })
	d.may("d", false, "while the rule does not run")
	d.run()
}
