package workflows_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	sourcefile "github.com/entraflow/entraflow/internal/source/file"
	"github.com/entraflow/entraflow/workflows"
)

// drive steers the real Connection workflow through states, in Temporal's test environment with its own clock, and notes
// what else it does: tests, syncs started and stopped, schedules, deletions.
type drive struct {
	t   *testing.T
	env *testsuite.TestWorkflowEnvironment
	// at is when the next step happens.
	at time.Duration
	// passes: the next connection test passes.
	passes bool
	// tested, where set, is the report of a test that passes.
	tested api.TestReport
	// schedule is what the rule's schedule is at present: "", "run", "paused" or "removed".
	schedule string
	// refuses: Temporal does not take the schedule.
	refuses bool
	// stopped are the syncs that were told to stop.
	stopped []string
	effects []string
	err     error
	stepped int
	steps   int
}

func newDrive(t *testing.T) *drive {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	d := &drive{t: t, env: suite.NewTestWorkflowEnvironment(), passes: true}
	d.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: api.ConnectionID("contoso"), TaskQueue: api.TaskQueue})
	d.env.SetTestTimeout(30 * time.Second)
	d.env.RegisterWorkflowWithOptions(workflows.Connection, workflow.RegisterOptions{Name: api.ConnectionType})
	d.env.RegisterWorkflowWithOptions(func(workflow.Context, api.SyncInput) (api.SyncResult, error) {
		d.note("syncs")
		return api.SyncResult{}, nil
	}, workflow.RegisterOptions{Name: api.SyncRuleType})
	d.env.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ api.DeleteRuleInput) (api.DeleteRuleResult, error) {
		d.note("starts the deletion")
		return api.DeleteRuleResult{}, workflow.Sleep(ctx, 24*time.Hour)
	}, workflow.RegisterOptions{Name: api.DeleteRuleType})
	d.env.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ api.MoveLinkInput) (api.UserResult, error) {
		return api.UserResult{}, nil
	}, workflow.RegisterOptions{Name: api.MoveLinkType})
	var a *activities.Activities
	d.env.RegisterActivity(a.CheckSettings)
	d.env.RegisterActivity(a.TestConnection)
	d.env.RegisterActivity(a.SetSchedule)
	d.env.OnActivity(a.CheckSettings, mock.Anything, mock.Anything).Return(func(ctx context.Context, in api.ApplyInput) error {
		if err := activities.New(activities.Options{}).CheckSettings(ctx, in); err != nil {
			return wire.Reported(err) // as the worker's interceptor does
		}
		return nil
	})
	d.env.OnActivity(a.TestConnection, mock.Anything, mock.Anything).Return(d.test).After(testTakes)
	d.env.OnActivity(a.SetSchedule, mock.Anything, mock.Anything).Return(d.setSchedule)
	d.env.OnRequestCancelExternalWorkflow(mock.Anything, mock.Anything, mock.Anything).Return(func(_, id, _ string) error {
		d.stopped = append(d.stopped, id)
		d.note("stops syncs")
		return nil
	})
	return d
}

func (d *drive) note(effect string) { d.effects = append(d.effects, effect) }

// test is the activity TestConnection.
func (d *drive) test(context.Context, api.TestInput) (api.TestReport, error) {
	d.note("test")
	if !d.passes {
		return api.TestReport{Checks: []api.TestCheck{{Name: "token", Status: api.TestFailed, Reason: fault.SecretWrong}}}, nil
	}
	if d.tested.OK {
		return d.tested, nil
	}
	return api.TestReport{OK: true, TenantID: "t", LinkProperty: "l", MarkProperty: "m"}, nil
}

// setSchedule is the activity SetSchedule.
func (d *drive) setSchedule(_ context.Context, in api.ScheduleInput) error {
	if d.refuses {
		return fault.New("", fault.Transient, fault.TemporalUnavailable, "")
	}
	now := "run"
	switch {
	case in.Every == "":
		now = "removed"
	case in.Paused:
		now = "paused"
	}
	if now != d.schedule {
		d.note("schedules " + now)
	}
	d.schedule = now
	return nil
}

// step does something when everything before has come to rest.
func (d *drive) step(f func()) { d.after(settled, f) }

// after does something a while after the last step.
func (d *drive) after(wait time.Duration, f func()) {
	d.at += wait
	d.steps++
	d.env.RegisterDelayedCallback(func() { d.stepped++; f() }, d.at)
}

// run carries out the steps.
func (d *drive) run() {
	d.after(settled, func() {
		if !d.env.IsWorkflowCompleted() {
			d.env.CancelWorkflow()
		}
	})
	d.env.ExecuteWorkflow(api.ConnectionType, api.ConnectionInput{Name: "contoso"})
	require.GreaterOrEqual(d.t, d.stepped, d.steps-1, "the workflow ended early: %v", d.env.GetWorkflowError())
}

// update sends an update and keeps its error.
func (d *drive) update(name string, args ...any) {
	d.err = nil
	d.env.UpdateWorkflowNoRejection(name, "", d.t, args...)
}

// send sends an update that may be refused.
func (d *drive) send(name string, args ...any) {
	d.err = nil
	d.env.UpdateWorkflow(name, "", &testsuite.TestUpdateCallback{
		OnReject: func(err error) { d.err = err }, OnAccept: func() {},
		OnComplete: func(result any, err error) {
			d.err = err
			if r, ok := result.(api.ApplyResult); ok && len(r.Warnings) > 0 {
				d.note("warning")
			}
		},
	}, args...)
}

func (d *drive) describe() api.Description {
	answer, err := d.env.QueryWorkflow(api.QueryDescribe)
	require.NoError(d.t, err)
	var out api.Description
	require.NoError(d.t, answer.Get(&out))
	return out
}

func (d *drive) connectionState() string { return d.describe().State }

// ruleState is the state of the rule in the words of the page.
func (d *drive) ruleState() string {
	about := d.describe()
	rule, ok := about.Rule("staff")
	switch last := about.Syncs["staff"]; {
	case !ok:
		return "gone"
	case rule.Deleting:
		return "deleting"
	case !rule.Enabled:
		return "disabled"
	case rule.Approved != "":
		return "approved"
	case last.State == api.SyncHeld:
		return "held"
	}
	return "enabled"
}

// deletion is the argument of deleteRule.
var deletion = api.RuleInput{Rule: "staff", Confirm: "staff"}

// file is the configuration file, with changes.
func file(changes ...func(*config.Connection)) api.ApplyInput {
	c := config.Connection{
		Name: "contoso", TenantID: "7f7a6b1e-3c52-4d0b-9d0e-5a4f1c2b8e10", ClientID: "0c5d7a3b-91e4-4f27-8a6d-2b3c4d5e6f70",
		ClientSecret: "env:SECRET", Cloud: config.CloudGlobal, Preferences: config.DefaultPreferences(),
		Rules: []config.Rule{{
			Name: "staff", Enabled: true, Source: config.Source{Settings: sourcefile.At("/people.csv")}, SyncEvery: "15m",
			Mappings: map[string]config.Mapping{
				"userPrincipalName": {Expression: `user.username + "@contoso.com"`}, "displayName": {Expression: "user.name"},
				"mailNickname": {Expression: "user.username"}, "password": {Expression: "randomPassword(24)"},
			},
		}},
	}
	for _, change := range changes {
		change(&c)
	}
	return api.ApplyInput{Config: c}
}

// toConnectionState brings the connection into a state of the page.
func (d *drive) toConnectionState(state string) {
	switch state {
	case "new":
		return
	case "invalid":
		d.step(func() { d.passes = false; d.update(api.UpdateApply, file()) })
	default:
		d.step(func() { d.update(api.UpdateApply, file()) })
	}
	if state == "disabled" {
		d.step(func() { d.update(api.UpdateDisable) })
	}
}

// toRuleState brings the rule of an active connection into a state of the page.
func (d *drive) toRuleState(state string) {
	d.toConnectionState("active")
	rule := deletion
	switch state {
	case "disabled":
		d.step(func() { d.update(api.UpdateDisableRule, rule) })
	case "deleting":
		d.step(func() { d.update(api.UpdateDeleteRule, rule) })
	case "held", "approved":
		d.step(func() { d.syncEnds(api.SyncHeld, "", "abc", false) })
	}
	if state == "approved" {
		d.step(func() { d.update(api.UpdateApproveRemovals, api.ApproveInput{Rule: "staff", Hash: "abc"}) })
	}
}

// syncEnds is the signal of a sync that ended.
func (d *drive) syncEnds(state api.SyncState, reason fault.Reason, hash string, approved bool) {
	d.env.SignalWorkflow(api.SignalSyncFinished, api.SyncSummary{
		Rule: "staff", Revision: d.describe().Revision, State: state, Reason: reason, Guard: plan.Guard{Hash: hash, Held: state == api.SyncHeld, Approved: approved},
	})
}

// message is something that happens to a connection.
type message struct {
	// prepare brings the connection into the special case that the message is about; nil where there is none.
	prepare func(*drive)
	send    func(*drive)
}

// messages are all messages that the page names.
var messages = map[string]message{
	"apply, unchanged":                  applying(true),
	"apply, unchanged, the test passes": applying(true),
	"apply, unchanged, the test fails":  applying(false),
	"apply, the test passes":            applying(true),
	"apply, the test fails":             applying(false),
	"apply, the test passes, the file says noSync": {send: func(d *drive) {
		in := file()
		in.KeepSyncs = true
		d.send(api.UpdateApply, in)
	}},
	"apply, the file contradicts itself":      applying(true, func(c *config.Connection) { delete(c.Rules[0].Mappings, "password") }),
	"apply, the file is another connection's": applying(true, func(c *config.Connection) { c.Name = "fabrikam" }),
	"apply, a mapping changed": applying(true, func(c *config.Connection) {
		c.Rules[0].Mappings["displayName"] = config.Mapping{Expression: "user.nickname"}
	}),
	"apply, the filter changed":                              applying(true, func(c *config.Connection) { c.Rules[0].Filter = "has(user.name)" }),
	"apply, licenseScope changed":                            applying(true, func(c *config.Connection) { c.Preferences.LicenseScope = config.ScopeAll }),
	"apply, an allow switch changed":                         applying(true, func(c *config.Connection) { c.Preferences.AllowCreate = false }),
	"apply, removeAction changed":                            applying(true, func(c *config.Connection) { c.Preferences.RemoveAction = config.RemoveDelete }),
	"apply, the description changed":                         applying(true, func(c *config.Connection) { c.Description = "new" }),
	"apply, the secret's reference changed, the test passes": applying(true, func(c *config.Connection) { c.ClientSecret = "env:OTHER" }),
	"apply, the secret's reference changed, the test fails":  applying(false, func(c *config.Connection) { c.ClientSecret = "env:OTHER" }),
	"apply, the tenant changed":                              applying(true, func(c *config.Connection) { c.TenantID = "contoso.com" }),
	"apply, the client changed":                              applying(true, func(c *config.Connection) { c.ClientID = c.TenantID }),
	"apply, the cloud changed":                               applying(true, func(c *config.Connection) { c.Cloud = config.CloudChina }),
	"apply, a source changed":                                applying(true, func(c *config.Connection) { c.Rules[0].Source.Settings = sourcefile.At("/other.csv") }),
	"apply, the file disables it":                            applying(true, func(c *config.Connection) { c.Rules[0].Enabled = false }),
	"apply, the file no longer has it":                       applying(true, func(c *config.Connection) { c.Rules = nil }),

	"test":            tested(true),
	"test, it passes": tested(true),
	"test, it fails":  tested(false),
	"enable":          sending(api.UpdateEnable),
	"disable":         sending(api.UpdateDisable),
	"delete":          sending(api.UpdateDelete),
	"moveLink":        sending(api.UpdateMoveLink, api.MoveLinkInput{User: "old", To: "new"}),
	"delete, there are no rules": {
		prepare: func(d *drive) {
			d.step(func() { d.update(api.UpdateDeleteRule, deletion) })
			d.step(func() { d.env.SignalWorkflow(api.SignalRuleDeleted, api.RuleInput{Rule: "staff"}) })
		},
		send: func(d *drive) { d.send(api.UpdateDelete) },
	},
	"a sync ends with secret_expired":    ending(api.SyncFailed, fault.SecretExpired, "", false),
	"a sync ends with permission_denied": ending(api.SyncFailed, fault.PermissionDenied, "", false),
	"a sync ends with graph_unavailable": ending(api.SyncFailed, fault.GraphUnavailable, "", false),

	"enableRule":                    sending(api.UpdateEnableRule, api.RuleInput{Rule: "staff"}),
	"enableRule of an unknown rule": sending(api.UpdateEnableRule, api.RuleInput{Rule: "nobody"}),
	"enableRule, it has no password mapping": {
		prepare: func(d *drive) {
			d.step(func() {
				d.update(api.UpdateApply, file(func(c *config.Connection) { c.Rules[0].Enabled = false; delete(c.Rules[0].Mappings, "password") }))
			})
		},
		send: func(d *drive) { d.send(api.UpdateEnableRule, api.RuleInput{Rule: "staff"}) },
	},
	"disableRule":                    sending(api.UpdateDisableRule, api.RuleInput{Rule: "staff"}),
	"disableRule of an unknown rule": sending(api.UpdateDisableRule, api.RuleInput{Rule: "nobody"}),
	"deleteRule":                     sending(api.UpdateDeleteRule, deletion),
	"deleteRule, the deletion runs":  sending(api.UpdateDeleteRule, deletion),
	"deleteRule, the deletion was terminated": {
		prepare: func(d *drive) {
			d.step(func() { d.env.CancelWorkflowByID(api.DeleteRuleID("contoso", "staff"), "") })
		},
		send: func(d *drive) { d.send(api.UpdateDeleteRule, deletion) },
	},
	"deleteRule, wrongly confirmed": sending(api.UpdateDeleteRule, api.RuleInput{Rule: "staff", Confirm: "staf"}),
	"deleteRule of an unknown rule": sending(api.UpdateDeleteRule, api.RuleInput{Rule: "nobody", Confirm: "nobody"}),
	"approveRemovals":               sending(api.UpdateApproveRemovals, api.ApproveInput{Rule: "staff", Hash: "abc"}),
	"approveRemovals, another hash": sending(api.UpdateApproveRemovals, api.ApproveInput{Rule: "staff", Hash: "abd"}),
	"a sync completes":              ending(api.SyncCompleted, "", "", false),
	"a sync holds removals":         ending(api.SyncHeld, fault.RemovalsHeld, "abc", false),
	"a sync holds other removals":   ending(api.SyncHeld, fault.RemovalsHeld, "abd", false),
	"the approved sync completes":   ending(api.SyncCompleted, "", "abc", true),
	"the deletion is done": {send: func(d *drive) {
		d.env.SignalWorkflow(api.SignalRuleDeleted, api.RuleInput{Rule: "staff"})
	}},
}

func applying(passes bool, changes ...func(*config.Connection)) message {
	return message{send: func(d *drive) {
		d.passes = passes
		d.send(api.UpdateApply, file(changes...))
	}}
}

func tested(passes bool) message {
	return message{send: func(d *drive) {
		d.passes = passes
		d.send(api.UpdateTest)
	}}
}

func sending(update string, args ...any) message {
	return message{send: func(d *drive) { d.send(update, args...) }}
}

func ending(state api.SyncState, reason fault.Reason, hash string, approved bool) message {
	return message{send: func(d *drive) { d.syncEnds(state, reason, hash, approved) }}
}
