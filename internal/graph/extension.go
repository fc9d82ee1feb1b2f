package graph

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/applications"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// Short names of the two directory extension properties. ExtensionName makes the full ones.
const (
	LinkProperty = "entraflowLink"
	MarkProperty = "entraflowMark"
)

// ExtensionName is the full name of a directory extension property of an application:
// extension_<application id without dashes>_<short name>.
func ExtensionName(clientID, short string) string {
	return "extension_" + strings.ReplaceAll(strings.ToLower(clientID), "-", "") + "_" + short
}

// ExtensionProperties lists the full names of the properties that are defined on our own application.
//
// Faults: PermissionDenied (Denied) without any Application permission, which says nothing about the properties;
// ApplicationUnknown (Denied) where the application lives in another tenant; otherwise as ListUsers.
func (c *Client) ExtensionProperties(ctx context.Context) ([]string, error) {
	var names []string
	link := c.extensionsURL()
	for {
		next := ""
		err := c.call(ctx, opExtensions, func(ctx context.Context) error {
			asItCame(ctx)
			answer, err := applications.NewItemExtensionPropertiesRequestBuilder(link, c.adapter).Get(ctx, nil)
			if err != nil {
				return err
			}
			if answer == nil || answer.GetValue() == nil {
				return errNoValue
			}
			for _, p := range answer.GetValue() {
				names = append(names, value(p.GetName()))
			}
			next = value(answer.GetOdataNextLink())
			return nil
		})
		switch {
		case err != nil:
			return nil, err
		case next == "":
			return names, nil
		case !c.sameOrigin(next):
			return nil, fault.New(opExtensions.name, fault.Refused, fault.ForeignNextLink, "")
		case next == link:
			return nil, fault.Wrap(opExtensions.name, fault.Internal, fault.UnexpectedAnswer, "", errors.New("a page leads to itself"))
		}
		link = next
	}
}

// RegisterExtensionProperty defines a property for one text of at most 256 characters, for users and groups (a definition
// cannot be changed later), on our own application, and returns its full name. One that exists already is success. The
// property is usable only some time later: see ProbeExtension. One write.
//
// https://learn.microsoft.com/graph/api/application-post-extensionproperty
//
// Faults: ExtensionDenied (Denied), ApplicationUnknown (Denied), WriteUncertain (Uncertain); otherwise those of the
// service.
func (c *Client) RegisterExtensionProperty(ctx context.Context, name string) (fullName string, err error) {
	if name == "" {
		return "", missingArgument(opRegister, "name")
	}
	definition := models.NewExtensionProperty()
	definition.SetName(&name)
	definition.SetDataType(ptr("String"))
	definition.SetIsMultiValued(ptr(false))
	definition.SetTargetObjects([]string{"User", "Group"})
	err = c.call(ctx, opRegister, func(ctx context.Context) error {
		answer, err := applications.NewItemExtensionPropertiesRequestBuilder(c.extensionsURL(), c.adapter).Post(ctx, definition, nil)
		if err != nil {
			return err
		}
		if answer == nil || answer.GetName() == nil || *answer.GetName() == "" {
			return errors.New("the answer to a registration has no name")
		}
		fullName = *answer.GetName()
		return nil
	})
	var answer *Answer
	if errors.As(err, &answer) && answer.Row == rowExtensionExists {
		return ExtensionName(c.config.ClientID, name), nil
	}
	return fullName, err
}

// ProbeExtension tells whether the selection's link and mark can be used by now: it filters by the one and selects both. One
// success is no promise that every server of the tenant knows them. After a refusal it lists the definitions, to tell
// those that are too new from those that do not exist.
//
// Faults: ExtensionNotReady (NotReady) when both are registered, ExtensionMissing (Denied) when one is not or when
// the definitions cannot be listed; otherwise as ListUsers.
func (c *Client) ProbeExtension(ctx context.Context, sel directory.Selection) error {
	if sel.LinkProperty == "" || sel.MarkProperty == "" {
		return missingArgument(opProbe, LinkProperty)
	}
	cfg := &users.UsersRequestBuilderGetRequestConfiguration{QueryParameters: &users.UsersRequestBuilderGetQueryParameters{
		Filter: ptr(equals(sel.LinkProperty, "entraflow/probe")),
		Select: []string{"id", sel.LinkProperty, sel.MarkProperty},
		Top:    ptr(int32(1)),
	}}
	err := c.call(ctx, opProbe, func(ctx context.Context) error {
		answer, err := c.users().Get(ctx, cfg)
		if err == nil && (answer == nil || answer.GetValue() == nil) {
			return errNoValue
		}
		return err
	})
	if !fault.Is(err, fault.ExtensionNotReady) {
		return err
	}
	registered, listErr := c.ExtensionProperties(ctx)
	if listErr != nil {
		if fault.KindOf(listErr).Retryable() {
			return listErr
		}
		return fault.Wrap(opProbe.name, fault.Denied, fault.ExtensionMissing, "", err)
	}
	for _, full := range []string{sel.LinkProperty, sel.MarkProperty} {
		if !slices.ContainsFunc(registered, func(n string) bool { return strings.EqualFold(n, full) }) {
			return fault.Wrap(opProbe.name, fault.Denied, fault.ExtensionMissing, full, err)
		}
	}
	return err
}

// extensionsURL is the documented form with the application's own id, which needs no look-up of its object id. The SDK
// has no builder for it, so the builder of the other form gets the URL as it is.
func (c *Client) extensionsURL() string {
	return c.root + "/applications(appId='" + url.PathEscape(c.config.ClientID) + "')/extensionProperties"
}
