package provision_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/provision"
	"github.com/entraflow/entraflow/internal/source"
)

// calm is a world in which nothing goes wrong, with Ann's account made and everything settled.
func calm(t *testing.T) *model {
	m := &model{Rand: rand.New(rand.NewPCG(1, 1)), random: rand.NewChaCha8([32]byte{}), clock: time.Unix(1_700_000_000, 0), settings: modelSettings(), resting: true}
	m.settings.Config.Rules[0].Mappings["department"] = config.Mapping{Expression: `user.department == "boom" ? string(int(user.department)) : user.department`}
	m.tenant = &modelTenant{model: m, objects: map[string]*object{}, hidden: map[string]bool{}, checked: m.checkOneEach}
	m.people = &roster{}
	m.workers = make([]*provision.Provisioner, 2)
	m.restart(0)
	m.restart(1)
	m.have(annIs("ann", "Sales", true))
	m.sync()
	require.Len(t, m.tenant.objects, 1)
	return m
}

func annIs(username, department string, enabled bool) source.Record {
	return source.Record{ID: "p0", Enabled: enabled, Fields: map[string]any{"id": "p0", "username": username, "department": department}}
}

// have sets who is at the source, when everything before has settled.
func (m *model) have(records ...source.Record) {
	m.clock = m.clock.Add(settle + time.Minute)
	m.people.records = records
	m.people.version++
}

// ann is her account as it is now.
func (m *model) ann(t *testing.T) state {
	t.Helper()
	require.Len(t, m.tenant.objects, 1)
	return m.tenant.objects["account-1"].now()
}

// Whoever is disabled at the source is disabled, whatever else about them is wrong: a bad value must not keep an account open.
func TestABadValueKeepsNoAccountOpen(t *testing.T) {
	t.Parallel()
	bea := source.Record{ID: "p1", Enabled: true, Fields: map[string]any{"id": "p1", "username": "both", "department": "Sales"}}
	for name, now := range map[string][]source.Record{
		"a value that is too long":    {annIs("ann", strings.Repeat("x", 65), false)},
		"a name that is none":         {annIs("ann lee", "Sales", false)},
		"an empty name":               {annIs("", "Sales", false)},
		"an expression that fails":    {annIs("ann", "boom", false)},
		"a name that two people want": {annIs("both", "Sales", false), bea},
		"a value that Graph refuses":  {annIs("ann", "bad", false)},
	} {
		for how, run := range map[string]func(*model){
			"in a sync": func(m *model) { m.sync() },
			"on demand": func(m *model) { m.provision("p0", api.ProvisionInput{}) },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				m := calm(t)
				m.tenant.refuse = func(p graph.Patch) error {
					if p.Attributes["department"] == "bad" {
						return fault.New("update", fault.Invalid, fault.AttributeInvalid, "department")
					}
					return nil
				}
				m.have(now...)
				run(m)
				require.False(t, m.ann(t).account.Enabled, "the account is open: %s", strings.Join(m.story, "\n"))
				require.NotEmpty(t, m.last.Reason, "the bad value is reported")
				m.have(annIs("ann", "Sales", true))
				run(m)
				require.True(t, m.ann(t).account.Enabled, "what we disabled is enabled again")
			})
		}
	}
}

// To end access waits for nothing that is about something else: neither for the tenant's licenses, nor for the manager, nor for who else
// wants the name. Somebody who stays waits for all of them.
func TestWhatCannotBeFoundOutKeepsNoAccountOpen(t *testing.T) {
	t.Parallel()
	down := fault.New("read", fault.Transient, fault.GraphUnavailable, "")
	for name, test := range map[string]struct {
		username string
		mappings map[string]config.Mapping
		fail     func(*model)
	}{
		"licenses": {"ann", map[string]config.Mapping{directory.SkuID: {Value: "SPE_E3"}}, func(m *model) { m.tenant.down = down }},
		"manager":  {"ann", map[string]config.Mapping{directory.Manager: {Expression: `"boss@contoso.com"`}}, func(m *model) { m.tenant.down = down }},
		"names":    {"annlee", nil, func(m *model) { m.people.unlisted = down }},
	} {
		for _, enabled := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, enabled %t", name, enabled), func(t *testing.T) {
				t.Parallel()
				m := calm(t)
				maps.Copy(m.settings.Config.Rules[0].Mappings, test.mappings)
				m.settings.Revision++
				m.have(annIs(test.username, "Moved", enabled))
				test.fail(m)
				m.provision("p0", api.ProvisionInput{})
				require.Equal(t, enabled, m.ann(t).account.Enabled, "%s", strings.Join(m.story, "\n"))
				if enabled {
					require.Equal(t, "Sales", m.ann(t).account.Values[slices.Index(m.settings.Selection().Attributes, "department")], "the whole is tried again")
					return
				}
				require.Equal(t, plan.PartiallySynced, m.last.Outcome)
				require.Equal(t, fault.GraphUnavailable, m.last.Reason)
				m.tenant.down, m.people.unlisted = nil, nil
				m.have(annIs(test.username, "Sales", true))
				m.provision("p0", api.ProvisionInput{})
				require.True(t, m.ann(t).account.Enabled, "what we disabled is enabled again")
			})
		}
	}
}

// A service that never answers is as good as one that fails.
func TestAServiceThatHangsKeepsNoAccountOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := calm(t)
		m.settings.Config.Rules[0].Mappings[directory.SkuID] = config.Mapping{Value: "SPE_E3"}
		m.settings.Revision++
		m.have(annIs("ann", "Sales", false))
		m.tenant.hangs = true
		began := time.Now()
		m.provision("p0", api.ProvisionInput{})
		require.False(t, m.ann(t).account.Enabled, "%s", strings.Join(m.story, "\n"))
		require.Less(t, time.Since(began), time.Minute)
	})
}

// Whoever comes back finds their old name given to somebody else, and has another one by now.
func TestAnAccountIsRestoredUnderAFreeName(t *testing.T) {
	t.Parallel()
	for how, run := range map[string]func(*model){
		"in a sync": func(m *model) { m.sync() },
		"on demand": func(m *model) { m.provision("p0", api.ProvisionInput{}) },
	} {
		t.Run(how, func(t *testing.T) {
			m := calm(t)
			m.settings.Config.Preferences.RemoveAction = config.RemoveDelete
			bea := source.Record{ID: "p1", Enabled: true, Fields: map[string]any{"id": "p1", "username": "bea", "department": "Sales"}}
			m.have(bea)
			m.sync()
			require.True(t, m.tenant.objects["account-1"].now().bin)
			m.known = 0
			bea.Fields = map[string]any{"id": "p1", "username": "ann", "department": "Sales"}
			m.have(bea)
			m.sync()
			m.have(bea, annIs("ann2", "Sales", true))
			run(m)
			back := m.tenant.objects["account-1"].now()
			require.True(t, back.alive(), "%s", strings.Join(m.story, "\n"))
			require.Equal(t, "ann2@contoso.com", back.account.UserPrincipalName)
		})
	}
}

// Whoever comes back disabled stays in the recycle bin: restoring would open the account.
func TestNobodyIsRestoredWhoIsDisabled(t *testing.T) {
	t.Parallel()
	for how, run := range map[string]func(*model){
		"in a sync": func(m *model) { m.sync() },
		"on demand": func(m *model) { m.provision("p0", api.ProvisionInput{}) },
	} {
		t.Run(how, func(t *testing.T) {
			m := calm(t)
			m.settings.Config.Preferences.RemoveAction = config.RemoveDelete
			m.have(source.Record{ID: "p1", Enabled: false, Fields: map[string]any{"id": "p1", "username": "", "department": ""}})
			m.sync()
			require.True(t, m.ann(t).bin)
			m.known = 0
			m.have(annIs("ann", "Sales", false))
			run(m)
			require.True(t, m.ann(t).bin, "restored although disabled")
			m.have(annIs("ann", "Sales", true))
			run(m)
			require.True(t, m.ann(t).alive() && m.ann(t).account.Enabled)
		})
	}
}
