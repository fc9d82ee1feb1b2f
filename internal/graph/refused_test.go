package graph_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/simulator"
)

// A refusal of one attribute is no refusal of the others: without those that the fault names, the rest is written.
func TestTheRestIsWritten(t *testing.T) {
	t.Parallel()
	ctx, w := context.Background(), simulate(t, simulator.Options{})
	w.register(t)
	var admin, plain string
	w.Mutate(func(tn *simulator.Tenant) {
		var err error
		admin, err = tn.AddUser(simulator.UserSeed{"userPrincipalName": "admin@contoso.com", "displayName": "Admin", "adminRole": true})
		require.NoError(t, err)
		plain, err = tn.AddUser(simulator.UserSeed{"userPrincipalName": "plain@contoso.com", "displayName": "Plain"})
		require.NoError(t, err)
	})
	wanted := map[string]string{"department": "Sales", "businessPhones": "+1", "mobilePhone": "+2", "jobTitle": "Head"}
	for _, test := range []struct {
		id      string
		bad     map[string]string
		reason  fault.Reason
		refused []string
	}{
		{admin, nil, fault.AccountProtected, []string{"businessPhones", "mobilePhone"}},
		{plain, map[string]string{"usageLocation": "UK"}, fault.UsageLocationInvalid, []string{"usageLocation"}},
		{plain, map[string]string{"givenName": string(make([]byte, 65))}, fault.AttributeInvalid, []string{"givenName"}},
	} {
		patch := graph.Patch{Attributes: maps.Clone(wanted), Mark: ptr("mark")}
		maps.Copy(patch.Attributes, test.bad)
		err := w.client.UpdateUser(ctx, test.id, patch, w.sel)
		require.Equal(t, test.reason, fault.Of(err).Reason, "%v", err)
		refused := graph.RefusedAttributes(err)
		require.Equal(t, test.refused, refused)
		maps.DeleteFunc(patch.Attributes, func(name, _ string) bool { return slices.Contains(refused, name) })
		require.NoError(t, w.client.UpdateUser(ctx, test.id, patch, w.sel))
		a, err := w.client.UserByID(ctx, test.id, directory.Selection{Attributes: []string{"department"}, MarkProperty: w.sel.MarkProperty})
		require.NoError(t, err)
		require.Equal(t, []string{"Sales"}, a.Values)
		require.Equal(t, "mark", a.Mark)
	}
	require.Empty(t, graph.RefusedAttributes(nil))
	require.Empty(t, graph.RefusedAttributes(context.Canceled))
}
