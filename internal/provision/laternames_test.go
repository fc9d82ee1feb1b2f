package provision_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// The first of several names is free, and an account has the second that shows to be the person's, or that of an id that is gone: nobody gets
// a second account, in a sync or on demand.
func TestAFreeNameGivesNoSecondAccount(t *testing.T) {
	t.Parallel()
	for how, run := range map[string]func(*model){
		"in a sync": func(m *model) { m.sync() },
		"on demand": func(m *model) { m.provision("p1", api.ProvisionInput{}) },
	} {
		for _, left := range []bool{false, true} {
			m := calm(t)
			m.several = true
			m.settings.Config.Rules = severalNames(m.settings.Config.Rules)
			m.settings.Revision++
			bea := source.Record{ID: "p1", Enabled: true, Fields: map[string]any{"id": "p1", "username": "bea", "department": "Sales"}}
			if left {
				m.tenant.write("account-1", m.clock, func(s *state) { s.account.UserPrincipalName = "bea2@contoso.com" })
				m.have(bea)
			} else {
				m.stranger("bea2", false)
				m.tenant.write("stranger-bea2", m.clock.Add(-time.Hour), func(s *state) {
					s.account.Values = slices.Clone(s.account.Values)
					s.account.Values[slices.Index(m.settings.Selection().Attributes, directory.DisplayName)] = "Ann Lee"
				})
				m.have(append(m.people.records, bea)...)
			}
			run(m)
			require.Empty(t, m.failed, "%s", strings.Join(m.story, "\n"))
			require.Empty(t, m.tenant.holder("bea@contoso.com"), "%s, left %t: %s", how, left, strings.Join(m.story, "\n"))
			holder := m.tenant.objects[m.tenant.holder("bea2@contoso.com")].now().account
			if left {
				require.Equal(t, "contoso/staff/p0", holder.Link)
				require.True(t, holder.Enabled, "%s: who may be there is not taken for gone", how)
				if how == "on demand" {
					require.Equal(t, fault.UPNTaken, m.last.Reason)
				}
				continue
			}
			require.Equal(t, "contoso/staff/p1", holder.Link, how)
		}
	}
}
