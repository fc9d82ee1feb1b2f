package plan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// What Entra is sure to refuse is found before it is asked, in the plan, and names the attribute.
func TestAFederatedDomainNeedsAnImmutableID(t *testing.T) {
	t.Parallel()
	policy, p := settings(), ann()
	policy.FederatedDomains = []string{"Contoso.com"}
	c := plan.Decide(policy, p, plan.Match{})
	require.Equal(t, plan.Failed, c.Outcome)
	require.Equal(t, fault.AttributeRequired, c.Reason)
	require.Equal(t, directory.ImmutableID, c.Subject)

	p.Desired.Attributes[directory.ImmutableID] = "YWJj"
	require.Equal(t, plan.Create, plan.Decide(policy, p, plan.Match{}).Action)
	delete(p.Desired.Attributes, directory.ImmutableID)
	p.Desired.UserPrincipalName = "ann@fabrikam.com"
	require.Equal(t, plan.Create, plan.Decide(policy, p, plan.Match{}).Action, "another domain")
	a := account()
	p = ann()
	require.NotEqual(t, plan.Failed, plan.Decide(policy, p, plan.Match{Linked: []*directory.Account{&a}}).Outcome, "an account that there is stays ours to keep")
}
