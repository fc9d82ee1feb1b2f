package provision_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/provision"
	"github.com/entraflow/entraflow/internal/source"
)

// A sync's plan says that the new id has no account, then the account of the old id is given to it, and the run that should have changed
// the name failed. Whoever carries the plan out on another worker, which still keeps the settings of the plan, makes no second account.
func TestAPlanOfBeforeALinkMovedMakesNoSecondAccount(t *testing.T) {
	t.Parallel()
	stranger := source.Record{ID: "p1", Enabled: true, Fields: map[string]any{"id": "p1", "username": "married", "department": "Sales"}}
	for name, planned := range map[string]plan.Action{"created": plan.Create, "adopted": plan.Adopt} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := calm(t)
			m.have(stranger)
			if planned == plan.Adopt {
				m.stranger("married", false)
			}
			p, _, err := m.plan()
			require.NoError(t, err)
			require.Equal(t, planned, p.Entries[0].Change.Action)
			before := m.settings
			in := api.ProvisionInput{Rule: "staff", Revision: before.Revision, Planned: &api.Planned{
				Action: planned, AccountID: p.Entries[0].Change.AccountID, Snapshot: p.Snapshot.Version,
			}}

			m.settings.Revision++ // The connection counts a link that moves.
			moved, err := m.workers[0].MoveLink(t.Context(), api.MoveLinkInput{Connection: "contoso", User: "p0", To: "p1"}, provision.Attempt{Number: 1, Since: m.clock})
			require.NoError(t, err)
			require.Equal(t, "account-1", moved.AccountID)

			m.workers, m.cached = m.workers[1:], &before
			m.provision("p1", in)
			require.Empty(t, m.failed, "%s", strings.Join(m.story, "\n"))
			require.Equal(t, "account-1", m.last.AccountID)
		})
	}
}

// A rule whose policy changes no account moves no link either, whatever the connection's policy.
func TestNoLinkMovesUnderAPolicyThatChangesNoAccount(t *testing.T) {
	t.Parallel()
	for policy, moves := range map[config.Policy]bool{config.PolicyUpsertOnly: true, config.PolicyCreateOnly: false, config.PolicyObserve: false} {
		m := calm(t)
		m.have(source.Record{ID: "p1", Enabled: true, Fields: map[string]any{"id": "p1", "username": "married", "department": "Sales"}})
		m.settings.Config.Rules[0].Policy.People = policy
		m.settings.Revision++
		_, err := m.workers[0].MoveLink(t.Context(), api.MoveLinkInput{Connection: "contoso", User: "p0", To: "p1"}, provision.Attempt{Number: 1, Since: m.clock})
		if moves {
			require.NoError(t, err, policy)
			continue
		}
		require.True(t, fault.Is(err, fault.WithheldByPolicy), "%s: %v", policy, err)
		require.Equal(t, "rule staff", fault.Of(err).Subject)
	}
}
