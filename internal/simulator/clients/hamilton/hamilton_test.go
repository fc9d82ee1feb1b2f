// Package hamilton lets a Go client of Graph that entraflow does not use, manicminer/hamilton, do everyday work on the
// simulator. It is a module of its own, so that the project does not depend on it; .ci/clients runs it.
package hamilton

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"github.com/manicminer/hamilton/auth"
	"github.com/manicminer/hamilton/environments"
	"github.com/manicminer/hamilton/msgraph"
	"github.com/manicminer/hamilton/odata"
	"github.com/stretchr/testify/require"
)

const e3 = "05e9a617-0261-4cee-bb44-138d3ef5d965"

// clients are hamilton's, signed in.
type clients struct {
	users  *msgraph.UsersClient
	groups *msgraph.GroupsClient
}

func ptr[T any](v T) *T { return &v }

func signIn(t *testing.T, secret string) (auth.Authorizer, environments.Environment) {
	base := os.Getenv("SIMULATOR_URL")
	if base == "" {
		t.Skip("SIMULATOR_URL is not set; .ci/clients starts a simulator and sets it")
	}
	cloud := environments.Global
	cloud.AzureADEndpoint = environments.AzureADEndpoint(base)
	cloud.MsGraph.Endpoint = environments.ApiEndpoint(base)
	c := auth.Config{Environment: cloud, Version: auth.TokenVersion2, TenantID: os.Getenv("TENANT_ID"), ClientID: os.Getenv("CLIENT_ID"),
		ClientSecret: secret, EnableClientSecretAuth: true}
	authorizer, err := c.NewAuthorizer(context.Background(), cloud.MsGraph)
	require.NoError(t, err)
	return authorizer, cloud
}

func connect(t *testing.T) clients {
	authorizer, cloud := signIn(t, os.Getenv("CLIENT_SECRET"))
	tenant := os.Getenv("TENANT_ID")
	c := clients{msgraph.NewUsersClient(tenant), msgraph.NewGroupsClient(tenant)}
	for _, base := range []*msgraph.Client{&c.users.BaseClient, &c.groups.BaseClient} {
		base.Endpoint, base.Authorizer, base.ApiVersion = cloud.MsGraph.Endpoint, authorizer, msgraph.Version10
		// It takes a 404 for a replica that lags, and would wait.
		base.DisableRetries = true
	}
	return c
}

func TestWrongSecret(t *testing.T) {
	authorizer, _ := signIn(t, "wrong")
	_, err := authorizer.Token()
	require.ErrorContains(t, err, "AADSTS7000215")
}

func person(name string) msgraph.User {
	return msgraph.User{AccountEnabled: ptr(true), DisplayName: ptr(name), MailNickname: ptr(name), UserPrincipalName: ptr(name + "@contoso.com"),
		UsageLocation:   msgraph.NullableString("US"),
		PasswordProfile: &msgraph.UserPasswordProfile{Password: ptr("Secret-1234"), ForceChangePasswordNextSignIn: ptr(true)}}
}

func TestUsers(t *testing.T) {
	c, ctx := connect(t), context.Background()
	boss, status, err := c.users.Create(ctx, person("go.boss"))
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, status)
	ann, _, err := c.users.Create(ctx, person("go.ann"))
	require.NoError(t, err)
	require.NotNil(t, ann.ID)
	_, status, err = c.users.Create(ctx, person("go.ann"))
	require.ErrorContains(t, err, "Another object with the same value for property userPrincipalName already exists.")
	require.Equal(t, http.StatusBadRequest, status)

	read, _, err := c.users.Get(ctx, *ann.ID, odata.Query{})
	require.NoError(t, err)
	require.Equal(t, "go.ann@contoso.com", *read.UserPrincipalName)
	list, _, err := c.users.List(ctx, odata.Query{Select: []string{"id", "userPrincipalName"}})
	require.NoError(t, err)
	require.Greater(t, len(*list), 100, "it follows the links to the next pages")
	found, _, err := c.users.List(ctx, odata.Query{Filter: "userPrincipalName eq 'go.boss@contoso.com'"})
	require.NoError(t, err)
	require.Len(t, *found, 1)
	searched, _, err := c.users.List(ctx, odata.Query{Filter: "endsWith(userPrincipalName,'@contoso.com')", Count: true,
		ConsistencyLevel: odata.ConsistencyLevelEventual, OrderBy: odata.OrderBy{Field: "displayName", Direction: odata.Descending}})
	require.NoError(t, err)
	require.Len(t, *searched, len(*list))

	// It sends the id of the user that it changes.
	change := msgraph.User{DirectoryObject: msgraph.DirectoryObject{ID: ann.ID}, JobTitle: msgraph.NullableString("Lead"), City: msgraph.NullableString("")}
	status, err = c.users.Update(ctx, change)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, status)
	read, _, err = c.users.Get(ctx, *ann.ID, odata.Query{Select: []string{"jobTitle"}})
	require.NoError(t, err)
	require.EqualValues(t, "Lead", *read.JobTitle)

	full, _, err := c.users.Get(ctx, *boss.ID, odata.Query{Metadata: odata.MetadataFull})
	require.NoError(t, err)
	require.NotNil(t, full.ODataId)
	_, err = c.users.AssignManager(ctx, *ann.ID, *full)
	require.NoError(t, err)
	manager, _, err := c.users.GetManager(ctx, *ann.ID)
	require.NoError(t, err)
	require.Equal(t, *boss.ID, *manager.ID)
	_, err = c.users.DeleteManager(ctx, *ann.ID)
	require.NoError(t, err)
	_, status, err = c.users.GetManager(ctx, *ann.ID)
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, status)

	_, err = c.users.Delete(ctx, *ann.ID)
	require.NoError(t, err)
	_, status, _ = c.users.Get(ctx, *ann.ID, odata.Query{})
	require.Equal(t, http.StatusNotFound, status)
	deleted, _, err := c.users.ListDeleted(ctx, odata.Query{})
	require.NoError(t, err)
	require.NotEmpty(t, *deleted)
	gone, _, err := c.users.GetDeleted(ctx, *ann.ID, odata.Query{})
	require.NoError(t, err)
	require.NotEqual(t, "go.ann@contoso.com", *gone.UserPrincipalName)
	_, _, err = c.users.RestoreDeleted(ctx, *ann.ID)
	require.NoError(t, err)
	_, err = c.users.Delete(ctx, *ann.ID)
	require.NoError(t, err)
	_, err = c.users.DeletePermanently(ctx, *ann.ID)
	require.NoError(t, err)
}

// hamilton has no call for licenses; its base client sends what it is given.
func TestLicense(t *testing.T) {
	c, ctx := connect(t), context.Background()
	u, _, err := c.users.Create(ctx, person("go.licensed"))
	require.NoError(t, err)
	assign := func(body map[string]any) (int, *odata.OData, error) {
		raw, err := json.Marshal(body)
		require.NoError(t, err)
		_, status, o, err := c.users.BaseClient.Post(ctx, msgraph.PostHttpRequestInput{Body: raw, ValidStatusCodes: []int{http.StatusOK},
			Uri: msgraph.Uri{Entity: "/users/" + *u.ID + "/assignLicense", HasTenantId: true}})
		return status, o, err
	}
	_, _, err = assign(map[string]any{"addLicenses": []any{map[string]any{"skuId": e3}}, "removeLicenses": []any{}})
	require.NoError(t, err)
	read, _, err := c.users.Get(ctx, *u.ID, odata.Query{Select: []string{"id", "assignedLicenses"}})
	require.NoError(t, err)
	require.NotNil(t, read.ID)
	_, o, err := assign(map[string]any{"addLicenses": []any{}, "removeLicenses": []any{}})
	require.Error(t, err)
	require.Equal(t, "Request_BadRequest", *o.Error.Code)
	_, _, err = assign(map[string]any{"addLicenses": []any{}, "removeLicenses": []any{e3}})
	require.NoError(t, err)
	_, err = c.users.Delete(ctx, *u.ID)
	require.NoError(t, err)
}

func TestGroups(t *testing.T) {
	c, ctx := connect(t), context.Background()
	object := func(name string) msgraph.DirectoryObject {
		u, _, err := c.users.Create(ctx, person(name))
		require.NoError(t, err)
		o := u.DirectoryObject
		o.ODataId = ptr(odata.Id(o.Uri(c.users.BaseClient.Endpoint, msgraph.Version10)))
		return o
	}
	owner, ann, bob := object("go.owner"), object("go.member1"), object("go.member2")
	g, _, err := c.groups.Create(ctx, msgraph.Group{DisplayName: ptr("Go Group"), MailEnabled: ptr(false), MailNickname: ptr("gogroup"), SecurityEnabled: ptr(true),
		Owners: &msgraph.Owners{owner}, Members: &msgraph.Members{ann}})
	require.NoError(t, err)
	require.NotNil(t, g.ODataId, "it asks for full metadata")

	g.Members = &msgraph.Members{ann, bob}
	_, err = c.groups.AddMembers(ctx, g) // one is a member already, which it forgives
	require.NoError(t, err)
	members, _, err := c.groups.ListMembers(ctx, *g.ID)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{*ann.ID, *bob.ID}, *members)
	_, err = c.groups.RemoveMembers(ctx, *g.ID, &[]string{*ann.ID, *owner.ID}) // one is none, which it finds out
	require.NoError(t, err)
	owners, _, err := c.groups.ListOwners(ctx, *g.ID)
	require.NoError(t, err)
	require.Equal(t, []string{*owner.ID}, *owners)
	_, err = c.groups.RemoveOwners(ctx, *g.ID, &[]string{*owner.ID})
	require.ErrorContains(t, err, "must have at least one owner")

	_, err = c.groups.Update(ctx, msgraph.Group{DirectoryObject: msgraph.DirectoryObject{ID: g.ID}, Description: msgraph.NullableString("Changed")})
	require.NoError(t, err)
	found, _, err := c.groups.List(ctx, odata.Query{Filter: "displayName eq 'Go Group'"})
	require.NoError(t, err)
	require.Len(t, *found, 1)
	require.EqualValues(t, "Changed", *(*found)[0].Description)

	_, err = c.groups.Delete(ctx, *g.ID)
	require.NoError(t, err)
	_, _, err = c.groups.RestoreDeleted(ctx, *g.ID)
	require.NoError(t, err)
	again, _, err := c.groups.Get(ctx, *g.ID, odata.Query{})
	require.NoError(t, err)
	require.Equal(t, "Go Group", *again.DisplayName)
	_, err = c.groups.Delete(ctx, *g.ID)
	require.NoError(t, err)
	for _, o := range []msgraph.DirectoryObject{owner, ann, bob} {
		_, err = c.users.Delete(ctx, *o.ID)
		require.NoError(t, err)
	}
}
