package directory_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
)

// The names that PingOne's and PingFederate's pages give to attributes, each found in any case.
func TestPingNames(t *testing.T) {
	t.Parallel()
	for ping, graph := range map[string]string{
		// PingOne: the common attributes of its mapping page, and the license.
		"password": "password", "mailNickname": "mailNickname", "resetPassword": "resetPassword", "userPrincipalName": "userPrincipalName",
		"immutableid": "onPremisesImmutableId", "displayName": "displayName", "accountEnabled": "accountEnabled", "surname": "surname",
		"givenName": "givenName", "usageLocation": "usageLocation", "skuId": "skuId", "DefaultPassword": "password",
		// PingFederate: the rest of its connector's attributes.
		"city": "city", "country": "country", "department": "department", "facsimileTelephoneNumber": "faxNumber", "givenname": "givenName",
		"jobTitle": "jobTitle", "physicalDeliveryOfficeName": "officeLocation", "postalCode": "postalCode", "state": "state",
		"streetAddress": "streetAddress", "telephoneNumber": "businessPhones", "mobile": "mobilePhone", "perferredLanguage": "preferredLanguage",
		"preferredLanguage": "preferredLanguage", "immutableId": "onPremisesImmutableId", "disabledPlans": "disabledPlans",
	} {
		for _, name := range []string{ping, strings.ToLower(ping), strings.ToUpper(ping)} {
			a, ok := directory.FindAttribute(name)
			require.True(t, ok, name)
			require.Equal(t, graph, a.Name, name)
		}
	}
	for _, name := range []string{"", "link", "mark", "id", "mail", "proxyAddresses", "onPremisesSyncEnabled", "userType"} {
		_, ok := directory.FindAttribute(name)
		require.False(t, ok, "%q is not to be mapped", name)
	}
}

// Who maps an attribute that is not written learns why.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"mail": "otherMails", "hireDate": "only people", "employeeHireDate": "only people", "extensionAttribute1": "Exchange",
		"extensionAttribute15": "Exchange", "onPremisesExtensionAttributes": "Exchange", "pingSourceDN": "the link",
	} {
		why, ok := directory.Unwritable(name)
		require.True(t, ok, name)
		require.Contains(t, why, want)
	}
	for _, name := range []string{"extensionAttribute16", "extensionAttribute0", "extensionAttribute", "jobTitle", "nonsense"} {
		_, ok := directory.Unwritable(name)
		require.False(t, ok, name)
	}
	for _, a := range directory.Attributes() {
		_, ok := directory.Unwritable(a.Name)
		require.False(t, ok, a.Name)
	}
}

// Graph's limits and refusals, as the code relies on them.
func TestAttributes(t *testing.T) {
	t.Parallel()
	lengths := map[string]int{
		"userPrincipalName": 113, "displayName": 256, "mailNickname": 64, "usageLocation": 2, "givenName": 64, "surname": 64, "jobTitle": 128,
		"department": 64, "companyName": 64, "employeeId": 16, "streetAddress": 1024, "city": 128, "state": 128, "postalCode": 40,
		"country": 128, "mobilePhone": 64, "otherMails": 250, "password": 256,
	}
	seen := map[string]string{}
	for _, a := range directory.Attributes() {
		for _, name := range append([]string{a.Name}, a.Aliases...) {
			require.Empty(t, seen[strings.ToLower(name)], "%s means %s and %s", name, a.Name, seen[strings.ToLower(name)])
			seen[strings.ToLower(name)] = a.Name
		}
		require.Equal(t, lengths[a.Name], a.MaxLength, a.Name)
		delete(lengths, a.Name)
		required := strings.Contains(" userPrincipalName displayName mailNickname password ", " "+a.Name+" ")
		require.Equal(t, required, a.Required, a.Name)
		kept := strings.Contains(" userPrincipalName displayName mailNickname usageLocation ", " "+a.Name+" ")
		require.Equal(t, kept, a.Kept, a.Name)
		require.Equal(t, a.Name == "password" || a.Name == "resetPassword", a.CreateOnly, a.Name)
	}
	require.Empty(t, lengths)
	directory.Attributes()[0].Name = "changed"
	require.Equal(t, "userPrincipalName", directory.Attributes()[0].Name)
}

// What is read back: sorted, by Graph's names, never the password, and always the usage location.
func TestReadable(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"usageLocation"}, directory.Readable(nil))
	require.Equal(t, []string{"businessPhones", "department", "onPremisesImmutableId", "usageLocation"}, directory.Readable([]string{
		"password", "resetPassword", "skuId", "disabledPlans", "userPrincipalName", "accountEnabled", "unheardOf",
		"immutableid", "department", "telephoneNumber", "businessPhones",
	}))
}

func TestAccountValue(t *testing.T) {
	t.Parallel()
	sel := directory.Selection{Attributes: []string{"city", "state"}}
	a := directory.Account{Values: []string{"Bonn"}}
	v, ok := a.Value(sel, "city")
	require.True(t, ok)
	require.Equal(t, "Bonn", v)
	_, ok = a.Value(sel, "state")
	require.False(t, ok)
	_, ok = a.Value(sel, "country")
	require.False(t, ok)
}

func TestSKUs(t *testing.T) {
	t.Parallel()
	skus := []directory.SKU{{ID: "06EBC4EE-1bb5", PartNumber: "SPE_E5", Enabled: 10, Warning: 2, Consumed: 13}}
	for _, name := range []string{"06ebc4ee-1BB5", "spe_e5", "SPE_E5"} {
		s, ok := directory.FindSKU(skus, name)
		require.True(t, ok, name)
		require.Equal(t, -1, s.Available())
	}
	_, ok := directory.FindSKU(skus, "")
	require.False(t, ok)
	require.True(t, directory.AssignedLicense{}.Direct())
	require.False(t, directory.AssignedLicense{Group: "g"}.Direct())
}
