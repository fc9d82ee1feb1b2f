package graph

import (
	"context"
	"errors"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// NewUser is an account to create. UserPrincipalName, Password, Link and the attributes displayName and mailNickname are
// required.
type NewUser struct {
	UserPrincipalName string
	// Password is the initial password; it goes into the request and nowhere else.
	Password string
	// Enabled is accountEnabled.
	Enabled bool
	// ResetPassword makes the person change the password at the first sign-in.
	ResetPassword bool
	// Attributes are further attributes under Graph's names; several values are joined by directory.ListSeparator, and
	// empty ones are left out.
	Attributes map[string]string
	// Link and Mark are the values of the two extension properties.
	Link, Mark string
}

// CreateUser creates an account together with its link and mark in one request, and returns its id. An account is never
// created without its link. One write.
//
// Faults: AccountExists (Rematch); AddressConflict, ImmutableIDConflict, UPNInvalid, DomainNotVerified, PasswordRejected,
// UsageLocationInvalid, AttributeRequired, AttributeInvalid, AttributeTooLong, AttributeUnknown (Invalid) with the
// attribute as subject; WriteUncertain (Uncertain) when the account may have been created; ExtensionNotReady (NotReady);
// ReplicationPending (NotReady, see Attempt); DirectoryQuota, PermissionDenied (Denied); GraphThrottled,
// WriteBudgetExceeded (Throttled); GraphUnreachable, ConcurrentChange (Transient); and those of FreshToken.
func (c *Client) CreateUser(ctx context.Context, u NewUser, sel directory.Selection, options ...Option) (id string, err error) {
	switch {
	case u.Link == "" || sel.LinkProperty == "":
		return "", missingArgument(opCreateUser, LinkProperty)
	case u.UserPrincipalName == "":
		return "", missingArgument(opCreateUser, directory.UserPrincipalName)
	}
	properties := map[string]any{sel.LinkProperty: u.Link}
	if u.Mark != "" && sel.MarkProperty != "" {
		properties[sel.MarkProperty] = u.Mark
	}
	for name, value := range u.Attributes {
		if value == "" {
			continue
		}
		if properties[name], err = property(opCreateUser, name, value); err != nil {
			return "", err
		}
	}
	password := models.NewPasswordProfile()
	password.SetPassword(&u.Password)
	password.SetForceChangePasswordNextSignIn(&u.ResetPassword)
	user := models.NewUser()
	user.SetUserPrincipalName(&u.UserPrincipalName)
	user.SetAccountEnabled(&u.Enabled)
	user.SetPasswordProfile(password)
	user.SetAdditionalData(properties)
	err = c.call(ctx, opCreateUser, func(ctx context.Context) error {
		created, err := c.users().Post(ctx, user, nil)
		if err != nil {
			return err
		}
		if created == nil || created.GetId() == nil || *created.GetId() == "" {
			return errors.New("the answer to a creation has no id")
		}
		id = *created.GetId()
		return nil
	}, append(options, sending(u.Attributes, directory.UserPrincipalName, directory.AccountEnabled, directory.Password))...)
	return id, err
}

// Patch is a change of an account. Only what is set is sent.
type Patch struct {
	UserPrincipalName *string
	// Enabled is accountEnabled.
	Enabled *bool
	// Attributes under Graph's names. "" clears: null for a single value, an empty list for several.
	Attributes map[string]string
	// Link and Mark are the extension properties; a pointer to "" removes the value.
	Link, Mark *string
}

// UpdateUser writes a change. An empty patch sends nothing. One write.
//
// Faults: as CreateUser, without PasswordRejected and DirectoryQuota; AccountNotFound (NotFound; with
// RecentlyWritten ReplicationPending, NotReady), AccountSynced, AttributeMasteredElsewhere (Invalid), AccountProtected
// (Denied). RefusedAttributes tells without which attributes a second attempt is worth making.
func (c *Client) UpdateUser(ctx context.Context, id string, p Patch, sel directory.Selection, options ...Option) (err error) {
	if id == "" {
		return missingArgument(opUpdateUser, "id")
	}
	properties := map[string]any{}
	for name, value := range p.Attributes {
		if properties[name], err = property(opUpdateUser, name, value); err != nil {
			return err
		}
	}
	for _, own := range []struct {
		name, property string
		value          *string
	}{{LinkProperty, sel.LinkProperty, p.Link}, {MarkProperty, sel.MarkProperty, p.Mark}} {
		switch {
		case own.value == nil:
		case own.property == "":
			return missingArgument(opUpdateUser, own.name)
		case *own.value == "":
			// An untyped nil: of a typed one the SDK sends nothing, and the old value would stay.
			properties[own.property] = nil
		default:
			properties[own.property] = *own.value
		}
	}
	if len(properties) == 0 && p.UserPrincipalName == nil && p.Enabled == nil {
		return nil
	}
	// Always a new model: one that was read does not send what is changed in it.
	user := models.NewUser()
	var others []string
	if p.UserPrincipalName != nil {
		user.SetUserPrincipalName(p.UserPrincipalName)
		others = append(others, directory.UserPrincipalName)
	}
	if p.Enabled != nil {
		user.SetAccountEnabled(p.Enabled)
		others = append(others, directory.AccountEnabled)
	}
	user.SetAdditionalData(properties)
	return c.call(ctx, opUpdateUser, func(ctx context.Context) error {
		_, err := c.users().ByUserId(id).Patch(ctx, user, nil)
		return err
	}, append(options, sending(p.Attributes, others...))...)
}

// property is the value of an attribute in a request. All attributes go as additional data, the only way
// in which the SDK sends a null without its process-wide backing store.
func property(op operation, name, value string) (any, error) {
	a, ok := directory.FindAttribute(name)
	if !ok || a.Name != name || special[name] {
		return nil, fault.Wrap(op.name, fault.Internal, fault.AttributeUnknown, "", errors.New("not an attribute of a request: "+name))
	}
	switch {
	case a.Type == directory.List && value == "":
		return []string{}, nil
	case a.Type == directory.List:
		return strings.Split(value, directory.ListSeparator), nil
	case value == "":
		// Graph refuses "" for every string.
		return nil, nil
	}
	return value, nil
}
