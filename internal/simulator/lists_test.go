package simulator_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

func listWorld(t *testing.T) *world {
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Apps[0].ExtensionProperties = []simulator.ExtensionSeed{{Name: "link"}}
	link := linkName
	seed.Tenants[0].Users = []simulator.UserSeed{
		{"userPrincipalName": "ann@contoso.com", "displayName": "Ann O'Hara", "givenName": "Ann", "department": "IT", "employeeId": "1", link: "c/r/1", "otherMails": []string{"ann@home.example"}, "licenses": []string{"SPE_E3"}},
		{"userPrincipalName": "bob@contoso.com", "displayName": "Bob", "givenName": "Bob", "department": "it", "employeeId": "2", link: "c/r/2", "accountEnabled": false, "companyName": "Contoso"},
		{"userPrincipalName": "eve@contoso.com", "displayName": "Eve", "department": "HR", "mail": "eve@contoso.com"},
	}
	return start(t, simulator.Options{Seed: seed})
}

var linkName = "extension_" + strings.ReplaceAll(simulator.DefaultClientID, "-", "") + "_link"

func names(a answer) string {
	var out []string
	for _, v := range a.values() {
		name, _, _ := strings.Cut(v["userPrincipalName"].(string), "@")
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

func TestFilters(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	annID := w.get("/users/ann@contoso.com").id()
	for filter, want := range map[string]string{
		"userPrincipalName eq 'ANN@contoso.com'":                              "ann",
		"displayName eq 'Ann O''Hara'":                                        "ann",
		"id eq '" + annID + "'":                                               "ann",
		"id in ('" + annID + "','nope')":                                      "ann",
		"department eq 'IT'":                                                  "ann bob",
		"accountEnabled eq false":                                             "bob",
		"accountEnabled eq true and department eq 'IT'":                       "ann",
		"employeeId eq '1' or employeeId eq '2'":                              "ann bob",
		"(employeeId eq '1' or employeeId eq '3') and accountEnabled eq true": "ann",
		"employeeId in ('2','1')":                                             "ann bob",
		"startsWith(userPrincipalName,'e')":                                   "eve",
		"startswith(displayName,'ann o''')":                                   "ann",
		"startsWith(userPrincipalName,'e') or startsWith(givenName,'B')":      "bob eve",
		linkName + " eq 'c/r/2'":                                              "bob",
		linkName + " in ('c/r/2','c/r/1','c/r/9')":                            "ann bob",
		"otherMails/any(m:m eq 'ann@home.example')":                           "ann",
		"proxyAddresses/any(m:m eq 'SMTP:eve@contoso.com')":                   "",
		"assignedLicenses/any(x:x/skuId eq " + simulator.SKUM365E3 + ")":      "ann",
		"createdDateTime ge 2020-01-01T00:00:00Z":                             "ann bob eve",
		"userType eq 'Guest'":                                                 "",
	} {
		require.Equal(t, want, names(w.get("/users?$select=userPrincipalName&$filter="+q(filter))), filter)
	}
	const eventual = "ConsistencyLevel"
	for filter, want := range map[string]string{
		"department ne 'IT'":                        "eve",
		"not (department eq 'IT')":                  "eve",
		"not startsWith(userPrincipalName,'a')":     "bob eve",
		"endsWith(userPrincipalName,'contoso.com')": "ann bob eve",
		"companyName eq 'Contoso'":                  "bob",
		"mail eq null":                              "ann bob",
		linkName + " ne 'c/r/1'":                    "bob eve",
	} {
		a := w.get("/users?$count=true&$select=userPrincipalName&$filter="+q(filter), eventual, "eventual")
		require.Equal(t, want, names(a), filter)
		require.EqualValues(t, len(strings.Fields(want)), a.body["@odata.count"])
	}
}

func TestFilterRefusals(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	unsupported := "Unsupported or invalid query filter clause specified for property '%s' of resource 'User'."
	operator := "Operator '%s' is not supported because the required parameters might be missing. Try adding $count=true query parameter and ConsistencyLevel:eventual header."
	notEquals := "Filter operator 'NotEqualsMatch' is not supported."
	for filter, tc := range map[string]struct{ code, message string }{
		"department ne 'IT'":                  {"Request_UnsupportedQuery", notEquals},
		"not (department eq 'IT')":            {"Request_UnsupportedQuery", fmt.Sprintf(operator, "not")},
		"endsWith(mail,'x')":                  {"Request_UnsupportedQuery", fmt.Sprintf(operator, "endsWith")},
		"mail eq null":                        {"Request_UnsupportedQuery", "ConsistencyLevel"},
		linkName + " eq null":                 {"Request_UnsupportedQuery", "ConsistencyLevel"},
		linkName + " ne 'x'":                  {"Request_UnsupportedQuery", notEquals},
		"companyName eq 'Contoso'":            {"Request_UnsupportedQuery", fmt.Sprintf(unsupported, "companyName")},
		"employeeType eq 'x'":                 {"Request_UnsupportedQuery", fmt.Sprintf(unsupported, "employeeType")},
		"startsWith(" + linkName + ",'c/')":   {"Request_UnsupportedQuery", fmt.Sprintf(operator, "startsWith")},
		"endsWith(" + linkName + ",'1')":      {"Request_UnsupportedQuery", fmt.Sprintf(unsupported, linkName)},
		"startsWith(accountEnabled,'t')":      {"Request_UnsupportedQuery", fmt.Sprintf(unsupported, "accountEnabled")},
		"passwordProfile eq 'x'":              {"Request_UnsupportedQuery", fmt.Sprintf(unsupported, "passwordProfile")},
		"contains(displayName,'x')":           {"Request_UnsupportedQuery", fmt.Sprintf(unsupported, "displayName")},
		"otherMails eq 'x'":                   {"Request_UnsupportedQuery", fmt.Sprintf(unsupported, "otherMails")},
		"shoeSize eq 'x'":                     {"BadRequest", "Could not find a property named 'shoeSize'"},
		"extension_0_x eq 'y'":                {"Request_UnsupportedQuery", "Property 'extension_0_x' does not exist as a declared property or extension property."},
		"displayName eq 'x":                   {"BadRequest", "Invalid filter clause"},
		"displayName eq":                      {"BadRequest", "Invalid filter clause"},
		"displayName":                         {"BadRequest", "Invalid filter clause"},
		"(displayName eq 'x'":                 {"BadRequest", "Invalid filter clause"},
		"displayName eq 'x' and":              {"BadRequest", "Invalid filter clause"},
		"displayName like 'x'":                {"BadRequest", "Invalid filter clause"},
		"accountEnabled eq 'true'":            {"BadRequest", "Invalid filter clause"},
		"displayName eq x":                    {"BadRequest", "Invalid filter clause"},
		strings.Repeat("(", 500) + "a eq 'x'": {"BadRequest", "Invalid filter clause"},
		"employeeId in ('" + strings.Join(strings.Split(strings.Repeat("x", 16), ""), "','") + "')": {"Request_UnsupportedQuery", "Too many child clauses"},
	} {
		a := w.get("/users?$filter=" + q(filter))
		require.Equal(t, 400, a.status, "%s: %s", filter, a.raw)
		require.Equal(t, tc.code, a.code(), filter)
		require.Contains(t, a.message(), tc.message, filter)
	}
	require.Equal(t, 9, w.s.Stats().ProtocolFaults["advanced query without ConsistencyLevel"])
}

func TestListOptions(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	w.get("/users?$top=0").refused(400, "Request_UnsupportedQuery", "Invalid page size specified: '0'. Must be between 1 and 999 inclusive.")
	w.get("/users?$top=1000").refused(400, "Request_UnsupportedQuery", "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive.")
	require.Equal(t, 2, w.s.Stats().ProtocolFaults["$top out of range"])
	w.get("/users?$skip=1").is(400)
	w.get("/users?$search="+q(`"displayName:a"`)).refused(400, "Request_UnsupportedQuery", "special request header: 'ConsistencyLevel: eventual'")
	w.get("/users/$count").refused(400, "Request_BadRequest", "$count is not currently supported.")
	require.Equal(t, "3", w.get("/users/$count", "ConsistencyLevel", "eventual").is(200).raw)
	require.NotContains(t, w.get("/users?$count=true").body, "@odata.count")

	// A key that is not set is absent; a known property that is not set is null.
	for _, u := range w.get("/users?select=id,department,mail," + linkName).values() {
		if _, has := u[linkName]; !has {
			require.Equal(t, "HR", u["department"])
		}
		require.Contains(t, u, "mail")
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	seed := simulator.DefaultSeed()
	for i := range 250 {
		seed.Tenants[0].Users = append(seed.Tenants[0].Users, simulator.UserSeed{"userPrincipalName": fmt.Sprintf("u%03d@contoso.com", i)})
	}
	w := start(t, simulator.Options{Seed: seed})
	require.Len(t, w.get("/users").values(), 100)

	seen, path, page := map[string]int{}, "/users?$top=40&$select=userPrincipalName", 0
	for ; path != ""; page++ {
		a := w.get(path)
		for _, u := range a.values() {
			seen[u["userPrincipalName"].(string)]++
		}
		path, _ = a.body["@odata.nextLink"].(string)
		if path != "" {
			require.True(t, strings.HasPrefix(path, w.s.URL()+"/v1.0/users?"), path)
			require.Contains(t, path, "$skiptoken=")
		}
		// One who was shown goes, and one comes, between each two pages.
		w.do("DELETE", fmt.Sprintf("/users/u%03d@contoso.com", page), nil).is(204)
		w.do("POST", "/users", person(fmt.Sprintf("new%d@contoso.com", page), nil)).is(201)
	}
	for i := range 250 {
		require.Equal(t, 1, seen[fmt.Sprintf("u%03d@contoso.com", i)], i)
	}

	next := w.get("/users?$top=40").body["@odata.nextLink"].(string)
	u, err := url.Parse(next)
	require.NoError(t, err)
	values := u.Query()
	values.Set("$top", "41")
	w.get(w.s.URL()+"/v1.0/users?"+values.Encode()).refused(400, "Directory_ExpiredPageToken", "")
	w.get("/users?$skiptoken=rubbish").refused(400, "Directory_ExpiredPageToken", "")
	require.Equal(t, 2, w.s.Stats().ProtocolFaults["nextLink altered"])
}

func TestEmptyPages(t *testing.T) {
	t.Parallel()
	w := listWorld(t)
	w.s.SetFaults(simulator.Faults{EmptyPage: 1})
	a := w.get("/users?$top=2&$select=id,userPrincipalName")
	require.Empty(t, a.values())
	all := ""
	for next := a.body["@odata.nextLink"]; next != nil; next = a.body["@odata.nextLink"] {
		a = w.get(next.(string))
		all += names(a) + " "
	}
	require.Equal(t, []string{"ann", "bob", "eve"}, strings.Fields(all))
}
