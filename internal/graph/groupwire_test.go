package graph_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/graph"
)

// TestGroupRequests: what each call sends, as Microsoft's pages have it.
func TestGroupRequests(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	link, mark := selection.LinkProperty, selection.MarkProperty
	sel := "$select=id,displayName,description,mailNickname,uniqueName,groupTypes,securityEnabled,mailEnabled,isAssignableToRole,isManagementRestricted,onPremisesSyncEnabled,assignedLicenses," + link + "," + mark
	one := fmt.Sprintf(`{"id":%q,"displayName":"d","uniqueName":"o'n/1","groupTypes":["Unified"],"assignedLicenses":[{"skuId":%q}],%q:"l",%q:"m"}`, groupID, strings.ToUpper(skuID), link, mark)
	page := fmt.Sprintf(`{"value":[%s]}`, one)
	group := directory.Group{ID: groupID, DisplayName: "d", UniqueName: "o'n/1", Types: []string{"Unified"}, AssignedLicenses: []string{skuID}, Link: "l", Mark: "m"}
	none := func([]directory.Group) error { return nil }
	for name, tt := range map[string]struct {
		call        func(*graph.Client) error
		status      int
		answer      string
		method, uri string
		body        string
	}{
		"list":    {func(c *graph.Client) error { return c.ListGroups(ctx, selection, none) }, 200, page, "GET", "/groups?" + sel + "&$top=999", ""},
		"deleted": {func(c *graph.Client) error { return c.DeletedGroups(ctx, selection, none) }, 200, page, "GET", "/directory/deletedItems/microsoft.graph.group?" + sel, ""},
		"by id": {func(c *graph.Client) error {
			g, err := c.GroupByID(ctx, groupID, selection)
			require.Equal(t, &group, g)
			return err
		}, 200, one, "GET", "/groups/" + groupID + "?" + sel, ""},
		"by unique name": {func(c *graph.Client) error {
			g, err := c.GroupByUniqueName(ctx, "O'N/1", selection)
			require.Equal(t, &group, g)
			return err
		}, 200, one, "GET", "/groups(uniqueName='O''N%2F1')?" + sel, ""},
		"by link": {func(c *graph.Client) error {
			g, err := c.GroupsByLink(ctx, "l", selection)
			require.Equal(t, []directory.Group{group}, g)
			return err
		}, 200, page, "GET", "/groups?" + sel + "&$filter=" + link + "%20eq%20'l'", ""},
		"members":   {func(c *graph.Client) error { return c.GroupMembers(ctx, groupID, func([]string) error { return nil }) }, 200, page, "GET", "/groups/" + groupID + "/members?$top=999&$select=id", ""},
		"member of": {func(c *graph.Client) error { _, err := c.MemberOf(ctx, userID); return err }, 200, `{"value":["` + groupID + `"]}`, "POST", "/users/" + userID + "/getMemberGroups", `{"securityEnabledOnly":false}`},
		"add one": {func(c *graph.Client) error { return c.AddMember(ctx, groupID, userID) }, 204, "", "POST", "/groups/" + groupID + "/members/$ref",
			`{"@odata.id":"HOST/v1.0/directoryObjects/` + userID + `"}`},
		"add two": {func(c *graph.Client) error { return c.AddMembers(ctx, groupID, []string{userID, skuID}) }, 204, "", "PATCH", "/groups/" + groupID,
			`{"members@odata.bind":["HOST/v1.0/directoryObjects/` + userID + `","HOST/v1.0/directoryObjects/` + skuID + `"]}`},
		"update": {func(c *graph.Client) error {
			return c.UpdateGroup(ctx, groupID, graph.GroupPatch{DisplayName: ptr("n"), Description: ptr(""), Link: ptr(""), Mark: ptr("x")}, selection)
		}, 204, "", "PATCH", "/groups/" + groupID, fmt.Sprintf(`{"description":null,"displayName":"n",%q:null,%q:"x"}`, link, mark)},
		"delete":  {func(c *graph.Client) error { return c.DeleteGroup(ctx, groupID) }, 204, "", "DELETE", "/groups/" + groupID, ""},
		"restore": {func(c *graph.Client) error { return c.RestoreGroup(ctx, groupID) }, 200, one, "POST", "/directory/deletedItems/" + groupID + "/restore", ""},
	} {
		f := newFake(t)
		f.Graph = answering(tt.status, nil, tt.answer)
		require.NoError(t, tt.call(f.client(t)), name)
		requests := f.requests()
		require.Len(t, requests, 1, name)
		r := requests[0]
		require.Equal(t, tt.method, r.Method, name)
		require.Equal(t, plainURI("/v1.0"+tt.uri), plainURI(r.URI), name)
		if tt.body != "" {
			require.JSONEq(t, hosted(tt.body, f), r.Body, name)
			require.Equal(t, "application/json", r.Header.Get("Content-Type"), name)
			require.EqualValues(t, len(r.Body), r.Length, name)
		}
	}
}

// TestUpsertRequest: a look for the group, and the request that creates it with everything.
func TestUpsertRequest(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Graph = func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			reply(w, 404, nil, graphError("Request_ResourceNotFound", fmt.Sprintf(missing, "o'n")))
			return
		}
		reply(w, 201, nil, fmt.Sprintf(`{"id":%q,"displayName":"Team 1","securityEnabled":true}`, groupID))
	}
	g := team(1)
	g.Members = []string{userID}
	made, created, err := f.client(t).UpsertGroup(context.Background(), "o'n", g, selection, graph.RecentlyWritten())
	require.NoError(t, err)
	require.True(t, created)
	require.Equal(t, directory.Group{ID: groupID, DisplayName: "Team 1", UniqueName: "o'n", SecurityEnabled: true, Link: g.Link, Mark: g.Mark}, made)
	requests := f.requests()
	require.Len(t, requests, 2)
	require.Equal(t, "PATCH", requests[1].Method)
	require.Equal(t, plainURI("/v1.0/groups(uniqueName='o''n')"), plainURI(requests[1].URI))
	require.Equal(t, "create-if-missing", requests[1].Header.Get("Prefer"))
	require.JSONEq(t, hosted(fmt.Sprintf(`{"displayName":"Team 1","description":"People","mailNickname":"team1","mailEnabled":false,"securityEnabled":true,
		"groupTypes":[],%q:"contoso/staff/g1",%q:"1;created","members@odata.bind":["HOST/v1.0/directoryObjects/`+userID+`"]}`,
		selection.LinkProperty, selection.MarkProperty), f), requests[1].Body)
}

// BenchmarkGroupMembers reads a group of 100,000 members, 101 pages.
func BenchmarkGroupMembers(b *testing.B) {
	const size = 100_000
	f := newFake(b)
	f.Graph = func(w http.ResponseWriter, r *http.Request) {
		from := 0
		_, _ = fmt.Sscanf(r.URL.Query().Get("$skiptoken"), "p%d", &from)
		var page strings.Builder
		page.WriteString("{")
		if from+999 < size {
			fmt.Fprintf(&page, `"@odata.nextLink":"%s/v1.0/groups/%s/members?$top=999&$select=id&$skiptoken=p%d",`, f.URL, groupID, from+999)
		}
		page.WriteString(`"value":[`)
		for i := from; i < min(from+999, size); i++ {
			if i > from {
				page.WriteByte(',')
			}
			fmt.Fprintf(&page, `{"@odata.type":"#microsoft.graph.user","id":"cccccccc-0000-4000-8000-%012d"}`, i)
		}
		page.WriteString("]}")
		reply(w, 200, nil, page.String())
	}
	c := f.client(b)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if err := c.GroupMembers(context.Background(), groupID, func(ids []string) error { n += len(ids); return nil }); err != nil || n != size {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size/1000, "µs/member")
}
