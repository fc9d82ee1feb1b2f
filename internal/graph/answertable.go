package graph

import (
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

const (
	rowExtensionExists = "extension exists"
	upn                = directory.UserPrincipalName
)

var genericBad = []int{400}

// answerTable is the table. Sources: graph-errors, the API pages of each call, throttling-limits, and recorded answers; a row
// whose text was never seen in the open says so.
var answerTable = []answerRow{
	// Load and trouble of the service.
	{name: "throttled", status: []int{429}, kind: fault.Throttled, reason: fault.GraphThrottled, wait: throttleWait},
	{name: "throttled by the directory", codes: []string{"Request_ThrottledTemporarily", "Request_ThrottledPermanently"},
		kind: fault.Throttled, reason: fault.GraphThrottled, wait: throttleWait},
	{name: "group is full", codes: []string{"Directory_QuotaExceeded"}, when: func(a *answer) bool { return strings.Contains(a.lower, "forward-link members") },
		kind: fault.Denied, reason: fault.GroupMembersQuota},
	{name: "directory quota", codes: []string{"Directory_QuotaExceeded"}, kind: fault.Denied, reason: fault.DirectoryQuota},
	{name: "server error on a write", status: []int{408, 500, 502, 503, 504}, when: writing,
		kind: fault.Uncertain, reason: fault.WriteUncertain, wait: verifyWait},
	{name: "server too slow", status: []int{408, 504}, kind: fault.Transient, reason: fault.GraphTimeout},
	{name: "server error", status: []int{500, 502, 503}, kind: fault.Transient, reason: fault.GraphUnavailable},
	{name: "replica trouble", codes: []string{"Directory_ReplicaUnavailable", "Directory_BindingRedirection", "Request_InvalidReplicaSessionKey"},
		kind: fault.Transient, reason: fault.GraphUnavailable},
	// The caller begins the list again.
	{name: "page token expired", status: genericBad, codes: []string{"Directory_ExpiredPageToken"}, kind: fault.Transient, reason: fault.ListExpired},
	{name: "concurrent change", codes: []string{"Directory_ConcurrencyViolation"}, kind: fault.Transient, reason: fault.ConcurrentChange},

	// Credentials and permissions.
	{name: "application not in tenant", status: []int{401}, codes: []string{"Authorization_IdentityNotFound"},
		kind: fault.Denied, reason: fault.ApplicationUnknown},
	{name: "application disabled", status: []int{401}, codes: []string{"Authorization_IdentityDisabled"},
		kind: fault.Denied, reason: fault.ApplicationDisabled},
	// A token that was just made and is refused all the same: front ends disagree now and then. Who counts attempts tries
	// again, and while other requests with the same credentials succeed an administrator has nothing to change.
	{name: "token rejected in passing", status: []int{401}, when: func(a *answer) bool { return a.accepted || a.attempt >= 1 && a.attempt <= 3 },
		kind: fault.Transient, reason: fault.TokenRejected},
	{name: "token rejected", status: []int{401}, kind: fault.Denied, reason: fault.TokenRejected},
	{name: "tenant gone", codes: []string{"Directory_CompanyNotFound"}, kind: fault.Denied, reason: fault.TenantUnknown},
	{name: "no consent at all", status: []int{403}, codes: deniedCodes, when: func(a *answer) bool { return a.granted == grantNone },
		kind: fault.Denied, reason: fault.ConsentMissing, subject: neededPermission},
	// Guests need not be allowed into every group of a tenant.
	{name: "guest refused", status: []int{403}, codes: deniedCodes, when: func(a *answer) bool { return strings.Contains(a.lower, "not allowed to join") },
		kind: fault.Denied, reason: fault.GuestRefused},
	// One text for dynamic groups, for those that roles can be given to, and for those of restricted management.
	{name: "group unwritable", status: []int{403}, codes: deniedCodes,
		when: func(a *answer) bool { return aboutGroup(a) && a.op.write && a.granted == grantHeld }, kind: fault.Denied, reason: fault.GroupUnwritable},
	{name: "account protected", status: []int{403}, codes: deniedCodes,
		when: func(a *answer) bool { return a.op.account && a.op.write && a.granted == grantHeld },
		kind: fault.Denied, reason: fault.AccountProtected, refuses: sensitive},
	{name: "extension denied", status: []int{403}, codes: deniedCodes, when: registering,
		kind: fault.Denied, reason: fault.ExtensionDenied, subject: neededPermission},
	{name: "licenses unreadable", status: []int{403}, codes: deniedCodes, when: func(a *answer) bool { return a.op.name == opSKUs.name },
		kind: fault.Denied, reason: fault.LicensesUnreadable, subject: neededPermission},
	{name: "permission denied", status: []int{403}, codes: deniedCodes, kind: fault.Denied, reason: fault.PermissionDenied, subject: neededPermission},

	// Not there, or not yet.
	{name: "not replicated yet", status: []int{404}, codes: []string{"Request_ResourceNotFound"},
		when: func(a *answer) bool { return (a.op.account || aboutGroup(a)) && a.recent },
		kind: fault.NotReady, reason: fault.ReplicationPending, wait: replicaWait},
	// The text names the group, whatever of group, account and membership is missing.
	{name: "membership not found", status: []int{404}, codes: []string{"Request_ResourceNotFound"}, when: removingMember,
		kind: fault.Stale, reason: fault.NotMember},
	{name: "member not found", status: []int{404}, codes: []string{"Request_ResourceNotFound"}, when: func(a *answer) bool { return namedAccount(a) != "" },
		kind: fault.NotFound, reason: fault.GroupMemberNotFound, subject: namedAccount},
	{name: "group not found", status: []int{404}, codes: []string{"Request_ResourceNotFound"}, when: aboutGroup,
		kind: fault.NotFound, reason: fault.TargetGroupNotFound},
	{name: "account not found", status: []int{404}, codes: []string{"Request_ResourceNotFound"}, when: onAccount,
		kind: fault.NotFound, reason: fault.AccountNotFound},
	{name: "application not found", status: []int{404}, codes: []string{"Request_ResourceNotFound"}, when: onExtensions,
		kind: fault.Denied, reason: fault.ApplicationUnknown},
	{name: "reference not replicated yet", status: genericBad, message: []string{"the source resource object or one of the objects being referenced"},
		kind: fault.NotReady, reason: fault.ReplicationPending, wait: replicaWait},
	{name: "extension not available", status: genericBad, message: []string{"the following extension properties are not available"},
		kind: fault.NotReady, reason: fault.ExtensionNotReady, subject: attribute, wait: replicaWait},
	// Request_UnsupportedQuery: Property 'extension_…' does not exist as a declared property or extension property.
	{name: "extension unknown to a query", status: genericBad, when: func(a *answer) bool { return !a.op.write && strings.Contains(a.lower, "extension_") },
		kind: fault.NotReady, reason: fault.ExtensionNotReady, subject: attribute, wait: replicaWait},
	{name: rowExtensionExists, status: []int{400, 409}, when: func(a *answer) bool {
		return registering(a) && (strings.EqualFold(a.code, "Request_MultipleObjectsWithSameKeyValue") || a.says([]string{"an extension property exists with the name"}))
	}, kind: fault.Rematch, reason: fault.ExtensionNotReady},

	// Another object is in the way.
	{name: "name taken", status: []int{400, 409}, conflicts: []string{upn}, kind: fault.Rematch, reason: fault.AccountExists, subject: on(upn)},
	// An account's addresses follow from its name and its alias; a change of the alias can be left out.
	{name: "address taken", status: []int{400, 409}, conflicts: []string{"proxyAddresses", "mail"},
		kind: fault.Invalid, reason: fault.AddressConflict, subject: attribute, refuses: []string{directory.MailNickname}},
	{name: "immutable id taken", status: []int{400, 409}, conflicts: []string{directory.ImmutableID},
		kind: fault.Invalid, reason: fault.ImmutableIDConflict, subject: on(directory.ImmutableID)},
	{name: "unique name taken", status: []int{400, 409}, conflicts: []string{"uniqueName"}, when: aboutGroup,
		kind: fault.Rematch, reason: fault.GroupInBin, subject: on("uniqueName")},
	{name: "nickname taken", status: []int{400, 409}, conflicts: []string{directory.MailNickname}, when: aboutGroup,
		kind: fault.Invalid, reason: fault.GroupNicknameTaken, subject: on(directory.MailNickname)},
	{name: "member already", status: genericBad, message: []string{"one or more added object references already exist"}, when: addingOne,
		kind: fault.Stale, reason: fault.AlreadyMember},
	// The answer to twenty members does not say which of them is one already, and none was added.
	{name: "reference there already", status: genericBad, message: []string{"one or more added object references already exist"},
		kind: fault.Rematch, reason: fault.MembershipChanged},
	{name: "reference gone already", status: genericBad, message: []string{"one or more removed object references do not exist"},
		kind: fault.Stale, reason: fault.NotMember},
	// What we never send, unless it is a defect.
	{name: "bad membership request", status: genericBad, message: []string{"more than 20 link changes", "can only be present once", "not a valid reference update"},
		kind: fault.Internal, reason: fault.MembershipRefused},
	{name: "value taken", status: []int{400, 409}, conflicts: []string{"*"}, kind: fault.Invalid, reason: fault.AttributeInvalid, subject: attribute},
	{name: "key taken", status: []int{400, 409}, codes: []string{"Request_MultipleObjectsWithSameKeyValue"}, when: creating,
		kind: fault.Rematch, reason: fault.AccountExists},
	// The name may be taken by a personal Microsoft account, or by an account of the tenant.
	{name: "name taken elsewhere", status: genericBad, message: []string{"property netid is invalid"}, kind: fault.Rematch, reason: fault.AccountExists, subject: on(upn)},
	{name: "conflict", status: []int{409}, kind: fault.Transient, reason: fault.ConcurrentChange},

	// Licenses.
	// The service that assigns licenses learns of a new usage location some time later.
	{name: "usage location not known yet", status: genericBad, message: []string{"invalid usage location"},
		when: func(a *answer) bool {
			// An earlier run may have written it: a few attempts are worth it for anybody.
			return a.attempt >= 1 && (a.attempt <= briefLocationAttempts || a.location && a.attempt <= locationAttempts)
		},
		kind: fault.NotReady, reason: fault.ReplicationPending, subject: on(directory.UsageLocation), wait: locationWait},
	{name: "license without usage location", status: genericBad, message: []string{"invalid usage location"},
		kind: fault.Invalid, reason: fault.UsageLocationMissing, subject: on(directory.UsageLocation)},
	{name: "no license left", status: genericBad, message: []string{"does not have any available licenses"},
		kind: fault.Invalid, reason: fault.LicensesExhausted, subject: on(directory.SkuID)},
	{name: "unknown license", status: genericBad, message: []string{"does not correspond to a valid company license"},
		kind: fault.Invalid, reason: fault.LicenseUnknown, subject: on(directory.SkuID)},
	{name: "service plan depends on another", status: genericBad, message: []string{"depends on the service plan"},
		kind: fault.Invalid, reason: fault.LicenseDependency, subject: on(directory.DisabledPlans)},
	{name: "service plans exclude each other", status: genericBad, message: []string{"are mutually exclusive", "conflicts with service plan"},
		kind: fault.Invalid, reason: fault.LicenseConflict, subject: on(directory.SkuID)},
	{name: "license inherited", status: genericBad, message: []string{"inherited from a group membership"},
		kind: fault.Invalid, reason: fault.LicenseInherited, subject: on(directory.SkuID)},
	// What is known of the account is out of date, since a license was to be removed that is gone. Text not seen in the open.
	{name: "license not assigned", status: genericBad, message: []string{"does not have a corresponding license"},
		kind: fault.Stale, reason: fault.LicenseNotAssigned, subject: on(directory.SkuID)},

	// Groups that are not to be written by anybody with our permissions.
	{name: "group mail-enabled", status: genericBad, message: []string{"mail-enabled security groups and or distribution list", "support writes of mail-enabled groups"},
		kind: fault.Invalid, reason: fault.GroupMailEnabled},
	{name: "group synced from on-premises", status: genericBad, message: []string{"on-premises mastered directory sync objects"}, when: aboutGroup,
		kind: fault.Invalid, reason: fault.GroupSynced},
	// Text not seen in the open.
	{name: "group has licenses", status: genericBad, message: []string{"active licenses assigned"}, when: onGroup,
		kind: fault.Invalid, reason: fault.GroupHasLicenses},

	// Values.
	{name: "immutable id missing", status: genericBad, message: []string{"sourceanchor is a required property"},
		kind: fault.Invalid, reason: fault.AttributeRequired, subject: on(directory.ImmutableID)},
	{name: "attribute mastered elsewhere", status: genericBad, message: []string{"originated within an external service"},
		kind: fault.Invalid, reason: fault.AttributeMasteredElsewhere, subject: refusedNames(exchangeMastered), refuses: exchangeMastered},
	{name: "account synced from on-premises", status: genericBad, message: []string{"on-premises mastered directory sync objects"},
		kind: fault.Invalid, reason: fault.AccountSynced},
	{name: "domain not verified", status: genericBad, message: []string{"the domain portion of the userprincipalname property is invalid"},
		kind: fault.Invalid, reason: fault.DomainNotVerified, subject: on(upn)},
	{name: "name invalid (detail)", status: genericBad, codes: badCodes, when: func(a *answer) bool {
		return a.hasDetail("InvalidCharacter", upn) || a.hasDetail("InvalidValue", upn)
	}, kind: fault.Invalid, reason: fault.UPNInvalid, subject: on(upn)},
	{name: "name invalid", status: genericBad, message: []string{"property userprincipalname is invalid"},
		kind: fault.Invalid, reason: fault.UPNInvalid, subject: on(upn)},
	{name: "name is no key", status: genericBad, message: []string{"invalid object identifier"}, when: readingByUPN,
		kind: fault.Invalid, reason: fault.UPNInvalid, subject: on(upn)},
	{name: "password too weak", status: genericBad, message: []string{"password complexity requirements", "specified password does not comply"},
		kind: fault.Invalid, reason: fault.PasswordRejected, subject: on(directory.Password)},
	{name: "password missing", status: genericBad, message: []string{"a password must be specified"},
		kind: fault.Invalid, reason: fault.AttributeRequired, subject: on(directory.Password)},
	{name: "value required", status: genericBad, message: []string{"a value is required for property"},
		kind: fault.Invalid, reason: fault.AttributeRequired, subject: attribute},
	{name: "usage location invalid", status: genericBad, message: []string{"property usagelocation is invalid"},
		kind: fault.Invalid, reason: fault.UsageLocationInvalid, subject: on(directory.UsageLocation)},
	// Neither the detail nor the text of an over-long value was found in the open.
	{name: "value too long", status: genericBad, detail: "InvalidLength", kind: fault.Invalid, reason: fault.AttributeTooLong, subject: attribute},
	{name: "value invalid (detail)", status: genericBad, when: func(a *answer) bool {
		return a.hasDetail("InvalidCharacter", "") || a.hasDetail("InvalidValue", "")
	}, kind: fault.Invalid, reason: fault.AttributeInvalid, subject: attribute},
	{name: "value invalid", status: genericBad, message: []string{"invalid value specified for property"},
		kind: fault.Invalid, reason: fault.AttributeInvalid, subject: attribute},
	{name: "property invalid", status: genericBad, message: []string{" is invalid"}, when: func(a *answer) bool { return strings.HasPrefix(a.lower, "property ") },
		kind: fault.Invalid, reason: fault.AttributeInvalid, subject: attribute},
	// Some tenants let null clear it and others do not, in words that nobody has written down.
	{name: "immutable id not cleared", status: genericBad, codes: badCodes, when: func(a *answer) bool { return a.clears(directory.ImmutableID) },
		kind: fault.Invalid, reason: fault.AttributeInvalid, subject: on(directory.ImmutableID), refuses: []string{directory.ImmutableID}},
	// The same words are used for several bad values and for a domain added minutes ago; only a caller that counts its attempts
	// can wait that out.
	{name: "values perhaps too early", status: genericBad, message: severalInvalid, when: func(a *answer) bool { return a.attempt >= 1 && a.attempt <= 3 },
		kind: fault.NotReady, reason: fault.ReplicationPending, wait: domainWait},
	{name: "values invalid", status: genericBad, message: severalInvalid, kind: fault.Invalid, reason: fault.AttributeInvalid, subject: attribute},
	{name: "unknown attribute", status: genericBad, message: []string{"a value without a type name was found"},
		kind: fault.Invalid, reason: fault.AttributeUnknown},
	{name: "anything else", kind: fault.Internal, reason: fault.UnexpectedAnswer},

	// The sign-in service. Numbers: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
	{name: "login: secret wrong", login: true, aadsts: []int{7000215}, kind: fault.Denied, reason: fault.SecretWrong, subject: on("clientSecret")},
	{name: "login: secret expired", login: true, aadsts: []int{7000222}, kind: fault.Denied, reason: fault.SecretExpired, subject: on("clientSecret")},
	{name: "login: secret missing", login: true, aadsts: []int{7000216, 7000218}, kind: fault.Denied, reason: fault.SecretMissing, subject: on("clientSecret")},
	{name: "login: certificate expired", login: true, aadsts: []int{1000502}, kind: fault.Denied, reason: fault.CertificateExpired, subject: aadstsNumber},
	// 700027 has its cause in the text alone: the key is expired, is not there, or did not sign this.
	{name: "login: certificate's entry expired", login: true, aadsts: []int{700027}, when: func(a *answer) bool { return strings.Contains(a.lower, "key used is expired") },
		kind: fault.Denied, reason: fault.CertificateExpired, subject: aadstsNumber},
	{name: "login: certificate", login: true, aadsts: []int{700027, 7000272, 7000214}, kind: fault.Denied, reason: fault.CertificateRejected, subject: aadstsNumber},
	{name: "login: federated token", login: true, aadsts: []int{70021, 700211, 700212, 700213, 7002137, 7002138},
		kind: fault.Denied, reason: fault.FederatedTokenRejected, subject: aadstsNumber},
	{name: "login: assertion's time", login: true, aadsts: []int{700024, 50012}, kind: fault.Denied, reason: fault.AssertionTimeWrong, subject: aadstsNumber},
	{name: "login: application unknown", login: true, aadsts: []int{700016}, kind: fault.Denied, reason: fault.ApplicationUnknown, subject: on("clientId")},
	{name: "login: application disabled", login: true, aadsts: []int{7000112}, kind: fault.Denied, reason: fault.ApplicationDisabled, subject: on("clientId")},
	{name: "login: tenant unknown", login: true, aadsts: []int{90002, 900023}, kind: fault.Denied, reason: fault.TenantUnknown, subject: on("tenantId")},
	{name: "login: scope", login: true, aadsts: []int{1002012, 70011, 500011}, kind: fault.Denied, reason: fault.ScopeInvalid, subject: on("cloud")},
	{name: "login: throttled", login: true, status: []int{429}, kind: fault.Throttled, reason: fault.LoginUnavailable, wait: throttleWait},
	{name: "login: temporarily unavailable", login: true, codes: []string{"temporarily_unavailable", "server_error"},
		kind: fault.Transient, reason: fault.LoginUnavailable},
	{name: "login: server error", login: true, status: []int{408, 500, 502, 503, 504}, kind: fault.Transient, reason: fault.LoginUnavailable},
	{name: "login: invalid tenant", login: true, codes: []string{"invalid_tenant"}, kind: fault.Denied, reason: fault.TenantUnknown, subject: on("tenantId")},
	{name: "login: invalid scope", login: true, codes: []string{"invalid_scope"}, kind: fault.Denied, reason: fault.ScopeInvalid, subject: on("cloud")},
	{name: "login: refused", login: true, when: func(a *answer) bool { return a.code != "" },
		kind: fault.Denied, reason: fault.LoginRefused, subject: aadstsNumber},
	// Not in the sign-in service's own form: a proxy or a wrong host.
	{name: "login: anything else", login: true, kind: fault.Transient, reason: fault.LoginUnavailable},
}

// locationAttempts is how often a license is tried while its account's usage location may not be known yet: about six
// minutes with the waits of production.
const locationAttempts = 8

// briefLocationAttempts is the same for an account of which this run does not know when its location was written.
const briefLocationAttempts = 3

var (
	// sensitive are the attributes that cannot be written for people with an administrator role unless the application has a
	// higher one. https://learn.microsoft.com/graph/api/resources/users
	sensitive = []string{directory.AccountEnabled, directory.BusinessPhones, "mobilePhone", directory.ImmutableID, directory.OtherMails, upn}
	// exchangeMastered are the attributes that Graph was seen to refuse, or is documented to, where Exchange has the mastery
	// over an account.
	exchangeMastered = []string{"employeeId", directory.MailNickname, directory.OtherMails}

	deniedCodes    = []string{"Authorization_RequestDenied", "Authentication_Unauthorized", "Forbidden", "AccessDenied"}
	badCodes       = []string{"Request_BadRequest", "BadRequest"}
	severalInvalid = []string{"one or more property values specified are invalid", "one or more properties contains invalid values"}
)
