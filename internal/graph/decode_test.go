package graph_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/graph"
)

func TestDecodeAccount(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.Graph = answering(200, nil, `{"@odata.context":"x","@microsoft.graph.tips":"y","id":"`+userID+`","userPrincipalName":"\u00c4nn@contoso.com","accountEnabled":true,
		"userType":"guest","onPremisesSyncEnabled":true,"department":"R\u0026D \"x\"","businessPhones":["+1","+2"],"usageLocation":null,
		"`+selection.LinkProperty+`":"contoso/staff/1","`+selection.MarkProperty+`":"1;created",
		"assignedLicenses":[{"skuId":"`+strings.ToUpper(skuID)+`","disabledPlans":[]},{"skuId":"99999999-bbbb-4ccc-8ddd-eeeeeeeeeeee","disabledPlans":[]}],
		"licenseAssignmentStates":[{"skuId":"`+strings.ToUpper(skuID)+`","disabledPlans":["B","a"],"assignedByGroup":null,"state":"Active","error":"None"},
			{"skuId":"`+skuID+`","disabledPlans":[],"assignedByGroup":"AAAAAAAA-bbbb-4ccc-8ddd-eeeeeeeeeeee","state":"Error"}]}`)
	got, err := f.client(t).UserByID(context.Background(), strings.ToUpper(userID), selection)
	require.NoError(t, err)
	require.Equal(t, &directory.Account{
		ID: userID, UserPrincipalName: "Änn@contoso.com", Enabled: true, Guest: true, OnPremises: true,
		Link: "contoso/staff/1", Mark: "1;created", Values: []string{`R&D "x"`, "+1\x1f+2", ""},
		Licenses: []directory.AssignedLicense{
			{SKU: skuID, DisabledPlans: []string{"a", "b"}, State: "Active"},
			{SKU: skuID, Group: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", State: "Error"},
		},
		Unexplained: []string{"99999999-bbbb-4ccc-8ddd-eeeeeeeeeeee"},
	}, got)

	f.Graph = answering(200, nil, `{"id":"`+userID+`","userPrincipalName":"a","accountEnabled":false,"onPremisesSyncEnabled":null,"licenseAssignmentStates":null,
		"assignedLicenses":[{"skuId":"`+skuID+`"}],"`+selection.LinkProperty+`":7}`)
	got, err = f.client(t).UserByID(context.Background(), userID, selection)
	require.NoError(t, err)
	require.Equal(t, &directory.Account{ID: userID, UserPrincipalName: "a", Link: "7", Values: []string{"", "", ""}, Unexplained: []string{skuID}}, got)
}

// The manager is read where it was asked for: with an id, absent, or null.
func TestDecodeManager(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := f.client(t)
	withManager := selection
	withManager.Manager = true
	for member, want := range map[string]string{
		``:                "",
		`,"manager":null`: "",
		`,"manager":{"@odata.type":"#microsoft.graph.user","id":"` + skuID + `"}`:                                     skuID,
		`,"manager":{"@odata.type":"#microsoft.graph.orgContact","id":"` + planID + `","displayName":"Ann"}`:          planID,
		`,"manager@odata.context":"x","manager":{"@odata.type":"#microsoft.graph.user","id":"` + skuID + `","a":[1]}`: skuID,
	} {
		f.Graph = answering(200, nil, `{"id":"`+userID+`","userPrincipalName":"a"`+member+`}`)
		got, err := c.UserByID(context.Background(), userID, withManager)
		require.NoError(t, err, member)
		require.Equal(t, want, got.Manager, member)
		got, err = c.UserByID(context.Background(), userID, selection)
		require.NoError(t, err, member)
		require.Empty(t, got.Manager, "not asked for: %s", member)
	}
	f.Graph = answering(200, nil, `{"id":"`+userID+`","userPrincipalName":"a","manager":"x"}`)
	_, err := c.UserByID(context.Background(), userID, withManager)
	require.Error(t, err)
}

func TestTenantReads(t *testing.T) {
	t.Parallel()
	ctx, f := context.Background(), newFake(t)
	c := f.client(t)
	f.Graph = answering(200, nil, `{"value":[{"accountId":"x","appliesTo":"User","capabilityStatus":"Enabled","consumedUnits":14,"id":"t_s","skuId":"`+strings.ToUpper(skuID)+`","skuPartNumber":"SPE_E5",
		"prepaidUnits":{"enabled":25,"suspended":1,"warning":2,"lockedOut":0},"servicePlans":[{"servicePlanId":"`+planID+`","servicePlanName":"EXCHANGE","provisioningStatus":"Success","appliesTo":"User"}]},{"skuId":"`+planID+`"}]}`)
	skus, err := c.SubscribedSKUs(ctx)
	require.NoError(t, err)
	require.Equal(t, []directory.SKU{
		{ID: skuID, PartNumber: "SPE_E5", Enabled: 25, Warning: 2, Consumed: 14, Status: "Enabled", AppliesTo: "User", Plans: []directory.ServicePlan{{ID: planID, Name: "EXCHANGE"}}},
		{ID: planID},
	}, skus)

	f.Graph = answering(200, nil, `{"value":[{"id":"`+tenantID+`","displayName":"Contoso","verifiedDomains":[{"capabilities":"Email","isDefault":true,"isInitial":false,"name":"contoso.com","type":"Managed"},{"name":"fed.contoso.com","type":"Federated"}]}]}`)
	org, err := c.Organization(ctx)
	require.NoError(t, err)
	require.Equal(t, directory.Organization{ID: tenantID, DisplayName: "Contoso", Domains: []directory.Domain{{Name: "contoso.com", Default: true}, {Name: "fed.contoso.com", Federated: true}}}, org)

	f.Graph = answering(200, nil, `{"value":[{"name":"`+selection.LinkProperty+`"},{"name":"`+selection.MarkProperty+`"}]}`)
	names, err := c.ExtensionProperties(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{selection.LinkProperty, selection.MarkProperty}, names)
}

func TestNameBeforeBin(t *testing.T) {
	t.Parallel()
	a := directory.Account{ID: "7e06b566-15f3-4013-8bf8-79874d52e68a", UserPrincipalName: "7E06b56615f340138bf879874d52e68ajohn@contoso.com"}
	require.Equal(t, "john@contoso.com", graph.NameBeforeBin(a))
	a.UserPrincipalName = "john@contoso.com"
	require.Equal(t, "john@contoso.com", graph.NameBeforeBin(a))
}

// benchSelection is that of a rule which maps every attribute there is.
var benchSelection = directory.Selection{
	Attributes: []string{"displayName", "givenName", "surname", "jobTitle", "department", "companyName", "employeeId", "streetAddress", "city", "state", "postalCode", "country",
		"officeLocation", "mobilePhone", "businessPhones", "otherMails", "mailNickname", "preferredLanguage", "usageLocation"},
	LinkProperty: selection.LinkProperty, MarkProperty: selection.MarkProperty,
}

// usersPage is a page as Graph sends it: persons from, from+1, …, with one license each.
func usersPage(from, n int, next string) string {
	var b strings.Builder
	b.WriteString(`{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users",`)
	if next != "" {
		fmt.Fprintf(&b, `"@odata.nextLink":%q,`, next)
	}
	b.WriteString(`"value":[`)
	for i := from; i < from+n; i++ {
		if i > from {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"displayName":"Person %[1]d","givenName":"Given%[4]d","surname":"Surname%[1]d","jobTitle":"Engineer","department":"Department %[4]d","companyName":"Contoso","employeeId":"%[1]d","streetAddress":"Main Street %[4]d","city":"Zürich","state":"ZH","postalCode":"8000","country":"Switzerland","officeLocation":"B1","mobilePhone":"+41 79 %[1]d","businessPhones":["+41 44 %[1]d"],"otherMails":[],"mailNickname":"p%[1]d","preferredLanguage":"de-CH","usageLocation":"CH","userPrincipalName":"p%[1]d@contoso.com","accountEnabled":true,"userType":"Member","onPremisesSyncEnabled":null,"%[2]s":"contoso/staff/%[1]d","%[3]s":"1;created;lic=06ebc4ee","id":"%08[1]d-0000-4000-8000-000000000000","assignedLicenses":[{"skuId":"06ebc4ee-1bb5-47dd-8120-11324bc54e06","disabledPlans":["8c098270-9dd4-4350-9b30-ba4703f3b36b"]}],"licenseAssignmentStates":[{"skuId":"06ebc4ee-1bb5-47dd-8120-11324bc54e06","disabledPlans":["8c098270-9dd4-4350-9b30-ba4703f3b36b"],"assignedByGroup":null,"state":"Active","error":"None","lastUpdatedDateTime":"2025-01-01T00:00:00Z"}]}`,
			i, selection.LinkProperty, selection.MarkProperty, i%40)
	}
	b.WriteString(`]}`)
	return b.String()
}

// TestMemoryOfALargeTenant: what a caller keeps of 20,000 accounts.
func TestMemoryOfALargeTenant(t *testing.T) {
	f := newFake(t)
	f.Graph = func(w http.ResponseWriter, r *http.Request) {
		n := 0
		_, _ = fmt.Sscanf(r.URL.Query().Get("$skiptoken"), "%d", &n)
		next := fmt.Sprintf("%s/v1.0/users?$skiptoken=%d", f.URL, n+1)
		if n == 19 {
			next = ""
		}
		reply(w, 200, nil, usersPage(n*1000, 1000, next))
	}
	var kept [][]directory.Account
	before := heap()
	total := 0
	err := f.client(t).ListUsers(context.Background(), benchSelection, func(page []directory.Account) error {
		kept = append(kept, page)
		total += len(page)
		return nil
	}, nil)
	require.NoError(t, err)
	require.Equal(t, 20_000, total)
	used := heap() - before
	t.Logf("%d bytes for each account of %d attributes", used/uint64(total), len(benchSelection.Attributes))
	require.Less(t, used/uint64(total), uint64(1000))
	runtime.KeepAlive(kept)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkListUsers is a page of 999 users over HTTPS, with the server in the same process.
func BenchmarkListUsers(b *testing.B) {
	f := newFake(b)
	page := usersPage(0, 999, "")
	f.Graph = answering(200, nil, page)
	c := f.client(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.ListUsers(context.Background(), benchSelection, func([]directory.Account) error { return nil }, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/999/1000, "µs/user")
}

// BenchmarkModels is what the SDK's own models take for the same page, without any HTTP.
func BenchmarkModels(b *testing.B) {
	page := []byte(usersPage(0, 999, ""))
	b.ReportAllocs()
	for b.Loop() {
		node, err := jsonserialization.NewJsonParseNode(page)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := node.GetObjectValue(models.CreateUserCollectionResponseFromDiscriminatorValue); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/999/1000, "µs/user")
}
