package graph

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	abstractions "github.com/microsoft/kiota-abstractions-go"

	"github.com/entraflow/entraflow/internal/fault"
)

// MaxMembers is how many members one request can add.
// https://learn.microsoft.com/graph/api/group-post-members
const MaxMembers = 20

// GroupMembers reads the object ids of all members of a group, in lower case, in pages of 999: users, groups, devices and
// contacts; Graph leaves out service principals. Only a nil error means that the list is complete; an id that comes twice is
// handed over once. The list may lag behind writes of the last seconds to minutes.
//
// https://learn.microsoft.com/graph/api/group-list-members
//
// Faults: TargetGroupNotFound (NotFound; with RecentlyWritten ReplicationPending, NotReady), and those of ListUsers. An error of
// yield is returned as it is.
func (c *Client) GroupMembers(ctx context.Context, groupID string, yield func(ids []string) error, options ...Option) error {
	if groupID == "" {
		return missingArgument(opListMembers, "id")
	}
	return follow(ctx, c.With(options...), listing[string]{
		op: opListMembers,
		decode: func(r row) (string, error) {
			id := strings.ToLower(str(r["id"]))
			if id == "" {
				return "", errors.New("a member without id")
			}
			return id, nil
		},
		id: func(id string) string { return id },
		build: pages(func() *abstractions.RequestInformation {
			return groupRequest(abstractions.GET, "/groups/{id}/members?$top=999&$select=id", map[string]string{"id": groupID})
		}),
	}, yield)
}

// MemberOf reads the object ids, in lower case, of the groups that an account is a member of, those included that it is a member of
// through another group: the list of direct memberships needs a permission that entraflow does not ask for. What is not in it,
// the account is no direct member of.
//
// https://learn.microsoft.com/graph/api/directoryobject-getmembergroups
//
// Faults: as UserByID.
func (c *Client) MemberOf(ctx context.Context, accountID string, options ...Option) ([]string, error) {
	if accountID == "" {
		return nil, missingArgument(opMemberOf, "id")
	}
	info := groupRequest(abstractions.POST, "/users/{id}/getMemberGroups", map[string]string{"id": accountID})
	info.SetStreamContentAndContentType([]byte(`{"securityEnabledOnly":false}`), "application/json")
	var ids []string
	err := c.call(ctx, opMemberOf, func(ctx context.Context) error {
		body, err := c.raw(ctx, info)
		if err != nil {
			return err
		}
		var answer struct {
			Value []string `json:"value"`
			Next  string   `json:"@odata.nextLink"`
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return err
		}
		switch {
		case answer.Value == nil:
			return errNoValue
		case answer.Next != "":
			return errors.New("the groups of an account come in pages")
		}
		ids = ids[:0]
		for _, id := range answer.Value {
			ids = append(ids, strings.ToLower(id))
		}
		return nil
	}, options...)
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// AddMembers makes 1 to MaxMembers accounts members of a group, all of them or none. The accounts must differ. What it costs of
// the write budget is learned: see Budgets.
//
// https://learn.microsoft.com/graph/api/group-post-members
//
// Faults: MembershipChanged (Rematch) when one of them, nobody says which, is a member: read the members, or add one by one.
// GroupMemberNotFound (NotFound) with the account's id as subject, where the answer names it; TargetGroupNotFound (NotFound);
// either of the two with RecentlyWritten is ReplicationPending (NotReady). GroupUnwritable, GroupMembersQuota, GuestRefused (Denied);
// GroupMailEnabled, GroupSynced (Invalid); WriteUncertain (Uncertain); ConcurrentChange (Transient) while another write to the same
// group is under way; and those of the service.
func (c *Client) AddMembers(ctx context.Context, groupID string, accountIDs []string, options ...Option) error {
	if err := checkMembers(opAddMembers, groupID, accountIDs); err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"members@odata.bind": c.references(accountIDs)})
	if err != nil {
		return fault.Wrap(opAddMembers.name, fault.Internal, fault.InternalError, "", err)
	}
	info := groupRequest(abstractions.PATCH, "/groups/{id}", map[string]string{"id": groupID})
	info.SetStreamContentAndContentType(body, "application/json")
	return c.sendGroup(ctx, opAddMembers, info, append(options, linking(groupID, accountIDs))...)
}

// AddMember makes one account a member. One write.
//
// https://learn.microsoft.com/graph/api/group-post-members
//
// Faults: as AddMembers; in place of MembershipChanged AlreadyMember (Stale), which is as good as success.
func (c *Client) AddMember(ctx context.Context, groupID, accountID string, options ...Option) error {
	if err := checkMembers(opAddMember, groupID, []string{accountID}); err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"@odata.id": c.references([]string{accountID})[0]})
	if err != nil {
		return fault.Wrap(opAddMember.name, fault.Internal, fault.InternalError, "", err)
	}
	info := groupRequest(abstractions.POST, "/groups/{group}/members/$ref", map[string]string{"group": groupID})
	info.SetStreamContentAndContentType(body, "application/json")
	return c.sendGroup(ctx, opAddMember, info, append(options, linking(groupID, []string{accountID}))...)
}

// RemoveMember takes one account out of a group. The account itself stays: the request always ends in /$ref, without which Graph
// would delete the account, and nothing else leaves this process (see wire). One write.
//
// https://learn.microsoft.com/graph/api/group-delete-members
//
// Faults: NotMember (Stale) when there is no such membership: then the account is no member, or one of the two is gone, which
// the answer does not tell apart; read the group where it matters. Otherwise as AddMember.
func (c *Client) RemoveMember(ctx context.Context, groupID, accountID string, options ...Option) error {
	if err := checkMembers(opRemoveMember, groupID, []string{accountID}); err != nil {
		return err
	}
	info := groupRequest(abstractions.DELETE, "/groups/{group}/members/{member}/$ref", map[string]string{"group": groupID, "member": accountID})
	return c.sendGroup(ctx, opRemoveMember, info, append(options, linking(groupID, []string{accountID}))...)
}

// references are the addresses of accounts in a bind.
func (c *Client) references(accountIDs []string) []string {
	out := make([]string, len(accountIDs))
	for i, id := range accountIDs {
		out[i] = c.root + "/directoryObjects/" + id
	}
	return out
}

// sendGroup sends a write whose answer is of no account.
func (c *Client) sendGroup(ctx context.Context, op operation, info *abstractions.RequestInformation, options ...Option) error {
	return c.call(ctx, op, func(ctx context.Context) error {
		_, err := c.raw(ctx, info)
		return err
	}, options...)
}

// checkMembers refuses what would be no membership request: ids that are none would make another path of it.
func checkMembers(op operation, groupID string, accountIDs []string) error {
	if uuid.Validate(groupID) != nil {
		return missingArgument(op, "group id")
	}
	if n := len(accountIDs); n < 1 || n > MaxMembers {
		return fault.Wrap(op.name, fault.Internal, fault.InternalError, "members", errors.New("between 1 and 20 members can be added at once"))
	}
	for i, id := range accountIDs {
		if uuid.Validate(id) != nil {
			return missingArgument(op, "account id")
		}
		if slices.ContainsFunc(accountIDs[:i], func(other string) bool { return strings.EqualFold(other, id) }) {
			return fault.Wrap(op.name, fault.Internal, fault.InternalError, "members", errors.New("an account is named twice"))
		}
	}
	return nil
}
