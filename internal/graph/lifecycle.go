package graph

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	graphdirectory "github.com/microsoftgraph/msgraph-sdk-go/directory"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// RevokeSessions ends the person's sessions everywhere, as is right after disabling. It may be repeated. One write.
//
// Faults: as UpdateUser.
func (c *Client) RevokeSessions(ctx context.Context, id string, options ...Option) error {
	if id == "" {
		return missingArgument(opRevoke, "id")
	}
	return c.call(ctx, opRevoke, func(ctx context.Context) error {
		_, err := c.users().ByUserId(id).RevokeSignInSessions().PostAsRevokeSignInSessionsPostResponse(ctx, nil)
		return err
	}, options...)
}

// DeleteUser moves the account into the bin, where it stays for 30 days. One write.
//
// https://learn.microsoft.com/graph/api/user-delete
//
// Faults: AccountNotFound (NotFound), AccountProtected, PermissionDenied (Denied), WriteUncertain (Uncertain), and those
// of the service.
func (c *Client) DeleteUser(ctx context.Context, id string, options ...Option) error {
	if id == "" {
		return missingArgument(opDeleteUser, "id")
	}
	return c.call(ctx, opDeleteUser, func(ctx context.Context) error {
		return c.users().ByUserId(id).Delete(ctx, nil)
	}, options...)
}

// DeletedUsers reads the accounts in the bin, like ListUsers. Their names have their id before them (see NameBeforeBin),
// and they read as disabled. Whether the link is still readable there is not documented.
//
// https://learn.microsoft.com/graph/api/directory-deleteditems-list
func (c *Client) DeletedUsers(ctx context.Context, sel directory.Selection, yield func([]directory.Account) error) error {
	query := &graphdirectory.DeletedItemsGraphUserRequestBuilderGetQueryParameters{Select: selected(sel)}
	return c.list(ctx, opListDeleted, sel, yield, nil, func(ctx context.Context, next string) (*abstractions.RequestInformation, error) {
		if next != "" {
			return c.bin().GraphUser().WithUrl(next).ToGetRequestInformation(ctx, nil)
		}
		info, err := c.bin().GraphUser().ToGetRequestInformation(ctx, &graphdirectory.DeletedItemsGraphUserRequestBuilderGetRequestConfiguration{QueryParameters: query})
		if err != nil {
			return nil, err
		}
		// The SDK writes the short alias of the namespace; the documentation knows the full one only.
		info.UrlTemplate = strings.Replace(info.UrlTemplate, "/graph.user", "/microsoft.graph.user", 1)
		return info, nil
	})
}

// NameBeforeBin is the user principal name that an account in the bin had, and gets again when it is restored.
func NameBeforeBin(a directory.Account) string {
	prefix := strings.ReplaceAll(a.ID, "-", "")
	if n := len(prefix); len(a.UserPrincipalName) > n && strings.EqualFold(a.UserPrincipalName[:n], prefix) {
		return a.UserPrincipalName[n:]
	}
	return a.UserPrincipalName
}

// RestoreUser takes an account out of the bin, with its licenses, memberships and mailbox. One write.
//
// https://learn.microsoft.com/graph/api/directory-deleteditems-restore
//
// Faults: AccountExists (Rematch) when its name is taken by now; otherwise as DeleteUser.
func (c *Client) RestoreUser(ctx context.Context, id string, options ...Option) error {
	if id == "" {
		return missingArgument(opRestoreUser, "id")
	}
	return c.call(ctx, opRestoreUser, func(ctx context.Context) error {
		_, err := c.bin().ByDirectoryObjectId(id).Restore().Post(ctx, nil)
		return err
	}, options...)
}

// RestoreUserAs is RestoreUser under another user principal name, for where somebody else has the old one by now. Mail
// addresses that somebody else has by now do not come back. One write.
//
// Faults: as RestoreUser, with UPNInvalid and DomainNotVerified (Invalid).
func (c *Client) RestoreUserAs(ctx context.Context, id, upn string, options ...Option) error {
	if id == "" || upn == "" {
		return missingArgument(opRestoreUser, "id")
	}
	body, err := json.Marshal(map[string]any{"newUserPrincipalName": upn, "autoReconcileProxyConflict": true})
	if err != nil {
		return fault.Wrap(opRestoreUser.name, fault.Internal, fault.InternalError, "", err)
	}
	return c.call(ctx, opRestoreUser, func(ctx context.Context) error {
		info, err := c.bin().ByDirectoryObjectId(id).Restore().ToPostRequestInformation(ctx, nil)
		if err != nil {
			return err
		}
		// The SDK's builder knows no body.
		info.SetStreamContentAndContentType(body, "application/json")
		_, err = c.raw(ctx, info)
		return err
	}, append(options, sending(nil, directory.UserPrincipalName))...)
}

// SetManager makes managerID the person's manager. Both must be known to the server that answers: a manager created just
// now needs RecentlyWritten. One write.
//
// Faults: as UpdateUser; AccountNotFound may mean either account.
func (c *Client) SetManager(ctx context.Context, id, managerID string, options ...Option) error {
	if id == "" || managerID == "" {
		return missingArgument(opSetManager, "id")
	}
	reference := c.root + "/users/" + url.PathEscape(managerID)
	body := models.NewReferenceUpdate()
	body.SetOdataId(&reference)
	return c.call(ctx, opSetManager, func(ctx context.Context) error {
		return c.users().ByUserId(id).Manager().Ref().Put(ctx, body, nil)
	}, options...)
}

// ClearManager takes the manager away. One write.
//
// Faults: as UpdateUser; AccountNotFound is also the answer when there was no manager.
func (c *Client) ClearManager(ctx context.Context, id string, options ...Option) error {
	if id == "" {
		return missingArgument(opClearManager, "id")
	}
	return c.call(ctx, opClearManager, func(ctx context.Context) error {
		return c.users().ByUserId(id).Manager().Ref().Delete(ctx, nil)
	}, options...)
}

func (c *Client) bin() *graphdirectory.DeletedItemsRequestBuilder {
	return graphdirectory.NewDirectoryRequestBuilderInternal(map[string]string{}, c.adapter).DeletedItems()
}
