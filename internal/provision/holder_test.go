package provision_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/provision"
)

// A name that something has which nobody sees costs its person a minute or two, in each run, and holds up nobody for the time in which reads
// may lag: the creation was refused, so that the holder cannot be the person.
func TestANameWhoseHolderNobodySeesCostsAMoment(t *testing.T) {
	t.Parallel()
	for how, run := range map[string]func(*model){
		"in a sync": func(m *model) { m.sync() },
		"on demand": func(m *model) { m.provision("p1", api.ProvisionInput{}) },
	} {
		t.Run(how, func(t *testing.T) {
			m := calm(t)
			m.tenant.hidden["bea@contoso.com"] = true
			bea := annIs("bea", "Sales", true)
			bea.ID, bea.Fields["id"] = "p1", "p1"
			m.have(append(m.people.records, bea)...)
			for range 2 {
				m.story = nil
				begun := m.clock
				run(m)
				require.Equal(t, fault.UPNTaken, m.last.Reason, "%s", strings.Join(m.story, "\n"))
				require.Less(t, m.clock.Sub(begun), 4*time.Minute, "%s", strings.Join(m.story, "\n"))
			}
			delete(m.tenant.hidden, "bea@contoso.com")
			run(m)
			require.NotEmpty(t, m.tenant.holder("bea@contoso.com"), "at once when the name is free")
		})
	}
}

// While an earlier attempt may have made the account, a refusal proves nothing: the holder may be the person.
func TestARefusalProvesNothingAfterALostCreation(t *testing.T) {
	t.Parallel()
	m := calm(t)
	m.tenant.hidden["bea@contoso.com"] = true
	bea := annIs("bea", "Sales", true)
	bea.ID, bea.Fields["id"] = "p1", "p1"
	m.have(append(m.people.records, bea)...)
	for lost, want := range map[bool]bool{true: false, false: true} {
		var note provision.Note
		if lost {
			note.Create = &provision.CreateAttempt{Name: provision.NameKey("contoso", "bea@contoso.com"), First: m.clock, Last: m.clock}
		}
		_, err := m.workers[0].Provision(t.Context(), api.ProvisionInput{Connection: "contoso", User: "p1"}, provision.Attempt{Number: 2, Since: m.clock}, modelNotes{m, &note})
		require.Equal(t, fault.NotReady, fault.KindOf(err), "%v", err)
		require.Equal(t, want, note.Create.Refused)
		var open *provision.OpenEnded
		require.Equal(t, lost, errors.As(err, &open))
	}
}
