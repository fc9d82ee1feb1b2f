package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// maxPage is the greatest page of a list of users.
// https://learn.microsoft.com/graph/api/user-list
const maxPage = 999

// users is a fresh builder: the adapter writes into the map, so builders must not be shared between calls.
func (c *Client) users() *users.UsersRequestBuilder {
	return users.NewUsersRequestBuilderInternal(map[string]string{}, c.adapter)
}

// ListUsers reads every account of the tenant in pages of 999 and hands each page to yield, which may keep it. progress,
// if not nil, is told after each page how many pages and users there were. Only a nil error means that the list is
// complete; an account that comes twice is handed over once. The list may lag behind writes of the last seconds to
// minutes.
//
// A page after the first is asked for again a few times when the service is briefly unavailable, because beginning again
// costs as many requests as there were pages.
//
// Memory: a page is decoded, handed over and forgotten; values that repeat are shared between accounts.
//
// Faults: GraphUnavailable, GraphTimeout, GraphUnreachable (Transient), GraphThrottled (Throttled), PermissionDenied,
// ConsentMissing, TokenRejected (Denied), ExtensionNotReady (NotReady), ForeignNextLink (Refused), UnexpectedAnswer
// (Internal), and those of FreshToken. An error of yield is returned as it is.
func (c *Client) ListUsers(ctx context.Context, sel directory.Selection, yield func([]directory.Account) error, progress func(pages, users int)) error {
	query := &users.UsersRequestBuilderGetQueryParameters{Select: selected(sel), Expand: expanded(sel), Top: ptr(int32(maxPage))}
	return c.list(ctx, opListUsers, sel, yield, progress, func(ctx context.Context, next string) (*abstractions.RequestInformation, error) {
		if next != "" {
			return c.users().WithUrl(next).ToGetRequestInformation(ctx, nil)
		}
		return c.users().ToGetRequestInformation(ctx, &users.UsersRequestBuilderGetRequestConfiguration{QueryParameters: query})
	})
}

// UserByID reads one account. Freshness is better than that of a list, but not perfect: see RecentlyWritten.
//
// Faults: AccountNotFound (NotFound; with RecentlyWritten ReplicationPending, NotReady), and those of ListUsers.
func (c *Client) UserByID(ctx context.Context, id string, sel directory.Selection, options ...Option) (*directory.Account, error) {
	if id == "" {
		return nil, missingArgument(opReadUser, "id")
	}
	a, err := c.readUser(ctx, opReadUser, sel, func(cfg *users.UserItemRequestBuilderGetRequestConfiguration) (*abstractions.RequestInformation, error) {
		return c.users().ByUserId(id).ToGetRequestInformation(ctx, cfg)
	}, options)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(a.ID, id) {
		return nil, fault.Wrap(opReadUser.name, fault.Internal, fault.UnexpectedAnswer, "", errors.New("another account than was asked for"))
	}
	return a, nil
}

// UserByUPN reads the account with a user principal name, in any case.
//
// Faults: as UserByID, and UPNInvalid (Invalid).
func (c *Client) UserByUPN(ctx context.Context, upn string, sel directory.Selection, options ...Option) (*directory.Account, error) {
	if upn == "" {
		return nil, missingArgument(opReadUserByUPN, directory.UserPrincipalName)
	}
	a, err := c.readUser(ctx, opReadUserByUPN, sel, func(cfg *users.UserItemRequestBuilderGetRequestConfiguration) (*abstractions.RequestInformation, error) {
		if !strings.HasPrefix(upn, "$") {
			return c.users().ByUserId(upn).ToGetRequestInformation(ctx, cfg)
		}
		// https://learn.microsoft.com/graph/api/user-get: a name that begins with $ is taken for an operator otherwise.
		info, err := c.users().ByUserId(strings.ReplaceAll(upn, "'", "''")).ToGetRequestInformation(ctx, cfg)
		if err != nil {
			return nil, err
		}
		info.UrlTemplate = strings.Replace(info.UrlTemplate, "/{user%2Did}", "('{user%2Did}')", 1)
		return info, nil
	}, options)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(a.UserPrincipalName, upn) {
		return nil, fault.Wrap(opReadUserByUPN.name, fault.Internal, fault.UnexpectedAnswer, "", errors.New("another account than was asked for"))
	}
	return a, nil
}

// UsersByLink finds the accounts whose link property is exactly link; none is no error, and no proof either, since
// filters may lag behind writes. More than one is for the caller to report.
//
// Faults: as ListUsers.
func (c *Client) UsersByLink(ctx context.Context, link string, sel directory.Selection) ([]directory.Account, error) {
	if link == "" || sel.LinkProperty == "" {
		return nil, missingArgument(opFindUsers, LinkProperty)
	}
	query := &users.UsersRequestBuilderGetQueryParameters{Select: selected(sel), Expand: expanded(sel), Filter: ptr(equals(sel.LinkProperty, link))}
	var found []directory.Account
	keep := func(page []directory.Account) error {
		for _, a := range page {
			// Whether eq minds case is not documented.
			if a.Link == link {
				found = append(found, a)
			}
		}
		return nil
	}
	err := c.list(ctx, opFindUsers, sel, keep, nil, func(ctx context.Context, next string) (*abstractions.RequestInformation, error) {
		if next != "" {
			return c.users().WithUrl(next).ToGetRequestInformation(ctx, nil)
		}
		return c.users().ToGetRequestInformation(ctx, &users.UsersRequestBuilderGetRequestConfiguration{QueryParameters: query})
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// equals is a plain eq filter: those are answered by the main store and need no ConsistencyLevel.
func equals(property, value string) string {
	return property + " eq '" + strings.ReplaceAll(value, "'", "''") + "'"
}

// readUser reads and decodes one account.
func (c *Client) readUser(ctx context.Context, op operation, sel directory.Selection, build func(*users.UserItemRequestBuilderGetRequestConfiguration) (*abstractions.RequestInformation, error), options []Option) (*directory.Account, error) {
	cfg := &users.UserItemRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.UserItemRequestBuilderGetQueryParameters{Select: selected(sel), Expand: expanded(sel)},
	}
	info, err := build(cfg)
	if err != nil {
		return nil, fault.Wrap(op.name, fault.Internal, fault.InternalError, "", err)
	}
	var account directory.Account
	err = c.call(ctx, op, func(ctx context.Context) error {
		body, err := c.raw(ctx, info)
		if err != nil {
			return err
		}
		var r row
		if err := json.Unmarshal(body, &r); err != nil {
			return err
		}
		account, err = newDecoder(sel).account(r)
		return err
	}, options...)
	if err != nil {
		return nil, err
	}
	return &account, nil
}

// raw sends through the adapter and gives the body as it came. Accounts are decoded by decode.go and not by the SDK's
// models: a whole list over HTTPS then takes 30 µs a user, where the models alone take 70 µs and nearly four times the memory
// (BenchmarkListUsers, BenchmarkModels), since each one builds a map of setters for all its 130 properties and keeps its
// values in a store of their own.
func (c *Client) raw(ctx context.Context, info *abstractions.RequestInformation) ([]byte, error) {
	v, err := c.adapter.SendPrimitive(ctx, info, "[]byte", nil)
	if err != nil {
		return nil, err
	}
	body, _ := v.([]byte)
	return body, nil
}

// selected is the $select of a selection: what is always read, the link and the mark, and the attributes.
func selected(sel directory.Selection) []string {
	names := []string{"id", "userPrincipalName", "accountEnabled", "userType", "onPremisesSyncEnabled", "assignedLicenses", "licenseAssignmentStates"}
	for _, n := range append([]string{sel.LinkProperty, sel.MarkProperty}, sel.Attributes...) {
		if n != "" && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// expanded is the $expand of a selection: nothing but the id of the manager. It costs one resource unit more, and cannot be
// had together with ConsistencyLevel, which we never send.
//
// https://learn.microsoft.com/graph/api/user-list-manager
func expanded(sel directory.Selection) []string {
	if !sel.Manager {
		return nil
	}
	return []string{"manager($select=id)"}
}

// sameOrigin tells whether a nextLink leads to the configured endpoint.
func (c *Client) sameOrigin(link string) bool {
	u, err := url.Parse(link)
	return err == nil && u.Scheme == "https" && hostOf(u) == c.host && strings.HasPrefix(u.Path, "/v1.0/")
}

func missingArgument(op operation, name string) error {
	return fault.Wrap(op.name, fault.Internal, fault.InternalError, name, errors.New("empty argument"))
}

func ptr[T any](v T) *T { return &v }
