package graph_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

type callFunc func(context.Context, *graph.Client) error

var (
	create callFunc = func(ctx context.Context, c *graph.Client) error {
		_, err := c.CreateUser(ctx, graph.NewUser{UserPrincipalName: "secret.person@contoso.com", Password: "p", Link: "l"}, selection)
		return err
	}
	update callFunc = func(ctx context.Context, c *graph.Client) error {
		return c.UpdateUser(ctx, userID, graph.Patch{Enabled: ptr(true)}, selection)
	}
	// change is a change of several attributes, among them some that not everybody may write.
	change callFunc = func(ctx context.Context, c *graph.Client) error {
		return c.UpdateUser(ctx, userID, graph.Patch{Attributes: map[string]string{
			"department": "Sales", "mobilePhone": "+1", "businessPhones": "+2", "mailNickname": "ann", "jobTitle": "",
		}}, selection)
	}
	clearImmutableID callFunc = func(ctx context.Context, c *graph.Client) error {
		return c.UpdateUser(ctx, userID, graph.Patch{Attributes: map[string]string{"onPremisesImmutableId": "", "department": "Sales"}}, selection)
	}
	byLink callFunc = func(ctx context.Context, c *graph.Client) error {
		_, err := c.UsersByLink(ctx, "contoso/staff/E1", selection)
		return err
	}
	assign callFunc = func(ctx context.Context, c *graph.Client) error {
		return c.AssignLicenses(ctx, userID, []directory.License{{SKU: skuID}}, nil)
	}
	remove  callFunc = func(ctx context.Context, c *graph.Client) error { return c.DeleteUser(ctx, userID) }
	manager callFunc = func(ctx context.Context, c *graph.Client) error { return c.SetManager(ctx, userID, skuID) }
	read    callFunc = func(ctx context.Context, c *graph.Client) error {
		_, err := c.UserByID(ctx, userID, selection)
		return err
	}
	readName callFunc = func(ctx context.Context, c *graph.Client) error {
		_, err := c.UserByUPN(ctx, "secret.person@contoso.com", selection)
		return err
	}
	list callFunc = func(ctx context.Context, c *graph.Client) error {
		return c.ListUsers(ctx, selection, func([]directory.Account) error { return nil }, nil)
	}
	skus     callFunc = func(ctx context.Context, c *graph.Client) error { _, err := c.SubscribedSKUs(ctx); return err }
	org      callFunc = func(ctx context.Context, c *graph.Client) error { _, err := c.Organization(ctx); return err }
	exts     callFunc = func(ctx context.Context, c *graph.Client) error { _, err := c.ExtensionProperties(ctx); return err }
	register callFunc = func(ctx context.Context, c *graph.Client) error {
		_, err := c.RegisterExtensionProperty(ctx, graph.LinkProperty)
		return err
	}
	addMembers callFunc = func(ctx context.Context, c *graph.Client) error {
		return c.AddMembers(ctx, groupID, []string{skuID, userID})
	}
	addMember    callFunc = func(ctx context.Context, c *graph.Client) error { return c.AddMember(ctx, groupID, userID) }
	removeMember callFunc = func(ctx context.Context, c *graph.Client) error { return c.RemoveMember(ctx, groupID, userID) }
	deleteGroup  callFunc = func(ctx context.Context, c *graph.Client) error { return c.DeleteGroup(ctx, groupID) }
	readGroup    callFunc = func(ctx context.Context, c *graph.Client) error {
		_, err := c.GroupByID(ctx, groupID, selection)
		return err
	}
	renameGroup callFunc = func(ctx context.Context, c *graph.Client) error {
		return c.UpdateGroup(ctx, groupID, graph.GroupPatch{DisplayName: ptr("x")}, selection)
	}
	upsert callFunc = func(ctx context.Context, c *graph.Client) error {
		_, _, err := c.UpsertGroup(ctx, "ef-1", team(1), selection)
		return err
	}
	fresh callFunc = func(ctx context.Context, c *graph.Client) error { _, err := c.FreshToken(ctx); return err }
)

// sample is one answer and what must be made of it.
type sample struct {
	row      string // the row that must decide
	call     callFunc
	status   int
	code     string
	message  string
	details  []map[string]string
	raw      string // instead of code, message and details
	header   map[string]string
	recent   bool
	location bool
	// refused are the attributes without which the request is worth another attempt.
	refused []string
	attempt int
	roles   []string // nil is all four

	kind    fault.Kind
	reason  fault.Reason
	subject string
	wait    time.Duration
}

const (
	bad     = "Request_BadRequest"
	another = "Another object with the same value for property %s already exists."
	missing = "Resource '%s' does not exist or one of its queried reference-property objects are not present."
	denied  = "Insufficient privileges to complete the operation."
)

func conflict(target string) []map[string]string {
	return []map[string]string{
		{"code": "ObjectConflict", "message": fmt.Sprintf(another, target), "target": target},
		{"code": "ConflictingObjects", "message": fmt.Sprintf(another, target), "target": "User_" + userID},
	}
}

var html = map[string]string{"Content-Type": "text/html"}

var samples = []sample{
	{row: "throttled", call: create, status: 429, code: "TooManyRequests", header: map[string]string{"Retry-After": "17"},
		kind: fault.Throttled, reason: fault.GraphThrottled, wait: 17 * time.Second},
	{row: "throttled", call: read, status: 429, code: "UnknownError", message: "This request is throttled.", kind: fault.Throttled, reason: fault.GraphThrottled, wait: 10 * time.Second},
	{row: "throttled", call: update, status: 429, raw: "slow down", header: html, kind: fault.Throttled, reason: fault.GraphThrottled, wait: 10 * time.Second},
	{row: "throttled by the directory", call: create, status: 503, code: "Request_ThrottledTemporarily", header: map[string]string{"Retry-After": "150"},
		kind: fault.Throttled, reason: fault.GraphThrottled, wait: 150 * time.Second},
	{row: "directory quota", call: create, status: 403, code: "Directory_QuotaExceeded", message: "The directory object quota limit for the Tenant has been exceeded.",
		kind: fault.Denied, reason: fault.DirectoryQuota},
	{row: "server error on a write", call: create, status: 500, code: "Service_InternalServerError", kind: fault.Uncertain, reason: fault.WriteUncertain, wait: 5 * time.Second},
	{row: "server error on a write", call: update, status: 502, kind: fault.Uncertain, reason: fault.WriteUncertain, wait: 5 * time.Second},
	{row: "server error on a write", call: assign, status: 503, raw: "<html><body>unavailable", header: html, attempt: 3, kind: fault.Uncertain, reason: fault.WriteUncertain, wait: 20 * time.Second},
	{row: "server error on a write", call: remove, status: 504, header: map[string]string{"Retry-After": "7"}, kind: fault.Uncertain, reason: fault.WriteUncertain, wait: 7 * time.Second},
	{row: "server error on a write", call: register, status: 408, kind: fault.Uncertain, reason: fault.WriteUncertain, wait: 5 * time.Second},
	{row: "server too slow", call: read, status: 504, kind: fault.Transient, reason: fault.GraphTimeout},
	{row: "server too slow", call: list, status: 408, kind: fault.Transient, reason: fault.GraphTimeout},
	{row: "server error", call: list, status: 503, raw: "<html>", header: map[string]string{"Content-Type": "text/html", "Retry-After": "3"}, kind: fault.Transient, reason: fault.GraphUnavailable, wait: 3 * time.Second},
	{row: "server error", call: read, status: 502, kind: fault.Transient, reason: fault.GraphUnavailable},
	{row: "server error", call: skus, status: 500, code: "Service_InternalServerError", kind: fault.Transient, reason: fault.GraphUnavailable},
	{row: "replica trouble", call: update, status: 400, code: "Directory_ReplicaUnavailable", kind: fault.Transient, reason: fault.GraphUnavailable},
	{row: "page token expired", call: list, status: 400, code: "Directory_ExpiredPageToken", message: "The specified page token value has expired.",
		kind: fault.Transient, reason: fault.ListExpired},
	{row: "concurrent change", call: assign, status: 409, code: "Directory_ConcurrencyViolation", message: "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.",
		kind: fault.Transient, reason: fault.ConcurrentChange},

	{row: "application not in tenant", call: list, status: 401, code: "Authorization_IdentityNotFound", kind: fault.Denied, reason: fault.ApplicationUnknown},
	{row: "application disabled", call: list, status: 401, code: "Authorization_IdentityDisabled", kind: fault.Denied, reason: fault.ApplicationDisabled},
	{row: "token rejected in passing", call: create, status: 401, code: "InvalidAuthenticationToken", message: "Lifetime validation failed, the token is expired.",
		attempt: 3, kind: fault.Transient, reason: fault.TokenRejected},
	{row: "token rejected", call: list, status: 401, code: "InvalidAuthenticationToken", message: "Access token validation failure. Invalid audience.",
		attempt: 4, kind: fault.Denied, reason: fault.TokenRejected},
	{row: "token rejected", call: create, status: 401, code: "InvalidAuthenticationToken", message: "Access token validation failure. Invalid audience.",
		kind: fault.Denied, reason: fault.TokenRejected},
	{row: "tenant gone", call: list, status: 400, code: "Directory_CompanyNotFound", kind: fault.Denied, reason: fault.TenantUnknown},
	{row: "no consent at all", call: list, status: 403, code: "Authorization_RequestDenied", message: denied, roles: []string{},
		kind: fault.Denied, reason: fault.ConsentMissing, subject: "User.ReadWrite.All"},
	{row: "account protected", call: update, status: 403, code: "Authorization_RequestDenied", message: denied, kind: fault.Denied, reason: fault.AccountProtected, refused: []string{"accountEnabled"}},
	{row: "account protected", call: remove, status: 403, code: "Authorization_RequestDenied", message: denied, roles: []string{"User.DeleteRestore.All"}, kind: fault.Denied, reason: fault.AccountProtected},
	{row: "extension denied", call: register, status: 403, code: "Authorization_RequestDenied", message: denied, kind: fault.Denied, reason: fault.ExtensionDenied, subject: "Application.ReadWrite.All"},
	{row: "licenses unreadable", call: skus, status: 403, code: "Authorization_RequestDenied", message: denied, kind: fault.Denied, reason: fault.LicensesUnreadable, subject: "Organization.Read.All"},
	{row: "permission denied", call: update, status: 403, code: "Authorization_RequestDenied", message: denied, roles: []string{"User.Read.All"}, kind: fault.Denied, reason: fault.PermissionDenied, subject: "User.ReadWrite.All"},
	{row: "permission denied", call: remove, status: 403, code: "Authorization_RequestDenied", message: denied, roles: []string{"Directory.ReadWrite.All"}, kind: fault.Denied, reason: fault.PermissionDenied, subject: "User.ReadWrite.All"},
	{row: "permission denied", call: create, status: 403, code: "Authorization_RequestDenied", message: denied, kind: fault.Denied, reason: fault.PermissionDenied, subject: "User.ReadWrite.All"},
	{row: "permission denied", call: org, status: 403, code: "Authorization_RequestDenied", message: denied, kind: fault.Denied, reason: fault.PermissionDenied, subject: "Organization.Read.All"},

	{row: "not replicated yet", call: assign, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, userID), recent: true,
		kind: fault.NotReady, reason: fault.ReplicationPending, wait: 15 * time.Second},
	{row: "not replicated yet", call: read, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, userID), recent: true, attempt: 9,
		kind: fault.NotReady, reason: fault.ReplicationPending, wait: 240 * time.Second},
	{row: "account not found", call: readName, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, "secret.person@contoso.com"), kind: fault.NotFound, reason: fault.AccountNotFound},
	{row: "account not found", call: remove, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, userID), kind: fault.NotFound, reason: fault.AccountNotFound},
	{row: "application not found", call: exts, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, clientID), kind: fault.Denied, reason: fault.ApplicationUnknown},
	{row: "reference not replicated yet", call: manager, status: 400, code: bad, message: "The source resource object or one of the objects being referenced don't exist.",
		kind: fault.NotReady, reason: fault.ReplicationPending, wait: 15 * time.Second},
	{row: "extension not available", call: create, status: 400, code: bad, message: "The following extension properties are not available: extension_0c5d_entraflowLink.",
		kind: fault.NotReady, reason: fault.ExtensionNotReady, subject: "entraflowLink", wait: 15 * time.Second},
	{row: "extension unknown to a query", call: list, status: 400, code: "BadRequest", message: "Could not find a property named 'extension_0c5d_entraflowLink' on type 'microsoft.graph.user'.",
		kind: fault.NotReady, reason: fault.ExtensionNotReady, subject: "entraflowLink", wait: 15 * time.Second},

	{row: "name taken", call: create, status: 400, code: bad, message: fmt.Sprintf(another, "userPrincipalName"), details: conflict("userPrincipalName"),
		kind: fault.Rematch, reason: fault.AccountExists, subject: "userPrincipalName"},
	{row: "name taken", call: update, status: 400, code: bad, message: fmt.Sprintf(another, "userPrincipalName"), kind: fault.Rematch, reason: fault.AccountExists, subject: "userPrincipalName"},
	{row: "address taken", call: create, status: 400, code: bad, message: fmt.Sprintf(another, "proxyAddresses"), details: conflict("proxyAddresses"),
		kind: fault.Invalid, reason: fault.AddressConflict, subject: "proxyAddresses"},
	{row: "address taken", call: create, status: 400, code: bad, message: fmt.Sprintf(another, "mail"), kind: fault.Invalid, reason: fault.AddressConflict, subject: "mail"},
	{row: "immutable id taken", call: create, status: 400, code: bad, message: fmt.Sprintf(another, "onPremisesImmutableId"), details: conflict("onPremisesImmutableId"),
		kind: fault.Invalid, reason: fault.ImmutableIDConflict, subject: "onPremisesImmutableId"},
	{row: "value taken", call: create, status: 400, code: bad, message: fmt.Sprintf(another, "mailNickname"), details: conflict("mailNickname"),
		kind: fault.Invalid, reason: fault.AttributeInvalid, subject: "mailNickname"},
	{row: "key taken", call: create, status: 400, code: "Request_MultipleObjectsWithSameKeyValue", message: "A conflicting object with one or more of the specified property values is present in the directory.",
		kind: fault.Rematch, reason: fault.AccountExists},
	{row: "name taken elsewhere", call: create, status: 400, code: bad, message: "Property netId is invalid.", kind: fault.Rematch, reason: fault.AccountExists, subject: "userPrincipalName"},
	{row: "conflict", call: update, status: 409, code: "Conflict", kind: fault.Transient, reason: fault.ConcurrentChange},

	{row: "license without usage location", call: assign, status: 400, code: bad, message: "License assignment cannot be done for user with invalid usage location.",
		kind: fault.Invalid, reason: fault.UsageLocationMissing, subject: "usageLocation"},
	{row: "no license left", call: assign, status: 400, code: bad, message: "Subscription with SKU " + skuID + " does not have any available licenses.", kind: fault.Invalid, reason: fault.LicensesExhausted, subject: "skuId"},
	{row: "unknown license", call: assign, status: 400, code: bad, message: "License " + skuID + " does not correspond to a valid company License.", kind: fault.Invalid, reason: fault.LicenseUnknown, subject: "skuId"},
	{row: "service plan depends on another", call: assign, status: 400, code: bad, message: "License assignment failed because service plan " + planID + " depends on the service plan(s) " + skuID,
		kind: fault.Invalid, reason: fault.LicenseDependency, subject: "disabledPlans"},
	{row: "service plans exclude each other", call: assign, status: 400, code: bad, message: "License assignment failed because service plans a, b are mutually exclusive.", kind: fault.Invalid, reason: fault.LicenseConflict, subject: "skuId"},
	{row: "service plans exclude each other", call: assign, status: 400, code: bad, message: "License assignment failed because service plan X conflicts with service plan Y", kind: fault.Invalid, reason: fault.LicenseConflict, subject: "skuId"},
	{row: "license inherited", call: assign, status: 400, code: bad, message: "User license is inherited from a group membership and it cannot be removed directly from the user.", kind: fault.Invalid, reason: fault.LicenseInherited, subject: "skuId"},
	{row: "license not assigned", call: assign, status: 400, code: bad, message: "User does not have a corresponding license.", kind: fault.Stale, reason: fault.LicenseNotAssigned, subject: "skuId"},

	{row: "account synced from on-premises", call: update, status: 400, code: bad, message: "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.",
		kind: fault.Invalid, reason: fault.AccountSynced},
	{row: "domain not verified", call: create, status: 400, code: bad, message: "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.",
		kind: fault.Invalid, reason: fault.DomainNotVerified, subject: "userPrincipalName"},
	{row: "name invalid (detail)", call: create, status: 400, code: bad, message: "Property userPrincipalName is invalid.", details: []map[string]string{{"code": "InvalidCharacter", "target": "userPrincipalName"}},
		kind: fault.Invalid, reason: fault.UPNInvalid, subject: "userPrincipalName", refused: []string{"userPrincipalName"}},
	{row: "name invalid", call: create, status: 400, code: bad, message: "Property userPrincipalName is invalid.", kind: fault.Invalid, reason: fault.UPNInvalid, subject: "userPrincipalName", refused: []string{"userPrincipalName"}},
	{row: "name is no key", call: readName, status: 400, code: bad, message: "Invalid object identifier 'secret.person'.", kind: fault.Invalid, reason: fault.UPNInvalid, subject: "userPrincipalName"},
	{row: "password too weak", call: create, status: 400, code: bad, message: "The specified password does not comply with password complexity requirements. Please provide a different password.",
		kind: fault.Invalid, reason: fault.PasswordRejected, subject: "password"},
	{row: "password missing", call: create, status: 400, code: bad, message: "A password must be specified to create a new user.", kind: fault.Invalid, reason: fault.AttributeRequired, subject: "password"},
	{row: "value required", call: create, status: 400, code: bad, message: "A value is required for property 'displayName' of resource 'User'.", kind: fault.Invalid, reason: fault.AttributeRequired, subject: "displayName"},
	{row: "usage location invalid", call: create, status: 400, code: bad, message: "Property usageLocation is invalid.", kind: fault.Invalid, reason: fault.UsageLocationInvalid, subject: "usageLocation"},
	{row: "value too long", call: update, status: 400, code: bad, message: "Too long.", details: []map[string]string{{"code": "InvalidLength", "target": "jobTitle"}}, kind: fault.Invalid, reason: fault.AttributeTooLong, subject: "jobTitle"},
	{row: "value invalid (detail)", call: update, status: 400, code: bad, message: "Bad.", details: []map[string]string{{"code": "InvalidValue", "target": "mobilePhone"}}, kind: fault.Invalid, reason: fault.AttributeInvalid, subject: "mobilePhone"},
	{row: "value invalid", call: update, status: 400, code: bad, message: "Invalid value specified for property 'givenName' of resource 'User'.", kind: fault.Invalid, reason: fault.AttributeInvalid, subject: "givenName"},
	{row: "value invalid", call: update, status: 400, code: bad, message: "Invalid value specified for property '" + selection.LinkProperty + "' of resource 'User'.", kind: fault.Invalid, reason: fault.AttributeInvalid, subject: "entraflowLink"},
	{row: "value invalid", call: update, status: 400, code: bad, message: "Invalid value specified for property 'secret.person' of resource 'User'.", kind: fault.Invalid, reason: fault.AttributeInvalid},
	{row: "property invalid", call: update, status: 400, code: bad, message: "Property mobilePhone is invalid.", kind: fault.Invalid, reason: fault.AttributeInvalid, subject: "mobilePhone"},
	{row: "values perhaps too early", call: create, status: 400, code: bad, message: "One or more property values specified are invalid.", attempt: 3, kind: fault.NotReady, reason: fault.ReplicationPending, wait: 30 * time.Second},
	{row: "immutable id missing", call: create, status: 400, code: bad, message: "SourceAnchor is a required property for creation of a federated user",
		attempt: 1, kind: fault.Invalid, reason: fault.AttributeRequired, subject: "onPremisesImmutableId"},
	{row: "immutable id not cleared", call: clearImmutableID, status: 400, code: bad, message: "Something that nobody has written down.", attempt: 1,
		kind: fault.Invalid, reason: fault.AttributeInvalid, subject: "onPremisesImmutableId", refused: []string{"onPremisesImmutableId"}},
	{row: "immutable id not cleared", call: clearImmutableID, status: 400, code: bad, message: "One or more property values specified are invalid.", attempt: 1,
		kind: fault.Invalid, reason: fault.AttributeInvalid, subject: "onPremisesImmutableId", refused: []string{"onPremisesImmutableId"}},
	{row: "attribute mastered elsewhere", call: change, status: 400, code: bad, message: "Unable to update the specified properties for objects that have originated within an external service.",
		kind: fault.Invalid, reason: fault.AttributeMasteredElsewhere, subject: "mailNickname", refused: []string{"mailNickname"}},
	{row: "attribute mastered elsewhere", call: update, status: 400, code: bad, message: "Unable to update the specified properties for objects that have originated within an external service.",
		kind: fault.Invalid, reason: fault.AttributeMasteredElsewhere},
	{row: "account protected", call: change, status: 403, code: "Authorization_RequestDenied", message: denied,
		kind: fault.Denied, reason: fault.AccountProtected, refused: []string{"businessPhones", "mobilePhone"}},
	{row: "address taken", call: change, status: 400, code: bad, message: fmt.Sprintf(another, "proxyAddresses"), details: conflict("proxyAddresses"),
		kind: fault.Invalid, reason: fault.AddressConflict, subject: "proxyAddresses", refused: []string{"mailNickname"}},
	{row: "value taken", call: change, status: 400, code: bad, message: fmt.Sprintf(another, "mailNickname"), details: conflict("mailNickname"),
		kind: fault.Invalid, reason: fault.AttributeInvalid, subject: "mailNickname", refused: []string{"mailNickname"}},
	{row: "value invalid (detail)", call: change, status: 400, code: bad, message: "Bad.",
		details: []map[string]string{{"code": "InvalidValue", "target": "mobilePhone"}, {"code": "InvalidValue", "target": "department"}, {"code": "InvalidValue", "target": "surname"}},
		kind:    fault.Invalid, reason: fault.AttributeInvalid, subject: "mobilePhone, department, surname", refused: []string{"mobilePhone", "department"}},
	{row: "reference there already", call: addMembers, status: 400, code: bad, message: "One or more added object references already exist for the following modified properties: 'members'.",
		kind: fault.Rematch, reason: fault.MembershipChanged},
	{row: "reference gone already", call: removeMember, status: 400, code: bad, message: "One or more removed object references do not exist for the following modified properties: 'members'.",
		kind: fault.Stale, reason: fault.NotMember},
	{row: "usage location not known yet", call: assign, status: 400, code: bad, message: "License assignment cannot be done for user with invalid usage location.", location: true, attempt: 1,
		kind: fault.NotReady, reason: fault.ReplicationPending, subject: "usageLocation", wait: 10 * time.Second},
	{row: "usage location not known yet", call: assign, status: 400, code: bad, message: "License assignment cannot be done for user with invalid usage location.", location: true, attempt: 8,
		kind: fault.NotReady, reason: fault.ReplicationPending, subject: "usageLocation", wait: 60 * time.Second},
	{row: "license without usage location", call: assign, status: 400, code: bad, message: "License assignment cannot be done for user with invalid usage location.", location: true, recent: true, attempt: 9,
		kind: fault.Invalid, reason: fault.UsageLocationMissing, subject: "usageLocation"},
	{row: "usage location not known yet", call: assign, status: 400, code: bad, message: "License assignment cannot be done for user with invalid usage location.", attempt: 3,
		kind: fault.NotReady, reason: fault.ReplicationPending, subject: "usageLocation", wait: 40 * time.Second},
	{row: "license without usage location", call: assign, status: 400, code: bad, message: "License assignment cannot be done for user with invalid usage location.", recent: true, attempt: 4,
		kind: fault.Invalid, reason: fault.UsageLocationMissing, subject: "usageLocation"},
	{row: "anything else", call: assign, status: 400, code: bad, message: "No license changes provided. At least one license to add or remove must be specified.",
		kind: fault.Internal, reason: fault.UnexpectedAnswer},
	{row: "extension unknown to a query", call: byLink, status: 400, code: "Request_UnsupportedQuery",
		message: "Property 'extension_0c5d5a1f2a3b4c5d6e7f8091a2b3c4d5_entraflowLink' does not exist as a declared property or extension property.",
		kind:    fault.NotReady, reason: fault.ExtensionNotReady, subject: "entraflowLink", wait: 15 * time.Second},
	{row: "extension not available", call: update, status: 400, code: bad,
		message: "The following extension properties are not available: extension_0c5d5a1f2a3b4c5d6e7f8091a2b3c4d5_entraflowLink,extension_0c5d5a1f2a3b4c5d6e7f8091a2b3c4d5_entraflowMark.",
		kind:    fault.NotReady, reason: fault.ExtensionNotReady, subject: "entraflowLink, entraflowMark", wait: 15 * time.Second},
	{row: "group is full", call: addMembers, status: 403, code: "Directory_QuotaExceeded", message: "Unable to perform operation as '121' would exceed the maximum quota count '100' for forward-link members.",
		kind: fault.Denied, reason: fault.GroupMembersQuota},
	{row: "guest refused", call: addMember, status: 403, code: "Authorization_RequestDenied", message: "Guests users are not allowed to join this Unified Group due to policy setting.",
		kind: fault.Denied, reason: fault.GuestRefused},
	{row: "group unwritable", call: addMembers, status: 403, code: "Authorization_RequestDenied", message: denied, kind: fault.Denied, reason: fault.GroupUnwritable},
	{row: "group unwritable", call: renameGroup, status: 403, code: "Authorization_RequestDenied", message: denied, kind: fault.Denied, reason: fault.GroupUnwritable},
	{row: "permission denied", call: addMembers, status: 403, code: "Authorization_RequestDenied", message: denied, roles: []string{"Group.Read.All"},
		kind: fault.Denied, reason: fault.PermissionDenied, subject: "Group.ReadWrite.All"},
	{row: "permission denied", call: readGroup, status: 403, code: "Authorization_RequestDenied", message: denied, kind: fault.Denied, reason: fault.PermissionDenied, subject: "Group.ReadWrite.All"},
	{row: "membership not found", call: removeMember, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, groupID), kind: fault.Stale, reason: fault.NotMember},
	{row: "membership not found", call: removeMember, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, userID), kind: fault.Stale, reason: fault.NotMember},
	{row: "member not found", call: addMembers, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, strings.ToUpper(userID)),
		kind: fault.NotFound, reason: fault.GroupMemberNotFound, subject: userID},
	{row: "group not found", call: addMembers, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, groupID), kind: fault.NotFound, reason: fault.TargetGroupNotFound},
	{row: "group not found", call: readGroup, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, groupID), kind: fault.NotFound, reason: fault.TargetGroupNotFound},
	{row: "not replicated yet", call: addMembers, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, userID), recent: true,
		kind: fault.NotReady, reason: fault.ReplicationPending, wait: 15 * time.Second},
	{row: "reference not replicated yet", call: addMembers, status: 400, code: bad, message: "The source resource object or one of the objects being referenced don't exist.",
		kind: fault.NotReady, reason: fault.ReplicationPending, wait: 15 * time.Second},
	{row: "unique name taken", call: upsert, status: 400, code: bad, message: fmt.Sprintf(another, "uniqueName"), details: conflict("uniqueName"),
		kind: fault.Rematch, reason: fault.GroupInBin, subject: "uniqueName"},
	{row: "nickname taken", call: upsert, status: 400, code: bad, message: fmt.Sprintf(another, "mailNickname"), details: conflict("mailNickname"),
		kind: fault.Invalid, reason: fault.GroupNicknameTaken, subject: "mailNickname"},
	{row: "member already", call: addMember, status: 400, code: bad, message: "One or more added object references already exist for the following modified properties: 'members'.",
		kind: fault.Stale, reason: fault.AlreadyMember},
	{row: "bad membership request", call: addMembers, status: 400, code: bad, message: "A resource cannot contain more than 20 link changes",
		kind: fault.Internal, reason: fault.MembershipRefused},
	{row: "bad membership request", call: addMembers, status: 400, code: bad,
		message: "Object '[ResourceType=User,Id=" + userID + "]' referenced from '[ResourceType=Group,Id=" + groupID + "]' can only be present once as an add/remove change.",
		kind:    fault.Internal, reason: fault.MembershipRefused},
	{row: "bad membership request", call: addMember, status: 400, code: bad, message: "Not a valid reference update.", kind: fault.Internal, reason: fault.MembershipRefused},
	{row: "group mail-enabled", call: addMembers, status: 400, code: bad, message: "Cannot Update a mail-enabled security groups and or distribution list.",
		kind: fault.Invalid, reason: fault.GroupMailEnabled},
	{row: "group synced from on-premises", call: removeMember, status: 400, code: bad, message: "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.",
		kind: fault.Invalid, reason: fault.GroupSynced},
	{row: "group has licenses", call: deleteGroup, status: 400, code: bad, message: "Unable to delete the group: it has active licenses assigned.",
		kind: fault.Invalid, reason: fault.GroupHasLicenses},
	{row: "login: federated token", call: fresh, status: 401, raw: login("invalid_client", "700211"), kind: fault.Denied, reason: fault.FederatedTokenRejected, subject: "AADSTS700211"},
	{row: "login: federated token", call: fresh, status: 401, raw: login("invalid_client", "7002138"), kind: fault.Denied, reason: fault.FederatedTokenRejected, subject: "AADSTS7002138"},
	{row: "values invalid", call: create, status: 400, code: bad, message: "One or more property values specified are invalid.", attempt: 4, kind: fault.Invalid, reason: fault.AttributeInvalid},
	{row: "values invalid", call: create, status: 400, code: bad, message: "One or more properties contains invalid values.", kind: fault.Invalid, reason: fault.AttributeInvalid},
	{row: "unknown attribute", call: update, status: 400, code: "BadRequest", message: "A value without a type name was found and no expected type is available.", kind: fault.Invalid, reason: fault.AttributeUnknown},
	{row: "anything else", call: list, status: 400, code: "Request_UnsupportedQuery", message: "Unsupported Query.", kind: fault.Internal, reason: fault.UnexpectedAnswer},
	{row: "anything else", call: read, status: 404, raw: "<html>not found", header: html, kind: fault.Internal, reason: fault.UnexpectedAnswer},
	{row: "anything else", call: read, status: 404, code: "BadRequest", message: "Resource not found for the segment 'xxx'.", kind: fault.Internal, reason: fault.UnexpectedAnswer},
	{row: "anything else", call: update, status: 403, raw: "blocked by proxy", header: html, kind: fault.Internal, reason: fault.UnexpectedAnswer},
	{row: "anything else", call: create, status: 302, header: map[string]string{"Location": "https://evil.example.com/"}, kind: fault.Internal, reason: fault.UnexpectedAnswer},
	{row: "anything else", call: create, status: 501, kind: fault.Internal, reason: fault.UnexpectedAnswer},
	{row: "anything else", call: update, status: 400, code: "Request_UnsupportedQuery", message: "A value is required for property 'displayName'", kind: fault.Internal, reason: fault.UnexpectedAnswer},

	{row: "login: secret wrong", call: fresh, status: 401, raw: login("invalid_client", "7000215"), kind: fault.Denied, reason: fault.SecretWrong, subject: "clientSecret"},
	{row: "login: secret wrong", call: list, status: 401, raw: `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: x"}`, kind: fault.Denied, reason: fault.SecretWrong, subject: "clientSecret"},
	{row: "login: secret expired", call: fresh, status: 401, raw: login("invalid_client", "7000222"), kind: fault.Denied, reason: fault.SecretExpired, subject: "clientSecret"},
	{row: "login: secret missing", call: fresh, status: 401, raw: login("invalid_client", "7000218"), kind: fault.Denied, reason: fault.SecretMissing, subject: "clientSecret"},
	{row: "login: certificate", call: fresh, status: 401, raw: login("invalid_client", "700027"), kind: fault.Denied, reason: fault.CertificateRejected, subject: "AADSTS700027"},
	{row: "login: certificate", call: fresh, status: 401, raw: login("invalid_client", "7000214"), kind: fault.Denied, reason: fault.CertificateRejected, subject: "AADSTS7000214"},
	{row: "login: certificate expired", call: fresh, status: 401, raw: login("invalid_client", "1000502"), kind: fault.Denied, reason: fault.CertificateExpired, subject: "AADSTS1000502"},
	{row: "login: certificate's entry expired", call: fresh, status: 401, raw: `{"error":"invalid_client","error_description":"AADSTS700027: Client assertion contains an invalid signature. [Reason - The key used is expired., Thumbprint of key used by client: 'AB']","error_codes":[700027]}`, kind: fault.Denied, reason: fault.CertificateExpired, subject: "AADSTS700027"},
	{row: "login: federated token", call: fresh, status: 400, raw: login("invalid_request", "70021"), kind: fault.Denied, reason: fault.FederatedTokenRejected, subject: "AADSTS70021"},
	{row: "login: federated token", call: fresh, status: 401, raw: login("invalid_client", "700213"), kind: fault.Denied, reason: fault.FederatedTokenRejected, subject: "AADSTS700213"},
	{row: "login: assertion's time", call: fresh, status: 401, raw: login("invalid_client", "700024"), kind: fault.Denied, reason: fault.AssertionTimeWrong, subject: "AADSTS700024"},
	{row: "login: application unknown", call: fresh, status: 400, raw: login("unauthorized_client", "700016"), kind: fault.Denied, reason: fault.ApplicationUnknown, subject: "clientId"},
	{row: "login: application disabled", call: fresh, status: 401, raw: login("unauthorized_client", "7000112"), kind: fault.Denied, reason: fault.ApplicationDisabled, subject: "clientId"},
	{row: "login: tenant unknown", call: fresh, status: 400, raw: login("invalid_request", "90002"), kind: fault.Denied, reason: fault.TenantUnknown, subject: "tenantId"},
	{row: "login: scope", call: fresh, status: 400, raw: login("invalid_scope", "1002012"), kind: fault.Denied, reason: fault.ScopeInvalid, subject: "cloud"},
	{row: "login: throttled", call: fresh, status: 429, raw: login("temporarily_unavailable", "90033"), header: map[string]string{"Retry-After": "4"}, kind: fault.Throttled, reason: fault.LoginUnavailable, wait: 4 * time.Second},
	{row: "login: temporarily unavailable", call: fresh, status: 400, raw: login("temporarily_unavailable", "90033"), kind: fault.Transient, reason: fault.LoginUnavailable},
	{row: "login: server error", call: fresh, status: 503, raw: "<html>", header: html, kind: fault.Transient, reason: fault.LoginUnavailable},
	{row: "login: invalid tenant", call: fresh, status: 400, raw: login("invalid_tenant", "1"), kind: fault.Denied, reason: fault.TenantUnknown, subject: "tenantId"},
	{row: "login: invalid scope", call: fresh, status: 400, raw: login("invalid_scope", "1"), kind: fault.Denied, reason: fault.ScopeInvalid, subject: "cloud"},
	{row: "login: refused", call: fresh, status: 400, raw: login("invalid_grant", "53003"), kind: fault.Denied, reason: fault.LoginRefused, subject: "AADSTS53003"},
	{row: "login: anything else", call: fresh, status: 403, raw: "<html>proxy", header: html, kind: fault.Transient, reason: fault.LoginUnavailable},
}

func login(code, number string) string {
	return fmt.Sprintf(`{"error":%q,"error_description":"AADSTS%s: Something about app '%s'. Trace ID: t Correlation ID: c","error_codes":[%s],"trace_id":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"}`, code, number, clientID, number)
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		t.Run(fmt.Sprintf("%s %d", s.row, s.status), func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			if s.roles != nil {
				f.Roles = s.roles
			}
			body := s.raw
			if body == "" && s.code != "" {
				body = graphError(s.code, s.message, s.details...)
			}
			answer := answering(s.status, s.header, body)
			f.Graph = answer
			if strings.HasPrefix(s.row, "login: ") {
				f.Login = answer
			}
			options := []graph.Option{graph.Attempt(s.attempt)}
			if s.recent {
				options = append(options, graph.RecentlyWritten())
			}
			if s.location {
				options = append(options, graph.LocationWritten())
			}
			err := s.call(context.Background(), f.client(t).With(options...))
			requireSample(t, s, err)
			if n := len(f.requests()); !strings.HasPrefix(s.row, "token rejected") && n > 1 {
				t.Fatalf("%d requests for one call", n)
			}
		})
	}
}

func requireSample(t *testing.T, s sample, err error) {
	t.Helper()
	var got *fault.Error
	require.ErrorAs(t, err, &got)
	var answer *graph.Answer
	require.True(t, errors.As(err, &answer), "%v", err)
	require.Equal(t, s.row, answer.Row)
	require.Equal(t, s.status, answer.Status)
	require.Equal(t, s.kind, got.Kind)
	require.Equal(t, s.reason, got.Reason)
	require.Equal(t, s.subject, got.Subject)
	require.Equal(t, s.wait, got.RetryAfter)
	require.Equal(t, s.refused, graph.RefusedAttributes(err))
	require.Equal(t, "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", got.RequestID)
	require.NotEmpty(t, got.Op)
	require.NotContains(t, got.Message(), "secret.person")
	require.True(t, got.Reason.Known())
}

// TestEveryRowHasASample also says which row can never be reached.
func TestEveryRowHasASample(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{"extension exists": true} // TestRegisterTwice
	for _, s := range samples {
		covered[s.row] = true
	}
	names := map[string]bool{}
	for _, name := range graph.RowNames() {
		require.False(t, names[name], "two rows are called %q", name)
		names[name] = true
		require.True(t, covered[name], "no sample for the row %q", name)
	}
}

// TestRegisterTwice: a property that exists already is success, in both wordings.
func TestRegisterTwice(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"Request_MultipleObjectsWithSameKeyValue", bad} {
		f := newFake(t)
		f.Graph = answering(http.StatusBadRequest, nil, graphError(code, "An extension property exists with the name "+selection.LinkProperty+"."))
		name, err := f.client(t).RegisterExtensionProperty(context.Background(), graph.LinkProperty)
		require.NoError(t, err)
		require.Equal(t, selection.LinkProperty, name)
	}
}

// TestRetryAfterDate: a date has whole seconds, so that what it means may be up to the end of that second.
func TestRetryAfterDate(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 900_000_000, time.UTC)
	f := newFake(t)
	f.Graph = answering(http.StatusServiceUnavailable, map[string]string{"Retry-After": at.Add(10 * time.Second).Format(http.TimeFormat)}, "")
	got := fault.Of(read(context.Background(), f.client(t, func(o *graph.Options) { o.Now = func() time.Time { return at } })))
	require.GreaterOrEqual(t, got.RetryAfter, 10*time.Second)
	require.Less(t, got.RetryAfter, 11*time.Second)
}

// TestWaits: our own waits follow the policy, the service's do not.
func TestWaits(t *testing.T) {
	t.Parallel()
	for after, want := range map[string]time.Duration{"": 50 * time.Millisecond, "2": 2 * time.Second} {
		f := newFake(t)
		f.Graph = func(w http.ResponseWriter, _ *http.Request) {
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			w.WriteHeader(http.StatusBadGateway)
		}
		err := update(context.Background(), f.client(t, func(o *graph.Options) { o.Waits = waits(0.01) }))
		require.Equal(t, want, fault.Of(err).RetryAfter)
	}
}
