package provision_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/provision"
)

// Whoever reaches Temporal can call an activity with any account's id: what is not the person's is not written to, and nothing
// is while the connection may not be used.
func TestOnlyThePersonsOwnAccountIsWrittenTo(t *testing.T) {
	t.Parallel()
	late := provision.Attempt{Number: 5}
	for name, write := range map[string]func(m *model, account string) error{
		"sessions": func(m *model, account string) error {
			return m.workers[0].RevokeSessions(t.Context(), api.RevokeInput{Connection: "contoso", User: "p0", AccountID: account}, late)
		},
		"licenses": func(m *model, account string) error {
			_, err := m.workers[0].AssignLicenses(t.Context(), api.LicenseInput{Connection: "contoso", User: "p0", AccountID: account, Add: []directory.License{{SKU: "s"}}}, late)
			return err
		},
		"licenses, at first": func(m *model, account string) error {
			_, err := m.workers[0].AssignLicenses(t.Context(), api.LicenseInput{Connection: "contoso", User: "p0", AccountID: account, Add: []directory.License{{SKU: "s"}}}, provision.Attempt{Number: 1})
			return err
		},
		"manager": func(m *model, account string) error {
			return m.workers[0].SetManager(t.Context(), api.ManagerInput{Connection: "contoso", User: "p0", AccountID: account, ManagerID: "m"}, late)
		},
		"no manager": func(m *model, account string) error {
			return m.workers[0].SetManager(t.Context(), api.ManagerInput{Connection: "contoso", User: "p0", AccountID: account}, late)
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := calm(t)
			for id, link := range map[string]string{"nobodys": "", "anothers": "contoso/staff/p1", "elsewhere": "fabrikam/staff/p0"} {
				m.tenant.write(id, m.clock, func(s *state) {
					s.gone = false
					s.account = directory.Account{ID: id, UserPrincipalName: id + "@contoso.com", Link: link}
				})
			}
			m.tenant.write("account-1", m.clock, func(s *state) { s.account.Manager = "boss" })
			m.have(m.people.records...)
			m.restart(0)
			for _, id := range []string{"nobodys", "anothers", "elsewhere"} {
				require.Error(t, write(m, id), id)
			}
			require.Zero(t, m.tenant.others)
			require.NoError(t, write(m, "account-1"))
			require.Equal(t, 1, m.tenant.others)
			m.settings.Valid = false
			require.True(t, fault.Is(write(m, "account-1"), fault.ConnectionInvalid))
			require.Equal(t, 1, m.tenant.others)
		})
	}
}
