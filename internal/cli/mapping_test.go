package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the mappings make of people is seen without a tenant, without Temporal, and without an applied connection.
func TestMappingsAreTriedWithoutAConnection(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rewrite("P12,true,kim", "P13,true,lou,Lou Lake,Legal,XX,\nP12,true,kim")
	var r struct {
		Rules []struct {
			Rule                        string
			InScope, OutOfScope, Failed int
			People                      []struct {
				User    string
				InScope bool
				Values  map[string]string
				Failed  *struct{ Reason, Subject string }
			}
		}
	}
	for _, line := range []string{"mapping test -f FILE --id P05", "plan -f FILE --values P05"} {
		b.ok(&r, strings.Fields(strings.Replace(line, "FILE", b.config, 1))...)
		require.Len(t, r.Rules[0].People, 1)
		p := r.Rules[0].People[0]
		require.True(t, p.InScope)
		require.Equal(t, map[string]string{
			"userPrincipalName": "ed@globex.example", "displayName": "Ed Eder", "mailNickname": "ed", "department": "Sales", "usageLocation": "AT",
			"skuId": "SPE_E5", "accountEnabled": "true",
		}, p.Values)
	}
	b.steps(
		step{"mapping test -f FILE", 1, "rule staff: 10 people in scope, 1 outside the filter, 2 with a mapping that fails"},
		step{"mapping test -f FILE", 1, "usage_location_invalid"},
		step{"mapping test -f FILE --id P08", 0, "rule staff, person P08: outside the filter"},
		step{"mapping test -f FILE --id P06", 1, "fails: "},
		step{"mapping test -f FILE --id P99", 2, "no source of these rules has a person with this id"},
		step{"mapping test -f FILE --rule stuff", 2, "has no rule of this name"},
		step{"mapping test", 2, "no configuration file was given"},
	)
	b.untouched()
}

// Whoever mends a person's record sees at once all that is wrong with it, and the values that are right.
func TestMappingsShowAllThatIsWrongWithAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rewrite("P12,true,kim", "P13,maybe,lou lake,"+strings.Repeat("x", 300)+",Legal,XX,\nP12,true,kim")
	var r struct {
		Rules []struct {
			Failed int
			People []struct {
				Values   map[string]string
				Failed   struct{ Subject string }
				Failures []struct{ Reason, Subject, Message string }
			}
		}
	}
	for _, line := range []string{"mapping test -f FILE --id P13 -o json", "plan -f FILE --values P13 -o json"} {
		out := b.run(strings.Fields(strings.Replace(line, "FILE", b.config, 1))...)
		require.Equal(t, 1, out.status, out.stderr)
		require.NoError(t, json.Unmarshal([]byte(out.stdout), &r))
		require.Equal(t, 1, r.Rules[0].Failed)
		p := r.Rules[0].People[0]
		var reasons []string
		for _, f := range p.Failures {
			reasons = append(reasons, f.Reason)
			require.NotEmpty(t, f.Message)
		}
		require.Equal(t, []string{"user_principal_name_invalid", "attribute_too_long", "attribute_invalid", "usage_location_invalid", "enabled_unreadable"}, reasons)
		require.Equal(t, p.Failures[0].Subject, p.Failed.Subject)
		require.Equal(t, map[string]string{"department": "Legal", "skuId": ""}, p.Values)
	}
	b.steps(step{"mapping test -f FILE --id P13", 1, "usage_location_invalid"}, step{"mapping test -f FILE --id P13", 1, "enabled_unreadable"})
}

// An account is enabled when the mapping and the source say so, and whoever's enabled cannot be read fails.
func TestMappingsShowWhoIsDisabledAtTheSource(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rewrite("P05,true,", "P05,false,")
	b.rewrite("P12,true,kim", "P12,maybe,kim")
	b.steps(
		step{"mapping test -f FILE --id P05", 0, "accountEnabled     false"},
		step{"plan -f FILE --values P05", 0, "accountEnabled     false"},
		step{"mapping test -f FILE --id P12", 1, "enabled_unreadable"},
	)
}
