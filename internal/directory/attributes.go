package directory

import (
	"sort"
	"strconv"
	"strings"
)

// Type is how an attribute is written.
type Type int

const (
	// Text is a single string; "" is written as null.
	Text Type = iota
	// List is a list of strings.
	List
	// Flag is true or false.
	Flag
	// Secret is the initial password: written at creation only, never read.
	Secret
	// Licenses is skuId or disabledPlans: not attributes in Graph, but part of a person's mapping.
	Licenses
	// Reference names another account: the manager. Graph has a request of its own for it.
	Reference
)

// Attribute describes one target attribute that a mapping may name.
//
// Lengths: https://learn.microsoft.com/graph/api/resources/user
type Attribute struct {
	// Name is Graph's name, the one that is written and shown.
	Name string
	// Aliases are the names of PingOne and PingFederate for the same thing; compared without case.
	Aliases []string
	Type    Type
	// MaxLength is Graph's limit in characters for each value; 0 where none is documented.
	MaxLength int
	// Required: an account cannot be created without it.
	Required bool
	// Kept: an empty value is never written, since Graph refuses to clear it.
	Kept bool
	// CreateOnly: written with the account's creation and never again.
	CreateOnly bool
}

// Names of the attributes that the code treats specially.
const (
	UserPrincipalName = "userPrincipalName"
	DisplayName       = "displayName"
	MailNickname      = "mailNickname"
	AccountEnabled    = "accountEnabled"
	Password          = "password"
	ResetPassword     = "resetPassword"
	UsageLocation     = "usageLocation"
	SkuID             = "skuId"
	DisabledPlans     = "disabledPlans"
	ImmutableID       = "onPremisesImmutableId"
	BusinessPhones    = "businessPhones"
	OtherMails        = "otherMails"
	AgeGroup          = "ageGroup"
	// Manager is mapped to the manager's source id (a person of the same connection) or, if it contains "@", user principal
	// name. An empty value takes the manager away; without a mapping the manager is never touched.
	Manager = "manager"
)

var attributes = []Attribute{
	{Name: UserPrincipalName, MaxLength: 113, Required: true, Kept: true},
	{Name: DisplayName, MaxLength: 256, Required: true, Kept: true},
	{Name: MailNickname, MaxLength: 64, Required: true, Kept: true},
	{Name: AccountEnabled, Type: Flag},
	{Name: Password, Aliases: []string{"DefaultPassword"}, Type: Secret, MaxLength: 256, Required: true, CreateOnly: true},
	{Name: ResetPassword, Aliases: []string{"forceChangePasswordNextSignIn"}, Type: Flag, CreateOnly: true},
	{Name: UsageLocation, MaxLength: 2, Kept: true},
	{Name: ImmutableID, Aliases: []string{"immutableId"}},
	{Name: "givenName", MaxLength: 64},
	{Name: "surname", MaxLength: 64},
	{Name: "jobTitle", MaxLength: 128},
	{Name: "department", MaxLength: 64},
	{Name: "companyName", MaxLength: 64},
	{Name: "employeeId", MaxLength: 16},
	{Name: "employeeType"},
	{Name: "streetAddress", MaxLength: 1024},
	{Name: "city", MaxLength: 128},
	{Name: "state", MaxLength: 128},
	{Name: "postalCode", MaxLength: 40},
	{Name: "country", MaxLength: 128},
	{Name: "officeLocation", Aliases: []string{"physicalDeliveryOfficeName"}},
	{Name: "faxNumber", Aliases: []string{"facsimileTelephoneNumber"}},
	{Name: "mobilePhone", Aliases: []string{"mobile"}, MaxLength: 64},
	{Name: BusinessPhones, Aliases: []string{"telephoneNumber"}, Type: List},
	{Name: OtherMails, Type: List, MaxLength: 250},
	{Name: AgeGroup},
	{Name: "preferredLanguage", Aliases: []string{"perferredLanguage"}},
	{Name: Manager, Type: Reference},
	{Name: SkuID, Type: Licenses},
	{Name: DisabledPlans, Type: Licenses},
}

// Attributes lists every target attribute, in the order of the documentation.
func Attributes() []Attribute { return append([]Attribute(nil), attributes...) }

// FindAttribute finds an attribute by Graph's name or an alias, in any case.
func FindAttribute(name string) (Attribute, bool) {
	for _, a := range attributes {
		if strings.EqualFold(a.Name, name) {
			return a, true
		}
		for _, alias := range a.Aliases {
			if strings.EqualFold(alias, name) {
				return a, true
			}
		}
	}
	return Attribute{}, false
}

// The reasons why attributes of Graph's user are not written.
const (
	byPeopleOnly = "Graph lets no application write it, only people who are signed in"
	byExchange   = "Exchange keeps it, and overwrites or refuses what others write once the account has a mailbox"
)

// unwritable are attributes that people look for, in lower case, with the reason why a mapping cannot name them.
var unwritable = map[string]string{
	"employeehiredate": byPeopleOnly, "employeeleavedatetime": byPeopleOnly, "hiredate": byPeopleOnly, "birthday": byPeopleOnly, "aboutme": byPeopleOnly,
	"interests": byPeopleOnly, "mysite": byPeopleOnly, "pastprojects": byPeopleOnly, "responsibilities": byPeopleOnly, "schools": byPeopleOnly,
	"skills": byPeopleOnly, "preferredname": byPeopleOnly,
	"mail": byExchange + "; map otherMails for another address", "proxyaddresses": byExchange,
	"onpremisesextensionattributes": byExchange + ", and a creation with it is refused",
	"legalagegroupclassification":   "Entra works it out from ageGroup and the consent; map ageGroup",
	"pingsourcedn":                  "the link that entraflow writes to each account replaces it",
}

// Unwritable says why a mapping cannot name an attribute that Graph's user has; ok is false for any other name.
func Unwritable(name string) (why string, ok bool) {
	name = strings.ToLower(name)
	if number, found := strings.CutPrefix(name, "extensionattribute"); found {
		if n, err := strconv.Atoi(number); err == nil && n >= 1 && n <= 15 {
			name = "onpremisesextensionattributes"
		}
	}
	why, ok = unwritable[name]
	return why, ok
}

// Readable gives, sorted, the names of those attributes that are read back and compared: all but the sign-in name and
// accountEnabled (always read), the password and its reset (never), the licenses (which have states of their own) and the
// manager (Selection.Manager).
// usageLocation is always among them, because licenses need it.
func Readable(names []string) []string {
	set := map[string]bool{UsageLocation: true}
	for _, n := range names {
		a, ok := FindAttribute(n)
		if !ok || a.CreateOnly || a.Type == Licenses || a.Type == Reference || a.Name == UserPrincipalName || a.Name == AccountEnabled {
			continue
		}
		set[a.Name] = true
	}
	out := make([]string, 0, len(set))
	for n := range set {
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}
