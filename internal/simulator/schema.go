package simulator

import "strings"

// kind is how a property is written in JSON.
type kind int

const (
	textKind kind = iota
	flagKind
	listKind   // list of strings
	dateKind   // ISO 8601 text
	objectKind // anything else: kept as it came
)

// filtering is what a property allows in $filter.
type filtering int

const (
	filterPlain    filtering = iota // eq, in and startsWith without a header; the rest needs ConsistencyLevel
	filterAdvanced                  // everything needs ConsistencyLevel and $count=true
	filterNever                     // refused always
)

// writing is what a client may do to a property.
type writing int

const (
	writable  writing = iota
	readOnly          // "Property 'x' is read-only and cannot be set."
	delegated         // not with an application's own token
)

// property describes one property of a user or a group.
type property struct {
	name    string
	kind    kind
	max     int // characters; 0 where none is documented
	kept    bool
	write   writing
	filter  filtering
	hidden  bool // never stored as a plain value: computed, or secret
	nonNull bool // read as [] or false rather than null
}

// userProperties follow https://learn.microsoft.com/graph/api/resources/user, limits included.
var userProperties = index([]property{
	{name: "accountEnabled", kind: flagKind, kept: true},
	{name: "ageGroup", filter: filterPlain},
	{name: "assignedLicenses", kind: objectKind, write: readOnly, hidden: true, nonNull: true},
	{name: "assignedPlans", kind: objectKind, write: readOnly, hidden: true, nonNull: true, filter: filterAdvanced},
	{name: "businessPhones", kind: listKind, max: 64, nonNull: true},
	{name: "city", max: 128},
	{name: "companyName", max: 64, filter: filterAdvanced},
	{name: "consentProvidedForMinor"},
	{name: "country", max: 128},
	{name: "createdDateTime", kind: dateKind, write: readOnly},
	{name: "creationType", write: readOnly, filter: filterAdvanced},
	{name: "deletedDateTime", kind: dateKind, write: readOnly, filter: filterAdvanced},
	{name: "department", max: 64},
	{name: "displayName", max: 256, kept: true},
	{name: "employeeHireDate", kind: dateKind, write: delegated, filter: filterAdvanced},
	{name: "employeeId", max: 16},
	{name: "employeeLeaveDateTime", kind: dateKind, write: delegated, filter: filterAdvanced},
	{name: "employeeOrgData", kind: objectKind, filter: filterAdvanced},
	{name: "employeeType", filter: filterAdvanced},
	{name: "externalUserState", write: readOnly, filter: filterAdvanced},
	{name: "externalUserStateChangeDateTime", kind: dateKind, write: readOnly, filter: filterAdvanced},
	{name: "faxNumber", filter: filterAdvanced},
	{name: "givenName", max: 64},
	{name: "id", write: readOnly},
	{name: "identities", kind: objectKind, write: delegated, nonNull: true},
	{name: "imAddresses", kind: listKind, write: readOnly, nonNull: true},
	{name: "isManagementRestricted", kind: flagKind, write: readOnly, filter: filterNever},
	{name: "isResourceAccount", kind: flagKind, write: readOnly, filter: filterNever},
	{name: "jobTitle", max: 128},
	{name: "lastPasswordChangeDateTime", kind: dateKind, write: readOnly, filter: filterNever},
	{name: "legalAgeGroupClassification", write: readOnly, filter: filterNever},
	{name: "licenseAssignmentStates", kind: objectKind, write: readOnly, hidden: true, nonNull: true, filter: filterNever},
	{name: "mail", kept: true},
	{name: "mailNickname", max: 64, kept: true},
	{name: "mobilePhone", max: 64, filter: filterAdvanced},
	{name: "officeLocation", filter: filterAdvanced},
	{name: "onPremisesDistinguishedName", write: readOnly, filter: filterNever},
	{name: "onPremisesDomainName", write: readOnly, filter: filterNever},
	{name: "onPremisesExtensionAttributes", kind: objectKind, filter: filterAdvanced},
	{name: "onPremisesImmutableId"},
	{name: "onPremisesLastSyncDateTime", kind: dateKind, write: readOnly},
	{name: "onPremisesProvisioningErrors", kind: objectKind, write: readOnly, nonNull: true, filter: filterNever},
	{name: "onPremisesSamAccountName", write: readOnly, filter: filterAdvanced},
	{name: "onPremisesSecurityIdentifier", write: readOnly, filter: filterAdvanced},
	{name: "onPremisesSyncEnabled", kind: flagKind, write: readOnly},
	{name: "onPremisesUserPrincipalName", write: readOnly, filter: filterNever},
	{name: "otherMails", kind: listKind, max: 250, nonNull: true},
	{name: "passwordPolicies"},
	{name: "passwordProfile", kind: objectKind, hidden: true, filter: filterNever},
	{name: "postalCode", max: 40},
	{name: "preferredDataLocation", filter: filterAdvanced},
	{name: "preferredLanguage", filter: filterAdvanced},
	{name: "provisionedPlans", kind: objectKind, write: readOnly, nonNull: true, filter: filterAdvanced},
	{name: "proxyAddresses", kind: listKind, write: readOnly, nonNull: true},
	{name: "refreshTokensValidFromDateTime", kind: dateKind, write: readOnly, filter: filterNever},
	{name: "securityIdentifier", write: readOnly, filter: filterNever},
	{name: "serviceProvisioningErrors", kind: objectKind, write: readOnly, nonNull: true, filter: filterNever},
	{name: "showInAddressList", kind: flagKind, filter: filterNever},
	{name: "signInSessionsValidFromDateTime", kind: dateKind, write: readOnly, filter: filterNever},
	{name: "state", max: 128},
	{name: "streetAddress", max: 1024, filter: filterAdvanced},
	{name: "surname", max: 64},
	{name: "usageLocation", kept: true},
	{name: "userPrincipalName", max: 113, kept: true},
	{name: "userType"},
	// Held outside the directory's main store, and closed to applications.
	{name: "aboutMe", write: delegated, filter: filterNever},
	{name: "birthday", kind: dateKind, write: delegated, filter: filterNever},
	{name: "interests", kind: listKind, write: delegated, nonNull: true, filter: filterNever},
	{name: "mySite", write: delegated, filter: filterNever},
	{name: "pastProjects", kind: listKind, write: delegated, nonNull: true, filter: filterNever},
	{name: "responsibilities", kind: listKind, write: delegated, nonNull: true, filter: filterNever},
	{name: "schools", kind: listKind, write: delegated, nonNull: true, filter: filterNever},
	{name: "skills", kind: listKind, write: delegated, nonNull: true, filter: filterNever},
}, `authorizationInfo cloudLicensing customSecurityAttributes deviceEnrollmentLimit hireDate mailboxSettings preferredName print
	signInActivity`, `manager directReports memberOf transitiveMemberOf ownedObjects ownedDevices registeredDevices createdObjects
	extensions drive licenseDetails photo settings`)

// groupProperties follow https://learn.microsoft.com/graph/api/resources/group.
var groupProperties = index([]property{
	{name: "id", write: readOnly},
	{name: "deletedDateTime", kind: dateKind, write: readOnly, filter: filterAdvanced},
	{name: "classification"},
	{name: "createdDateTime", kind: dateKind, write: readOnly},
	{name: "creationOptions", kind: listKind, write: readOnly, nonNull: true, filter: filterNever},
	{name: "description", max: 1024, filter: filterAdvanced},
	{name: "displayName", max: 256, kept: true},
	{name: "expirationDateTime", kind: dateKind, write: readOnly, filter: filterAdvanced},
	{name: "groupTypes", kind: listKind, nonNull: true},
	{name: "isAssignableToRole", kind: flagKind},
	{name: "isManagementRestricted", kind: flagKind, write: readOnly},
	{name: "mail", write: readOnly},
	{name: "mailEnabled", kind: flagKind, kept: true},
	{name: "mailNickname", max: 64, kept: true},
	{name: "membershipRule"},
	{name: "membershipRuleProcessingState"},
	{name: "onPremisesDomainName", write: readOnly, filter: filterNever},
	{name: "onPremisesLastSyncDateTime", kind: dateKind, write: readOnly},
	{name: "onPremisesNetBiosName", write: readOnly, filter: filterNever},
	{name: "onPremisesSamAccountName", write: readOnly},
	{name: "onPremisesSecurityIdentifier", write: readOnly},
	{name: "onPremisesSyncEnabled", kind: flagKind, write: readOnly},
	{name: "preferredDataLocation", filter: filterAdvanced},
	{name: "preferredLanguage", filter: filterAdvanced},
	{name: "proxyAddresses", kind: listKind, write: readOnly, nonNull: true},
	{name: "renewedDateTime", kind: dateKind, write: readOnly, filter: filterAdvanced},
	{name: "resourceBehaviorOptions", kind: listKind, nonNull: true, filter: filterNever},
	{name: "resourceProvisioningOptions", kind: listKind, nonNull: true},
	{name: "securityEnabled", kind: flagKind, kept: true},
	{name: "securityIdentifier", write: readOnly},
	{name: "theme", filter: filterNever},
	{name: "uniqueName"},
	{name: "visibility", filter: filterNever},
	{name: "onPremisesProvisioningErrors", kind: objectKind, write: readOnly, nonNull: true, filter: filterNever},
	{name: "serviceProvisioningErrors", kind: objectKind, write: readOnly, nonNull: true, filter: filterNever},
	{name: "assignedLicenses", kind: objectKind, write: readOnly, hidden: true, nonNull: true},
	{name: "licenseProcessingState", kind: objectKind, write: readOnly, hidden: true, filter: filterNever},
	{name: "hasMembersWithLicenseErrors", kind: flagKind, write: readOnly, hidden: true},
}, `allowExternalSenders assignedLabels autoSubscribeNewMembers hideFromAddressLists hideFromOutlookClients isArchived isSubscribedByMail
	unseenCount`, `members owners memberOf transitiveMembers transitiveMemberOf createdOnBehalfOf extensions drive sites team
	membersWithLicenseErrors`)

// userDefaults are the properties of a user that is read without $select.
var userDefaults = []string{"businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone",
	"officeLocation", "preferredLanguage", "surname", "userPrincipalName", "id"}

// groupDefaults are the properties of a group that is read without $select.
var groupDefaults = []string{"id", "deletedDateTime", "classification", "createdDateTime", "creationOptions",
	"description", "displayName", "expirationDateTime", "groupTypes", "isAssignableToRole", "mail", "mailEnabled",
	"mailNickname", "membershipRule", "membershipRuleProcessingState", "onPremisesDomainName",
	"onPremisesLastSyncDateTime", "onPremisesNetBiosName", "onPremisesSamAccountName", "onPremisesSecurityIdentifier",
	"onPremisesSyncEnabled", "preferredDataLocation", "preferredLanguage", "proxyAddresses", "renewedDateTime",
	"resourceBehaviorOptions", "resourceProvisioningOptions", "securityEnabled", "securityIdentifier", "theme",
	"uniqueName", "visibility", "onPremisesProvisioningErrors", "serviceProvisioningErrors"}

// schema finds properties by their exact name.
type schema struct {
	ordered []property
	byName  map[string]*property
	folded  map[string]*property
	// elsewhere are the properties that Graph has and the simulator has not, and relations those that can be expanded; in lower
	// case.
	elsewhere, relations map[string]bool
}

func index(ps []property, elsewhere, relations string) *schema {
	s := &schema{ordered: ps, byName: map[string]*property{}, folded: map[string]*property{}, elsewhere: words(elsewhere), relations: words(relations)}
	for i := range s.ordered {
		p := &s.ordered[i]
		s.byName[p.name] = p
		s.folded[strings.ToLower(p.name)] = p
	}
	return s
}

func words(names string) map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(names) {
		m[strings.ToLower(n)] = true
	}
	return m
}

// unknown refuses a name that is not in the schema: as Graph does, or as outside where Graph has it.
func (c *call) unknown(s *schema, name string, refused *refusal) *refusal {
	if s.elsewhere[strings.ToLower(name)] {
		return notHere(name)
	}
	c.s.stats.protocol("unknown property")
	return refused
}

// isExtension tells the name of a directory extension property from any other.
func isExtension(name string) bool {
	const prefix = "extension_"
	return len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

// usageLocations are the country codes of ISO 3166-1 alpha-2.
var usageLocations = func() map[string]bool {
	codes := "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ " +
		"CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR " +
		"GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP " +
		"KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU " +
		"MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB " +
		"SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY " +
		"UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
	m := map[string]bool{}
	for _, c := range strings.Fields(codes) {
		m[c] = true
	}
	return m
}()
