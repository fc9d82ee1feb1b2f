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
	var trail trail
	link := c.extensionsURL()
	for {
		next, before := "", len(names)
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
				if name := value(p.GetName()); !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
			next = value(answer.GetOdataNextLink())
			return nil
		})
		if err != nil {
			return nil, err
		}
		if next == "" {
			return names, nil
		}
		if err := c.follow(opExtensions, &trail, next, len(names) > before); err != nil {
			return nil, err
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

// ProbeExtension tells whether the selection's link and mark can be used by now: it filters by each of them, since a property
// that is only selected is silently left out where it has no definition. One success is no promise that every server of
// the tenant knows them. After a refusal it lists the definitions, to tell those that are too new from those that do not
// exist.
//
// Faults: ExtensionNotReady (NotReady) when both are registered; ExtensionMissing (Denied) when one is not, which is the
// subject, or without a subject when the definitions cannot be listed; otherwise as ListUsers.
func (c *Client) ProbeExtension(ctx context.Context, sel directory.Selection) error {
	if sel.LinkProperty == "" || sel.MarkProperty == "" {
		return missingArgument(opProbe, LinkProperty)
	}
	return c.probeBoth(ctx, sel, c.probe)
}

// probeBoth probes link and mark, and looks at the definitions where one is refused.
func (c *Client) probeBoth(ctx context.Context, sel directory.Selection, probe func(ctx context.Context, property string) error) error {
	err := probe(ctx, sel.LinkProperty)
	if err == nil {
		err = probe(ctx, sel.MarkProperty)
	}
	if !fault.Is(err, fault.ExtensionNotReady) {
		return err
	}
	return c.defined(ctx, opProbe, err, sel.LinkProperty, sel.MarkProperty)
}

// defined is what it means that properties are refused: refused itself while they are defined, or that they are not.
func (c *Client) defined(ctx context.Context, op operation, refused error, properties ...string) error {
	registered, err := c.ExtensionProperties(ctx)
	if err != nil {
		if fault.KindOf(err).Retryable() {
			return err
		}
		return fault.Wrap(op.name, fault.Denied, fault.ExtensionMissing, "", refused)
	}
	for _, full := range properties {
		if !slices.ContainsFunc(registered, func(n string) bool { return strings.EqualFold(n, full) }) {
			return fault.Wrap(op.name, fault.Denied, fault.ExtensionMissing, full, refused)
		}
	}
	return refused
}

// probe filters by a property, for a value that nobody has.
func (c *Client) probe(ctx context.Context, property string) error {
	cfg := &users.UsersRequestBuilderGetRequestConfiguration{QueryParameters: &users.UsersRequestBuilderGetQueryParameters{
		Filter: ptr(equals(property, "entraflow/probe")),
		Select: []string{"id"},
		Top:    ptr(int32(1)),
	}}
	return c.call(ctx, opProbe, func(ctx context.Context) error {
		answer, err := c.users().Get(ctx, cfg)
		if err == nil && (answer == nil || answer.GetValue() == nil) {
			return errNoValue
		}
		return err
	})
}

// extensionsURL is the documented form with the application's own id, which needs no look-up of its object id. The SDK
// has no builder for it, so the builder of the other form gets the URL as it is.
func (c *Client) extensionsURL() string {
	return c.root + "/applications(appId='" + url.PathEscape(c.config.ClientID) + "')/extensionProperties"
}
