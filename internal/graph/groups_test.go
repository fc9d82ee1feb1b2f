package graph_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/simulator"
)

// seeded is a world with n people, who are not ours; their ids are in order.
func seeded(t *testing.T, n int, o simulator.Options, change ...func(*graph.Options)) (w *world, people []string) {
	t.Helper()
	o.Seed = simulator.DefaultSeed()
	for i := range n {
		id := fmt.Sprintf("cccccccc-0000-4000-8000-%012d", i)
		o.Seed.Tenants[0].Users = append(o.Seed.Tenants[0].Users, simulator.UserSeed{"id": id, "userPrincipalName": fmt.Sprintf("u%05d@contoso.com", i)})
		people = append(people, id)
	}
	w = simulate(t, o, change...)
	w.register(t)
	return w, people
}

func team(n int) graph.NewGroup {
	return graph.NewGroup{DisplayName: fmt.Sprintf("Team %d", n), Description: "People", MailNickname: fmt.Sprintf("team%d", n),
		Link: fmt.Sprintf("contoso/staff/g%d", n), Mark: "1;created"}
}

func (w *world) group(t *testing.T, name string) simulator.GroupState {
	t.Helper()
	state := w.State()
	g := state.Tenant("").Group(name)
	require.NotNil(t, g, name)
	return *g
}

func members(t *testing.T, c *graph.Client, group string) []string {
	t.Helper()
	ids := []string{}
	require.NoError(t, c.GroupMembers(context.Background(), group, func(page []string) error { ids = append(ids, page...); return nil }))
	slices.Sort(ids)
	return ids
}

// TestLifeOfAGroup goes through everything that the client can do with groups.
func TestLifeOfAGroup(t *testing.T) {
	t.Parallel()
	w, people := seeded(t, 30, simulator.Options{})
	ctx, c := context.Background(), w.client

	first := team(1)
	first.Members = people[:2]
	g, created, err := c.UpsertGroup(ctx, "ef-1", first, w.sel)
	require.NoError(t, err)
	require.True(t, created)
	want := directory.Group{ID: g.ID, DisplayName: "Team 1", Description: "People", MailNickname: "team1", UniqueName: "ef-1", SecurityEnabled: true,
		Link: "contoso/staff/g1", Mark: "1;created"}
	require.Equal(t, want, g)
	read, err := c.GroupByID(ctx, g.ID, w.sel)
	require.NoError(t, err)
	require.Equal(t, &want, read)
	read, err = c.GroupByUniqueName(ctx, "ef-1", w.sel)
	require.NoError(t, err)
	require.Equal(t, &want, read)
	found, err := c.GroupsByLink(ctx, "contoso/staff/g1", w.sel)
	require.NoError(t, err)
	require.Equal(t, []directory.Group{want}, found)
	found, err = c.GroupsByLink(ctx, "contoso/staff/o'neil", w.sel)
	require.NoError(t, err)
	require.Empty(t, found)
	require.Equal(t, people[:2], members(t, c, g.ID))

	// Again is the same group, and nothing is written to it.
	other := team(1)
	other.DisplayName, other.Link, other.Members = "Stolen", "contoso/staff/other", people[5:6]
	again, created, err := c.UpsertGroup(ctx, "ef-1", other, w.sel)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, want, again)

	require.NoError(t, c.AddMembers(ctx, g.ID, people[2:22]))
	require.NoError(t, c.AddMember(ctx, g.ID, people[22]))
	require.Equal(t, people[:23], members(t, c, g.ID))
	require.NoError(t, c.RemoveMember(ctx, g.ID, people[0]))
	require.Equal(t, people[1:23], members(t, c, g.ID))
	_, err = c.UserByID(ctx, people[0], w.sel)
	require.NoError(t, err, "who leaves a group stays")
	in, err := c.MemberOf(ctx, people[1])
	require.NoError(t, err)
	require.Equal(t, []string{g.ID}, in)
	in, err = c.MemberOf(ctx, people[0])
	require.NoError(t, err)
	require.Empty(t, in)

	require.NoError(t, c.UpdateGroup(ctx, g.ID, graph.GroupPatch{}, w.sel))
	require.NoError(t, c.UpdateGroup(ctx, g.ID, graph.GroupPatch{DisplayName: ptr("Crew"), Description: ptr(""), Mark: ptr("1;created;x"), MailNickname: ptr("crew")}, w.sel))
	want.DisplayName, want.Description, want.Mark, want.MailNickname = "Crew", "", "1;created;x", "crew"
	read, err = c.GroupByID(ctx, g.ID, w.sel)
	require.NoError(t, err)
	require.Equal(t, &want, read)

	mail := team(2)
	mail.Microsoft365 = true
	m, _, err := c.UpsertGroup(ctx, "ef-2", mail, w.sel)
	require.NoError(t, err)
	require.True(t, m.Microsoft365())
	require.False(t, m.Dynamic())
	require.True(t, m.MailEnabled)
	var ids []string
	keep := func(page []directory.Group) error {
		for _, g := range page {
			ids = append(ids, g.ID)
		}
		return nil
	}
	require.NoError(t, c.ListGroups(ctx, w.sel, keep))
	require.ElementsMatch(t, []string{g.ID, m.ID}, ids)

	require.NoError(t, c.DeleteGroup(ctx, g.ID))
	_, err = c.GroupByID(ctx, g.ID, w.sel)
	require.True(t, fault.Is(err, fault.TargetGroupNotFound), "%v", err)
	_, _, err = c.UpsertGroup(ctx, "ef-1", team(1), w.sel)
	require.True(t, fault.Is(err, fault.GroupInBin), "%v", err)
	ids = nil
	require.NoError(t, c.DeletedGroups(ctx, w.sel, keep))
	require.Equal(t, []string{g.ID}, ids)
	require.NoError(t, c.RestoreGroup(ctx, g.ID))
	read, err = c.GroupByUniqueName(ctx, "ef-1", w.sel)
	require.NoError(t, err)
	require.Equal(t, &want, read)
	require.Equal(t, people[1:23], members(t, c, g.ID))
	require.True(t, fault.Is(c.RestoreGroup(ctx, g.ID), fault.TargetGroupNotFound))
}

// TestSimulatedGroupRefusals: the simulator was written from the documentation and not from our table; both must agree.
func TestSimulatedGroupRefusals(t *testing.T) {
	t.Parallel()
	w, people := seeded(t, 6, simulator.Options{Behavior: simulator.Behavior{MemberQuota: 4}})
	ctx, c := context.Background(), w.client
	add := func(seed simulator.GroupSeed) (id string) {
		w.Mutate(func(tn *simulator.Tenant) {
			var err error
			id, err = tn.AddGroup(seed)
			require.NoError(t, err)
		})
		return id
	}
	dynamic := add(simulator.GroupSeed{"displayName": "Dynamic", "groupTypes": []string{"DynamicMembership"}, "membershipRule": `user.department -eq "x"`})
	list := add(simulator.GroupSeed{"displayName": "List", "mailEnabled": true})
	synced := add(simulator.GroupSeed{"displayName": "Synced", "onPremisesSyncEnabled": true})
	roles := add(simulator.GroupSeed{"displayName": "Roles", "isAssignableToRole": true})
	licensed := add(simulator.GroupSeed{"displayName": "Licensed", "licenses": []any{simulator.SKUM365E3}})
	plain := add(simulator.GroupSeed{"displayName": "Plain", "members": []string{people[0], people[1]}})
	add(simulator.GroupSeed{"displayName": "Mail", "groupTypes": []string{"Unified"}, "mailEnabled": true, "mailNickname": "mail"})
	const nobody = "dddddddd-0000-4000-8000-000000000000"
	one := func(group, account string, options ...graph.Option) func() error {
		return func() error { return c.AddMember(ctx, group, account, options...) }
	}
	several := func(group string, accounts ...string) func() error {
		return func() error { return c.AddMembers(ctx, group, accounts) }
	}
	out := func(group, account string) func() error {
		return func() error { return c.RemoveMember(ctx, group, account) }
	}
	rename := func(group string) func() error {
		return func() error { return c.UpdateGroup(ctx, group, graph.GroupPatch{Description: ptr("x")}, w.sel) }
	}
	tests := map[string]struct {
		call    func() error
		kind    fault.Kind
		reason  fault.Reason
		subject string
	}{
		"dynamic":                {several(dynamic, people[0]), fault.Denied, fault.GroupUnwritable, ""},
		"dynamic, one":           {one(dynamic, people[0]), fault.Denied, fault.GroupUnwritable, ""},
		"role-assignable":        {one(roles, people[0]), fault.Denied, fault.GroupUnwritable, ""},
		"role-assignable, named": {rename(roles), fault.Denied, fault.GroupUnwritable, ""},
		"mail-enabled":           {one(list, people[0]), fault.Invalid, fault.GroupMailEnabled, ""},
		"synced":                 {out(synced, people[0]), fault.Invalid, fault.GroupSynced, ""},
		"synced, named":          {rename(synced), fault.Invalid, fault.GroupSynced, ""},
		"one is a member":        {several(plain, people[2], people[1]), fault.Rematch, fault.MembershipChanged, ""},
		"a member already":       {one(plain, people[1]), fault.Stale, fault.AlreadyMember, ""},
		"no member":              {out(plain, people[5]), fault.Stale, fault.NotMember, ""},
		"no such account":        {several(plain, people[2], nobody, people[3]), fault.NotFound, fault.GroupMemberNotFound, nobody},
		"no such account, one":   {one(plain, nobody), fault.NotFound, fault.GroupMemberNotFound, nobody},
		"young account":          {one(plain, nobody, graph.RecentlyWritten()), fault.NotReady, fault.ReplicationPending, ""},
		"no such group":          {one(nobody, people[0]), fault.NotFound, fault.TargetGroupNotFound, ""},
		"no such group, several": {several(nobody, people[0]), fault.NotFound, fault.TargetGroupNotFound, ""},
		"no such group, named":   {rename(nobody), fault.NotFound, fault.TargetGroupNotFound, ""},
		"young group":            {one(nobody, people[0], graph.RecentlyWritten()), fault.NotReady, fault.ReplicationPending, ""},
		"full":                   {several(plain, people[2], people[3], people[4]), fault.Denied, fault.GroupMembersQuota, ""},
		"licensed":               {func() error { return c.DeleteGroup(ctx, licensed) }, fault.Invalid, fault.GroupHasLicenses, ""},
		"nickname": {func() error {
			g := team(1)
			g.Microsoft365, g.MailNickname = true, "MAIL"
			_, _, err := c.UpsertGroup(ctx, "ef-nick", g, w.sel)
			return err
		}, fault.Invalid, fault.GroupNicknameTaken, "mailNickname"},
		"bad nickname": {func() error {
			g := team(1)
			g.MailNickname = "a b"
			_, _, err := c.UpsertGroup(ctx, "ef-bad", g, w.sel)
			return err
		}, fault.Invalid, fault.AttributeInvalid, "mailNickname"},
		"members of a missing group": {func() error {
			return c.GroupMembers(ctx, nobody, func([]string) error { return nil })
		}, fault.NotFound, fault.TargetGroupNotFound, ""},
		"groups of nobody": {func() error { _, err := c.MemberOf(ctx, nobody); return err }, fault.NotFound, fault.AccountNotFound, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := fault.Of(tt.call())
			require.NotNil(t, got)
			require.Equal(t, tt.kind, got.Kind, "%v", got)
			require.Equal(t, tt.reason, got.Reason, "%v", got)
			require.Equal(t, tt.subject, got.Subject)
			require.NotEmpty(t, got.RequestID)
		})
	}
	require.Equal(t, []string{people[0], people[1]}, members(t, c, plain), "nothing was added")
}

// TestMembershipCallsThatAreNone are refused before anything is sent: without an id the path would be another one.
func TestMembershipCallsThatAreNone(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Graph = answering(204, nil, "")
	ctx, c := context.Background(), f.client(t)
	twenty := func(n int) (ids []string) {
		for i := range n {
			ids = append(ids, fmt.Sprintf("cccccccc-0000-4000-8000-%012d", i))
		}
		return ids
	}
	for name, err := range map[string]error{
		"no member": c.RemoveMember(ctx, userID, ""),
		"no group":  c.RemoveMember(ctx, "", userID),
		"no id":     c.RemoveMember(ctx, userID, "ann@contoso.com"),
		"two parts": c.AddMember(ctx, userID, "a/b"),
		"none":      c.AddMembers(ctx, userID, nil),
		"too many":  c.AddMembers(ctx, userID, twenty(21)),
		"twice":     c.AddMembers(ctx, userID, []string{"aaaaaaaa-0000-4000-8000-000000000000", "AAAAAAAA-0000-4000-8000-000000000000"}),
		"without a link": func() error {
			_, _, err := c.UpsertGroup(ctx, "x", graph.NewGroup{DisplayName: "d", MailNickname: "m"}, selection)
			return err
		}(),
		"without a name":  func() error { _, _, err := c.UpsertGroup(ctx, "", team(1), selection); return err }(),
		"without display": func() error { _, _, err := c.UpsertGroup(ctx, "x", graph.NewGroup{Link: "l"}, selection); return err }(),
		"unnamed":         c.UpdateGroup(ctx, userID, graph.GroupPatch{DisplayName: ptr("")}, selection),
	} {
		require.Equal(t, fault.Internal, fault.KindOf(err), name)
	}
	require.Empty(t, f.requests())
	require.NoError(t, c.AddMembers(ctx, userID, twenty(20)))
	require.Len(t, f.requests(), 1)
}

// TestNoMembershipCallDeletesAnAccount: without /$ref Graph deletes the account itself. What we send is looked at on the wire, our
// transport refuses to send anything else, and the simulator has the trap.
func TestNoMembershipCallDeletesAnAccount(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Graph = answering(204, nil, "")
	ctx, c := context.Background(), f.client(t)
	require.NoError(t, c.RemoveMember(ctx, groupID, userID))
	require.Equal(t, "DELETE", f.requests()[0].Method)
	require.Equal(t, "/v1.0/groups/"+groupID+"/members/"+userID+"/$ref", f.requests()[0].URI)
	for _, path := range []string{"/groups/" + groupID + "/members/" + userID, "/groups/" + groupID + "/members/" + userID + "/",
		"/groups/" + groupID + "/Members/" + userID + "/ref", "/groups('" + groupID + "')/members('" + userID + "')", "/groups/" + groupID + "/owners/" + userID} {
		err := c.DeleteAt(ctx, path)
		require.Equal(t, fault.Internal, fault.KindOf(err), path)
	}
	require.Len(t, f.requests(), 1, "nothing else left this process")
	require.NoError(t, c.DeleteGroup(ctx, groupID))

	w, people := seeded(t, 1, simulator.Options{})
	g := team(1)
	g.Members = people
	made, _, err := w.client.UpsertGroup(ctx, "ef-1", g, w.sel)
	require.NoError(t, err)
	require.Error(t, w.client.DeleteAt(ctx, "/groups/"+made.ID+"/members/"+people[0]))
	require.NoError(t, w.client.RemoveMember(ctx, made.ID, people[0]))
	_, err = w.client.UserByID(ctx, people[0], w.sel)
	require.NoError(t, err)
	require.Empty(t, w.group(t, "Team 1").Members)
}

// TestLicensesByGroup: what a group cannot give is told with its reason, and given when it is tried again.
func TestLicensesByGroup(t *testing.T) {
	t.Parallel()
	w, people := seeded(t, 2, simulator.Options{})
	ctx := context.Background()
	var group string
	w.Mutate(func(tn *simulator.Tenant) {
		var err error
		group, err = tn.AddGroup(simulator.GroupSeed{"displayName": "Licensed", "licenses": []any{simulator.SKUM365E3}})
		require.NoError(t, err)
		require.NoError(t, tn.SetStock(simulator.SKUM365E3, 1))
	})
	g, err := w.client.GroupByID(ctx, group, w.sel)
	require.NoError(t, err)
	require.Equal(t, []string{simulator.SKUM365E3}, g.AssignedLicenses)
	require.NoError(t, w.client.AddMembers(ctx, group, people))
	license := func(id string) directory.AssignedLicense {
		a, err := w.client.UserByID(ctx, id, w.sel)
		require.NoError(t, err)
		require.Len(t, a.Licenses, 1)
		return a.Licenses[0]
	}
	require.Equal(t, directory.AssignedLicense{SKU: simulator.SKUM365E3, Group: group, State: "Active"}, license(people[0]))
	require.Equal(t, directory.AssignedLicense{SKU: simulator.SKUM365E3, Group: group, State: "Error", Error: "CountViolation"}, license(people[1]))
	w.Mutate(func(tn *simulator.Tenant) { require.NoError(t, tn.SetStock(simulator.SKUM365E3, 2)) })
	require.NoError(t, w.client.ReprocessLicenses(ctx, people[1]))
	require.Equal(t, "Active", license(people[1]).State)
}

// TestGroupsWithoutADefinition: a selection that names a property which no group can have shows no link at all.
func TestGroupsWithoutADefinition(t *testing.T) {
	t.Parallel()
	w, _ := seeded(t, 0, simulator.Options{})
	ctx := context.Background()
	nothing := func([]directory.Group) error { return nil }
	require.NoError(t, w.client.ListGroups(ctx, w.sel, nothing))
	w.Mutate(func(tn *simulator.Tenant) { require.NoError(t, tn.DropExtension(w.sel.LinkProperty)) })
	err := w.client.ListGroups(ctx, w.sel, nothing)
	require.True(t, fault.Is(err, fault.ExtensionMissing), "%v", err)
}

// TestUpsertMeetsAGroupUnseen: where the look for the group goes to a server that lags behind, the request finds it.
func TestUpsertMeetsAGroupUnseen(t *testing.T) {
	t.Parallel()
	now := newClock()
	w, _ := seeded(t, 0, simulator.Options{ReplicaLag: time.Minute, Now: now.Now, RandomSeed: 3}, func(o *graph.Options) { o.Now = now.Now })
	ctx := context.Background()
	ids, unseen := map[string]bool{}, 0
	for range 30 {
		before := w.Stats().Writes
		g, created, err := w.client.UpsertGroup(ctx, "ef-1", team(1), w.sel, graph.RecentlyWritten())
		if err != nil {
			require.True(t, fault.Is(err, fault.ReplicationPending) || fault.Is(err, fault.TargetGroupNotFound), "%v", err)
			continue
		}
		ids[g.ID] = true
		if !created && w.Stats().Writes > before {
			unseen++
		}
	}
	require.Len(t, ids, 1)
	require.NotZero(t, unseen)
	state := w.State()
	require.Len(t, state.Tenant("").Groups, 1)
}

// TestMembersAreCompleteOrAnError: whatever happens to the pages, a list that ends well has everybody once.
func TestMembersAreCompleteOrAnError(t *testing.T) {
	t.Parallel()
	w, people := seeded(t, 3100, simulator.Options{RandomSeed: 5})
	var group string
	w.Mutate(func(tn *simulator.Tenant) {
		var err error
		group, err = tn.AddGroup(simulator.GroupSeed{"displayName": "Big", "members": people})
		require.NoError(t, err)
	})
	w.SetFaults(simulator.Faults{InternalError: 0.1, BadGateway: 0.05, UnavailableHTML: 0.05, Reset: 0.1, Unauthorized: 0.05, EmptyPage: 0.3})
	whole := 0
	for range 40 {
		var ids []string
		err := w.client.GroupMembers(context.Background(), group, func(page []string) error { ids = append(ids, page...); return nil })
		if err != nil {
			require.NotNil(t, fault.Of(err))
			continue
		}
		slices.Sort(ids)
		require.Equal(t, people, ids)
		whole++
	}
	require.Positive(t, whole)
	require.Less(t, whole, 40)
}

// TestYoungGroups: where servers lag behind, what was just created is not ready rather than missing.
func TestYoungGroups(t *testing.T) {
	t.Parallel()
	now := newClock()
	w, people := seeded(t, 1, simulator.Options{ReplicaLag: time.Minute, Now: now.Now, RandomSeed: 7}, func(o *graph.Options) { o.Now = now.Now })
	ctx := context.Background()
	g, _, err := w.client.UpsertGroup(ctx, "ef-1", team(1), w.sel)
	require.NoError(t, err)
	pending := 0
	for range 40 {
		_, err := w.client.GroupByID(ctx, g.ID, w.sel, graph.RecentlyWritten())
		if err != nil {
			require.True(t, fault.Is(err, fault.ReplicationPending), "%v", err)
			pending++
		}
		if err := w.client.AddMember(ctx, g.ID, people[0], graph.RecentlyWritten()); err != nil && !fault.Is(err, fault.AlreadyMember) {
			require.True(t, fault.Is(err, fault.ReplicationPending), "%v", err)
		}
	}
	require.NotZero(t, pending)
	require.Equal(t, []string{people[0]}, w.group(t, "Team 1").Members)
}

// TestManyMembers: a list of several pages is complete.
func TestManyMembers(t *testing.T) {
	t.Parallel()
	w, people := seeded(t, 2500, simulator.Options{})
	var group string
	w.Mutate(func(tn *simulator.Tenant) {
		var err error
		group, err = tn.AddGroup(simulator.GroupSeed{"displayName": "Big", "members": people})
		require.NoError(t, err)
	})
	require.Equal(t, people, members(t, w.client, group))
	require.Equal(t, 3, w.Stats().Requests["GET /groups/{id}/members"])
}
