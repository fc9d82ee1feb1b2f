package plan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// Only a license that is Active is there. While one that is wanted is not, nothing is taken: a swap must not become a loss.
func TestLicenseStates(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		group, direct string // the states of the wanted license A; "" where it is not assigned so
		left          int
		then          []string
		reason        fault.Reason
	}{
		"a group gives it":                            {group: "Active", then: []string{"-b"}},
		"a group cannot give it, no unit is left":     {group: "Error", then: []string{}, reason: fault.LicensesExhausted},
		"a group cannot give it, units were bought":   {group: "Error", left: 1, then: []string{"a", "-b"}},
		"a group gives it with errors":                {group: "ActiveWithError", left: 1, then: []string{"a", "-b"}},
		"a group's subscription has lapsed":           {group: "Disabled", left: 1, then: []string{"a", "-b"}},
		"assigned directly":                           {direct: "Active", then: []string{"-b"}},
		"assigned directly, in error":                 {direct: "Error", left: 1, then: []string{}, reason: fault.LicenseNotActive},
		"assigned directly, with errors":              {direct: "ActiveWithError", left: 1, then: []string{}, reason: fault.LicenseNotActive},
		"assigned directly, lapsed":                   {direct: "Disabled", left: 1, then: []string{}, reason: fault.LicenseNotActive},
		"assigned directly, in error, and by a group": {direct: "Error", group: "Active", then: []string{"-b"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := holder(skuB)
			if row.group != "" {
				a.Licenses = append(a.Licenses, directory.AssignedLicense{SKU: skuA, Group: "group", State: row.group})
			}
			if row.direct != "" {
				a.Licenses = append(a.Licenses, directory.AssignedLicense{SKU: skuA, State: row.direct})
			}
			s := settings()
			s.Left = map[string]int{skuA: row.left}
			c := license(s, wanting(skuA), a)
			require.Equal(t, row.then, short(c))
			require.Equal(t, row.reason, c.Reason)
		})
	}
}

// Service plans stay on while a group's license has them on.
func TestPlansThatAGroupHasOn(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		group  []string
		reason fault.Reason
	}{
		"the group has it on":  {nil, fault.LicenseInherited},
		"the group has it off": {[]string{mailPlan}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := holder()
			a.Licenses = []directory.AssignedLicense{{SKU: skuA, Group: "group", State: "Active", DisabledPlans: row.group}}
			p := wanting(skuA)
			p.Desired.DisabledPlansMapped, p.Desired.DisabledPlans = true, []string{"MAIL"}
			c := license(settings(), p, a)
			require.Empty(t, short(c))
			require.Equal(t, row.reason, c.Reason)
		})
	}
}
