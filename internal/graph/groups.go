package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// The SDK's package of groups has builders for mailboxes, sites and notebooks, too, and takes minutes and gigabytes to compile.
// So requests about groups are made here, from the same URLs, and sent through the same adapter.

// groupRequest makes a request; url is a template below /v1.0, parameters fill it in and are escaped.
func groupRequest(method abstractions.HttpMethod, url string, parameters map[string]string) *abstractions.RequestInformation {
	values := map[string]string{}
	for k, v := range parameters {
		values[k] = v
	}
	info := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(method, "{+baseurl}"+url, values)
	info.Headers.TryAdd("Accept", "application/json")
	return info
}

// pages makes the requests of a list: the first, and those for links of the service's own.
func pages(first func() *abstractions.RequestInformation) request {
	return func(_ context.Context, next string) (*abstractions.RequestInformation, error) {
		if next == "" {
			return first(), nil
		}
		u, err := url.Parse(next)
		if err != nil {
			return nil, err
		}
		info := groupRequest(abstractions.GET, "", nil)
		info.SetUri(*u)
		return info, nil
	}
}

// ListGroups reads every group of the tenant in pages of 999 and hands each page to yield, which may keep it. Only a nil error
// means that the list is complete; a group that comes twice is handed over once. The selection's attributes and manager are
// of no account here. The list may lag behind writes of the last seconds to minutes.
//
// https://learn.microsoft.com/graph/api/group-list
//
// Faults: as ListUsers.
func (c *Client) ListGroups(ctx context.Context, sel directory.Selection, yield func([]directory.Group) error) error {
	return follow(ctx, c, listing[directory.Group]{
		op: opListGroups, decode: groupOf(sel), id: groupID,
		build: pages(func() *abstractions.RequestInformation {
			return groupRequest(abstractions.GET, "/groups?$select={+select}&$top=999", map[string]string{"select": selectedOfGroup(sel)})
		}),
		end: func(ctx context.Context, last []directory.Group) error { return c.groupLinkReadable(ctx, sel, last) },
	}, yield)
}

// groupLinkReadable is linkReadable for groups. A property may be defined for users alone.
func (c *Client) groupLinkReadable(ctx context.Context, sel directory.Selection, last []directory.Group) error {
	linked := func(g directory.Group) bool { return g.Link != "" && g.Mark != "" }
	if sel.LinkProperty == "" || sel.MarkProperty == "" || slices.ContainsFunc(last, linked) {
		return nil
	}
	return c.readable(opListGroups, c.probeBoth(ctx, sel, c.probeGroups))
}

// probeGroups filters groups by a property, for a value that none has.
func (c *Client) probeGroups(ctx context.Context, property string) error {
	info := groupRequest(abstractions.GET, "/groups?$filter={filter}&$select=id&$top=1", map[string]string{"filter": equals(property, "entraflow/probe")})
	return c.call(ctx, opProbeGroups, func(ctx context.Context) error {
		body, err := c.raw(ctx, info)
		if err != nil {
			return err
		}
		var p page
		if err := json.Unmarshal(body, &p); err != nil {
			return err
		}
		if p.Value == nil {
			return errNoValue
		}
		return nil
	})
}

// GroupByID reads one group.
//
// https://learn.microsoft.com/graph/api/group-get
//
// Faults: TargetGroupNotFound (NotFound; with RecentlyWritten ReplicationPending, NotReady), and those of ListUsers.
func (c *Client) GroupByID(ctx context.Context, id string, sel directory.Selection, options ...Option) (*directory.Group, error) {
	if id == "" {
		return nil, missingArgument(opReadGroup, "id")
	}
	info := groupRequest(abstractions.GET, "/groups/{id}?$select={+select}", map[string]string{"id": id, "select": selectedOfGroup(sel)})
	return c.readGroup(ctx, opReadGroup, sel, info, func(g directory.Group) bool { return strings.EqualFold(g.ID, id) }, options)
}

// GroupByUniqueName reads the group with a unique name, in any case.
//
// https://learn.microsoft.com/graph/api/group-get
//
// Faults: as GroupByID.
func (c *Client) GroupByUniqueName(ctx context.Context, uniqueName string, sel directory.Selection, options ...Option) (*directory.Group, error) {
	if uniqueName == "" {
		return nil, missingArgument(opReadGroupByName, "uniqueName")
	}
	info := groupRequest(abstractions.GET, "/groups(uniqueName='{name}')?$select={+select}",
		map[string]string{"name": quoted(uniqueName), "select": selectedOfGroup(sel)})
	return c.readGroup(ctx, opReadGroupByName, sel, info, func(g directory.Group) bool { return strings.EqualFold(g.UniqueName, uniqueName) }, options)
}

// GroupsByLink finds the groups whose link property is exactly link; none is no error, and no proof either, since filters may
// lag behind writes. More than one is for the caller to report.
//
// Faults: as ListUsers.
func (c *Client) GroupsByLink(ctx context.Context, link string, sel directory.Selection) ([]directory.Group, error) {
	if link == "" || sel.LinkProperty == "" {
		return nil, missingArgument(opFindGroups, LinkProperty)
	}
	var found []directory.Group
	err := follow(ctx, c, listing[directory.Group]{
		op: opFindGroups, decode: groupOf(sel), id: groupID,
		build: pages(func() *abstractions.RequestInformation {
			return groupRequest(abstractions.GET, "/groups?$select={+select}&$filter={filter}",
				map[string]string{"select": selectedOfGroup(sel), "filter": equals(sel.LinkProperty, link)})
		}),
	}, func(page []directory.Group) error {
		for _, g := range page {
			// Whether eq minds case is not documented.
			if g.Link == link {
				found = append(found, g)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// DeletedGroups reads the groups in the bin, like ListGroups. Whether the link is still readable there is not documented.
//
// https://learn.microsoft.com/graph/api/directory-deleteditems-list
//
// Faults: as ListUsers.
func (c *Client) DeletedGroups(ctx context.Context, sel directory.Selection, yield func([]directory.Group) error) error {
	return follow(ctx, c, listing[directory.Group]{
		op: opListBinGroups, decode: groupOf(sel), id: groupID,
		build: pages(func() *abstractions.RequestInformation {
			return groupRequest(abstractions.GET, "/directory/deletedItems/microsoft.graph.group?$select={+select}", map[string]string{"select": selectedOfGroup(sel)})
		}),
	}, yield)
}

// readGroup reads and decodes one group.
func (c *Client) readGroup(ctx context.Context, op operation, sel directory.Selection, info *abstractions.RequestInformation, asked func(directory.Group) bool, options []Option) (*directory.Group, error) {
	var g directory.Group
	err := c.call(ctx, op, func(ctx context.Context) error {
		body, err := c.raw(ctx, info)
		if err != nil {
			return err
		}
		var r row
		if err := json.Unmarshal(body, &r); err != nil {
			return err
		}
		g, err = groupOf(sel)(r)
		return err
	}, options...)
	if err != nil {
		return nil, err
	}
	if !asked(g) {
		return nil, fault.Wrap(op.name, fault.Internal, fault.UnexpectedAnswer, "", errors.New("another group than was asked for"))
	}
	return &g, nil
}

func groupID(g directory.Group) string { return g.ID }

// quoted is a text within quotes of a URL's key.
func quoted(s string) string { return strings.ReplaceAll(s, "'", "''") }

// selectedOfGroup is the $select of groups: what directory.Group has, with the link and the mark.
func selectedOfGroup(sel directory.Selection) string {
	names := []string{"id", "displayName", "description", "mailNickname", "uniqueName", "groupTypes", "securityEnabled", "mailEnabled",
		"isAssignableToRole", "isManagementRestricted", "onPremisesSyncEnabled", "assignedLicenses"}
	for _, n := range []string{sel.LinkProperty, sel.MarkProperty} {
		if n != "" {
			names = append(names, n)
		}
	}
	return strings.Join(names, ",")
}

// groupOf decodes rows of groups.
func groupOf(sel directory.Selection) func(row) (directory.Group, error) {
	return func(r row) (directory.Group, error) {
		g := directory.Group{
			ID: str(r["id"]), DisplayName: str(r["displayName"]), Description: str(r["description"]), MailNickname: str(r["mailNickname"]),
			UniqueName:           str(r["uniqueName"]),
			SecurityEnabled:      yes(r["securityEnabled"]),
			MailEnabled:          yes(r["mailEnabled"]),
			RoleAssignable:       yes(r["isAssignableToRole"]),
			ManagementRestricted: yes(r["isManagementRestricted"]),
			Synced:               yes(r["onPremisesSyncEnabled"]),
		}
		if g.ID == "" {
			return g, errors.New("a group without id")
		}
		if sel.LinkProperty != "" {
			g.Link = str(r[sel.LinkProperty])
		}
		if sel.MarkProperty != "" {
			g.Mark = str(r[sel.MarkProperty])
		}
		if raw := r["groupTypes"]; len(raw) > 0 {
			if err := json.Unmarshal(raw, &g.Types); err != nil {
				return g, err
			}
		}
		var licenses []wireLicense
		if err := several(r["assignedLicenses"], &licenses); err != nil {
			return g, err
		}
		for _, l := range licenses {
			g.AssignedLicenses = append(g.AssignedLicenses, strings.ToLower(str(l.SKU)))
		}
		if len(g.Types) == 0 {
			g.Types = nil
		}
		return g, nil
	}
}

func yes(raw json.RawMessage) bool { return string(raw) == "true" }
