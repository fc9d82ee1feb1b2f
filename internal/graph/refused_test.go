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

// The same for an account that is to be created.
func TestTheRestIsCreated(t *testing.T) {
	t.Parallel()
	ctx, w := context.Background(), simulate(t, simulator.Options{})
	w.register(t)
	for name, test := range map[string]struct {
		bad     string
		reason  fault.Reason
		refused []string
	}{
		"usageLocation":          {"UK", fault.UsageLocationInvalid, []string{"usageLocation"}},
		"givenName":              {string(make([]byte, 65)), fault.AttributeInvalid, []string{"givenName"}},
		directory.MailNickname:   {"a b", fault.AttributeInvalid, []string{directory.MailNickname}},
		directory.BusinessPhones: {"+1" + directory.ListSeparator + "+2", fault.AttributeInvalid, []string{directory.BusinessPhones}},
	} {
		u := graph.NewUser{UserPrincipalName: name + "@contoso.com", Password: "Sim8Q~created-0001", Enabled: true, Link: "contoso/staff/" + name, Mark: "mark",
			Attributes: map[string]string{directory.DisplayName: "Ann", directory.MailNickname: name, "department": "Sales"}}
		u.Attributes[name] = test.bad
		_, err := w.client.CreateUser(ctx, u, w.sel)
		require.Equal(t, test.reason, fault.Of(err).Reason, "%v", err)
		require.Equal(t, test.refused, graph.RefusedAttributes(err), name)
		if name == directory.MailNickname {
			continue
		}
		delete(u.Attributes, name)
		id, err := w.client.CreateUser(ctx, u, w.sel)
		require.NoError(t, err)
		a, err := w.client.UserByID(ctx, id, directory.Selection{Attributes: []string{"department"}, LinkProperty: w.sel.LinkProperty})
		require.NoError(t, err)
		require.Equal(t, []string{"Sales"}, a.Values)
		require.Equal(t, u.Link, a.Link)
	}
}
