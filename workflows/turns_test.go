package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// running is a connection with an enabled rule that has been synced.
func running(t *testing.T) *drive {
	d := newDrive(t)
	d.step(func() { d.update(api.UpdateApply, file()) })
	d.step(func() {
		d.finished(api.SyncSummary{State: api.SyncCompleted, Revision: d.describe().Revision})
	})
	return d
}

// finished tells the connection how a sync of its rule ended.
func (d *drive) finished(s api.SyncSummary) {
	s.Rule = "staff"
	d.env.SignalWorkflow(api.SignalSyncFinished, s)
}

func (d *drive) staff() api.RuleSettings { return d.describe().Rules[0] }

// An approval is for the next sync. If nobody is to be removed any more by then, it does not wait for the same people to
// leave once more.
func TestAnApprovalDoesNotOutliveTheNextSync(t *testing.T) {
	t.Parallel()
	held := api.SyncSummary{State: api.SyncHeld, Guard: plan.Guard{Held: true, Hash: "abc", Removals: 9}}
	d := running(t)
	approved := 0
	d.step(func() { held.Revision = d.describe().Revision; d.finished(held) })
	d.step(func() { d.update(api.UpdateApproveRemovals, api.ApproveInput{Rule: "staff", Hash: "abc"}) })
	d.step(func() {
		approved = d.describe().Revision
		require.Equal(t, "abc", d.staff().Approved)
		d.finished(held) // It was planned before the approval.
	})
	d.step(func() {
		require.Equal(t, "abc", d.staff().Approved)
		d.finished(api.SyncSummary{State: api.SyncCompleted, Revision: approved})
	})
	d.step(func() { require.Empty(t, d.staff().Approved) })
	d.run()
}

// A sync from before the rule was disabled and enabled again is not the first sync that removals wait for.
func TestOnlyASyncOfTheRuleAsEnabledIsItsFirst(t *testing.T) {
	t.Parallel()
	d := running(t)
	before := 0
	d.step(func() {
		before = d.describe().Revision
		d.update(api.UpdateDisableRule, api.RuleInput{Rule: "staff"})
	})
	d.step(func() { d.update(api.UpdateEnableRule, api.RuleInput{Rule: "staff"}) })
	d.step(func() { d.finished(api.SyncSummary{State: api.SyncCompleted, Revision: before}) })
	d.step(func() {
		require.False(t, d.staff().Synced)
		d.finished(api.SyncSummary{State: api.SyncCompleted, Revision: d.describe().Revision})
	})
	d.step(func() { require.True(t, d.staff().Synced) })
	d.run()
}

// What a sync under the policy observe has seen, no sync has linked or mended yet: the next one is the first that removals wait for.
func TestASyncThatOnlyObservedIsNotTheFirst(t *testing.T) {
	t.Parallel()
	d := newDrive(t)
	policy := func(p, rule config.Policy) {
		d.update(api.UpdateApply, file(func(c *config.Connection) { c.Preferences.Policy, c.Rules[0].Policy.People = p, rule }))
	}
	synced := func() { d.finished(api.SyncSummary{State: api.SyncCompleted, Revision: d.describe().Revision}) }
	before := 0
	d.step(func() { policy(config.PolicyObserve, "") })
	d.step(synced)
	d.step(func() { policy("", config.PolicyObserve) })
	d.step(func() {
		require.True(t, d.staff().Synced, "still observed")
		before = d.describe().Revision
		policy("", config.PolicyUpsertOnly)
	})
	d.step(func() {
		require.False(t, d.staff().Synced)
		d.finished(api.SyncSummary{State: api.SyncCompleted, Revision: before})
	})
	d.step(func() {
		require.False(t, d.staff().Synced, "a sync from before")
		synced()
	})
	d.step(func() { require.True(t, d.staff().Synced) })
	d.step(func() { policy("", "") })
	d.step(func() { require.True(t, d.staff().Synced, "it has written") })
	d.run()
}

// Messages wait their turn; what was right when they came may not be when it is theirs.
func TestARuleThatIsBeingDeletedIsNotEnabledByAMessageThatWaited(t *testing.T) {
	t.Parallel()
	d := running(t)
	d.step(func() { d.update(api.UpdateDisableRule, api.RuleInput{Rule: "staff"}) })
	d.step(func() { d.send(api.UpdateTest) })
	d.after(testTakes/4, func() { d.send(api.UpdateDeleteRule, api.RuleInput{Rule: "staff", Confirm: "staff"}) })
	d.after(testTakes/4, func() { d.send(api.UpdateEnableRule, api.RuleInput{Rule: "staff"}) })
	d.step(func() {
		require.True(t, d.staff().Deleting)
		require.False(t, d.staff().Enabled)
	})
	d.run()
}

// A rule can be gone before it is a message's turn.
func TestAMessageForARuleThatIsGoneByThenIsRefused(t *testing.T) {
	t.Parallel()
	d := running(t)
	d.step(func() { d.update(api.UpdateDeleteRule, api.RuleInput{Rule: "staff", Confirm: "staff"}) })
	d.step(func() { d.send(api.UpdateTest) })
	d.after(testTakes/4, func() { d.send(api.UpdateDisableRule, api.RuleInput{Rule: "staff"}) })
	d.after(testTakes/4, func() { d.env.SignalWorkflow(api.SignalRuleDeleted, api.RuleInput{Rule: "staff"}) })
	d.step(func() { require.ErrorContains(t, d.err, fault.RuleUnknown.Sentence()) })
	d.run()
}

// A sync that failed by credentials that have been mended and tested since withdraws nothing.
func TestASyncFromBeforeATestThatPassedWithdrawsNothing(t *testing.T) {
	t.Parallel()
	d := running(t)
	d.tested = api.TestReport{OK: true, TenantID: "t", Checks: []api.TestCheck{}}
	began := time.Time{}
	fails := func(started time.Time) {
		d.finished(api.SyncSummary{State: api.SyncFailed, Reason: fault.SecretExpired, StartedAt: started})
	}
	d.step(func() { began = d.env.Now(); d.tested.At = began.Add(time.Minute); d.send(api.UpdateTest) })
	d.step(func() { fails(began) })
	d.step(func() {
		require.Equal(t, api.Valid, d.describe().Validity)
		fails(d.env.Now())
	})
	d.step(func() { require.Equal(t, api.InvalidConnection, d.describe().Validity) })
	d.run()
}

// The sync that found the secret expired has ended, and another of its rule may have begun; it finds out for itself and says
// so. Those of other rules are stopped.
func TestAWithdrawnConnectionStopsTheSyncsOfItsOtherRules(t *testing.T) {
	t.Parallel()
	d := newDrive(t)
	d.step(func() {
		d.update(api.UpdateApply, file(func(c *config.Connection) {
			other := c.Rules[0]
			other.Name = "students"
			c.Rules = append(c.Rules, other)
		}))
	})
	d.step(func() {
		d.finished(api.SyncSummary{State: api.SyncFailed, Reason: fault.SecretExpired, StartedAt: d.env.Now()})
	})
	d.step(func() { require.Equal(t, []string{api.SyncID("contoso", "students")}, d.stopped) })
	d.run()
}

// A switch happens even if Temporal does not take the schedule, says so, and is mended by whatever is asked next.
func TestAScheduleThatWasNotTakenIsKeptWithTheNextMessage(t *testing.T) {
	t.Parallel()
	d := running(t)
	d.step(func() { d.refuses = true; d.send(api.UpdateDisableRule, api.RuleInput{Rule: "staff"}) })
	d.after(time.Hour, func() {
		require.ErrorContains(t, d.err, fault.ScheduleNotKept.Sentence())
		require.False(t, d.staff().Enabled)
		require.Equal(t, "run", d.schedule)
		d.refuses = false
		d.send(api.UpdateDisableRule, api.RuleInput{Rule: "staff"})
	})
	d.step(func() { require.NoError(t, d.err); require.Equal(t, "paused", d.schedule) })
	d.run()
}

// A connection outlives a server that takes no schedules while its credentials are withdrawn.
func TestAWithdrawnConnectionOutlivesASchedule(t *testing.T) {
	t.Parallel()
	d := running(t)
	d.step(func() {
		d.refuses = true
		d.finished(api.SyncSummary{State: api.SyncFailed, Reason: fault.SecretExpired, StartedAt: d.env.Now()})
	})
	d.after(time.Hour, func() {
		require.Equal(t, api.StateInvalid, d.connectionState())
		require.Equal(t, "run", d.schedule)
		d.refuses = false
		d.passes = false
		d.send(api.UpdateTest)
	})
	d.step(func() { require.NoError(t, d.err); require.Equal(t, "paused", d.schedule) })
	d.run()
}

// A configuration with expressions that do not compile is refused with all of them, and nothing has changed.
func TestExpressionsAreCheckedBeforeTheyAreStored(t *testing.T) {
	t.Parallel()
	d := running(t)
	var before api.Description
	d.step(func() {
		before = d.describe()
		d.send(api.UpdateApply, file(func(c *config.Connection) {
			c.Description = "another"
			c.Rules[0].Filter = "user.a =="
			c.Rules[0].Mappings["jobTitle"] = config.Mapping{Expression: "usr.title"}
		}))
	})
	d.step(func() {
		refused := wire.FaultOf(d.err)
		require.Equal(t, fault.SettingsInvalid, refused.Reason, "%v", d.err)
		require.ErrorContains(t, d.err, "rule staff, filter: the expression does not parse")
		require.ErrorContains(t, d.err, "rule staff, mappings.jobTitle")
		require.Equal(t, before, d.describe())
		d.send(api.UpdateApply, file(func(c *config.Connection) {
			c.Rules[0].Mappings["password"] = config.Mapping{Expression: `"Hunter2!"`}
		}))
	})
	d.step(func() {
		require.Equal(t, fault.SettingsInvalid, wire.FaultOf(d.err).Reason)
		require.Equal(t, before, d.describe())
	})
	d.run()
}
