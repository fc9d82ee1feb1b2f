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
	fresh callFunc = func(ctx context.Context, c *graph.Client) error { _, err := c.FreshToken(ctx); return err }
)

// sample is one answer and what must be made of it.
type sample struct {
	rule    string // the row that must decide
	call    callFunc
	status  int
	code    string
	message string
	details []map[string]string
	raw     string // instead of code, message and details
	header  map[string]string
	young   bool
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
	{rule: "throttled", call: create, status: 429, code: "TooManyRequests", header: map[string]string{"Retry-After": "17"},
		kind: fault.Throttled, reason: fault.GraphThrottled, wait: 17 * time.Second},
	{rule: "throttled", call: read, status: 429, code: "UnknownError", message: "This request is throttled.", kind: fault.Throttled, reason: fault.GraphThrottled, wait: 10 * time.Second},
	{rule: "throttled", call: update, status: 429, raw: "slow down", header: html, kind: fault.Throttled, reason: fault.GraphThrottled, wait: 10 * time.Second},
	{rule: "throttled by the directory", call: create, status: 503, code: "Request_ThrottledTemporarily", header: map[string]string{"Retry-After": "150"},
		kind: fault.Throttled, reason: fault.GraphThrottled, wait: 150 * time.Second},
	{rule: "directory quota", call: create, status: 403, code: "Directory_QuotaExceeded", message: "The directory object quota limit for the Tenant has been exceeded.",
		kind: fault.Denied, reason: fault.DirectoryQuota},
	{rule: "server error on a write", call: create, status: 500, code: "Service_InternalServerError", kind: fault.Uncertain, reason: fault.WriteUncertain, wait: 5 * time.Second},
	{rule: "server error on a write", call: update, status: 502, kind: fault.Uncertain, reason: fault.WriteUncertain, wait: 5 * time.Second},
	{rule: "server error on a write", call: assign, status: 503, raw: "<html><body>unavailable", header: html, attempt: 3, kind: fault.Uncertain, reason: fault.WriteUncertain, wait: 20 * time.Second},
	{rule: "server error on a write", call: remove, status: 504, header: map[string]string{"Retry-After": "7"}, kind: fault.Uncertain, reason: fault.WriteUncertain, wait: 7 * time.Second},
	{rule: "server error on a write", call: register, status: 408, kind: fault.Uncertain, reason: fault.WriteUncertain, wait: 5 * time.Second},
	{rule: "server too slow", call: read, status: 504, kind: fault.Transient, reason: fault.GraphTimeout},
	{rule: "server too slow", call: list, status: 408, kind: fault.Transient, reason: fault.GraphTimeout},
	{rule: "server error", call: list, status: 503, raw: "<html>", header: map[string]string{"Content-Type": "text/html", "Retry-After": "3"}, kind: fault.Transient, reason: fault.GraphUnavailable, wait: 3 * time.Second},
	{rule: "server error", call: read, status: 502, kind: fault.Transient, reason: fault.GraphUnavailable},
	{rule: "server error", call: skus, status: 500, code: "Service_InternalServerError", kind: fault.Transient, reason: fault.GraphUnavailable},
	{rule: "replica trouble", call: update, status: 400, code: "Directory_ReplicaUnavailable", kind: fault.Transient, reason: fault.GraphUnavailable},
	{rule: "page token expired", call: list, status: 400, code: "Directory_ExpiredPageToken", message: "The specified page token value has expired.",
		kind: fault.Transient, reason: fault.ListExpired},
	{rule: "concurrent change", call: assign, status: 409, code: "Directory_ConcurrencyViolation", message: "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.",
		kind: fault.Transient, reason: fault.ConcurrentChange},

	{rule: "application not in tenant", call: list, status: 401, code: "Authorization_IdentityNotFound", kind: fault.Denied, reason: fault.ApplicationUnknown},
	{rule: "application disabled", call: list, status: 401, code: "Authorization_IdentityDisabled", kind: fault.Denied, reason: fault.ApplicationDisabled},
	{rule: "token rejected in passing", call: create, status: 401, code: "InvalidAuthenticationToken", message: "Lifetime validation failed, the token is expired.",
		attempt: 3, kind: fault.Transient, reason: fault.TokenRejected},
	{rule: "token rejected", call: list, status: 401, code: "InvalidAuthenticationToken", message: "Access token validation failure. Invalid audience.",
		attempt: 4, kind: fault.Denied, reason: fault.TokenRejected},
	{rule: "token rejected", call: create, status: 401, code: "InvalidAuthenticationToken", message: "Access token validation failure. Invalid audience.",
		kind: fault.Denied, reason: fault.TokenRejected},
	{rule: "tenant gone", call: list, status: 400, code: "Directory_CompanyNotFound", kind: fault.Denied, reason: fault.TenantUnknown},
	{rule: "no consent at all", call: list, status: 403, code: "Authorization_RequestDenied", message: denied, roles: []string{},
		kind: fault.Denied, reason: fault.ConsentMissing, subject: "User.ReadWrite.All"},
	{rule: "account protected", call: update, status: 403, code: "Authorization_RequestDenied", message: denied, kind: fault.Denied, reason: fault.AccountProtected},
	{rule: "account protected", call: remove, status: 403, code: "Authorization_RequestDenied", message: denied, roles: []string{"User.DeleteRestore.All"}, kind: fault.Denied, reason: fault.AccountProtected},
	{rule: "extension denied", call: register, status: 403, code: "Authorization_RequestDenied", message: denied, kind: fault.Denied, reason: fault.ExtensionDenied, subject: "Application.ReadWrite.All"},
	{rule: "licenses unreadable", call: skus, status: 403, code: "Authorization_RequestDenied", message: denied, kind: fault.Denied, reason: fault.LicensesUnreadable, subject: "Organization.Read.All"},
	{rule: "permission denied", call: update, status: 403, code: "Authorization_RequestDenied", message: denied, roles: []string{"User.Read.All"}, kind: fault.Denied, reason: fault.PermissionDenied, subject: "User.ReadWrite.All"},
	{rule: "permission denied", call: remove, status: 403, code: "Authorization_RequestDenied", message: denied, roles: []string{"Directory.ReadWrite.All"}, kind: fault.Denied, reason: fault.PermissionDenied, subject: "User.ReadWrite.All"},
	{rule: "permission denied", call: create, status: 403, code: "Authorization_RequestDenied", message: denied, kind: fault.Denied, reason: fault.PermissionDenied, subject: "User.ReadWrite.All"},
	{rule: "permission denied", call: org, status: 403, code: "Authorization_RequestDenied", message: denied, kind: fault.Denied, reason: fault.PermissionDenied, subject: "Organization.Read.All"},

	{rule: "not replicated yet", call: assign, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, userID), young: true,
		kind: fault.NotReady, reason: fault.ReplicationPending, wait: 15 * time.Second},
	{rule: "not replicated yet", call: read, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, userID), young: true, attempt: 9,
		kind: fault.NotReady, reason: fault.ReplicationPending, wait: 240 * time.Second},
	{rule: "account not found", call: readName, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, "secret.person@contoso.com"), kind: fault.NotFound, reason: fault.AccountNotFound},
	{rule: "account not found", call: remove, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, userID), kind: fault.NotFound, reason: fault.AccountNotFound},
	{rule: "application not found", call: exts, status: 404, code: "Request_ResourceNotFound", message: fmt.Sprintf(missing, clientID), kind: fault.Denied, reason: fault.ApplicationUnknown},
	{rule: "reference not replicated yet", call: manager, status: 400, code: bad, message: "The source resource object or one of the objects being referenced don't exist.",
		kind: fault.NotReady, reason: fault.ReplicationPending, wait: 15 * time.Second},
	{rule: "extension not available", call: create, status: 400, code: bad, message: "The following extension properties are not available: extension_0c5d_entraflowLink.",
		kind: fault.NotReady, reason: fault.ExtensionNotReady, wait: 15 * time.Second},
	{rule: "extension unknown to a query", call: list, status: 400, code: "BadRequest", message: "Could not find a property named 'extension_0c5d_entraflowLink' on type 'microsoft.graph.user'.",
		kind: fault.NotReady, reason: fault.ExtensionNotReady, wait: 15 * time.Second},

	{rule: "name taken", call: create, status: 400, code: bad, message: fmt.Sprintf(another, "userPrincipalName"), details: conflict("userPrincipalName"),
		kind: fault.Rematch, reason: fault.AccountExists, subject: "userPrincipalName"},
	{rule: "name taken", call: update, status: 400, code: bad, message: fmt.Sprintf(another, "userPrincipalName"), kind: fault.Rematch, reason: fault.AccountExists, subject: "userPrincipalName"},
	{rule: "address taken", call: create, status: 400, code: bad, message: fmt.Sprintf(another, "proxyAddresses"), details: conflict("proxyAddresses"),
		kind: fault.Invalid, reason: fault.AddressConflict, subject: "proxyAddresses"},
	{rule: "address taken", call: create, status: 400, code: bad, message: fmt.Sprintf(another, "mail"), kind: fault.Invalid, reason: fault.AddressConflict, subject: "mail"},
	{rule: "immutable id taken", call: create, status: 400, code: bad, message: fmt.Sprintf(another, "onPremisesImmutableId"), details: conflict("onPremisesImmutableId"),
		kind: fault.Invalid, reason: fault.ImmutableIDConflict, subject: "onPremisesImmutableId"},
	{rule: "value taken", call: create, status: 400, code: bad, message: fmt.Sprintf(another, "mailNickname"), details: conflict("mailNickname"),
		kind: fault.Invalid, reason: fault.AttributeInvalid, subject: "mailNickname"},
	{rule: "key taken", call: create, status: 400, code: "Request_MultipleObjectsWithSameKeyValue", message: "A conflicting object with one or more of the specified property values is present in the directory.",
		kind: fault.Rematch, reason: fault.AccountExists},
	{rule: "name taken elsewhere", call: create, status: 400, code: bad, message: "Property netId is invalid.", kind: fault.Rematch, reason: fault.AccountExists, subject: "userPrincipalName"},
	{rule: "conflict", call: update, status: 409, code: "Conflict", kind: fault.Transient, reason: fault.ConcurrentChange},

	{rule: "license without usage location", call: assign, status: 400, code: bad, message: "License assignment cannot be done for user with invalid usage location.",
		kind: fault.Invalid, reason: fault.UsageLocationMissing, subject: "usageLocation"},
	{rule: "no license left", call: assign, status: 400, code: bad, message: "Subscription with SKU " + skuID + " does not have any available licenses.", kind: fault.Invalid, reason: fault.LicensesExhausted, subject: "skuId"},
	{rule: "unknown license", call: assign, status: 400, code: bad, message: "License " + skuID + " does not correspond to a valid company License.", kind: fault.Invalid, reason: fault.LicenseUnknown, subject: "skuId"},
	{rule: "service plan depends on another", call: assign, status: 400, code: bad, message: "License assignment failed because service plan " + planID + " depends on the service plan(s) " + skuID,
		kind: fault.Invalid, reason: fault.LicenseDependency, subject: "disabledPlans"},
	{rule: "service plans exclude each other", call: assign, status: 400, code: bad, message: "License assignment failed because service plans a, b are mutually exclusive.", kind: fault.Invalid, reason: fault.LicenseConflict, subject: "skuId"},
	{rule: "service plans exclude each other", call: assign, status: 400, code: bad, message: "License assignment failed because service plan X conflicts with service plan Y", kind: fault.Invalid, reason: fault.LicenseConflict, subject: "skuId"},
	{rule: "license inherited", call: assign, status: 400, code: bad, message: "User license is inherited from a group membership and it cannot be removed directly from the user.", kind: fault.Invalid, reason: fault.LicenseInherited, subject: "skuId"},
	{rule: "license not assigned", call: assign, status: 400, code: bad, message: "User does not have a corresponding license.", kind: fault.Stale, reason: fault.LicenseNotAssigned, subject: "skuId"},

	{rule: "account synced from on-premises", call: update, status: 400, code: bad, message: "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.",
		kind: fault.Invalid, reason: fault.AccountSynced},
	{rule: "domain not verified", call: create, status: 400, code: bad, message: "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.",
		kind: fault.Invalid, reason: fault.DomainNotVerified, subject: "userPrincipalName"},
	{rule: "name invalid (detail)", call: create, status: 400, code: bad, message: "Property userPrincipalName is invalid.", details: []map[string]string{{"code": "InvalidCharacter", "target": "userPrincipalName"}},
		kind: fault.Invalid, reason: fault.UPNInvalid, subject: "userPrincipalName"},
	{rule: "name invalid", call: create, status: 400, code: bad, message: "Property userPrincipalName is invalid.", kind: fault.Invalid, reason: fault.UPNInvalid, subject: "userPrincipalName"},
	{rule: "name is no key", call: readName, status: 400, code: bad, message: "Invalid object identifier 'secret.person'.", kind: fault.Invalid, reason: fault.UPNInvalid, subject: "userPrincipalName"},
	{rule: "password too weak", call: create, status: 400, code: bad, message: "The specified password does not comply with password complexity requirements. Please provide a different password.",
		kind: fault.Invalid, reason: fault.PasswordRejected, subject: "password"},
	{rule: "password missing", call: create, status: 400, code: bad, message: "A password must be specified to create a new user.", kind: fault.Invalid, reason: fault.AttributeRequired, subject: "password"},
	{rule: "value required", call: create, status: 400, code: bad, message: "A value is required for property 'displayName' of resource 'User'.", kind: fault.Invalid, reason: fault.AttributeRequired, subject: "displayName"},
	{rule: "usage location invalid", call: create, status: 400, code: bad, message: "Property usageLocation is invalid.", kind: fault.Invalid, reason: fault.UsageLocationInvalid, subject: "usageLocation"},
	{rule: "value too long", call: update, status: 400, code: bad, message: "Too long.", details: []map[string]string{{"code": "InvalidLength", "target": "jobTitle"}}, kind: fault.Invalid, reason: fault.AttributeTooLong, subject: "jobTitle"},
	{rule: "value invalid (detail)", call: update, status: 400, code: bad, message: "Bad.", details: []map[string]string{{"code": "InvalidValue", "target": "mobilePhone"}}, kind: fault.Invalid, reason: fault.AttributeInvalid, subject: "mobilePhone"},
	{rule: "value invalid", call: update, status: 400, code: bad, message: "Invalid value specified for property 'givenName' of resource 'User'.", kind: fault.Invalid, reason: fault.AttributeInvalid, subject: "givenName"},
	{rule: "value invalid", call: update, status: 400, code: bad, message: "Invalid value specified for property '" + selection.LinkProperty + "' of resource 'User'.", kind: fault.Invalid, reason: fault.AttributeInvalid, subject: "entraflowLink"},
	{rule: "value invalid", call: update, status: 400, code: bad, message: "Invalid value specified for property 'secret.person' of resource 'User'.", kind: fault.Invalid, reason: fault.AttributeInvalid},
	{rule: "property invalid", call: update, status: 400, code: bad, message: "Property mobilePhone is invalid.", kind: fault.Invalid, reason: fault.AttributeInvalid, subject: "mobilePhone"},
	{rule: "values perhaps too early", call: create, status: 400, code: bad, message: "One or more property values specified are invalid.", attempt: 3, kind: fault.NotReady, reason: fault.ReplicationPending, wait: 30 * time.Second},
	{rule: "values invalid", call: create, status: 400, code: bad, message: "One or more property values specified are invalid.", attempt: 4, kind: fault.Invalid, reason: fault.AttributeInvalid},
	{rule: "values invalid", call: create, status: 400, code: bad, message: "One or more properties contains invalid values.", kind: fault.Invalid, reason: fault.AttributeInvalid},
	{rule: "unknown attribute", call: update, status: 400, code: "BadRequest", message: "A value without a type name was found and no expected type is available.", kind: fault.Invalid, reason: fault.AttributeUnknown},
	{rule: "anything else", call: list, status: 400, code: "Request_UnsupportedQuery", message: "Unsupported Query.", kind: fault.Internal, reason: fault.UnexpectedAnswer},
	{rule: "anything else", call: read, status: 404, raw: "<html>not found", header: html, kind: fault.Internal, reason: fault.UnexpectedAnswer},
	{rule: "anything else", call: read, status: 404, code: "BadRequest", message: "Resource not found for the segment 'xxx'.", kind: fault.Internal, reason: fault.UnexpectedAnswer},
	{rule: "anything else", call: update, status: 403, raw: "blocked by proxy", header: html, kind: fault.Internal, reason: fault.UnexpectedAnswer},
	{rule: "anything else", call: create, status: 302, header: map[string]string{"Location": "https://evil.example.com/"}, kind: fault.Internal, reason: fault.UnexpectedAnswer},
	{rule: "anything else", call: create, status: 501, kind: fault.Internal, reason: fault.UnexpectedAnswer},
	{rule: "anything else", call: update, status: 400, code: "Request_UnsupportedQuery", message: "A value is required for property 'displayName'", kind: fault.Internal, reason: fault.UnexpectedAnswer},

	{rule: "login: secret wrong", call: fresh, status: 401, raw: login("invalid_client", "7000215"), kind: fault.Denied, reason: fault.SecretWrong, subject: "clientSecret"},
	{rule: "login: secret wrong", call: list, status: 401, raw: `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: x"}`, kind: fault.Denied, reason: fault.SecretWrong, subject: "clientSecret"},
	{rule: "login: secret expired", call: fresh, status: 401, raw: login("invalid_client", "7000222"), kind: fault.Denied, reason: fault.SecretExpired, subject: "clientSecret"},
	{rule: "login: secret missing", call: fresh, status: 401, raw: login("invalid_client", "7000218"), kind: fault.Denied, reason: fault.SecretMissing, subject: "clientSecret"},
	{rule: "login: certificate", call: fresh, status: 401, raw: login("invalid_client", "700027"), kind: fault.Denied, reason: fault.CertificateRejected, subject: "AADSTS700027"},
	{rule: "login: certificate", call: fresh, status: 401, raw: login("invalid_client", "7000214"), kind: fault.Denied, reason: fault.CertificateRejected, subject: "AADSTS7000214"},
	{rule: "login: certificate expired", call: fresh, status: 401, raw: login("invalid_client", "1000502"), kind: fault.Denied, reason: fault.CertificateExpired, subject: "AADSTS1000502"},
	{rule: "login: certificate's entry expired", call: fresh, status: 401, raw: `{"error":"invalid_client","error_description":"AADSTS700027: Client assertion contains an invalid signature. [Reason - The key used is expired., Thumbprint of key used by client: 'AB']","error_codes":[700027]}`, kind: fault.Denied, reason: fault.CertificateExpired, subject: "AADSTS700027"},
	{rule: "login: federated token", call: fresh, status: 400, raw: login("invalid_request", "70021"), kind: fault.Denied, reason: fault.FederatedTokenRejected, subject: "AADSTS70021"},
	{rule: "login: federated token", call: fresh, status: 401, raw: login("invalid_client", "700213"), kind: fault.Denied, reason: fault.FederatedTokenRejected, subject: "AADSTS700213"},
	{rule: "login: assertion's time", call: fresh, status: 401, raw: login("invalid_client", "700024"), kind: fault.Denied, reason: fault.AssertionTimeWrong, subject: "AADSTS700024"},
	{rule: "login: application unknown", call: fresh, status: 400, raw: login("unauthorized_client", "700016"), kind: fault.Denied, reason: fault.ApplicationUnknown, subject: "clientId"},
	{rule: "login: application disabled", call: fresh, status: 401, raw: login("unauthorized_client", "7000112"), kind: fault.Denied, reason: fault.ApplicationDisabled, subject: "clientId"},
	{rule: "login: tenant unknown", call: fresh, status: 400, raw: login("invalid_request", "90002"), kind: fault.Denied, reason: fault.TenantUnknown, subject: "tenantId"},
	{rule: "login: scope", call: fresh, status: 400, raw: login("invalid_scope", "1002012"), kind: fault.Denied, reason: fault.ScopeInvalid, subject: "cloud"},
	{rule: "login: throttled", call: fresh, status: 429, raw: login("temporarily_unavailable", "90033"), header: map[string]string{"Retry-After": "4"}, kind: fault.Throttled, reason: fault.LoginUnavailable, wait: 4 * time.Second},
	{rule: "login: temporarily unavailable", call: fresh, status: 400, raw: login("temporarily_unavailable", "90033"), kind: fault.Transient, reason: fault.LoginUnavailable},
	{rule: "login: server error", call: fresh, status: 503, raw: "<html>", header: html, kind: fault.Transient, reason: fault.LoginUnavailable},
	{rule: "login: invalid tenant", call: fresh, status: 400, raw: login("invalid_tenant", "1"), kind: fault.Denied, reason: fault.TenantUnknown, subject: "tenantId"},
	{rule: "login: invalid scope", call: fresh, status: 400, raw: login("invalid_scope", "1"), kind: fault.Denied, reason: fault.ScopeInvalid, subject: "cloud"},
	{rule: "login: refused", call: fresh, status: 400, raw: login("invalid_grant", "53003"), kind: fault.Denied, reason: fault.LoginRefused, subject: "AADSTS53003"},
	{rule: "login: anything else", call: fresh, status: 403, raw: "<html>proxy", header: html, kind: fault.Transient, reason: fault.LoginUnavailable},
}

func login(code, number string) string {
	return fmt.Sprintf(`{"error":%q,"error_description":"AADSTS%s: Something about app '%s'. Trace ID: t Correlation ID: c","error_codes":[%s],"trace_id":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"}`, code, number, clientID, number)
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		t.Run(fmt.Sprintf("%s %d", s.rule, s.status), func(t *testing.T) {
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
			if strings.HasPrefix(s.rule, "login: ") {
				f.Login = answer
			}
			ctx := context.Background()
			if s.young {
				ctx = graph.Young(ctx)
			}
			if s.attempt > 0 {
				ctx = graph.WithAttempt(ctx, s.attempt)
			}
			err := s.call(ctx, f.client(t))
			requireSample(t, s, err)
			if n := len(f.requests()); !strings.HasPrefix(s.rule, "token rejected") && n > 1 {
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
	require.Equal(t, s.rule, answer.Rule)
	require.Equal(t, s.status, answer.Status)
	require.Equal(t, s.kind, got.Kind)
	require.Equal(t, s.reason, got.Reason)
	require.Equal(t, s.subject, got.Subject)
	require.Equal(t, s.wait, got.RetryAfter)
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
		covered[s.rule] = true
	}
	names := map[string]bool{}
	for _, name := range graph.RuleNames() {
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

// TestPaceOfWaits: our own waits follow Pace, the service's do not.
func TestPaceOfWaits(t *testing.T) {
	t.Parallel()
	for after, want := range map[string]time.Duration{"": 50 * time.Millisecond, "2": 2 * time.Second} {
		f := newFake(t)
		f.Graph = func(w http.ResponseWriter, _ *http.Request) {
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			w.WriteHeader(http.StatusBadGateway)
		}
		err := update(context.Background(), f.client(t, func(o *graph.Options) { o.Pace = 0.01 }))
		require.Equal(t, want, fault.Of(err).RetryAfter)
	}
}
