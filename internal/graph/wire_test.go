package graph_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

const odataUser = `"@odata.type":"#microsoft.graph.user"`

// TestWire drives every method once and looks at what went over the wire.
func TestWire(t *testing.T) {
	t.Parallel()
	account := `{"id":"` + userID + `","userPrincipalName":"$a#b'c@contoso.com","accountEnabled":true}`
	link, mark := selection.LinkProperty, selection.MarkProperty
	users := `{"value":[` + strings.TrimSuffix(account, "}") + `,"` + link + `":"contoso/staff/1","` + mark + `":"m"}]}`
	root := "/v1.0"
	selected := "?$select=id,userPrincipalName,accountEnabled,userType,onPremisesSyncEnabled,assignedLicenses,licenseAssignmentStates," + link + "," + mark + ",department,businessPhones,usageLocation"
	withManager := selection
	withManager.Manager = true
	ctx := context.Background()
	tests := []struct {
		name        string
		call        func(*graph.Client) error
		status      int
		answer      string
		method, uri string
		body        string // JSON; "" is no body
	}{
		{"list", func(c *graph.Client) error {
			return c.ListUsers(ctx, selection, func([]directory.Account) error { return nil }, nil)
		}, 200, users, "GET", root + "/users" + selected + "&$top=999", ""},
		{"list with managers", func(c *graph.Client) error {
			return c.ListUsers(ctx, withManager, func([]directory.Account) error { return nil }, nil)
		}, 200, users, "GET", root + "/users?$expand=manager($select%3Did)&" + selected[1:] + "&$top=999", ""},
		{"read by id with manager", func(c *graph.Client) error { _, err := c.UserByID(ctx, userID, withManager); return err },
			200, account, "GET", root + "/users/" + userID + "?$expand=manager($select%3Did)&" + selected[1:], ""},
		{"find by link with manager", func(c *graph.Client) error {
			_, err := c.UsersByLink(ctx, "contoso/staff/1", withManager)
			return err
		}, 200, users, "GET", root + "/users?$expand=manager($select%3Did)&$filter=" + link + "%20eq%20%27contoso%2Fstaff%2F1%27&$select=" + selected[len("?$select="):], ""},
		{"bin with managers", func(c *graph.Client) error {
			return c.DeletedUsers(ctx, withManager, func([]directory.Account) error { return nil })
		}, 200, users, "GET", root + "/directory/deletedItems/microsoft.graph.user" + selected, ""},
		{"read by id", func(c *graph.Client) error { _, err := c.UserByID(ctx, userID, selection); return err },
			200, account, "GET", root + "/users/" + userID + selected, ""},
		{"read by name", func(c *graph.Client) error { _, err := c.UserByUPN(ctx, "A#b%20c@contoso.com", selection); return err },
			200, `{"id":"x","userPrincipalName":"a#b%20C@contoso.com"}`, "GET", root + "/users/A%23b%2520c%40contoso.com" + selected, ""},
		{"read by name with a dollar", func(c *graph.Client) error { _, err := c.UserByUPN(ctx, "$a#b'c@contoso.com", selection); return err },
			200, account, "GET", root + "/users('%24a%23b%27%27c%40contoso.com')" + selected, ""},
		{"find by link", func(c *graph.Client) error {
			_, err := c.UsersByLink(ctx, "contoso/staff/o'neil%20&+#1", selection)
			return err
		}, 200, users, "GET", root + "/users?$filter=" + link + "%20eq%20%27contoso%2Fstaff%2Fo%27%27neil%2520%26%2B%231%27&$select=" + selected[len("?$select="):], ""},
		{"create", func(c *graph.Client) error {
			_, err := c.CreateUser(ctx, graph.NewUser{
				UserPrincipalName: "a@contoso.com", Password: `p"\ä<&>😀`, Enabled: true, ResetPassword: true, Link: "contoso/staff/1", Mark: "1;created",
				Attributes: map[string]string{"displayName": "Ann \"Q\"\\ Ö\n😀", "mailNickname": "a", "department": "", "otherMails": "x@y.z\x1fu@v.w"},
			}, selection)
			return err
		}, 201, account, "POST", root + "/users", `{` + odataUser + `,"userPrincipalName":"a@contoso.com","accountEnabled":true,"displayName":"Ann \"Q\"\\ Ö\n😀","mailNickname":"a",
			"otherMails":["x@y.z","u@v.w"],"passwordProfile":{"password":"p\"\\ä<&>😀","forceChangePasswordNextSignIn":true},"` + link + `":"contoso/staff/1","` + mark + `":"1;created"}`},
		{"create disabled without reset", func(c *graph.Client) error {
			_, err := c.CreateUser(ctx, graph.NewUser{UserPrincipalName: "a@contoso.com", Password: "p", Link: "l"}, selection)
			return err
		}, 201, account, "POST", root + "/users", `{` + odataUser + `,"userPrincipalName":"a@contoso.com","accountEnabled":false,"passwordProfile":{"password":"p","forceChangePasswordNextSignIn":false},"` + link + `":"l"}`},
		{"update", func(c *graph.Client) error {
			return c.UpdateUser(ctx, userID, graph.Patch{
				UserPrincipalName: ptr("b@contoso.com"), Enabled: ptr(false), Link: ptr("contoso/staff/1"), Mark: ptr(""),
				Attributes: map[string]string{"department": "", "city": "Zürich", "businessPhones": "", "otherMails": "x@y.z"},
			}, selection)
		}, 204, "", "PATCH", root + "/users/" + userID, `{` + odataUser + `,"userPrincipalName":"b@contoso.com","accountEnabled":false,"department":null,"city":"Zürich","businessPhones":[],"otherMails":["x@y.z"],"` + link + `":"contoso/staff/1","` + mark + `":null}`},
		{"update one value", func(c *graph.Client) error {
			return c.UpdateUser(ctx, userID, graph.Patch{Attributes: map[string]string{"onPremisesImmutableId": ""}}, selection)
		}, 204, "", "PATCH", root + "/users/" + userID, `{` + odataUser + `,"onPremisesImmutableId":null}`},
		{"assign", func(c *graph.Client) error {
			return c.AssignLicenses(ctx, userID, []directory.License{{SKU: skuID, DisabledPlans: []string{planID}}, {SKU: planID}}, []string{skuID})
		}, 200, account, "POST", root + "/users/" + userID + "/assignLicense",
			`{"addLicenses":[{"skuId":"` + skuID + `","disabledPlans":["` + planID + `"]},{"skuId":"` + planID + `","disabledPlans":[]}],"removeLicenses":["` + skuID + `"]}`},
		{"assign only", func(c *graph.Client) error {
			return c.AssignLicenses(ctx, userID, []directory.License{{SKU: skuID}}, nil)
		}, 200, account, "POST", root + "/users/" + userID + "/assignLicense", `{"addLicenses":[{"skuId":"` + skuID + `","disabledPlans":[]}],"removeLicenses":[]}`},
		{"remove only", func(c *graph.Client) error {
			return c.AssignLicenses(ctx, userID, nil, []string{skuID})
		}, 200, account, "POST", root + "/users/" + userID + "/assignLicense", `{"addLicenses":[],"removeLicenses":["` + skuID + `"]}`},
		{"revoke", func(c *graph.Client) error { return c.RevokeSessions(ctx, userID) },
			200, `{"@odata.context":"x","value":true}`, "POST", root + "/users/" + userID + "/revokeSignInSessions", ""},
		{"delete", func(c *graph.Client) error { return c.DeleteUser(ctx, userID) },
			204, "", "DELETE", root + "/users/" + userID, ""},
		{"bin", func(c *graph.Client) error {
			return c.DeletedUsers(ctx, selection, func([]directory.Account) error { return nil })
		}, 200, users, "GET", root + "/directory/deletedItems/microsoft.graph.user" + selected, ""},
		{"restore", func(c *graph.Client) error { return c.RestoreUser(ctx, userID) },
			200, `{"@odata.type":"#microsoft.graph.user","id":"` + userID + `"}`, "POST", root + "/directory/deletedItems/" + userID + "/restore", ""},
		{"restore as", func(c *graph.Client) error { return c.RestoreUserAs(ctx, userID, "ann@contoso.com") },
			200, `{"@odata.type":"#microsoft.graph.user","id":"` + userID + `"}`, "POST", root + "/directory/deletedItems/" + userID + "/restore",
			`{"newUserPrincipalName":"ann@contoso.com","autoReconcileProxyConflict":true}`},
		{"set manager", func(c *graph.Client) error { return c.SetManager(ctx, userID, skuID) },
			204, "", "PUT", root + "/users/" + userID + "/manager/$ref", `{"@odata.id":"HOST/v1.0/users/` + skuID + `"}`},
		{"clear manager", func(c *graph.Client) error { return c.ClearManager(ctx, userID) },
			204, "", "DELETE", root + "/users/" + userID + "/manager/$ref", ""},
		{"skus", func(c *graph.Client) error { _, err := c.SubscribedSKUs(ctx); return err },
			200, `{"value":[]}`, "GET", root + "/subscribedSkus", ""},
		{"organization", func(c *graph.Client) error { _, err := c.Organization(ctx); return err },
			200, `{"value":[{"id":"x"}]}`, "GET", root + "/organization?$select=id,displayName,verifiedDomains", ""},
		{"extensions", func(c *graph.Client) error { _, err := c.ExtensionProperties(ctx); return err },
			200, `{"value":[]}`, "GET", root + "/applications(appId='" + clientID + "')/extensionProperties", ""},
		{"register", func(c *graph.Client) error {
			_, err := c.RegisterExtensionProperty(ctx, graph.LinkProperty)
			return err
		},
			201, `{"name":"` + link + `"}`, "POST", root + "/applications(appId='" + clientID + "')/extensionProperties",
			`{"@odata.type":"#microsoft.graph.extensionProperty","name":"entraflowLink","dataType":"String","isMultiValued":false,"targetObjects":["User","Group"]}`},
		{"probe", func(c *graph.Client) error { return c.ProbeExtension(ctx, selection) },
			200, `{"value":[]}`, "GET", root + "/users?$filter=" + link + "%20eq%20%27entraflow%2Fprobe%27&$select=id&$top=1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.Graph = answering(tt.status, nil, tt.answer)
			require.NoError(t, tt.call(f.client(t)))
			requests := f.requests()
			if tt.name == "probe" {
				require.Len(t, requests, 2, "link and mark")
				requests = requests[:1]
			}
			require.Len(t, requests, 1)
			got := requests[0]
			require.Equal(t, tt.method, got.Method)
			require.Equal(t, plainURI(tt.uri), plainURI(got.URI))
			if tt.body == "" {
				require.Empty(t, got.Body)
			} else {
				require.JSONEq(t, hosted(tt.body, f), got.Body)
				require.Equal(t, "application/json", got.Header.Get("Content-Type"))
			}
			require.Equal(t, int64(len(got.Body)), got.Length)
			require.Empty(t, got.Encoding, "Transfer-Encoding")
			require.Empty(t, got.Header.Values("Content-Encoding"))
			require.Len(t, got.Header.Values("client-request-id"), 1)
			require.Len(t, got.Header.Values("Authorization"), 1)
			require.Equal(t, "entraflow", got.Header.Get("User-Agent"))
			require.Empty(t, got.Header.Values("Retry-Attempt"))
			require.Len(t, f.tokenRequests(), 1)
		})
	}
}

// TestNothingToDo: calls without a change send nothing, and calls without what they need send nothing either.
func TestNothingToDo(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Graph = answering(500, nil, "")
	c, ctx := f.client(t), context.Background()
	require.NoError(t, c.UpdateUser(ctx, userID, graph.Patch{}, selection))
	require.NoError(t, c.AssignLicenses(ctx, userID, nil, nil))

	noLink := graph.NewUser{UserPrincipalName: "a@contoso.com", Password: "p"}
	_, err := c.CreateUser(ctx, noLink, selection)
	require.Equal(t, fault.Internal, fault.KindOf(err), "an account is never created without its link")
	noLink.Link = "l"
	_, err = c.CreateUser(ctx, noLink, directory.Selection{})
	require.Equal(t, fault.Internal, fault.KindOf(err))
	for name, call := range map[string]func() error{
		"read":       func() error { _, err := c.UserByID(ctx, "", selection); return err },
		"by name":    func() error { _, err := c.UserByUPN(ctx, "", selection); return err },
		"by link":    func() error { _, err := c.UsersByLink(ctx, "", selection); return err },
		"update":     func() error { return c.UpdateUser(ctx, "", graph.Patch{Enabled: ptr(true)}, selection) },
		"delete":     func() error { return c.DeleteUser(ctx, "") },
		"assign":     func() error { return c.AssignLicenses(ctx, "", nil, []string{skuID}) },
		"revoke":     func() error { return c.RevokeSessions(ctx, "") },
		"restore":    func() error { return c.RestoreUser(ctx, "") },
		"restore as": func() error { return c.RestoreUserAs(ctx, userID, "") },
		"manager":    func() error { return c.SetManager(ctx, userID, "") },
		"clear":      func() error { return c.ClearManager(ctx, "") },
		"password": func() error {
			return c.UpdateUser(ctx, userID, graph.Patch{Attributes: map[string]string{"password": "x"}}, selection)
		},
	} {
		require.Equal(t, fault.Internal, fault.KindOf(call()), name)
	}
	require.True(t, fault.Is(c.AssignLicenses(ctx, userID, []directory.License{{SKU: "E3"}}, nil), fault.LicenseUnknown))
	require.True(t, fault.Is(c.AssignLicenses(ctx, userID, []directory.License{{SKU: skuID, DisabledPlans: []string{"x"}}}, nil), fault.ServicePlanUnknown))
	require.Empty(t, f.requests())
}

// TestTrace: a call is told of without ids, once each, with its fault.
func TestTrace(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Graph = answering(404, nil, graphError("Request_ResourceNotFound", "Resource 'x' does not exist"))
	var calls []graph.Call
	c := f.client(t, func(o *graph.Options) { o.Trace = func(c graph.Call) { calls = append(calls, c) } })
	require.Error(t, c.DeleteUser(context.Background(), userID))
	require.Len(t, calls, 1)
	require.Equal(t, "DELETE /users/{id}", calls[0].Method+" "+calls[0].Route)
	require.Equal(t, "contoso delete user", calls[0].Connection+" "+calls[0].Operation)
	require.Equal(t, http.StatusNotFound, calls[0].Status)
	require.Equal(t, "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", calls[0].RequestID)
	require.True(t, fault.Is(calls[0].Err, fault.AccountNotFound))
	require.Less(t, calls[0].Duration, 10*time.Second)
}
