package endtoend_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/source/file"
)

// refusal is the reason of an update's error.
func refusal(t *testing.T, err error) fault.Reason {
	t.Helper()
	var e *temporal.ApplicationError
	require.True(t, errors.As(err, &e), "%v", err)
	return fault.Reason(e.Type())
}

// The states and transitions of docs/states.md, and what each refuses.
func TestConnectionKeepsItsInvariants(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Ann", "Lee", ""))
	secret := filepath.Join(k.Dir, "secret.txt")
	require.NoError(t, os.WriteFile(secret, []byte("wrong"), 0o600))
	c := k.Config()

	r, err := k.Apply(c)
	require.NoError(t, err, "a connection may be saved although it is invalid")
	require.Equal(t, api.InvalidConnection, r.Validity)
	require.Empty(t, r.Synced)
	require.NotEmpty(t, r.Warnings)
	failure, failed := r.Test.Failure()
	require.True(t, failed)
	require.Equal(t, fault.SecretWrong, failure.Reason)
	require.Equal(t, api.StateInvalid, k.Describe().State)
	_, err = k.Sync("staff")
	require.Equal(t, fault.ConnectionInvalid, refusal(t, err))
	require.NoError(t, k.Update(api.UpdateDisableRule, nil, api.RuleInput{Rule: "staff"}))
	require.Equal(t, fault.ConnectionInvalid, refusal(t, k.Update(api.UpdateEnableRule, nil, api.RuleInput{Rule: "staff"})))

	require.NoError(t, os.WriteFile(secret, []byte(testkit.Secret), 0o600))
	require.NoError(t, k.Update(api.UpdateTest, nil))
	require.Equal(t, api.StateActive, k.Describe().State)
	require.NoError(t, k.Update(api.UpdateDisable, nil))
	require.Equal(t, fault.ConnectionDisabled, refusal(t, k.Update(api.UpdateEnableRule, nil, api.RuleInput{Rule: "staff"})))
	require.NoError(t, k.Update(api.UpdateEnable, nil))
	require.NoError(t, k.Update(api.UpdateEnableRule, nil, api.RuleInput{Rule: "staff"}))
	first, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, 1, first.Success)

	for name, change := range map[string]func(*config.Connection){
		"tenantId":            func(c *config.Connection) { c.TenantID = "11111111-2222-4333-8444-555555555555" },
		"clientId":            func(c *config.Connection) { c.ClientID = "11111111-2222-4333-8444-555555555555" },
		"rules[staff].source": func(c *config.Connection) { c.Rules[0].Source.Settings = file.At(filepath.Join(k.Dir, "other.csv")) },
		"rules[staff].source ": func(c *config.Connection) {
			c.Rules[0].Source.Settings = &file.Settings{File: c.Rules[0].Source.Place(), ID: "username"}
		},
	} {
		changed := k.Config()
		change(&changed)
		_, err := k.Apply(changed)
		require.Equal(t, fault.SettingImmutable, refusal(t, err), name)
	}
	without := k.Config()
	delete(without.Rules[0].Mappings, "password")
	_, err = k.Apply(without)
	require.Equal(t, fault.SettingsInvalid, refusal(t, err))

	same, err := k.Apply(k.Config())
	require.NoError(t, err)
	require.Empty(t, same.Changes)
	require.Empty(t, same.Synced)

	require.Equal(t, fault.RulesExist, refusal(t, k.Update(api.UpdateDelete, nil)))
	missing := k.Config()
	missing.Rules[0].Name = "people"
	r, err = k.Apply(missing)
	require.NoError(t, err)
	require.NotEmpty(t, r.Warnings)
	for _, rule := range k.Describe().Rules {
		require.Equal(t, rule.Name == "people", rule.Enabled, "a rule that is no longer in the file is disabled, not deleted")
	}
	require.Equal(t, fault.RuleUnknown, refusal(t, k.Update(api.UpdateEnableRule, nil, api.RuleInput{Rule: "nosuch"})))
}

// What leads to a sync and what does not (PingOne's table).
func TestWhatLeadsToASync(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(testkit.Header, testkit.Person("e1", "ann", "Ann", "Lee", ""))
	k.MustApply(k.Config())
	_, err := k.Await("staff")
	require.NoError(t, err)
	c := k.Config()
	for _, step := range []struct {
		name   string
		change func()
		syncs  bool
	}{
		{"description", func() { c.Description = "new" }, false},
		{"allow switch", func() { c.Preferences.AllowDisable = false }, false},
		{"remove action", func() { c.Preferences.RemoveAction = config.RemoveDelete }, false},
		{"preference", func() { c.Preferences.RemoveLicensesWhenSkuIDEmpty = true }, true},
		{"filter", func() { c.Rules[0].Filter = `user.department != "x"` }, true},
		{"mapping", func() { c.Rules[0].Mappings["jobTitle"] = config.Mapping{Value: "Agent"} }, true},
	} {
		step.change()
		r, err := k.Apply(c)
		require.NoError(t, err, step.name)
		require.Equal(t, step.syncs, len(r.Synced) == 1, "%s: %v", step.name, r)
		if step.syncs {
			_, err := k.Await("staff")
			require.NoError(t, err)
		}
	}
	u, _ := k.User("ann")
	require.Equal(t, "Agent", u.Properties["jobTitle"])
}

// Updates and signals arrive while the connection rolls over again and again: none is lost.
func TestConnectionRollsOverWithoutLosingAMessage(t *testing.T) {
	k := testkit.Start(t, testkit.Options{})
	k.WritePeople(testkit.Header)
	c := k.Config()
	c.Rules[0].Enabled = true
	k.MustApply(c)
	before := k.Describe().Revision
	ctx, cancel := k.Context()
	defer cancel()
	const callers, each = 8, 90
	var wg sync.WaitGroup
	var mu sync.Mutex
	changed := 0
	for caller := range callers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range each {
				name := api.UpdateDisableRule
				if i%2 == 1 {
					name = api.UpdateEnableRule
				}
				var r api.StateResult
				for {
					handle, err := k.Client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
						WorkflowID: api.ConnectionID("contoso"), UpdateID: fmt.Sprintf("u-%d-%d", caller, i), UpdateName: name,
						Args: []any{api.RuleInput{Rule: "staff"}}, WaitForStage: client.WorkflowUpdateStageCompleted,
					})
					if err == nil {
						err = handle.Get(ctx, &r)
					}
					if err == nil {
						break
					}
					if !worthRepeating(err) {
						t.Errorf("update %d-%d: %v", caller, i, err)
						return
					}
				}
				mu.Lock()
				if r.Changed {
					changed++
				}
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	d := k.Describe()
	require.Equal(t, before+changed, d.Revision, "every change that was confirmed is in the state")
	runs := 0
	for id := range k.Histories() {
		if len(id) > 19 && id[:19] == "connection/contoso@" {
			runs++
		}
	}
	require.Greater(t, runs, 1, "it has rolled over")
}

// worthRepeating tells the two errors that callers repeat with the same update id.
func worthRepeating(err error) bool {
	var notReady *serviceerror.WorkflowNotReady
	var e *temporal.ApplicationError
	var exhausted *serviceerror.ResourceExhausted
	return errors.As(err, &notReady) || errors.As(err, &exhausted) || errors.As(err, &e) && e.Type() == api.RollingOver
}

// A disabled rule's running sync stops: people under way finish, nobody else is started, nobody is removed.
func TestDisablingStopsARunningSync(t *testing.T) {
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{Latency: 50 * time.Millisecond}})
	lines := []string{testkit.Header}
	for i := range 150 {
		lines = append(lines, testkit.Person(fmt.Sprintf("e%03d", i), fmt.Sprintf("u%03d", i), "A", "B", "SPE_E3"))
	}
	k.WritePeople(lines...)
	_, err := k.Apply(k.Config())
	require.NoError(t, err)
	require.Eventually(t, func() bool { return k.Simulator.Stats().Requests["POST /users"] > 5 }, time.Minute, 5*time.Millisecond)
	require.NoError(t, k.Update(api.UpdateDisableRule, nil, api.RuleInput{Rule: "staff"}))
	r, err := k.Await("staff")
	require.NoError(t, err)
	require.Equal(t, api.SyncStopped, r.State)
	require.Less(t, r.Done, 150)
	require.Len(t, k.Simulator.State().Tenants[0].Users, r.Actions[plan.Create])
}
