package pingoneimport_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/pingoneimport"
	"github.com/entraflow/entraflow/internal/source/pingone"
)

// What stands in a literal means what it meant in PingOne, and what may be a password is not written down.
func TestBlanksAreKeptAndPasswordsAreNot(t *testing.T) {
	t.Parallel()
	made := pingoneimport.Make(&pingone.Provisioning{Rules: []pingone.ProvisioningRule{{Name: "r", PopulationExpression: `title eq "a  b"`,
		Mappings: []pingone.ProvisioningMapping{
			{TargetAttribute: "displayName", Expression: `#regex.replaceAll(username, '  ', ' ')`},
			{TargetAttribute: "passwordProfile.password", Expression: `'Hunter2!'`},
		}}}}, pingone.ProvisioningStore{Name: "x"}, pingone.Environment{})
	require.Contains(t, made.Text, `title eq "a  b"`)
	require.Contains(t, made.Text, `"  "`)
	require.NotContains(t, made.Text, "Hunter2!")
}

// A rule of which PingOne does not say whom it includes must not include everybody.
func TestARuleWithoutPeopleIncludesNobody(t *testing.T) {
	t.Parallel()
	made := pingoneimport.Make(&pingone.Provisioning{Rules: []pingone.ProvisioningRule{{Name: "r"}}}, pingone.ProvisioningStore{}, pingone.Environment{})
	require.Contains(t, made.Text, "-nobody-")
}
