package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	abstractions "github.com/microsoft/kiota-abstractions-go"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// NewGroup is a group to create. DisplayName, MailNickname and Link are required.
type NewGroup struct {
	DisplayName, Description, MailNickname string
	// Microsoft365 makes a Microsoft 365 group, with a mailbox; else it is a security group.
	Microsoft365 bool
	// Link and Mark are the values of the two extension properties.
	Link, Mark string
	// Members are the object ids of at most MaxMembers accounts that are members from the start.
	Members []string
}

// UpsertGroup creates the group with a unique name together with its link, mark and first members in one request. Where a group
// has the unique name already, it is given as it is, with nothing written, and created is false: so the same call may be repeated, and
// no second group comes to be. Only where the read for it lags behind is it written to; then it gets the values of g, as it did
// when an earlier attempt made it. The unique name can never be changed. A read and one write.
//
// https://learn.microsoft.com/graph/api/group-upsert
//
// Faults: GroupInBin (Rematch) when a deleted group still holds the unique name; GroupNicknameTaken (Invalid) with the attribute as
// subject; AttributeInvalid, AttributeRequired (Invalid); MembershipChanged (Rematch) when the group was there unseen and one of Members
// is a member of it; GroupMemberNotFound (NotFound); GroupUnwritable (Denied) when the group was there unseen and must not be written;
// ExtensionNotReady (NotReady); WriteUncertain (Uncertain); DirectoryQuota, PermissionDenied (Denied); and those of the service.
func (c *Client) UpsertGroup(ctx context.Context, uniqueName string, g NewGroup, sel directory.Selection, options ...Option) (group directory.Group, created bool, err error) {
	switch {
	case uniqueName == "":
		return group, false, missingArgument(opUpsertGroup, "uniqueName")
	case g.Link == "" || sel.LinkProperty == "":
		return group, false, missingArgument(opUpsertGroup, LinkProperty)
	case g.DisplayName == "" || g.MailNickname == "":
		return group, false, missingArgument(opUpsertGroup, directory.DisplayName)
	}
	there, err := c.GroupByUniqueName(ctx, uniqueName, sel, append(options, func(known *circumstances) { known.recent = false })...)
	switch {
	case err == nil:
		return *there, false, nil
	case !fault.Is(err, fault.TargetGroupNotFound):
		return group, false, err
	}
	properties := map[string]any{
		"displayName": g.DisplayName, "mailNickname": g.MailNickname, "securityEnabled": !g.Microsoft365, "mailEnabled": g.Microsoft365,
		"groupTypes": []string{}, sel.LinkProperty: g.Link,
	}
	if g.Microsoft365 {
		properties["groupTypes"] = []string{"Unified"}
	}
	if g.Description != "" {
		properties["description"] = g.Description
	}
	if g.Mark != "" && sel.MarkProperty != "" {
		properties[sel.MarkProperty] = g.Mark
	}
	if len(g.Members) > 0 {
		if err := checkMembers(opUpsertGroup, noGroup, g.Members); err != nil {
			return group, false, err
		}
		properties["members@odata.bind"] = c.references(g.Members)
	}
	body, err := json.Marshal(properties)
	if err != nil {
		return group, false, fault.Wrap(opUpsertGroup.name, fault.Internal, fault.InternalError, "", err)
	}
	info := groupRequest(abstractions.PATCH, "/groups(uniqueName='{name}')", map[string]string{"name": quoted(uniqueName)})
	info.Headers.TryAdd("Prefer", "create-if-missing")
	info.SetStreamContentAndContentType(body, "application/json")
	op := opUpsertGroup
	op.bind = len(g.Members) > 0
	err = c.call(ctx, op, func(ctx context.Context) error {
		answer, err := c.raw(ctx, info)
		if err != nil {
			return err
		}
		if ex, ok := ctx.Value(exchangeKey{}).(*exchange); !ok || ex.status != http.StatusCreated {
			return nil
		}
		created = true
		var r row
		if err := json.Unmarshal(answer, &r); err != nil {
			return err
		}
		if group, err = groupOf(sel)(r); err == nil && group.ID == "" {
			err = errors.New("the answer to a creation has no id")
		}
		return err
	}, append(options, linking("", g.Members))...)
	if err != nil {
		return directory.Group{}, false, err
	}
	if created {
		// An answer need not have the properties that only a selection shows.
		group.UniqueName, group.Link, group.Mark = uniqueName, g.Link, g.Mark
		return group, true, nil
	}
	there, err = c.GroupByUniqueName(ctx, uniqueName, sel, append(options, RecentlyWritten())...)
	if err != nil {
		return directory.Group{}, false, err
	}
	return *there, false, nil
}

// noGroup stands for a group that has no id yet.
const noGroup = "00000000-0000-0000-0000-000000000000"

// GroupPatch is a change of a group. Only what is set is sent.
type GroupPatch struct {
	DisplayName, MailNickname *string
	// Description "" removes it.
	Description *string
	// Link and Mark are the extension properties; a pointer to "" removes the value.
	Link, Mark *string
}

// UpdateGroup writes a change of a group. An empty patch sends nothing. One write.
//
// https://learn.microsoft.com/graph/api/group-update
//
// Faults: TargetGroupNotFound (NotFound; with RecentlyWritten ReplicationPending, NotReady); GroupNicknameTaken, AttributeInvalid,
// GroupSynced, GroupMailEnabled (Invalid); GroupUnwritable (Denied); WriteUncertain (Uncertain); and those of the service.
func (c *Client) UpdateGroup(ctx context.Context, id string, p GroupPatch, sel directory.Selection, options ...Option) error {
	if id == "" {
		return missingArgument(opUpdateGroup, "id")
	}
	properties := map[string]any{}
	for _, own := range []struct {
		name, property string
		value          *string
		kept           bool
	}{
		{"displayName", "displayName", p.DisplayName, true}, {"mailNickname", "mailNickname", p.MailNickname, true},
		{"description", "description", p.Description, false},
		{LinkProperty, sel.LinkProperty, p.Link, false}, {MarkProperty, sel.MarkProperty, p.Mark, false},
	} {
		switch {
		case own.value == nil:
		case own.property == "", own.kept && *own.value == "":
			return missingArgument(opUpdateGroup, own.name)
		case *own.value == "":
			properties[own.property] = nil
		default:
			properties[own.property] = *own.value
		}
	}
	if len(properties) == 0 {
		return nil
	}
	body, err := json.Marshal(properties)
	if err != nil {
		return fault.Wrap(opUpdateGroup.name, fault.Internal, fault.InternalError, "", err)
	}
	info := groupRequest(abstractions.PATCH, "/groups/{id}", map[string]string{"id": id})
	info.SetStreamContentAndContentType(body, "application/json")
	return c.sendGroup(ctx, opUpdateGroup, info, options...)
}

// DeleteGroup moves a group into the bin, where it stays for 30 days and keeps its unique name. One write.
//
// https://learn.microsoft.com/graph/api/group-delete
//
// Faults: TargetGroupNotFound (NotFound), GroupHasLicenses, GroupSynced (Invalid), GroupUnwritable (Denied), WriteUncertain
// (Uncertain), and those of the service.
func (c *Client) DeleteGroup(ctx context.Context, id string, options ...Option) error {
	if id == "" {
		return missingArgument(opDeleteGroup, "id")
	}
	return c.sendGroup(ctx, opDeleteGroup, groupRequest(abstractions.DELETE, "/groups/{id}", map[string]string{"id": id}), options...)
}

// RestoreGroup takes a group out of the bin, with its members and owners. One write.
//
// https://learn.microsoft.com/graph/api/directory-deleteditems-restore
//
// Faults: TargetGroupNotFound (NotFound) when it is not in the bin; GroupNicknameTaken (Invalid) when another group has its
// nickname by now; otherwise as DeleteGroup.
func (c *Client) RestoreGroup(ctx context.Context, id string, options ...Option) error {
	if id == "" {
		return missingArgument(opRestoreGroup, "id")
	}
	return c.sendGroup(ctx, opRestoreGroup, groupRequest(abstractions.POST, "/directory/deletedItems/{id}/restore", map[string]string{"id": id}), options...)
}
