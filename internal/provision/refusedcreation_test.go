package provision_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/plan"
)

// Graph refuses one attribute of somebody new: the account is made without it, and the person is told to be partly synced. Without what
// an account must have, or while somebody else has the immutable id, none is made.
func TestACreationGoesOnWithoutWhatIsRefused(t *testing.T) {
	t.Parallel()
	refusal := func(reason fault.Reason, attributes ...string) error {
		return fault.Wrap("create", fault.Invalid, reason, strings.Join(attributes, ", "), &graph.Answer{Status: 400, Refused: attributes})
	}
	for name, test := range map[string]struct {
		refused []string
		reason  fault.Reason
		created bool
		subject string
	}{
		"one":             {[]string{"department"}, fault.AttributeInvalid, true, "department"},
		"one by one":      {[]string{"department", "jobTitle"}, fault.AttributeInvalid, true, "department, jobTitle"},
		"nothing named":   {[]string{""}, fault.AttributeInvalid, false, ""},
		"required":        {[]string{directory.MailNickname}, fault.AddressConflict, false, directory.MailNickname},
		"then required":   {[]string{"department", directory.DisplayName}, fault.AttributeInvalid, false, directory.DisplayName},
		"immutable id":    {[]string{directory.ImmutableID}, fault.ImmutableIDConflict, false, directory.ImmutableID},
		"not what we ask": {[]string{"proxyAddresses"}, fault.AttributeInvalid, false, "proxyAddresses"},
	} {
		for how, run := range map[string]func(*model){
			"in a sync": func(m *model) { m.sync() },
			"on demand": func(m *model) { m.provision("p1", api.ProvisionInput{}) },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				m := calm(t)
				for attribute, expression := range map[string]string{"jobTitle": `"Engineer " + user.username`, directory.ImmutableID: `user.username`} {
					m.settings.Config.Rules[0].Mappings[attribute] = config.Mapping{Expression: expression}
				}
				var requests int
				m.tenant.refuseNew = func(u graph.NewUser) error {
					requests++
					for _, attribute := range test.refused {
						switch {
						case attribute == "":
							return refusal(test.reason)
						case u.Attributes[attribute] != "" || attribute == "proxyAddresses":
							return refusal(test.reason, attribute)
						}
					}
					return nil
				}
				bea := annIs("bea", "Sales", true)
				bea.ID, bea.Fields["id"] = "p1", "p1"
				m.have(append(m.people.records, bea)...)
				run(m)
				holder := m.tenant.holder("bea@contoso.com")
				if !test.created {
					require.Empty(t, holder)
					require.LessOrEqual(t, requests, len(test.refused), "%s", strings.Join(m.story, "\n"))
					return
				}
				require.NotEmpty(t, holder)
				require.Equal(t, len(test.refused)+1, requests)
				require.Equal(t, plan.Create, m.last.Action)
				require.Equal(t, plan.PartiallySynced, m.last.Outcome)
				require.Equal(t, test.reason, m.last.Reason)
				require.Equal(t, test.subject, m.last.Subject)
				require.NotContains(t, m.last.Attributes, "department")
				require.Contains(t, m.last.Attributes, directory.ImmutableID)
				account := m.tenant.objects[holder].now().account
				value, _ := account.Value(m.settings.Selection(), "department")
				require.Empty(t, value)
				require.Equal(t, "contoso/staff/p1", account.Link)

				m.tenant.refuseNew = nil
				m.have(m.people.records...)
				run(m)
				account = m.tenant.objects[holder].now().account
				value, _ = account.Value(m.settings.Selection(), "department")
				require.Equal(t, "Sales", value, "what was left out is written once Graph takes it")
			})
		}
	}
}
